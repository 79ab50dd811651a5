"""The arguments that several commands take, and the objects that are made of them."""

from __future__ import annotations

import datetime
import re
import shlex
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from images import catalog as catalogue
from images import plan as planning
from images.catalog import Catalog
from images.version import Version, is_line
from oci.registry import Registry
from publish.pipeline import ReleaseRun, StageOptions
from publish.policy import channels, release_kinds
from publish.promotion import PromotionRequest
from runner import embedded, home
from runner.address import holds_credentials
from runner.errors import ConfigError
from runner.redaction import hide_in_text
from runner.untrusted import clean_line
from scan.trivy import MIRROR_FORM

DEFAULTS = {
    "device": "auto",
    "channel": "",
    "kind": "",
    "approve": False,
    "dry_run": False,
    "renew": False,
    "format": "table",
    "trivy_db": None,
    "db_repository": None,
    "on": "",
    "models": None,
    "if_interrupted": "ask",
}
"""The value of an argument for commands that do not take it."""


MAX_REASON_CHARACTERS = 500


def parse_day(text: str) -> datetime.date:
    """Return the day that `--date` names. Raises ArgumentTypeError outside this century."""
    if not re.fullmatch(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}", text):
        raise ArgumentTypeError("write a day of the years 2000 to 2099, for example 2026-12-15")
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"there is no such day: {error}") from None


def parse_mirror(text: str) -> str:
    """Return an OCI repository, or several with commas between.

    Raises ArgumentTypeError for anything that the scanner could take for something else.
    """
    if "@" in text:
        raise ArgumentTypeError(
            "it holds a user name or a password: remove them, and log in with `docker login`"
        )
    if not MIRROR_FORM.fullmatch(text):
        raise ArgumentTypeError("write HOST/REPOSITORY or HOST/REPOSITORY:TAG")
    return text


def parse_image_reference(text: str) -> str:
    """Return a reference of an image. Raises ArgumentTypeError if a password is in it.

    Other mistakes in it are found by the code that reads it.
    """
    if holds_credentials(text):
        raise ArgumentTypeError(
            "it holds a user name or a password: remove them, and log in with `docker login`"
        )
    return text


def typed_command(arguments: Namespace) -> str:
    """Return the command that was typed, as records keep it, without passwords."""
    return shlex.join(["./release.py", *map(hide_in_text, arguments.typed)])


def parse_line(text: str) -> str:
    """Return a text of one line: it is written into records for everybody."""
    if (
        not text.strip()
        or len(text) > MAX_REASON_CHARACTERS
        or clean_line(text, MAX_REASON_CHARACTERS) != text.strip()
    ):
        raise ArgumentTypeError(
            f"write 1 to {MAX_REASON_CHARACTERS} characters in one line, without control characters"
        )
    return text.strip()


def parse_program(text: str) -> str:
    """Return the path of a program, absolute: it is run in another folder than this one."""
    if not text or not text.isprintable() or text.startswith("-"):
        raise ArgumentTypeError("write the path of a Python, without control characters")
    return str(Path(text).absolute()) if "/" in text else text


def require_line(catalog: Catalog, line: str) -> None:
    """Raise ConfigError if a text is not the name of a line of the catalogue."""
    if not is_line(line):
        raise ConfigError(
            f"`{clean_line(line, 80)}` is not a line", f"lines: {', '.join(catalog.lines)}"
        )
    catalog.require_version(str(Version(line, 0)))


def parse_folder(text: str) -> Path:
    """Return the path of a folder. An empty text, which is the current one, is a mistake."""
    if not text or not text.isprintable():
        raise ArgumentTypeError("write the path of a folder, `.` for this one")
    return Path(text)


def parse_address(text: str) -> str:
    """Return the address of a web page: it is written into notes, the feed and messages.

    Raises ArgumentTypeError if a user name or password may be in it.
    """
    if "@" in text.partition("://")[2].partition("?")[0].partition("#")[0]:
        raise ArgumentTypeError("it holds a user name or a password: remove them")
    if not re.fullmatch(r"https?://[!-~]{1,500}", text):
        raise ArgumentTypeError("write the whole address, for example https://example.com/releases")
    return text


def make_argument(*names: str, **options: Any) -> Callable[[ArgumentParser], None]:  # noqa: ANN401 - argparse's own
    """Return a function that adds one argument, given as `add_argument` takes it."""

    def add_argument(command: ArgumentParser) -> None:
        command.add_argument(*names, **options)

    return add_argument


def add_images(command: ArgumentParser) -> None:
    """Add `--images`, the names of images with commas between."""
    command.add_argument(
        "--images",
        metavar="NAMES",
        help="images, for example cv,nlp; by default all images of the catalogue",
    )


def add_database(command: ArgumentParser) -> None:
    """Add `--trivy-db`, a folder with a vulnerability database."""
    command.add_argument(
        "--trivy-db",
        metavar="FOLDER",
        help="the folder of a vulnerability database (trivy.db, metadata.json); by default it is "
        "downloaded",
    )
    command.add_argument(
        "--db-repository",
        type=parse_mirror,
        metavar="ADDRESS",
        help="an OCI mirror of the vulnerability database, HOST/REPOSITORY; by default the one in "
        "the variable TRIVY_DB_REPOSITORY, otherwise Trivy's own registry",
    )


def add_keys(command: ArgumentParser) -> None:
    """Add `--key` and `--identity`: whose signatures to trust."""
    command.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="FILE",
        help="trust only the public key in this file; by default the configured keys; may be "
        "repeated",
    )
    command.add_argument(
        "--identity",
        action="append",
        default=[],
        metavar="ISSUER=IDENTITY",
        help="trust statements that this identity signed through Sigstore; may be repeated",
    )


def add_release(command: ArgumentParser) -> None:
    """Add what names a release: its version, and `--images`."""
    command.add_argument("version", help="for example v2.6.0")
    add_images(command)


def add_device(command: ArgumentParser) -> None:
    """Add `--device`, the place where the suites run."""
    command.add_argument(
        "--device",
        choices=("auto", "cuda", "cpu"),
        default="auto",
        help="where the suites run; auto uses the GPUs if there are any",
    )


def add_promotion(command: ArgumentParser) -> None:
    """Add the options of a promotion: channel, kind, approval."""
    named = channels.load().channels
    command.add_argument(
        "--channel",
        choices=named,
        default="",
        help="the channel; by default production if all evidence allows it, otherwise candidate",
    )
    command.add_argument(
        "--kind",
        choices=release_kinds.KINDS,
        default="",
        help="the release kind; by default major for the first of a line, otherwise patch",
    )
    command.add_argument(
        "--approve", action="store_true", help="say that you approve a major release"
    )
    command.add_argument(
        "--dry-run", action="store_true", help="show what would be done; change nothing"
    )


def make_options(arguments: Namespace) -> StageOptions:
    """Return the options of any command; those that it does not take are as in DEFAULTS."""
    promotion = PromotionRequest(
        arguments.channel, arguments.kind, arguments.approve, arguments.dry_run
    )
    return StageOptions(
        arguments.device, arguments.trivy_db, arguments.db_repository, promotion, arguments.renew
    )


def load_catalog() -> Catalog:
    """Return the catalogue, its repositories below the namespace of the configured registry."""
    catalog, named = catalogue.load_catalog(), embedded.configured_registry()
    below = catalog.repositories.below_namespace(named.namespace if named else "")
    return replace(catalog, repositories=below)


def open_registry() -> tuple[Catalog, Registry]:
    """Return the catalogue and the registry in use; the embedded one is started if it is needed."""
    return load_catalog(), Registry(embedded.require_registry())


def open_release(arguments: Namespace) -> ReleaseRun:
    """Return the release that a person named, on the registry in use."""
    catalog, registry = open_registry()
    version = catalog.require_version(arguments.version)
    plan = planning.make_plan(
        catalog, version, catalog.image_names(arguments.images), home.out_folder()
    )
    return ReleaseRun(
        catalog,
        version,
        plan,
        registry,
        home.out_folder(),
        make_options(arguments),
        typed_command(arguments),
    )
