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

from images import assembly, catalog, layer_lock, layers, locks, plan
from images.catalog import IMAGES, Catalog
from images.layer_lock import LockedLayer
from images.layers import LayerSpec
from images.plan import PlannedImage, ReleasePlan
from images.record import BuildRecord, BuiltLayer
from oci.tarball import Blob
from runner import records
from runner.errors import ConfigError
from tests.fakes.own_catalog import load_own_catalog
from tests.fakes.refusal import refused

ALL = ("base", "cv", "nlp", "rl")
Make = Callable[..., ReleasePlan]


@pytest.fixture
def make(shipped: Catalog, tmp_path: Path) -> Make:
    """Plan a version, with its records under this test's own folder."""

    def made(
        version: str = "v2.6.0",
        names: Sequence[str] = ALL,
        of: Catalog = shipped,
        root: Path = IMAGES,
    ) -> ReleasePlan:
        return plan.make_plan(of, of.require_version(version), names, tmp_path, root)

    return made


def keep(out: Path, version: str, planned: PlannedImage) -> None:
    """Write the record of an image as the build stage would, its OS layer of 7 bytes."""
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
    records.write_record(plan.record_path(out, version, planned.image, "build"), record)


def _built(spec: LayerSpec) -> BuiltLayer:
    digest = spec.locked.digest if spec.locked else "sha256:0"
    return BuiltLayer(
        spec.name, spec.kind, spec.stack, spec.key, digest, "sha256:1", 7, "built", 1.0
    )


def copy_locks(root: Path) -> None:
    """The shipped locks, to be changed."""
    for stack in ALL:
        (root / stack).mkdir(parents=True)
        for name in ("2.6.lock", "2.6.layers.lock"):
            shutil.copy(IMAGES / stack / name, root / stack)


def lock_layers_of(root: Path, shipped: Catalog, stack: str) -> None:
    """Lock the layers of the wheels that are locked now; what was not locked before is of 9
    bytes.
    """
    path = layer_lock.layer_lock_path(root, stack, "2.6")
    known = {layer.key: layer for layer in layer_lock.read_layer_lock(path, "2.6")}
    specs = plan.python_specs(
        shipped.lines["2.6"], stack, locks.read_lock(root / stack / "2.6.lock").wheels
    )
    blob = Blob("sha256:" + "9" * 64, "sha256:" + "8" * 64, 9, 9)
    made = [
        known.get(spec.key, LockedLayer(spec.name, spec.kind, spec.key, blob)) for spec in specs
    ]
    layer_lock.write_layer_lock(path, stack, made)


def why(made: ReleasePlan) -> dict[str, str]:
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
    loaded = load_own_catalog()
    plan.make_plan(loaded, loaded.require_version("v2.6.0"), ALL, tmp_path)
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


def test_a_changed_lock_changes_the_images_that_have_it(
    make: Make, tmp_path: Path, shipped: Catalog
) -> None:
    for planned in make(names=(*ALL, "cv-nlp")).images:
        keep(tmp_path, "v2.6.0", planned)
    root = tmp_path / "locks"
    copy_locks(root)
    text = (root / "cv" / "2.6.lock").read_text().splitlines()
    (root / "cv" / "2.6.lock").write_text("\n".join(text[:-1]) + "\n")
    lock_layers_of(root, shipped, "cv")
    assert why(make(names=(*ALL, "cv-nlp"), root=root)) == {
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
    before, after = (
        {spec.key: spec.kind for spec in make(v).images[1].layers} for v in ("v2.6.0", "v2.6.1")
    )
    assert [kind for key, kind in after.items() if key not in before] == [layers.OS]


def test_releases_after_a_patch_keep_its_operating_system(make: Make, shipped: Catalog) -> None:
    line = dataclasses.replace(shipped.lines["2.6"], os_patch=1)
    of = dataclasses.replace(shipped, lines={**shipped.lines, "2.6": line})
    plans = {v: make(v, of=of).images[1] for v in ("v2.6.0", "v2.6.1", "v2.6.2", "v2.6.3")}
    systems = {v: planned.system_spec.key for v, planned in plans.items()}
    updates = {v: planned.update_spec for v, planned in plans.items()}
    assert systems["v2.6.1"] == systems["v2.6.2"] == systems["v2.6.3"] != systems["v2.6.0"]
    assert updates["v2.6.0"] is updates["v2.6.1"] is None
    assert {each.name for each in updates.values() if each} == {"Debian bookworm since v2.6.1"}
    assert len({each.key for each in updates.values() if each}) == 2
    kinds = [spec.kind for spec in plans["v2.6.2"].layers]
    assert kinds[kinds.index(layers.OS) + 1] == layers.UPDATES
    assert systems["v2.6.1"] == make("v2.6.1").images[1].system_spec.key, "as without os_patch"


def test_a_record_that_was_damaged_is_named(make: Make, tmp_path: Path) -> None:
    path = plan.record_path(tmp_path, "v2.6.0", "cv", "build")
    path.parent.mkdir(parents=True)
    path.write_text('{"version": "v2.6.0"')
    with refused(ConfigError, str(path), "delete the file"):
        make()


@pytest.mark.parametrize("there", [("v2.6.0", "base"), ("v2.6.1", "cv"), ("v2.5.0", "cv")])
def test_a_record_of_another_image_or_version_is_named(
    make: Make, tmp_path: Path, there: tuple[str, str]
) -> None:
    """A file that was copied to another place would stand for an image that nobody built."""
    path = plan.record_path(tmp_path, "v2.6.0", "cv", "build")
    keep(tmp_path, "v2.6.0", next(each for each in make().images if each.image == "cv"))
    record = plan.read_build(tmp_path, "v2.6.0", "cv")
    assert record is not None
    other = dataclasses.replace(record, version=there[0], image=there[1])
    records.write_record(path, other)
    with refused(ConfigError, str(path), " ".join(there), "not of v2.6.0 cv", "delete the file"):
        plan.read_build(tmp_path, "v2.6.0", "cv")
    with refused(ConfigError, str(path)):
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
    assert [planned.tag for planned in make().images] == [
        "v2.6.0",
        "v2.6.0-cv",
        "v2.6.0-nlp",
        "v2.6.0-rl",
    ]


def test_no_layer_twice_and_one_operating_system(make: Make) -> None:
    for planned in make(names=(*ALL, "cv-nlp-rl")).images:
        keys = [spec.key for spec in planned.layers]
        assert len(keys) == len(set(keys))
        assert [spec.kind for spec in planned.layers].count(layers.OS) == 1


def test_a_big_wheel_of_two_stacks_is_one_layer(make: Make) -> None:
    """Both cv and jupyter need SciPy, whose wheel is a layer of its own."""
    of_both = catalog.load_catalog()
    for name in ("cv-jupyter", "cv-rl-cli-jupyter"):
        (planned,) = make(names=[name], of=of_both).images
        keys = [spec.key for spec in planned.layers]
        assert len(keys) == len(set(keys))
        assert [spec.name.split()[0] for spec in planned.layers].count("scipy") == 1


def test_sizes_are_those_of_the_lock_and_of_the_last_os_layer(make: Make, tmp_path: Path) -> None:
    (new,) = make(names=["base"]).images
    assert new.estimated_size == sum(spec.locked.size for spec in new.layers if spec.locked)
    keep(tmp_path, "v2.6.0", new)
    assert make(names=["base"]).images[0].estimated_size == new.estimated_size + 7


# The layer lock


def test_every_python_layer_is_locked_and_no_other(make: Make) -> None:
    for planned in make(names=(*ALL, "cv-nlp-rl")).images:
        assert {spec.kind for spec in planned.layers if spec.locked is None} == {layers.OS}


def test_a_layer_that_is_locked_otherwise_is_another_image(make: Make, tmp_path: Path) -> None:
    for planned in make().images:
        keep(tmp_path, "v2.6.0", planned)
    root = tmp_path / "locks"
    copy_locks(root)
    path = layer_lock.layer_lock_path(root, "cv", "2.6")
    held = [*layer_lock.read_layer_lock(path, "2.6")]
    held[-1] = dataclasses.replace(
        held[-1], blob=dataclasses.replace(held[-1].blob, digest="sha256:" + "0" * 64)
    )
    layer_lock.write_layer_lock(path, "cv", held)
    expected = {
        "base": "unchanged",
        "cv": "changed: layer lock",
        "nlp": "unchanged",
        "rl": "unchanged",
    }
    assert why(make(root=root)) == expected


def test_a_lock_of_wheels_without_one_of_layers(make: Make, tmp_path: Path) -> None:
    copy_locks(tmp_path / "locks")
    path = layer_lock.layer_lock_path(tmp_path / "locks", "cv", "2.6")
    path.unlink()
    with refused(ConfigError, str(path), "is missing", "./release.py lock --layers 2.6"):
        make(root=tmp_path / "locks")


def test_a_stale_lock_of_layers(make: Make, tmp_path: Path) -> None:
    root = tmp_path / "locks"
    copy_locks(root)
    path = root / "cv" / "2.6.lock"
    text = path.read_text().splitlines()
    path.write_text("\n".join(text[:-1]) + "\n")
    with refused(
        ConfigError,
        "2.6.layers.lock",
        "no entry for the layer `packages of cv`",
        "lock --layers 2.6",
    ):
        make(root=root)


def test_a_lock_of_more_layers_than_there_are(make: Make, tmp_path: Path) -> None:
    root = tmp_path / "locks"
    copy_locks(root)
    path = layer_lock.layer_lock_path(root, "rl", "2.6")
    extra = LockedLayer(
        "sitecustomize 1.0", "wheel", "0" * 64, layer_lock.read_layer_lock(path, "2.6")[0].blob
    )
    layer_lock.write_layer_lock(path, "rl", [*layer_lock.read_layer_lock(path, "2.6"), extra])
    with refused(ConfigError, str(path), "sitecustomize 1.0", "./release.py lock --layers 2.6"):
        make(root=root)


def test_a_layer_under_another_name(make: Make, tmp_path: Path) -> None:
    root = tmp_path / "locks"
    copy_locks(root)
    path = layer_lock.layer_lock_path(root, "rl", "2.6")
    path.write_text(path.read_text().replace("# packages of rl", "# packages of cv"))
    with refused(ConfigError, "packages of rl"):
        make(root=root)


def test_the_github_matrix(make: Make) -> None:
    matrix = json.loads(json.dumps(make(names=["base", "cv-nlp"]).github_matrix()))
    assert matrix == {
        "include": [
            {"version": "v2.6.0", "image": "base"},
            {"version": "v2.6.0", "image": "cv-nlp"},
        ]
    }


def test_an_image_that_is_not_in_the_catalogue(make: Make) -> None:
    with refused(ConfigError, "unknown image `tv`"):
        make(names=["tv"])


# How the images of a stack run


def test_an_os_part_is_in_the_key_and_the_configuration_of_its_images_alone(
    make: Make, shipped: Catalog
) -> None:
    part = catalog.OsPart(ports=(8888,), command=("serve",), health_check=("check",))
    cv = dataclasses.replace(shipped.stacks["cv"], os=part)
    served = dataclasses.replace(shipped, stacks={**shipped.stacks, "cv": cv})
    before, after = make().images, make(of=served).images
    changed = [old.image for old, new in zip(before, after, strict=True) if old != new]
    assert changed == ["cv"]
    assert [spec.key for spec in before[1].layers] == [spec.key for spec in after[1].layers]
    settings = [
        assembly.image_configuration(image, "t", "v2.6.0", shipped.lines["2.6"], [], of)["config"]
        for image, of in ((before[1], catalog.OsPart()), (after[1], served.os_part_of("cv")))
    ]
    plain, own = (dict(each) for each in settings if isinstance(each, dict))
    assert own == {
        **plain,
        "Cmd": ["serve"],
        "ExposedPorts": {"8888/tcp": {}},
        "Healthcheck": {"Test": ["CMD", "check"]},
    }
    assert plain["Cmd"] == ["bash"]
    assert not {"ExposedPorts", "Healthcheck"} & plain.keys()
