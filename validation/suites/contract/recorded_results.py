"""The recorded results as they are kept: a file for each line and package.

It is read by the harness, too, so it needs the standard library only.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "recorded" / "results"
WRITE = "run `.venv/bin/python -m validation.recording LINE IMAGE`"
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

MISSING = "?"
"""Before the name of a package that a call needs and that is not installed."""

Given = dict[str, str]
"""What each call of a function or class gives."""

Results = dict[str, Given]
"""The same of each function or class, by its name."""


TOLERANCE = 5e-5
"""Of a sum, relative to its size: rounding gives 1e-6, one of 10,000 values turned round 1e-4."""

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


def read_record(line: str, package: str) -> Record | None:
    """Return the results of a package on a line; None if there are none."""
    path = find_file(line, package)
    return Record(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def render_record(record: Record) -> str:
    """Return the text of a file, a line for each call."""
    fields = {"version": record.version, "results": record.results}
    return json.dumps(fields, indent=0, sort_keys=False) + "\n"


def list_calls() -> dict[str, dict[str, list[str]]]:
    """Return the calls of any line, by package and function."""
    found: dict[str, dict[str, dict[str, None]]] = {}
    for path in sorted(FOLDER.glob("*/*.json")):
        package = found.setdefault(path.stem, {})
        for name, results in json.loads(path.read_text(encoding="utf-8"))["results"].items():
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


def keep_known(before: Results, after: Results) -> Results:
    """Return the new results, but those that are the same as they were written.

    So a difference between two records shows what changed, and not how a processor rounds.
    """
    kept: Results = {}
    for path, given in after.items():
        known = before.get(path, {})
        pairs = ((text, known.get(text, ""), new) for text, new in given.items())
        kept[path] = {text: old if is_same(old, new) else new for text, old, new in pairs}
    return kept


def is_same(got: str, wanted: str) -> bool:
    """Return whether two summaries tell the same, but for rounding."""
    first, second = got.split("|"), wanted.split("|")
    return len(first) == len(second) and all(map(_is_part_same, first, second))


def _is_part_same(got: str, wanted: str) -> bool:
    """Return whether one part of two summaries tells the same, but for rounding."""
    first, second = got.split(" "), wanted.split(" ")
    if first[0] != second[0] or len(first) != len(second):
        return False
    if len(first) != PARTS:
        return got == wanted
    (total, size), (other, other_size) = map(float, first[1:]), map(float, second[1:])
    allowed = TOLERANCE * max(size, other_size) + SMALL
    near = abs(total - other) <= allowed and abs(size - other_size) <= allowed
    return near or (math.isnan(total) and math.isnan(other))


def read_report(report: Path) -> tuple[Results, str]:
    """Return what the calls gave, and the name at which the process ended before the end."""
    given: Results = {}
    last = "the first one"
    lines = report.read_text(encoding="utf-8").splitlines() if report.is_file() else []
    for line in lines:
        last, each = json.loads(line)
        if last:
            given[last] = each
    return given, last
