"""Programs with transformers and its companions, and metrics."""

from __future__ import annotations

import importlib
from typing import Any

import torch

from ... import pool
from ..families import Family, find_in, list_kinds_of
from . import small_models


def run_model(head: str, kind: str, **options: Any) -> Any:
    """Return what a small model of a kind gives for two texts of different length, or pictures."""
    return small_models.run_model(head, kind, options)


def generate(**options: Any) -> Any:
    """Return the texts that a small model writes with options of generation."""
    model = pool.make_value("$gpt")
    inputs = torch.tensor([[5, 9, 7, 5], [1, 1, 8, 6]])
    mask = torch.tensor([[1, 1, 1, 1], [0, 0, 1, 1]])
    ordinary = {"max_new_tokens": 6, "pad_token_id": 0, "return_dict_in_generate": True}
    given = model.generate(inputs, attention_mask=mask, **{**ordinary, **options})
    return given.sequences, getattr(given, "scores", None)


def measure(name: str, **options: Any) -> Any:
    """Return what a metric of torchmetrics tells of two batches."""
    library = importlib.import_module("torchmetrics")
    generator = torch.Generator().manual_seed(pool.SEED)
    scores = torch.rand(2, 12, 3, generator=generator)
    classes = torch.randint(0, 3, (2, 12), generator=generator)
    ways: tuple[tuple[Any, Any, dict[str, Any]], ...] = (
        (scores, classes, {"task": "multiclass", "num_classes": 3}),
        (scores[..., 0], (classes > 0).long(), {"task": "binary"}),
        (scores[..., 0], scores[..., 1], {}),
        (scores, scores.flip(-1), {}),
        (scores[..., 0], None, {}),
    )
    for predicted, wanted, ordinary in ways:
        try:
            metric = getattr(library, name)(**{**ordinary, **options})
            given = [(predicted, wanted) if wanted is not None else (predicted,)][0]
            steps = [metric(*(each[place] for each in given)) for place in (0, 1)]
            return steps, metric.compute()
        except (TypeError, ValueError, RuntimeError):
            continue
    raise ValueError("nothing suits it")


OF_GENERATION: dict[str, Any] = {
    **dict.fromkeys(("top_k", "no_repeat_ngram_size", "num_beams", "min_new_tokens"), 2),
    **dict.fromkeys(("forced_bos_token_id", "forced_eos_token_id", "num_return_sequences"), 2),
    **dict.fromkeys(("top_p", "typical_p", "min_p", "epsilon_cutoff", "eta_cutoff"), 0.4),
    **dict.fromkeys(("temperature", "repetition_penalty", "length_penalty", "top_h"), 1.4),
    **dict.fromkeys(("early_stopping", "remove_invalid_values", "renormalize_logits"), False),
    **dict.fromkeys(("output_scores", "output_logits", "token_healing"), False),
    **dict.fromkeys(("suppress_tokens", "begin_suppress_tokens", "eos_token_id"), None),
    "use_cache": True,
    "max_length": 7,
}
"""Options of GenerationConfig, with values that others are derived from: most defaults are None."""

OF_TRANSFORMERS = (
    Family(run_model, small_models.list_models, lambda _: None),
    Family(
        generate,
        lambda: ["", "do_sample=True,output_scores=True", "num_beams=3,output_scores=True"],
        lambda _: OF_GENERATION,
        seconds=6.0,
    ),
)
OF_TORCHMETRICS = (
    Family(measure, list_kinds_of("torchmetrics", "Metric"), find_in("torchmetrics"), 9),
)
