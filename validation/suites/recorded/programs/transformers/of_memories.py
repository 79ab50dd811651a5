"""Programs with what models of transformers remember of a text, and with the parts of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from ... import pool
from ..families import Family
from ..telling import attempt
from .of_models import make_model, run
from .of_pipelines import get_library

STEPS = (3, 1, 2, 1, 4)


def make_states(steps: int, begun: int, rows: int = 2) -> torch.Tensor:
    """Return keys of a few places, each with numbers of its own."""
    numbers = torch.arange(rows * 2 * steps * 2.0).reshape(rows, 2, steps, 2)
    return numbers + begun * 100


def make_cache(kind: str, window: int) -> Any:
    """Return an empty cache of a kind."""
    library = get_library()
    sizes = {"hidden_size": 4, "num_hidden_layers": 2, "num_attention_heads": 2}
    sizes |= {"num_key_value_heads": 2, "vocab_size": 9, "intermediate_size": 4}
    config = library.MistralConfig(**sizes, sliding_window=window)
    if kind.endswith("sliding"):
        made = {"sliding": library.DynamicCache, "static sliding": library.StaticCache}[kind]
        more = {"max_cache_len": 9} if "static" in kind else {}
        return made(config=config, **more)
    config = library.LlamaConfig(**sizes)
    if kind == "static":
        return library.StaticCache(config=config, max_cache_len=12)
    if kind == "pair":
        return library.EncoderDecoderCache(library.DynamicCache(), library.DynamicCache())
    return library.DynamicCache(config=config) if kind == "dynamic" else library.DynamicCache()


def call_part(owner: Any, name: str, *values: Any) -> Any:
    """Return what a method gives, if there is one."""
    called: Any = getattr(owner, name, None)
    return attempt(called, *values) if callable(called) else called


def tell_cache(cache: Any) -> list[Any]:
    """Return all that a cache holds and tells of itself."""
    results: list[Any] = [attempt(len, cache), repr(cache)[:300]]
    for layer in (0, 1, 2):
        results.append(call_part(cache, "get_seq_length", layer))
        results.append(call_part(cache, "get_mask_sizes", 2, layer))
    for each in getattr(getattr(cache, "self_attention_cache", cache), "layers", []):
        held = ("keys", "values", "cumulative_length")
        results.append([getattr(each, name, None) for name in held])
        results += [type(each).__name__, call_part(each, "get_max_length")]
    names = "is_sliding is_compileable is_initialized is_croppable max_batch_size batch_size"
    results += [attempt(getattr, cache, name) for name in [*names.split(), "max_cache_len"]]
    return [*results, attempt(getattr, cache, "is_linear"), call_part(cache, "get_max_length")]


def list_whole(value: Any) -> Any:
    """Return tensors of whole numbers as their types and numbers, so that each counts."""
    if isinstance(value, torch.Tensor):
        return [str(value.dtype), value.long().tolist()]
    return [list_whole(each) for each in value] if isinstance(value, list | tuple) else value


def hold_states(kind: str, window: int = 4) -> Any:
    """Return what a cache gives and holds after each step, and after each change."""
    cache = make_cache(kind, window)
    results: list[Any] = [tell_cache(cache)]
    begun = 0
    for steps in STEPS:
        for layer in (0, 1):
            keys = make_states(steps, begun + layer)
            given = attempt(cache.update, keys, -keys, layer)
            given = given if kind != "pair" else attempt(add_to_pair, cache, keys, layer)
            results.append(given)
        begun += steps
        results.append(attempt(cache.get_seq_length))
    results.append(tell_cache(cache))
    for name, value in (
        ("crop", -1),
        ("crop", 5),
        ("crop", 99),
        ("reorder_cache", torch.tensor([1, 0])),
        ("batch_repeat_interleave", 2),
        ("batch_select_indices", torch.tensor([0, 3])),
    ):
        results += [call_part(cache, name, value), tell_cache(cache)]
    keys = make_states(1, 50)
    results += [attempt(cache.update, keys, keys, 0), attempt(lambda: [*cache])]
    results += [attempt(cache.reset), tell_cache(cache), attempt(cache.update, keys, keys, 1)]
    made = make_cache(kind, window)
    early = {
        "batch_size": 2,
        "num_heads": 2,
        "head_dim": 2,
        "dtype": torch.float64,
        "device": "cpu",
    }
    results += [attempt(lambda: made.early_initialization(**early)), tell_cache(made)]
    return list_whole([*results, attempt(cache.update, keys[:, :1], keys, 0)])


def add_to_pair(cache: Any, keys: Any, layer: int) -> Any:
    """Return what the two caches of an encoder and a decoder give."""
    crossed = cache.cross_attention_cache.update(keys * 2, keys * 3, layer)
    own = cache.self_attention_cache.update(keys, -keys, layer)
    cache.is_updated[layer] = True
    return [own, crossed, dict(cache.is_updated), cache.get_seq_length(layer)]


def look_inside(kind: str) -> Any:
    """Return the parts of a model, after they are changed, too."""
    model = make_model(kind)
    results: list[Any] = [model.get_memory_footprint(), model.get_memory_footprint(False)]
    for trained in (False, True):
        for bare in (False, True):
            results.append(model.num_parameters(trained, bare))
    names = [*model.state_dict()]
    for name in (names[0], names[-1], "no.weight", names[0].rpartition(".")[0]):
        results.append(attempt(model.get_parameter_or_buffer, name))
    for name in ("get_encoder", "get_decoder", "get_input_embeddings", "get_output_embeddings"):
        part = attempt(getattr(model, name))
        results.append([type(part).__name__, getattr(part, "weight", None)])
    for name in ("can_generate", "supports_tp_plan", "supports_pp_plan", "is_backend_compatible"):
        found = attempt(getattr, model, name)
        results.append(attempt(found) if callable(found) else found)
    for tags in ("one", ["two", "one"]):
        results += [attempt(model.add_model_tags, tags), getattr(model, "model_tags", None)]
    model.enable_input_require_grads()
    results.append(model.get_input_embeddings()(torch.tensor([5])).requires_grad)
    model.get_input_embeddings().weight.requires_grad_(False)
    results.append(model.get_input_embeddings()(torch.tensor([5])).requires_grad)
    model.disable_input_require_grads()
    results.append(model.get_input_embeddings()(torch.tensor([5])).requires_grad)
    for mask in (None, torch.ones(2, 5)):
        for ids in (torch.tensor([[0, 0, 5]]), torch.tensor([[5, 6, 0]])):
            results.append(attempt(model.warn_if_padding_and_no_attention_mask, ids, mask))
    replaced = torch.nn.Embedding.from_pretrained(torch.linspace(-1, 1, 640).reshape(40, 16))
    results += [attempt(model.set_input_embeddings, replaced), attempt(run, model)]
    results += [attempt(model.tie_weights), attempt(run, model), attempt(model.set_decoder, None)]
    return [*results, resize_parts(make_model(kind))]


def resize_parts(model: Any) -> list[Any]:
    """Return the weights of words after their number is changed, also without ties to the head."""
    results: list[Any] = []
    if model.config.tie_word_embeddings:
        model.config.tie_word_embeddings = False
        model = type(model)(model.config).eval()
    for size, options in (
        (43, {"mean_resizing": True}),
        (41, {}),
        (44, {"mean_resizing": False, "pad_to_multiple_of": 16}),
        (None, {}),
        (47.5, {}),
    ):
        pool.set_seeds()
        made = attempt(model.resize_token_embeddings, size, **options)
        head = model.get_output_embeddings()
        results += [getattr(made, "weight", made), getattr(head, "weight", None)]
        results += [getattr(head, "bias", None), model.config.vocab_size, model.vocab_size]
    return [*results, attempt(run, model)]


TYPES: tuple[Any, ...] = ("auto", "float16", torch.bfloat16, torch.float64, None, "no", torch.int8)


def choose_type(kind: str) -> Any:
    """Return the types of a model that is made, saved and loaded with each type."""
    library, model = get_library(), make_model(kind)
    cls: Any = type(model)
    results: list[Any] = []
    for dtype in TYPES:
        made = attempt(cls._from_config, model.config, dtype=dtype)
        results += [str(getattr(made, "dtype", made)), str(torch.get_default_dtype())]
    model.bfloat16().save_pretrained("kept", variant="small")
    model.save_pretrained("kept/inner")
    results.append(sorted(path.name for path in Path("kept").rglob("*")))
    for dtype in TYPES:
        loaded = attempt(cls.from_pretrained, "kept/inner", dtype=dtype)
        results += [str(getattr(loaded, "dtype", loaded)), str(torch.get_default_dtype())]
        if dtype is torch.float64:
            results += [run(loaded), str(loaded.config.dtype), str(loaded.float().dtype)]
    ways: tuple[dict[str, Any], ...] = (
        {"variant": "small"},
        {"variant": "no"},
        {},
        {"subfolder": "inner"},
        {"use_safetensors": False},
        {"subfolder": "inner", "use_safetensors": True, "output_attentions": True},
        {"subfolder": "inner", "no_option": 3},
        {"subfolder": "inner", "config": model.config, "low_cpu_mem_usage": True},
    )
    for way in ways:
        loaded = attempt(cls.from_pretrained, "kept", local_files_only=True, **way)
        results.append(str(getattr(loaded, "dtype", loaded)))
        results.append(getattr(getattr(loaded, "config", None), "output_attentions", None))
    auto = attempt(library.AutoModelForSequenceClassification.from_pretrained, "kept/inner")
    return [*results, type(auto).__name__, getattr(auto, "num_labels", None)]


OF_MEMORIES = (
    Family(
        hold_states,
        lambda: ["dynamic", "plain", "sliding", "static", "static sliding", "pair"],
        lambda _: {"window": 4},
    ),
    Family(look_inside, lambda: ["gpt2", "llama", "bert", "t5", "opt", "bart"], lambda _: {}),
    Family(choose_type, lambda: ["gpt2", "bert"], lambda _: {}),
)
