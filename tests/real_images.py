"""The real images, for tests that look into them."""

from __future__ import annotations

from functools import cache

from images import build, catalog, plan
from images.record import BuildRecord
from oci.registry import Registry
from publish.evidence import attest, os_layer_signer
from publish.evidence.os_layer_signer import SystemVouch
from runner import embedded, home, records


def reference_of(image: str) -> str:
    """`HOST/REPOSITORY@DIGEST` of a release of what is checked out, else built here, its record
    kept out of `out/`.
    """
    host, vouch = embedded.host(), real_vouch()
    shipped = catalog.load()
    version = shipped.version("v2.6.0")
    for out in (home.out(), home.kept("tests", "out")):
        planned = plan.make(shipped, version, [image], out)
        record = records.read(BuildRecord, plan.record_path(out, str(version), image, "build"))
        if record is not None and planned.images[0].why == plan.UNCHANGED and _is_in(host, record):
            return record.reference(host)
    return build.build(shipped, version, planned, Registry(host), out, vouch=vouch)[0].reference(
        host
    )


@cache
def real_vouch() -> SystemVouch:
    """Who vouches for OS layers on this machine; asked before a test gets a home of its own."""
    return os_layer_signer.vouch_of(attest.signer())


def _is_in(host: str, record: BuildRecord) -> bool:
    return Registry(host).digest_of(record.repository, record.digest) == record.digest
