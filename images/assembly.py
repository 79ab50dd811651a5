"""The configuration and the manifest of an image, over layers that are in the registry."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from images.catalog import Line, OsPart
from images.layer_store import HeldLayer
from images.layers import LayerSpec
from images.plan import VENV, PlannedImage
from images.version import number_of
from oci.manifest import OCI_CONFIG, OCI_MANIFEST, Manifest, canonical_json, image_manifest
from oci.registry import Registry
from oci.tarball import Blob

MEDIA_TYPE = OCI_MANIFEST
USER = "1000:1000"
"""mluser, by number: so `runAsNonRoot` of Kubernetes can see that it is not root."""

LABELS = "io.github.pytorch-cuda-images"
"""The prefix of this project's own labels."""

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def assemble_image(
    registry: Registry, target: str, config: dict[str, object], made: Sequence[HeldLayer]
) -> Manifest:
    """Push an image to the repository `target`, and return its manifest.

    Its layers are mounted from the repositories that hold them. The manifest gets a tag named after
    its own digest, so that no clean-up of untagged manifests removes it. Raises RegistryError.
    """
    for source in dict.fromkeys(held.repository for held in made):
        if source != target:
            registry.ensure_blobs(
                target,
                [each.blob.to_descriptor() for each in made if each.repository == source],
                source,
            )
    pushed = registry.push_bytes(target, canonical_json(config), OCI_CONFIG)
    manifest = image_manifest(pushed, [held.blob.to_descriptor() for held in made])
    registry.put_manifest(target, anchor_tag(manifest.digest), manifest)
    return manifest


def anchor_tag(digest: str) -> str:
    """Return the tag that keeps a digest in staging.

    It is not `sha256-HEX`: registries look for referrers there.
    """
    return f"kept-{digest.rpartition(':')[2]}"


def image_configuration(  # noqa: PLR0913, PLR0917 - all facts that are in it
    planned: PlannedImage,
    title: str,
    version: str,
    line: Line,
    made: Sequence[Blob],
    part: OsPart = OsPart(),  # noqa: B008 - frozen
) -> dict[str, object]:
    """Return the configuration (OCI Image Configuration 1.1) of a planned image.

    `Healthcheck` is an extension that Docker reads.
    """
    optional: dict[str, object] = {}
    if part.ports:
        optional["ExposedPorts"] = {f"{port}/tcp": {} for port in part.ports}
    if part.health_check:
        optional["Healthcheck"] = {"Test": ["CMD", *part.health_check]}
    return {
        **_file_system(line, planned.layers, made),
        "config": {
            "User": USER,
            "Env": _environment_variables(line),
            "Entrypoint": ["/usr/bin/tini", "--"],
            "Cmd": list(part.command) or ["bash"],
            "WorkingDir": "/workspace",
            "Labels": _image_labels(planned, title, version, line),
            **optional,
        },
    }


def system_configuration(line: Line, system: LayerSpec, made: Blob) -> dict[str, object]:
    """Return the configuration of an image of the OS layer alone, to compile bytecode in."""
    return {**_file_system(line, [system], [made]), "config": {"User": USER}}


def _file_system(line: Line, specs: Sequence[LayerSpec], made: Sequence[Blob]) -> dict[str, object]:
    created = datetime.datetime.fromtimestamp(line.epoch, datetime.UTC).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )
    return {
        "architecture": "amd64",
        "os": "linux",
        "created": created,
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in made]},
        "history": [
            {"created": created, "created_by": f"{spec.kind}: {spec.name}"} for spec in specs
        ],
    }


def _environment_variables(line: Line) -> list[str]:
    return [
        f"PATH=/{VENV}/bin:{_SYSTEM_PATH}",
        f"VIRTUAL_ENV=/{VENV}",
        "LANG=C.UTF-8",
        "NVIDIA_VISIBLE_DEVICES=all",
        "NVIDIA_DRIVER_CAPABILITIES=compute,utility",
        f"NVIDIA_REQUIRE_CUDA=driver>={line.driver_floor}",
    ]


def _image_labels(planned: PlannedImage, title: str, version: str, line: Line) -> dict[str, str]:
    """Return OCI annotations (image-spec, annotations.md) as labels, and the facts of the line."""
    return {
        "org.opencontainers.image.title": title,
        "org.opencontainers.image.version": number_of(version),
        "org.opencontainers.image.ref.name": planned.tag,
        f"{LABELS}.stacks": ",".join(planned.stacks),
        f"{LABELS}.torch": line.torch,
        f"{LABELS}.cuda": line.cuda,
        f"{LABELS}.python": line.python,
    }
