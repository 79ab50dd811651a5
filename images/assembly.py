"""The configuration and the manifest of an image, over layers that are in the registry."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field

from images.catalog import Line, OsPart, Project
from images.layer_store import HeldLayer
from images.layers import LayerSpec
from images.plan import SETTINGS, VENV, PlannedImage
from images.version import number_of
from oci.manifest import OCI_CONFIG, OCI_MANIFEST, Manifest, canonical_json, image_manifest
from oci.registry import Registry
from oci.tarball import Blob

MEDIA_TYPE = OCI_MANIFEST
USER = "1000:1000"
"""mluser, by number: so `runAsNonRoot` of Kubernetes can see that it is not root."""

LABELS = "io.github.pytorch-cuda-images"
"""The prefix of this project's own labels."""

STANDARD = "org.opencontainers.image"
"""The prefix of the annotations that the image specification names (annotations.md)."""

ENTRY_POINT = ("/usr/bin/tini", "--", "/usr/local/lib/image/start")

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class ImageOrigin:
    """The facts of labels about where an image comes from; an empty value makes no label.

    `base` is the image that the OS layer began with, as `NAME@DIGEST`. `newest` is when the newest
    Debian package was made, in seconds since 1970. `revision` is the newest commit that changed a
    file that the image is made from.
    """

    project: Project = field(default_factory=Project)
    base: str = ""
    newest: int = 0
    revision: str = ""


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
    annotations = manifest_annotations(config)
    manifest = image_manifest(pushed, [held.blob.to_descriptor() for held in made], annotations)
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
    origin: ImageOrigin = ImageOrigin(),
) -> dict[str, object]:
    """Return the configuration (OCI Image Configuration 1.1) of a planned image.

    `Healthcheck` is an extension that Docker reads.
    """
    optional: dict[str, object] = {}
    if part.ports:
        optional["ExposedPorts"] = {f"{port}/tcp": {} for port in part.ports}
    if part.health_check:
        optional["Healthcheck"] = {"Test": ["CMD", *part.health_check]}
    created = _format_moment(max(line.epoch, origin.newest))
    return {
        **_file_system(line, planned.layers, made),
        "created": created,
        "config": {
            "User": USER,
            "Env": environment_variables(line),
            "Entrypoint": [*ENTRY_POINT],
            "Cmd": list(part.command) or ["bash"],
            "WorkingDir": "/workspace",
            "Labels": {
                **_image_labels(planned, title, version, line),
                **_origin_labels(origin, line, created),
            },
            **optional,
        },
    }


def system_configuration(
    line: Line, system: Sequence[LayerSpec], made: Sequence[Blob]
) -> dict[str, object]:
    """Return the configuration of an image of Debian alone, to compile bytecode in."""
    return {**_file_system(line, system, made), "config": {"User": USER}}


def _file_system(line: Line, specs: Sequence[LayerSpec], made: Sequence[Blob]) -> dict[str, object]:
    created = _format_moment(line.epoch)
    return {
        "architecture": "amd64",
        "os": "linux",
        "created": created,
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in made]},
        "history": [
            {"created": created, "created_by": f"{spec.kind}: {spec.name}"} for spec in specs
        ],
    }


def _format_moment(seconds: int) -> str:
    """Return a time in UTC as RFC 3339 writes it."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def environment_variables(line: Line) -> list[str]:
    """Return the variables that the images of a line set, each as `NAME=VALUE`."""
    return [
        f"PATH=/{VENV}/bin:{_SYSTEM_PATH}",
        f"VIRTUAL_ENV=/{VENV}",
        "LANG=C.UTF-8",
        *SETTINGS,
        "NVIDIA_VISIBLE_DEVICES=all",
        "NVIDIA_DRIVER_CAPABILITIES=compute,utility",
        f"NVIDIA_REQUIRE_CUDA=driver>={line.driver_floor}",
    ]


def _image_labels(planned: PlannedImage, title: str, version: str, line: Line) -> dict[str, str]:
    """Return OCI annotations (image-spec, annotations.md) as labels, and the facts of the line."""
    contents = f"PyTorch {line.torch}, CUDA {line.cuda} and Python {line.python}"
    return {
        f"{STANDARD}.title": title,
        f"{STANDARD}.description": f"{title}: {contents} on Debian {line.debian}",
        f"{STANDARD}.version": number_of(version),
        f"{STANDARD}.ref.name": planned.tag,
        f"{LABELS}.stacks": ",".join(planned.stacks),
        f"{LABELS}.torch": line.torch,
        f"{LABELS}.cuda": line.cuda,
        f"{LABELS}.python": line.python,
    }


def _origin_labels(origin: ImageOrigin, line: Line, created: str) -> dict[str, str]:
    """Return the labels of an image's origin, without those that have no value.

    All follow from inputs: two machines that build the same release write the same bytes. There is
    no base if it was made of Debian's packages: then no image has its digest.
    """
    name, _, digest = origin.base.partition("@") if origin.base == line.base_image else ("", "", "")
    labels = {
        "source": origin.project.source,
        "url": origin.project.url,
        "documentation": origin.project.documentation,
        "licenses": origin.project.licenses,
        "revision": origin.revision,
        "created": created,
        "base.name": name,
        "base.digest": digest,
    }
    return {f"{STANDARD}.{key}": value for key, value in labels.items() if value}


def manifest_annotations(config: dict[str, object]) -> dict[str, str]:
    """Return the standard labels of a configuration as annotations of its manifest.

    Registries and tools that list images read these without the configuration. `ref.name` is for
    an index alone.
    """
    run = config.get("config")
    labels = run.get("Labels") if isinstance(run, dict) else None
    return {
        name: value
        for name, value in (labels or {}).items()
        if name.startswith(f"{STANDARD}.") and name != f"{STANDARD}.ref.name"
    }
