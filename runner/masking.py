"""Values that a person gave, shown in a message without the passwords and tokens in them.

Every message that repeats the value of a setting or an argument takes it from here.
"""

from __future__ import annotations

import re

from runner.untrusted import clean_line

_MASK = "***"
_NAME_BEFORE_PASSWORD = re.compile(r"(?:\A|[=,/])(?P<name>[^/@=,:]+:)(?!//)")
_USER = re.compile(r"(\A|//)[^/@]*@")
_QUERY = re.compile(r"([?#]).*", re.DOTALL)
_DIGEST = re.compile(r"@sha(?:256|512):[^@]*\Z")

_ACCOUNT_IN_WORD = re.compile(
    r"(^|[=,/])[^/@=,:\s]{1,200}:(?!//)\S{0,500}@(?!sha(?:256|512):)|(//)[^/@=,\s]{1,200}@"
)
_QUERY_IN_WORD = re.compile(r"([?#])[^\s?#=&]{0,100}=\S*")


def mask_value(value: str, limit: int = 80) -> str:
    """Return the value of a setting or an argument for a message.

    It is on one line of at most `limit` characters. `***` replaces all that may be a password or a
    token: USER:PASSWORD or USER before an `@`, and everything after a `?` or a `#`. The digest of a
    reference stays.
    """
    digest = _DIGEST.search(value)
    shown = value[: digest.start()] if digest else value
    at = shown.rfind("@")
    # One search forwards and one backwards: a single pattern would need quadratic time.
    if at >= 0 and (before := _NAME_BEFORE_PASSWORD.search(shown, 0, at)):
        shown = f"{shown[: before.start('name')]}{_MASK}{shown[at:]}"
    shown = _USER.sub(rf"\1{_MASK}@", shown)
    shown = _QUERY.sub(rf"\1{_MASK}", shown)
    return clean_line(f"{shown}{digest[0] if digest else ''}", limit)


def mask_words(words: str) -> str:
    """Return a command line, or a message about one, without passwords and tokens.

    `***` replaces every USER:PASSWORD before an `@`, and every query with a value (`?name=value`).
    Other words stay as they were typed.
    """
    return " ".join(
        _QUERY_IN_WORD.sub(rf"\1{_MASK}", _ACCOUNT_IN_WORD.sub(rf"\1\2{_MASK}@", word))
        for word in words.split(" ")
    )
