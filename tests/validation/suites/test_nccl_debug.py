"""NCCL's debug file is parsed as NCCL 2.18 to 2.28 writes it."""

from __future__ import annotations

import pytest

from validation.suites.ddp.nccl_debug import (
    NcclConnection,
    count_per_transport,
    find_connection_problem,
    parse_connections,
)

LOCAL = ("P2P", "SHM")

START = """\
node:192:192 [0] NCCL INFO Bootstrap : Using lo:127.0.0.1<0>
node:192:192 [0] NCCL INFO NET/Plugin: No plugin found (libnccl-net.so)
node:192:192 [0] NCCL INFO cudaDriverVersion 12040
NCCL version 2.21.5+cuda12.4
node:192:356 [0] NCCL INFO NET/Socket : Using [0]lo:127.0.0.1<0>
node:192:356 [0] NCCL INFO Using network Socket
node:192:356 [0] NCCL INFO Channel 00/02 :    0   1
node:192:356 [0] NCCL INFO Channel 01/02 :    0   1
node:192:356 [0] NCCL INFO Trees [0] 1/-1/-1->0->-1 [1] 1/-1/-1->0->-1
"""
END = """\
node:192:356 [0] NCCL INFO Connected all rings
node:192:356 [0] NCCL INFO 2 coll channels, 0 collnet channels, 0 nvls channels, 2 p2p channels, 2 p2p channels per peer
node:192:356 [0] NCCL INFO ncclCommInitRank comm 0x55 rank 0 nranks 2 cudaDev 0 nvmlDev 0 busId 3000 - Init COMPLETE
"""  # noqa: E501 - one line of what another program reads
P2P = """\
node:192:356 [0] NCCL INFO Channel 00/0 : 0[0] -> 1[1] via P2P/CUMEM/read
node:192:356 [0] NCCL INFO Channel 01/0 : 0[0] -> 1[1] via P2P/CUMEM/read
node:193:357 [1] NCCL INFO Channel 00/0 : 1[1] -> 0[0] via P2P/CUMEM/read
node:193:357 [1] NCCL INFO Channel 01/0 : 1[1] -> 0[0] via P2P/CUMEM/read
"""
SHM = """\
node:192:356 [0] NCCL INFO Channel 00 : 0[0] -> 1[1] via SHM/direct/direct
node:193:357 [1] NCCL INFO Channel 00 : 1[c3000] -> 0[3000] via SHM/direct/direct comm 0x557519a97630 nRanks 02
"""  # noqa: E501 - one line of what another program reads
SOCKETS = """\
node:192:356 [0] NCCL INFO Channel 00/0 : 1[1] -> 0[0] [receive] via NET/Socket/0
node:192:356 [0] NCCL INFO Channel 00/0 : 0[0] -> 1[1] [send] via NET/Socket/0
node:193:357 [1] NCCL INFO Channel 00/0 : 0[0] -> 1[1] [receive] via NET/Socket/0
node:193:357 [1] NCCL INFO Channel 00/0 : 1[1] -> 0[0] [send] via NET/Socket/0
"""

OF_2_28 = """\
vm:1009:1009 [0] NCCL INFO NCCL version 2.28.9+cuda13.0
vm:1009:1009 [0] NCCL INFO NCCL_HOSTID set by environment to rank-1
vm:1009:1009 [0] NCCL INFO Channel 00/0 : 0[0] -> 1[0] [receive] via NET/Socket/0
vm:1009:1009 [0] NCCL INFO Channel 00/0 : 1[0] -> 0[0] [send] via NET/Socket/0
vm:1008:1008 [0] NCCL INFO Channel 00/0 : 1[0] -> 0[0] [receive] via NET/Socket/0
vm:1008:1008 [0] NCCL INFO Channel 00/0 : 0[0] -> 1[0] [send] via NET/Socket/0
"""
"""Of the file that NCCL 2.28.9 wrote for two ranks on one H200."""


def test_peer_to_peer() -> None:
    found = parse_connections(START + P2P + END)
    assert found[0] == NcclConnection(0, 0, 1, "P2P", "/CUMEM/read")
    assert count_per_transport(found) == {"P2P": 4}
    assert not find_connection_problem(found, 2, LOCAL)


def test_shared_memory_names_gpus_by_number_or_bus() -> None:
    found = parse_connections(START + SHM + END)
    assert found == (
        NcclConnection(0, 0, 1, "SHM", "/direct/direct"),
        NcclConnection(0, 1, 0, "SHM", "/direct/direct"),
    )
    assert not find_connection_problem(found, 2, LOCAL)


def test_sockets_are_counted_once_and_refused() -> None:
    found = parse_connections(START + SOCKETS + END)
    assert count_per_transport(found) == {"NET": 2}
    assert find_connection_problem(found, 2, LOCAL) == "rank 0 reaches rank 1 by NET/Socket/0"


def test_ranks_that_share_a_gpu_must_be_connected_by_the_network() -> None:
    for text in (SOCKETS, OF_2_28):
        assert not find_connection_problem(parse_connections(text), 2, ("NET",))
    found = find_connection_problem(parse_connections(P2P), 2, ("NET",))
    assert found == "rank 0 reaches rank 1 by P2P/CUMEM/read"


def test_one_slow_connection_among_fast_ones_is_refused() -> None:
    mixed = P2P + SOCKETS.replace("00/0", "02/0")
    assert count_per_transport(parse_connections(mixed)) == {"NET": 2, "P2P": 4}
    assert (
        find_connection_problem(parse_connections(mixed), 2, LOCAL)
        == "rank 0 reaches rank 1 by NET/Socket/0"
    )


@pytest.mark.parametrize("text", ["", START + END, P2P.replace("NCCL INFO", "NCCL WARN")])
def test_nothing_told_is_no_proof(text: str) -> None:
    assert (
        find_connection_problem(parse_connections(text), 2, LOCAL)
        == "NCCL told of no connection at all"
    )


def test_a_rank_that_only_sends() -> None:
    assert (
        find_connection_problem(parse_connections(P2P.splitlines()[0]), 2, LOCAL)
        == "ranks [0, 1] of 2 do not both send and receive"
    )


def test_a_rank_that_is_missing() -> None:
    assert (
        find_connection_problem(parse_connections(P2P), 4, LOCAL)
        == "ranks [2, 3] of 4 do not both send and receive"
    )


def test_a_path_with_a_space() -> None:
    (found,) = parse_connections(
        "a:1:2 [0] NCCL INFO Channel 03/0 : 2[2] -> 3[3] via P2P/direct pointer/read"
    )
    assert found == NcclConnection(3, 2, 3, "P2P", "/direct")
