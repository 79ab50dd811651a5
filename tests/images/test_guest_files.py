"""The files of a stack that come from no wheel: a layer of their own, which follows from them."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from images import catalog, guest_files, layer_lock, layers, plan
from images.version import Version

SHIPPED = catalog.load_catalog()
LINE = SHIPPED.lines["2.15"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder of stacks, of which `serving` has files."""
    folder = tmp_path / "serving" / "guest"
    folder.mkdir(parents=True)
    (folder / "serve.py").write_text("print('serves')\n")
    (folder / "serve.py").chmod(0o777)  # the mode of a checkout is no part of the layer
    (folder / "__pycache__").mkdir()
    return tmp_path


def test_the_layer_has_the_files_below_the_name_of_their_stack(root: Path) -> None:
    (spec,) = plan.python_specs(LINE, "serving", [], root)
    out = io.BytesIO()
    layers.compile_files(spec.files, LINE.epoch, out)
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(out.getvalue()))) as tar:
        files = {each.name: each for each in tar.getmembers() if each.isfile()}
        place = "usr/local/lib/image/serving/serve.py"
        assert list(files) == [place]
        held = tar.extractfile(place)
        assert held is not None
        assert held.read() == b"print('serves')\n"
    assert (files[place].mode, files[place].uid, files[place].mtime) == (0o644, 0, LINE.epoch)


def test_the_key_follows_from_the_contents(root: Path) -> None:
    (before,) = plan.python_specs(LINE, "serving", [], root)
    assert plan.python_specs(LINE, "serving", [], root) == (before,)
    (root / "serving" / "guest" / "serve.py").write_text("print('serves more')\n")
    assert plan.python_specs(LINE, "serving", [], root)[0].key != before.key


def test_base_has_its_files_in_the_os_layer() -> None:
    assert guest_files.read_guest_files(catalog.IMAGES, "base") == ()


@pytest.mark.parametrize("line", SHIPPED.lines)
def test_the_lock_has_the_files_of_today(line: str, tmp_path: Path) -> None:
    """A changed file without a new lock is refused before anything is built."""
    planned = plan.make_plan(SHIPPED, Version(line, 0), ["serving"], tmp_path)
    last = planned.images[0].layers[-1]
    assert (last.kind, last.name) == (layers.FILES, "files of serving")
    out = io.BytesIO()
    assert layers.compile_files(last.files, SHIPPED.lines[line].epoch, out) == last.locked
    path = layer_lock.layer_lock_path(catalog.IMAGES, "serving", line)
    assert f"files {last.key} " in path.read_text()
