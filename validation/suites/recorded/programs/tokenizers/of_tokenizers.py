"""Programs with tokenizers: trained, changed, saved and loaded, with every option of a call."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ... import pool
from ..families import Family
from ..telling import attempt

TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "It's 12 o'clock! Wait...  the café is\tclosed",
    "low lower lowest, new newer newest: wide wider widest",
    "\uff21\uff22\uff23 ½ Straße İstanbul 中文 dogs'",
]
PAIRS = [("the dog", "a cat sat"), ("It's", "The quick brown fox. Dogs!")]
UNORDERED = (
    "WordPiece",
    "Unigram",
    "BertWordPieceTokenizer",
    "SentencePieceUnigramTokenizer",
    "CharBPETokenizer",
)
"""Their training goes through a table whose order no seed sets."""

MODELS = ("BPE", "WordPiece", "Unigram", "WordLevel")
TRAINERS = {"BPE": "BpeTrainer", "WordPiece": "WordPieceTrainer", "Unigram": "UnigramTrainer"}


def get_tokenizers() -> Any:
    """Return the package of the tokenizers."""
    return importlib.import_module("tokenizers")


def tell_encoding(each: Any) -> list[Any]:
    """Return all that an encoding tells, and what overflowed."""
    results = [each.ids, each.tokens, each.type_ids, each.offsets, each.attention_mask]
    results += [each.special_tokens_mask, each.word_ids, each.sequence_ids, each.n_sequences]
    results += [attempt(lambda p=p: each.token_to_chars(p)) for p in (0, 2, 99)]
    results += [attempt(lambda p=p: each.char_to_token(p)) for p in (0, 4, 99)]
    results += [attempt(lambda p=p: each.word_to_tokens(p)) for p in (0, 1, 99)]
    results += [attempt(lambda: each.token_to_word(1)), attempt(lambda: each.word_to_chars(1))]
    return [*results, [tell_encoding(more) for more in each.overflowing]]


def use_tokenizer(made: Any) -> list[Any]:
    """Return what a tokenizer gives for texts and pairs, and what it is as text."""
    results = [[tell_encoding(made.encode(text)) for text in TEXTS], made.get_vocab_size()]
    results += [[tell_encoding(each) for each in made.encode_batch(PAIRS)]]
    results += [attempt(lambda: tell_encoding(made.encode(["the", "dog"], is_pretokenized=True)))]
    ids = [made.encode(text, add_special_tokens=False).ids for text in TEXTS]
    results += [made.decode_batch(ids), made.decode(ids[0], skip_special_tokens=False)]
    results += [made.token_to_id("the"), made.id_to_token(5), made.id_to_token(9999)]
    return [*results, made.num_special_tokens_to_add(True), made.to_str()]


def train_tokenizer(model: str, **options: Any) -> Any:
    """Return what a tokenizer that is trained from a few texts gives, and after loading it."""
    tk = get_tokenizers()
    special = ["[UNK]", "[PAD]", "[CLS]", "[SEP]"]
    named = {} if model == "Unigram" else {"unk_token": "[UNK]"}
    made = tk.Tokenizer(getattr(tk.models, model)(**named))
    made.pre_tokenizer = tk.pre_tokenizers.Whitespace()
    ordinary: dict[str, Any] = {"special_tokens": special, "show_progress": False}
    ordinary |= {"vocab_size": 70} | ({"unk_token": "[UNK]"} if model == "Unigram" else {})
    kind = getattr(tk.trainers, TRAINERS.get(model, "WordLevelTrainer"))
    made.train_from_iterator(TEXTS[:3] * 3, kind(**{**ordinary, **options}))
    made.save("tokenizer.json", pretty=False)
    loaded = tk.Tokenizer.from_file("tokenizer.json")
    Path("texts.txt").write_text("\n".join(TEXTS[:3]), encoding="utf-8")
    made.model.save(".", "kept")
    names = sorted(path.name for path in Path().iterdir())
    texts = [Path(name).read_text(encoding="utf-8") for name in names if "kept" in name]
    results: list[Any] = [model == "Unigram" or use_tokenizer(made) == use_tokenizer(loaded), names]
    if model in UNORDERED:
        return [results, tell_vocabulary(made)]
    results += [use_tokenizer(made), texts]
    again = tk.Tokenizer.from_str(loaded.to_str())
    again.train(["texts.txt"], kind(**{**ordinary, **options}))
    return [results, sorted(again.get_vocab().items())]


def tell_vocabulary(made: Any) -> list[Any]:
    """Return what every training gives of a vocabulary whose numbers depend on chance."""
    letters = sorted(each for each in made.get_vocab() if len(each) == 1)
    return [letters, made.get_vocab_size(), [made.id_to_token(place) for place in range(4)]]


def set_up(**options: Any) -> Any:
    """Return what truncation, padding and added tokens do to a tokenizer, saved and loaded."""
    tk = get_tokenizers()
    made = pool.make_value("$tokenizer")
    results: list[Any] = [use_tokenizer(made)]
    for side in ("right", "left"):
        for strategy in ("longest_first", "only_first", "only_second"):
            made.enable_truncation(12, stride=1, strategy=strategy, direction=side)
            results.append(made.truncation)
            results.append(
                attempt(lambda: [tell_encoding(each) for each in made.encode_batch(PAIRS)])
            )
        made.no_truncation()
        for more in ({}, {"length": 20}, {"pad_to_multiple_of": 8}):
            given = {"pad_id": 3, "pad_token": "[SEP]", "pad_type_id": 1, **more, **options}
            made.enable_padding(direction=side, **given)
            results += [made.padding, [tell_encoding(each) for each in made.encode_batch(PAIRS)]]
        made.no_padding()
    added = tk.AddedToken("<x>", lstrip=True, rstrip=True, normalized=False)
    results += [made.add_tokens(["zebra", added, "the"]), made.add_special_tokens(["<s>", "[CLS]"])]
    single = tk.AddedToken("fox", single_word=True, special=True)
    results += [made.add_tokens([single]), sorted(made.get_vocab().items())[-9:]]
    lines = ("a  <x> zebra foxes fox <s>", "<x><x>", "FOX Zebra")
    results += [tell_encoding(made.encode(line)) for line in lines]
    made.enable_truncation(5)
    made.save("kept.json")
    loaded = tk.Tokenizer.from_file("kept.json")
    results += [loaded.to_str() == made.to_str(), loaded.truncation, loaded.padding]
    results += [tell_encoding(loaded.encode(line, "the dog")) for line in lines]
    results += [str(loaded.get_added_tokens_decoder()), loaded.get_vocab_size(False)]
    loaded.encode_special_tokens = True
    return [
        results,
        loaded.encode("<s> [CLS]").tokens,
        attempt(lambda: tk.Tokenizer.from_str("{}")),
    ]


PARTS: dict[str, Callable[[Any], Any]] = {
    "nfc": lambda t: t.normalizers.Sequence([t.normalizers.NFKC(), t.normalizers.Lowercase()]),
    "nfd": lambda t: t.normalizers.Sequence([t.normalizers.NFD(), t.normalizers.StripAccents()]),
    "nfkd": lambda t: t.normalizers.NFKD(),
    "bert": lambda t: t.normalizers.BertNormalizer(lowercase=False, strip_accents=True),
    "chinese": lambda t: t.normalizers.BertNormalizer(handle_chinese_chars=False),
    "clean": lambda t: t.normalizers.BertNormalizer(clean_text=False, strip_accents=False),
    "strip": lambda t: t.normalizers.Strip(left=False),
    "replace": lambda t: t.normalizers.Replace(t.Regex("[aeiou]+"), "_"),
    "prepend": lambda t: t.normalizers.Prepend("_"),
    "nmt": lambda t: t.normalizers.Nmt(),
    "bytes": lambda t: t.normalizers.ByteLevel(),
    "byte level": lambda t: t.pre_tokenizers.ByteLevel(add_prefix_space=True),
    "byte level bare": lambda t: t.pre_tokenizers.ByteLevel(False, use_regex=False),
    "bert words": lambda t: t.pre_tokenizers.BertPreTokenizer(),
    "split": lambda t: t.pre_tokenizers.Split(t.Regex(r"\s+"), "merged_with_next"),
    "split out": lambda t: t.pre_tokenizers.Split("o", "isolated", invert=True),
    "punctuation": lambda t: t.pre_tokenizers.Punctuation("contiguous"),
    "digits": lambda t: t.pre_tokenizers.Digits(individual_digits=True),
    "spaces": lambda t: t.pre_tokenizers.WhitespaceSplit(),
    "metaspace": lambda t: t.pre_tokenizers.Metaspace("~", prepend_scheme="first", split=False),
    "metaspace never": lambda t: t.pre_tokenizers.Metaspace(prepend_scheme="never"),
    "scripts": lambda t: t.pre_tokenizers.UnicodeScripts(),
    "delimiter": lambda t: t.pre_tokenizers.CharDelimiterSplit("o"),
    "fixed": lambda t: t.pre_tokenizers.FixedLength(4),
    "sequence": lambda t: t.pre_tokenizers.Sequence(
        [t.pre_tokenizers.Whitespace(), t.pre_tokenizers.Digits()]
    ),
}
DECODERS: dict[str, Callable[[Any], Any]] = {
    "byte level": lambda d: d.ByteLevel(),
    "pieces": lambda d: d.WordPiece("##", cleanup=False),
    "pieces clean": lambda d: d.WordPiece(prefix="~"),
    "metaspace": lambda d: d.Metaspace("_", prepend_scheme="never"),
    "bpe": lambda d: d.BPEDecoder("</w>"),
    "ctc": lambda d: d.CTC("<pad>", "|", cleanup=False),
    "ctc clean": lambda d: d.CTC(),
    "fuse": lambda d: d.Fuse(),
    "strip": lambda d: d.Strip("_", 1, 1),
    "replace": lambda d: d.Replace("_", " "),
    "bytes": lambda d: d.ByteFallback(),
    "sequence": lambda d: d.Sequence([d.Replace("_", " "), d.Fuse(), d.Strip(" ", 1, 0)]),
}
PIECES = ["_the", "##og", "~a", "</w>", "o</w>", "|", "<pad>", "l", "l", "<0xE4>", "'", "s", "_."]


def use_part(name: str) -> Any:
    """Return what a part of a tokenizer makes of texts."""
    part = PARTS[name](get_tokenizers())
    called = getattr(part, "normalize_str", None) or part.pre_tokenize_str
    return [[attempt(lambda t=text: called(t)) for text in ["", "  a b ", *TEXTS]], str(part)]


def use_decoders() -> Any:
    """Return what each decoder makes of pieces."""
    kinds = get_tokenizers().decoders
    made = {name: attempt(lambda m=make: m(kinds)) for name, make in DECODERS.items()}
    return {name: attempt(lambda e=each: e.decode(PIECES)) for name, each in made.items()}


def use_processors() -> Any:
    """Return what each processor puts around texts and pairs."""
    tk = get_tokenizers()
    kinds, made = tk.processors, pool.make_value("$tokenizer")
    bytes_first = kinds.ByteLevel(trim_offsets=False)
    shape = kinds.TemplateProcessing(
        "[CLS]:1 $0 [SEP]", "[CLS] $B:1 [SEP] $A", [("[CLS]", 2), ("[SEP]", 3)]
    )
    results: list[Any] = []
    for each in (
        kinds.BertProcessing(("[SEP]", 3), ("[CLS]", 2)),
        kinds.RobertaProcessing(("[SEP]", 3), ("[CLS]", 2), False, False),
        bytes_first,
        shape,
        kinds.Sequence([bytes_first, shape]),
    ):
        made.post_processor = each
        results += [each.num_special_tokens_to_add(False), each.num_special_tokens_to_add(True)]
        results += [[tell_encoding(more) for more in made.encode_batch([*PAIRS, "the dog"])]]
    results.append(attempt(lambda: kinds.TemplateProcessing("[NO] $A", None, [])))
    return results


IMPLEMENTED = (
    *("BertWordPieceTokenizer", "ByteLevelBPETokenizer", "CharBPETokenizer"),
    *("SentencePieceBPETokenizer", "SentencePieceUnigramTokenizer"),
)


TURNED = (
    *(
        f"'BertWordPieceTokenizer',strip_accents={strip},lowercase={lower}"
        for strip in (None, True, False)
        for lower in (True, False)
    ),
    *(f"'CharBPETokenizer',bert_normalizer={each}" for each in ("False", "False,lowercase=True")),
    *(f"'CharBPETokenizer',{each}=True" for each in ("lowercase", "split_on_whitespace_only")),
    *(f"'ByteLevelBPETokenizer',{each}=True" for each in ("lowercase", "trim_offsets")),
    *(
        "'ByteLevelBPETokenizer',add_prefix_space=True",
        "'SentencePieceBPETokenizer',fuse_unk=False",
    ),
    *("'SentencePieceBPETokenizer',add_prefix_space=False", "'CharBPETokenizer',suffix='~'"),
    *(
        f"'{each}',unicode_normalizer='nfkc'"
        for each in ("ByteLevelBPETokenizer", "CharBPETokenizer")
    ),
)
"""Options of ready tokenizers with each of their values."""


def change_tokenizer(made: Any) -> list[Any]:
    """Return what a ready tokenizer gives after its settings are changed."""
    results: list[Any] = []
    made.enable_truncation(4)
    made.enable_padding(length=5, direction="left")
    results += [made.truncation, made.padding]
    results += [attempt(lambda: tell_encoding(made.encode("the dog", "a zz")))]
    made.no_truncation()
    made.no_padding()
    made.add_special_tokens(["<s>"])
    results += [
        made.token_to_id("<s>"),
        made.id_to_token(3),
        made.decode([7, 8, 9, 3]),
        made.decode_batch([[7], [8]]),
    ]
    return results


def use_implementation(name: str, **options: Any) -> Any:
    """Return what a ready tokenizer gives that is trained from a few texts, saved and loaded."""
    kind = getattr(importlib.import_module("tokenizers.implementations"), name)
    made = kind(**options)
    more = {"unk_token": "<unk>"} if "Unigram" in name else {}
    special = ["<unk>", "<pad>", "[UNK]", "[SEP]", "[CLS]", "[PAD]"]
    made.train_from_iterator(TEXTS * 2, 90, special_tokens=special, show_progress=False, **more)
    results: list[Any] = [str(made).split("vocab")[0][:20]]
    again = kind(**options)
    Path("texts.txt").write_text("\n".join(TEXTS), encoding="utf-8")
    again.train("texts.txt", 80, special_tokens=special, show_progress=False, **more)
    if name in UNORDERED:
        results += [tell_vocabulary(made), tell_vocabulary(again)]
        places = {word: place for place, word in enumerate([*pool.WORDS, "##og", "##he"])}
        scored = [(word, -0.1 * place) for place, word in enumerate(["<unk>", *"abcdeghot", "og"])]
        known = {"vocab": places, "merges": []} if "Char" in name else {"vocab": places}
        made = kind(vocab=scored) if more else kind(**known, **options)
    files = made.save_model(".", "kept")
    results += [attempt(lambda: use_tokenizer(made)), made.get_vocab_size()]
    results += [[Path(file).read_text(encoding="utf-8") for file in files]]
    if not more:
        results.append(attempt(lambda: use_tokenizer(kind.from_file(*files, **options))))
    if name not in UNORDERED:
        results.append(sorted(again.get_vocab().items()))
    results += [attempt(lambda: made.normalize("Thé  Dog")), made.add_tokens(["zz"])]
    results += change_tokenizer(made)
    made.save("whole.json")
    return [results, len(made.to_str())]


OF_TRAINERS: dict[str, Any] = {
    **{"vocab_size": 70, "min_frequency": 1, "limit_alphabet": 12, "max_token_length": 3},
    **{"continuing_subword_prefix": "##", "end_of_word_suffix": "</w>", "shrinking_factor": 0.7},
    **{"max_piece_length": 16, "n_sub_iterations": 2},
}
OF_TOKENIZERS = (
    Family(train_tokenizer, lambda: [*MODELS], lambda _: OF_TRAINERS),
    Family(set_up, lambda: [""], lambda _: {"length": 9}),
    Family(use_part, lambda: [*PARTS], lambda _: {}),
    Family(use_decoders, lambda: [""], lambda _: {}),
    Family(use_processors, lambda: [""], lambda _: {}),
    Family(use_implementation, lambda: [*TURNED], lambda _: {}),
    Family(
        use_implementation,
        lambda: [*IMPLEMENTED],
        lambda _: {
            **dict.fromkeys(("lowercase", "add_prefix_space", "split_on_whitespace_only"), False),
            **{"strip_accents": False, "handle_chinese_chars": True, "clean_text": True},
            **{"trim_offsets": False, "bert_normalizer": True, "fuse_unk": False, "dropout": 0.5},
        },
    ),
)
