"""Programs with models of transformers: saved and loaded, run step by step, and writing texts."""

# ruff: noqa: PLW0108 - what is looked up must be looked up inside, where its error is results

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from .. import pool
from .families import Family
from .small_models import make_small
from .telling import attempt

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


def load_changed(cls: Any, model: Any) -> list[Any]:
    """Return what is loaded with other sizes and other weights."""
    results: list[Any] = []
    wanted = {"output_loading_info": True}
    config = copy.deepcopy(model.config)
    config.vocab_size = 44
    more = {"config": config, "ignore_mismatched_sizes": True}
    results.append(attempt(lambda: cls.from_pretrained("kept", **more).num_parameters()))
    state = model.state_dict()
    first = next(iter(state))
    for changed in (
        {**state, "no.weight": torch.ones(2)},
        {k: v for k, v in state.items() if k != first},
    ):
        _, info = cls.from_pretrained(None, config=model.config, state_dict=changed, **wanted)
        results += [
            {name: sorted(map(str, each)) for name, each in info.items() if each is not None}
        ]
    results += [attempt(lambda: cls.from_pretrained("none", local_files_only=True))]
    return results


def keep(kind: str, **options: Any) -> Any:
    """Return what a model is after it is saved and loaded in several ways."""
    model = make_model(kind)
    cls = type(model)
    model.save_pretrained("kept", **{"max_shard_size": "5KB", **options})
    names = sorted(path.name for path in Path("kept").iterdir())
    results: list[Any] = [
        names,
        run(model),
        model.num_parameters(),
        model.num_parameters(True, True),
    ]
    results += [Path("kept/config.json").read_text().split("transformers_version")[0]]
    wanted = {"output_loading_info": True}
    for more in ({"dtype": torch.float64}, {"attn_implementation": "eager"}):
        loaded, info = cls.from_pretrained("kept", **more, **wanted)
        results += [
            {name: sorted(map(str, each)) for name, each in info.items() if each is not None}
        ]
        results += [loaded.dtype, loaded.training, run(loaded), loaded.config._attn_implementation]
    results += load_changed(cls, model)
    base = get_library().AutoModel.from_pretrained("kept")
    results += [type(base).__name__, sorted(base.state_dict())[:30]]
    tied = model.get_output_embeddings()
    results += [tied is not None and tied.weight is model.get_input_embeddings().weight]
    return results


def run_otherwise(model: Any) -> list[Any]:
    """Return what a model gives with other labels, masks and types."""
    results: list[Any] = []
    labels = torch.tensor([[-100, 9, 7, -100, 11], [-100] * 5])
    results += [run(model, labels=labels), attempt(lambda: run(model, attention_mask=None))]
    half = copy.deepcopy(model).half()
    results += [half.dtype, str(model.device), model.get_input_embeddings().weight.shape]
    for shape in ((2, 5), (2, 1, 5, 5)):
        results.append(
            attempt(lambda s=shape: model.get_extended_attention_mask(torch.ones(s), s[:2]))
        )
    return results


def change(kind: str) -> Any:
    """Return what becomes of a model whose embeddings, layers and weights are changed."""
    model = make_model(kind)
    results: list[Any] = [run(model)]
    for size, more in ((45, {"mean_resizing": False}), (38, {}), (None, {"pad_to_multiple_of": 8})):
        pool.set_seeds()
        made = attempt(lambda s=size, m=more: model.resize_token_embeddings(s, **m).weight.shape)
        results += [made, model.config.vocab_size, attempt(lambda: run(model))]
    model = make_model(kind)
    model.train()
    results += [
        attempt(lambda: model.gradient_checkpointing_enable()),
        model.is_gradient_checkpointing,
    ]
    pool.set_seeds()
    model(
        input_ids=torch.tensor(TEXTS), labels=torch.tensor(TEXTS), use_cache=False
    ).loss.backward()
    results += [[each.grad.norm() for each in model.parameters() if each.grad is not None]]
    model.gradient_checkpointing_disable()
    results += [
        attempt(lambda: model.enable_input_require_grads()),
        model.is_gradient_checkpointing,
    ]
    results += [
        attempt(lambda: model.set_attn_implementation("eager")),
        model.config._attn_implementation,
    ]
    model.eval()
    shown = model(input_ids=torch.tensor(TEXTS), output_hidden_states=True, output_attentions=True)
    for name in ("hidden_states", "attentions", "decoder_hidden_states", "encoder_attentions"):
        results.append([*(getattr(shown, name, None) or [])])
    plain = model(input_ids=torch.tensor(TEXTS), return_dict=False)
    results += [len(plain), plain[0]]
    results += run_otherwise(model)
    return [results, attempt(lambda: model.get_parameter_or_buffer("no")), model.main_input_name]


def step_through(kind: str, cache: str = "dynamic") -> Any:
    """Return what a model gives for a text in steps with a cache, and for the whole."""
    library, model = get_library(), make_model(kind)
    texts = torch.tensor([[5, 9, 7, 5, 11, 8, 4]])
    made = {
        "dynamic": lambda: library.DynamicCache(config=model.config),
        "static": lambda: library.StaticCache(config=model.config, max_cache_len=9),
    }[cache]()
    results, held = [], []
    with torch.no_grad():
        whole = model(input_ids=texts, use_cache=False).logits
        for begun, ended in ((0, 3), (3, 4), (4, 7)):
            part = texts[:, begun:ended]
            places = torch.arange(begun, ended)
            given = model(
                input_ids=part, past_key_values=made, use_cache=True, position_ids=places[None]
            )
            held.append(given.logits)
            results += [given.past_key_values.get_seq_length(), given.logits]
        results.append((torch.cat(held, 1) - whole).abs().max() < 1e-4)
        results += [
            attempt(lambda: made.crop(4)),
            made.get_seq_length(),
            attempt(lambda: made.batch_repeat_interleave(2)),
        ]
        results += [
            attempt(lambda: made.reorder_cache(torch.tensor([1, 0]))),
            attempt(lambda: made.reset()),
        ]
        results += [made.get_seq_length(), attempt(lambda: made.get_max_cache_shape()), len(made)]
        embedded = model.get_input_embeddings()(texts)
        results.append(attempt(lambda: model(inputs_embeds=embedded).logits))
        results.append(attempt(lambda: model(input_ids=texts, logits_to_keep=2).logits))
        results.append(
            attempt(lambda: model(input_ids=texts, position_ids=torch.arange(7)[None] + 3).logits)
        )
        left = torch.tensor([[0, 0, 5, 9, 7]])
        results.append(
            attempt(lambda: model(input_ids=left, attention_mask=(left > 0).long()).logits)
        )
    return results


WAYS: dict[str, Callable[[], dict[str, Any]]] = {
    "ends": lambda: {"eos_token_id": [2, 7, 9, 11], "max_new_tokens": 12},
    "stops": lambda: {
        "stop_strings": ["dog", "a"],
        "tokenizer": pool.make_value("$fast"),
        "max_new_tokens": 12,
    },
    "bad words": lambda: {"bad_words_ids": [[5], [9, 7], [31]], "output_scores": True},
    "bias": lambda: {"sequence_bias": [[[12], 6.0], [[5, 12], -9.0]], "output_scores": True},
    "beams": lambda: {"num_beams": 3, "num_return_sequences": 3, "output_scores": True},
    "beams early": lambda: {"num_beams": 3, "early_stopping": True, "eos_token_id": [7, 9, 5]},
    "beams never": lambda: {
        "num_beams": 3,
        "early_stopping": "never",
        "length_penalty": 2.0,
        "eos_token_id": [7, 9],
    },
    "beams short": lambda: {"num_beams": 2, "length_penalty": -3.0, "eos_token_id": [7, 9, 5, 31]},
    "beams sampled": lambda: {"num_beams": 2, "do_sample": True, "temperature": 2.0},
    "static": lambda: {"cache_implementation": "static"},
    "no cache": lambda: {"use_cache": False, "output_logits": True},
    "lookup": lambda: {"prompt_lookup_num_tokens": 2},
    "assisted": lambda: {"assistant_model": pool.make_value("$gpt")},
    "states": lambda: {
        "output_hidden_states": True,
        "output_attentions": True,
        "max_new_tokens": 2,
    },
    "sampled": lambda: {
        "do_sample": True,
        "top_k": 5,
        "top_p": 0.8,
        "temperature": 1.5,
        "num_return_sequences": 2,
    },
    "guided": lambda: {"guidance_scale": 1.7, "output_scores": True},
    "penalties": lambda: {
        "repetition_penalty": 1.8,
        "no_repeat_ngram_size": 2,
        "encoder_repetition_penalty": 1.2,
    },
    "lengths": lambda: {
        "min_length": 9,
        "max_length": 10,
        "eos_token_id": [7, 9, 5],
        "max_new_tokens": None,
    },
    "decay": lambda: {"exponential_decay_length_penalty": (1, 4.0), "output_scores": True},
    "forced": lambda: {
        "forced_bos_token_id": 8,
        "forced_eos_token_id": 6,
        "suppress_tokens": [5, 7],
    },
    "watermark": lambda: {
        "watermarking_config": {"bias": 4.0, "greenlist_ratio": 0.4, "context_width": 1}
    },
    "prefix": lambda: {
        "prefix_allowed_tokens_fn": lambda row, ids: [5, 6] if row else [len(ids) % 9 + 3]
    },
    "processor": lambda: {
        "logits_processor": get_library().LogitsProcessorList(
            [lambda ids, scores: scores.roll(1, -1)]
        )
    },
    "criteria": lambda: {
        "stopping_criteria": [lambda ids, _: torch.tensor([ids.shape[1] > 5] * len(ids))]
    },
    "embeds": lambda: {
        "inputs_embeds": pool.make_value("$gpt").get_input_embeddings()(torch.tensor(TEXTS))
    },
    "wrong": lambda: {"num_return_sequences": 3},
    "wrong beams": lambda: {"num_beams": 2, "num_return_sequences": 3},
    "wrong name": lambda: {"no_option": 3},
    "wrong heat": lambda: {"do_sample": True, "temperature": 0.0},
    "wrong length": lambda: {"max_length": 2, "max_new_tokens": None},
}


def write(way: str) -> Any:
    """Return the texts and scores that a small model writes in one way."""
    model = pool.make_value("$gpt")
    texts = torch.tensor([[5, 9, 7, 5], [0, 0, 8, 6]])
    ordinary = {"max_new_tokens": 6, "pad_token_id": 0, "return_dict_in_generate": True}
    given = {**ordinary, **WAYS[way]()}
    mask = (texts > 0).long()
    if "inputs_embeds" in given:
        texts, mask = None, None
    results: list[Any] = []
    pool.set_seeds()
    first = attempt(lambda: model.generate(texts, attention_mask=mask, **given))
    results.append(first if isinstance(first, str) else [dict(first).get(name) for name in WRITTEN])
    one = attempt(lambda: model.generate(torch.tensor([[5, 9, 31]]), **WAYS[way]()))
    results.append(one if isinstance(one, str | torch.Tensor) else one.sequences)
    scores = isinstance(first, str) or first.get("scores") is None
    results.append(
        []
        if scores
        else attempt(
            lambda: model.compute_transition_scores(
                first.sequences, first.scores, first.get("beam_indices"), normalize_logits=True
            )
        )
    )
    plain = {
        k: v for k, v in given.items() if isinstance(v, int | float | str | list | dict | bool)
    }
    config = attempt(lambda: get_library().GenerationConfig(**plain))
    if isinstance(config, str):
        return [results, config]
    attempt(lambda: config.save_pretrained("kept"))
    loaded = attempt(lambda: get_library().GenerationConfig.from_pretrained("kept"))
    results += [attempt(lambda: loaded.to_diff_dict().keys()), attempt(lambda: loaded == config)]
    results += [
        attempt(lambda: config.get_generation_mode()),
        attempt(lambda: config.validate(strict=True)),
    ]
    return [results, attempt(lambda: sorted(config.update(temperature=0.5, no=3)))]


WRITTEN = ("sequences", "sequences_scores", "scores", "logits", "beam_indices", "hidden_states")
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
        made = attempt(lambda o=optimizer, m=more: library.get_scheduler(name, o, warm, 10, m))
        if isinstance(made, str):
            results.append(made)
            continue
        for place in range(12):
            optimizer.step()
            made.step(*([abs(place - 4)] if "plateau" in name else []))
            results.append([group["lr"] for group in optimizer.param_groups])
            if place == 5:
                made.load_state_dict(copy.deepcopy(made.state_dict()))
    results.append(attempt(lambda: library.get_scheduler(name, pool.make_value("$optimizer"))))
    return results


def adapt(**options: Any) -> Any:
    """Return weights and states after steps of Adafactor, the last after loading it."""
    kind = get_library().Adafactor
    net, inputs = pool.make_value("$net"), pool.make_value("$x")
    given: dict[str, Any] = {
        "lr": 0.05,
        "relative_step": False,
        "scale_parameter": False,
        **options,
    }
    given = {**given, **({"lr": None} if given["relative_step"] else {})}
    made = kind(net.parameters(), **given)
    for step in range(4):
        if step == 2:
            saved = copy.deepcopy(made.state_dict())
            made = kind(net.parameters(), **given)
            made.load_state_dict(saved)
        made.zero_grad()
        net(inputs).square().sum().backward()
        made.step()
    rates = get_library().optimization.AdafactorSchedule(made, 0.1)
    return [[*net.parameters()], made.state_dict(), attempt(rates.get_lr)]


def configure(kind: str) -> Any:
    """Return what a configuration holds, after changes, and after it is saved and loaded."""
    library = get_library()
    made = library.AutoConfig.for_model(kind, num_labels=4, extra="x")
    results: list[Any] = [
        sorted(made.to_dict()),
        made.to_diff_dict(),
        made.num_labels,
        made.id2label,
    ]
    made.id2label = {0: "no", 1: "yes"}
    made.update({"hidden_dropout": 0.3, "eos_token_id": [1, 2]})
    results += [attempt(lambda: made.update_from_string("use_cache=false,extra=y")), made.label2id]
    made.save_pretrained("kept")
    loaded = library.AutoConfig.from_pretrained("kept", output_hidden_states=True)
    again, unused = type(made).from_pretrained("kept", no_option=3, return_unused_kwargs=True)
    results += [
        loaded.to_diff_dict(),
        unused,
        again == made,
        loaded.output_hidden_states,
        again.num_labels,
    ]
    results += [type(made).from_dict(made.to_dict()) == made, made.to_json_string(True).count("\n")]
    results += [
        attempt(lambda: made.update_from_string("no=3")),
        attempt(lambda: library.AutoConfig.for_model("no")),
    ]
    results += [attempt(lambda: library.AutoConfig.from_pretrained("none", local_files_only=True))]
    results += [
        getattr(made, name, None)
        for name in ("hidden_size", "num_attention_heads", "num_hidden_layers", "attribute_map")
    ]
    return [
        {k: v for k, v in e.items() if k != "transformers_version"} if isinstance(e, dict) else e
        for e in results
    ]


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
    Family(write, lambda: [*WAYS], lambda _: {}),
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
