"""Starts OpenSSH's server as the user of the image, with keys for those who may log in.

It makes the host keys at the first start, and hands the environment of the container on to each
session. It becomes the server. What is wrong is said in one line, and nothing is started then.
"""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

USER = "mluser"
FOLDER = Path("/var/lib/ssh-server")
"""Host keys, which a volume keeps, and what is written at each start."""

OWN_KEYS = Path("/home/mluser/.ssh/authorized_keys")
KEYS, KEYS_FILE = "AUTHORIZED_KEYS", "AUTHORIZED_KEYS_FILE"
HOST_KEYS = {"ed25519": "ssh_host_ed25519_key", "ecdsa": "ssh_host_ecdsa_key"}
CONFIG = "/usr/local/lib/image/sshd_config"
SERVER = "/usr/sbin/sshd"
MAX_KEY_BYTES = 1 << 20

OF_THE_SESSION = ("HOME", "USER", "LOGNAME", "SHELL", "PWD", "OLDPWD", "SHLVL", "TERM", "_")
"""Variables that each session has for itself."""


class Refusal(Exception):
    """A reason to start no server, and the way out."""


def require_user(uid: int) -> None:
    """Raise Refusal unless this is the image's own user, whose account sshd knows."""
    if uid != pwd.getpwnam(USER).pw_uid:
        raise Refusal(
            f"the SSH server runs as {USER} (uid {pwd.getpwnam(USER).pw_uid}), not as uid {uid}: "
            "start the container without --user (Kubernetes: runAsUser: 1000)"
        )


def require_private(folder: Path) -> None:
    """Raise Refusal if the folder cannot be written, or if others than its group can write it."""
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        raise Refusal(
            f"{folder} cannot be written: mount a volume there that uid {os.getuid()} can write, "
            "or --tmpfs with uid=1000,mode=700"
        )
    if folder.stat().st_mode & stat.S_IWOTH:
        raise Refusal(f"everybody can write {folder}: run `chmod o-w` on the folder of the volume")


def read_keys(environ: Mapping[str, str], own: Path) -> str:
    """Return the public keys that may log in, one a line.

    They are those of AUTHORIZED_KEYS, of the file that AUTHORIZED_KEYS_FILE names, and of the
    user's own file, if it is mounted. Raises Refusal if there is none.
    """
    texts = [environ.get(KEYS, "")]
    if named := environ.get(KEYS_FILE, ""):
        texts.append(read_key_file(Path(named), f"{KEYS_FILE}={named}"))
    if own.exists():
        texts.append(read_key_file(own, str(own)))
    keys = "\n".join(text.strip() for text in texts if text.strip())
    if "PRIVATE KEY" in keys:
        raise Refusal("a private key was given: give the public one, which ends in .pub")
    if not keys:
        raise Refusal(
            f"nobody could log in, there is no public key: set {KEYS} to it, or {KEYS_FILE} to a "
            f"file with it, or mount a file at {OWN_KEYS}"
        )
    return f"{keys}\n"


def read_key_file(path: Path, shown: str) -> str:
    """Return the text of a file. Raises Refusal if it cannot be read, or is no text."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_KEY_BYTES).decode()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise Refusal(
            f"{shown}: cannot read the public keys: {why}; uid {os.getuid()} must be able to"
        ) from None


def require_usable(keys: Path) -> None:
    """Raise Refusal if OpenSSH can read no public key in a file."""
    done = subprocess.run(
        ["/usr/bin/ssh-keygen", "-l", "-f", keys], capture_output=True, check=False
    )
    if done.returncode != 0:
        raise Refusal(
            "none of the lines that were given is a public key: one begins with its kind, such as "
            "ssh-ed25519"
        )


def make_host_keys(folder: Path) -> None:
    """Make the host keys that are not there. A client knows the server again by them."""
    for kind, name in HOST_KEYS.items():
        path = folder / name
        if not path.exists():
            # made beside it: a container that is killed leaves no half of a key
            made = folder / f"{name}.new"
            made.unlink(missing_ok=True)
            subprocess.run(
                ["/usr/bin/ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "", "-f", made],
                check=True,
            )
            made.with_name(f"{made.name}.pub").rename(folder / f"{name}.pub")
            made.rename(path)
        path.chmod(0o600)
        shown = subprocess.run(
            ["/usr/bin/ssh-keygen", "-l", "-f", path], capture_output=True, check=True, text=True
        )
        print(f"host key: {shown.stdout.strip()}", flush=True)


def write_configuration(folder: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of the server's configuration in this container."""
    yield from (f"HostKey {folder / name}" for name in HOST_KEYS.values())
    yield f"AuthorizedKeysFile {folder / 'authorized_keys'}"
    given = (quote_variable(f"{name}={value}") for name, value in list_variables(environ))
    if words := " ".join(given):
        yield f"SetEnv {words}"
    yield f"Include {CONFIG}"


def list_variables(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the variables of the container that every session gets.

    One with a line break or another control character has no form in the configuration of sshd.
    """
    for name, value in sorted(environ.items()):
        if name not in (*OF_THE_SESSION, KEYS, KEYS_FILE) and f"{name}{value}".isprintable():
            yield name, value


def quote_variable(text: str) -> str:
    """Return a word of sshd_config(5) that stands for a text."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def prepare_server(folder: Path, environ: Mapping[str, str]) -> Path:
    """Write all that the server reads, and return its configuration. Raises Refusal."""
    os.umask(0o077)
    require_user(os.getuid())
    require_private(folder)
    text = read_keys(environ, OWN_KEYS)
    keys, configuration = folder / "authorized_keys", folder / "sshd_config"
    for path in (keys, configuration):
        path.unlink(missing_ok=True)
    keys.write_text(text)
    require_usable(keys)
    make_host_keys(folder)
    configuration.write_text("\n".join(write_configuration(folder, environ)) + "\n")
    return configuration


def main() -> None:
    """Start the server; end with 2 if it is not given what it needs."""
    try:
        configuration = prepare_server(FOLDER, os.environ)
    except Refusal as reason:
        print(f"ssh: {reason}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        print(f"ssh: {error.filename or FOLDER}: {error.strerror}", file=sys.stderr)
        sys.exit(2)
    os.umask(0o022)
    os.execv(SERVER, [SERVER, "-D", "-e", "-f", str(configuration)])  # noqa: S606 - all words are ours


if __name__ == "__main__":
    main()
