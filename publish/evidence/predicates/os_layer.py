"""The OS layer of an image: the one layer that no lock knows, so a signature must vouch for it.

The statement's subject is the digest of the layer's blob. The predicate is our own. It names all
that a build takes from it: content key, sizes, diff_id, Debian's packages, when they were taken,
and what the build started from.
"""

from __future__ import annotations

from dataclasses import dataclass

from images.record import DebianPackage
from images.system_layer import SystemLayer
from oci.tarball import Blob
from publish.evidence.predicates import OS_LAYER, read_value, require_type
from publish.evidence.statement import Statement
from runner import records


@dataclass(frozen=True)
class _OsLayerClaim:
    """The predicate. Sizes in bytes, `newest` in seconds since 1970.

    A statement that was signed before `newest` or `below` was recorded has none.
    """

    content_key: str
    size: int
    diff_id: str
    uncompressed: int
    source: str
    packages: tuple[DebianPackage, ...]
    taken_at: str
    newest: int = 0
    below: str = ""


def make_statement(layer: SystemLayer) -> Statement:
    """Return the description of an OS layer as a statement about its digest."""
    blob = layer.blob
    stated = _OsLayerClaim(
        layer.key,
        blob.size,
        blob.diff_id,
        blob.uncompressed,
        layer.source,
        layer.packages,
        layer.taken_at,
        layer.newest,
        layer.below,
    )
    return Statement(blob.digest, "OS layer", OS_LAYER, records.to_plain(stated))


def read_os_layer(statement: Statement) -> SystemLayer:
    """Return the layer. Raises GateRefused if the statement has another type or shape."""
    require_type(statement, OS_LAYER)
    stated = read_value(_OsLayerClaim, statement)
    blob = Blob(statement.subject, stated.diff_id, stated.size, stated.uncompressed)
    return SystemLayer(
        stated.content_key,
        blob,
        stated.source,
        stated.packages,
        stated.taken_at,
        stated.newest,
        stated.below,
    )
