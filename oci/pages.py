"""Pages of a list that a registry serves."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

import requests

from oci import diagnosis, transport
from oci.manifest import parse_descriptor
from oci.registry_error import RegistryError
from runner.untrusted import Malformed, parse_json


def parse_listed_entry(entry: object) -> dict[str, Any] | None:
    """Return the used parts of an entry of a list of referrers, or None if it is no descriptor."""
    try:
        descriptor = parse_descriptor(entry).as_dict()
    except Malformed:
        return None
    fields = entry if isinstance(entry, dict) else {}
    kind, notes = fields.get("artifactType"), fields.get("annotations")
    texts = notes.items() if isinstance(notes, dict) else ()
    return {
        **descriptor,
        **({"artifactType": kind} if isinstance(kind, str) else {}),
        "annotations": {name: text for name, text in texts if isinstance(text, str)},
    }


def read_entries(answer: requests.Response, name: str) -> list[Any]:
    """Return the entries of one page of a list. Distribution writes an empty list as null."""
    try:
        content = parse_json(answer.content, transport.MAX_ANSWER_BYTES)
        problem = f"no list of {name}"
    except Malformed as error:
        content, problem = None, str(error)
    found = content.get(name, "") if isinstance(content, dict) else ""
    if not isinstance(found, list | None):
        where = diagnosis.show_address(answer.url)
        raise RegistryError(
            answer.status_code, f"{where}: does not follow the OCI specification ({problem})"
        )
    return found or []


def find_next_page(answer: requests.Response) -> str:
    """Return the address of the next page of a list, or an empty text if this is the last."""
    try:
        address = answer.links.get("next", {}).get("url", "")
        return urljoin(answer.url, address) if address else ""
    except ValueError:
        where = diagnosis.show_address(answer.url)
        raise RegistryError(
            answer.status_code, f"{where}: the `Link` header is not an address"
        ) from None
