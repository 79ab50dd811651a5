r"""Texts as they are read once nothing in them is escaped, encoded for an address, or quoted.

Each program escapes other signs, and each in its own way: `&` is `\u0026` in Go's JSON, `&amp;` in
a page and `%26` in an address. No list of encodings is complete, so a secret is looked for in what
is left of a text without all of them.
"""

from __future__ import annotations

import base64
import itertools
import re
from collections.abc import Collection, Iterator
from urllib.parse import unquote

# It takes time in proportion to the text: each choice begins with a sign that is not repeated in
# it, or with all backslashes of a run.
_ESCAPE = re.compile(
    r"%(?:25)*(?P<percent>[0-9A-Fa-f]{2})"
    r"|&(?:amp;)*(?:#(?P<number>[0-9]{1,9})|#[xX](?P<digits>[0-9A-Fa-f]{1,8})"
    r"|(?P<name>amp|lt|gt|quot|apos));"
    r"|\\+(?:u(?P<unicode>[0-9A-Fa-f]{4})|x(?P<hex>[0-9A-Fa-f]{2})|(?P<octal>[0-7]{3}))?"
)
_HALF_ESCAPE = re.compile(
    r"(?:%(?:25)*[0-9A-Fa-f]?|&[#A-Za-z0-9]{0,12}|\\+[uxU]?[0-9A-Fa-f]{0,3})\Z"
)
"""An escape that was cut."""
MAX_CUT_CHARACTERS = 24_000
"""Of the beginning of a value before a cut: three for each sign of the longest message."""
_NAMES = {"amp": "&", "lt": "<", "gt": ">", "quot": "", "apos": ""}
_LEFT_OUT = "".join(map(chr, range(33))) + "+\\'\"\x7f"
"""Signs that encodings add, drop or replace: blanks and `+`, quotes, and backslashes."""
_BYTES_LEFT_OUT = _LEFT_OUT.encode()


def flatten_text(text: str) -> str:
    """Return a text without escapes, and without blanks, quotes and all that is not ASCII."""
    shown = _ESCAPE.sub(_read_escape, text) if re.search(r"[%&\\]", text) else text
    return shown.encode("ascii", "ignore").translate(None, _BYTES_LEFT_OUT).decode("ascii")


def list_flat_forms(value: str) -> set[str]:
    """Return the flat texts of a value: one if a text repeats it, one if a text escapes it.

    They differ if the value has an escape in it: a `%41` that was escaped once is no `A`.
    """
    raw = value.encode("ascii", "ignore").translate(None, _BYTES_LEFT_OUT).decode("ascii")
    return {flatten_text(value), raw}


def replace_flat(text: str, wanted: Collection[str], replacement: str) -> str:
    """Return a text with `replacement` for each place whose flat text is one of `wanted`."""
    flat = flatten_text(text)
    if not (held := [each for each in wanted if each in flat]):
        return text
    places = list(_iter_places(text))
    spans = sorted(
        (found.start(), found.start() + len(each))
        for each in held
        for found in re.finditer(f"(?={re.escape(each)})", flat)
    )
    parts, done = list[str](), 0
    for begin, end in spans:
        if places[begin][1] >= done:  # else a longer one that begins before it was replaced
            parts += (text[done : places[begin][1]], replacement)
        done = max(done, places[end - 1][2])
    return "".join((*parts, text[done:]))


def find_beginning(text: str, wanted: Collection[str], least: int) -> int | None:
    """Return the place in a text that was cut from which on it is the begin of a wanted flat text.

    The begin has at least `least` signs. The place is the first one; None if there is none.
    """
    begin = max(0, len(text) - MAX_CUT_CHARACTERS)
    kept = _HALF_ESCAPE.sub("", text[begin:])
    flat, found = flatten_text(kept), list[int]()
    for each in (each for each in wanted if each[:least] in flat):
        starts = (match.start() for match in re.finditer(f"(?={re.escape(each[:least])})", flat))
        found += [at for at in starts if each.startswith(flat[at:])][:1]
    if not found:
        return None
    places = itertools.islice(_iter_places(kept), min(found), None)
    return begin + next(places)[1]


def encode_inside(value: str) -> Iterator[str]:
    """Yield the base64 and the hexadecimal digits of a value, also as a part of a longer one.

    Base64 takes three bytes together, so a value has three forms in it: one for each number of
    bytes before it. Signs that depend on its neighbours are left out.
    """
    for each in {value, unquote(value)}:
        raw = each.encode("utf-8", "surrogatepass")
        yield raw.hex()
        for before in range(3):
            whole = base64.b64encode(bytes(before) + raw).decode().rstrip("=")
            end = (before + len(raw)) * 8 // 6
            inside = whole[(before * 8 + 5) // 6 : end]
            yield inside
            yield inside.replace("+", "-").replace("/", "_")


def _read_escape(found: re.Match[str]) -> str:
    """Return the sign that an escape stands for; nothing for one that is left out."""
    kind = found.lastgroup
    if kind is None:  # backslashes
        return ""
    if kind == "name":
        return _NAMES[found[kind]]
    base = {"number": 10, "octal": 8}.get(kind, 16)
    number = int(found[kind], base)
    return chr(number) if number < 128 else ""


def _iter_places(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each sign of the flat text, with begin and end of its place in `text`."""
    done = 0
    for found in _ESCAPE.finditer(text):
        yield from _iter_plain(text, done, found.start())
        sign = _read_escape(found)
        if sign and sign not in _LEFT_OUT:
            yield sign, found.start(), found.end()
        done = found.end()
    yield from _iter_plain(text, done, len(text))


def _iter_plain(text: str, begin: int, end: int) -> Iterator[tuple[str, int, int]]:
    for at in range(begin, end):
        if text[at] < "\x80" and text[at] not in _LEFT_OUT:
            yield text[at], at, at + 1
