"""OpenSSH's own clients log in by key and in no other way, copy files, and can be lost."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..conftest import Answers
from ..contract import questions
from ..contract.expected import Expected
from ..outcome import require
from .server import ONLY_KEYS, STATE, USER, Client, make_key, run_server

PRODUCT = """
import json, torch
left, right, inner = json.loads('{given}')
product = torch.tensor(left).reshape(-1, inner) @ torch.tensor(right).reshape(inner, -1)
print(json.dumps(product.flatten().tolist()))
"""
JOB = """
import sys, time
from pathlib import Path
for step in range(200):
    Path(sys.argv[1]).write_text(str(step))
    time.sleep(0.1)
"""
LOST_S = 3
"""How long a job is watched after its client is gone; it writes ten times a second."""

OPEN = "the server takes more than keys, or keys of others"


@pytest.fixture(scope="module")
def client(expected: Expected, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Return a client of the server, which the command of the image started."""
    with run_server(expected.command, tmp_path_factory.mktemp("ssh")) as client:
        yield client


@pytest.mark.parametrize("shell", ["{}", "bash -lc '{}'", "sh -lc '{}'"])
def test_session_has_the_environment(client: Client, shell: str) -> None:
    """Python and the container's variables are there, also in the login shells of editors."""
    command = shell.format(
        'python -c "import sys; print(sys.prefix)"; echo $NVIDIA_VISIBLE_DEVICES'
    )
    done = client.run_command(command)
    wanted = [sys.prefix, os.environ.get("NVIDIA_VISIBLE_DEVICES", "")]
    require(
        done.stdout.splitlines() == wanted,
        f"`{command}` ended with {done.returncode} and printed `{done.stdout}{done.stderr}`",
        f"{wanted}",
        "sessions that have not the PATH or the variables of the container",
    )


def test_only_keys_log_in(client: Client, tmp_path: Path) -> None:
    """Another key, root and a user without a key are refused, and no password is asked for."""
    stranger = Client(make_key(tmp_path, "other"), client.log)
    keyless = ("-o", "PubkeyAuthentication=no", "-o", "BatchMode=no")
    tried = {
        "another key": stranger.run_command("id"),
        "root with the right key": client.run_command("id", user="root"),
        "no key": client.run_command("id", *keyless),
    }
    for who, done in tried.items():
        ways = done.stderr.strip().rpartition("(")[2].rstrip(").")
        require(
            done.returncode == 255 and ways == "publickey",
            f"{who} got the exit code {done.returncode} and {done.stdout}{done.stderr}",
            "255, and `Permission denied (publickey)`",
            OPEN,
        )
    done = client.run_command("id -un", *ONLY_KEYS)
    require(done.stdout.strip() == USER, f"the right key gave {done}", USER, "a broken server")


def test_without_keys_there_is_no_server(expected: Expected) -> None:
    """A server that nobody can log in to is not started; one line says what is missing."""
    unset = {name: value for name, value in os.environ.items() if "AUTHORIZED_KEYS" not in name}
    done = subprocess.run(
        expected.command, env=unset, capture_output=True, text=True, check=False, timeout=60
    )
    require(
        done.returncode == 2 and "AUTHORIZED_KEYS" in done.stderr and done.stderr.count("\n") == 1,
        f"it ended with {done.returncode} and printed `{done.stdout}{done.stderr}`",
        "2, and a line that names AUTHORIZED_KEYS",
        "a server that is open, or that nobody can enter",
    )


def test_host_keys_are_of_this_container(client: Client) -> None:
    """No key is in the image: all who have the image would know it. A later start has the same."""
    shipped = [str(path) for path in Path("/etc/ssh").glob("ssh_host_*")]
    require(not shipped, f"the image has {shipped}", "no host key", "keys that Debian made")
    kept = sorted(path.name for path in STATE.glob("ssh_host_*_key"))
    made = {path: path.read_bytes() for path in STATE.glob("ssh_host_*_key")}
    require(len(made) == 2, f"{STATE} has {kept}", "two host keys", "a start that keeps none")
    words = client.log.read_text(encoding="utf-8")
    require(
        "host key: 256 SHA256:" in words,
        "the log shows no fingerprint",
        "one for each",
        "a start that hides them",
    )


def test_files_are_copied(client: Client, tmp_path: Path) -> None:
    """`scp` there and `sftp` back give the same bytes."""
    given, there, back = tmp_path / "given", tmp_path / "there", tmp_path / "back"
    given.write_bytes(os.urandom(3_000_000))
    copied = client.run_program("scp", str(given), f"{USER}@127.0.0.1:{there}")
    fetched = client.run_program("sftp", f"{USER}@127.0.0.1:{there}", str(back))
    is_same = back.is_file() and back.read_bytes() == given.read_bytes()
    require(
        is_same,
        f"scp ended with {copied.returncode} {copied.stderr}, sftp with {fetched.returncode} "
        f"{fetched.stderr}",
        "the same 3 MB",
        "no server of sftp",
    )


def test_job_of_a_lost_client_lives_on(client: Client, tmp_path: Path) -> None:
    """A job without a terminal, whose output goes to a file, does not end with its connection."""
    script, step = tmp_path / "job.py", tmp_path / "step"
    script.write_text(JOB, encoding="utf-8")
    pid = tmp_path / "pid"
    command = f"echo $$ >{pid}; exec python {script} {step} >{tmp_path}/out 2>&1"
    lost = subprocess.Popen(
        client.words("ssh", f"{USER}@127.0.0.1", command), stdin=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not step.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    lost.kill()
    lost.wait()
    time.sleep(LOST_S / 2)
    before = step.read_text(encoding="utf-8") if step.exists() else "nothing"
    time.sleep(LOST_S / 2)
    after = step.read_text(encoding="utf-8") if step.exists() else "nothing"
    with contextlib.suppress(OSError, ValueError):
        os.kill(int(pid.read_text(encoding="utf-8")), signal.SIGKILL)
    require(
        after != before,
        f"{LOST_S} s after its client was killed the job is still at step {after}",
        "a job that goes on",
        "a server that ends the processes of a session",
    )


def test_challenge(client: Client, nonce: str, answer: Answers, tmp_path: Path) -> None:
    """A session multiplies matrices that nobody knew before, with torch."""
    factors = questions.draw_product(nonce, "ssh")
    given = json.dumps([factors.left, factors.right, factors.inner])
    script = tmp_path / "product.py"
    script.write_text(PRODUCT.format(given=given), encoding="utf-8")
    done = client.run_command(f"python {script}")
    require(
        done.returncode == 0 and done.stdout.startswith("["),
        f"the session ended with {done.returncode} and `{done.stdout[:80]}{done.stderr[-120:]}`",
        "0 and a product",
        "torch cannot be imported in a session",
    )
    answer("product", json.loads(done.stdout))
