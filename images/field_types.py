"""The types of values in the catalogue and beside it.

All of them become words of commands, tags or names of files, so each has one form.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from oci.reference import is_repository, parse_reference
from runner.address import address_problem
from runner.untrusted import clean_line


def require_form(pattern: str, form: str) -> AfterValidator:
    """Demand that a text matches a pattern; `form` describes it to a person."""
    expression = re.compile(pattern)

    def check_form(text: str) -> str:
        if not expression.fullmatch(text):
            raise ValueError(f"`{clean_line(text, 60)}` is not {form}")
        return text

    return AfterValidator(check_form)


def _check_repository(text: str) -> str:
    if not is_repository(text):
        raise ValueError(
            f"`{clean_line(text, 60)}` is not the name of a repository: use a-z and 0-9, with "
            "`.`, `_`, `-` or `/` between them"
        )
    return text


def _check_pinned_image(text: str) -> str:
    host, _, rest = text.partition("/")
    if problem := address_problem(host):
        raise ValueError(f"its host is wrong: {problem}")
    named = parse_reference(rest, host)
    if named is None or not named.repository or not named.digest:
        raise ValueError(f"`{clean_line(text, 60)}` is not HOST/REPOSITORY:TAG@sha256:DIGEST")
    return text


Release = Annotated[str, require_form(r"[0-9]{1,4}(?:\.[0-9]{1,4}){1,3}", "a version as 2.6.0")]
Cuda = Annotated[str, require_form(r"[0-9]{1,2}\.[0-9]{1,2}", "a version as 12.4")]
Python = Annotated[str, require_form(r"3\.[0-9]{1,2}", "a version as 3.11")]
Suite = Annotated[
    str, require_form(r"[a-z]{3,20}", "the name of a Debian release, such as bookworm")
]
Driver = Annotated[
    str, require_form(r"[0-9]{3}(?:\.[0-9]{1,3}){0,2}", "a driver version as 525 or 525.60.13")
]
Architecture = Annotated[
    str, require_form(r"sm_[0-9]{2,3}[a-z]?", "a GPU architecture such as sm_90")
]
Package = Annotated[
    str,
    require_form(
        r"[a-z0-9]+(?:-[a-z0-9]+)*", "the normalized name of a package, such as nvidia-nccl-cu12"
    ),
]
DebianName = Annotated[
    str,
    require_form(
        r"(?:[a-z0-9]|\{python\})(?:[a-z0-9.+-]|\{python\}){1,60}",
        "the name of a Debian package, such as g++ or python{python}-dev",
    ),
]
Title = Annotated[str, require_form(r"[ -~]{1,120}", "1 to 120 printable ASCII characters")]
Sentence = Annotated[
    str, require_form(r"[!-~](?:[ -~]{0,298}[!-~])?", "1 to 300 printable ASCII characters")
]
Repository = Annotated[str, AfterValidator(_check_repository)]
WebName = Annotated[
    str,
    require_form(
        r"https://[A-Za-z0-9.-]{1,200}(?:/[A-Za-z0-9._-]{1,100}){0,10}",
        "an address as https://github.com/OWNER/REPOSITORY, without a slash at its end",
    ),
]
PinnedImage = Annotated[str, AfterValidator(_check_pinned_image)]
Address = Annotated[
    str, require_form(r"(?:https://[!-~]{1,200})?", "an address that begins with https://")
]
Licenses = Annotated[
    str, require_form(r"(?:[A-Za-z0-9.()+-]+(?: [A-Za-z0-9.()+-]+)*)?", "an SPDX expression")
]
Word = Annotated[str, require_form(r"[!-~]{1,200}", "1 to 200 printable ASCII characters")]
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
