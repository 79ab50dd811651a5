"""Programs with a small model of transformers that writes texts."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch

from ... import pool
from ..families import Family
from ..telling import attempt

ENDS = {"eos_token_id": [7, 9, 5]}
ONLY: dict[str, dict[str, Any]] = {
    "ends": {"eos_token_id": [2, 7, 9, 11], "max_new_tokens": 12},
    "bad words": {"bad_words_ids": [[5], [9, 7], [31]], "output_scores": True},
    "bias": {"sequence_bias": [[[12], 6.0], [[5, 12], -9.0]], "output_scores": True},
    "beams": {"num_beams": 3, "num_return_sequences": 3, "output_scores": True},
    "beams early": {"num_beams": 3, "early_stopping": True, **ENDS},
    "beams never": {"num_beams": 3, "early_stopping": "never", "length_penalty": 2.0, **ENDS},
    "beams short": {"num_beams": 2, "length_penalty": -3.0, "eos_token_id": [7, 9, 5, 31]},
    "beams sampled": {"num_beams": 2, "do_sample": True, "temperature": 2.0},
    "static": {"cache_implementation": "static"},
    "no cache": {"use_cache": False, "output_logits": True},
    "lookup": {"prompt_lookup_num_tokens": 2},
    "states": {"output_hidden_states": True, "output_attentions": True, "max_new_tokens": 2},
    "sampled": {
        **{"do_sample": True, "top_k": 5, "top_p": 0.8, "temperature": 1.5},
        "num_return_sequences": 2,
    },
    "guided": {"guidance_scale": 1.7, "output_scores": True},
    "penalties": {
        **{"repetition_penalty": 1.8, "no_repeat_ngram_size": 2},
        "encoder_repetition_penalty": 1.2,
    },
    "lengths": {"min_length": 9, "max_length": 10, "max_new_tokens": None, **ENDS},
    "decay": {"exponential_decay_length_penalty": (1, 4.0), "output_scores": True},
    "forced": {"forced_bos_token_id": 8, "forced_eos_token_id": 6, "suppress_tokens": [5, 7]},
    "watermark": {"watermarking_config": {"bias": 4.0, "greenlist_ratio": 0.4, "context_width": 1}},
    "wrong": {"num_return_sequences": 3},
    "wrong beams": {"num_beams": 2, "num_return_sequences": 3},
    "wrong name": {"no_option": 3},
    "wrong heat": {"do_sample": True, "temperature": 0.0},
    "wrong length": {"max_length": 2, "max_new_tokens": None},
}
"""What a way of writing is told."""

WITH_OBJECTS: dict[str, Callable[[], dict[str, Any]]] = {
    "stops": lambda: {"stop_strings": ["dog", "a"], "tokenizer": pool.make_value("$fast")},
    "assisted": lambda: {"assistant_model": pool.make_value("$gpt")},
    "prefix": lambda: {
        "prefix_allowed_tokens_fn": lambda row, ids: [5, 6] if row else [len(ids) % 9 + 3]
    },
    "processor": lambda: {"logits_processor": [lambda ids, scores: scores.roll(1, -1)]},
    "criteria": lambda: {
        "stopping_criteria": [lambda ids, _: torch.tensor([ids.shape[1] > 5] * len(ids))]
    },
    "embeds": lambda: {
        "inputs_embeds": pool.make_value("$gpt").get_input_embeddings()(torch.tensor([[5, 9, 7]]))
    },
}
WRITTEN = ("sequences", "sequences_scores", "scores", "logits", "beam_indices", "hidden_states")


def write(way: str) -> Any:
    """Return the texts and scores that a small model writes in one way."""
    model = pool.make_value("$gpt")
    own = WITH_OBJECTS[way]() if way in WITH_OBJECTS else ONLY[way]
    ordinary = {"max_new_tokens": 6, "pad_token_id": 0, "return_dict_in_generate": True}
    texts = torch.tensor([[5, 9, 7, 5], [0, 0, 8, 6]])
    given = {"attention_mask": (texts > 0).long(), **ordinary, **own}
    if way == "embeds":
        texts = given["attention_mask"] = None
    pool.set_seeds()
    first = attempt(model.generate, texts, **given)
    results: list[Any] = [attempt(model.generate, torch.tensor([[5, 9, 31]]), **own)]
    if isinstance(first, str):
        return [results, first]
    results.append([dict(first).get(name) for name in WRITTEN])
    if first.get("scores") is not None:
        parts = (first.sequences, first.scores, first.get("beam_indices"))
        results.append(attempt(model.compute_transition_scores, *parts, normalize_logits=True))
    return [results, keep_settings({**ordinary, **own}) if way in ONLY else None]


def keep_settings(options: dict[str, Any]) -> Any:
    """Return what settings hold after they are saved and loaded, and changed."""
    kind = importlib.import_module("transformers").GenerationConfig
    config = attempt(kind, **options)
    if isinstance(config, str):
        return config
    results = [attempt(config.save_pretrained, "kept"), attempt(config.get_generation_mode)]
    loaded = attempt(kind.from_pretrained, "kept")
    results += [attempt(lambda: [*loaded.to_diff_dict()]), loaded == config]
    results.append(attempt(config.validate, strict=True))
    return [*results, attempt(lambda: sorted(config.update(temperature=0.5, no=3)))]


OF_GENERATION = (Family(write, lambda: [*ONLY, *WITH_OBJECTS], lambda _: {}),)
