"""Installed packages are compared with the lock, and files are assigned to their packages."""

from __future__ import annotations

import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from validation.suites import installed
from validation.suites.installed import RecordedFile


@pytest.mark.parametrize(
    ("here", "says"),
    [
        ([("a", "1"), ("b", "2")], []),
        ([("a", "1")], ["b 2 is missing"]),
        (
            [("a", "1"), ("b", "2"), ("c", "3")],
            ["c 3 is installed where the lock has no such package"],
        ),
        ([("a", "1"), ("b", "3")], ["b 3 is installed where the lock has 2"]),
        ([("a", "1"), ("b", "2"), ("b", "3")], ["b 2 and 3 is installed where the lock has 2"]),
        ([("a", "1"), ("b", "2"), ("b", "2")], ["b 2 and 2 is installed where the lock has 2"]),
    ],
)
def test_differences_to_the_lock(here: list[tuple[str, str]], says: list[str]) -> None:
    assert installed.compare_packages(here, [("a", "1"), ("b", "2")]) == says


def test_own_packages_are_listed_with_their_files() -> None:
    own = dict(installed.list_packages())
    assert own["pytest"] == distribution("pytest").version
    files = [file for file in installed.recorded_files() if file.package == "pytest"]
    assert len(files) > 50
    assert not [file.disk_problem for file in files if file.disk_problem]


def test_packages_of_the_harness_are_not_the_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mounted-1.0.dist-info").mkdir()
    (tmp_path / "mounted-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: mounted\nVersion: 1.0\n"
    )
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    installed.own_distributions.cache_clear()
    assert "mounted" in dict(installed.list_packages())
    assert installed.packages_without_record() == ["mounted"]
    monkeypatch.setenv("VALIDATION_ROOT", str(tmp_path))
    installed.own_distributions.cache_clear()
    assert "mounted" not in dict(installed.list_packages())
    installed.own_distributions.cache_clear()


def test_a_recorded_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    path = str(tmp_path / "a")
    assert (
        RecordedFile("p", path, 5).disk_problem == RecordedFile("p", path, None).disk_problem == ""
    )
    assert RecordedFile("p", path, 6).disk_problem == f"{path} of p has 5 bytes of 6"
    assert (
        RecordedFile("p", f"{path}b", 6).disk_problem == f"{path}b of p: No such file or directory"
    )


def test_requirements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch-1.dist-info").mkdir()
    wants = (
        "nvidia-cudnn-cu12 (==9.1.0.70) ; x == 'y'",
        "triton==3.2.0; x",
        "filelock",
        "torch_x>=2",
    )
    lines = [
        "Metadata-Version: 2.1",
        "Name: torch",
        "Version: 1",
        *(f"Requires-Dist: {each}" for each in wants),
        "",
    ]
    (tmp_path / "torch-1.dist-info" / "METADATA").write_text("\n".join(lines))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    installed.own_distributions.cache_clear()
    assert installed.pinned_versions("torch") == {
        "nvidia-cudnn-cu12": "9.1.0.70",
        "triton": "3.2.0",
    }
    assert installed.find_dependents("filelock") == {"torch"}
    assert installed.find_dependents("torch") == set()
    installed.own_distributions.cache_clear()


def test_pins_through_extras_of_another_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As torch 2.11 pins CUDA's libraries."""
    wants = {
        "torch": ("cuda-toolkit[cublas,cudart]==13.0.2; x", "cuda-bindings<14,>=13.0.3"),
        "cuda_toolkit": (
            "nvidia-cublas==13.1.0.3.*; (s == 'linux') and extra == 'cublas'",
            "nvidia-cuda-runtime==13.0.96.*; extra == 'cudart'",
            "nvidia-curand==10.4.0.35.*; extra == 'curand'",
        ),
    }
    for name, requirements in wants.items():
        (tmp_path / f"{name}-1.dist-info").mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1"]
        lines += [f"Requires-Dist: {each}" for each in requirements]
        (tmp_path / f"{name}-1.dist-info" / "METADATA").write_text("\n".join([*lines, ""]))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    installed.own_distributions.cache_clear()
    assert installed.pinned_versions("torch") == {
        "cuda-toolkit": "13.0.2",
        "nvidia-cublas": "13.1.0.3",
        "nvidia-cuda-runtime": "13.0.96",
    }
    installed.own_distributions.cache_clear()


def test_a_command_that_cannot_be_run() -> None:
    assert (
        installed.describe_exit(installed.run_command("no-such-command"))
        == "exit 127, no-such-command: No such file or directory"
    )


def test_some() -> None:
    assert installed.format_some(["a", "b"]) == "a, b"
    assert installed.format_some("abcde") == "a, b, c and 2 more"


# What programs find around them


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        (None, 0, "is missing"),
        (f"#!{sys.executable}\n", 0o644, "is not executable"),
        ("#!/nowhere/python\n", 0o755, "begins with `#!/nowhere/python`"),
        ("print(1)\n", 0o755, "begins with `print(1)`"),
        (f"#!{sys.executable}\n", 0o755, ""),
    ],
)
def test_console_script(
    text: str | None, mode: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installed, "_BIN", tmp_path)
    if text is not None:
        (tmp_path / "torchrun").write_text(text, encoding="utf-8")
        (tmp_path / "torchrun").chmod(mode)
    found = installed.find_script_problem("torchrun")
    assert found.endswith(says)
    assert bool(found) is bool(says)
