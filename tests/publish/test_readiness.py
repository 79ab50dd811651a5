"""What a machine can prove for a channel is said before any work, from the machine alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from images.catalog import Version
from publish.evidence import keys
from publish.policy import channels
from publish.promotion import PromotionRequest
from publish.readiness import Readiness, ReleasePlans, examine_readiness
from runner.errors import ConfigError
from validation import floor
from validation.nvml import GpuAtRest, Inventory

MAJOR, PATCH = Version("2.6", 0), Version("2.6", 1)
APPROVED = PromotionRequest(approved=True)


def gpus(*models: tuple[str, tuple[int, int]]) -> Inventory:
    """A machine with these GPUs, as NVML lists them."""
    return Inventory(
        tuple(
            GpuAtRest(number, f"GPU-{number}", name, capability, 24 << 30)
            for number, (name, capability) in enumerate(models)
        ),
        "550.54",
    )


NONE = Inventory(problem="NVML lists no GPU")
L4 = gpus(("NVIDIA L4", (8, 9)))
TWO_H100 = gpus(*[("NVIDIA H100 80GB HBM3", (9, 0))] * 2)
UNKNOWN = gpus(("NVIDIA of the future", (99, 0)))


def ready(
    channel: str,
    machine: Inventory,
    version: Version | None = PATCH,
    request: PromotionRequest = APPROVED,
    database: str = "",
) -> Readiness:
    plans = ReleasePlans(version, request, database)
    return examine_readiness(channels.load(), channel, plans, machine)


@pytest.fixture(autouse=True)
def own_home(home: Path) -> Path:
    return home


def test_one_gpu_is_ready_for_production() -> None:
    found = ready("production", L4)
    assert (found.is_ready, found.can) == (True, ("one-gpu-gloo", "one-gpu-nccl"))
    assert found.describe_readiness()[:3] == (
        "production: 1 x NVIDIA L4; can prove one-gpu-gloo, one-gpu-nccl; nothing is missing",
        "  floor: provisional",
        "  database: the public one is downloaded (`--trivy-db FOLDER` names another)",
    )
    assert found.describe_readiness()[-1] == (
        "  not proven here, and this channel does not ask for it: multi-gpu, multi-node"
    )


def test_what_is_missing_is_named() -> None:
    strict = ready("production-multi-gpu", L4)
    assert strict.missing == ("level multi-gpu: NCCL between two or more GPUs of one machine",)
    first, missing, adds_up, *_ = strict.describe_readiness()
    assert first.endswith("; 1 thing is missing")
    assert missing == f"  missing: {strict.missing[0]}"
    assert adds_up.startswith("  another machine can prove it: ")
    assert ready("production-multi-gpu", TWO_H100).is_ready
    none = ready("production", NONE)
    first, *rest = none.describe_readiness()
    assert first == (
        "production: this machine has no GPU (NVML lists no GPU); can prove no level; 3 things are "
        "missing"
    )
    assert [each.startswith("  missing: ") for each in rest[:4]] == [True, True, True, False]
    assert none.missing[0].startswith("a GPU of a supported family")
    assert ready("production", UNKNOWN).missing[0].startswith("a GPU of a supported family")
    assert ready("candidate", NONE).is_ready


def test_a_kind_or_an_approval_that_is_missing() -> None:
    major = ready("production", L4, MAJOR, PromotionRequest())
    assert major.missing == ("approval: a major release needs `--approve`",)
    assert ready("production", L4, MAJOR).is_ready
    assert ready("monthly", L4, MAJOR).missing == (
        "kind: monthly takes patch releases; this one is major",
    )
    assert ready("production", L4, None, PromotionRequest()).is_ready


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    found = ready("production", L4, database=str(tmp_path))
    assert found.missing == (f"database: {tmp_path} has no trivy.db and no metadata.json",)
    for name in ("trivy.db", "metadata.json"):
        (tmp_path / name).write_text("{}")
    assert ready("production", L4, database=str(tmp_path)).is_ready
    assert ready("production", L4, database="registry.example/trivy-db:2").is_ready


def test_a_key_that_cannot_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keys.SIGNING_KEY, str(tmp_path / "gone.key"))
    assert ready("production", L4).missing[0].startswith("key: ")
    ours, others = keys.generate_pair(tmp_path, "ours"), keys.generate_pair(tmp_path, "others")
    monkeypatch.setenv(keys.SIGNING_KEY, str(ours[0]))
    monkeypatch.setenv(keys.TRUSTED_KEYS, str(others[1]))
    assert "is not one of the trusted keys" in ready("production", L4).missing[0]
    monkeypatch.setenv(keys.TRUSTED_KEYS, str(ours[1]))
    assert ready("production", L4).is_ready
    monkeypatch.delenv(keys.SIGNING_KEY)
    assert "is not set: set it to the private key" in ready("production", L4).missing[0]


def test_a_floor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floor, "FOLDER", tmp_path)
    (tmp_path / "2.6").mkdir()
    (tmp_path / "2.6" / "nvidia-l4.yaml").write_text("")
    assert "floor: measured" in ready("production", L4).notes
    assert "floor: measured" in ready("production", L4, None).notes
    assert "floor: provisional" in ready("production", TWO_H100).notes
    mixed = gpus(("NVIDIA L4", (8, 9)), ("NVIDIA A10", (8, 6)))
    assert "several GPU models" in ready("production", mixed).missing[0]


def test_an_unknown_channel() -> None:
    with pytest.raises(ConfigError, match="unknown channel `prod`"):
        ready("prod", L4)
