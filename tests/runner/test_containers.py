"""What an image is configured to be decides nothing about other containers, and fills no disk."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runner import containers
from runner.containers import (
    ImageCannotStart,
    full_disk,
    new_name,
    of_purpose,
    volumes_in_memory,
    volumes_read_only,
)


class Engine:
    """Lists containers as an engine does: its filter takes a part of the name."""

    def __init__(self, *names: str) -> None:
        self.containers = self
        self._found = [SimpleNamespace(name=name) for name in names]

    def list(self, **_: Any) -> list[Any]:
        return self._found


def test_containers_are_told_by_their_names() -> None:
    ours, other = new_name("suite"), new_name("look")
    found = of_purpose(Engine(ours, other, f"a-{ours}", "pytorch-cuda-images", "x"), "suite")
    assert [each.name for each in found] == [ours]
    assert new_name("suite") != ours


@pytest.mark.parametrize(
    "path",
    ["/", "relative", "", "/harness", "/harness/out", "/harness/../harness/packages/evil", "//"],
)
def test_volumes_that_no_image_may_have(path: str) -> None:
    with pytest.raises(ImageCannotStart):
        volumes_in_memory({"Volumes": {path: {}}}, (), "/harness")
    with pytest.raises(ImageCannotStart):
        volumes_read_only({"Volumes": {path: {}}}, "/harness")


def test_an_image_may_not_have_any_number_of_volumes() -> None:
    config: dict[str, Any] = {
        "Volumes": {f"/v{number}": {} for number in range(containers.MOST_VOLUMES + 1)}
    }
    with pytest.raises(ImageCannotStart, match="declares 51 volumes"):
        volumes_in_memory(config, (), "/harness")
    with pytest.raises(ImageCannotStart, match="declares 51 volumes"):
        volumes_read_only(config, "/look")


def test_volumes_become_memory_or_read_only() -> None:
    config: dict[str, Any] = {"Volumes": {"/data": {}, "/cache/": {}}}
    assert [each["Target"] for each in volumes_in_memory(config, {"/cache"}, "/harness")] == [
        "/data"
    ]
    assert {each["Type"] for each in volumes_in_memory(config, (), "/harness")} == {"tmpfs"}
    assert {(each["Type"], each["ReadOnly"]) for each in volumes_read_only(config, "/look")} == {
        ("volume", True)
    }
    assert (
        volumes_in_memory({}, (), "/harness") == volumes_read_only({"Volumes": None}, "/look") == []
    )


def test_a_disk_that_is_nearly_full_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert full_disk([tmp_path, tmp_path / "nowhere"]) == ""
    monkeypatch.setattr(containers, "FREE_BYTES", 1 << 60)
    assert f"the disk of {tmp_path} has " in full_disk([tmp_path])
    monkeypatch.setattr(containers, "FREE_BYTES", 0)
    monkeypatch.setattr(containers, "FREE_INODES", 1 << 60)
    assert "more files" in full_disk([tmp_path])


@pytest.mark.parametrize(
    ("said", "is_so"),
    [
        ("Duplicate mount point: /harness/out", True),
        ("uids and gids must be in range 0-2147483647", True),
        ('exec: "python": executable file not found in $PATH: unknown', True),
        ('error mounting "/x" to rootfs at "/harness": mkdir', True),
        ("nvidia-container-cli: mount error: file creation failed", False),
        ("no space left on device", False),
        ("could not select device driver", False),
    ],
)
def test_whose_fault_a_refused_start_is(said: str, is_so: bool) -> None:
    assert containers.is_fault_of_the_image(Exception(said)) is is_so
