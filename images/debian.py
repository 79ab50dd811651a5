"""The OS layer: Debian with today's security updates. Its bytes depend on its packages alone.

BuildKit builds `images/base/Dockerfile` on the pinned slim base. If no image registry answers, the
base is bootstrapped from Debian's packages with mmdebstrap. The resulting root file system is
exported and written again as a layer, with fixed times, without devices, logs, caches and backups.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import secrets
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

import requests
from docker.errors import DockerException

from images.catalog import IMAGES, Line
from images.record import DebianPackage
from oci.tarball import Blob
from runner import engine, leftovers, owner, progress, proxies, pull, records, settings, shell
from runner.child_variables import BOOTSTRAP, ENGINES, login_variables
from runner.errors import ConfigError, EnvironmentFailed

COMPRESSION_LEVEL = 6
BUILD_TIMEOUT_S = 1800
STATUS = "var/lib/dpkg/status"
NEWEST = "var/lib/dpkg/newest"
"""Written by `guest/newest.sh`, and left out of the layer."""
INDEX = "var/lib/dpkg/index"
"""The same by `guest/index.sh`."""
READ = (STATUS, NEWEST, INDEX)
"""What is read of an exported root file system."""
GUEST = "guest"
"""The folder beside the Dockerfile with the files that it copies."""
XATTR = "SCHILY.xattr."
"""The prefix of the pax headers that hold extended attributes."""
RETRY_HINT = "check the engine's disk and logs, then run the same command again"

if TYPE_CHECKING:
    from typing_extensions import Buffer

_END = bytes(2 * tarfile.BLOCKSIZE)
_EMPTIED = (
    "dev",
    "proc",
    "run",
    "sys",
    "tmp",
    "var/cache",
    "var/lib/apt/lists",
    "var/log",
    "var/tmp",
)
_LEFT_OUT = re.compile(
    r"\.dockerenv|etc/(hostname|hosts|resolv\.conf|machine-id)|etc/\.pwd\.lock|etc/[a-z]+-|var/lib/dpkg/[a-z]+-old"
)
# As in the slim image: no documentation but licences, and /usr merged without the package that
# would do it with Perl.
_SLIM = (
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/man/*",
)
BOOTSTRAP_OPTIONS = (
    "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
    "--include=usr-is-merged",
    *(f"--dpkgopt={option}" for option in _SLIM),
)

_SECONDS = re.compile("[0-9]{1,10}", re.ASCII)
_SHA256 = re.compile("[0-9a-f]{64}")
_MIRROR = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~-]+)*", re.ASCII)
"""An address without an account: it stands in the command of the build."""
_REPOSITORY = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+")


@dataclass(frozen=True)
class OsLayer:
    """An OS layer that was made, and its packages. `source` names the base of its build.

    `newest` is when the newest file of a package was made, in seconds since 1970; 0 if unknown.
    """

    blob: Blob
    source: str
    packages: tuple[DebianPackage, ...]
    newest: int = 0


@dataclass(frozen=True)
class NormalisedRoot:
    """A root file system as a layer, its packages, and `newest` as in `OsLayer`."""

    blob: Blob
    packages: tuple[DebianPackage, ...]
    newest: int


def dockerfile_path() -> Path:
    """Return the path of the Dockerfile of the OS layer."""
    return IMAGES / "base" / "Dockerfile"


def recipe_texts() -> tuple[str, ...]:
    """Return the texts of the Dockerfile and of the files that it copies: they make the layer."""
    guest = dockerfile_path().parent / GUEST
    return (records.read_text(dockerfile_path()), *texts_in(guest))


def texts_in(folder: Path) -> list[str]:
    """Return the name and the text of each file in a folder; none if there is no folder."""
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return [f"{path.name}\n{records.read_text(path)}" for path in files if path.is_file()]


def make_os_layer(line: Line, work: Path, target: Path) -> OsLayer:
    """Build the OS layer of a line into the file `target`. `work` is a folder for scratch.

    Raises EnvironmentFailed if the engine, the disk or Debian's package mirror fails.
    """
    exported, source = export_root(line, work)
    with explain_failures(), target.open("wb") as file:
        made = normalise_export(exported, file, line.epoch)
    exported.unlink()
    return OsLayer(made.blob, source, made.packages, made.newest)


def export_root(line: Line, work: Path) -> tuple[Path, str]:
    """Build the root file system of a line; return its export, a tar in `work`, and its source.

    Raises EnvironmentFailed as `make_os_layer` does.
    """
    base, source = _pull_base(line, work)
    exported = work / "rootfs.tar"
    with progress.show_step("Debian packages and security updates (BuildKit)"):
        build_root(dockerfile_path().parent, {"BASE": base, **line_arguments(line)}, exported)
    return exported, source


def line_arguments(line: Line) -> dict[str, str]:
    """Return what every Dockerfile gets of a line."""
    return {"PYTHON": line.python, "SOURCE_DATE_EPOCH": str(line.epoch)}


def normalise_export(exported: Path, target: BinaryIO, epoch: int) -> NormalisedRoot:
    """Write an exported root file system as a layer, and return it with its list of packages.

    Raises EnvironmentFailed if the export is not complete or has no packages, or if the layer
    cannot be written.
    """
    with explain_failures():
        blob, read = _rewrite_export(exported, target, epoch)
    return describe_root(blob, read)


def describe_root(blob: Blob, read: Mapping[str, str]) -> NormalisedRoot:
    """Return a layer with the packages that its STATUS lists; `read` has the texts of READ.

    Raises EnvironmentFailed if there are no packages.
    """
    hashes = {}
    for paragraph in read.get(INDEX, "").split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version|SHA256): (.*)$", paragraph, re.MULTILINE))
        if _SHA256.fullmatch(fields.get("SHA256", "")):
            hashes[fields.get("Package", ""), fields.get("Version", "")] = fields["SHA256"]
    packages = tuple(
        replace(each, sha256=hashes.get((each.name, each.version), ""))
        for each in installed_packages(read.get(STATUS, ""))
    )
    if not packages:
        raise EnvironmentFailed(
            f"the exported root file system has no packages in /{STATUS}", RETRY_HINT
        )
    newest = read.get(NEWEST, "").strip()
    return NormalisedRoot(blob, packages, int(newest) if _SECONDS.fullmatch(newest) else 0)


def _rewrite_export(exported: Path, target: BinaryIO, epoch: int) -> tuple[Blob, dict[str, str]]:
    """Write the layer, and return it with the texts of READ, by path."""
    writer = LayerFile(target)
    read: dict[str, str] = {}
    with (
        open_export(exported) as source,
        tarfile.TarFile.open(fileobj=writer, mode="w|", format=tarfile.PAX_FORMAT) as layer,
    ):
        for entry in kept_entries(source, epoch):
            content = source.extractfile(entry) if entry.isreg() else None
            if entry.name in READ and content is not None:
                whole = content.read()
                read[entry.name], content = whole.decode(errors="replace"), io.BytesIO(whole)
            if entry.name not in (NEWEST, INDEX):
                layer.addfile(entry, content)
    return writer.finish_layer(), read


@contextlib.contextmanager
def open_export(exported: Path) -> Iterator[tarfile.TarFile]:
    """Open an exported root file system; at the end of the block it must have been read whole.

    Raises TarError if it is not complete.
    """
    with (
        records.open_binary(exported) as root,
        tarfile.open(fileobj=root, mode="r:") as source,
    ):
        yield source
        # tarfile does not notice a file that ends in or before a header. A complete one ends in
        # two blocks of zeros.
        with records.open_binary(exported) as file:
            file.seek(source.offset)
            if file.read(len(_END)) != _END:
                raise tarfile.ReadError("unexpected end of data")


def kept_entries(source: tarfile.TarFile, epoch: int) -> Iterator[tarfile.TarInfo]:
    """Yield the entries of a root file system that a layer keeps, as the layer has them.

    READ are among them. What is left out differs between two builds of the same packages.
    """
    for entry in source:
        is_special = entry.ischr() or entry.isblk() or entry.isfifo()
        folders = PurePosixPath(entry.name).parents
        is_emptied = any(PurePosixPath(folder) in folders for folder in _EMPTIED)
        if is_special or is_emptied or _LEFT_OUT.fullmatch(entry.name):
            continue
        fixed = entry.replace(mtime=epoch, uname="", gname="", deep=False)
        kept = [name for name in entry.pax_headers if name.startswith(XATTR)]
        fixed.pax_headers = {name: entry.pax_headers[name] for name in kept}
        yield fixed


@contextlib.contextmanager
def explain_failures() -> Iterator[None]:
    """Raise EnvironmentFailed if an export is not complete, or if a layer cannot be written."""
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise EnvironmentFailed(
            f"the exported root file system is not complete: {error}", RETRY_HINT
        ) from None
    except OSError as error:
        hint = (
            "free space where PYTORCH_CUDA_IMAGES_HOME is, or move it, then run the same "
            "command again"
        )
        raise EnvironmentFailed(f"cannot write the OS layer: {error.strerror}", hint) from None


def installed_packages(status: str) -> Iterator[DebianPackage]:
    """Yield the packages that a dpkg status file lists as installed."""
    for paragraph in status.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Status|Version): (.*)$", paragraph, re.MULTILINE))
        if fields.get("Status", "").endswith(" installed"):
            # one without a name or version is listed too: it differs from what was recorded
            yield DebianPackage(fields.get("Package", ""), fields.get("Version", ""))


def _pull_base(line: Line, work: Path) -> tuple[str, str]:
    """Return the base image as the engine names it, and its source for the record."""
    served = _slim_base(line)
    progress.say_line(f"  pull {served.partition('@')[0]}", detail=True)
    with engine.report_failures("the engine's pull of the slim base"):
        try:
            account = pull.find_account(served)
            engine.connect_engine().images.pull(served, auth_config=account)
        except DockerException as error:  # the engine answers, and no image registry does
            reason = str(getattr(error, "explanation", None) or error)[:90]
            progress.say_line(
                f"  the slim base cannot be pulled here ({reason}); it is bootstrapped from "
                "Debian's packages"
            )
        else:
            return served, line.base_image
    return _bootstrap_base(line, work), f"mmdebstrap {line.debian}"


def _slim_base(line: Line) -> str:
    """Return the reference of the slim base: the catalogue's digest, of the repository in use.

    Raises ConfigError if the setting is no repository.
    """
    name = os.environ.get(settings.SLIM_BASE, "")
    if not name:
        return line.base_image
    if not _REPOSITORY.fullmatch(name):
        raise ConfigError(
            f"{settings.SLIM_BASE} is not a repository",
            "write HOST/NAME, without a tag and a digest, for instance mirror.example/debian",
        )
    return f"{name}@{line.base_image.partition('@')[2]}"


def _mirror_in_use() -> str:
    """Return the address of the mirror of Debian's packages; empty if it is Debian's own.

    Raises ConfigError if the setting is not a plain address.
    """
    mirror = os.environ.get(settings.DEBIAN_MIRROR, "").rstrip("/")
    if mirror and not _MIRROR.fullmatch(mirror):
        raise ConfigError(
            f"{settings.DEBIAN_MIRROR} is not the address of a mirror",
            "write http://HOST/debian or https://HOST/debian, without an account",
        )
    return mirror


def mirror_options() -> tuple[str, ...]:
    """Return the options for the mirror in use; the image names the servers it names without one.

    mmdebstrap writes the sources. They are changed before packages are downloaded, and changed back
    before the root file system is packed.
    """
    mirror = _mirror_in_use()
    if not mirror:
        return ()
    rewrite = rf"s#https?://\S+/debian(-security)?/? #{mirror}\1 #"
    return (
        f"--setup-hook=sed -i.own -E '{rewrite}' \"$1/etc/apt/sources.list\"",
        '--customize-hook=mv "$1/etc/apt/sources.list.own" "$1/etc/apt/sources.list"',
    )


def _bootstrap_base(line: Line, work: Path) -> str:
    root = work / "base.tar"
    command = [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        *BOOTSTRAP_OPTIONS,
        # before mmdebstrap sets the times of files to the epoch
        f"--customize-hook={records.read_text(dockerfile_path().parent / GUEST / 'newest.sh')}",
        *mirror_options(),
        line.debian,
        str(root),
    ]
    # Nothing of mmdebstrap is left in `work` if it is ended. Only for root: another user's
    # mmdebstrap runs as a user of a namespace, who may not enter `work`.
    temporary = {"TMPDIR": str(work)} if os.geteuid() == 0 else {}
    with progress.show_step(f"bootstrap Debian {line.debian} (mmdebstrap)"):
        shell.run(
            command,
            hint=(
                "run `make setup`; Debian's package mirror must be reachable "
                f"({settings.DEBIAN_MIRROR} names another)"
            ),
            env={"SOURCE_DATE_EPOCH": str(line.epoch), **temporary},
            allowed=BOOTSTRAP,
            timeout_s=BUILD_TIMEOUT_S,
        )
    name = f"pytorch-cuda-debian:{line.debian}"
    import_root(root, name)
    root.unlink()
    return name


def import_root(layer: Path, name: str) -> None:
    """Import a layer into the engine as an image with this name and tag.

    An older image of this name is removed, unless it has another name or a container.
    """
    with (
        engine.report_failures(f"the engine's import of {name}", RETRY_HINT),
        records.open_binary(layer) as file,
    ):
        client = engine.connect_engine()
        older = client.images.list(name=name)
        client.api.import_image_from_data(file, *name.split(":"))
        for image in older:
            with contextlib.suppress(DockerException):  # it is in use, or another run removed it
                image.reload()
                if not image.tags:
                    image.remove()


@contextlib.contextmanager
def imported_root(layer: Path) -> Iterator[str]:
    """Yield the name of an image of this layer, which the engine has until the end of the block."""
    name = f"{leftovers.OS_LAYER}:{owner.current_owner()}_{secrets.token_hex(4)}"
    import_root(layer, name)
    try:
        yield name
    finally:
        # The next run removes what is left.
        with contextlib.suppress(DockerException, requests.RequestException):
            engine.connect_engine().images.remove(name)


def build_root(context: Path, arguments: Mapping[str, str], exported: Path) -> None:
    """Build the Dockerfile of the folder `context` with BuildKit, and export its root file system.

    The Dockerfile gets `arguments`, and the mirror of Debian's packages as MIRROR. Raises
    EnvironmentFailed if the engine or the mirror fails.
    """
    command, env = engine.build_command()
    mirror = _mirror_in_use()
    given = {**arguments, **({"MIRROR": mirror} if mirror else {})}
    options = [f"--build-arg={name}={value}" for name, value in given.items()]
    through = proxies.build_arguments()
    options += [f"--build-arg={name}" for name in through]  # the client reads the values itself
    shell.run(
        [*command, "--no-cache", "--progress=plain", *options, _tar_output(exported), context],
        env=env | login_variables() | through,
        hint=(
            "the last lines name the failure; Debian's package mirror "
            f"({settings.DEBIAN_MIRROR} names another) must be reachable from a container, and the "
            "proxy too if HTTP_PROXY names one"
        ),
        timeout_s=BUILD_TIMEOUT_S,
        allowed=ENGINES,
    )


def _tar_output(path: Path) -> str:
    """Return the option that writes a root file system to `path`.

    Docker reads it as one line of CSV, in which commas and quotes stand in quotes.
    """
    destination = f"dest={path}".replace('"', '""')
    return f'--output=type=tar,"{destination}"'


class LayerFile(io.RawIOBase):
    """A file that compresses and hashes the bytes written to it."""

    def __init__(self, target: BinaryIO) -> None:
        super().__init__()
        self._target = target
        self._gzip = zlib.compressobj(COMPRESSION_LEVEL, zlib.DEFLATED, 31)
        self._tar, self._compressed = hashlib.sha256(), hashlib.sha256()
        self._size = self._uncompressed = 0

    def write(self, data: Buffer) -> int:
        """Compress, hash and write bytes, and return their number."""
        plain = bytes(data)
        self._tar.update(plain)
        self._uncompressed += len(plain)
        self._write_compressed(self._gzip.compress(plain))
        return len(plain)

    def finish_layer(self) -> Blob:
        """Write the end of the layer, and return its digests and sizes."""
        self._write_compressed(self._gzip.flush())
        digest, diff_id = (f"sha256:{made.hexdigest()}" for made in (self._compressed, self._tar))
        return Blob(digest, diff_id, self._size, self._uncompressed)

    def _write_compressed(self, data: bytes) -> None:
        self._target.write(data)
        self._compressed.update(data)
        self._size += len(data)
