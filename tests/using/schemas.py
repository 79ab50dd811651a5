"""Schemas that the snippets of docs/using.md are checked with, from the wheels that carry them.

    pip download --no-deps kubernetes-validate==1.37.0 check-jsonschema==0.39.0
    .venv/bin/python -m tests.using.schemas kubernetes_validate-*.whl check_jsonschema-*.whl

The first is Kubernetes' own OpenAPI document as JSON Schema, which refuses unknown fields; the
second has the schema of Compose files. Only what KINDS need is kept, without descriptions: the
wheels have 22 MB.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import fastjsonschema

from runner import records

FOLDER = Path(__file__).resolve().parent
KUBERNETES, COMPOSE = FOLDER / "kubernetes.json", FOLDER / "compose.json"
KINDS = {
    ("batch/v1", "Job"): "io.k8s.api.batch.v1.Job",
    ("v1", "Pod"): "io.k8s.api.core.v1.Pod",
    ("v1", "PersistentVolumeClaim"): "io.k8s.api.core.v1.PersistentVolumeClaim",
    ("v1", "Service"): "io.k8s.api.core.v1.Service",
    ("apps/v1", "Deployment"): "io.k8s.api.apps.v1.Deployment",
}
"""The version and the kind of an object, and its name in Kubernetes' schema."""

_IN_WHEEL = "kubernetes_validate/kubernetes-json-schema/v1.37.0-local-strict/_definitions.json"
_COMPOSE_IN_WHEEL = "check_jsonschema/builtin_schemas/vendor/compose-spec.json"
_REFERENCE = re.compile(r'"#/definitions/([^"]+)"')


@cache
def kubernetes_check(version: str, kind: str) -> Callable[[Any], Any]:
    """Return the function that raises JsonSchemaException if an object is wrong."""
    schema = json.loads(records.read_text(KUBERNETES))
    return _compile({**schema, "$ref": f"#/definitions/{KINDS[version, kind]}"})


@cache
def compose_check() -> Callable[[Any], Any]:
    """Return the same for a Compose file."""
    return _compile(json.loads(records.read_text(COMPOSE)))


def _compile(schema: Mapping[str, Any]) -> Callable[[Any], Any]:
    compiled: Callable[[Any], Any] = fastjsonschema.compile(
        {**schema, "$schema": "http://json-schema.org/draft-07/schema#"}, use_default=False
    )
    return compiled


def close_parts(definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return definitions in which a sum of parts refuses unknown keys, as draft 7 can say it.

    `unevaluatedProperties` is newer than the drafts that fastjsonschema knows.
    """
    closed = dict(definitions)
    for name, definition in definitions.items():
        if definition.get("unevaluatedProperties") is False:
            parts = [definitions[each["$ref"].rpartition("/")[2]] for each in definition["allOf"]]
            known: dict[str, Any] = {key: {} for part in parts for key in part["properties"]}
            closed[name] = {
                **definition,
                "properties": known | definition["properties"],
                "patternProperties": {"^x-": {}},
                "additionalProperties": False,
            }
    return closed


def keep_needed(definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the definitions that KINDS need, by name."""
    needed: dict[str, Any] = {}
    waiting = list(KINDS.values())
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed[name] = definitions[name]
            waiting += _REFERENCE.findall(json.dumps(definitions[name]))
    return dict(sorted(needed.items()))


def drop_descriptions(schema: Any) -> Any:
    """Return a schema without its texts for people and its notes for servers."""
    if isinstance(schema, dict):
        return {
            key: drop_descriptions(value)
            for key, value in schema.items()
            if not (key == "description" and isinstance(value, str))
            and not key.startswith("x-kubernetes")
        }
    return [drop_descriptions(each) for each in schema] if isinstance(schema, list) else schema


if __name__ == "__main__":
    with zipfile.ZipFile(sys.argv[1]) as wheel:
        text = wheel.read(_IN_WHEEL).decode()
    text = re.sub(r'"[^"]*#/\$defs/', '"#/definitions/', text)
    kept = keep_needed(drop_descriptions(json.loads(text)["$defs"]))
    records.write_text(KUBERNETES, json.dumps({"definitions": kept}, indent=1) + "\n")
    with zipfile.ZipFile(sys.argv[2]) as wheel:
        compose = drop_descriptions(json.loads(wheel.read(_COMPOSE_IN_WHEEL)))
    compose["$defs"] = close_parts(compose["$defs"])
    records.write_text(COMPOSE, json.dumps(compose, indent=1) + "\n")
