"""Programs with encoded texts of transformers: places of words, batches, ends of texts, streams."""

from __future__ import annotations

import copy
import importlib
import pickle
from typing import Any

import numpy as np
import torch

from ... import pool
from ..families import Family
from ..telling import attempt
from .of_pipelines import get_library

LOOK_UPS = (
    *("token_to_sequence", "token_to_word", "token_to_chars", "word_to_tokens", "char_to_token"),
    *("word_to_chars", "char_to_word"),
)
LONG = "the dog. she sat at the cat's hog, a zebra"


def look_up(batch: bool = True, **options: Any) -> Any:
    """Return the places of tokens, words and letters of encoded texts, each by the others."""
    fast = pool.make_value("$fast")
    texts: Any = ([LONG, "a cat"], ["the hog", "she"]) if batch else (LONG, "the hog")
    read = fast(*texts, return_offsets_mapping=True, **options)
    results: list[Any] = [dict(read), read.is_fast, read.n_sequences, len(read.encodings)]
    for name in LOOK_UPS:
        called = getattr(read, name)
        for place in (0, 1, 3, 6, 9, -2, 99):
            results += [
                attempt(called, place),
                attempt(called, 1, place),
                attempt(called, 0, place),
            ]
            if "word" in name or "char" in name:
                results.append(attempt(lambda c=called, p=place: c(0, p, sequence_index=1)))
    for row in (0, 1, 2, -1):
        for name in ("tokens", "sequence_ids", "word_ids"):
            results.append(attempt(getattr(read, name), row))
        results.append(attempt(lambda r=row: read[r].tokens))
    results += [attempt(lambda: read["input_ids"]), attempt(lambda: read[0:1])]
    results += [attempt(lambda: read.attention_mask), attempt(lambda: read.nothing)]
    results += [attempt(lambda: read["no"]), [*read.keys()], len([*read.items()])]
    again = pickle.loads(pickle.dumps(read))  # noqa: S301 - it is our own
    results += [again.tokens(0), again.data == read.data, copy.deepcopy(read).word_ids(0)]
    return [*results, make_tensors(fast, batch)]


def make_tensors(fast: Any, batch: bool) -> list[Any]:
    """Return encoded texts as tensors and arrays, and those that cannot be one."""
    kind, results = get_library().BatchEncoding, []
    rows: Any = [[3, 4], [5, 6]] if batch else [3, 4, 5]
    for values in ({"a": rows, "b": np.ones(2)}, {"a": [[1], [2, 3]]}, {"a": ["x"]}, {"a": None}):
        for form in ("pt", "np", None, "no"):
            for more in (False, True):
                made = kind(copy.deepcopy(values))
                results.append(
                    attempt(lambda m=made, f=form, a=more: dict(m.convert_to_tensors(f, a)))
                )
    made = kind({"a": rows}, tensor_type="pt", n_sequences=2)
    moved = attempt(lambda: dict(made.to("cpu")))
    results += [moved, made.n_sequences, attempt(made.tokens), attempt(lambda: made[0])]
    padded = fast.pad({"input_ids": [[5, 6], [7]]}, return_tensors="np", padding_side="left")
    return [*results, dict(padded), attempt(fast.pad, {"ids": [[5]]}), attempt(fast.pad, [])]


SPECIAL: tuple[dict[str, Any], ...] = (
    {"bos_token": "<s>", "eos_token": "</s>"},
    {"extra_special_tokens": ["<x>", "<y>"]},
    {"additional_special_tokens": ["<z>"]},
    {"no_token": "<q>"},
    {"pad_token": 3},
)


def edit_vocabulary(**options: Any) -> Any:
    """Return what tokens that are added do to texts and to what is decoded."""
    library, fast = get_library(), pool.make_value("$fast")
    for name, value in options.items():
        setattr(fast, name, value)
    text = "the  <s> dog<x> zebra , zebras </s> <w> q"
    results: list[Any] = [fast.vocab_size, len(fast), fast.get_added_vocab()]
    for special in SPECIAL:
        results.append(attempt(fast.add_special_tokens, copy.deepcopy(special)))
        results += [fast.all_special_tokens, fast.all_special_ids, len(fast), fast.tokenize(text)]
    results.append(attempt(fast.add_special_tokens, {"extra_special_tokens": ["<w>"]}, False))
    words = (
        library.AddedToken("zebra", single_word=True),
        library.AddedToken("<w>", lstrip=True, rstrip=True),
        library.AddedToken("Q", normalized=True, special=True),
    )
    for word in ("dog", *words):
        results += [attempt(fast.add_tokens, word), attempt(fast.add_tokens, [word], True)]
        results += [fast.get_added_vocab(), fast.tokenize(text), len(fast)]
    results.append(decode_texts(fast, text))
    fast.split_special_tokens = True
    results += [fast.tokenize(text), fast("[CLS] a")["input_ids"], fast.encode("[SEP]")]
    for name, value in (("unk_token", "zebra"), ("mask_token", None), ("sep_token_id", 8)):
        results.append(attempt(setattr, fast, name, value))
        results += [attempt(getattr, fast, each) for each in ("unk_token_id", "mask_token_id")]
        results += [attempt(getattr, fast, "sep_token"), dict(fast.special_tokens_map)]
    fast.model_max_length = 9
    return [*results, fast.max_len_single_sentence, fast.max_len_sentences_pair, str(fast)[:60]]


def decode_texts(fast: Any, text: str) -> list[Any]:
    """Return what numbers and tokens of a text are as texts again."""
    ids, results = fast(text)["input_ids"], []
    ways: tuple[dict[str, Any], ...] = (
        {},
        {"skip_special_tokens": True},
        {"clean_up_tokenization_spaces": True},
        {"clean_up_tokenization_spaces": False, "skip_special_tokens": True},
    )
    for way in ways:
        results += [
            fast.decode(ids, **way),
            fast.decode(ids[3], **way),
            fast.decode([ids, ids], **way),
        ]
        results += [fast.batch_decode([ids, ids[:4]], **way), fast.decode(torch.tensor(ids), **way)]
        results.append(attempt(fast.decode, np.array([ids]), **way))
    results += [fast.convert_ids_to_tokens(ids), fast.convert_ids_to_tokens(5), fast.decode([])]
    results += [
        attempt(fast.convert_tokens_to_ids, each) for each in ("<w>", "no", ["a", "no"], None)
    ]
    return results


STOPS = ("dog", "the", "a dog", "og", "e d", "t.", "caf\u00e9", "at", "!", "zz")


def make_speller(kind: str) -> Any:
    """Return a tokenizer that knows all letters, and how to put words together."""
    tk = importlib.import_module("tokenizers")
    space = {"bytes": "\u0120", "spaces": "\u2581"}.get(kind, " ")
    words = ["[UNK]", "[PAD]", *"abcdefghijklmnopqrstuvwxyz.!'", space, f"{space}t", "he"]
    words += [f"{space}the", "og", "dog", "at", f"{space}a", "<0xC3>", "<0xA9>"]
    pairs = [(space, "t"), ("h", "e"), (f"{space}t", "he"), ("o", "g"), ("d", "og"), ("a", "t")]
    places = {word: place for place, word in enumerate(words)}
    inner = tk.Tokenizer(
        tk.models.BPE(places, [*pairs, (space, "a")], byte_fallback=kind != "bytes")
    )
    if kind == "bytes":
        inner.pre_tokenizer = tk.pre_tokenizers.ByteLevel(add_prefix_space=False)
        inner.decoder = tk.decoders.ByteLevel()
    else:
        inner.pre_tokenizer = tk.pre_tokenizers.Metaspace(prepend_scheme="never")
        parts = [tk.decoders.Replace(space, " "), tk.decoders.ByteFallback(), tk.decoders.Fuse()]
        inner.decoder = tk.decoders.Sequence(parts)
    names = {"unk_token": "[UNK]", "pad_token": "[PAD]"}
    return get_library().PreTrainedTokenizerFast(tokenizer_object=inner, **names)


def stop_texts(kind: str, *strings: str) -> Any:
    """Return which texts end with strings, special tokens, at a length or in doubt."""
    made, fast = get_library().generation.stopping_criteria, make_speller(kind)
    texts = ["the dog", "she sat", "a hog.", "the t.", "a the d", "dogs! caf\u00e9"]
    ids = fast(texts, padding=True, add_special_tokens=False)["input_ids"]
    fast.padding_side = "left"
    left = fast(texts, padding=True, add_special_tokens=False, return_tensors="pt")["input_ids"]
    results: list[Any] = []
    for stops in ([*(strings or STOPS)], strings[0] if strings else "dog", ["at", "the"]):
        held = attempt(made.StopStringCriteria, fast, stops)
        for rows in (left, torch.tensor(ids), left[:, -2:], left[:, :0], left.repeat(1, 3)):
            results.append(attempt(lambda e=held, r=rows: e(r, None).tolist()))
        results += [
            attempt(lambda e=held: [e.maximum_token_len, e.num_stop_strings, e.target_lens])
        ]
        results.append(attempt(lambda e=held: [e.max_valid_positions, e.embedding_vec]))
    scores = (torch.arange(6 * 40).reshape(6, 40) / 40,)
    criteria: list[Any] = [made.MaxLengthCriteria(3), made.MaxLengthCriteria(9, 2)]
    criteria += [made.EosTokenCriteria(each) for each in (5, [6, 34], torch.tensor([33]))]
    criteria += [made.ConfidenceCriteria(0.01), made.ConfidenceCriteria(0.5)]
    criteria += [made.MaxTimeCriteria(1e9), made.MaxTimeCriteria(-1.0)]
    for each in criteria:
        results += [attempt(each, left, scores), attempt(each, left[:, :2], scores)]
        results.append(attempt(lambda e=each: e(left, scores, new_token_length=3)))
    several = made.StoppingCriteriaList([criteria[2], criteria[3]])
    results += [several(left, scores), several.max_length]
    more = attempt(made.validate_stopping_criteria, several, 4)
    results += [len(more), more.max_length, more(left, scores), len(several)]
    return [*results, len(made.validate_stopping_criteria(more, 7))]


def stream_texts(skip_prompt: bool = False, **options: Any) -> Any:
    """Return the pieces in which texts come out while they are written."""
    library, fast = get_library(), pool.make_value("$fast")
    pieces: list[Any] = []
    kind = type(
        "KeptPieces",
        (library.TextStreamer,),
        {"on_finalized_text": lambda _, text, stream_end=False: pieces.append([text, stream_end])},
    )
    made = kind(fast, skip_prompt, **options)
    for ids in ([2, 36, 37], [31], [5], [6], [40 - 1], [8, 9], [3]):
        attempt(made.put, torch.tensor(ids))
    made.end()
    refused = attempt(made.put, torch.ones(2, 2))
    queue = library.TextIteratorStreamer(fast, skip_prompt, **options)
    model = pool.make_value("$gpt")
    given = {"max_new_tokens": 5, "do_sample": False, "pad_token_id": 0}
    texts = torch.tensor([[5, 9, 36]])
    written = model.generate(texts, attention_mask=texts > 0, streamer=queue, **given)
    rest = attempt(lambda: [*queue])
    model.generate(texts, attention_mask=texts > 0, streamer=made, **given)
    return [pieces, refused, rest, written]


def collate_more(size: int = 4, padding: Any = True) -> Any:
    """Return batches with choices, decoders, masks of words and rows without padding."""
    library, fast = get_library(), pool.make_value("$fast")
    data = library.data.data_collator
    results: list[Any] = []
    ids = fast(["a cat", "the dog sat", "she"])["input_ids"]
    choices = [{"input_ids": [*ids[:2]], "label": 1}, {"input_ids": [*ids[1:]], "label": 0}]
    for form in ("pt", "np"):
        given = {"pad_to_multiple_of": size, "padding": padding, "return_tensors": form}
        rows = [{"input_ids": row, "labels": row[1:]} for row in ids]
        made: list[Any] = [
            library.DataCollatorForMultipleChoice(fast, **given),
            library.DataCollatorForSeq2Seq(fast, label_pad_token_id=-1, **given),
            library.DataCollatorForSeq2Seq(fast, padding="max_length", max_length=8),
            library.DataCollatorForSeq2Seq(fast, padding=False),
            library.DataCollatorForTokenClassification(fast, label_pad_token_id=-7, **given),
            library.DataCollatorWithPadding(fast, **given),
            library.DataCollatorWithFlattening(return_flash_attn_kwargs=True, return_seq_idx=True),
        ]
        for each in made:
            for held in (rows, choices, [{"input_ids": row} for row in ids]):
                pool.set_seeds()
                batch = attempt(each, copy.deepcopy(held))
                results.append(list_numbers(batch))
    mixed: tuple[Any, ...] = (
        [{"label": torch.tensor(1), "a": np.ones(2)}, {"label": torch.tensor(2), "a": np.ones(2)}],
        [{"label": 0.5, "a": [1, 2], "b": "x"}, {"label": 1.5, "a": [3, 4], "b": "y"}],
        [{"label_ids": torch.tensor([1, 2]), "c": None}, {"label_ids": torch.tensor([3, 4])}],
        [{"label_ids": [0.5]}, {"label_ids": [1.5]}],
    )
    for held in mixed:
        results += [attempt(data.default_data_collator, held, form) for form in ("pt", "np", "no")]
    return [*results, mask_words(library, fast, ids)]


def list_numbers(batch: Any) -> Any:
    """Return the types and the numbers of a batch, so that each of them counts."""
    if not hasattr(batch, "keys"):
        return batch
    return {
        key: [str(each.dtype), each.tolist()] if hasattr(each, "dtype") else each
        for key, each in batch.items()
    }


def mask_words(library: Any, fast: Any, ids: Any) -> list[Any]:
    """Return batches with masks of tokens and whole words, with each share of them."""
    results: list[Any] = []
    ways: tuple[dict[str, Any], ...] = (
        {"mlm_probability": 0.5},
        {"mlm_probability": 0.6, "mask_replace_prob": 0.5, "random_replace_prob": 0.5},
        {"mlm_probability": 1.0, "mask_replace_prob": 1.0, "random_replace_prob": 0},
        {"mlm_probability": 0.9, "mask_replace_prob": 0, "random_replace_prob": 1.0},
        {"mask_replace_prob": 0.8, "random_replace_prob": 0.4},
        {"mlm": False, "pad_to_multiple_of": 4},
        {"mlm_probability": 0.5, "seed": 3},
        {"whole_word_mask": True, "mlm_probability": 0.5},
        {"mlm_probability": 2.0},
    )
    offsets = [fast(text, return_offsets_mapping=True) for text in (LONG, "a cat")]
    for way in ways:
        for form in ("pt", "np"):
            pool.set_seeds()
            made = attempt(
                library.DataCollatorForLanguageModeling, fast, return_tensors=form, **way
            )
            rows = [{"input_ids": [*row]} for row in ids]
            for held in (rows, [dict(each) for each in offsets], [*map(torch.tensor, ids[:1])]):
                batch = attempt(made, held)
                results.append(list_numbers(batch))
    return results


OF_ENCODINGS = (
    Family(
        look_up,
        lambda: [
            *("", "False", "padding=True,truncation='only_first',max_length=14,stride=2"),
            "truncation='only_first',max_length=14,stride=3,return_overflowing_tokens=True",
        ],
        lambda _: {"add_special_tokens": True},
    ),
    Family(
        edit_vocabulary,
        lambda: [""],
        lambda _: {"clean_up_tokenization_spaces": False, "split_special_tokens": False},
    ),
    Family(
        stop_texts,
        lambda: ["bytes", "spaces", "'bytes','og'", "'spaces','she','t d'"],
        lambda _: {},
    ),
    Family(
        stream_texts,
        lambda: [""],
        lambda _: {"skip_prompt": False, "skip_special_tokens": False},
    ),
    Family(collate_more, lambda: [""], lambda _: {"size": 4, "padding": True}),
)
