#!/usr/bin/env python3
"""Compare three ways to promote a release: all its images, under all their tags.

Ours works from the registry to the registry, with mounts, manifests, evidence, journal and tags.
Docker's is `docker pull` and, for every tag, `docker tag` and `docker push`, with an engine that
does not have the images. Skopeo's is `skopeo copy` of every tag without a cache. All three use one
embedded registry, and each has a target repository of its own.

    .venv/bin/python benchmarks/promote.py

It takes about 2 minutes and 20 GB of disk, needs skopeo, and removes the images from the engine.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import docker.errors
import requests
from cryptography.hazmat.primitives.asymmetric import ec

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from images import catalog
from images.catalog import Repositories
from oci import referrers
from oci.registry import Registry
from publish.evidence import documents
from publish.evidence.keys import compute_key_id
from publish.evidence.trust import Trusted
from publish.released.yank_statements import SignedYankMarks
from publish.tags.journal import list_tags_of
from publish.tags.production import Production
from publish.tags.promotion_plan import ApprovedImage, TagSet
from publish.tags.transaction import promote_tags
from runner import embedded, engine, shell
from runner.child_variables import ENGINES
from tests.real_images import reference_of

ROOTS_CACHE = Path("/var/lib/containers/cache")

VERSION, ALIASES = "v2.6.0", ("v2.6", "v2.6-monthly", "2026.11", "latest")


def measure_seconds(work: Callable[[], object]) -> float:
    """Return the seconds that `work` takes."""
    started = time.monotonic()
    work()
    return time.monotonic() - started


def all_tags(image: str) -> Sequence[str]:
    """Return every tag that an image of a release gets."""
    return [tag for stem in (VERSION, *ALIASES) for tag in list_tags_of(stem, image)]


def ours(registry: Registry, repositories: Repositories, references: dict[str, str]) -> None:
    """Promote all images and tags in one transaction."""
    approved = [
        _approve(registry, repositories.staging, image, name) for image, name in references.items()
    ]
    key = ec.generate_private_key(ec.SECP256R1())
    trusted = Trusted({compute_key_id(key.public_key()): key.public_key()})
    marks = SignedYankMarks(registry, repositories.production, trusted, lambda: key)
    production = Production(
        registry,
        repositories,
        "benchmark",
        marks,
        documents.make_journal_seal(lambda: key, trusted),
    )
    promote_tags(production, TagSet(VERSION, tuple(references), ALIASES), approved)


def _approve(registry: Registry, staging: str, image: str, reference: str) -> ApprovedImage:
    """Approve an image with an empty decision, because deciding is not measured here."""
    digest = reference.rpartition("@")[2]
    manifest = registry.read_manifest(staging, digest)
    assert manifest is not None
    attached = referrers.attach_artifact(
        registry, staging, manifest.descriptor, "benchmark", [("text/plain", b"yes")], {}
    )
    return ApprovedImage(image, digest, staging, attached.digest, (attached.digest,))


def by_docker(host: str, target: str, references: dict[str, str]) -> None:
    """Pull each image once, then tag and push each tag."""
    for image, reference in references.items():
        run(engine.docker_program(), "pull", "--quiet", reference)
        for tag in all_tags(image):
            run(engine.docker_program(), "tag", reference, f"{host}/{target}:{tag}")
            run(engine.docker_program(), "push", "--quiet", f"{host}/{target}:{tag}")


def by_skopeo(host: str, target: str, references: dict[str, str]) -> None:
    """Copy each tag without skopeo's cache of the blobs that it saw in earlier copies."""
    for image, reference in references.items():
        for tag in all_tags(image):
            with (
                tempfile.TemporaryDirectory() as cache
            ):  # of a user; root's is a file at a fixed place
                for learned in ROOTS_CACHE.glob("blob-info-cache-*"):
                    learned.unlink()
                plain = ("--src-tls-verify=false", "--dest-tls-verify=false")
                source, to = f"docker://{reference}", f"docker://{host}/{target}:{tag}"
                shell.run(
                    ["skopeo", "copy", "--quiet", *plain, source, to],
                    hint="",
                    env={"XDG_DATA_HOME": cache},
                    allowed=ENGINES,
                )


def run(*words: str) -> None:
    """Run a program that must succeed."""
    shell.run(words, hint="see the output", allowed=ENGINES)


def forget(references: dict[str, str]) -> None:
    """Remove the images from the engine, as on a machine that never had them."""
    client = engine.connect_engine()
    digests = {reference.rpartition("@")[2] for reference in references.values()}
    for image in client.images.list(all=True):
        names = [*image.tags, *image.attrs.get("RepoDigests", ())]
        if not image.tags or any(name.rpartition("@")[2] in digests for name in names):
            for name in names or [image.id]:
                with contextlib.suppress(docker.errors.APIError):
                    client.images.remove(name, force=True)
    client.images.prune(filters={"dangling": True})


def count_transfers(registry: Registry) -> list[int]:
    """Return a list to which the bytes of every blob are added that this machine transfers."""
    moved: list[int] = []

    def count(answer: requests.Response, **_: object) -> None:
        if "/blobs/" in answer.url and answer.request.method in ("GET", "PUT", "PATCH"):
            moved.append(
                len(answer.request.body or b"") or int(answer.headers.get("Content-Length", 0))
            )

    registry._session.hooks["response"].append(count)
    return moved


def main() -> None:
    """Measure and print the table."""
    shipped, host = catalog.load_catalog(), embedded.require_registry()
    registry, stamp = Registry(host), f"benchmark-{int(time.time())}"
    moved = count_transfers(registry)
    references = {image: reference_of(image) for image in shipped.images}
    mine = replace(shipped.repositories, production=f"{stamp}/ours", journal=f"{stamp}/journal")
    seconds = {"ours": measure_seconds(lambda: ours(registry, mine, references))}
    seconds["skopeo copy"] = measure_seconds(lambda: by_skopeo(host, f"{stamp}/skopeo", references))
    forget(references)
    seconds["docker pull, tag, push"] = measure_seconds(
        lambda: by_docker(host, f"{stamp}/docker", references)
    )
    tags = sum(len(all_tags(image)) for image in references)
    print(
        f"{len(references)} images, {tags} tags; ours moved {sum(moved)} bytes of blobs, the "
        f"largest {max(moved)}\n"
    )
    print("| how | seconds | times ours |\n|---|---|---|")
    for how, took in seconds.items():
        print(f"| {how} | {took:.2f} | {took / seconds['ours']:.1f} |")


if __name__ == "__main__":
    main()
