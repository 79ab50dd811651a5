"""A new line is written from what the index says, as a change to review; or refused at once."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import difflib
import shutil
import zipfile
from pathlib import Path

import pytest

from images import catalog, line_locks, new_line, resolve, torch_wheel
from images.catalog import Catalog
from images.compatibility import COMPATIBILITY, load_compatibility
from images.new_line import NewLine, write_line
from runner import records
from runner.errors import ConfigError
from tests.fakes.index import make_index, write_wheel
from tests.fakes.own_catalog import OWN_CATALOG
from tests.fakes.refusal import refused

NVIDIA = (
    "nvidia-cuda-runtime-cu12==12.6.77; platform_system == 'Linux'",
    "nvidia-cudnn-cu12==9.5.1.17; platform_system == 'Linux'",
    "nvidia-nccl-cu12==2.26.2; platform_system == 'Linux'",
)
WHEELS: dict[str, tuple[str, ...]] = {
    "torch-2.7.0": NVIDIA,
    "torch-2.7.1": NVIDIA,
    "torch-2.8.0": ("nvidia-cuda-runtime-cu12==12.9.1", *NVIDIA[1:]),
    "torch-2.9.0": ("nvidia-cudnn-cu12==9.5.1.17",),
    "torch-2.10.0+cu126": NVIDIA,
    "torchvision-0.22.1": ("torch==2.7.1",),
    "torchaudio-2.7.1": ("torch==2.7.1",),
    "torchaudio-2.7.0": (),
    "nvidia_cuda_runtime_cu12-12.6.77": (),
    "nvidia_cuda_runtime_cu12-12.9.1": (),
    "nvidia_cudnn_cu12-9.5.1.17": (),
    "nvidia_nccl_cu12-2.26.2": (),
    "seeing-1.0": ("torch",),
}
FLAGS = b"\0sm_75 sm_80 sm_90\0"


@pytest.fixture
def index(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = make_index(tmp_path, WHEELS, monkeypatch)
    for version in ("2.7.1", "2.8.0"):
        with zipfile.ZipFile(folder / f"torch-{version}-py3-none-any.whl", "a") as wheel:
            wheel.writestr(torch_wheel.PYTHON_LIBRARY, b"\x7fELF" + FLAGS + b"rest")
    return folder


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of catalogue, facts and stacks, which the commands write."""
    root = tmp_path / "images"
    wanted = {"base": "torch=={torch}\ntorchvision=={torchvision}\ntorchaudio=={torchaudio}\n"}
    for stack in ("base", "cv", "nlp", "rl"):
        (root / stack).mkdir(parents=True)
        (root / stack / "requirements.in").write_text(wanted.get(stack, "seeing\n"))
    shutil.copy(OWN_CATALOG, root / "catalog.yaml")
    shutil.copy(COMPATIBILITY, root / "compatibility.yaml")
    monkeypatch.setattr(resolve, "IMAGES", root)
    monkeypatch.setattr(catalog, "CATALOG", root / "catalog.yaml")
    monkeypatch.setattr(new_line, "COMPATIBILITY", root / "compatibility.yaml")
    return root


@pytest.fixture
def held(images: Path) -> Catalog:
    return catalog.load_catalog(images / "catalog.yaml", images / "compatibility.yaml")


@pytest.fixture
def made(index: Path, images: Path, held: Catalog) -> NewLine:
    return write_line(held, "2.7", "2.6")


def test_the_line_has_what_the_wheels_say(made: NewLine, images: Path) -> None:
    facts = images / "compatibility.yaml"
    loaded = catalog.load_catalog(images / "catalog.yaml", facts)
    line = loaded.lines["2.7"]
    assert (line.torch, line.torchvision, line.torchaudio) == ("2.7.1", "0.22.1", "2.7.1")
    assert (line.cuda, line.python, line.driver_floor) == ("12.6", "3.11", "525")
    build = load_compatibility(facts).find_build("2.7.1", "12.6")
    assert (build.cudnn, build.nccl) == ("9.5.1.17", "2.26.2")
    assert build.architectures == ("sm_75", "sm_80", "sm_90")
    locks = line_locks.locks_of(loaded, "2.7", tuple(loaded.stacks), images, facts)
    assert [wheel.name for wheel in locks["cv"].wheels] == ["seeing"]


def test_every_other_line_of_both_files_stays(made: NewLine, images: Path) -> None:
    """Comments and order too: the change is read in git."""
    for old, new in (
        (OWN_CATALOG, images / "catalog.yaml"),
        (COMPATIBILITY, images / "compatibility.yaml"),
    ):
        rows = difflib.ndiff(old.read_text().splitlines(), new.read_text().splitlines())
        assert not [row for row in rows if row.startswith("- ")]


def test_what_no_wheel_says_is_named_for_a_person(made: NewLine, images: Path) -> None:
    """Each value that was taken over from the other line, in the file and in the answer."""
    text = "\n".join(made.to_confirm)
    today = datetime.datetime.now(datetime.UTC).date()
    assert f"support: active since {today}: add `security` and `ended`" in text
    assert "epoch: 1738108800: taken over from line 2.6" in text  # a folder knows no day
    assert "without_code" in text
    assert "architectures" not in text
    active = f'- {{status: active, since: {today}, why: "torch 2.7.1 was released"}}'
    assert active in (images / "catalog.yaml").read_text()
    assert "lock 2.7 --layers" in made.next_steps[0]


def test_a_wheel_that_cannot_be_read_gives_a_doubt_not_a_guess(
    index: Path, images: Path, held: Catalog
) -> None:
    write_wheel(index, "torch-2.7.1", NVIDIA)
    made = write_line(held, "2.7", "2.6")
    assert "architectures sm_50" in made.to_confirm[0]
    assert "taken over from line 2.6" in made.to_confirm[0]


@pytest.mark.parametrize(
    "case",
    [
        ("2.6", "2.6", "line 2.6 is in the catalogue already"),
        ("2", "2.6", "`2` is not the name of a line"),
        ("2.7.1", "2.6", "`2.7.1` is not the name of a line"),
        ("2.7", "2.5", "there is no line `2.5` to begin from"),
        ("2.12", "2.6", "the index has no torch 2.12 with a wheel for Python 3.11"),
        ("2.8", "2.6", "lacks the drivers of CUDA 12.9, which torch 2.8.0 is for"),
        ("2.10", "2.6", "offers torch 2.10.0+cu126, a build that is not upstream's own"),
        ("2.9", "2.6", "does not say which CUDA, cuDNN and NCCL it is for"),
    ],
)
def test_a_line_that_cannot_be_is_refused_and_nothing_is_written(
    index: Path, images: Path, held: Catalog, case: tuple[str, str, str]
) -> None:
    name, source, words = case
    with refused(ConfigError, words):
        write_line(held, name, source)
    assert (images / "catalog.yaml").read_bytes() == OWN_CATALOG.read_bytes()
    assert not list(images.glob(f"*/{name}.lock"))


def test_the_place_of_a_build_that_is_not_upstreams_own_is_named(
    index: Path, images: Path, held: Catalog
) -> None:
    """Such a wheel may lie in a folder that nobody has in mind (`PIP_FIND_LINKS`)."""
    with refused(ConfigError, f"{index} offers torch 2.10.0+cu126"):
        write_line(held, "2.10", "2.6")


def test_a_torchvision_for_another_torch_is_refused(
    index: Path, images: Path, held: Catalog
) -> None:
    (index / "torchvision-0.22.1-py3-none-any.whl").unlink()
    write_wheel(index, "torchvision-0.30.0", ["torch"])
    with refused(ConfigError, "no torchvision on the index pins torch 2.7.1"):
        write_line(held, "2.7", "2.6")


def test_a_torchaudio_with_another_number_is_not_taken(
    index: Path, images: Path, held: Catalog
) -> None:
    """It pins no torch since 2.11, so the index would give any."""
    (index / "torchaudio-2.7.1-py3-none-any.whl").unlink()
    made = write_line(held, "2.7", "2.6")
    assert "torchaudio: null: the index has none with the number 2.7.1" in made.to_confirm
    loaded = catalog.load_catalog(images / "catalog.yaml", images / "compatibility.yaml")
    assert loaded.lines["2.7"].torchaudio is None


def test_it_goes_on_after_a_run_that_was_killed(
    index: Path, images: Path, held: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The catalogue is written last, so the same command can be run again."""
    write = records.write_text

    def fail_at_catalogue(path: Path, text: str) -> None:
        if path.name == "catalog.yaml":
            raise KeyboardInterrupt
        write(path, text)

    monkeypatch.setattr(records, "write_text", fail_at_catalogue)
    with contextlib.suppress(KeyboardInterrupt):
        write_line(held, "2.7", "2.6")
    monkeypatch.setattr(records, "write_text", write)
    load_compatibility.cache_clear()
    assert write_line(held, "2.7", "2.6").torch == "2.7.1"


def test_facts_that_say_something_else_than_the_wheel_are_refused(
    made: NewLine, images: Path, held: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = images / "wrong.yaml"
    facts.write_text((images / "compatibility.yaml").read_text().replace("2.26.2", "2.26.3"))
    monkeypatch.setattr(new_line, "COMPATIBILITY", facts)
    with refused(ConfigError, "the wheel of torch 2.7.1 says something else", "nccl 2.26.2"):
        write_line(held, "2.7", "2.6")


def test_budgets_of_several_lines_are_taken_over(index: Path, images: Path, held: Catalog) -> None:
    path = images / "catalog.yaml"
    until = "    support:\n"
    budgets = "    budgets: # larger\n      base: {megabytes: 4300, packages: 180, layers: 19}\n"
    path.write_text(path.read_text().replace(until, budgets + until, 1))
    made = write_line(held, "2.7", "2.6")
    loaded = catalog.load_catalog(path, images / "compatibility.yaml")
    assert loaded.budget_of("2.7", "base").megabytes == 4300
    assert any(each.startswith("budgets: base:") for each in made.to_confirm)


def test_the_architectures_of_a_wheel_are_those_of_one_list_alone(tmp_path: Path) -> None:
    for content in (b"nothing", FLAGS + b"\0sm_99\0"):
        path = tmp_path / f"torch-{len(content)}.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            wheel.writestr(torch_wheel.PYTHON_LIBRARY, content)
        with zipfile.ZipFile(path) as wheel, refused(ConfigError, "lists of architectures"):
            torch_wheel.read_architectures(wheel)


def test_python_is_a_choice_of_the_line_within_what_its_debian_has(
    images: Path, held: Catalog
) -> None:
    path, facts = images / "catalog.yaml", images / "compatibility.yaml"
    text = path.read_text()
    for python, words in (("3.13", "choose debian: trixie"), ("3.12", "no Debian known here")):
        path.write_text(text.replace('python: "3.11"', f'python: "{python}"'))
        with refused(ConfigError, f"bookworm has no Python {python}: it packages 3.11", words):
            catalog.load_catalog(path, facts)
    path.write_text(
        text.replace('python: "3.11"', 'python: "3.13"').replace("bookworm", "trixie", 1)
    )
    chosen = catalog.load_catalog(path, facts)
    assert chosen.lines["2.6"].python == "3.13"
    with refused(ConfigError, "is not for Python 3.13, which the line has"):
        line_locks.locks_of(chosen, "2.6", ("base",))
    line = dataclasses.replace(chosen.lines["2.6"], python="3.11")
    line_locks.locks_of(dataclasses.replace(chosen, lines={"2.6": line}), "2.6", ("base",))
