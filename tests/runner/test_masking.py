"""A value is shown without the password or the token in it."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from publish.evidence.trust import Identity
from runner.masking import mask_value, mask_words
from runner.untrusted import clean_line

WORKFLOW = "https://github.com/ORG/REPO/.github/workflows/release.yml@refs/heads/main"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("user:s3cret@host", "***@host"),
        ("https://user:s3cret@host/x", "https://***@host/x"),
        ("https://user:s3/c?r#e@t@host/x", "https://***@host/x"),
        ("https://user:s3 cret@host", "https://***@host"),
        ("https://s3cret@host/x", "https://***@host/x"),
        ("s3cret@host", "***@host"),
        ("/data/user:s3cret@host", "/data/***@host"),
        ("https://issuer=user:s3cret@host", "https://***@host"),
        ("host/x?token=s3cret", "host/x?***"),
        ("host/x?s3cret", "host/x?***"),
        ("https://host/x#s3cret", "https://host/x#***"),
        ("host/x?s3cret\nt", "host/x?***"),
        (f"user:s3cret@host/x@sha256:{'0' * 64}", f"***@host/x@sha256:{'0' * 64}"),
        ("user:s3" + "c" * 5000 + "ret@host", "***@host"),
    ],
)
def test_what_may_be_a_password_is_not_shown(value: str, shown: str) -> None:
    assert mask_value(value, 200) == shown


@pytest.mark.parametrize(
    "value",
    ["", "ghcr.io", "127.0.0.1:5000", "/data/images", "a:b:c", WORKFLOW, "v2.6.0-cv", "host/x:tag"],
)
def test_another_value_is_shown_as_it_is(value: str) -> None:
    assert mask_value(value, 200) == mask_words(value) == value


def test_a_command_stays_as_it_was_typed() -> None:
    identity = str(Identity("https://accounts.example.com", "me@example.com"))
    typed = f"verify v2.6.0-cv --identity {identity} --reason 'why? because #1'"
    assert mask_words(typed) == typed
    masked = mask_words("scan --db https://me:s3cret@h/db --x=https://s3cret@h y?a=s3cret&b=s3cret")
    assert masked == "scan --db https://***@h/db --x=https://***@h y?***"


@given(st.text() | st.from_regex(r"[a-z:/@?#= ]*"))
@example("=a:" * 50_000)
@example("//" * 50_000)
@example("@" * 100_000)
def test_any_value_is_shown_in_one_line_and_in_linear_time(value: str) -> None:
    began = time.monotonic()
    shown = mask_value(value)
    assert time.monotonic() - began < 2
    assert clean_line(shown, 80) == shown
    mask_words(value)
