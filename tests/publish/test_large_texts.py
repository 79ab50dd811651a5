"""The largest text of a stranger that a parser takes needs little memory and time.

Each is parsed in a process of its own, because a process does not give back its memory. This file
is also the program of that process.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from oci.document import StoredDocument
from oci.manifest import MAX_MANIFEST_BYTES, OCI_INDEX, parse_manifest
from oci.referrer_list import group_by_digest
from publish.evidence import store as evidence
from publish.evidence.strict_json import MAX_BYTES
from publish.evidence.trust import Identity, Trusted
from publish.tags import journal
from runner.errors import ReleaseError
from runner.untrusted import SCHEMA_VALUES, Malformed, parse_json
from scan import image_facts, probe_container, store

MEMORY_BYTES, MAX_SECONDS = 500 << 20, 5.0
VALUES = ("[]", "{}", "0", '""')
CERTIFIED = (
    '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":'
    '{"certificate":{"rawBytes":"AA=="},"tlogEntries":[%s]},"dsseEnvelope":{}}'
)
ONE = '{"transactions":[{"kind":"promotion","version":"v2.6.0","entries":[%s]}]}'


def read_journal(data: bytes) -> object:
    return journal._read_unsigned(StoredDocument(data, "sha256:0", "nobody signed it"), "here")


def read_bundle(data: bytes) -> object:
    return evidence.verify_bundle(data, Trusted({}, (Identity("https://a", "b"),)))


def read_index(data: bytes) -> object:
    return group_by_digest(parse_manifest(data, OCI_INDEX).index_entries())


def read_facts(data: bytes) -> object:
    return image_facts._parse_document(
        image_facts._RootDocument, probe_container.ProbeExit(0, data)
    )


def read_findings(data: bytes) -> object:
    document = StoredDocument(data, "sha256:0", "nobody signed it")
    return store._read_claims(document, datetime.date(2026, 11, 20))


PARSERS: dict[str, tuple[Callable[[bytes], object], str, int]] = {
    "journal": (read_journal, ONE, journal.MAX_UNSIGNED_BYTES),
    "transactions": (read_journal, '{"transactions":[%s]}', journal.MAX_UNSIGNED_BYTES),
    "findings": (read_findings, '{"seen":{},"judgements":[%s]}', store.WRITTEN_BYTES),
    "certificate": (read_bundle, CERTIFIED, MAX_BYTES),
    "signatures": (read_bundle, '{"dsseEnvelope":{"signatures":[%s]}}', MAX_BYTES),
    "days": (read_findings, '{"seen":{%s}}', store.WRITTEN_BYTES),
    "index": (read_index, '{"schemaVersion":2,"manifests":[%s]}', MAX_MANIFEST_BYTES),
    "facts": (read_facts, '{"bundled":[%s]}', probe_container.DOCUMENT_BYTES),
    "any": (lambda data: parse_json(data, 64 << 20), "[%s]", 64 << 20),
}


@pytest.mark.parametrize("name", PARSERS)
def test_the_largest_text_needs_little(name: str) -> None:
    """As many wrong values as fit, as many as are allowed, and as many keys."""
    done = subprocess.run(
        [sys.executable, __file__, name],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["bytes"] < MEMORY_BYTES
    assert found["seconds"] < MAX_SECONDS


def parse_all(name: str) -> None:
    """Parse texts of a kind, and print the most memory and the most time of one."""
    parse, frame, size = PARSERS[name]
    slowest = 0.0
    for count in (size, 1_900_000, 990_000, SCHEMA_VALUES - 100, 19_000, 900):
        for value in VALUES:
            most = min(count, (size - 1000) // (len(value) + 1))
            filling = (f"{value}," * most)[:-1]
            if name == "days":
                filling = ",".join(f'"{number:x}":{value}' for number in range(most // 10))
            text = frame.encode().replace(b"%s", filling.encode())
            began = time.process_time()
            with contextlib.suppress(ReleaseError, Malformed, probe_container.NoFacts):
                parse(text)
            slowest = max(slowest, time.process_time() - began)
    print(json.dumps({"bytes": read_peak_memory(), "seconds": slowest}))


def read_peak_memory() -> int:
    """Return the most bytes that this program held. `ru_maxrss` counts those of its parent too."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    line = next(each for each in status.splitlines() if each.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    parse_all(sys.argv[1])
