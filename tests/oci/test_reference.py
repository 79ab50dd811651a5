"""References: every form that a person may write, and nothing that another program would read
otherwise.
"""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oci.reference import RegistryReference, is_digest, is_repository, is_tag, parse_reference

HOST = "registry.example.com:5000"
DIGEST = f"sha256:{'0a' * 32}"

FORMS = {
    "v2.6.0-cv": RegistryReference("", "v2.6.0-cv", ""),
    DIGEST: RegistryReference("", "", DIGEST),
    f"@{DIGEST}": RegistryReference("", "", DIGEST),
    "pytorch-cuda:v2.6.0": RegistryReference("pytorch-cuda", "v2.6.0", ""),
    "team/pytorch-cuda:v2.6.0": RegistryReference("team/pytorch-cuda", "v2.6.0", ""),
    f"pytorch-cuda@{DIGEST}": RegistryReference("pytorch-cuda", "", DIGEST),
    f"pytorch-cuda:v2.6@{DIGEST}": RegistryReference("pytorch-cuda", "v2.6", DIGEST),
}


@pytest.mark.parametrize("text", FORMS)
def test_a_reference(text: str) -> None:
    assert parse_reference(text, HOST) == FORMS[text]
    assert parse_reference(f"{HOST}/{text}", HOST) == FORMS[text]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            ":",
            "@",
            "/",
            "a/b",
            "--help",
            "-x",
            ".x",
            "a b",
            "a\nb",
            "v2.6\n",
            "a" * 129,
            f"x:{'a' * 129}",
        ),
        *(
            "a:",
            ":a",
            "a@",
            f"@@{DIGEST}",
            f"{DIGEST}0",
            DIGEST.upper(),
            "sha512:" + "0" * 128,
            f"{'a' * 256}:b",
        ),
        *(
            "../x:a",
            "a//b:c",
            "/a:b",
            "a/:b",
            "A:b",
            "a..b:c",
            "_a:b",
            "a-:b",
            "http://h/a:b",
            "other.example:5000/a:b",
        ),
        *(
            "\N{FULLWIDTH LATIN SMALL LETTER V}2.6.0",
            "v2.6.\N{ARABIC-INDIC DIGIT THREE}",
            "a\x1b[31m:b",
            f"a:b@{DIGEST}@",
        ),
    ],
)
def test_no_reference(text: str) -> None:
    assert parse_reference(text, HOST) is None


@given(
    st.text()
    | st.from_regex(r"[a-z0-9.:/@_-]*")
    | st.builds("{}@{}".format, st.text(max_size=9), st.just(DIGEST))
)
@example("a-" * 50_000)
@example("a" * 100_000 + "!")
@example("a/" * 50_000 + ":b")
def test_every_text_is_a_reference_or_none(text: str) -> None:
    started = time.monotonic()
    found = parse_reference(text, HOST)
    assert time.monotonic() - started < 1
    if found:
        assert found.tag or found.digest
        assert not found.repository or is_repository(found.repository)
        assert not found.tag or is_tag(found.tag)
        assert not found.digest or is_digest(found.digest)
