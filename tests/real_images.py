"""The real images, for tests that look into them."""

from __future__ import annotations

from functools import cache

from images import build, catalog, plan
from images.record import BuildRecord
from oci.registry import Registry
from publish.evidence import attest, os_layer_signer
from publish.evidence.os_layer_signer import OsLayerSigner
from runner import embedded, home, records


def reference_of(image: str) -> str:
    """`HOST/REPOSITORY@DIGEST` of a release of what is checked out, else built here, its record
    kept out of `out/`.
    """
    return record_of(image).image_reference(embedded.require_registry())


def record_of(image: str) -> BuildRecord:
    """The build record of the same image."""
    host, layer_signer = embedded.require_registry(), real_vouch()
    shipped = catalog.load_catalog()
    version = shipped.require_version("v2.6.0")
    for out in (home.out_folder(), home.make_home_folder("tests", "out")):
        planned = plan.make_plan(shipped, version, [image], out)
        record = records.read_record(
            BuildRecord, plan.record_path(out, str(version), image, "build")
        )
        if record is not None and planned.images[0].why == plan.UNCHANGED and _is_in(host, record):
            return record
    return build.build(shipped, version, planned, Registry(host), out, layer_signer=layer_signer)[0]


@cache
def real_vouch() -> OsLayerSigner:
    """Who vouches for OS layers on this machine; asked before a test gets a home of its own."""
    return os_layer_signer.make_os_layer_signer(attest.load_signer())


def _is_in(host: str, record: BuildRecord) -> bool:
    return Registry(host).resolve_digest(record.repository, record.digest) == record.digest
