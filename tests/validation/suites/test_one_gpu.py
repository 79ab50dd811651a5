"""Ranks that share a GPU are told apart as the version of NCCL asks for."""

from __future__ import annotations

import pytest

from validation.suites.one_gpu import share_one_gpu


def test_each_rank_claims_to_be_a_host_of_its_own() -> None:
    hosts = {share_one_gpu(rank, (2, 28, 9))["NCCL_HOSTID"] for rank in range(4)}
    assert len(hosts) == 4


@pytest.mark.parametrize(
    ("nccl", "switched"), [((2, 21, 5), False), ((2, 29, 9), False), ((2, 30, 0), True)]
)
def test_nccl_has_a_switch_since_2_30(nccl: tuple[int, ...], switched: bool) -> None:
    assert ("NCCL_MULTI_RANK_GPU_ENABLE" in share_one_gpu(0, nccl)) is switched


def test_no_rank_needs_a_network() -> None:
    assert share_one_gpu(1, (2, 28, 9))["NCCL_SOCKET_IFNAME"] == "lo"
