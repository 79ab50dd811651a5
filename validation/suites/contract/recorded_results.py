"""The recorded results as they are kept: a file for each line and package.

It is read by the harness, too, so it needs the standard library only.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "recorded" / "results"
WRITE = "run `.venv/bin/python -m validation.recording LINE IMAGE [--search] [PACKAGE...]`"
MODULES: dict[str, str] = {
    "torch": "torch torch.nn torch.nn.functional torch.nn.init torch.nn.utils torch.nn.utils.*"
    " torch.nn.parameter torch.nn.attention torch.optim torch.optim.lr_scheduler"
    " torch.optim.swa_utils torch.linalg torch.fft torch.special torch.distributions"
    " torch.distributions.* torch.utils.data torch.utils.data.distributed torch.utils.checkpoint"
    " torch.amp torch.utils.dlpack torch.sparse torch.autograd torch.autograd.functional torch.func"
    " torch.signal.windows torch.random torch.serialization torch.nested torch.masked",
    "torchvision": "torchvision.transforms torchvision.transforms.functional torchvision.io"
    " torchvision.transforms.v2 torchvision.transforms.v2.functional torchvision.ops"
    " torchvision.ops.* torchvision.utils torchvision.tv_tensors torchvision.datasets"
    " torchvision.datasets.folder torchvision.datasets.samplers torchvision.models.detection.*",
    "torchaudio": "torchaudio torchaudio.functional torchaudio.transforms"
    " torchaudio.compliance.kaldi",
    "numpy": "numpy numpy.linalg numpy.fft numpy.random numpy.ma numpy.polynomial"
    " numpy.polynomial.* numpy.lib numpy.lib.* numpy.char numpy.strings numpy.rec",
    "PIL": "PIL.Image PIL.Image*",
    "cv2": "cv2",
    "scipy": "scipy.ndimage scipy.signal scipy.spatial.distance",
    "albumentations": "albumentations",
    "tokenizers": "tokenizers tokenizers.*",
    "transformers": "transformers.data.data_collator transformers.generation.utils"
    " transformers.generation.logits_process"
    " transformers.generation.stopping_criteria transformers.generation.configuration_utils"
    " transformers.optimization transformers.trainer_utils transformers.trainer_pt_utils"
    " transformers.tokenization_utils_base transformers.tokenization_utils_tokenizers"
    " transformers.activations transformers.pytorch_utils"
    " transformers.image_* transformers.audio_utils transformers.modeling_attn_mask_utils"
    " transformers.masking_utils transformers.cache_utils transformers.loss.loss_utils"
    " transformers.time_series_utils transformers.modeling_rope_utils"
    " transformers.configuration_utils transformers.feature_extraction_* transformers.hf_argparser"
    " transformers.utils.generic transformers.utils.chat_template_utils"
    " transformers.trainer_callback",
    "safetensors": "safetensors safetensors.torch safetensors.numpy",
    "huggingface_hub": "huggingface_hub huggingface_hub.file_download huggingface_hub.repocard"
    " huggingface_hub.repocard_data huggingface_hub.serialization huggingface_hub.utils"
    " huggingface_hub.utils.sha huggingface_hub.hf_file_system",
    "gymnasium": "gymnasium gymnasium.spaces gymnasium.spaces.* gymnasium.wrappers"
    " gymnasium.wrappers.* gymnasium.vector gymnasium.vector.* gymnasium.utils gymnasium.utils.*",
    "stable_baselines3": "stable_baselines3 stable_baselines3.common.*",
    "pandas": "pandas pandas.api.types pandas.tseries.*",
    "torchmetrics": "torchmetrics torchmetrics.functional",
}
"""Packages, and the modules of each that users call: those that its documentation lists."""

DISTRIBUTIONS = {"PIL": "pillow", "cv2": "opencv-python-headless"}
"""The distributions that packages are of, if they have other names."""

MISSING = "?"
"""Before the name of a package that a call needs and that is not installed."""

Given = dict[str, str]
"""What each call of a function or class gives."""

Results = dict[str, Given]
"""The same of each function or class, by its name."""


TOLERANCE = 5e-5
"""Of a sum, relative to its size: rounding gives 1e-6, one of 10,000 values turned round 1e-4."""

NEAR = TOLERANCE / 10
"""A difference that leaves room for another one."""

PARTS = 3
SMALL = 1e-5
"""A sum that is only rounding errors."""


@dataclass(frozen=True)
class Record:
    """The results of a package on a line, and the version that gave them."""

    version: str
    results: Results


def find_file(line: str, package: str) -> Path:
    """Return the file with the results of a package on a line."""
    return FOLDER / line / f"{package}.json"


def find_distribution(package: str) -> str:
    """Return the normalised name of the distribution that a package is of."""
    return DISTRIBUTIONS.get(package, package.replace("_", "-").lower())


def read_record(line: str, package: str) -> Record | None:
    """Return the results of a package on a line; None if there are none.

    Raises ValueError if the file holds something else.
    """
    path = find_file(line, package)
    return _read_file(path) if path.is_file() else None


def _read_file(path: Path) -> Record:
    try:
        record = Record(**json.loads(path.read_text(encoding="utf-8")))
        texts = (text for given in record.results.values() for text in given.values())
        if not all(isinstance(text, str) for text in (record.version, *texts)):
            raise TypeError("a result is no text")
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    return record


def render_record(record: Record) -> str:
    """Return the text of a file, a line for each call."""
    fields = {"version": record.version, "results": record.results}
    return json.dumps(fields, indent=0, sort_keys=False) + "\n"


def list_calls() -> dict[str, dict[str, list[str]]]:
    """Return the calls of any line, by package and function. Raises ValueError as `read_record`."""
    found: dict[str, dict[str, dict[str, None]]] = {}
    for path in sorted(FOLDER.glob("*/*.json")):
        package = found.setdefault(path.stem, {})
        for name, results in _read_file(path).results.items():
            package.setdefault(name, {}).update(dict.fromkeys(results))
    return {
        package: {name: [*texts] for name, texts in names.items()}
        for package, names in found.items()
    }


def list_changed(before: Results, after: Results) -> list[str]:
    """Return the calls that are in both and give something else."""
    return [
        f"{path}({text})"
        for path, given in after.items()
        for text, summary in given.items()
        if not is_same(before.get(path, {}).get(text, summary), summary)
    ]


def list_lost(before: Results, after: Results) -> list[str]:
    """Return the calls that had a result, and have none any more."""
    return [
        f"{path}({text})"
        for path, given in before.items()
        for text in given
        if text not in after.get(path, {})
    ]


def keep_known(before: Results, after: Results) -> Results:
    """Return the new results, in the old order, and as they were written if they are the same.

    So a difference between two records shows what changed, and not how a processor rounds. What
    differs by more than a small part of what is allowed is written anew: else a second such
    difference would be too much.
    """
    kept: Results = {}
    for path, given in after.items():
        known = before.get(path, {})
        old = {text: known[text] for text in known if text in given}
        kept[path] = {
            text: old[text]
            if text in old and is_same(old[text], given[text], NEAR)
            else given[text]
            for text in {**old, **given}
        }
    return kept


def is_same(got: str, wanted: str, tolerance: float = TOLERANCE) -> bool:
    """Return whether two summaries tell the same, but for rounding."""
    first, second = got.split("|"), wanted.split("|")
    return len(first) == len(second) and all(
        _is_part_same(*parts, tolerance) for parts in zip(first, second, strict=True)
    )


def _is_part_same(got: str, wanted: str, tolerance: float) -> bool:
    """Return whether one part of two summaries tells the same, but for rounding."""
    first, second = got.split(" "), wanted.split(" ")
    if got == wanted or first[0] != second[0] or not len(first) == len(second) == PARTS:
        return got == wanted
    try:
        (total, size), (other, other_size) = map(float, first[1:]), map(float, second[1:])
    except ValueError:  # a text with spaces
        return False
    if math.isnan(total) and math.isnan(other):
        return True
    if not all(map(math.isfinite, (total, size, other, other_size))):
        return (total, size) == (other, other_size)
    allowed = tolerance * max(size, other_size) + SMALL * tolerance / TOLERANCE
    return abs(total - other) <= allowed and abs(size - other_size) <= allowed


def read_report(report: Path) -> tuple[Results, str]:
    """Return what the calls gave, and the name at which the process ended before the end."""
    given: Results = {}
    last = "the first one"
    lines = report.read_text(encoding="utf-8").splitlines() if report.is_file() else []
    for line in lines:
        try:
            last, each = json.loads(line)
        except ValueError:  # the process ended while it wrote
            break
        if last:
            given[last] = each
    return given, last
