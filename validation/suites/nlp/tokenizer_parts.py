"""Parts of tokenizers against definitions in plain Python, on texts that are drawn."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import regex
from tokenizers import Regex, decoders, normalizers, pre_tokenizers

TEXTS = 150
RUNS = 14
CHARACTERS = (
    "aBcdQz",
    "0179",
    "²½Ⅷ٣",
    ".,!?-_$+«»—、",
    "éÜñİßÆ",
    "\u0301\u0323\u0488",
    "жДσΣ",
    "東京𠀀豈",
    "ひカー",
    "ﬁＡ①가",
    "👩🔬🎉\u200d",
    "\t\n\r\u00a0\u3000",
    "\x00\x07\x7f\u200b\ufeff\ufffd",
    "▁",
    ("'s", "'ll", "'t", "'RE"),
    (" ",),
    (" ", "  ", "   "),
    (" ",),
)
"""Kinds of characters. None is so new that a library may not know it."""

BEHAVIORS = ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous")
NOT_DEFINED = {
    "PreTokenizer": "the base of the others",
    "Normalizer": "the base of the others",
    "Decoder": "the base of the others",
    "DecodeStream": "it needs a tokenizer; what it yields comes from the decoder of that",
    "Precompiled": "it is made of a file of SentencePiece",
}
"""Classes without a definition here, and why."""

Span = tuple[int, int]
Cut = Callable[[str], list[Span]]
Piece = tuple[str, Span]


def draw_texts() -> list[str]:
    """Return texts of runs of several kinds of characters, always the same."""
    chance = random.Random("texts")
    return [
        "".join(
            "".join(chance.choices(chance.choice(CHARACTERS), k=chance.randint(1, 3)))
            for _ in range(chance.randint(0, RUNS))
        )
        for _ in range(TEXTS)
    ]


def find_part_faults() -> Iterator[str]:
    """Yield each class of tokenizers that has no definition or does something else."""
    texts = draw_texts()
    for module, method, cases in (
        (pre_tokenizers, "pre_tokenize_str", CUTS),
        (normalizers, "normalize_str", CHANGES),
        (decoders, "decode", JOINS),
    ):
        classes = {name for name, each in vars(module).items() if isinstance(each, type)}
        for name in sorted(classes - NOT_DEFINED.keys() - {case[0] for case in cases}):
            yield f"{name} of {module.__name__} has no definition"
        for name, options, definition, *inputs in cases:
            if name in classes:
                call = getattr(getattr(module, name)(*options), method)
                given = [*map(inputs[0], texts)] if inputs else texts
                yield from compare_texts(name, texts, map(call, given), map(definition, texts))


def compare_texts(
    name: str, texts: list[str], found: Iterable[Any], definitions: Iterable[Any]
) -> Iterator[str]:
    """Yield the first text of which something else is made."""
    for text, got, wanted in zip(texts, found, definitions, strict=True):
        if got == wanted:
            continue
        pair = got, wanted
        if isinstance(got, list):
            pairs = zip([*got, None], [*wanted, None], strict=False)
            pair = next(pair for pair in pairs if pair[0] != pair[1])
        yield f"{name} makes {pair[0]!r} of {text!r}, not {pair[1]!r}"
        return


def cut(find: Callable[[str], list[Span]], behavior: str) -> Cut:
    """Return how a text is cut at what `find` finds, as `behavior` says."""

    def divide(text: str) -> list[Span]:
        parts, done = list[tuple[int, int, bool]](), 0
        for start, end in find(text):
            parts += [(done, start, False), (start, end, True)]
            done = end
        parts = [part for part in (*parts, (done, len(text), False)) if part[0] < part[1]]
        if behavior == "removed":
            return [(start, end) for start, end, found in parts if not found]
        starts = [0] if parts else []
        for (_, _, before), (start, _, found) in pairwise(parts):
            joined = {
                "isolated": False,
                "merged_with_previous": found and not before,
                "merged_with_next": before and not found,
                "contiguous": before == found,
            }[behavior]
            starts += [] if joined else [start]
        return [*pairwise([*starts, len(text)])] if starts else []

    return divide


def each_character(holds: Callable[[str], bool]) -> Cut:
    """Return how characters of one kind are found."""
    return lambda text: [(at, at + 1) for at, each in enumerate(text) if holds(each)]


def each_match(pattern: str) -> Cut:
    """Return how matches of a pattern are found."""
    compiled = regex.compile(pattern)
    return lambda text: [match.span() for match in compiled.finditer(text)]


def both(first: Cut, second: Cut) -> Cut:
    """Return how each piece of `first` is cut by `second`."""
    return lambda text: [
        (start + left, start + right)
        for start, end in first(text)
        for left, right in second(text[start:end])
    ]


def take(divide: Cut) -> Callable[[str], list[Piece]]:
    """Return how the pieces are taken out of a text."""
    return lambda text: [(text[start:end], (start, end)) for start, end in divide(text)]


def is_punctuation(each: str) -> bool:
    """Say whether it is punctuation of Unicode, or a sign of ASCII."""
    return unicodedata.category(each)[0] == "P" or each in "$+<=>^`|~"


def is_number(each: str) -> bool:
    """Say whether Unicode has it as a number."""
    return unicodedata.category(each)[0] == "N"


WORD = r"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]"
RUNS_OF_TWO = r"\p{N}+|[aB]+"
GPT_2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
VISIBLE = (*range(33, 127), *range(161, 173), *range(174, 256))
BYTES = {
    **{byte: chr(byte) for byte in VISIBLE},
    **{byte: chr(256 + at) for at, byte in enumerate(sorted({*range(256)} - {*VISIBLE}))},
}
"""The visible character of each byte: its own, or the next one above all bytes."""


def show_bytes(text: str) -> str:
    """Return the text with each byte as the character that GPT-2 has for it."""
    return "".join(BYTES[byte] for byte in text.encode())


def _after_prefix(prefix: str, text: str, divide: Cut) -> list[Piece]:
    """Return pieces of the text after a prefix, which is at the place of its first character."""
    more = len(prefix)
    return [
        (piece, (max(start - more, 0), max(end - more, min(more, 1))))
        for piece, (start, end) in take(divide)(prefix + text)
    ]


def cut_as_gpt_2(text: str, first_space: bool, whole: bool) -> list[Piece]:
    """Return the pieces of ByteLevel."""
    prefix = " " if first_space and text and not text.startswith(" ") else ""
    find = each_match(r"(?s:.+)" if whole else GPT_2)
    return [(show_bytes(piece), at) for piece, at in _after_prefix(prefix, text, find)]


def cut_as_sentencepiece(text: str, first_space: bool, whole: bool) -> list[Piece]:
    """Return the pieces of Metaspace."""
    text = text.replace(" ", "▁")
    prefix = "▁" if first_space and text and not text.startswith("▁") else ""
    find = each_match(r"(?s:.+)") if whole else cut(each_match("▁"), "merged_with_next")
    return _after_prefix(prefix, text, find)


def cut_by_scripts(text: str) -> list[Span]:
    """Return pieces of one script each; Japanese is one, and a space belongs to any."""
    starts, last = [], ""
    for at, each in enumerate(text):
        if each == " ":
            continue
        script = "Han" if each == "ー" else next(s for s in SCRIPTS if SCRIPTS[s].match(each))
        starts += [] if script == last else [at]
        last = script
    return [*pairwise([*starts, len(text)])] if starts else []


SCRIPTS = {
    "Han": regex.compile(r"[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}]"),
    **{
        name: regex.compile(rf"\p{{sc={name}}}")
        for name in ("Common", "Inherited", "Latin", "Greek", "Cyrillic", "Arabic", "Hangul")
    },
}
without_spaces = cut(each_character(str.isspace), "removed")
single_punctuation = cut(each_character(is_punctuation), "isolated")


Case = tuple[str, Sequence[Any], Callable[[str], Any]]

CUTS: tuple[Case, ...] = (
    *(
        (
            "ByteLevel",
            (first, True, not whole),
            partial(cut_as_gpt_2, first_space=first, whole=whole),
        )
        for first in (False, True)
        for whole in (False, True)
    ),
    *(
        (
            "Metaspace",
            ("▁", scheme, not whole),
            partial(cut_as_sentencepiece, first_space=scheme != "never", whole=whole),
        )
        for scheme in ("always", "first", "never")
        for whole in (False, True)
    ),
    ("BertPreTokenizer", (), take(both(without_spaces, single_punctuation))),
    (
        "Sequence",
        ([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()],),
        take(both(without_spaces, single_punctuation)),
    ),
    ("WhitespaceSplit", (), take(without_spaces)),
    ("Whitespace", (), take(each_match(rf"{WORD}+|(?:(?!{WORD})\S)+"))),
    ("CharDelimiterSplit", (" ",), take(cut(each_match(" "), "removed"))),
    ("Digits", (), take(cut(each_character(is_number), "contiguous"))),
    (
        "Digits",
        (True,),
        take(cut(each_character(is_number), "isolated")),
    ),
    ("FixedLength", (4,), take(each_match(r"(?s:.{1,4})"))),
    ("UnicodeScripts", (), take(cut_by_scripts)),
    *(
        case
        for behavior in BEHAVIORS
        for case in (
            (
                "Punctuation",
                (behavior,),
                take(cut(each_character(is_punctuation), behavior)),
            ),
            (
                "Split",
                (" ", behavior),
                take(cut(each_match(" "), behavior)),
            ),
            (
                "Split",
                (Regex(RUNS_OF_TWO), behavior),
                take(cut(each_match(RUNS_OF_TWO), behavior)),
            ),
        )
    ),
    (
        "Split",
        (Regex(r"\p{L}+"), "removed", True),
        take(each_match(r"\p{L}+")),
    ),
)
"""A pre-tokenizer, its options, and how a text is cut: into pieces with their places."""


def lower(text: str) -> str:
    """Return each character in lower case, whatever its neighbours."""
    return "".join(each.lower() for each in text)


def leave_out(text: str, categories: str) -> str:
    """Return the text without characters whose category begins so."""
    return "".join(each for each in text if not unicodedata.category(each).startswith(categories))


def is_ideograph(each: str) -> bool:
    """Say whether BERT puts spaces around it."""
    blocks = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2A6DF))
    return any(first <= ord(each) <= last for first, last in blocks)


def change_as_bert(
    clean_text: bool, handle_chinese_chars: bool, strip_accents: bool, lowercase: bool, text: str
) -> str:
    """Return what BertNormalizer makes of the text."""
    if clean_text:
        text = "".join(" " if each.isspace() else each for each in text)
        text = leave_out(text, "C").replace("\ufffd", "")
    if handle_chinese_chars:
        text = "".join(f" {each} " if is_ideograph(each) else each for each in text)
    if strip_accents:
        text = leave_out(unicodedata.normalize("NFD", text), "Mn")
    return lower(text) if lowercase else text


NMT = {
    **dict.fromkeys((*range(1, 9), 0xB, *range(0xE, 0x20), 0x7F, 0x8F, 0x9F)),
    **dict.fromkeys(
        (9, 0xA, 0xC, 0xD, 0x1680, *range(0x200B, 0x2010), 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD),
        " ",
    ),
}
"""What SentencePiece leaves out, and what it has as a space, in its rules for translation."""

CHANGES: tuple[Case, ...] = (
    *((form, (), partial(unicodedata.normalize, form)) for form in ("NFC", "NFD", "NFKC", "NFKD")),
    *(
        (
            "BertNormalizer",
            (off != 0, off != 1, off != 2, off != 3),
            partial(change_as_bert, off != 0, off != 1, off != 2, off != 3),
        )
        for off in range(5)
    ),
    (
        "BertNormalizer",
        (True, True, None, False),
        partial(change_as_bert, True, True, False, False),
    ),
    ("ByteLevel", (), show_bytes),
    ("Lowercase", (), lower),
    ("Nmt", (), lambda text: text.translate(NMT)),
    ("Prepend", ("▁",), lambda text: f"▁{text}" if text else ""),
    ("Replace", (" ", "__"), lambda text: text.replace(" ", "__")),
    (
        "Replace",
        (Regex(RUNS_OF_TWO), "0"),
        lambda text: regex.sub(RUNS_OF_TWO, "0", text),
    ),
    (
        "Sequence",
        ([normalizers.NFD(), normalizers.StripAccents()],),
        lambda text: leave_out(unicodedata.normalize("NFD", text), "M"),
    ),
    ("Strip", (), str.strip),
    ("Strip", (True, False), str.lstrip),
    ("Strip", (False, True), str.rstrip),
    ("StripAccents", (), lambda text: leave_out(text, "M")),
)
"""A normalizer, its options, and what a text is after it."""


def spell_bytes(text: str) -> list[str]:
    """Return each byte of the text as a token of its own."""
    return [f"<0x{byte:02X}>" for byte in text.encode()]


def cut_in_threes(text: str) -> list[str]:
    """Return pieces of up to three characters."""
    return [text[at : at + 3] for at in range(0, len(text), 3)]


def join_words(text: str) -> str:
    """Return the words of the text with one space between them."""
    return " ".join(text.split())


JOINS: tuple[tuple[*Case, Callable[[str], list[str]]], ...] = (
    (
        "ByteLevel",
        (),
        str,
        lambda text: [piece for piece, _ in cut_as_gpt_2(text, False, False)],
    ),
    (
        "Metaspace",
        ("▁", "always"),
        lambda text: text.replace("▁", " ").removeprefix(" "),
        lambda text: [piece for piece, _ in cut_as_sentencepiece(text, True, False)],
    ),
    (
        "Metaspace",
        ("▁", "never"),
        lambda text: text.replace("▁", " "),
        lambda text: [piece for piece, _ in cut_as_sentencepiece(text, False, False)],
    ),
    (
        "WordPiece",
        ("##", False),
        join_words,
        lambda text: [
            f"##{piece}" if at else piece
            for word in text.split()
            for at, piece in enumerate(cut_in_threes(word))
        ],
    ),
    ("BPEDecoder", (), join_words, lambda text: [f"{word}</w>" for word in text.split()]),
    ("ByteFallback", (), str, spell_bytes),
    (
        "CTC",
        (),
        join_words,
        lambda text: [token for each in "|".join(text.split()) for token in (each, each, "<pad>")],
    ),
    ("Fuse", (), str, list),
    ("Replace", ("▁", "  "), lambda text: text.replace("▁", "  "), list),
    ("Sequence", ([decoders.ByteFallback(), decoders.Fuse()],), str, spell_bytes),
    (
        "Strip",
        (" ", 1),
        lambda text: "".join(piece.removeprefix(" ") for piece in cut_in_threes(text)),
        cut_in_threes,
    ),
)
"""A decoder, its options, the text that it makes of tokens, and these tokens of a text."""
