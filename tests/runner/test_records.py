from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import ConfigDict

from runner import records
from runner.errors import ConfigError, EnvironmentFailed
from runner.verdict import Verdict
from tests.fakes.refusal import refused


@dataclass(frozen=True)
class Part:
    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    name: str
    count: int


@dataclass(frozen=True)
class Whole:
    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    verdict: Verdict
    parts: tuple[Part, ...]
    notes: dict[str, str]


WHOLE = Whole(Verdict.NOT_RUN, (Part("ü\n", 1), Part("", -2)), {"a": "b"})


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "record.json"
    records.write(path, WHOLE)
    assert records.read(Whole, path) == WHOLE
    assert path.read_text().endswith("}\n")


def test_no_record_is_none(tmp_path: Path) -> None:
    assert records.read(Whole, tmp_path / "none.json") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "JSON", id="empty"),
        pytest.param(records.to_json(WHOLE)[:-5], "JSON", id="cut off"),
        pytest.param(records.to_json(WHOLE).replace("notes", "note"), "note", id="key renamed"),
        pytest.param(records.to_json(WHOLE).replace("not run", "fine"), "verdict", id="unknown verdict"),
        pytest.param(records.to_json(WHOLE).replace('"count": 1', '"count": "x"'), "parts.0.count", id="not a number"),
        pytest.param("[]", "document", id="a list"),
    ],
)
def test_what_is_no_record(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "record.json"
    path.write_text(text)
    with refused(ConfigError, str(path), words, "run the stage again"):
        records.read(Whole, path)


def test_bytes_that_are_not_text(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(b"\xff\xfe{}")
    with refused(ConfigError, str(path)):
        records.read(Whole, path)


# Writing


def failing(monkeypatch: pytest.MonkeyPatch, where: object, name: str) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(where, name, fail)


@pytest.mark.parametrize(("where", "name"), [(os, "fdopen"), (Path, "replace")], ids=["writing", "renaming"])
def test_a_full_disk_keeps_the_old_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: object, name: str
) -> None:
    path = tmp_path / "record.json"
    records.write(path, WHOLE)
    with monkeypatch.context() as broken:
        failing(broken, where, name)
        with refused(EnvironmentFailed, str(path), "No space left", "free space"):
            records.write(path, Part("new", 1))
    assert records.read(Whole, path) == WHOLE
    assert list(tmp_path.iterdir()) == [path], "part of a record was left behind"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with refused(EnvironmentFailed, "cannot write"):
        records.write(tmp_path / "file" / "record.json", WHOLE)


# YAML

YAML = "verdict: pass\nparts:\n  - name: a\n    count: 1\n  - name: b\n    count: 2\nnotes: {}\n"


def test_yaml_is_read() -> None:
    assert records.parse_yaml(Whole, YAML, "x.yaml") == Whole(Verdict.PASS, (Part("a", 1), Part("b", 2)), {})


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        pytest.param(YAML.replace("count: 2", "count: two"), 6, "`parts.1.count`", id="in a list"),
        pytest.param(
            YAML.replace("    count: 2", "    count: 2\n    more: 1"), 7, "unknown key `parts.1.more`", id="unknown"
        ),
        pytest.param(YAML.replace("    count: 2\n", ""), 5, "missing key `parts.1.count`", id="missing"),
        pytest.param(YAML + "notes: {}\n", 8, "key `notes` given twice", id="twice"),
        pytest.param(YAML.replace("name: b", "name: b\n    name: c"), 6, "key `name` given twice", id="twice, deep"),
        pytest.param(YAML.replace("pass", "fine"), 1, "verdict", id="unknown verdict"),
        pytest.param(YAML + "\tx: 1\n", 8, "not valid YAML", id="tab"),
        pytest.param(YAML.replace("{}", "{"), 8, "not valid YAML", id="bracket left open"),
        pytest.param(YAML.replace("count: 2", "count: 2024-13-45"), 1, "month", id="no such day"),
        pytest.param(YAML.replace("name: b", "name: b\x1b"), 5, "character 0x1b", id="control character"),
        pytest.param("", 1, "document", id="empty"),
    ],
)
def test_an_error_in_yaml_has_its_line(text: str, line: int, words: str) -> None:
    with refused(ConfigError, f"x.yaml:{line}: ", words):
        records.parse_yaml(Whole, text, "x.yaml")


def test_a_misspelled_key_is_named() -> None:
    with refused(ConfigError, "x.yaml:6: ", "unknown key `parts.1.cuont`"):
        records.parse_yaml(Whole, YAML.replace("count: 2", "cuont: 2"), "x.yaml")


def test_a_misspelled_key_of_a_record_is_named() -> None:
    with refused(ConfigError, "x.json: unknown key `nmae`"):
        records.from_json(Part, '{"nmae": "a", "count": 1}', "x.json")


def test_the_line_of_a_key_found_wrong_later() -> None:
    assert records.line_of(YAML, "parts", 1, "count") == 6
    assert records.line_of(YAML, "parts", 1, "gone") == 5
    assert records.line_of(YAML, "gone") == 1
