"""Take secrets out of text, before it is shown or written.

Values of secret variables are taken out wherever they stand; from messages, each USER:PASSWORD
before an `@` too. This is the last place before a terminal or a file: programs and libraries repeat
what they were given, in words that no caller can foresee.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import unquote

from runner import settings

HIDDEN = "***"
MIN_CHARACTERS = 6
"""A shorter value is not looked for: it may be a word, and no secret has so few characters."""

_ACCOUNT = re.compile(r"[^\s/@=,:'\"`(<\[\\]{1,200}:(?!//)[^\s'\"`]{0,500}@(?!sha(?:256|512):)")
"""USER:PASSWORD@, but not the name and tag before a digest."""
_PARTS = re.compile(r"(?:^|\s)(?:\S*?//)?(?P<account>\S*)@|[?&][^=&#\s]*=(?P<value>[^&#\s]*)")
_WORD = re.compile("[A-Za-z_-]{1,16}|[0-9A-Fa-f]{1,16}")
_WITH_ACCOUNTS = re.compile(r"(?:https?|all)_proxy", re.IGNORECASE)


def hide_secrets(text: str) -> str:
    """Return `text` with `***` for each value of a secret variable, in any part or form of it."""
    return _replace_all(text, _values())


def hide_secrets_of_record(text: str) -> str:
    """Return the same for a record, in which plain words and short numbers stay.

    A passphrase such as `password` is one, and a record whose keys or sizes are replaced cannot be
    read.
    """
    return _replace_all(text, {value for value in _values() if not _WORD.fullmatch(value)})


def hide_accounts(text: str) -> str:
    """Return `text` with `***` for each value of a secret variable and each USER:PASSWORD@."""
    return _ACCOUNT.sub(f"{HIDDEN}@", hide_secrets(text))


def _replace_all(text: str, values: Collection[str]) -> str:
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return text


def _values() -> set[str]:
    """Return the texts to look for: values, their lines and words, and passwords in addresses."""
    found: set[str] = set()
    for name, value in settings.ENVIRON.items():
        if _WITH_ACCOUNTS.fullmatch(name) or settings.is_one_of(name, (settings.INDEXES,)):
            found |= {*_secret_parts(value)}
        elif settings.is_listed_secret(name) and not _is_public(name, value):
            lines = (line for line in value.splitlines() if not line.startswith("-----"))
            found |= {value, *lines, *_secret_parts(value)}
    forms = {form for each in found for form in (each, unquote(each), json.dumps(each)[1:-1])}
    return {form for form in forms if len(form) >= MIN_CHARACTERS}


def _is_public(name: str, value: str) -> bool:
    """Return whether the value is a name, or a word or path for a key: messages may tell it."""
    if name != settings.SIGNING_KEY:
        return name.endswith("USERNAME")
    with contextlib.suppress(OSError, ValueError):
        return value == "keyless" or Path(value).is_file()
    return False


def _secret_parts(address: str) -> Iterator[str]:
    """Yield the accounts, passwords and values of queries in the addresses that a text holds."""
    for part in _PARTS.finditer(address):
        account = part["account"] or ""
        yield from (account, account.partition(":")[2], part["value"] or "")
