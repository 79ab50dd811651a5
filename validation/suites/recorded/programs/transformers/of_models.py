"""Programs with models of transformers: saved and loaded, run step by step, and writing texts."""

# ruff: noqa: PLW0108 - what is looked up must be looked up inside, where its error is results

from __future__ import annotations

import copy
import importlib
from pathlib import Path
from typing import Any

import torch

from ... import pool
from ..families import Family
from ..telling import attempt
from .small_models import make_small

KINDS = ("gpt2", "llama", "bert", "t5", "mistral", "gemma2", "qwen2", "opt", "bart")
TEXTS = [[5, 9, 7, 5, 11], [8, 6, 9, 0, 0]]


def get_library() -> Any:
    """Return the package of the models."""
    return importlib.import_module("transformers")


def make_model(kind: str, **options: Any) -> Any:
    """Return a small model of a kind that has a head for words."""
    library = get_library()
    config = make_small(library.AutoConfig.for_model(kind))
    for name, value in options.items():
        setattr(config, name, value)
    heads = {"bert": "AutoModelForMaskedLM", "t5": "AutoModelForSeq2SeqLM"}
    heads["bart"] = heads["t5"]
    if kind in ("t5", "bart"):
        config.decoder_start_token_id = config.pad_token_id = 0
    pool.set_seeds()
    return getattr(library, heads.get(kind, "AutoModelForCausalLM")).from_config(config).eval()


def run(model: Any, **options: Any) -> Any:
    """Return what a model gives for two texts."""
    texts = torch.tensor(TEXTS)
    given = {"input_ids": texts, "attention_mask": (texts > 0).long(), "labels": texts}
    return {
        name: each for name, each in model(**{**given, **options}).items() if torch.is_tensor(each)
    }


def keep(kind: str, **options: Any) -> Any:
    """Return what a model is after it is saved and loaded in several ways."""
    model = make_model(kind)
    cls = type(model)
    model.save_pretrained("kept", **{"max_shard_size": "5KB", **options})
    names = sorted(path.name for path in Path("kept").iterdir())
    results: list[Any] = [names, run(model), model.num_parameters(True, True)]
    results.append(Path("kept/config.json").read_text().split("transformers_version")[0])
    state = model.state_dict()
    less = dict([*state.items()][1:])
    ways: tuple[dict[str, Any], ...] = (
        {"pretrained_model_name_or_path": "kept", "dtype": torch.float64},
        {"pretrained_model_name_or_path": "kept", "attn_implementation": "eager"},
        {"state_dict": {**state, "no.weight": torch.ones(2)}, "config": model.config},
        {"state_dict": less, "config": model.config},
    )
    for each in ways:
        given = {"pretrained_model_name_or_path": None, "output_loading_info": True, **each}
        loaded, info = cls.from_pretrained(**given)
        results.append([(n, sorted(map(str, v))) for n, v in info.items() if v is not None])
        if "config" not in each:
            results += [str(loaded.dtype), loaded.training, run(loaded)]
            results.append(loaded.config._attn_implementation)
    config = copy.deepcopy(model.config)
    config.vocab_size = 44
    more = {"config": config, "ignore_mismatched_sizes": True}
    results.append(attempt(lambda: cls.from_pretrained("kept", **more).num_parameters()))
    results.append(attempt(lambda: cls.from_pretrained("kept", config=config).num_parameters()))
    results.append(attempt(cls.from_pretrained, "none", local_files_only=True))
    base = get_library().AutoModel.from_pretrained("kept")
    results += [type(base).__name__, sorted(base.state_dict())]
    tied = model.get_output_embeddings()
    return [*results, tied is not None and tied.weight is model.get_input_embeddings().weight]


def change(kind: str) -> Any:
    """Return what becomes of a model whose embeddings, layers and weights are changed."""
    model = make_model(kind)
    results: list[Any] = [run(model)]
    for size, more in ((45, {"mean_resizing": False}), (38, {}), (None, {"pad_to_multiple_of": 8})):
        pool.set_seeds()
        made = attempt(lambda s=size, m=more: model.resize_token_embeddings(s, **m).weight.shape)
        results += [made, model.config.vocab_size, attempt(run, model)]
    return [results, learn_lean(make_model(kind)), show_model(make_model(kind))]


def learn_lean(model: Any) -> list[Any]:
    """Return the gradients of a model that keeps few results of its layers."""
    model.train().gradient_checkpointing_enable()
    results = [model.is_gradient_checkpointing]
    pool.set_seeds()
    texts = torch.tensor(TEXTS)
    model(input_ids=texts, labels=texts, use_cache=False).loss.backward()
    results.append([each.grad.norm() for each in model.parameters() if each.grad is not None])
    model.gradient_checkpointing_disable()
    return [*results, model.is_gradient_checkpointing, attempt(model.enable_input_require_grads)]


def show_model(model: Any) -> list[Any]:
    """Return what the layers of a model give, and what it gives with other labels and types."""
    results = [attempt(model.set_attn_implementation, "eager"), model.config._attn_implementation]
    given = {"input_ids": torch.tensor(TEXTS), "labels": torch.tensor(TEXTS)}
    shown = model(**given, output_hidden_states=True, output_attentions=True)
    for name in ("hidden_states", "attentions", "decoder_hidden_states", "encoder_attentions"):
        results.append([*(getattr(shown, name, None) or [])])
    plain = model(**given, return_dict=False)
    results += [len(plain), plain[:2], model.main_input_name, str(model.device)]
    labels = torch.tensor([[-100, 9, 7, -100, 11], [-100] * 5])
    results += [run(model, labels=labels), attempt(run, model, attention_mask=None)]
    return [*results, str(copy.deepcopy(model).half().dtype)]


def step_through(kind: str, cache: str = "dynamic") -> Any:
    """Return what a model gives for a text in steps with a cache, and for the whole."""
    library, model = get_library(), make_model(kind)
    texts = torch.tensor([[5, 9, 7, 5, 11, 8, 4]])
    if cache == "dynamic":
        made = library.DynamicCache(config=model.config)
    else:
        made = library.StaticCache(config=model.config, max_cache_len=9)
    results: list[Any] = []
    with torch.no_grad():
        results.append(model(input_ids=texts, use_cache=False).logits)
        for begun, ended in ((0, 3), (3, 4), (4, 7)):
            places = torch.arange(begun, ended)[None]
            given = {"input_ids": texts[:, begun:ended], "position_ids": places}
            step = model(past_key_values=made, use_cache=True, **given)
            results += [step.past_key_values.get_seq_length(), step.logits]
        results += [attempt(made.crop, 4), made.get_seq_length(), len(made)]
        results.append(attempt(lambda: made.batch_repeat_interleave(2)))
        results += [attempt(made.reorder_cache, torch.tensor([1, 0])), attempt(made.reset)]
        results += [made.get_seq_length(), attempt(lambda: made.get_max_cache_shape())]
        left = torch.tensor([[0, 0, 5, 9, 7]])
        ways: tuple[dict[str, Any], ...] = (
            {"inputs_embeds": model.get_input_embeddings()(texts)},
            {"input_ids": texts, "logits_to_keep": 2},
            {"input_ids": texts, "position_ids": torch.arange(7)[None] + 3},
            {"input_ids": left, "attention_mask": (left > 0).long()},
        )
        results += [attempt(lambda w=each: model(**w).logits) for each in ways]
    return results


SCHEDULES: dict[str, dict[str, Any]] = {
    "cosine_with_restarts": {"num_cycles": 2},
    "polynomial": {"power": 2.0, "lr_end": 0.01},
    "cosine_with_min_lr": {"min_lr": 0.02},
    "cosine_warmup_with_min_lr": {"min_lr": 0.02, "warmup_lr_rate": 0.3},
    "warmup_stable_decay": {"num_decay_steps": 3, "min_lr_ratio": 0.1},
    "reduce_lr_on_plateau": {"patience": 1, "factor": 0.5},
    "inverse_sqrt": {"timescale": 3},
}


def schedule(name: str, warm: int = 3) -> Any:
    """Return the rates of a schedule by name, and those after it is loaded in the middle."""
    library = get_library()
    results: list[Any] = []
    for more in ({}, SCHEDULES.get(name, {"no": 3})):
        optimizer = pool.make_value("$optimizer")
        optimizer.add_param_group({"params": [torch.ones(2, requires_grad=True)], "lr": 0.5})
        made = attempt(library.get_scheduler, name, optimizer, warm, 10, more)
        if isinstance(made, str):
            results.append(made)
            continue
        for place in range(12):
            optimizer.step()
            made.step(*([abs(place - 4)] if name in ("reduce_lr_on_plateau", "greedy") else []))
            results.append([group["lr"] for group in optimizer.param_groups])
            if place == 5:
                made.load_state_dict(copy.deepcopy(made.state_dict()))
    return [*results, type(attempt(library.get_scheduler, name, pool.make_value("$optimizer")))]


def adapt(**options: Any) -> Any:
    """Return weights and states after steps of Adafactor, the last after loading it."""
    library, net = get_library(), pool.make_value("$net")
    net[0].bias.requires_grad_(False)  # its gradients are noise
    parameters = [each for each in net.parameters() if each.requires_grad]
    given: dict[str, Any] = {"relative_step": False, "scale_parameter": False, **options}
    given["lr"] = None if given["relative_step"] else 0.05
    made = library.Adafactor(parameters, **given)
    for step in range(4):
        if step == 2:
            saved = copy.deepcopy(made.state_dict())
            made = library.Adafactor(parameters, **given)
            made.load_state_dict(saved)
        made.zero_grad()
        net(pool.make_value("$x")).square().sum().backward()
        made.step()
    rates = library.optimization.AdafactorSchedule(made, 0.1)
    return [[*net.parameters()], made.state_dict(), attempt(rates.get_lr)]


def configure(kind: str) -> Any:
    """Return what a configuration holds, after changes, and after it is saved and loaded."""
    auto = get_library().AutoConfig
    made = auto.for_model(kind, num_labels=4, extra="x")
    results: list[Any] = [sorted(made.to_dict()), made.to_diff_dict(), made.id2label]
    made.id2label = {0: "no", 1: "yes"}
    made.update({"hidden_dropout": 0.3, "eos_token_id": [1, 2]})
    results += [attempt(made.update_from_string, "use_cache=false,extra=y"), made.label2id]
    made.save_pretrained("kept")
    loaded = auto.from_pretrained("kept", output_hidden_states=True)
    again, unused = type(made).from_pretrained("kept", no_option=3, return_unused_kwargs=True)
    results += [loaded.to_diff_dict(), unused, again == made, loaded.output_hidden_states]
    results += [again.num_labels, type(made).from_dict(made.to_dict()) == made]
    results += [attempt(made.update_from_string, "no=3"), type(attempt(auto.for_model, "no"))]
    results.append(attempt(auto.from_pretrained, "none", local_files_only=True))
    for name in ("hidden_size", "num_attention_heads", "num_hidden_layers", "attribute_map"):
        results.append(getattr(made, name, None))
    for each in results:
        if isinstance(each, dict):
            each.pop("transformers_version", None)
    return results


OF_MODELS = (
    Family(keep, lambda: [*KINDS], lambda _: {"safe_serialization": True}),
    Family(change, lambda: [*KINDS], lambda _: {}),
    Family(
        step_through,
        lambda: [
            f"'{kind}','{cache}'"
            for kind in ("gpt2", "llama", "mistral", "gemma2", "opt")
            for cache in ("dynamic", "static")
        ],
        lambda _: {},
    ),
    Family(
        schedule,
        lambda: [each.value for each in get_library().trainer_utils.SchedulerType],
        lambda _: {"warm": 3},
    ),
    Family(
        adapt,
        lambda: [""],
        lambda _: {
            **{"clip_threshold": 1.0, "decay_rate": -0.8, "weight_decay": 0.0, "beta1": 0.9},
            **{"scale_parameter": False, "relative_step": False, "warmup_init": False},
        },
    ),
    Family(configure, lambda: [*KINDS, "vit", "resnet"], lambda _: {}),
)
