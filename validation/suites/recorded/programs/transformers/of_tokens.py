"""Programs with tokenizers of transformers: every option of a call, conversations and batches."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

from ... import pool
from ..families import Family
from ..telling import attempt
from ..tokenizers.of_tokenizers import TEXTS

WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"padding": True},
    {"padding": "max_length", "max_length": 9},
    {"padding": True, "pad_to_multiple_of": 4, "padding_side": "left"},
    {"truncation": True, "max_length": 5},
    {"truncation": "only_first", "max_length": 7},
    {"truncation": "only_second", "max_length": 8},
    {"truncation": True, "max_length": 12, "stride": 1, "return_overflowing_tokens": True},
    {"return_special_tokens_mask": True, "return_offsets_mapping": True, "return_length": True},
    {"return_token_type_ids": True, "return_attention_mask": False},
    {"add_special_tokens": False},
    {"return_tensors": "pt"},
    {"return_tensors": "pt", "padding": True},
    {"return_tensors": "np", "padding": "longest"},
    {"max_length": 4},
)
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "left": {"padding_side": "left", "truncation_side": "left"},
    "short": {"model_max_length": 6},
    "names": {"pad_token": "[MASK]", "bos_token": "<s>", "eos_token": "</s>"},
    "inputs": {"model_input_names": ["input_ids"], "clean_up_tokenization_spaces": True},
}
CHAT = (
    "{% for m in messages %}<{{ m['role'] }}>{% if m['role'] == 'assistant' %}{% generation %}"
    "{{ m['content'] }}{% endgeneration %}{% else %}{{ m['content'] }}{% endif %} . {% endfor %}"
    "{% if add_generation_prompt %}go{% endif %}{{ more }}"
)
TALK = [
    {"role": "user", "content": "the dog"},
    {"role": "assistant", "content": "a cat"},
    {"role": "user", "content": "why"},
]


def call_tokenizer(fast: Any) -> list[Any]:
    """Return what a tokenizer of transformers gives with every option of a call."""
    results: list[Any] = []
    texts, pairs = pool.make_value("$texts"), ["a cat", "the cat sat on it"]
    for way in WAYS:
        for given in ((texts,), (texts, pairs), ("the dog", "a cat")):
            results.append(attempt(lambda g=given, w=way: dict(fast(*g, **w))))
        results.append(attempt(lambda w=way: fast.encode("the dog barks", **w)))
    results.append(attempt(lambda: dict(fast([["the", "dog"]], is_split_into_words=True))))
    ids = fast(texts)["input_ids"]
    results += [fast.batch_decode(ids), fast.decode(ids[1], skip_special_tokens=True)]
    results += [fast.decode(ids[0], clean_up_tokenization_spaces=True), fast.tokenize("the dog!")]
    results += [fast.convert_ids_to_tokens(ids[0], skip_special_tokens=True), len(fast)]
    results += [
        fast.convert_tokens_to_ids(["the", "no"]),
        fast.convert_tokens_to_string(["d", "##og"]),
    ]
    results += [fast.all_special_ids, fast.all_special_tokens, fast.special_tokens_map]
    padded = [{"input_ids": each} for each in ids]
    results += [attempt(lambda: dict(fast.pad(padded, padding="max_length", max_length=30)))]
    results += [attempt(lambda: dict(fast.pad(padded, pad_to_multiple_of=4, return_tensors="pt")))]
    results += [
        fast.num_special_tokens_to_add(True),
        fast.get_special_tokens_mask(ids[0], already_has_special_tokens=True),
    ]
    encoded = fast(texts, pairs)
    results += [[encoded.tokens(1), encoded.word_ids(1), encoded.sequence_ids(1)], encoded.is_fast]
    return [*results, attempt(lambda: [encoded.char_to_token(1, 2), encoded.token_to_chars(1, 2)])]


def change_between_calls(fast: Any) -> list[Any]:
    """Return what a tokenizer gives after each change of a setting or an option."""
    texts = pool.make_value("$texts")
    results = [dict(fast(texts, padding=True))]
    names = "padding_side padding_side model_max_length truncation_side pad_token model_max_length"
    values: tuple[Any, ...] = ("left", "right", 5, "right", "[MASK]", 7)
    for name, value in zip(names.split(), values, strict=True):
        setattr(fast, name, value)
        results.append(dict(fast(texts, padding=True, truncation=True)))
    for options in ({"pad_to_multiple_of": 8}, {}, {"padding_side": "left"}, {}):
        results.append(dict(fast(texts, padding=True, **options)))
    return results


def keep_tokenizer(setting: str) -> Any:
    """Return what a tokenizer gives with other settings, and after it is saved and loaded."""
    library = importlib.import_module("transformers")
    fast = pool.make_value("$fast")
    for name, value in SETTINGS[setting].items():
        setattr(fast, name, value)
    results = [
        fast.add_tokens(["zebra"]),
        fast.add_special_tokens({"additional_special_tokens": ["<x>"]}),
    ]
    fast.chat_template = CHAT
    fast.save_pretrained("kept")
    names = sorted(path.name for path in Path("kept").iterdir())
    loaded = library.PreTrainedTokenizerFast.from_pretrained("kept")
    auto = attempt(lambda: library.AutoTokenizer.from_pretrained("kept", padding_side="left"))
    first, second = call_tokenizer(fast), call_tokenizer(loaded)
    results += [first, first[0] == second[0], names, fast("zebra <x> a")["input_ids"]]
    held = ["padding_side", "truncation_side", "model_max_length", "pad_token", "bos_token"]
    held += ["eos_token_id", "chat_template", "model_input_names", "added_tokens_decoder"]
    for each in (fast, loaded, auto):
        results += [[str(getattr(each, name, None)) for name in held]]
    other = library.PreTrainedTokenizerFast.from_pretrained(
        "kept", **{"pad_token": "[SEP]", "truncation_side": "left"}
    )
    results += [[str(getattr(other, name, None)) for name in held], other("the dog")["input_ids"]]
    results += change_between_calls(other)
    letters = [
        each for each in fast.train_new_from_iterator(TEXTS[:3], 60).get_vocab() if len(each) == 1
    ]
    return [results, sorted(letters)]


def talk(**options: Any) -> Any:
    """Return what a template makes of a conversation, as text, tokens and masks."""
    fast = pool.make_value("$fast")
    results: list[Any] = [attempt(fast.apply_chat_template, TALK)]
    fast.chat_template = CHAT
    for way in (
        {"tokenize": False},
        {"tokenize": False, "add_generation_prompt": True, "more": "yes"},
        {"tokenize": False, "continue_final_message": True},
        {"return_dict": True, "return_assistant_tokens_mask": True},
        {"return_dict": True, "padding": "max_length", "max_length": 30},
        {"return_dict": False, "truncation": True, "max_length": 5},
        {"return_tensors": "pt", "return_dict": True},
        {"tokenize": False, "chat_template": "{{ messages[0]['content'] }}"},
        {"tokenize": False, "chat_template": "{{ raise_exception('no') }}"},
    ):
        for talks in (TALK, [TALK, TALK[:1]]):
            results.append(strip(attempt(fast.apply_chat_template, talks, **{**way, **options})))
    return results


def strip(value: Any) -> Any:
    """Return an encoding as an ordinary dictionary."""
    return dict(value) if hasattr(value, "keys") else value


def collate(name: str, **options: Any) -> Any:
    """Return the batches that a collator makes of the features of texts."""
    library = importlib.import_module("transformers")
    fast, kind = pool.make_value("$fast"), getattr(library, name)
    named = inspect.signature(kind).parameters
    given = {"tokenizer": fast} if "tokenizer" in named else {}
    ids = fast(["a small dog", "the dog barks at the cat"])["input_ids"]
    results: list[Any] = []
    for extra in ({}, {"labels": 1}, {"label": 2}, {"labels": [3, 4]}, {"label_ids": [1, 2]}):
        rows: list[dict[str, Any]] = [{"input_ids": row, **extra} for row in ids]
        if extra.get("labels") == [3, 4]:
            rows = [{"input_ids": row, "labels": row[1:]} for row in ids]
        for form in ("pt", "np"):
            pool.set_seeds()
            made = kind(**given, **{**options, "return_tensors": form})
            results.append(strip(attempt(made, [dict(each) for each in rows])))
    return results


COLLATORS = (
    *("DataCollatorWithPadding", "DataCollatorForTokenClassification", "DataCollatorForSeq2Seq"),
    *("DataCollatorForLanguageModeling", "DataCollatorWithFlattening", "DefaultDataCollator"),
    *("DataCollatorForWholeWordMask", "DataCollatorForPermutationLanguageModeling"),
)
OF_COLLATORS: dict[str, Any] = {
    **{"mlm": True, "mlm_probability": 0.15, "mask_replace_prob": 0.8, "random_replace_prob": 0.1},
    **{"label_pad_token_id": -100, "pad_to_multiple_of": 7, "padding": True, "max_length": 8},
    **{"return_position_ids": True, "return_flash_attn_kwargs": False, "whole_word_mask": False},
    **{"plm_probability": 0.2, "max_span_length": 5, "separator_id": -100, "seed": 3},
}
OF_FAST = (
    Family(keep_tokenizer, lambda: [*SETTINGS], lambda _: {}),
    Family(talk, lambda: [""], lambda _: {"add_generation_prompt": False}),
    Family(collate, lambda: [*COLLATORS], lambda _: OF_COLLATORS),
)
