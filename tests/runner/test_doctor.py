"""What this machine can do: every lack is a finding of its own, told with the way out, and stops no
other look.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from commands import prepare
from commands.parser import parse
from commands.readiness import describe_lack_of_gpu
from runner import doctor, embedded, engine, start_check
from runner.doctor import MachineFinding
from runner.errors import EnvironmentFailed, ReleaseError
from scan import trivy


@pytest.fixture(autouse=True)
def healthy(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine, room on the disk, and no GPU."""
    monkeypatch.setattr(engine, "describe_engine", lambda: "Docker 20.10")
    monkeypatch.setattr(engine, "is_answering", lambda: False)
    monkeypatch.setattr(start_check, "require_own_machine", lambda: None)
    monkeypatch.setattr(
        engine, "build_command", lambda: (("/bin/docker", "build"), {"DOCKER_BUILDKIT": "1"})
    )
    monkeypatch.setattr(doctor, "NEEDED_DISK_BYTES", 1)
    monkeypatch.setenv("PATH", "")


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a program of that name on PATH."""

    def put(body: str) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))

    return put


NO_GPU = "what follows"


def found(
    scanner: Callable[[], str] = lambda: "Trivy 1",
    registry: Callable[[], str] = lambda: "r.example",
) -> dict[str, MachineFinding]:
    return {finding.name: finding for finding in doctor.examine_machine(scanner, registry, NO_GPU)}


def failing(error: ReleaseError) -> Callable[..., str]:
    def fail(*_: object) -> str:
        raise error

    return fail


def test_a_machine_that_can_do_everything_but_gpus() -> None:
    assert [
        (finding.name, finding.ok) for finding in found().values() if finding.name != "gpu"
    ] == [
        ("engine", True),
        ("builder", True),
        ("registry", True),
        ("scanner", True),
        ("disk", True),
    ]
    details = [finding.detail for finding in found().values() if finding.required]
    assert details == ["Docker 20.10", "/bin/docker build", "r.example", "Trivy 1"]


LACK = EnvironmentFailed("it is not there", "fetch it")


@pytest.mark.parametrize("name", ["engine", "builder", "registry", "scanner"])
def test_a_lack_is_told_and_the_rest_is_looked_at(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = failing(LACK)
    if name in ("engine", "builder"):
        monkeypatch.setattr(
            engine, {"engine": "describe_engine", "builder": "build_command"}[name], lacking
        )
    findings = found(**({name: lacking} if name in ("registry", "scanner") else {}))
    assert findings[name] == MachineFinding(name, False, True, "it is not there -> fetch it")
    assert [other.name for other in findings.values() if other.required and not other.ok] == [name]
    assert len(findings) == 6


def test_no_gpu_is_told_with_what_follows_and_required_of_nobody() -> None:
    gpu = found()["gpu"]
    assert (gpu.ok, gpu.required) == (False, False)
    assert gpu.detail == f"no nvidia-smi: GPU checks will be `not run` on this machine; {NO_GPU}"


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ("", "production needs the signed test result of a machine that has one"),
        ("monthly", "monthly needs the signed test result of a machine that has one"),
        ("candidate", "no GPU is needed for candidate"),
    ],
)
def test_what_a_lack_of_gpus_means_is_said_of_the_channel(channel: str, said: str) -> None:
    """Another machine can prove what this one cannot, so a release need not stay a candidate."""
    assert describe_lack_of_gpu(channel) == said


def test_every_gpu_is_named(nvidia_smi: Callable[[str], None]) -> None:
    nvidia_smi(
        "[ \"$*\" = '--query-gpu=name --format=csv,noheader' ] && echo 'GPU A' && echo 'GPU B'"
    )
    assert found()["gpu"] == MachineFinding("gpu", True, False, "GPU A, GPU B")


def test_a_driver_that_does_not_answer_is_no_gpu(nvidia_smi: Callable[[str], None]) -> None:
    nvidia_smi("echo 'driver not loaded' >&2; exit 9")
    gpu = found()["gpu"]
    assert (gpu.ok, gpu.required) == (False, False)
    assert "exited 9: driver not loaded -> check the NVIDIA driver" in gpu.detail


def test_a_driver_that_hangs_is_no_gpu(
    nvidia_smi: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    nvidia_smi("while :; do :; done")
    monkeypatch.setattr(doctor, "DRIVER_TIMEOUT_S", 0.3)
    gpu = found()["gpu"]
    assert (gpu.ok, gpu.required) == (False, False)
    assert "did not finish in 0 s -> check the NVIDIA driver" in gpu.detail


def test_each_finding_is_shown_before_the_next_look(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[str] = []

    def look() -> str:
        shown.append(capsys.readouterr().out)
        return "Trivy 1"

    monkeypatch.setattr(trivy, "scanner_version", look)
    monkeypatch.setattr(doctor, "registry_in_use", failing(LACK))
    assert prepare.run_doctor(parse(["doctor"])) == EnvironmentFailed.exit_code
    assert "engine" in shown[0]
    assert "it is not there" in shown[0]


def test_room_on_the_disk(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enough = found()["disk"]
    assert enough.ok
    assert str(home) in enough.detail
    monkeypatch.setattr(doctor, "NEEDED_DISK_BYTES", 10**18)
    short = found()["disk"]
    assert (short.ok, short.required) == (False, False)
    assert short.detail.endswith("; 1000000000.00 GB are advised")


def test_a_home_that_cannot_be_made_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_HOME", str(tmp_path / "file"))
    assert not found()["disk"].ok


def test_which_registry_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_REGISTRY", "r.example:5000")
    assert doctor.registry_in_use(asked.append) == "r.example:5000 (configured)"
    monkeypatch.delenv("PYTORCH_CUDA_IMAGES_REGISTRY")
    monkeypatch.setattr(embedded, "is_answering", lambda _: True)
    assert doctor.registry_in_use(asked.append) == f"{embedded.HOST} (embedded)"
    assert asked == ["r.example:5000", embedded.HOST]


def test_a_registry_that_does_not_answer_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_REGISTRY", "127.0.0.1:9")
    ask = failing(EnvironmentFailed("nobody answers", "start it"))
    missing = found(registry=lambda: doctor.registry_in_use(lambda _: print(ask())))["registry"]
    assert (missing.ok, missing.detail) == (False, "nobody answers -> start it")
