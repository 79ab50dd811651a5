"""An OpenSSH server as the image starts it, and OpenSSH's clients."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..outcome import require

PORT = 2222
USER = "mluser"
STATE = Path("/var/lib/ssh-server")
START_S, ANSWER_S = 30, 100
"""Limits for hangs: a server that is ready, and a command that has ended."""

ONLY_KEYS = ("-o", "PreferredAuthentications=publickey")


@dataclass(frozen=True)
class Client:
    """OpenSSH's clients of a user with a private key; `log` is what the server writes."""

    key: Path
    log: Path

    def words(self, program: str, *options: str) -> list[str]:
        """Return the beginning of a client's command line."""
        settings = (
            "BatchMode=yes",
            "IdentitiesOnly=yes",
            "StrictHostKeyChecking=no",
            f"UserKnownHostsFile={self.key.with_name('known')}",
            "LogLevel=ERROR",
        )
        named = [word for each in settings for word in ("-o", each)]
        return [program, "-F", "none", "-o", f"Port={PORT}", "-i", str(self.key), *named, *options]

    def run_command(
        self, command: str, *options: str, user: str = USER
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in a session, and return how it ended (255: there was no session)."""
        return self.run_program("ssh", *options, f"{user}@127.0.0.1", command)

    def run_program(self, program: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run `ssh`, `scp` or `sftp` with these options, and return how it ended."""
        return subprocess.run(
            self.words(program, *options),
            capture_output=True,
            text=True,
            check=False,
            timeout=ANSWER_S,
            stdin=subprocess.DEVNULL,
        )


def make_key(folder: Path, name: str) -> Path:
    """Make a key pair, and return the path of the private key."""
    path = folder / name
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
    subprocess.run(command, check=True)
    return path


@contextlib.contextmanager
def run_server(command: Sequence[str], folder: Path) -> Iterator[Client]:
    """Run the server with the image's own command until the block ends; yield who may log in."""
    key, log = make_key(folder, "key"), folder / "log.txt"
    public = key.with_name("key.pub").read_text(encoding="utf-8")
    with log.open("wb") as output:
        server = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "AUTHORIZED_KEYS": public},
            start_new_session=True,
        )
    client = Client(key, log)
    try:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and server.poll() is None:
            if "listening on" in log.read_text(encoding="utf-8", errors="replace"):
                break
            time.sleep(0.05)
        else:
            last = " ".join(log.read_text(encoding="utf-8", errors="replace").split())[-300:]
            require(False, f"the server did not start: {last}", "a server", "its configuration")
        yield client
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
