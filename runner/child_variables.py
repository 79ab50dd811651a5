"""The variables that programs get which this one starts: those of a list, and no other.

What a program never had cannot be in its messages, its output or a file that it writes. So nothing
of a variable that is not listed here, of whatever program, can get into a record, a log or an
image by way of a program. docs/settings.md has the lists.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from runner import settings
from runner.errors import ConfigError
from runner.settings import ForeignSecret

_NAMED_SECRET = re.compile(
    r"\w*(?:SECRET|TOKEN|PASSW|PASSPHRASE|CREDENTIAL|AUTH|SIGNING|WEBHOOK|_(?:API|ACCESS)?KEY)\w*"
    r"|\w*_(?:PASS|PWD?|PW|CREDS?|PAT)(?:_\w*)?",
    re.IGNORECASE,
)
"""Left out of a family: `PIP_TOKEN` is no setting of pip, and may hold a token."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class AllowedVariables:
    """Variables that `programs` get, by regular expressions of their names.

    A family is the settings of one program by the begin of their names, for this program alone: no
    list has all of them. Of `families` only those count whose names do not say that they hold a
    secret. What is a secret by runner/settings.py, or a setting of this project, is never among
    them.
    """

    programs: str
    names: tuple[str, ...] = ()
    families: tuple[str, ...] = ()

    def has(self, name: str) -> bool:
        """Return whether the programs get the variable."""
        if not name or name.startswith(settings.OWN) or settings.is_secret(name):
            return False
        is_named = re.fullmatch("|".join(self.names), name) is not None
        is_of_family = re.fullmatch("|".join(self.families), name) is not None
        return is_named or (is_of_family and not _NAMED_SECRET.fullmatch(name))


_SYSTEM = (
    r"PATH|HOME|USER|LOGNAME|SHELL|TERM|LANG|LANGUAGE|LC_\w+|TZ|TZDIR|TMPDIR|LD_LIBRARY_PATH"
    r"|LD_PRELOAD"
)
_FOLDERS = r"XDG_(?:(?:CACHE|CONFIG|DATA|STATE)_HOME|(?:CONFIG|DATA)_DIRS|RUNTIME_DIR)"
_NETWORK = (
    r"(?i:https?|ftp|all|no)_(?i:proxy)|SSL_CERT_FILE|SSL_CERT_DIR|SSL_CLIENT_CERT"
    r"|NIX_SSL_CERT_FILE|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|OPENSSL_CONF|OPENSSL_MODULES|NETRC"
    r"|GODEBUG|GOMAXPROCS|GOMEMLIMIT"
)

# where programs of Python find their modules, and credential helpers and keyrings their stores
_PYTHON = (
    r"VIRTUAL_ENV|CONDA_PREFIX|PYTHON(?:PATH|HOME|UTF8|SAFEPATH|NOUSERSITE|USERBASE|WARNINGS"
    r"|DONTWRITEBYTECODE|PYCACHEPREFIX|IOENCODING|_KEYRING_BACKEND)"
)
_STORES = (
    r"DBUS_SESSION_BUS_ADDRESS|DISPLAY|WAYLAND_DISPLAY|XAUTHORITY|GNUPGHOME|GPG_TTY"
    r"|PASSWORD_STORE_DIR|PASSWORD_STORE_GPG_OPTS"
)
_CLOUDS = (
    r"AWS_(?:PROFILE|REGION|DEFAULT_REGION|DEFAULT_PROFILE|CONFIG_FILE|SHARED_CREDENTIALS_FILE"
    r"|ROLE_ARN|ROLE_SESSION_NAME|WEB_IDENTITY_TOKEN_FILE|CA_BUNDLE|SDK_LOAD_CONFIG"
    r"|STS_REGIONAL_ENDPOINTS|USE_FIPS_ENDPOINT|USE_DUALSTACK_ENDPOINT|EC2_METADATA_DISABLED"
    r"|CONTAINER_CREDENTIALS_(?:RELATIVE|FULL)_URI|CONTAINER_AUTHORIZATION_TOKEN_FILE"
    r"|ENDPOINT_URL(?:_\w+)?|ECR_(?:CACHE_DIR|DISABLE_CACHE|IGNORE_CREDS_STORAGE))",
    r"AZURE_(?:CLIENT_ID|TENANT_ID|AUTHORITY_HOST|ENVIRONMENT|CONFIG_DIR|FEDERATED_TOKEN_FILE"
    r"|CLIENT_CERTIFICATE_PATH)|(?:MSI|IDENTITY)_ENDPOINT",
    r"GOOGLE_APPLICATION_CREDENTIALS|GOOGLE_CLOUD_PROJECT|CLOUDSDK_CONFIG|GCE_METADATA_HOST"
    r"|CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE",
)

SYSTEM = AllowedVariables("every program but those below, such as mount and nvidia-smi", (_SYSTEM,))
"""What a program gets if its caller says nothing."""
ENGINES = AllowedVariables(
    "the docker client, BuildKit, credential helpers and Trivy",
    (
        _SYSTEM,
        _FOLDERS,
        _NETWORK,
        r"DOCKER_(?:API_VERSION|BUILDKIT|CERT_PATH|CONFIG|CONTENT_TRUST|CONTENT_TRUST_SERVER"
        r"|CONTEXT|DEFAULT_PLATFORM|HOST|TLS|TLS_VERIFY)",
        "CONTAINER_(?:HOST|CONNECTION)|SOURCE_DATE_EPOCH",
        _PYTHON,
        _STORES,
        *_CLOUDS,
    ),
    (r"(?:BUILDKIT|BUILDX|BUILDAH|CONTAINERS|CLOUDSDK)_\w+",),
)
RESOLVERS = AllowedVariables(
    "pip and uv",
    (
        _SYSTEM,
        _FOLDERS,
        _NETWORK,
        _PYTHON,
        "UV_KEYRING_PROVIDER|PIP_KEYRING_PROVIDER",
        _STORES,
        *_CLOUDS,
    ),
    (r"(?:PIP|UV|KEYRING|CLOUDSDK)_\w+",),
)
GIT = AllowedVariables(
    "git",
    (
        _SYSTEM,
        r"XDG_CONFIG_HOME|GIT_(?:DIR|WORK_TREE|COMMON_DIR|INDEX_FILE|OBJECT_DIRECTORY"
        r"|ALTERNATE_OBJECT_DIRECTORIES|CEILING_DIRECTORIES|DISCOVERY_ACROSS_FILESYSTEM"
        r"|CONFIG_GLOBAL|CONFIG_SYSTEM|CONFIG_NOSYSTEM|CONFIG_COUNT|CONFIG_(?:KEY|VALUE)_[0-9]+)",
    ),
)
"""Nothing that git writes to stderr is shown, and of stdout commits and an address are taken."""
SUITES = AllowedVariables(
    "suites without a container, and their Python",
    (_SYSTEM, "VIRTUAL_ENV|CONDA_PREFIX|PYTHONPATH|PYTHONHOME"),
    (r"(?:CUDA|NVIDIA|NCCL|CUDNN|CUBLAS|TORCH|PYTORCH|TRITON|OMP|MKL|OPENBLAS|KMP|GLOO)_\w+",),
)
PLACES = AllowedVariables("Trivy, if it needs no registry", ("PATH|HOME|TMPDIR",))
CI_AGENTS = AllowedVariables(
    "the agent of Buildkite or CircleCI, which says whose job this is",
    (_SYSTEM, _FOLDERS, _NETWORK, "NO_HTTP2"),
    (r"BUILDKITE(?:_(?:AGENT|JOB)_\w+)?|CIRCLE(?:CI|_\w+)",),
)
BOOTSTRAP = AllowedVariables(
    "mmdebstrap, which runs the scripts of Debian's packages", (_SYSTEM, _NETWORK, "APT_CONFIG")
)
SLURM = AllowedVariables("Slurm's commands", (_SYSTEM, "SLURM_CONF"))
"""No `SBATCH_*`: the options of a job are those that messages and the job's name tell of."""
NOTHING = AllowedVariables("the linter of Dockerfiles")
LISTS = (SYSTEM, ENGINES, RESOLVERS, GIT, SUITES, CI_AGENTS, BOOTSTRAP, SLURM, PLACES, NOTHING)


def choose_variables(allowed: AllowedVariables) -> dict[str, str]:
    """Return the variables of this process that are on a list.

    Paths in them are absolute, because programs run in another folder than a person is in.
    """
    found = {name: value for name, value in os.environ.items() if allowed.has(name)}
    return settings.make_absolute(found)


def secrets_for(*secrets: ForeignSecret) -> dict[str, str]:
    """Return the variables that hold these secrets, for the one program that needs them."""
    found = settings.ENVIRON.items()
    return settings.make_absolute(
        {name: value for name, value in found if settings.is_one_of(name, secrets)}
    )


def login_variables(environ: Mapping[str, str] = settings.ENVIRON) -> dict[str, str]:
    """Return what credential helpers get besides: accounts of clouds, and what a person named.

    Raises ConfigError if the person named a variable of this project, or something that is no name.
    """
    named = settings.split_names(environ.get(settings.HELPER_VARIABLES, ""))
    for name in named:
        if not _VARIABLE.fullmatch(name) or name.startswith((settings.OWN, "TRIVY_")):
            raise ConfigError(
                f"{settings.HELPER_VARIABLES} is no list of names of variables of a credential"
                " helper",
                "write NAME or NAME,NAME; no variable of this project, and none that steers Trivy",
            )
    given = {name: value for name, value in environ.items() if name in named}
    return secrets_for(settings.REGISTRY_LOGINS) | given
