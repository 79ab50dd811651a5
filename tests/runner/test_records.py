from __future__ import annotations

import contextlib
import errno
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict

from runner import owner, records, yaml_files
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
    records.write_record(path, WHOLE)
    assert records.read_record(Whole, path) == WHOLE
    assert path.read_text().endswith("}\n")


def test_no_record_is_none(tmp_path: Path) -> None:
    assert records.read_record(Whole, tmp_path / "none.json") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "JSON", id="empty"),
        pytest.param(records.to_json(WHOLE)[:-5], "JSON", id="cut off"),
        pytest.param(records.to_json(WHOLE).replace("notes", "note"), "note", id="key renamed"),
        pytest.param(
            records.to_json(WHOLE).replace("not run", "fine"), "verdict", id="unknown verdict"
        ),
        pytest.param(
            records.to_json(WHOLE).replace('"count": 1', '"count": "x"'),
            "parts.0.count",
            id="not a number",
        ),
        pytest.param(
            records.to_json(WHOLE).replace('"count": 1', '"count": "1"'), "parts.0.count", id="text"
        ),
        pytest.param(
            records.to_json(WHOLE).replace('"count": 1', '"count": true'),
            "parts.0.count",
            id="true",
        ),
        pytest.param("[]", "document", id="a list"),
    ],
)
def test_what_is_no_record(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "record.json"
    path.write_text(text)
    with refused(ConfigError, str(path), words, "run the stage again"):
        records.read_record(Whole, path)


@pytest.mark.parametrize("text", ['"NaN"', '"inf"', '"1"', "true"])
def test_text_is_no_number_of_a_record(text: str) -> None:
    with refused(ConfigError, "a.json: `document`", "run the stage again"):
        records.from_json(float, text, "a.json")
    assert records.from_json(float, "1", "a.json") == 1.0


@pytest.mark.parametrize(
    "text", ["1" + "0" * 400, str(1 << 63), str(-(1 << 64)), "1e308", "-1e101"]
)
def test_a_number_that_cannot_be_added_or_shown(text: str) -> None:
    with refused(ConfigError, "a.json: `b.0`", "a smaller number"):
        records.from_json(dict[str, list[float]], f'{{"b": [{text}]}}', "a.json")
    with refused(ConfigError, "a.yaml:1", "a smaller number"):
        yaml_files.parse_yaml(
            dict[str, list[float]], f"b: [{text.replace('e', '.0e+')}]\n", "a.yaml"
        )


@pytest.mark.parametrize("text", ["nan", '"NaN"', '"inf"', ".inf"])
def test_a_number_of_a_file_that_people_write_is_finite(text: str) -> None:
    with refused(ConfigError, "a.yaml:2"):
        yaml_files.parse_yaml(dict[str, float], f"a: 1\nb: {text}\n", "a.yaml")


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES, errno.EIO, errno.ENOMEM])
def test_a_failure_of_the_machine_is_not_a_wrong_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def failing(*_: object) -> bytes:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(records, "read_own_file", failing)
    with refused(EnvironmentFailed, str(tmp_path / "a.yaml"), os.strerror(number)):
        records.read_text(tmp_path / "a.yaml")


def test_bytes_that_are_not_text(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(b"\xff\xfe{}")
    with refused(ConfigError, str(path)):
        records.read_record(Whole, path)


# Writing


def failing(monkeypatch: pytest.MonkeyPatch, where: object, name: str) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(where, name, fail)


@pytest.mark.parametrize(
    ("where", "name"), [(os, "fdopen"), (Path, "replace")], ids=["writing", "renaming"]
)
def test_a_full_disk_keeps_the_old_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: object, name: str
) -> None:
    path = tmp_path / "record.json"
    records.write_record(path, WHOLE)
    with monkeypatch.context() as broken:
        failing(broken, where, name)
        with refused(EnvironmentFailed, str(path), "No space left", "free space"):
            records.write_record(path, Part("new", 1))
    assert records.read_record(Whole, path) == WHOLE
    assert list(tmp_path.iterdir()) == [path], "part of a record was left behind"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with refused(EnvironmentFailed, "cannot write"):
        records.write_record(tmp_path / "file" / "record.json", WHOLE)


# YAML

YAML = "verdict: pass\nparts:\n  - name: a\n    count: 1\n  - name: b\n    count: 2\nnotes: {}\n"


def test_yaml_is_read() -> None:
    assert yaml_files.parse_yaml(Whole, YAML, "x.yaml") == Whole(
        Verdict.PASS, (Part("a", 1), Part("b", 2)), {}
    )


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        pytest.param(YAML.replace("count: 2", "count: two"), 6, "`parts.1.count`", id="in a list"),
        pytest.param(
            YAML.replace("    count: 2", "    count: 2\n    more: 1"),
            7,
            "unknown key `parts.1.more`",
            id="unknown",
        ),
        pytest.param(
            YAML.replace("    count: 2\n", ""), 5, "missing key `parts.1.count`", id="missing"
        ),
        pytest.param(YAML + "notes: {}\n", 8, "key `notes` given twice", id="twice"),
        pytest.param(
            YAML.replace("name: b", "name: b\n    name: c"),
            6,
            "key `name` given twice",
            id="twice, deep",
        ),
        pytest.param(YAML.replace("pass", "fine"), 1, "verdict", id="unknown verdict"),
        pytest.param(YAML + "\tx: 1\n", 8, "not valid YAML", id="tab"),
        pytest.param(YAML.replace("{}", "{"), 8, "not valid YAML", id="bracket left open"),
        pytest.param(YAML.replace("count: 2", "count: 2024-13-45"), 1, "month", id="no such day"),
        pytest.param(
            YAML.replace("name: b", "name: b\x1b"), 5, "character 0x1b", id="control character"
        ),
        pytest.param(
            "#" + "é" * 100 + "\n\n" + YAML.replace("name: b", "name: b\x1b"),
            7,
            "character 0x1b",
            id="control character after letters of two bytes",
        ),
        pytest.param("", 1, "document", id="empty"),
    ],
)
def test_an_error_in_yaml_has_its_line(text: str, line: int, words: str) -> None:
    with refused(ConfigError, f"x.yaml:{line}: ", words):
        yaml_files.parse_yaml(Whole, text, "x.yaml")


BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + at)}: &{chr(98 + at)} [*{chr(97 + at)}, *{chr(97 + at)}]\n" for at in range(20)
)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        pytest.param(BOMB, 1, "anchors and aliases", id="billion laughs"),
        pytest.param("notes: &n {a: *n}\n", 1, "anchors and aliases", id="holds itself"),
        pytest.param(
            "verdict: pass\nparts: *gone\n", 2, "anchors and aliases", id="alias of nothing"
        ),
        pytest.param("verdict: pass\nparts: " + "[" * 200_000, 2, "nested deeper", id="brackets"),
        pytest.param("a: " + "{a: " * 50, 1, "nested deeper", id="braces"),
        pytest.param(
            "".join(f"{' ' * at}a:\n" for at in range(900)), 17, "nested deeper", id="indented"
        ),
        pytest.param(
            "verdict: pass\nparts: [" + "1," * 30_000 + "]\n",
            2,
            "more than 20,000",
            id="many values",
        ),
        pytest.param(
            "verdict: pass\nnotes: " + "1:" * 20_000 + "1\n",
            2,
            "10,000 characters",
            id="long number",
        ),
        pytest.param(
            "verdict: !!python/object/apply:os.system ['true']\n",
            1,
            "tags",
            id="a tag that runs code",
        ),
        pytest.param("verdict: !x pass\n", 1, "tags", id="a tag"),
        pytest.param("verdict: pass\n<<: {a: b}\n", 2, "merge keys", id="merge"),
        pytest.param("verdict: pass\n2.6: x\n", 2, "in quotes", id="a number as key"),
        pytest.param("verdict: pass\non: x\n", 2, "in quotes", id="a word that is true as key"),
        pytest.param("? [a, b]\n: x\n", 1, "in quotes", id="a list as key"),
        pytest.param("? {a: b}\n: x\n", 1, "in quotes", id="a map as key"),
        pytest.param("=: x\n", 1, "in quotes", id="the default key"),
        pytest.param(
            "verdict: pass\n---\nverdict: pass\n", 2, "not valid YAML", id="two documents"
        ),
        pytest.param("a: .nan\n", 1, "finite", id="not a number"),
        pytest.param("a:\n  - b: -.inf\n", 2, "finite", id="infinite"),
        pytest.param("a: 1.0e+999\n", 1, "finite", id="too large a number"),
        pytest.param("a: " + "9" * 5000 + "\n", 1, "", id="too many digits"),
        pytest.param("a: 1" + ":0" * 300 + ".5\n", 1, "too large", id="a number to the base 60"),
        pytest.param(
            "".join(f"%TAG !a{at}! tag:x,2000:\n" for at in range(30_000)) + "---\na: 1\n",
            1,
            "directives",
            id="directives",
        ),
    ],
)
def test_hostile_yaml_is_refused_at_once(text: str, line: int, words: str) -> None:
    started = time.monotonic()
    with refused(ConfigError, f"x.yaml:{line}: ", words):
        yaml_files.parse_yaml(Whole, text, "x.yaml")
    assert time.monotonic() - started < 5


@given(
    st.text(
        alphabet=st.sampled_from("ab: -\n[]{},&*!|>'\"#%@`?.~0123456789\t\x00\u2028"), max_size=60
    )
    | st.text()
)
def test_every_text_is_a_record_or_refused(text: str) -> None:
    for kind in (Whole, dict[str, Part], tuple[str, ...]):
        with contextlib.suppress(ConfigError):
            yaml_files.parse_yaml(kind, text, "x.yaml")
        with contextlib.suppress(ConfigError):
            records.from_json(kind, text.encode("utf-8", "surrogatepass"), "x.json")


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON_LIKE)
def test_every_value_is_a_record_or_refused(value: object) -> None:
    text = json.dumps(value)
    for kind in (Whole, dict[str, Part], tuple[str, ...]):
        with contextlib.suppress(ConfigError):
            records.from_json(kind, text, "x.json")
        with contextlib.suppress(ConfigError):
            yaml_files.parse_yaml(kind, text, "x.yaml")


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"a":' * 100_000, "1e999", "NaN", '{"a": 1, "a": 2}', "9" * 5000, "\ud800"],
)
def test_hostile_json_is_refused(text: str) -> None:
    with refused(ConfigError, "x.json", "run the stage again"):
        records.from_json(dict[str, float], text.encode("utf-8", "surrogatepass"), "x.json")


def test_only_a_regular_file_of_bounded_size_is_a_record(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    os.mkfifo(path)
    with refused(ConfigError, str(path), "named pipe"):
        records.read_record(Whole, path)
    path.unlink()
    with path.open("wb") as file:
        file.truncate(200 << 30)
    with refused(ConfigError, str(path), "bytes"):
        records.read_record(Whole, path)
    with refused(ConfigError, str(path), "bytes"):
        yaml_files.load_yaml(Whole, path)
    path.unlink()
    path.symlink_to(path)
    with refused(EnvironmentFailed, str(path)):
        records.read_record(Whole, path)
    with refused(ConfigError, str(path)):
        yaml_files.load_yaml(Whole, path)


def test_a_record_may_lie_behind_a_link(tmp_path: Path) -> None:
    records.write_record(tmp_path / "there.json", WHOLE)
    (tmp_path / "here.json").symlink_to(tmp_path / "there.json")
    assert records.read_record(Whole, tmp_path / "here.json") == WHOLE


def test_a_misspelled_key_is_named() -> None:
    with refused(ConfigError, "x.yaml:6: ", "unknown key `parts.1.cuont`"):
        yaml_files.parse_yaml(Whole, YAML.replace("count: 2", "cuont: 2"), "x.yaml")


def test_a_misspelled_key_of_a_record_is_named() -> None:
    with refused(ConfigError, "x.json: unknown key `nmae`"):
        records.from_json(Part, '{"nmae": "a", "count": 1}', "x.json")


def test_the_line_of_a_key_found_wrong_later() -> None:
    assert yaml_files.line_of(YAML, "parts", 1, "count") == 6
    assert yaml_files.line_of(YAML, "parts", 1, "gone") == 5
    assert yaml_files.line_of(YAML, "gone") == 1


def test_what_a_killed_run_wrote_of_a_record_is_removed_by_the_next_one(tmp_path: Path) -> None:
    ended = f"{owner.current_owner().rpartition('_')[0]}_0"
    left = tmp_path / f".a.json.{ended}.x1y2"
    others = (
        tmp_path / f".a.json.{owner.current_owner()}.x1y2",
        tmp_path / f".b.json.{ended}.x1y2",
        tmp_path / ".a.json.swp",
        tmp_path / ".a.json.mine.x1y2",
    )
    for each in (left, *others):
        each.write_text("half")
    records.write_text(tmp_path / "a.json", "whole")
    assert {*tmp_path.iterdir()} == {tmp_path / "a.json", *others}
