"""Keep secrets out of all that leaves this process. No other module looks for them.

Known values are taken out wherever they stand: those of secret variables, of the files in which
programs keep passwords (runner/secret_values.py), and those that were learned while a command runs.
From messages each `USER:PASSWORD@` and each query with a value is taken out too, because programs
and people repeat what nobody could know before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TypeVar, cast

from runner import secret_values
from runner.errors import ConfigError
from runner.secret_values import HIDDEN
from runner.untrusted import clean_line

T = TypeVar("T")

_PORT = r"[0-9]{1,5}[/?#]"
_PLACES = (
    rf"(?<![^\s/@=,:'\"`(<])[A-Za-z0-9._-]{{1,253}}+:(?={_PORT})"  # HOST:PORT before a path
    r"|(?<=//)[A-Za-z0-9._-]{1,253}+:(?=[0-9]{1,5}=)"  # the issuer in ISSUER=IDENTITY
    r"|\[[0-9A-Fa-f:.]{2,45}\](?::(?=[0-9]{1,5}[/?#=]))?"
    r"|\bpkg:(?=[a-z]+/)"  # the address of a package, as SBOMs write it
)
"""What stands before a colon and is no user name."""
# All these patterns take time in proportion to the text, whatever stands in it: each one begins at
# one place of a run of its characters alone, and `++` gives nothing of a run back.
_UP_TO_ACCOUNT = re.compile(r"(?<![^\s'\"`])[^\s'\"`]*@(?!sha(?:256|512):)")
"""A word up to its last `@` that may end an account: not the one before a digest."""
_ACCOUNT = re.compile(
    rf"(?P<place>{_PLACES})"
    r"|(?:(?<![^\s/@=,:'\"`(<\[\\])[^\s/@=,:'\"`(<\[\\]++|(?<=\])[^\s/@=,:'\"`(<\[\\\]]*+)"
    r":(?!//).*",
    re.DOTALL,
)
"""USER:PASSWORD@ at the end of such a word."""
_USER_ALONE = re.compile(r"(?<=://)[^/@=,:\s'\"`]++@")
_QUERY = re.compile(r"([?#])[^\s?#=&'\"`]{0,100}+=[^\s'\"`)>]*")

_DIGEST = re.compile(r"@sha(?:256|512):[^@]*\Z")
_NAME_BEFORE_PASSWORD = re.compile(
    rf"(?:\A|[=,]|(?<!/)/)(?P<name>[^/@=,:\[]+:)(?!//|{_PORT})"
    r"|(?<=//)(?P<user>[^/@=,:\[]+:)(?![0-9]{1,5}[/?#=])"
)
_USER = re.compile(r"(\A|://)[^/]*@")
"""Up to the last `@` before the path: the name of a user may be an address of mail."""
_NO_USER = re.compile(r"(?<=://):[^\s/'\"`]*@")
"""A password without a user: `https://:PASSWORD@HOST`."""
_REST = re.compile(r"([?#]).*", re.DOTALL)


def hide_in_text(text: str) -> str:
    """Return `text` for a terminal, a log or a message, with `***` for all that is secret in it."""
    known = secret_values.find_known()
    # known values first: a part of one that is taken out would leave the rest
    shown = _NO_USER.sub(f"{HIDDEN}@", known.replace_in(text, known.all_forms))
    shown = _UP_TO_ACCOUNT.sub(
        lambda word: _ACCOUNT.sub(lambda found: found["place"] or f"{HIDDEN}@", word[0]), shown
    )
    shown = _USER_ALONE.sub(f"{HIDDEN}@", shown)
    return _QUERY.sub(rf"\1{HIDDEN}", shown)


def hide_in_file(text: str) -> str:
    """Return the text of a file with `***` for each known value that is no plain word.

    Words stay: a passphrase such as `production` is one, and a page or a lock whose names are
    replaced cannot be read.
    """
    known = secret_values.find_known()
    return known.replace_in(text, known.certain_forms)


def hide_in_values(value: T) -> T:
    """Return a JSON value with `***` for each known value in its texts.

    Numbers stay. Plain words are replaced in texts of several words alone, so a name, a verdict or
    a digest stays what it is.
    """
    known = secret_values.find_known()
    whole = "\n".join(_iter_texts(value))
    is_clean = known.replace_in(whole, known.all_forms) == whole
    return value if is_clean else _replace_inside(value, known)


def show_value(value: str, limit: int = 80) -> str:
    """Return the value of a setting or an argument for a message.

    It is on one line of at most `limit` characters. `***` replaces all that may be a password or a
    token: USER:PASSWORD or USER before an `@`, and everything after a `?` or a `#`. The port of an
    address and the digest of a reference stay.
    """
    digest = _DIGEST.search(value)
    shown = value[: digest.start()] if digest else value
    at = shown.rfind("@")
    # One search forwards and one backwards: a single pattern would need quadratic time.
    if at >= 0 and (before := _NAME_BEFORE_PASSWORD.search(shown, 0, at)):
        shown = f"{shown[: before.start(before.lastgroup or 0)]}{HIDDEN}{shown[at:]}"
    shown = _USER.sub(rf"\1{HIDDEN}@", shown)
    shown = _REST.sub(rf"\1{HIDDEN}", shown)
    return clean_line(f"{shown}{digest[0] if digest else ''}", limit)


def remember_secret(value: str, source: str) -> None:
    """Hide `value` from now on: a password or token that this process got from `source`."""
    secret_values.learn_value(value, source)


def remember_given_token(value: str, source: str) -> None:
    """Hide from messages a token that `source`, which nobody trusts, chose.

    Names, digests and files stay as they are: it may have chosen one of them as its token, so that
    a signed document loses it. Only a token that is too long for that is hidden in them too. A
    token shorter than MIN_TOKEN_CHARACTERS is not hidden.
    """
    if len(value) >= secret_values.MIN_TOKEN_CHARACTERS:
        secret_values.learn_value(value, source, is_given=True)


def require_no_secret(data: bytes, what: str) -> None:
    """Raise ConfigError if bytes that are about to be uploaded as `what` hold a known value.

    They cannot be changed any more: their digest is known, or signed.
    """
    source = secret_values.find_known().find_source(data.decode("utf-8", "surrogateescape"))
    if source is not None:
        raise ConfigError(
            f"{what} holds the value of {source}; nothing was uploaded",
            "remove it from the image or the command, and make a new secret: it may be known",
        )


def _iter_texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from (str(key), *_iter_texts(inner))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _iter_texts(inner)


def _replace_inside(value: T, known: secret_values.KnownValues) -> T:
    found: object = value
    if isinstance(value, str):
        forms = known.all_forms if len(value.split()) > 1 else known.certain_forms
        found = known.replace_in(value, forms)
    elif isinstance(value, dict):
        found = {
            known.replace_in(key, known.certain_forms): _replace_inside(inner, known)
            for key, inner in value.items()
        }
    elif isinstance(value, list | tuple):
        found = [_replace_inside(inner, known) for inner in value]
    return cast(T, found)
