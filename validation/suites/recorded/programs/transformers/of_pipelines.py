"""Programs with pipelines of transformers that read texts: their words, labels, gaps and topics."""

from __future__ import annotations

import functools
import importlib
import os
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

from ... import pool
from ..families import Family
from ..telling import attempt

TEXTS = ["the dog. the cat, she! a hog", "a cat", "at the she-dog, the hog."]
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "MISC")
STRATEGIES = ("none", "simple", "first", "average", "max")
UNKNOWN = {"unk_token": "[UNK]"}
SETTINGS = {"TOKENIZERS_PARALLELISM": "false"}
"""A pipeline sets this for the whole process."""


def get_library() -> Any:
    """Return the package of the pipelines."""
    return importlib.import_module("transformers")


def make_reader(head: str, labels: tuple[str, ...] = TAGS, **options: Any) -> Any:
    """Return a small model whose results differ from word to word."""
    library = get_library()
    sizes: dict[str, Any] = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
    sizes["initializer_range"] = 1.0
    pool.set_seeds()
    config = library.BertConfig(
        vocab_size=40,
        intermediate_size=16,
        id2label=dict(enumerate(labels)),
        label2id={label: place for place, label in enumerate(labels)},
        **{**sizes, **options},
    )
    return getattr(library, f"BertFor{head}" if head else "BertModel")(config).eval()


@mock.patch.dict(os.environ, SETTINGS)
def make_pipe(task: str | None, model: Any, **options: Any) -> Any:
    """Return a pipeline with a model and the tokenizer of the pool."""
    given = {"tokenizer": pool.make_value("$fast"), "device": "cpu", **options}
    return get_library().pipeline(task, model=model, **given)


@mock.patch.dict(os.environ, SETTINGS)
def ask(pipe: Any, *values: Any, **options: Any) -> Any:
    """Return what a pipeline gives, all of it if it is given step by step."""
    found = attempt(pipe, *values, **options)
    steps = not isinstance(found, list | dict | str | torch.Tensor)
    return attempt(lambda: [*found]) if steps else found


def ask_in_ways(pipe: Any, texts: list[Any], **options: Any) -> list[Any]:
    """Return what a pipeline gives for texts in lists, batches, generators and tables."""
    tables = importlib.import_module("transformers.pipelines.pt_utils")
    rows = [{"text": each, "other": place} for place, each in enumerate(texts)]
    held = tables.KeyDataset(rows, "text")
    results = [ask(pipe, texts[0], **options), ask(pipe, texts[:1], **options)]
    results += [ask(pipe, texts, **options), ask(pipe, texts, batch_size=2, **options)]
    results += [ask(pipe, iter([*texts]), **options), len(held), held[1]]
    results += [ask(pipe, (each for each in texts), batch_size=3, **options)]
    results += [ask(pipe, held, **options), ask(pipe, held, batch_size=2, **options)]
    return [*results, ask(pipe, [], **options), ask(pipe, 3, **options), pipe.call_count]


def tag_words(strategy: str, **options: Any) -> Any:
    """Return the entities that a pipeline finds with a way of joining pieces of words."""
    pipe = make_pipe("ner", make_reader("TokenClassification"), aggregation_strategy=strategy)
    results: list[Any] = [ask_in_ways(pipe, TEXTS, **options), pipe.task, type(pipe).__name__]
    words = ["the", "she", "dog", "cat"]
    ways: tuple[dict[str, Any], ...] = (
        {"ignore_labels": []},
        {"ignore_labels": ["O", "LOC", "B-LOC"]},
        {"aggregation_strategy": "simple"},
        {"aggregation_strategy": "no"},
        {"offset_mapping": [(0, 0), (0, 2), (3, 5), (5, 8), (8, 9), (9, 12), (0, 0)]},
    )
    for way in ways:
        results.append(ask(pipe, TEXTS[1], **{**options, **way}))
    for delimiter in (None, "-", "  "):
        results.append(ask(pipe, words, is_split_into_words=True, delimiter=delimiter))
        results.append(ask(pipe, [words, words[1:]], is_split_into_words=True, batch_size=2))
    results.append(ask(pipe, "the dog", is_split_into_words=True))
    pipe.tokenizer.model_max_length = 8
    for stride in (0, 2, 4, 8):
        results.append(ask(pipe, TEXTS[0], stride=stride))
    results.append(ask(pipe, TEXTS, stride=1, batch_size=2, aggregation_strategy="first"))
    return [*results, ask(pipe, TEXTS[0])]


def make_entity(word: str, tag: str, score: float, begun: int) -> dict[str, Any]:
    """Return an entity as a pipeline finds it."""
    ended = begun + len(word.removeprefix("##"))
    return {"word": word, "entity": tag, "score": score, "start": begun, "end": ended, "index": 1}


def make_entities(tags: str, step: int = 4) -> list[dict[str, Any]]:
    """Return neighbours with tags that are words of a text."""
    words = ["the", "c", "##at", "dog", "a", "##he"]
    parts = enumerate(tags.split())
    return [make_entity(words[i % 6], tag, 0.9 - i * 0.07, i * step) for i, tag in parts]


NEIGHBOURS = (
    *("B-PER I-PER I-PER", "B-PER B-PER I-PER", "I-PER I-PER B-PER", "I-PER I-LOC I-LOC"),
    *("B-PER I-LOC B-LOC", "O O B-PER", "PER PER LOC", "B-PER PER I-PER", "I-A-B I-A-B B-A-B"),
    *("B-LOC O I-LOC", "PER", "B-PER I-PER O B-LOC I-LOC I-LOC B-LOC"),
)


def group_words() -> Any:
    """Return how hand-made entities are joined, by tag, by word and by place."""
    pipe = make_pipe("token-classification", make_reader("TokenClassification"))
    strategies = importlib.import_module("transformers.pipelines.token_classification")
    kinds = [strategies.AggregationStrategy(name) for name in STRATEGIES]
    results: list[Any] = [pipe.get_tag(tag) for tag in ("B-X", "I-X", "X", "B-", "b-X", "I-B-X")]
    for tags in NEIGHBOURS:
        made = make_entities(tags)
        results += [pipe.group_entities(made), pipe.group_sub_entities(made), made]
    numbers = np.random.default_rng(3).dirichlet(np.ones(6), 9).astype(np.float32)
    words = ["the", "c", "##at", "a", "b", "##og", "##he", "dog", "."]
    pieces = [
        {**make_entity(word, "", 0, place * 3), "scores": numbers[place], "index": place}
        | {"is_subword": word.startswith("##") or word == "b"}
        for place, word in enumerate(words)
    ]
    for kind in kinds:
        results += [attempt(pipe.aggregate, pieces, kind), attempt(pipe.aggregate, [], kind)]
        results += [attempt(pipe.aggregate_words, pieces, kind)]
        results += [attempt(pipe.aggregate_word, pieces[1:3], kind)]
    for step in (2, 1, 4):
        made = make_entities("B-PER I-PER PER LOC O B-LOC", step)
        grown = [{**each, "score": 0.1 * place} for place, each in enumerate(made)]
        results += [pipe.aggregate_overlapping_entities(each) for each in (made, grown, made[::-1])]
    return [*results, pipe.aggregate_overlapping_entities([]), gather_pieces(pipe, kinds)]


def gather_pieces(pipe: Any, kinds: list[Any]) -> list[Any]:
    """Return what a pipeline knows of pieces of texts, with tokenizers of two kinds."""
    tk = importlib.import_module("tokenizers")
    results: list[Any] = []
    text = "the cat, (she) zebra"
    letters = {
        each: place for place, each in enumerate(["[UNK]", *"abcdefghijklmnopqrstuvwxyz,()"])
    }
    bare = tk.Tokenizer(tk.models.BPE({**letters, "ca": 33, "th": 34}, [("c", "a"), ("t", "h")]))
    bare.pre_tokenizer = tk.pre_tokenizers.Whitespace()
    other = get_library().PreTrainedTokenizerFast(tokenizer_object=bare, **UNKNOWN)
    for tokenizer in (pipe.tokenizer, other):
        pipe.tokenizer = tokenizer
        read = tokenizer(text, return_offsets_mapping=True, return_special_tokens_mask=True)
        ids, mask = np.array(read["input_ids"]), np.array(read["special_tokens_mask"])
        scores = np.random.default_rng(4).random((len(ids), 6)).astype(np.float32)
        places = read["offset_mapping"]
        for kind in kinds:
            found = pipe.gather_pre_entities(text, ids, scores, places, mask, kind)
            results += [found, pipe.aggregate(found, kind)]
        results.append(pipe.gather_pre_entities(text, ids, scores, None, mask * 0, kinds[0]))
        given = [None if each else place for place, each in enumerate(mask)]
        chars = [(place * 2, place * 2 + 1) for place in range(len(ids))]
        parts = (text, ids, scores, torch.tensor(places), mask, kinds[2], given, chars)
        results.append(attempt(pipe.gather_pre_entities, *parts))
    return results


PAIRS: list[Any] = [
    {"text": "the dog", "text_pair": "a cat"},
    {"text": "she", "text_pair": "the hog. the dog"},
]
PROBLEMS = ("", "regression", "single_label_classification", "multi_label_classification")


def classify_texts(problem: str = "", labels: int = 3, **options: Any) -> Any:
    """Return the labels that a pipeline gives to texts and pairs, with every function."""
    names = ("bad", "so so", "good", "best")[:labels]
    model = make_reader("SequenceClassification", names, problem_type=problem or None)
    pipe = make_pipe("text-classification", model, **options)
    tables = importlib.import_module("transformers.pipelines.pt_utils")
    results: list[Any] = [ask_in_ways(pipe, TEXTS), ask_in_ways(pipe, PAIRS, top_k=2)]
    for top in (None, 1, 2, 9, ""):
        for function in (None, "sigmoid", "softmax", "none", "NONE", "no"):
            way: dict[str, Any] = {"top_k": top, "function_to_apply": function}
            results.append(ask(pipe, TEXTS[1], **way))
    results += [ask(pipe, [["the dog", "a cat"]]), ask(pipe, [TEXTS[:1]])]
    results.append(ask(pipe, tables.KeyPairDataset(PAIRS, "text", "text_pair"), batch_size=2))
    results.append(ask(pipe, TEXTS[0], truncation=True, max_length=4))
    results += [ask(pipe.predict, TEXTS[1]), ask(pipe.transform, TEXTS[1])]
    return [*results, str(pipe.dtype), str(pipe.device), pipe.model.training]


def keep_pipe(task: str, head: str) -> list[Any]:
    """Return what a pipeline gives after it is saved and loaded."""
    pipe = make_pipe(task, make_reader(head, TAGS[:3]), batch_size=2)
    pipe.save_pretrained("kept")
    names = sorted(path.name for path in Path("kept").iterdir())
    make = functools.partial(make_pipe, pipe.task, "kept", tokenizer=None)
    loaded, double = make(), make(dtype=torch.float64, batch_size=2)
    results = [names, ask(loaded, TEXTS), ask(double, TEXTS), str(double.dtype)]
    results += [str(loaded.dtype), type(loaded.model).__name__, loaded.model.training]
    results.append(attempt(lambda: type(make_pipe(None, "kept", tokenizer=None)).__name__))
    return [*results, attempt(make_pipe, "no-task", "kept"), attempt(make_pipe, None, None)]


def fill_masks(**options: Any) -> Any:
    """Return the words that a pipeline puts into gaps."""
    pipe = make_pipe("fill-mask", make_reader("MaskedLM"), **options)
    texts = ["the [MASK]. a cat", "[MASK] dog", "a [MASK] and [MASK] she"]
    results: list[Any] = [ask_in_ways(pipe, texts), ask_in_ways(pipe, texts[:2], top_k=2)]
    for targets in ("dog", ["dog", "the", "a"], ["cats", "the"], ["no", "dog", "dog"], [], [""]):
        for top in (None, 1, 2, 40, 41):
            results.append(ask(pipe, texts[0], targets=targets, top_k=top))
        results.append(ask(pipe, texts, targets=targets, batch_size=2))
    results += [attempt(pipe.get_target_ids, each) for each in ("dog", ["she", "dog"], [])]
    for wrong in ("the dog", ["the dog", texts[0]], "", None):
        results.append(ask(pipe, wrong))
    kept = {"truncation": True, "max_length": 6}
    results.append(ask(pipe, texts[0], tokenizer_kwargs=kept))
    results.append(ask(pipe, texts[2], tokenizer_kwargs={"truncation": True, "max_length": 4}))
    read = pipe.tokenizer(texts[2], return_tensors="pt")["input_ids"]
    results.append(pipe.get_masked_index(read))
    pipe.tokenizer.mask_token = None
    return [*results, ask(pipe, texts[0])]


def find_features(**options: Any) -> Any:
    """Return the features that a pipeline finds in texts."""
    pipe = make_pipe("feature-extraction", make_reader(""), **options)
    results: list[Any] = [ask_in_ways(pipe, TEXTS), ask_in_ways(pipe, TEXTS, return_tensors=True)]
    pipe.tokenizer.model_max_length = 5
    for way in (
        {"truncation": True},
        {"truncation": False},
        {"tokenize_kwargs": {"truncation": True, "max_length": 4}},
        {"truncation": True, "tokenize_kwargs": {"truncation": True}},
        {"tokenize_kwargs": {"padding": "max_length", "max_length": 9}},
        {"tokenize_kwargs": {"add_special_tokens": False}, "return_tensors": True},
    ):
        results.append(ask(pipe, TEXTS[0], **way))
    pipe.tokenizer.pad_token = None
    return [*results, ask(pipe, TEXTS, batch_size=2), ask(pipe, TEXTS)]


LABELS: tuple[Any, ...] = ("a dog, the cat,she", ["hog"], ["dog", " she ", "the cat"], [], "")
TOPICS = ("contradiction", "neutral", "entailment")


def find_topics(*names: str, **options: Any) -> Any:
    """Return the topics that a pipeline finds in texts it knows nothing of."""
    model = make_reader("SequenceClassification", names or TOPICS)
    pipe = make_pipe("zero-shot-classification", model, **options)
    results: list[Any] = [pipe.entailment_id, ask(pipe, TEXTS[0], LABELS[0])]
    results.append(ask_in_ways(pipe, TEXTS, candidate_labels=LABELS[2]))
    results.append(ask(pipe, TEXTS, LABELS[2], batch_size=2, multi_label=True))
    for labels in LABELS:
        for many in (False, True):
            way: dict[str, Any] = {"candidate_labels": labels, "multi_label": many}
            results.append(ask(pipe, TEXTS[0], **way))
    for template in ("{} is here.", "the {}", "no place", "", "{} {}"):
        results.append(ask(pipe, TEXTS[2], LABELS[0], hypothesis_template=template))
    results += [ask(pipe, TEXTS[0]), ask(pipe, TEXTS[0], "a", "b"), ask(pipe, "", "a, b")]
    pipe.tokenizer.model_max_length = 12
    results += [ask(pipe, TEXTS[0], LABELS[0]), ask(pipe, TEXTS[1], ["the dog " * 6, "a"])]
    pipe.tokenizer.pad_token = None
    pipe.tokenizer.add_special_tokens({"eos_token": "[SEP]"})
    return [*results, ask(pipe, TEXTS[0], LABELS[0]), pipe.tokenizer.pad_token]


OF_READERS = (
    Family(tag_words, lambda: [*STRATEGIES], lambda _: {}),
    Family(group_words, lambda: [""], lambda _: {}),
    Family(
        classify_texts,
        lambda: [*(f"'{each}'" for each in PROBLEMS), "'',1", "'regression',1", "'',2"],
        lambda _: {},
    ),
    Family(
        keep_pipe,
        lambda: [
            *("'ner','TokenClassification'", "'sentiment-analysis','SequenceClassification'"),
            *("'fill-mask','MaskedLM'", "'feature-extraction',''"),
        ],
        lambda _: {},
    ),
    Family(fill_masks, lambda: [""], lambda _: {"top_k": 5}),
    Family(find_features, lambda: [""], lambda _: {"return_tensors": False}),
    Family(
        find_topics,
        lambda: ["", "'ENTAILED','other'", "'no','yes'"],
        lambda _: {"multi_label": False},
    ),
)
