"""The secret values that this process knows, in every form in which a text may repeat them.

They come from the environment, from files in which other programs keep passwords, and from what a
command learns while it runs. Only runner/redaction.py uses this module.
"""

from __future__ import annotations

import base64
import contextlib
import html
import json
import os
import re
import shlex
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, unquote

from runner import child_variables, settings
from runner.escapes import (
    encode_inside,
    find_beginning,
    flatten_text,
    list_flat_forms,
    replace_flat,
)
from runner.untrusted import CUT, Malformed, read_own_file

HIDDEN = "***"
MIN_CHARACTERS = 6
"""A shorter value is not looked for: it may be a word, and no secret has so few characters."""
MIN_TOKEN_CHARACTERS = 20
"""The same for a token that a service gave. Shorter ones are words of messages, and no tokens."""
MIN_PART_CHARACTERS = 10
"""The same for one part of the path of an address that is no secret as a whole."""
MAX_GIVEN = 100
"""Tokens that services gave, the last ones. A registry can give a new one for each request."""
MAX_CUT_CHARACTERS = 8000
"""Of the beginning of a value before a cut. No message is cut later than that."""
FILE_BYTES = 1 << 20

_WORD = re.compile(r"[A-Za-z]{1,16}|v?[0-9.]{1,16}|[0-9A-Fa-f]{1,8}")
"""Values that names, versions and numbers of records may equal by chance."""
_NAME = re.compile(r"[A-Za-z]+(?:[-_.+][A-Za-z]+)*|[0-9.]+")
_PARTS = re.compile(
    r"(?:^|[\s\"'])(?:[^\s\"']*?//)?(?P<account>[^\s\"']*)@"
    r"|[?&#](?:[^=&#\s\"']*=)?(?P<value>[^&#\s\"']*)"
)
_ADDRESS_ACCOUNT = re.compile(
    r"(?<![^\s,;|\"'])(?:[A-Za-z][A-Za-z0-9+.-]{0,30}:){1,3}//([^/?#\s\"]*)@"
)
"""The account in an address, up to the last `@` before its path."""
# not of a folder of this machine: `file:///opt/wheels` has no host
_PATH = re.compile(
    r"(?<!file:)(?<!file:/)//(?:[^\s\"']*@)?(?P<host>[^/\s?#\"']+)(?P<path>/[^\s?#\"']*)"
)
_PUBLIC_PART = re.compile(
    r"\+?simple|pypi|whl|cu[0-9]{2,3}|cpu|nightly|packages|_packaging|repository|repositories|repo"
    r"|api|v[0-9]|projects|groups|index|root|artifactory|[a-z0-9.-]+\.(?:com|org|io|net)",
    re.IGNORECASE,
)
"""Parts of the paths of package indexes that anybody may know."""

_SECRET_NAME = re.compile(
    r".*(?:TOKEN|PASSWORD|PASSWD|PASSPHRASE|SECRET|CREDENTIALS?|(?:API|ACCESS|PRIVATE)_?KEY)",
    re.IGNORECASE,
)
"""Names of variables of other programs that hold a secret by their own words."""
_LISTS = (
    child_variables.ENGINES,
    child_variables.RESOLVERS,
    child_variables.GIT,
    child_variables.SUITES,
)
"""Not the one of the agents of CI: it has names of strangers, and their answer is a token."""
_BARE_INDEX_VALUE = re.compile(r"UV_INDEX_\w+_(?:USERNAME|PASSWORD)")
_WITH_ACCOUNTS = re.compile(r"(?:https?|all)_proxy", re.IGNORECASE)

_FILE_VALUE = re.compile(
    r"(?:^|[\s,{\"'])(?:(?P<name>login|user(?:name)?)|pass(?:word|wd|phrase)|account|token|secret"
    r"|auth|api[-_]?key)[\"']?\s*[=:\s]\s*[\"']?"
    r"(?=(?P<word>\S{1,4096}))(?P<value>[^\s\"',}]+)",
    re.IGNORECASE,
)
"""A password in the configuration of Docker, pip and uv, and in `.netrc`.

Only its file's syntax says where it ends: at a comma, as in JSON, or with the word, as in `.netrc`.
"""
_QUOTED_VALUE = re.compile(
    r"(?<![A-Za-z])(?:pass(?:word|wd|phrase)|account|token|secret|auth|(?:api|private)[-_]?key)[\"']?"
    r"\s{0,9}[=:\s]\s{0,9}(?P<value>\"(?:[^\"\\]|\\.)*\"|'[^'\n]*')",
    re.IGNORECASE,
)
"""The same as a string of JSON or TOML, or as `.netrc` has it: a blank does not end it."""
_GIVEN_TOKEN = re.compile(
    r"\"(?:identity|registry)token\"\s*:\s*(?P<value>\"(?:[^\"\\]|\\.)*\")", re.IGNORECASE
)
"""A token that a registry chose, and `docker login` stored: a string of JSON."""
_LONG_TOKEN = re.compile(
    r"(?=[^._~-]*[._~-])(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])(?=[^0-9]*[0-9])[A-Za-z0-9._~+=-]{150,}"
)
"""A given token that is no name, digest or path: nothing of a document is so long and like this.

The base64 of what is signed is as long, but has none of the signs in the first brackets.
"""
_HEADERS = re.compile(r"\"HttpHeaders\"\s*:\s*\{([^{}]*)\}")
_HEADER = re.compile(r":\s*\"(?:(?:basic|bearer)\s+)?([^\"]+)\"", re.IGNORECASE)


@dataclass(frozen=True)
class KnownValues:
    """The texts to look for: each form of each value, longest first, with its source.

    `certain_forms` are those that a person or a program set as a secret, and that are no plain
    words: they stand nowhere by chance. `flat_forms` are the same as they are left of a text
    without escapes (runner/escapes.py), so they are found in any mix of encodings.
    """

    all_forms: Mapping[str, str]
    certain_forms: Mapping[str, str]
    flat_forms: Mapping[str, str]

    def replace_in(self, text: str, forms: Mapping[str, str]) -> str:
        """Return `text` with `***` for each form, and for the beginning of one before a cut."""
        if CUT in text:
            *cut, rest = text.split(CUT)
            for number, part in enumerate(cut):
                begin = find_beginning(part, self.flat_forms, MIN_CHARACTERS)
                cut[number] = part if begin is None else f"{part[:begin]}{HIDDEN}"
            text = CUT.join((*cut, rest))
        # whole values first: a part of one that is taken out would leave the rest
        text = replace_flat(text, self.flat_forms, HIDDEN)
        for form in forms:
            if form in text:
                text = text.replace(form, HIDDEN)
        if CUT in text:
            for form in (each for each in forms if each[:MIN_CHARACTERS] in text):
                text = _replace_beginnings(text, form)
        return text

    def find_source(self, text: str) -> str | None:
        """Return the source of a certain value that is in a text in any form; None if none is."""
        flat = flatten_text(text)
        sources = (source for form, source in self.certain_forms.items() if form in text)
        of_flat = (source for form, source in self.flat_forms.items() if form in flat)
        return next(sources, None) or next(of_flat, None)


def _replace_beginnings(text: str, form: str) -> str:
    """Return `text` with `***` for each beginning of `form` that stands before CUT.

    A message is cut where it is made, and a secret in it too.
    """
    head, found, done, end = form[:MIN_CHARACTERS], list[str](), 0, -1
    at = text.find(head)
    while at >= 0:
        end = end if end > at else text.find(CUT, at)
        if end < 0:
            break
        if end - at <= MAX_CUT_CHARACTERS and form.startswith(text[at:end]):
            found += (text[done:at], HIDDEN)
            done = end
        at = text.find(head, max(at + 1, done))
    return "".join((*found, text[done:]))


_learned: dict[str, str] = {}
_given: dict[str, str] = {}
"""Values that a service of the network chose. They may be names that this project uses."""
_learning = threading.Lock()


def learn_value(value: str, source: str, *, is_given: bool = False) -> None:
    """Add a value that came from `source`, such as a credential helper.

    With `is_given` nobody trusts the source, so its forms are certain ones only if the value is too
    long to be a name or a digest.
    """
    with _learning:
        if value and not is_given:
            _learned[value] = source
        elif value and value not in _given:
            _given[value] = source
            for oldest in list(_given)[:-MAX_GIVEN]:
                del _given[oldest]


def find_known() -> KnownValues:
    """Return the values that are known now. Files are read again if they have changed."""
    files = tuple(_stamp_file(path) for path in _list_files())
    learned, given = tuple(_learned.items()), tuple(_given.items())
    return _collect_values(tuple(settings.ENVIRON.items()), files, learned, given)


@lru_cache(maxsize=4)
def _collect_values(
    variables: tuple[tuple[str, str], ...],
    files: tuple[tuple[Path, int, int], ...],
    learned: tuple[tuple[str, str], ...],
    given: tuple[tuple[str, str], ...],
) -> KnownValues:
    found: dict[str, str] = {}
    chosen = dict(given)
    named = settings.split_names(dict(variables).get(settings.HELPER_VARIABLES, ""))
    for name, value in variables:
        found |= dict.fromkeys(_values_of_variable(name, value), name)
        if name in named:  # a credential helper gets it, and what the helper says may be shown
            found |= dict.fromkeys(_accounts_of_addresses(value), name)
    texts = {str(path): _read_text(path) for path, modified, _ in files if modified}
    texts |= {name: value for name, value in variables if name == settings.DOCKER_AUTH_CONFIG}
    for source, text in texts.items():
        found |= dict.fromkeys(_values_of_file(_GIVEN_TOKEN.sub("", text)), source)
        # a part of a token is no value of a person, whatever it looks like
        chosen |= dict.fromkeys(_read_strings(_GIVEN_TOKEN, text), source)
    for value, source in learned:
        found |= dict.fromkeys(_values_of_text(value), source)
    forms = _forms_of_all(found)
    certain = {form: each for form, each in forms.items() if not _WORD.fullmatch(form)}
    # none of what a service chose: it would choose words
    pairs = ((flat, source) for form, source in certain.items() for flat in list_flat_forms(form))
    flat = {
        each: of for each, of in pairs if len(each) >= MIN_CHARACTERS and not _WORD.fullmatch(each)
    }
    for value, source in chosen.items():
        shown, is_no_name = _forms_of_token(value)
        forms = dict.fromkeys(shown, source) | forms
        certain = dict.fromkeys(shown, source) | certain if is_no_name else certain
    longest_first = (
        dict(sorted(each.items(), key=lambda pair: -len(pair[0])))
        for each in (forms, certain, flat)
    )
    return KnownValues(*longest_first)


def _forms_of_all(found: Mapping[str, str]) -> dict[str, str]:
    return {
        form: source
        for value, source in found.items()
        for form in _forms_of(value)
        if len(form) >= MIN_CHARACTERS
    }


def _values_of_variable(name: str, value: str) -> Iterator[str]:
    """Yield what is secret in the value of a variable."""
    if _BARE_INDEX_VALUE.fullmatch(name) or name == settings.DOCKER_AUTH_CONFIG:
        yield value
    elif _WITH_ACCOUNTS.fullmatch(name) or settings.is_one_of(name, (settings.INDEXES,)):
        yield from _parts_of_address(value)
        yield from _paths_of_address(value, MIN_PART_CHARACTERS)
    elif settings.is_secret(name):
        if not _is_public(name, value):
            yield from _values_of_text(value)
    elif _SECRET_NAME.fullmatch(name) and not (_WORD.fullmatch(value) or _is_place(value)):
        if "@" not in value:
            yield from _values_of_text(value)
        else:  # several words too: a passphrase, or the JSON of an account of a service
            yield from _lines_of(value)
            yield from _accounts_of_addresses(value)
    elif name != settings.TRUSTED_IDENTITIES and (
        settings.is_read(name) or any(each.has(name) for each in _LISTS)
    ):
        # Other variables reach nothing, and are not looked at: what a stranger wrote into one, such
        # as the name of a branch, takes nothing out of a record.
        yield from _accounts_of_addresses(value)


def _accounts_of_addresses(value: str) -> Iterator[str]:
    """Yield accounts, passwords and tokens before the host of each address of a list.

    What looks like one in a path or a query is none: a stranger may have chosen it.
    """
    for found in _ADDRESS_ACCOUNT.finditer(value):
        account = found[1]
        if ":" in account:
            yield from (account, account.partition(":")[2])
        elif _looks_like_token(account, MIN_TOKEN_CHARACTERS):
            yield account


def _is_place(value: str) -> bool:
    """Return whether the value is a path on this machine; the base64 of a secret may begin so."""
    return value[:1] == "/" and os.path.lexists(value)


def _is_public(name: str, value: str) -> bool:
    """Return whether the value is a name, or a word or path for a key: messages may tell it."""
    if name != settings.SIGNING_KEY:
        return name.endswith("USERNAME")
    with contextlib.suppress(OSError, ValueError):
        return value == "keyless" or Path(value).is_file()
    return False


def _values_of_text(value: str) -> Iterator[str]:
    """Yield a secret as a whole, its lines, and the parts of the addresses in it."""
    yield from _lines_of(value)
    yield from _parts_of_address(value)
    yield from _paths_of_address(value, MIN_CHARACTERS)


def _lines_of(value: str) -> Iterator[str]:
    """Yield a secret as a whole, its lines, and the same of each password or key in its JSON."""
    for each in (value, *_read_strings(_QUOTED_VALUE, value)):
        yield each
        yield from (line for line in each.splitlines() if not line.startswith("-----"))


def _parts_of_address(text: str) -> Iterator[str]:
    """Yield the accounts, passwords and values of queries in the addresses that a text holds."""
    for part in _PARTS.finditer(text):
        account = part["account"] or ""
        yield from (account, account.partition(":")[2], part["value"] or "")
    for word in re.findall(r"//[^\s\"]+", text):
        # a `'` is allowed in an address, and ends a value in most files
        account = word[2:].rpartition("@")[0]
        if "'" in account and ":" in account.partition("/")[0]:
            yield from (account, account.partition(":")[2])


def _paths_of_address(text: str, shortest: int) -> Iterator[str]:
    """Yield what may be a token in the paths of the addresses that a text holds.

    It is the path behind its host, its end from such a part on, and the part itself if it has
    `shortest` characters and is no name.
    """
    for found in _PATH.finditer(text):
        parts = [part for part in found["path"].split("/") if part]
        for number, part in enumerate(parts):
            if _PUBLIC_PART.fullmatch(part):
                continue
            yield f"{found['host']}/{'/'.join(parts[: number + 1])}"
            if number + 1 < len(parts):
                yield "/".join(parts[number:])
            if _looks_like_token(part, shortest):
                yield part


@lru_cache(maxsize=2 * MAX_GIVEN)
def _forms_of_token(value: str) -> tuple[frozenset[str], bool]:
    """Return the forms of a token that a service gave, and whether it can be no name.

    Decoded, a token is words: `NVIDIA%20H100%2080GB%20HBM3` was the model of a GPU.
    """
    forms = (form for form in _forms_of(value) if len(form) >= MIN_TOKEN_CHARACTERS)
    shown = frozenset(form for form in forms if not re.search(r"\s", form))
    return shown, _LONG_TOKEN.fullmatch(value) is not None


def _forms_of(value: str) -> set[str]:
    """Return a value as programs repeat it: encoded, escaped or quoted."""
    raw, in_xml = value.encode("utf-8", "surrogatepass"), html.escape(value, quote=False)
    return {
        value,
        unquote(value),
        quote(raw, safe=""),
        quote(raw),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        html.escape(value),
        in_xml,
        in_xml.replace('"', "&quot;"),
        in_xml.replace('"', "&#34;").replace("'", "&#39;"),  # as templates of pages write it
        shlex.quote(value).strip("'"),
        value.encode("ascii", "backslashreplace").decode(),
        repr(value)[1:-1],
        base64.b64encode(raw).decode(),
        *(encode_inside(value) if len(value) >= MIN_CHARACTERS else ()),
    }


def _list_files() -> list[Path]:
    """Return the files in which Docker, pip, uv and others keep passwords."""
    environ, home = os.environ, Path(os.path.expanduser("~"))  # noqa: PTH111 - it raises nothing
    configuration = Path(environ.get(settings.XDG_CONFIG_HOME) or home / ".config")
    data = Path(environ.get(settings.XDG_DATA_HOME) or home / ".local/share")
    named = [
        environ.get(variable)
        for variable in (settings.NETRC, settings.PIP_CONFIG_FILE, settings.UV_CONFIG_FILE)
    ]
    return [
        *(Path(path) for path in named if path),
        Path(environ.get(settings.DOCKER_CONFIG) or home / ".docker") / "config.json",
        *(home / name for name in (".dockercfg", ".netrc", "_netrc", ".pip/pip.conf")),
        *(configuration / name for name in ("pip/pip.conf", "uv/uv.toml")),
        data / "uv/credentials/credentials.toml",
        *(Path(name) for name in ("/etc/pip.conf", "/etc/uv/uv.toml")),
        Path(sys.prefix) / "pip.conf",
    ]


def _stamp_file(path: Path) -> tuple[Path, int, int]:
    """Return a file with when it was changed, and its size; zeros if it cannot be read."""
    with contextlib.suppress(OSError, ValueError):
        found = path.stat()
        return path, found.st_mtime_ns, found.st_size
    return path, 0, 0


def _read_text(path: Path) -> str:
    """Return the text of a file of another program; nothing of one that cannot be read."""
    try:
        return read_own_file(path, FILE_BYTES).decode("utf-8", "surrogateescape")
    except (OSError, ValueError, Malformed):
        return ""


def _read_strings(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    """Yield the strings of JSON, and those of TOML in `'`, that a pattern finds as its `value`."""
    for found in pattern.finditer(text):
        value = found["value"]
        with contextlib.suppress(ValueError):
            yield value[1:-1] if value[0] == "'" else json.loads(value)


def _values_of_file(text: str) -> Iterator[str]:
    """Yield what a person keeps secret in the text of a file."""
    for word in re.findall(r"//[^\s\"]+", text):  # a comma and `'` may be in a password
        yield from _parts_of_address(word)
    for word in re.findall(r"[^\s\"',]*//[^\s\"',]+", text):
        yield from _parts_of_address(word)
        yield from _paths_of_address(word, MIN_PART_CHARACTERS)
    for found in _FILE_VALUE.finditer(text):
        value = found["value"]
        if not found["name"] or _looks_like_token(value, MIN_PART_CHARACTERS):
            yield from (value, found["word"].rstrip("\"',}"))
        with contextlib.suppress(ValueError):  # `auth` of Docker: the base64 of USER:PASSWORD
            login = base64.b64decode(value, validate=True).decode()
            if ":" in login:
                yield from (login, login.partition(":")[2])
    yield from _read_strings(_QUOTED_VALUE, text)
    for headers in _HEADERS.finditer(text):
        yield from _HEADER.findall(headers[1])


def _looks_like_token(text: str, shortest: int) -> bool:
    return len(text) >= shortest and not _NAME.fullmatch(text)
