"""The plan: what will be built and why, known without engine or network."""

from __future__ import annotations

import dataclasses
import json
import shutil
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from images import catalog, layers, plan
from images.catalog import IMAGES, Catalog
from images.layers import LayerSpec
from images.plan import Plan, PlannedImage
from images.record import BuildRecord, BuiltLayer
from runner import records
from runner.errors import ConfigError
from tests.fakes.refusal import refused

ALL = ("base", "cv", "nlp", "rl")
Make = Callable[..., Plan]


@pytest.fixture(scope="module")
def shipped() -> Catalog:
    return catalog.load()


@pytest.fixture
def make(shipped: Catalog, tmp_path: Path) -> Make:
    """Plan a version, with its records under this test's own folder."""

    def made(version: str = "v2.6.0", names: Sequence[str] = ALL, of: Catalog = shipped, root: Path = IMAGES) -> Plan:
        return plan.make(of, of.version(version), names, tmp_path, root)

    return made


def keep(out: Path, version: str, planned: PlannedImage) -> None:
    """Write the record of an image as the build stage would, every layer of 7 bytes."""
    record = BuildRecord(
        version=version,
        image=planned.image,
        stacks=planned.stacks,
        repository="r",
        digest="sha256:0",
        media_type="m",
        content_key=planned.content_key,
        layers=tuple(_built(spec) for spec in planned.layers),
        torch="2.6.0",
        cuda="12.4",
        python="3.11",
        base_source="s",
        debian_packages=(),
        created_at="2026-11-01T00:00:00+00:00",
        seconds=1.0,
    )
    records.write(plan.record_path(out, version, planned.image, "build"), record)


def _built(spec: LayerSpec) -> BuiltLayer:
    return BuiltLayer(spec.name, spec.kind, spec.stack, spec.key, "sha256:0", "sha256:1", 7, "built", 1.0)


def why(made: Plan) -> dict[str, str]:
    return {planned.image: planned.why for planned in made.images}


# Pure and fast


def test_a_plan_needs_no_network_and_no_engine(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the plan opened a socket")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(AssertionError, match="opened a socket"):
        socket.create_connection(("127.0.0.1", 1))
    assert len(make().images) == 4


def test_a_plan_takes_under_a_second(tmp_path: Path) -> None:
    started = time.monotonic()
    loaded = catalog.load()
    plan.make(loaded, loaded.version("v2.6.0"), ALL, tmp_path)
    assert time.monotonic() - started < 1


def test_a_plan_writes_nothing(make: Make, tmp_path: Path) -> None:
    make()
    assert not list(tmp_path.rglob("*"))


def test_the_same_inputs_are_the_same_plan(make: Make) -> None:
    assert make() == make()


# Why


def test_what_was_never_built_is_new(make: Make) -> None:
    assert set(why(make()).values()) == {"new"}


def test_what_was_built_from_the_same_is_unchanged(make: Make, tmp_path: Path) -> None:
    for planned in make().images:
        keep(tmp_path, "v2.6.0", planned)
    assert set(why(make()).values()) == {"unchanged"}


def test_a_changed_lock_changes_the_images_that_have_it(make: Make, tmp_path: Path) -> None:
    for planned in make(names=(*ALL, "cv-nlp")).images:
        keep(tmp_path, "v2.6.0", planned)
    locks = tmp_path / "locks"
    for stack in ALL:
        (locks / stack).mkdir(parents=True)
        shutil.copy(IMAGES / stack / "2.6.lock", locks / stack)
    text = (locks / "cv" / "2.6.lock").read_text().splitlines()
    (locks / "cv" / "2.6.lock").write_text("\n".join(text[:-1]) + "\n")
    assert why(make(names=(*ALL, "cv-nlp"), root=locks)) == {
        "base": "unchanged",
        "cv": "changed: requirements of cv",
        "nlp": "unchanged",
        "rl": "unchanged",
        "cv-nlp": "changed: requirements of cv",
    }


def test_a_changed_line_changes_everything(make: Make, tmp_path: Path, shipped: Catalog) -> None:
    for planned in make().images:
        keep(tmp_path, "v2.6.0", planned)
    line = dataclasses.replace(shipped.lines["2.6"], driver_floor="999")
    changed = dataclasses.replace(shipped, lines={"2.6": line})
    assert set(why(make(of=changed)).values()) == {"changed: catalogue"}


def test_a_changed_title_changes_its_image(make: Make, tmp_path: Path, shipped: Catalog) -> None:
    for planned in make().images:
        keep(tmp_path, "v2.6.0", planned)
    cv = dataclasses.replace(shipped.stacks["cv"], title="other")
    changed = dataclasses.replace(shipped, stacks={**shipped.stacks, "cv": cv})
    assert why(make(of=changed))["cv"] == "changed: catalogue"


def test_the_next_release_says_what_it_comes_after(make: Make, tmp_path: Path) -> None:
    for planned in make().images:
        keep(tmp_path, "v2.6.0", planned)
    assert set(why(make("v2.6.2")).values()) == {"changed: release after v2.6.0"}


def test_the_next_release_takes_only_an_operating_system_anew(make: Make) -> None:
    before, after = ({spec.key: spec.kind for spec in make(v).images[1].layers} for v in ("v2.6.0", "v2.6.1"))
    assert [kind for key, kind in after.items() if key not in before] == [layers.OS]


def test_a_record_that_was_damaged_is_named(make: Make, tmp_path: Path) -> None:
    path = plan.record_path(tmp_path, "v2.6.0", "cv", "build")
    path.parent.mkdir(parents=True)
    path.write_text('{"version": "v2.6.0"')
    with refused(ConfigError, str(path), "delete the file"):
        make()


# What


def test_images_share_the_layers_of_base(make: Make) -> None:
    base, *others = ({spec.key for spec in planned.layers} for planned in make().images)
    assert all(base < other for other in others)


def test_a_combined_image(make: Make) -> None:
    (planned,) = make(names=["cv-nlp"]).images
    assert planned.stacks == ("base", "cv", "nlp")
    assert planned.tag == "v2.6.0-cv-nlp"
    assert {spec.stack for spec in planned.layers} == {"base", "cv", "nlp"}


def test_the_base_image_carries_the_bare_tag(make: Make) -> None:
    assert [planned.tag for planned in make().images] == ["v2.6.0", "v2.6.0-cv", "v2.6.0-nlp", "v2.6.0-rl"]


def test_no_layer_twice_and_one_operating_system(make: Make) -> None:
    for planned in make(names=(*ALL, "cv-nlp-rl")).images:
        keys = [spec.key for spec in planned.layers]
        assert len(keys) == len(set(keys))
        assert [spec.kind for spec in planned.layers].count(layers.OS) == 1


def test_sizes_are_estimated_from_wheels_and_known_afterwards(make: Make, tmp_path: Path) -> None:
    (new,) = make(names=["base"]).images
    assert new.estimated_size == sum(spec.wheel_bytes for spec in new.layers if spec.kind != layers.BYTECODE)
    keep(tmp_path, "v2.6.0", new)
    assert make(names=["base"]).images[0].estimated_size == 7 * len(new.layers)


def test_the_github_matrix(make: Make) -> None:
    matrix = json.loads(json.dumps(make(names=["base", "cv-nlp"]).github_matrix()))
    assert matrix == {"include": [{"version": "v2.6.0", "image": "base"}, {"version": "v2.6.0", "image": "cv-nlp"}]}


def test_an_image_that_is_not_in_the_catalogue(make: Make) -> None:
    with refused(ConfigError, "unknown image `tv`"):
        make(names=["tv"])
