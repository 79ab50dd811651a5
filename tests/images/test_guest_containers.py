"""The real image, run as its makers did not: other users, read-only, login shells, a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from docker.errors import ContainerError
from docker.types import Mount

from runner import engine, pull

pytestmark = pytest.mark.docker

WRITES = (
    "import getpass, os, pwd; home = os.path.expanduser('~'); os.makedirs(home + '/.cache/hub'); "
    "open('/workspace/x', 'w'); open(home + '/x', 'w'); "
    "print(pwd.getpwuid(os.getuid()).pw_name and getpass.getuser() and home)"
)


@pytest.fixture(scope="module")
def image(base_image: str) -> str:
    pull.pull_image(base_image)
    return base_image


@pytest.fixture
def run(image: str) -> Callable[..., str]:
    """Run a command in a container of the image and return what it printed."""

    def started(*command: str, **options: Any) -> str:
        client = engine.connect_engine()
        given: Mapping[str, Any] = {"network_mode": "none", "stderr": True, **options}
        printed: bytes = client.containers.run(image, [*command], remove=True, **given)
        return printed.decode().strip()

    return started


@pytest.mark.parametrize("user", ["12345", "12345:0", "12345:12345", "1000:1000", "0:0"])
def test_any_user_can_write(run: Callable[..., str], user: str) -> None:
    home = "/root" if user == "0:0" else "/home/mluser"
    assert run("python", "-c", WRITES, user=user) == home


@pytest.mark.parametrize("user", ["12345", "1000:1000", "0:0"])
def test_a_read_only_root_with_a_volume_and_memory(run: Callable[..., str], user: str) -> None:
    """Kubernetes' readOnlyRootFilesystem, with an emptyDir and a volume."""
    workspace = Mount("/workspace", "", type="tmpfs", tmpfs_mode=0o1777)
    options = {"read_only": True, "tmpfs": {"/tmp": ""}, "mounts": [workspace]}  # noqa: S108 - in the container
    home = f"/tmp/home-{user.partition(':')[0]}"  # noqa: S108 - in the container
    assert run("python", "-c", WRITES, user=user, **options) == home


@pytest.mark.parametrize("user", ["12345", "1000:1000"])
def test_without_the_entry_point_and_a_home(run: Callable[..., str], user: str) -> None:
    """Kubernetes' `command` takes the place of the entry point."""
    python = ["env", "-i", "/opt/venv/bin/python"]
    assert run("-c", WRITES, user=user, entrypoint=python) == "/home/mluser"


@pytest.mark.parametrize(
    ("command", "user"),
    [
        (("bash", "-lc", "python -V"), "1000"),
        (("sh", "-lc", "python -V"), "12345"),
        (("env", "-i", "sh", "-lc", "python -V"), "1000"),
        (("su", "-", "mluser", "-c", "python -V"), "0"),
        (("su", "mluser", "-c", "python -V"), "0"),
    ],
)
def test_login_shells_have_python(
    run: Callable[..., str], command: tuple[str, ...], user: str
) -> None:
    assert run(*command, user=user).startswith("Python 3.")


def test_accounts_can_be_added(run: Callable[..., str]) -> None:
    """In a derived image; a name service that knows every number would take them all for taken."""
    add = "groupadd -g 2000 team && useradd -u 2000 -g 2000 -m member && useradd other"
    assert run("sh", "-c", f"{add} && id -un 2000", user="0") == "member"


def test_an_edited_file_of_a_package_takes_effect(run: Callable[..., str]) -> None:
    edit = "echo 'print(\"edited\")' >$(python -c 'import networkx; print(networkx.__file__)')"
    assert run("sh", "-c", f"{edit}; python -c 'import networkx'", user="0") == "edited"


def test_the_entry_point_changes_neither_exit_code_nor_variables(run: Callable[..., str]) -> None:
    given = {"spark.memory": "1g", "A": "b c"}
    printed = run("env", environment=given).splitlines()
    assert {f"{name}={value}" for name, value in given.items()} <= set(printed)
    for command, code in ((("sh", "-c", "exit 7"), 7), (("nowhere",), 127)):
        with pytest.raises(ContainerError) as caught:
            run(*command)
        assert caught.value.exit_status == code


@pytest.mark.parametrize(
    ("options", "notes"),
    [
        ({"tty": True, "stdin_open": True}, ["/dev/shm has 64 MB", "no GPU"]),  # noqa: S108 - in the container
        ({"tty": True, "stdin_open": True, "shm_size": "2g"}, ["no GPU"]),
        ({}, []),
    ],
)
def test_notes_are_for_a_person_at_a_terminal(
    run: Callable[..., str], options: dict[str, Any], notes: list[str]
) -> None:
    *printed, last = run("echo", "done", **options).splitlines()
    assert last == "done"
    assert len(printed) == len(notes)
    assert all(words in line for words, line in zip(notes, printed, strict=True))
