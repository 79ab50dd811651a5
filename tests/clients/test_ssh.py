"""OpenSSH's own clients of this machine, at the published port of the real image."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.containers import await_health, await_log, docker, logs_of, port_of, running

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.thorough]

STEP = (
    "import torch; model = torch.nn.Linear(4, 1); before = model.weight.clone(); "
    "model(torch.ones(2, 4)).sum().backward(); torch.optim.SGD(model.parameters(), 0.1).step(); "
    "print('moved', not torch.equal(before, model.weight))"
)


@dataclass(frozen=True)
class Client:
    """A person with a key; `port` is the published one."""

    key: Path
    port: int

    def run(self, program: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `ssh`, `scp` or `sftp`, and return how it ended."""
        return subprocess.run(
            self.words(program, *words), capture_output=True, text=True, check=False, timeout=100
        )

    def words(self, program: str, *words: str) -> list[str]:
        """Return the words of a client."""
        given = (
            "BatchMode=yes",
            "IdentitiesOnly=yes",
            f"UserKnownHostsFile={self.key.with_name('known')}",
            "StrictHostKeyChecking=accept-new",
            f"Port={self.port}",
            "LogLevel=ERROR",
        )
        options = [word for each in given for word in ("-o", each)]
        return [program, "-F", "none", "-i", str(self.key), *options, *words]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Return a private key; the test is skipped on a machine without OpenSSH's clients."""
    if shutil.which("ssh") is None:
        pytest.skip("no OpenSSH client is here: apt-get install openssh-client")
    path = tmp_path / "key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(command, check=True)
    return path


def options_for(key: Path, *more: str) -> list[str]:
    """The options of `docker run` for somebody who has this key."""
    public = key.with_name("key.pub").read_text().strip()
    published = ["--publish=127.0.0.1::2222", "--health-interval=1s"]
    return [f"--env=AUTHORIZED_KEYS={public}", *published, *more]


@pytest.fixture
def client(image_with: Callable[[str], str], key: Path) -> Iterator[Client]:
    with running(image_with("ssh"), options_for(key, '--env=ODD=a "b" \\c # d')) as name:
        await_health(name)
        yield Client(key, port_of(name, 2222))


def test_work_by_key(client: Client, tmp_path: Path) -> None:
    """A training step, the shells of editors, copies there and back, and no other way in."""
    there = "mluser@127.0.0.1"
    assert client.run("ssh", there, f'python -c "{STEP}"').stdout == "moved True\n"
    assert client.run("ssh", there, "bash -lc 'python -V'").stdout.startswith("Python 3.")
    assert client.run("ssh", there, "echo $ODD").stdout == 'a "b" \\c # d\n'
    assert client.run("ssh", "-tt", there, "tty").stdout.startswith("/dev/pts/")
    (tmp_path / "given").write_bytes(b"x" * 100_000)
    assert client.run("scp", str(tmp_path / "given"), f"{there}:/workspace/kept").returncode == 0
    fetched = client.run("sftp", f"{there}:/workspace/kept", str(tmp_path / "back"))
    assert fetched.returncode == 0, fetched.stderr
    assert (tmp_path / "back").read_bytes() == b"x" * 100_000
    for who in (("root@127.0.0.1",), ("-o", "PubkeyAuthentication=no", there)):
        refused = client.run("ssh", *who, "id")
        assert (refused.returncode, refused.stdout) == (255, "")
        assert "Permission denied (publickey)" in refused.stderr


def test_job_outlives_its_client(client: Client) -> None:
    there = "mluser@127.0.0.1"
    job = "for i in $(seq 300); do echo $i >/workspace/step; sleep 0.1; done >/workspace/log 2>&1"
    lost = subprocess.Popen(client.words("ssh", there, job), stdin=subprocess.DEVNULL)
    time.sleep(2)
    lost.kill()
    lost.wait()
    time.sleep(1)
    first = client.run("ssh", there, "cat /workspace/step").stdout
    time.sleep(1)
    assert int(client.run("ssh", there, "cat /workspace/step").stdout) > int(first)


def test_server_keeps_its_keys_in_a_volume(image_with: Callable[[str], str], key: Path) -> None:
    """A client that knows the server would warn of another one after each start."""
    image, volume = image_with("ssh"), docker("volume", "create").strip()
    try:
        shown = []
        for _ in range(2):
            mounted = f"--volume={volume}:/var/lib/ssh-server"
            # a root that nobody can write, and memory at /tmp
            options = options_for(key, mounted, "--read-only", "--tmpfs=/tmp")
            with running(image, options) as name:
                shown.append(await_log(name, r"host key: 256 (SHA256:\S+)"))
                await_health(name)
                where = Client(key, port_of(name, 2222))
                assert where.run("ssh", "mluser@127.0.0.1", "id -un").stdout == "mluser\n"
                assert docker("stop", "--time=10", name).strip() == name
        assert shown[0] == shown[1]
    finally:
        docker("volume", "rm", volume)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "there is no public key"),
        (("--env=AUTHORIZED_KEYS_FILE=/nowhere",), "AUTHORIZED_KEYS_FILE=/nowhere: cannot read"),
        (("--env=AUTHORIZED_KEYS=hello",), "none of the lines"),
        (("--user=12345", "--env=AUTHORIZED_KEYS=x"), "not as uid 12345"),
        (("--user=0", "--env=AUTHORIZED_KEYS=x"), "not as uid 0"),
    ],
)
def test_start_without_what_it_needs(
    image_with: Callable[[str], str], options: tuple[str, ...], says: str
) -> None:
    with running(image_with("ssh"), options) as name:
        assert docker("wait", name).strip() == "2"
        printed = logs_of(name)
    assert says in printed
    assert printed.count("\n") == 1
