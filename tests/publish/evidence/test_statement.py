"""Statements to bytes and back: the same bytes always, and nothing that two readers could read
differently.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from publish.evidence.statement import STATEMENT, Statement, from_json, to_json
from runner.errors import ConfigError, GateRefused
from tests.fakes.refusal import refused
from tests.publish.signed import DIGEST, OTHER, plain, statements

EVERY = pytest.mark.parametrize("about", statements(), ids=lambda about: about.predicate_type)


@EVERY
def test_round_trip(about: Statement) -> None:
    assert from_json(to_json(about)) == about


@EVERY
def test_the_same_statement_is_the_same_bytes(about: Statement) -> None:
    turned = Statement(
        about.subject,
        about.name,
        about.predicate_type,
        dict(reversed(list(about.predicate.items()))),
    )
    assert to_json(turned) == to_json(about)
    assert {to_json(each) for each in statements()} == {to_json(each) for each in statements()}


def test_it_is_as_the_specification_has_it() -> None:
    made = to_json(Statement(DIGEST, "images", "https://example.org/p/v1", {"b": 1, "a": "ü"}))
    subject = '{"digest":{"sha256":"' + "a" * 64 + '"},"name":"images"}'
    wanted = f'{{"_type":"{STATEMENT}","predicate":{{"a":"\\u00fc","b":1}},"predicateType":"https://example.org/p/v1"'
    assert made.decode() == f'{wanted},"subject":[{subject}]}}'


def test_a_predicate_may_be_left_out() -> None:
    content = {key: value for key, value in plain(statements()[0]).items() if key != "predicate"}
    assert from_json(json.dumps(content).encode()).predicate == {}


@pytest.mark.parametrize(
    "digest", ["", "sha256:", "sha256:" + "A" * 64, "sha512:" + "a" * 128, "a" * 64, DIGEST + "\n"]
)
def test_only_a_digest_is_a_subject(digest: str) -> None:
    with refused(ConfigError, "not the digest of an image"):
        Statement(digest, "", "https://example.org/p/v1", {})


def changed(**fields: Any) -> bytes:
    return json.dumps(plain(statements()[0]) | fields).encode()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "not JSON", id="nothing"),
        pytest.param(b"\xff\xfe{\x00}\x00", "not JSON", id="UTF-16"),
        pytest.param(b"[]", "not a JSON object", id="a list"),
        pytest.param(b"[" * 100_000, "nested deeper than", id="deep"),
        pytest.param(b'{"a": NaN}', "NaN is not a JSON value", id="NaN"),
        pytest.param(b'{"_type": "x", "_type": "y"}', "'_type' is given twice", id="a key twice"),
        pytest.param(
            changed(_type="https://in-toto.io/Statement/v0.1"), "its type is", id="an older type"
        ),
        pytest.param(changed(_type=None), "its type is None", id="no type"),
        pytest.param(changed(subject=[]), "not about one digest", id="about nothing"),
        pytest.param(changed(subject=None), "not about one digest", id="no subject"),
        pytest.param(
            changed(subject=[{"digest": {"sha256": each[7:]}} for each in (DIGEST, OTHER)]),
            "not about one digest",
            id="about two",
        ),
        pytest.param(
            changed(subject=[{"digest": {"sha512": "a"}}]),
            "not about one digest",
            id="another algorithm",
        ),
        pytest.param(
            changed(subject=[{"digest": {"sha256": "a"}}]), "not about a digest", id="half a digest"
        ),
        pytest.param(
            changed(subject=[{"name": "v2.6.0"}]), "not about one digest", id="about a name"
        ),
        pytest.param(
            changed(predicateType=7), "predicateType is no text", id="a number for a type"
        ),
        pytest.param(changed(predicate=[]), "predicate no object", id="a list for a predicate"),
    ],
)
def test_what_is_no_statement(data: bytes, words: str) -> None:
    with refused(GateRefused, words):
        from_json(data)
