"""Making a pair of keys: where it is asked for, whole, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from publish.evidence import keys
from runner.errors import ConfigError
from tests.fakes.refusal import refused


def test_a_pair_is_written(tmp_path: Path) -> None:
    private, public = keys.generate(tmp_path / "new", "release")
    assert [path.name for path in sorted((tmp_path / "new").iterdir())] == ["release.key", "release.pub"]
    assert (private.stat().st_mode & 0o777, public.stat().st_mode & 0o777) == (0o600, 0o644)


@pytest.mark.parametrize(
    "name",
    ["../../x", "a/b", "/etc/x", "", ".", "..", ".hidden", "-x", "a b", "a\nb", "\x1b[31m", "x" * 65, "n\u00e4me"],
)
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    with refused(ConfigError, "is not the name of a key"):
        keys.generate(tmp_path / "inside", name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with refused(ConfigError, "is a file, not a folder"):
        keys.generate(tmp_path / "file", "release")


@pytest.mark.parametrize("there", ["release.key", "release.pub"])
def test_no_half_of_a_pair_is_written(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("as it was")
    with refused(ConfigError, "is there already", "another name"):
        keys.generate(tmp_path, "release")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["as it was"]


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "release.pub").symlink_to(tmp_path / "elsewhere")
    with refused(ConfigError, "is there already"):
        keys.generate(tmp_path, "release")
    assert not (tmp_path / "elsewhere").exists()
