"""What is outdated, by the real uv from a folder of wheels, and a real registry for the base."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import release
from images import resolve
from images.catalog import Catalog
from oci.manifest import OCI_MANIFEST, parse_manifest
from oci.registry import Registry
from publish import outdated
from publish.outdated import KindResolution, Outdated, find_outdated
from runner.errors import EnvironmentFailed
from tests.fakes.index import make_index, write_wheel
from tests.fakes.own_catalog import load_own_catalog
from tests.fakes.refusal import refused

LINE = "2.6"
FIRST = {
    "torch-2.6.0": ["sympy==1.13"],
    "torchvision-0.21.0": ["torch"],
    "torchaudio-2.6.0": ["torch"],
    "sympy-1.13": [],
    "numba-0.60.0": ["numpy<2.1"],
    "numpy-1.26.4": [],
    "small-1.0.0": [],
}
LATER = {
    "torch-2.6.1": [],
    "torch-2.7.0": [],
    "torch-2.8.0": [],
    "torch-2.9.0rc1": [],
    "sympy-1.14": [],
    "numpy-2.0.2": [],
    "numpy-2.3.5": [],
    "small-1.0.1": [],
    "small-1.1.0": ["brand-new"],
    "small-2.0.0": ["brand-new"],
    "small-3.0.0a1": [],
    "brand_new-1.0": [],
}
WANTED = {
    "base": "torch=={torch}\ntorchvision=={torchvision}\ntorchaudio=={torchaudio}\nnumba\n",
    "cv": "small\n",
    "nlp": "",
    "rl": "",
}


@pytest.fixture
def held(registry_host: str) -> Catalog:
    """The catalogue of the tests, with its base in a real registry."""
    own = load_own_catalog()
    digest = own.lines[LINE].base_image.partition("@")[2]
    line = replace(own.lines[LINE], base_image=f"{registry_host}/debian:12-slim@{digest}")
    return replace(own, lines={LINE: line})


@pytest.fixture
def found(
    home: Path, tmp_path: Path, held: Catalog, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Outdated]:
    """Lock the first wheels, and compare with the later ones."""
    folder = make_index(tmp_path, FIRST, monkeypatch)
    for stack, text in WANTED.items():
        (tmp_path / "images" / stack).mkdir(parents=True)
        (tmp_path / "images" / stack / "requirements.in").write_text(text)
    monkeypatch.setattr(resolve, "IMAGES", tmp_path / "images")
    resolve.write_locks(LINE, resolve.resolve_line(held, LINE))
    for name, needs in LATER.items():
        write_wheel(folder, name, needs)
    return lambda: find_outdated(held, [LINE])


def test_each_kind_may_take_its_own_and_the_holder_is_named(
    found: Callable[[], Outdated],
) -> None:
    line = found().lines[0]
    rows = {
        (stack.stack, each.name): (
            each.locked,
            each.patch,
            each.feature,
            each.major,
            each.newest,
            "; ".join(each.held_back_by),
            each.needs_line,
        )
        for stack in line.stacks
        for each in stack.packages
    }
    assert rows == {
        ("base", "numpy"): (
            "1.26.4",
            "1.26.4",
            "1.26.4",
            "2.0.2",
            "2.3.5",
            "numba 0.60.0 (numpy<2.1)",
            False,
        ),
        ("base", "sympy"): (
            "1.13",
            "1.13",
            "1.13",
            "1.13",
            "1.14",
            "torch 2.6.0 (sympy==1.13)",
            True,
        ),
        ("base", "torch"): (
            "2.6.0",
            "2.6.0",
            "2.6.0",
            "2.6.0",
            "2.8.0",
            "requirements.in (torch==2.6.0)",
            True,
        ),
        ("cv", "small"): ("1.0.0", "1.0.1", "1.1.0", "2.0.0", "2.0.0", "", False),
    }
    assert line.newest_torch == "2.6.1"
    assert line.kinds == (
        KindResolution("patch"),
        KindResolution("feature", ("brand-new",)),
        KindResolution("major", ("brand-new",)),
    )


def test_minor_versions_without_a_line_are_named(
    found: Callable[[], Outdated], held: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [(each.line, each.torch, each.state) for each in found().upstream] == [
        ("2.8", "2.8.0", "new"),
        ("2.7", "2.7.0", "new"),
        ("2.6", "2.6.1", "line"),
    ]
    newer = replace(held, lines={**held.lines, "2.8": held.lines[LINE]})
    assert [each.state for each in find_outdated(newer, []).upstream] == [
        "line",
        "left out",
        "line",
    ]


def test_the_base_is_compared_with_its_tag(
    found: Callable[[], Outdated], held: Catalog, registry_host: str
) -> None:
    base = outdated._compare_base(held.lines[LINE])
    assert (base.offered, base.problem) == ("", "the registry has no such tag any more")
    config = Registry(registry_host).push_bytes("debian", b"{}", "application/json")
    content = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": config.media_type, "digest": config.digest, "size": config.size},
        "layers": [],
    }
    manifest = parse_manifest(json.dumps(content).encode(), OCI_MANIFEST)
    Registry(registry_host).put_manifest("debian", "12-slim", manifest)
    base = found().lines[0].base
    assert base.offered.startswith("sha256:")
    assert base.offered != base.locked


def test_a_base_whose_registry_does_not_answer_is_said_and_stops_nothing(
    held: Catalog, free_port: Callable[[], int]
) -> None:
    image = f"127.0.0.1:{free_port()}/debian:12-slim@{'sha256:' + 'a' * 64}"
    base = outdated._compare_base(replace(held.lines[LINE], base_image=image))
    assert base.offered == ""
    assert base.problem


def test_a_locked_package_that_the_index_has_no_more_is_left_as_it_is(
    found: Callable[[], Outdated], tmp_path: Path
) -> None:
    for path in (tmp_path / "index").glob("small-*"):
        path.unlink()
    line = found().lines[0]
    assert all(each.name != "small" for stack in line.stacks for each in stack.packages)
    assert all("small" in kind.problem for kind in line.kinds)


def test_the_command_says_it_in_words_and_as_json(
    found: Callable[[], Outdated],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = found()
    monkeypatch.setattr(outdated, "find_outdated", lambda *_: made)
    assert release.main(["outdated", "--json", "--line", LINE]) == 0
    assert json.loads(capsys.readouterr().out)["lines"][0]["line"] == LINE
    assert release.main(["outdated"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "held numpy 1.26.4 -> 2.3.5, held back by numba 0.60.0 (numpy<2.1)" in shown
    assert "new line sympy 1.13 -> 1.14, held back by torch 2.6.0 (sympy==1.13)" in shown
    assert "patch small 1.0.0 -> 1.0.1 feature small 1.0.0 -> 1.1.0 major" in shown
    assert "torch 2.8.0 is out and has no line: `./release.py line new 2.8 --from 2.15`" in shown
    assert "a feature release: would add brand-new" in shown
    assert re.search(r"line 2\.6, \w+: not the newest: \d of its packages ", shown)
    assert "torch 2.6.1 is out; a feature release may take it" in shown


def test_an_index_that_cannot_be_reached_ends_with_3(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {
        "UV_NO_CONFIG": "1",
        "UV_HTTP_RETRIES": "0",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://u:hunter2@127.0.0.1:9/simple",
        "UV_CACHE_DIR": str(home / "cache"),
    }.items():
        monkeypatch.setenv(name, value)
    with refused(EnvironmentFailed, "the package index cannot be read"):
        find_outdated(load_own_catalog(), [LINE])
    for command in (["outdated"], ["line", "new", "2.99", "--from", "2.15"]):
        assert release.main(command) == 3
    assert "hunter2" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["outdated", "--line", "9.9"],
        ["outdated", "--line", "x"],
        ["line", "new", "2.6", "--from", "2.15"],
    ],
)
def test_a_line_that_is_not_there_or_there_already_ends_with_2(words: list[str]) -> None:
    assert release.main(words) == 2
