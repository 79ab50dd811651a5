"""A small image of our own assembly in a registry, and images that somebody made of it.

It has a wheel and an OS layer with two Debian packages, and everything that scan/owners.yaml
requires is in it. The image `ssh` has a layer with a third package on top of these.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from images import assembly, catalog
from images.assembly import ImageOrigin
from images.debian import dockerfile_path
from images.layer_store import HeldLayer
from images.layers import LayerSpec
from images.package_layer import system_folder
from images.plan import PlannedImage
from images.record import BuiltLayer, DebianPackage
from oci.manifest import LAYER_GZIP, OCI_CONFIG, Manifest, image_manifest, sha256
from oci.registry import Registry
from oci.tarball import Blob
from scan.expected_image import ExpectedImage
from tests.publish.stage_records import built

SITE = "opt/venv/lib/python3.11/site-packages"
PACKAGES = (DebianPackage("dash", "0.5.12-2"), DebianPackage("tini", "0.19.0-1"))
SERVER = DebianPackage("openssh-server", "1:9.2p1-2")
REPOSITORY = "assembled"
COMMIT = "c" * 40
NEWEST = 1_790_000_000
TORCH = f"{SITE}/torch/nn.py"

Change = Callable[[dict[str, Any]], None]
"""What somebody does to a configuration."""


@dataclass(frozen=True)
class TarFile:
    """An entry of a layer: a file with `data`, or what `kind` says, with a `target`."""

    data: bytes = b""
    mode: int = 0o644
    owner: tuple[int, int] = (0, 0)
    kind: bytes = tarfile.REGTYPE
    target: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


FOLDER = TarFile(mode=0o755, kind=tarfile.DIRTYPE)
CAPABLE = {"security.capability": "\x01\x00\x00\x02\x00\x04\x00\x00"}


def link_to(target: str) -> TarFile:
    """A symbolic link."""
    return TarFile(mode=0o777, kind=tarfile.SYMTYPE, target=target)


def write_layer(files: Mapping[str, TarFile]) -> bytes:
    """A layer as an engine writes it: a tar in one gzip member."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, file in files.items():
            entry = tarfile.TarInfo(path)
            entry.type, entry.mode, entry.linkname = file.kind, file.mode, file.target
            entry.uid, entry.gid = file.owner
            entry.size = len(file.data)
            entry.pax_headers = {f"SCHILY.xattr.{k}": v for k, v in file.attributes.items()}
            tar.addfile(entry, io.BytesIO(file.data))
    return gzip.compress(raw.getvalue(), mtime=0)


def wheel_files() -> dict[str, TarFile]:
    """A wheel, installed."""
    modules = {"torch/__init__.py": b"version = 1\n", "torch/nn.py": b"scale = 1.0\n"}
    info = "torch-2.6.0.dist-info"
    rows = "".join(f"{name},sha256=x,{len(text)}\n" for name, text in modules.items())
    modules |= {f"{info}/RECORD": f"{rows}{info}/RECORD,,\n".encode()}
    folders = ("opt", "opt/venv", "opt/venv/lib", "opt/venv/lib/python3.11", SITE, f"{SITE}/torch")
    files = {f"{SITE}/{name}": TarFile(text) for name, text in modules.items()}
    return {**dict.fromkeys(folders, FOLDER), **files}


def system_files() -> dict[str, TarFile]:
    """An OS layer: two packages, and what is ours."""
    brought = {"usr/bin/dash": b"a shell", "usr/bin/tini": b"an init"}
    owned = {"dash": ["/bin/dash", "/bin/sh", "/etc/dash.conf"], "tini": ["/usr/bin/tini"]}
    files = {
        "bin": link_to("usr/bin"),
        **dict.fromkeys(("usr", "usr/bin", "etc", "var", "var/lib", "var/lib/dpkg"), FOLDER),
        "usr/bin/sh": link_to("dash"),
        "etc/dash.conf": TarFile(b"conf\n"),
        **{path: TarFile(data, mode=0o755) for path, data in brought.items()},
        "var/lib/dpkg/status": TarFile(write_status(PACKAGES)),
        "etc/passwd": TarFile(_PASSWD),
        "etc/group": TarFile(_GROUP),
    }
    for package in PACKAGES:
        text = "".join(
            f"{path}\n"
            for path in (
                "/.",
                "/usr",
                "/usr/bin",
                "/etc",
                "/var",
                "/var/lib",
                "/var/lib/dpkg",
                "/bin",
                *owned[package.name],
            )
        )
        sums = f"{_md5(brought[f'usr/bin/{package.name}'])}  usr/bin/{package.name}\n"
        files[f"var/lib/dpkg/info/{package.name}.list"] = TarFile(text.encode())
        files[f"var/lib/dpkg/info/{package.name}.md5sums"] = TarFile(sums.encode())
    shared = replace(FOLDER, mode=0o1777, owner=(1000, 1000))
    return {**files, "home/mluser": shared, "workspace": shared, **_environment(), **_guest()}


def package_files() -> dict[str, TarFile]:
    """The layer of `ssh` on top of the OS layer: OpenSSH's server, and what is ours."""
    brought = {"usr/sbin/sshd": b"a server", "usr/share/openssh/sshd_config": b"UsePAM yes\n"}
    listed = "".join(
        f"/{path}\n"
        for path in (".", "usr", "usr/sbin", "etc", "etc/ssh", "usr/share", "usr/share/openssh")
    )
    listed += "".join(f"/{path}\n" for path in brought)
    sums = "".join(f"{_md5(data)}  {path}\n" for path, data in brought.items())
    folders = ("usr", "usr/sbin", "usr/share", "usr/share/openssh", "etc", "etc/ssh", "var/lib")
    own = "usr/local/lib/image"
    return {
        **dict.fromkeys(folders, FOLDER),
        "usr/sbin/sshd": TarFile(brought["usr/sbin/sshd"], mode=0o755),
        "usr/share/openssh/sshd_config": TarFile(brought["usr/share/openssh/sshd_config"]),
        "etc/ssh/sshd_config": TarFile(brought["usr/share/openssh/sshd_config"]),
        "etc/passwd": TarFile(_PASSWD + b"sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n"),
        "etc/group": TarFile(_GROUP + b"_ssh:x:101:\n"),
        "etc/ld.so.cache": TarFile(b"cache\x00\x41/\x00dash\x00/bin/dash\x00"),
        "var/lib/dpkg/status": TarFile(write_status((*PACKAGES, SERVER))),
        "var/lib/dpkg/info/openssh-server.list": TarFile(listed.encode()),
        "var/lib/dpkg/info/openssh-server.md5sums": TarFile(sums.encode()),
        "var/lib/ssh-server": replace(FOLDER, mode=0o700, owner=(1000, 1000)),
        **{
            f"{own}/{name}": TarFile((system_folder("ssh") / name).read_bytes())
            for name in ("sshd_config", "start_ssh.py")
        },
    }


_PASSWD = b"root:x:0:0:root:/root:/bin/bash\nmluser:x:1000:1000::/home/mluser:/bin/bash\n"
_GROUP = b"root:x:0:\nmluser:x:1000:\n"


def write_status(packages: Sequence[DebianPackage]) -> bytes:
    """The status file of dpkg with these packages, of which `dash` is the first one."""
    paragraphs = [
        f"Package: {each.name}\nStatus: install ok installed\nVersion: {each.version}\n"
        for each in packages
    ]
    paragraphs[0] += f"Conffiles:\n /etc/dash.conf {_md5(b'conf' + bytes([10]))}\n"
    return "\n".join(paragraphs).encode()


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _environment() -> dict[str, TarFile]:
    folders = ("opt", "opt/venv", "opt/venv/bin", "opt/venv/lib", "opt/venv/lib/python3.11", SITE)
    text = (
        "home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.2\n"
        "executable = /usr/bin/python3.11\n"
        "command = /usr/bin/python3.11 -m venv --without-pip /opt/venv\n"
    )
    return {
        **dict.fromkeys(folders, FOLDER),
        "opt/venv/bin/python": link_to("python3.11"),
        "opt/venv/bin/python3": link_to("python3.11"),
        "opt/venv/bin/python3.11": link_to("/usr/bin/python3.11"),
        "opt/venv/pyvenv.cfg": TarFile(text.encode()),
    }


def _guest() -> dict[str, TarFile]:
    own, shared = "usr/local/lib/image", "usr/local/lib/python3.11/dist-packages"
    places = {
        "etc/environment": "environment",
        "etc/profile.d/image.sh": "profile.sh",
        f"{own}/home": "home.sh",
        f"{own}/notes.py": "notes.py",
        f"{own}/start": "start.sh",
        f"{SITE}/image_start.py": "image_start.py",
        f"{SITE}/image_start.pth": "image_start.pth",
        f"{shared}/virtual_environments.pth": "virtual_environments.pth",
    }
    guest = dockerfile_path().parent / "guest"
    return {
        path: TarFile(
            (guest / name).read_bytes().replace(b"@PYTHON@", b"3.11"),
            mode=0o755 if name == "start.sh" else 0o644,
        )
        for path, name in places.items()
    }


@dataclass(frozen=True)
class AssembledImage:
    """The image as it was built, in a registry."""

    registry: Registry
    expected: ExpectedImage
    manifest: Manifest
    config: dict[str, Any]

    def derive(
        self, layers: Sequence[Mapping[str, TarFile] | bytes] = (), change: Change | None = None
    ) -> ExpectedImage:
        """Push an image with more layers and a changed configuration, as the build's own."""
        config = json.loads(json.dumps(self.config))
        described = list(self.manifest.parse_blobs()[1:])
        for layer in layers:
            data = layer if isinstance(layer, bytes) else write_layer(layer)
            described.append(self.registry.push_bytes(REPOSITORY, data, LAYER_GZIP))
            config["rootfs"]["diff_ids"].append(sha256(data))
            config["history"].append({"created_by": "RUN something"})
        if change:
            change(config)
        return self.with_layers(described, config)

    def with_layers(self, described: Sequence[Any], config: Mapping[str, Any]) -> ExpectedImage:
        """Push an image of these layers, as the build's own."""
        pushed = self.registry.push_bytes(REPOSITORY, json.dumps(config).encode(), OCI_CONFIG)
        manifest = image_manifest(pushed, described)
        self.registry.put_manifest(REPOSITORY, manifest.digest, manifest)
        return replace(self.expected, build=replace(self.expected.build, digest=manifest.digest))


def assemble_small(
    registry: Registry,
    system: Mapping[str, TarFile] | None = None,
    packages: Mapping[str, TarFile] | None = None,
    installed: Sequence[DebianPackage] | None = None,
) -> AssembledImage:
    """Assemble the image in a registry; `system` is another OS layer than the usual one.

    With `packages`, the layer on top of it, it is the image `ssh`. `installed` are the packages
    that the build records, if they are not the usual ones.
    """
    image, tops = (
        "base",
        {"os": ("Debian bookworm", "base", system_files() if system is None else system)},
    )
    if packages is not None:
        image, tops["debian"] = "ssh", ("Debian packages of ssh", "ssh", packages)
    wheel = _push_layer(registry, wheel_files())
    specs, made = [LayerSpec("torch 2.6.0", "wheel", "base", (), "k1", wheel)], [wheel]
    built_layers = []
    for kind, (name, stack, files) in tops.items():
        blob = _push_layer(registry, files)
        specs.append(LayerSpec(name, kind, stack, (), kind))
        built_layers.append(
            BuiltLayer(name, kind, stack, kind, blob.digest, blob.diff_id, 1, "built", 0)
        )
        made.append(blob)
    shipped = catalog.load_catalog()
    planned = PlannedImage(image, "v2.6.0", shipped.stacks_of(image), tuple(specs), "key", "new", 0)
    usual = PACKAGES if packages is None else (*PACKAGES, SERVER)
    build = replace(
        built(image, repository=REPOSITORY),
        layers=tuple(built_layers),
        debian_packages=usual if installed is None else tuple(installed),
        base_source="mmdebstrap bookworm",
        source_commit=COMMIT,
    )
    config = assembly.image_configuration(
        planned,
        shipped.title_of(image),
        "v2.6.0",
        shipped.lines["2.6"],
        made,
        shipped.os_part_of(image),
        ImageOrigin(shipped.project, build.base_source, NEWEST, COMMIT),
    )
    held = [HeldLayer(blob, REPOSITORY) for blob in made]
    manifest = assembly.assemble_image(registry, REPOSITORY, config, held)
    expected = ExpectedImage(shipped, planned, replace(build, digest=manifest.digest))
    return AssembledImage(registry, expected, manifest, config)


def _push_layer(registry: Registry, files: Mapping[str, TarFile]) -> Blob:
    data = write_layer(files)
    registry.push_bytes(REPOSITORY, data, LAYER_GZIP)
    return Blob(sha256(data), sha256(gzip.decompress(data)), len(data), 1)
