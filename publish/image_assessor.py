"""Judge images that are released, each from the SBOM that a trusted key signed for it."""

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
from scan.assess import Assessment, AssessmentContext, CatalogPlace


@dataclass(frozen=True)
class ImageAssessor:
    """The judgement of images in a registry.

    `trusted` are the signers whose SBOMs count, `context` is what images are judged with, `signer`
    signs the history.
    """

    registry: Registry
    catalog: Catalog
    trusted: Trusted
    context: AssessmentContext
    signer: Callable[[], Signer] = attest.load_signer

    def assess_image(self, image: Published) -> tuple[dict[str, Any], Assessment] | None:
        """Return the CycloneDX document of an image and its assessment.

        Returns None if no trusted key signed such a document. Raises EnvironmentFailed if Trivy
        fails.
        """
        document = attest.read_signed_sbom(
            self.registry, image.repository, image.digest, self.trusted
        )
        if document is None:
            return None
        with home.scratch_folder("assess") as folder:
            path = folder / "sbom.cdx.json"
            path.write_text(json.dumps(document))
            place = CatalogPlace(image.version.line, self.catalog.stacks_of(image.image))
            return document, assess.assess_sbom(path, place, self.context)
