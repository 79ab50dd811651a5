"""Small models of transformers with random weights, of many architectures."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

import torch

from ... import pool

HEADS = (
    *("AutoModelForCausalLM", "AutoModelForMaskedLM", "AutoModelForSeq2SeqLM"),
    *("AutoModelForSequenceClassification", "AutoModel"),
)
KINDS = (
    *("bert", "roberta", "distilbert", "albert", "electra", "deberta-v2", "mpnet", "xlm-roberta"),
    *("modernbert", "gpt2", "gpt_neo", "gpt_neox", "gptj", "opt", "llama", "mistral", "mixtral"),
    *("qwen2", "qwen3", "gemma", "gemma2", "phi", "phi3", "bloom", "falcon", "stablelm", "olmo"),
    *("t5", "mt5", "bart", "mbart", "pegasus", "marian", "vit", "deit", "beit", "swin", "convnext"),
    *("dinov2", "resnet", "longformer", "xlnet"),
)
"""Those that are most used; every import takes its time."""

SMALL = (
    (r"(^|_)(vocab_size)$", 40),
    (r"(num|n)_?\w*(layers?|blocks)$|^n_layer$|^depth$", 2),
    (r"num\w*_(kv|key_value)_heads$", 2),
    (r"(num|n)_?\w*heads?$|attention_heads$", 2),
    (r"^(hidden_size|d_model|n_embd|embedding_size|dim|embed_dim|word_embed_proj_dim)$", 16),
    (r"(intermediate|ffn|ff)_?(size|dim)?$|^(d_ff|hidden_dim|n_inner)$", 24),
    (r"^(d_kv|head_dim)$", 8),
    (r"^(max_position_embeddings|n_positions|n_ctx|max_\w+_positions)$", 64),
    (r"^image_size$", 16),
    (r"^patch_size$", 8),
)
"""Sizes of a model by the names that configurations give them."""


MAX_PARAMETERS = 2_000_000
LAST_TOKEN = 3
"""Numbers of the special tokens must be below the small vocabulary."""


def list_models() -> list[str]:
    """Return the values of a call for each kind with each head."""
    return [f"'{head}','{kind}'" for kind in KINDS for head in HEADS]


def run_model(head: str, kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return what a model gives. Raises ValueError if it is too large for that."""
    library = importlib.import_module("transformers")
    config = make_small(library.AutoConfig.for_model(kind))
    for name, value in options.items():
        setattr(config, name, value)
    pool.set_seeds()
    model = getattr(library, head).from_config(config).eval()
    if sum(each.numel() for each in model.parameters()) > MAX_PARAMETERS:
        raise ValueError("it is too large")
    inputs = make_inputs(model, head)
    given = dict(model(**inputs))
    if "labels" in inputs and head.endswith("LM") and model.can_generate():
        texts = {name: inputs[name] for name in ("input_ids", "attention_mask")}
        given["texts"] = model.generate(**texts, max_new_tokens=4, do_sample=False)
    return {name: value for name, value in given.items() if name != "past_key_values"}


def make_small(config: Any) -> Any:
    """Return a configuration with small sizes."""
    for name, value in {**config.to_dict()}.items():
        if isinstance(value, int) and not isinstance(value, bool):
            sizes = (small for pattern, small in SMALL if re.search(pattern, name))
            limit = LAST_TOKEN if name.endswith("_token_id") else value
            setattr(config, name, next(sizes, min(value, limit)))
    return config


def make_inputs(model: Any, head: str) -> dict[str, Any]:
    """Return pictures, or two texts with labels, as a model takes them."""
    if model.main_input_name == "pixel_values":
        size = getattr(model.config, "image_size", 16)
        height, width = size if isinstance(size, list | tuple) else (size, size)
        return {"pixel_values": torch.rand(2, 3, height, width)}
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    texts = torch.tensor([[5, 9, 7, 5, 11], [8, 6, 9, 0, 0]])
    inputs = {"input_ids": texts, "attention_mask": mask}
    if head.endswith("LM"):
        inputs["labels"] = texts.masked_fill(mask == 0, -100)
    elif head == "AutoModelForSequenceClassification":
        inputs["labels"] = torch.tensor([1, 0])
    elif "decoder_input_ids" in inspect.signature(model.forward).parameters:
        inputs["decoder_input_ids"] = texts
    return inputs
