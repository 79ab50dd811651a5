"""A small image with packages, made without an engine: Trivy and others read it from a registry."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping

from oci.manifest import LAYER_GZIP, OCI_CONFIG, Manifest, image_manifest, sha256
from oci.registry import Registry

SITE_PACKAGES = "opt/venv/lib/python3.11/site-packages"
JINJA2 = {
    f"{SITE_PACKAGES}/jinja2-3.1.4.dist-info/METADATA": (
        b"Metadata-Version: 2.1\nName: Jinja2\nVersion: 3.1.4\nLicense: BSD-3-Clause\n"
    )
}
DEBIAN = {
    "etc/debian_version": b"12.5\n",
    "etc/os-release": b'ID=debian\nVERSION_ID="12"\n',
    "var/lib/dpkg/status": (
        b"Package: libssl3\nStatus: install ok installed\nVersion: 3.0.11-1~deb12u2\n"
        b"Architecture: amd64\nSource: openssl\nMaintainer: Debian OpenSSL Team <a@example.org>\n\n"
    ),
}


def push_packaged_image(
    registry: Registry, repository: str, files: Mapping[str, bytes]
) -> Manifest:
    """Put an image of one layer with these files, and return its manifest."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    root = {"type": "layers", "diff_ids": [sha256(raw.getvalue())]}
    config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": root}
    layer = registry.push_bytes(repository, gzip.compress(raw.getvalue(), mtime=0), LAYER_GZIP)
    described = registry.push_bytes(repository, json.dumps(config).encode(), OCI_CONFIG)
    manifest = image_manifest(described, [layer])
    registry.put_manifest(repository, manifest.digest, manifest)
    return manifest
