"""What an image is configured to be decides nothing about other containers, and fills no disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from docker.types import Mount

from runner import containers, engine, free_space, shell
from runner.child_variables import ENGINES
from runner.containers import (
    ImageCannotStart,
    list_containers,
    new_name,
    volumes_in_memory,
    volumes_read_only,
)
from tests.fakes import small_image


class Engine:
    """Lists containers as an engine does: its filter takes a part of the name."""

    def __init__(self, *names: str) -> None:
        self.api = self
        self._found = [{"Id": name, "Names": [f"/{name}"], "Labels": None} for name in names]

    def containers(self, **_: Any) -> list[Any]:
        return self._found


def test_containers_are_told_by_their_names() -> None:
    ours = new_name("suite")
    others = (f"a-{ours}", f"{ours}-b", "pytorch-cuda-images", "pytorch-cuda-images-registry", "x")
    assert [each.name for each in list_containers(Engine(ours, *others))] == [ours]
    assert new_name("suite") != ours


@pytest.mark.parametrize(
    "path",
    [
        *("/", "relative", "", "/harness", "/harness/out", "//"),
        "/harness/../harness/packages/evil",
        *("/etc", "/etc/", "//etc", "/usr/../etc", "/etc/passwd", "/etc/group", "/etc/group/x"),
        *("/proc", "/proc/1/root/etc", "/sys/fs", "/dev", "/dev/x", "/x/../dev/null"),
        f"{'/d' * 17}",
    ],
)
def test_volumes_that_no_image_may_have(path: str) -> None:
    with pytest.raises(ImageCannotStart):
        volumes_in_memory({"Volumes": {path: {}}}, (), "/harness")
    with pytest.raises(ImageCannotStart):
        volumes_read_only({"Volumes": {path: {}}}, "/harness")


def test_an_image_may_not_have_any_number_of_volumes() -> None:
    config: dict[str, Any] = {
        "Volumes": {f"/v{number}": {} for number in range(containers.MAX_VOLUMES + 1)}
    }
    with pytest.raises(ImageCannotStart, match="declares 51 volumes"):
        volumes_in_memory(config, (), "/harness")
    with pytest.raises(ImageCannotStart, match="declares 51 volumes"):
        volumes_read_only(config, "/look")


def test_volumes_hold_no_other_and_have_few_folders() -> None:
    """The engine copies an image's files once for each volume that they are in."""
    with pytest.raises(ImageCannotStart, match="the volume `/a/b/c` inside its volume `/a`"):
        volumes_read_only({"Volumes": {"/a/b/c": {}, "/ab": {}, "/a/": {}}}, "/look")
    deep: dict[str, Any] = {f"/{number}{'/d' * 15}": {} for number in range(20)}
    with pytest.raises(ImageCannotStart, match="are in 320 folders, more than the allowed 200"):
        volumes_read_only({"Volumes": deep}, "/look")


def test_volumes_become_memory_or_read_only() -> None:
    config: dict[str, Any] = {"Volumes": {"/data": {}, "/cache/": {}}}
    assert [each["Target"] for each in volumes_in_memory(config, {"/cache"}, "/harness")] == [
        "/data"
    ]
    assert {each["Type"] for each in volumes_in_memory(config, (), "/harness")} == {"tmpfs"}
    assert {(each["Type"], each["ReadOnly"]) for each in volumes_read_only(config, "/look")} == {
        ("volume", True)
    }
    assert (
        volumes_in_memory({}, (), "/harness") == volumes_read_only({"Volumes": None}, "/look") == []
    )


def test_a_disk_that_is_nearly_full_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert free_space.find_full_disk([tmp_path, tmp_path / "nowhere"]) == ""
    monkeypatch.setattr(free_space, "FREE_BYTES", 1 << 60)
    assert f"the disk of {tmp_path} has " in free_space.find_full_disk([tmp_path])
    monkeypatch.setattr(free_space, "FREE_BYTES", 0)
    written = free_space.find_full_disk([tmp_path], 1 << 60)
    assert "must stay free, and 1152921504607 MB will be written" in written
    monkeypatch.setattr(free_space, "FREE_INODES", 1 << 60)
    assert "more files" in free_space.find_full_disk([tmp_path])


HOSTILE_ACCOUNTS = {
    "a named pipe": ("RUN rm /etc/passwd && mkfifo /etc/passwd", "`/etc/passwd` is not a regular"),
    "a link to a named pipe": (
        "RUN mkfifo /tmp/f && rm /etc/group && ln -s ../tmp/f /etc/group",
        "`/etc/group` is not a regular file",
    ),
    "a large file": ("RUN truncate --size=700M /etc/passwd", "has 734,003,200 bytes"),
    "a folder": ("RUN rm /etc/group && mkdir /etc/group", "`/etc/group` is not a regular file"),
}


@pytest.mark.docker
@pytest.mark.parametrize("case", HOSTILE_ACCOUNTS)
def test_account_files_that_would_block_the_engine(case: str) -> None:
    """No such container is ever started here: it would block the engine of this machine."""
    instruction, says = HOSTILE_ACCOUNTS[case]
    name = f"accounts-{list(HOSTILE_ACCOUNTS).index(case)}"
    client = engine.connect_engine(60)
    with small_image.planted(name, instruction) as reference:
        container = client.containers.create(reference, ["true"], name=new_name(name))
        try:
            with pytest.raises(ImageCannotStart, match=says):
                containers.require_plain_accounts(container)
        finally:
            container.remove(force=True)


THROUGH_LINKS = {
    "a folder that is a link to /etc": ("RUN ln -s /etc /srv/link", "/srv/link", "/srv/link"),
    "/etc through a link to /": ("RUN ln -s / /srv/link", "/srv/link/etc", "/srv/link"),
    "a link to a link": ("RUN ln -s ../etc /srv/a && ln -s a /srv/b", "/srv/b", "/srv/b"),
    "a link to an account file": ("RUN ln -s /etc/group /srv/link", "/srv/link", "/srv/link"),
    "a harmless link": ("RUN ln -s /var/tmp /srv/link", "/srv/link/a/b", "/srv/link"),
    "a link into /proc": ("RUN ln -s proc/1/root/etc /foo", "/foo", "/foo"),
    "a link that is not UTF-8": (r"RUN ln -s $(printf '\377') /foo", "/foo", "/foo"),
    "the folder for temporary files": ("RUN rm -rf /tmp && ln -s etc /tmp", "/tmp", "/tmp"),  # noqa: S108 - in the container
}


@pytest.mark.docker
@pytest.mark.parametrize("how", ["tmpfs", "mounts"])
@pytest.mark.parametrize("case", THROUGH_LINKS)
def test_nothing_is_mounted_through_a_link(case: str, how: str) -> None:
    """What a link of the image leads to is known only when the engine has mounted /proc."""
    instruction, target, link = THROUGH_LINKS[case]
    name = f"links-{list(THROUGH_LINKS).index(case)}"
    mount = Mount(target, None, type="tmpfs", tmpfs_size=1 << 20)
    options: dict[str, Any] = {how: {target: "size=1m"} if how == "tmpfs" else [mount]}
    with pytest.raises(ImageCannotStart, match=f"its `{link}` is a symbolic link"):
        _create_and_look(name, instruction, options)


@pytest.mark.docker
def test_nothing_is_mounted_at_etc() -> None:
    with pytest.raises(ImageCannotStart, match="nothing may be mounted at its `/etc`"):
        _create_and_look("at-etc", "RUN true", {"tmpfs": {"/etc": "size=1m"}})


@pytest.mark.docker
def test_ordinary_folders_can_be_mounted_over() -> None:
    tmpfs = {"/srv/not/there": "", "/etc/new": "", "/run/x": "", "/usr/bin": ""}
    _create_and_look("ordinary", "RUN true", {"tmpfs": tmpfs})


def _create_and_look(name: str, instruction: str, options: dict[str, Any]) -> None:
    client = engine.connect_engine(60)
    with small_image.planted(name, instruction) as reference:
        made = {"command": ["true"], "name": new_name(name), **options}
        container = containers.create_confined(client, reference, made)
        try:
            containers.require_plain_accounts(container)
        finally:
            container.remove(force=True)


@pytest.mark.docker
def test_no_proxy_of_dockers_configuration_reaches_a_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`docker run` hands them on by itself, with their passwords."""
    address, program = "http://u:S3cret@proxy:1", engine.docker_program()
    given = dict.fromkeys(("httpProxy", "httpsProxy", "ftpProxy", "allProxy", "noProxy"), address)
    (tmp_path / "config.json").write_text(json.dumps({"proxies": {"default": given}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with small_image.planted("proxies", "RUN true") as reference:
        shown = [program, "run", "--rm", f"--name={new_name('proxies')}"]
        asks = [reference, "env"]
        assert "S3cret" in shell.run([*shown, *asks], hint="", allowed=ENGINES)
        assert "S3cret" not in shell.run(
            [*shown, *containers.CONFINED, *asks], hint="", allowed=ENGINES
        )


@pytest.mark.docker
def test_listed_containers_are_removed_without_looking_into_them() -> None:
    client, name = engine.connect_engine(60), new_name("left")
    with small_image.planted("left", "RUN rm /etc/passwd", "LABEL a=b") as reference:
        made = client.containers.create(reference, ["true"], name=name)
        containers.require_plain_accounts(made)
        (left,) = (each for each in containers.list_containers(client) if each.name == name)
        assert (left.id, left.name, left.labels["a"]) == (made.id, made.name, "b")
        assert containers.remove_left(client, left)
        assert name not in {each.name for each in containers.list_containers(client)}
        assert containers.remove_left(client, left)


def test_a_container_that_does_not_answer_is_passed_over() -> None:
    class Stuck:
        """An engine whose container is locked."""

        def __init__(self) -> None:
            self.api = self

        def inspect_container(self, _: str) -> None:
            raise requests.ReadTimeout("Read timed out")

    assert not containers.remove_left(Stuck(), containers.LeftContainer("1", "x", {}))
