"""The environment variables that the harness reads: meaning, default, and which are secret.

A secret reaches a program only if the program needs it. What else a program gets is a list of its
own (runner/child_variables.py); docs/settings.md has both. `release.py` takes the secrets out of
its environment when it starts, because every process of the same user can read that in /proc. Then
they are only in ENVIRON.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

OWN = "PYTORCH_CUDA_IMAGES_"
"""How the names of the variables of this project begin."""

_held: dict[str, str] = {}
ENVIRON: Mapping[str, str] = ChainMap(os.environ, _held)
"""The variables of this process, with the secrets that were handed to it in another way."""

HOME = "PYTORCH_CUDA_IMAGES_HOME"
OUT = "PYTORCH_CUDA_IMAGES_OUT"
REGISTRY = "PYTORCH_CUDA_IMAGES_REGISTRY"
PLAIN_HTTP = "PYTORCH_CUDA_IMAGES_PLAIN_HTTP"
SIGNING_KEY = "PYTORCH_CUDA_IMAGES_SIGNING_KEY"
SIGNING_PASSPHRASE = "PYTORCH_CUDA_IMAGES_SIGNING_PASSPHRASE"  # noqa: S105 - the name of a variable
TRUSTED_KEYS = "PYTORCH_CUDA_IMAGES_TRUSTED_KEYS"
TRUSTED_IDENTITIES = "PYTORCH_CUDA_IMAGES_TRUSTED_IDENTITIES"
DECISION_KEYS = "PYTORCH_CUDA_IMAGES_DECISION_KEYS"
REVOKED_KEYS = "PYTORCH_CUDA_IMAGES_REVOKED_KEYS"
SIGSTORE_CONFIG = "PYTORCH_CUDA_IMAGES_SIGSTORE_CONFIG"
OSV = "PYTORCH_CUDA_IMAGES_OSV"
WEBHOOK = "PYTORCH_CUDA_IMAGES_WEBHOOK"
WEBHOOK_SECRET = "PYTORCH_CUDA_IMAGES_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable
DEBIAN_MIRROR = "PYTORCH_CUDA_IMAGES_DEBIAN_MIRROR"
SLIM_BASE = "PYTORCH_CUDA_IMAGES_SLIM_BASE"
CLUSTER = "PYTORCH_CUDA_IMAGES_CLUSTER"
HELPER_VARIABLES = "PYTORCH_CUDA_IMAGES_HELPER_VARIABLES"

XDG_CACHE_HOME = "XDG_CACHE_HOME"
CUDA_VISIBLE_DEVICES = "CUDA_VISIBLE_DEVICES"
DOCKER_CONFIG = "DOCKER_CONFIG"
DOCKER_AUTH_CONFIG = "DOCKER_AUTH_CONFIG"
DOCKER_HOST = "DOCKER_HOST"
DOCKER_CONTEXT = "DOCKER_CONTEXT"
TRIVY_DB_REPOSITORY = "TRIVY_DB_REPOSITORY"
REQUESTS_CA_BUNDLE = "REQUESTS_CA_BUNDLE"
CURL_CA_BUNDLE = "CURL_CA_BUNDLE"
SSL_CERT_FILE = "SSL_CERT_FILE"
SSL_CERT_DIR = "SSL_CERT_DIR"
NETRC = "NETRC"
PIP_CONFIG_FILE = "PIP_CONFIG_FILE"
UV_CONFIG_FILE = "UV_CONFIG_FILE"
XDG_CONFIG_HOME = "XDG_CONFIG_HOME"
XDG_DATA_HOME = "XDG_DATA_HOME"

BUILDKITE = "BUILDKITE"
CIRCLECI = "CIRCLECI"
GITHUB_ACTIONS = "GITHUB_ACTIONS"
GITHUB_SERVER_URL = "GITHUB_SERVER_URL"
GITHUB_REPOSITORY = "GITHUB_REPOSITORY"
GITHUB_WORKFLOW_REF = "GITHUB_WORKFLOW_REF"
GITHUB_REF = "GITHUB_REF"
GITHUB_SHA = "GITHUB_SHA"
GITHUB_RUN_ID = "GITHUB_RUN_ID"
GITHUB_RUN_ATTEMPT = "GITHUB_RUN_ATTEMPT"


@dataclass(frozen=True)
class Setting:
    """An environment variable that the harness, or a library in its process, reads.

    `default` says what holds if the variable is not set.
    """

    name: str
    meaning: str
    default: str
    secret: bool = False


@dataclass(frozen=True)
class ForeignSecret:
    """Secrets of other programs, by a regular expression of their names.

    `programs` says which programs get them; none does if it is empty.
    """

    pattern: str
    meaning: str
    programs: str = ""


SETTINGS = (
    Setting(HOME, "folder of wheels, caches and the embedded registry", "`pytorch-cuda-images` in"
            " `XDG_CACHE_HOME`"),
    Setting(OUT, "folder of the records of releases", "`out` in the checkout"),
    Setting(
        REGISTRY, "the registry, as HOST[:PORT] or HOST[:PORT]/NAMESPACE",
        "an embedded registry on loopback"
    ),
    Setting(
        PLAIN_HTTP, "registries, as HOST or HOST:PORT with commas between them, that are reached"
        " over plain HTTP: everybody on the way can read passwords and images",
        "only registries on loopback"
    ),
    Setting(SIGNING_KEY, "private key that signs evidence: PEM text, or the path of its file;"
            " `keyless` signs with a certificate of Sigstore", "a key of this machine, which"
            " nobody else trusts", secret=True),
    Setting(SIGNING_PASSPHRASE, "passphrase of an encrypted signing key", "the key is not"
            " encrypted", secret=True),
    Setting(TRUSTED_KEYS, "public keys whose evidence counts: PEM text, or the path of a file",
            "the key of this machine"),
    Setting(TRUSTED_IDENTITIES, "identities whose certificates count, ISSUER=IDENTITY on each line",
            "none"),
    Setting(DECISION_KEYS, "public keys that may decide which digest carries a tag: PEM text, or"
            " the path of a file", "each trusted key may"),
    Setting(REVOKED_KEYS, "ids of keys with the first day (UTC) that does not count, ID=YYYY-MM-DD,"
            " with spaces or lines between", "none"),
    Setting(SIGSTORE_CONFIG, "file with the client trust configuration of a Sigstore instance",
            "the public instance"),
    Setting(WEBHOOK, "address that releases are announced to; it may hold a token", "nothing is"
            " announced", secret=True),
    Setting(WEBHOOK_SECRET, "secret that signs announcements; required with an address", "none",
            secret=True),
    Setting(OSV, "address of a service with the API of OSV, which `rescan` asks for a second"
            " opinion on the names and versions of Python packages; `off` asks none",
            "`https://api.osv.dev`"),
    Setting(DEBIAN_MIRROR, "mirror of Debian's packages, as `http://HOST/debian`; the security"
            " updates are in `http://HOST/debian-security`; images do not name it", "Debian's own"
            " servers"),
    Setting(SLIM_BASE, "repository that serves the slim base, as `HOST/NAME`; its digest is the one"
            " in the catalogue", "the repository in the catalogue"),
    Setting(CLUSTER, "file with the cluster that `--on slurm` sends jobs to (docs/cluster.md)",
            "`validation/cluster.yaml`"),
    Setting(HELPER_VARIABLES, "names of variables, with commas between, that credential helpers"
            " get beside those of the lists below, and BuildKit and Trivy, which start them",
            "none"),
    Setting(XDG_CACHE_HOME, "folder of the user's caches", "`~/.cache`"),
    Setting(CUDA_VISIBLE_DEVICES, "must not be set if suites run without a container: it hides"
            " GPUs", "all GPUs"),
    Setting(DOCKER_HOST, "address of the Docker engine, without a password", "that of the Docker"
            " context, else `unix:///var/run/docker.sock`"),
    Setting(DOCKER_CONTEXT, "name of the Docker context that gives the engine's address, if"
            " `DOCKER_HOST` is not set", "`currentContext` of Docker's `config.json`"),
    Setting("DOCKER_TLS_VERIFY", "whether the engine's certificate is verified", "not"),
    Setting("DOCKER_CERT_PATH", "folder of the client certificate for the engine", "`~/.docker`"),
    Setting(DOCKER_CONFIG, "folder of Docker's `config.json`, with the logins to registries",
            "`~/.docker`"),
    Setting("HTTPS_PROXY", "proxy for registries and services, also as `https_proxy`; with its"
            " password it reaches each program that uses the network, and the build of the OS"
            " layer, but no image", "no proxy"),
    Setting("HTTP_PROXY", "the same for plain HTTP, also as `http_proxy`", "no proxy"),
    Setting("ALL_PROXY", "proxy where none of the two is set, also as `all_proxy`", "no proxy"),
    Setting("NO_PROXY", "hosts that are reached without the proxy, also as `no_proxy`", "none"),
    Setting(REQUESTS_CA_BUNDLE, "file or folder of authorities to trust instead of the machine's"
            " own", "those of the machine and of `certifi`"),
    Setting(CURL_CA_BUNDLE, "the same, if `REQUESTS_CA_BUNDLE` is not set", "none"),
    Setting(SSL_CERT_FILE, "the same, if none of the two is set", "none"),
    Setting(SSL_CERT_DIR, "the same as a folder, if none of the three is set", "none"),
    Setting(TRIVY_DB_REPOSITORY, "registry that the vulnerability database is downloaded from, as"
            " HOST/REPOSITORY or HOST/REPOSITORY:TAG, if `--db-repository` is not given; more of"
            " them with commas between are tried in turn", "Trivy's own"),
    Setting(PIP_CONFIG_FILE, "configuration of pip; as in the four below, passwords in it are kept"
            " out of all that is shown, written and pushed", "the files that pip reads"),
    Setting(UV_CONFIG_FILE, "configuration of uv", "`uv/uv.toml` in `XDG_CONFIG_HOME`"),
    Setting(NETRC, "file of accounts for pip and uv", "`~/.netrc`"),
    Setting(XDG_CONFIG_HOME, "folder of the user's configuration of pip and uv", "`~/.config`"),
    Setting(XDG_DATA_HOME, "folder of uv's stored accounts", "`~/.local/share`"),
    Setting("PYTHONINSPECT", "ignored: with it, Python would end with a prompt", "the same"),
    Setting("SSLKEYLOGFILE", "ignored: TLS would write the keys of its connections there", "the"
            " same"),
    Setting("OPENBLAS_NUM_THREADS", "1 while the harness is loaded, then as it was", "not set"),
    Setting(BUILDKITE, "set in a job of Buildkite: keyless signing asks its agent who this is",
            "not asked"),
    Setting(CIRCLECI, "set in a job of CircleCI: keyless signing asks its program who this is",
            "not asked"),
    Setting("TMPDIR", "folder of temporary files", "`/tmp`"),
    Setting(GITHUB_ACTIONS, "`true` in a job of GitHub Actions: provenance names that job", "a"
            " local builder"),
    Setting(GITHUB_SERVER_URL, "part of the builder's address in provenance", "required in a job"),
    Setting(GITHUB_REPOSITORY, "part of the builder's address in provenance, and of the name of a"
            " lock's owner", "required in a job"),
    Setting(GITHUB_WORKFLOW_REF, "workflow that builds, in provenance", "required in a job"),
    Setting(GITHUB_REF, "branch or tag that is built, in provenance", "required in a job"),
    Setting(GITHUB_SHA, "commit that is built, in provenance; also without git on the machine",
            "the commit that git reports"),
    Setting(GITHUB_RUN_ID, "run that builds, in provenance and in the name of a lock's owner",
            "required in a job"),
    Setting(GITHUB_RUN_ATTEMPT, "attempt of that run, in provenance", "1"),
)  # fmt: skip

INDEXES = ForeignSecret(
    r"(?:PIP|UV)_(?:EXTRA_)?INDEX(?:_URL)?|UV_DEFAULT_INDEX|UV_INDEX_\w+|PIP_PROXY"
    r"|(?:PIP|UV)_FIND_LINKS",
    "package indexes and the proxy before them: their addresses may hold a password",
    "pip and uv",
)
REGISTRY_LOGINS = ForeignSecret(
    r"AWS_(?:ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|CONTAINER_AUTHORIZATION_TOKEN)"
    r"|AZURE_(?:CLIENT_SECRET|CLIENT_CERTIFICATE_PASSWORD|PASSWORD)",
    "accounts of clouds, which log in to their registries",
    "credential helpers, and BuildKit and Trivy, which start them",
)
SCANNER_LOGINS = ForeignSecret(
    "TRIVY_(?:USERNAME|PASSWORD|REGISTRY_TOKEN)", "Trivy's logins to registries", "Trivy"
)
IDENTITY_TOKENS = ForeignSecret(
    r"ACTIONS_(?:ID_TOKEN|RUNTIME_TOKEN)\w*|SIGSTORE_ID_TOKEN",
    "tokens of a job of GitHub Actions or GitLab; keyless signing reads them in this process",
)
AGENT_TOKENS = ForeignSecret(
    r"BUILDKITE_AGENT_(?:ACCESS|JOB_API)_TOKEN|CIRCLE_OIDC_TOKEN\w*",
    "tokens of a job of Buildkite or CircleCI",
    "the agent that says whose job this is",
)
FOREIGN_SECRETS = (
    INDEXES,
    REGISTRY_LOGINS,
    SCANNER_LOGINS,
    IDENTITY_TOKENS,
    ForeignSecret("TRIVY_TOKEN", "token of a Trivy server"),
    ForeignSecret("(?:GH|GITHUB)(?:_ENTERPRISE)?_TOKEN", "tokens of GitHub"),
    AGENT_TOKENS,
    ForeignSecret(
        r"CI_(?:JOB_TOKEN|JOB_JWT\w*|BUILD_TOKEN|(?:REGISTRY|DEPLOY|DEPENDENCY_PROXY)_PASSWORD)",
        "tokens and passwords of a job of GitLab",
    ),
    ForeignSecret("SYSTEM_ACCESSTOKEN", "token of a job of Azure Pipelines"),
    ForeignSecret(DOCKER_AUTH_CONFIG, "logins of registries, as Docker's configuration"),
    ForeignSecret("UV_PUBLISH_(?:URL|USERNAME|PASSWORD|TOKEN)", "accounts to publish packages"),
    ForeignSecret("COSIGN_PASSWORD", "password of a key of cosign"),
    ForeignSecret("(?:HF|HUGGING_FACE_HUB)_TOKEN", "tokens of Hugging Face"),
)


@dataclass(frozen=True)
class PathVariables:
    """Variables that hold paths, by a regular expression of their names.

    `separator` stands between several paths; a space is any white space. `empty` is what an empty
    path means. Of `is_index`, only a part that begins with a dot is a path.
    """

    pattern: str
    separator: str = ""
    empty: str = ""
    is_index: bool = False

    def make_absolute(self, value: str) -> str:
        """Return a value with its relative paths made absolute; addresses and `~` stay."""
        if not value:
            return value
        parts = value.split(self.separator.strip() or None) if self.separator else [value]
        return (self.separator or "").join(map(self._absolute_part, parts))

    def _absolute_part(self, part: str) -> str:
        name, equals, path = part.rpartition("=") if self.is_index else ("", "", part)
        path = path or self.empty
        is_address = "://" in path or path.startswith(("/", "~", "file:"))
        if not path or is_address or (self.is_index and not path.startswith(".")):
            return part
        return f"{name}{equals}{Path(path).absolute()}"


PATHS = (
    PathVariables("PATH", ":", empty="."),
    PathVariables(r"LD_LIBRARY_PATH|PYTHONPATH|SSL_CERT_DIR|XDG_\w+_DIRS", ":"),
    PathVariables(r"PIP_FIND_LINKS|(?:PIP|UV)_(?:BUILD_)?CONSTRAINT|UV_(?:EXCLUDE|OVERRIDE)", " "),
    PathVariables("UV_FIND_LINKS", ","),
    PathVariables(r"(?:PIP|UV)_(?:EXTRA_)?INDEX(?:_URL)?|UV_DEFAULT_INDEX", " ", is_index=True),
    PathVariables(
        r"(?!\w+_NO_)(?:AWS|AZURE|DOCKER|GIT|PIP|SSL|UV|XDG)(?:_\w+)?_"
        r"(?:BUNDLE|CERT|DIR|FILE|HOME|PATH)"
        r"|BUILDX_CONFIG|CLOUDSDK_CONFIG|CURL_CA_BUNDLE|DOCKER_CONFIG|GOOGLE_APPLICATION_CREDENTIALS"
        r"|HOME|NETRC|PIP_LOG|REQUESTS_CA_BUNDLE|TMPDIR"
    ),
)
"""Variables of this program and others whose relative paths mean the folder that a person is in.

The first that fits counts.
"""

_PUBLIC = frozenset(each.name for each in SETTINGS if not each.secret)
_SECRET = frozenset(each.name for each in SETTINGS if each.secret)
_FOREIGN = re.compile("|".join(each.pattern for each in FOREIGN_SECRETS))


def is_secret(name: str) -> bool:
    """Return whether the value of a variable is kept from programs that do not need it.

    A variable of this project that is not listed counts as a secret.
    """
    is_own = name.startswith(OWN) and name not in _PUBLIC
    return is_own or name in _SECRET or _FOREIGN.fullmatch(name) is not None


def split_names(text: str) -> tuple[str, ...]:
    """Return the names in a text that has commas between them."""
    return tuple(each.strip() for each in text.split(",") if each.strip())


def is_read(name: str) -> bool:
    """Return whether the harness, or a library in its process, reads a variable."""
    return name in _PUBLIC or name in _SECRET


def make_absolute(found: Mapping[str, str]) -> dict[str, str]:
    """Return variables with absolute paths: programs run in another folder than a person is in."""
    changed = dict(found)
    for name, value in found.items():
        kind = next((each for each in PATHS if re.fullmatch(each.pattern, name)), None)
        if kind is not None:
            changed[name] = kind.make_absolute(value)
    return changed


def find_unknown_names() -> list[str]:
    """Return the variables that are named like one of this project and are none, sorted."""
    known = _PUBLIC | _SECRET
    return sorted(name for name in ENVIRON if name.startswith(OWN) and name not in known)


def hold_secrets(found: Mapping[str, str]) -> None:
    """Add secrets to ENVIRON that are not in the environment of this process."""
    _held.update(found)


@contextlib.contextmanager
def show_secrets(secrets: ForeignSecret) -> Iterator[None]:
    """Put secrets into the environment for a while, for a library that reads them there."""
    shown = {name: value for name, value in _held.items() if is_one_of(name, (secrets,))}
    os.environ.update(shown)
    try:
        yield
    finally:
        for name in shown:
            os.environ.pop(name)


def is_one_of(name: str, secrets: Iterable[ForeignSecret]) -> bool:
    """Return whether a variable is one of these secrets of other programs."""
    return any(re.fullmatch(each.pattern, name) for each in secrets)
