"""torch's own databases of operators, layers and optimizers, its loaders and its files.

Each is compared with a definition that is computed apart, in NumPy or plain Python, for all options
that the databases have samples of. Nothing is drawn by the day: the samples follow from constants.
"""

from __future__ import annotations

import json
import random
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch

from .. import new_python, processes
from ..conftest import Answers, Figures
from ..contract import questions
from ..contract.expected import Expected
from ..declared import needs_gpus, reports
from ..gpus import require_gpus
from ..one_thread import one_thread
from ..outcome import require
from . import (
    arguments,
    array_files,
    arrays,
    averages,
    boxes,
    contexts,
    continuing,
    decompositions,
    documented,
    freed,
    geometry,
    layers,
    loading,
    operators,
    optimizers,
    packed,
    picture_files,
    picture_folders,
    picture_ops,
    randomness,
    schedules,
    side_effects,
    sounds,
    turned_pictures,
)
from .operators import ReferenceComparison

MIN_OPERATORS = 350
"""As many operators of the database must have a reference: 2.6 has 424, and each line has more."""

MIN_EXAMPLES = 1000
"""NumPy 2.4 has 6,000 examples that need no other package, and a slow processor runs fewer."""

DOCUMENTED_S = 12
"""Of the processor, for the examples of all packages: NumPy's take 4 to 6 s, and run whole."""

MIN_GRADIENTS = 350
MIN_LAYERS = 90
MIN_DECOMPOSITIONS = 300
"""2.6 uses 403."""

SHOWN = 3
LIMIT_S = 240
LOAD_S = 90
"""For a process that loads everything: a hang, not slowness."""

OTHER_DEFINITION = "code of torch that does something else than its documentation says"
DTYPES = {"float32": torch.float32, "float64": torch.float64}


@pytest.fixture(scope="module", autouse=True)
def _quietly() -> Iterator[None]:
    """Compute small things in one thread; many samples are of what torch is going to drop."""
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=needs_gpus(1))])
def device(request: pytest.FixtureRequest, expected: Expected) -> Iterator[str]:
    """Return each device; on a GPU without TF32, which is less precise than the references."""
    if request.param == "cuda":
        require_gpus(expected)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield str(request.param)


@reports("operators", "operators")
@pytest.mark.parametrize("precision", DTYPES)
def test_operators(device: str, precision: str, figure: Figures) -> None:
    """Each operator with a reference gives its values, with every option of its samples."""
    found = operators.compare_operators(device, DTYPES[precision])
    figure("operators", found.compared, "operators")
    _require_same(found, MIN_OPERATORS, f"operators in {precision} on {device}", "a wrong kernel")


@reports("operators", "operators")
def test_operator_gradients(device: str, figure: Figures) -> None:
    """The gradient of each operator is the slope of its values."""
    found = operators.check_gradients(device)
    figure("operators", found.compared, "operators")
    _require_same(found, MIN_GRADIENTS, f"gradients on {device}", "a wrong derivative")


@reports("definitions", "definitions")
def test_decompositions(tmp_path: Path, figure: Figures) -> None:
    """Each definition that `torch.compile` and `torch.export` use gives what its operator gives."""
    tools = str(Path(pytest.__file__).parent.parent)
    ended = new_python.run_python(decompositions.start_words(tools), tmp_path, limit_s=LIMIT_S)
    require(ended.code == 0, f"the comparison {ended}", "it to end", "a definition that cannot run")
    compared, wrong = json.loads((tmp_path / decompositions.FILE).read_text())
    found = ReferenceComparison(compared, tuple(wrong))
    figure("definitions", found.compared, "definitions")
    cause = "a wrong definition: compiled programs give something else than eager ones"
    _require_same(found, MIN_DECOMPOSITIONS, "definitions of operators", cause)


@reports("layers", "layers")
def test_layers(device: str, figure: Figures) -> None:
    """Each layer and loss does what its options say, in training and in evaluation."""
    found = layers.compare_layers(device, torch.float64)
    figure("layers", found.compared, "layers")
    _require_same(found, MIN_LAYERS, f"layers on {device}", "an option that is ignored or misread")


def test_packed_sequences(device: str) -> None:
    """Recurrent layers give for packed sequences what they give for each alone, in its order."""
    faults = [*packed.find_packing_faults(device)]
    _require_none(faults, "what each sequence gives alone", "an order that is not put back")


def test_kept_statistics(device: str) -> None:
    """Norms keep mean and variance of their batches as their momentum says."""
    faults = [*side_effects.find_statistics_faults(device)]
    _require_none(faults, "statistics of the batches by the momentum", "a momentum that is misread")


def test_gradient_options(device: str) -> None:
    """Options that concern gradients alone (padding, frequencies, clipping) do what they say."""
    faults = [*side_effects.find_gradient_faults(device)]
    _require_none(faults, "gradients as their options say", "an option that is ignored")


def test_context_managers() -> None:
    """Each context manager has its effect in each other one, and puts back what it found."""
    faults = [*contexts.find_context_faults()]
    _require_none(
        faults,
        "its own effect inside, and what it found put back",
        "a manager that sets a fixed value, or leaves an outer one in force",
    )


@reports("optimizers", "optimizers")
def test_optimizers(device: str, figure: Figures) -> None:
    """Each optimizer makes the steps of its definition, with every option and implementation."""
    found = optimizers.compare_optimizers(device)
    figure("optimizers", found.compared, "optimizers")
    _require_same(
        found, len(optimizers.DEFINITIONS), f"optimizers on {device}", "a decay, momentum or rate"
    )


def test_schedules() -> None:
    """Each scheduler gives the rates of its closed form."""
    found = schedules.compare_schedules()
    _require_same(found, len(schedules.CASES), "schedules", "a step counted once more or less")


@pytest.fixture
def _server(capfd: pytest.CaptureFixture[str]) -> None:
    with capfd.disabled():
        processes.start_server()


@reports("saved", "states")
@pytest.mark.usefixtures("_server")
def test_saved_states_continue(tmp_path: Path, figure: Figures) -> None:
    """Everything with a `state_dict` is saved, loaded in another process, and goes on the same."""
    files, work = tmp_path / "files", tmp_path / "work"
    files.mkdir()
    work.mkdir()
    wanted = continuing.save_all(files)
    distributed = continuing.save_distributed(files)
    (ended,) = processes.run_all([partial(continuing.continue_both, str(files))], work, LOAD_S)
    require(
        ended.returned,
        f"a process that loads {len(wanted)} states ended with {ended.raised or ended.exit_code}",
        "all to be loaded",
        "a state that cannot be read back",
    )
    got, got_distributed = ended.result
    figure("saved", len(wanted) + 1, "states")
    wrong = [name for name in wanted if not continuing.is_same(wanted[name], got.get(name))]
    if not continuing.is_same(distributed, [*got_distributed]):
        wrong.append("a distributed checkpoint")
    require(
        not wrong,
        f"{len(wrong)} of {len(wanted) + 1} went on otherwise: {', '.join(wrong[:SHOWN])}",
        "each to go on bit for bit",
        "a load_state_dict that does not bring everything back, or a state that lacks a part",
    )


def test_strict_loading() -> None:
    """States that do not fit are refused, and `strict=False` tells what it left out."""
    _require_none([*continuing.find_laxness()], "a refusal", "a `strict` that is ignored")


def test_dropped_objects_are_freed() -> None:
    """Everything with a `state_dict`, loaders and graphs are gone once nothing holds them."""
    _require_none([*freed.find_kept_objects()], "it to be freed", "a list or a cycle that keeps it")


@pytest.mark.parametrize("property_of", loading.PROPERTIES)
def test_loaders(property_of: str) -> None:
    """Samplers, splits and loaders are as defined, for sizes and options that are drawn."""
    chance = random.Random(property_of)
    check = loading.PROPERTIES[property_of]
    faults = [fault for _ in range(loading.ROUNDS) if (fault := check(chance))]
    _require_none(faults, "what its documentation says", "an option that is ignored or misread")


def test_loader_workers() -> None:
    """Streams and ordered sets arrive whole through workers."""
    faults = [fault for size in (7, 12) if (fault := loading.check_workers(2, size))]
    _require_none(faults, "every sample once", "workers that do not divide what they read")


def test_dropout(device: str) -> None:
    """Dropout leaves out its share, scales the rest, and does nothing in evaluation."""
    faults = [*randomness.find_dropout_faults(device), *randomness.find_alpha_faults(device)]
    _require_none(faults, "the share and the scale of its rate", "a rate that is misread")


def test_recomputed_layers(device: str) -> None:
    """Layers under activation checkpointing draw the same random numbers when computed again."""
    faults = [*randomness.find_checkpoint_faults(device)]
    _require_none(faults, "the gradients without it", "a random state that is not kept")


def test_seeds(device: str) -> None:
    faults = [*randomness.find_seed_faults(device)]
    _require_none(faults, "the same numbers of the same seed", "a seed that is ignored")


def test_picture_files() -> None:
    """Pillow gives back what it wrote, in every format that it has."""
    faults = [*picture_files.find_file_faults()]
    _require_none(faults, "the picture that was written", "a Pillow built without this format")


def test_picture_decoders() -> None:
    """Torchvision reads what Pillow wrote, and what it wrote itself."""
    faults = [*picture_files.find_decoder_faults()]
    _require_none(faults, "the picture that was written", "a torchvision built without this format")


def test_picture_folders(tmp_path: Path) -> None:
    """Folders of pictures have the same classes and samples, however a disk lists them."""
    faults = [*picture_folders.find_folder_faults(tmp_path)]
    _require_none(faults, "classes and samples by name", "a reader that takes files as they come")


def test_turned_pictures() -> None:
    """Pictures are turned once as their files say, by Pillow and by torchvision."""
    faults = [*turned_pictures.find_turn_faults()]
    _require_none(faults, "one turn of EXIF's eight", "an orientation that is misread or left")


def test_picture_operations() -> None:
    """Pillow makes of pictures what NumPy makes of them."""
    faults = [*picture_ops.find_operation_faults()]
    _require_none(faults, "the picture of the definition", "another Pillow than the locked one")


def test_picture_transforms() -> None:
    """Pictures, masks and boxes move together, as their geometry says."""
    faults = [*geometry.find_transform_faults()]
    _require_none(faults, "the same move of all", "boxes or masks that a transform leaves out")


def test_boxes() -> None:
    faults = [*boxes.find_box_faults()]
    _require_none(faults, "the overlaps of the definition", "kernels of another torch")


def test_arrays() -> None:
    """NumPy's functions, in plain Python."""
    faults = [*arrays.find_array_faults()]
    _require_none(faults, "the numbers of the definition", "another NumPy than the locked one")


def test_arguments_unchanged() -> None:
    """NumPy's functions leave the arrays that they are given as they were."""
    faults = [*arguments.find_changed_arguments()]
    _require_none(faults, "the arguments as they were", "a copy that is not made")


@reports("examples", "examples")
def test_documented_examples(tmp_path: Path, figure: Figures) -> None:
    """Functions give what the examples in their docstrings say."""
    harness = str(Path(pytest.__file__).parent.parent)
    words = [str(documented.__file__), harness, str(DOCUMENTED_S)]
    ended = new_python.run_python(words, tmp_path)
    require(
        ended.code == 0,
        f"the examples of docstrings {ended}",
        "all examples to run",
        "a package that cannot be imported, or an example that ends the process",
    )
    report = json.loads((tmp_path / documented.FILE).read_text())
    wrong = documented.describe_wrong(report)
    require(
        not wrong,
        wrong,
        "what the docstring says",
        "a package that does something else than it documents",
    )
    examples = sum(each["examples"] for each in report.values())
    figure("examples", examples, "examples")
    require(
        examples >= MIN_EXAMPLES,
        f"{examples} examples of docstrings ran",
        f"at least {MIN_EXAMPLES}",
        "a NumPy without docstrings or without its settings of scipy-doctest",
    )


def test_array_files(tmp_path: Path) -> None:
    """NumPy reads what it wrote, and maps a file without reading it."""
    faults = [*array_files.find_array_file_faults(tmp_path)]
    _require_none(faults, "the array that was written", "another NumPy than the locked one")


def test_averaged_models() -> None:
    """Averages of models have the mean of their weights, and statistics of the newest one."""
    faults = [*averages.find_average_faults()]
    _require_none(faults, "the mean of the definition", "an option that is ignored")


def test_converted_models() -> None:
    """Conversions, copies and fusions leave what a model computes as it is."""
    faults = [*averages.find_conversion_faults()]
    _require_none(faults, "the same scores", "weights or statistics that a conversion loses")


def test_sounds(expected: Expected) -> None:
    """A sine at another rate is the same sine; lines without torchaudio have nothing to check."""
    faults = [*sounds.find_sound_faults()] if expected.torchaudio else []
    _require_none(faults, "the same sine", "a filter that is left out or has other edges")


def test_challenge(nonce: str, answer: Answers) -> None:
    """A product of matrices that the host has drawn."""
    question = questions.draw_product(nonce, "references")
    left, right = (torch.tensor(each) for each in (question.left, question.right))
    product = torch.matmul(left.reshape(-1, question.inner), right.reshape(question.inner, -1))
    answer("product", product.flatten().tolist())


def _require_same(found: ReferenceComparison, least: int, of: str, cause: str) -> None:
    require(
        not found.wrong,
        f"{of}: {found}",
        "none to differ from its definition",
        f"{cause}, or {OTHER_DEFINITION}",
    )
    require(
        found.compared >= least,
        f"{of}: {found.compared} could be compared",
        f"at least {least}",
        "torch's database or its references are not whole",
    )


def _require_none(faults: list[str], wanted: str, cause: str) -> None:
    more = f" ({len(faults)} faults)" if len(faults) > 1 else ""
    require(
        not faults,
        f"{faults[0]}{more}" if faults else "",
        wanted,
        f"{cause}, or {OTHER_DEFINITION}",
    )
