"""What images that are out are judged with: each from the bill of materials that somebody trusted
signed for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from images.catalog import Catalog
from oci.registry import Registry
from publish.evidence import attest
from publish.evidence.store import Signer
from publish.evidence.trust import Trusted
from publish.released.published import Published
from runner import home
from scan import assess
from scan.assess import Assessment, Judges, Place


@dataclass(frozen=True)
class Bench:
    """Where images are, whose bills of materials are believed, what they are held against, and who
    signs history.
    """

    registry: Registry
    catalog: Catalog
    trusted: Trusted
    judges: Judges
    signer: Callable[[], Signer] = attest.signer

    def assess(self, image: Published) -> tuple[dict[str, Any], Assessment] | None:
        """The CycloneDX document of an image and what is known against it; None where no trusted
        one is there.

        Raises EnvironmentFailed where Trivy fails.
        """
        document = attest.signed_bill(self.registry, image.repository, image.digest, self.trusted)
        if document is None:
            return None
        with home.scratch("assess") as folder:
            path = folder / "sbom.cdx.json"
            path.write_text(json.dumps(document))
            place = Place(image.version.line, self.catalog.stacks_of(image.image))
            return document, assess.assess(path, place, self.judges)
