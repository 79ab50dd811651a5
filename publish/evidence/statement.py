"""Claims about a digest: in-toto Statements (Attestation Framework, spec/v1/statement.md).

Ours have one subject, the manifest's digest: evidence is about bytes, never about a tag. `name`
tells people which repository it was published in. Nothing is decided from it, since promotion takes
evidence to another repository.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from images.statement_names import read_name, write_name
from oci.manifest import canonical_json
from oci.reference import is_digest
from publish.evidence.strict_json import NOT_USABLE, json_object
from runner.errors import ConfigError, GateRefused
from runner.redaction import hide_in_values

OWN = "pytorchCudaImages"
"""The field of a predicate that holds what its specification has no place for."""
_SLSA, _SLSA_OWN = "https://slsa.dev/", f"{OWN}_details"
"""SLSA wants names of such fields as VENDOR_FIELD, so it is written so there, and read by both."""
STATEMENT = "https://in-toto.io/Statement/v1"
MEDIA_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True)
class Statement:
    """A predicate about `subject`, the digest of a manifest.

    Raises ConfigError if the subject is not a digest.
    """

    subject: str
    name: str
    predicate_type: str
    predicate: Mapping[str, Any]

    def __post_init__(self) -> None:
        if not is_digest(self.subject):
            raise ConfigError(
                (
                    f"{self.subject!r:.100} is not the digest of an image, and nothing else can be "
                    "proven"
                ),
                "build the image, and validate and scan that digest",
            )


def to_json(statement: Statement) -> bytes:
    """Return the statement as bytes, always the same: sorted keys, no spaces, ASCII, no secrets."""
    return _encode_statement(statement, write_name(statement.predicate_type))


def is_encoding(statement: Statement, data: bytes) -> bool:
    """Return whether `data` is a statement, under the name of its type here or in the code."""
    names = {write_name(statement.predicate_type), statement.predicate_type}
    return any(data == _encode_statement(statement, name) for name in names)


def _encode_statement(statement: Statement, predicate_type: str) -> bytes:
    predicate = dict(statement.predicate)
    if predicate_type.startswith(_SLSA):
        predicate = _rename_field(predicate, OWN, _SLSA_OWN)
    subject = {
        "name": statement.name,
        "digest": {"sha256": statement.subject.removeprefix("sha256:")},
    }
    return canonical_json(
        {
            "_type": STATEMENT,
            "subject": [subject],
            "predicateType": predicate_type,
            "predicate": hide_in_values(predicate),
        }
    )


def from_json(data: bytes) -> Statement:
    """Return a statement about one manifest. Raises GateRefused for anything else."""
    content = json_object(data, "the statement")
    if content.get("_type") != STATEMENT:
        raise GateRefused(f"its type is {content.get('_type')!r:.100}, not {STATEMENT}", NOT_USABLE)
    try:
        (subject,) = content["subject"]
        digest, name = f"sha256:{subject['digest']['sha256']}", str(subject.get("name", ""))
        predicate_type, predicate = content["predicateType"], content.get("predicate", {})
        if not (isinstance(predicate_type, str) and isinstance(predicate, dict)):
            raise TypeError("predicateType is no text, or predicate no object")
        if predicate_type.startswith(_SLSA):
            predicate = _rename_field(predicate, _SLSA_OWN, OWN)
        return Statement(digest, name, read_name(predicate_type), predicate)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise GateRefused(
            f"the statement is not about one digest with one predicate ({error!r:.100})", NOT_USABLE
        ) from None
    except ConfigError as error:
        raise GateRefused(
            f"the statement is not about a digest: {error.message}", NOT_USABLE
        ) from None


def _rename_field(predicate: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if name == old else name: value for name, value in predicate.items()}
