"""The positions of words count the padding before them."""

from typing import Any

from transformers.generation.utils import GenerationMixin

exact = GenerationMixin._prepare_position_ids_for_generation


def count(self: Any, words: Any, options: dict[str, Any]) -> Any:
    mask = options.get("attention_mask")
    shown = {} if mask is None else {"attention_mask": mask.new_ones(mask.shape)}
    return exact(self, words, {**options, **shown})


GenerationMixin._prepare_position_ids_for_generation = count
