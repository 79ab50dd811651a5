"""Facts of real small images, and their comparison with an SBOM."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from docker.errors import APIError

from runner import engine, home, records
from runner.containers import OWNER, new_name
from runner.errors import EnvironmentFailed
from runner.owner import current_owner
from scan import image_facts, image_probe, private_files, probe_container, trivy
from scan.configuration import AllowedConfiguration, check_configuration
from scan.image_facts import ImageFacts, probe_image
from scan.probe_container import PURPOSE
from scan.record import Package, ScanProblem
from scan.sbom import read_packages
from scan.sbom_comparison import compare_with_sbom, count_unlisted
from tests.fakes.refusal import refused
from tests.fakes.small_image import configured, planted, python_image

TRUTH = ImageFacts(
    debian={"apt": "2.6.1", "bsdutils": "1:2.38.1-5+deb12u3"},
    areas={"apt": "main"},
    dpkg_query={"apt": "2.6.1", "bsdutils": "1:2.38.1-5+deb12u3"},
    python={"typing-extensions": "4.16.0", "requests": "2.33.0", "torch": "2.6.0+cu124"},
    bundled=(
        "pkg:pypi/Requests@2.34.2",
        "pkg:pypi/pillow@13.0.0#c-ext/webp",
        "pkg:rpm/almalinux/libXau@1.0.9",
        "junk",
    ),
    shared_libraries={},
    setuid={},
    world_writable=(),
    passwords={},
    superusers=("root",),
    caches={},
    compilers=(),
    browsers=(),
)
DEBIAN_TOOLS = (
    "chage",
    "chfn",
    "chsh",
    "expiry",
    "gpasswd",
    "mount",
    "newgrp",
    "passwd",
    "su",
    "umount",
)
ALLOWED = AllowedConfiguration(
    ports=(),
    setuid=("/usr/sbin/unix_chkpwd", *(f"/usr/bin/{name}" for name in DEBIAN_TOOLS)),
    writable=(),
    environment=(),
    compiler=False,
    browser=False,
)


def package(kind: str, name: str, version: str) -> Package:
    return Package(f"pkg:{kind}/{name}@{version}", kind, name, version, "", (), "")


LISTED = (
    package("deb", "apt", "2.6.1"),
    package("deb", "bsdutils", "1:2.38.1-5+deb12u3"),
    package("pypi", "typing_extensions", "4.16.0"),
    package("pypi", "requests", "2.33.0"),
    package("pypi", "requests", "2.34.2"),  # pip's own copy
    package("pypi", "torch", "2.6.0+cu124"),
    package("npm", "left-pad", "1.3.0"),
)


# Comparison with an SBOM


def test_a_bill_that_is_true() -> None:
    assert compare_with_sbom(LISTED, TRUTH) == ()


def test_packages_inside_packages_that_no_bill_lists() -> None:
    assert count_unlisted(LISTED, TRUTH) == {"pypi": 1, "rpm": 1}


def without(name: str, version: str = "") -> tuple[Package, ...]:
    return tuple(
        each for each in LISTED if each.name != name or (version and each.version != version)
    )


@pytest.mark.parametrize(
    ("listed", "truth", "where", "what"),
    [
        pytest.param(without("apt"), TRUTH, "apt", "dpkg has 2.6.1 installed", id="deb not listed"),
        pytest.param(
            without("typing_extensions"),
            TRUTH,
            "typing-extensions",
            "Python has 4.16.0",
            id="python not listed",
        ),
        pytest.param(
            without("requests", "2.33.0"),
            TRUTH,
            "requests",
            "Python has 2.33.0",
            id="only the copy inside another",
        ),
        pytest.param(
            (*LISTED, package("deb", "curl", "7")),
            TRUTH,
            "curl",
            "lists 7, which dpkg does not list",
            id="deb too many",
        ),
        pytest.param(
            (*LISTED, package("pypi", "Flask", "3")),
            TRUTH,
            "flask",
            "which Python does not list",
            id="python too many",
        ),
        pytest.param(
            (*without("bsdutils"), package("deb", "bsdutils", "2.38.1-5+deb12u3")),
            TRUTH,
            "bsdutils",
            "lists 2.38.1-5+deb12u3, dpkg 1:2.38.1-5+deb12u3",
            id="epoch lost",
        ),
        pytest.param(
            (*without("torch"), package("pypi", "torch", "2.6.0")),
            TRUTH,
            "torch",
            "lists 2.6.0, Python 2.6.0+cu124",
            id="local version lost",
        ),
        pytest.param(
            tuple(each for each in LISTED if each.type != "deb"),
            TRUTH,
            "deb",
            "lists 0 packages",
            id="no deb at all",
        ),
        pytest.param(
            LISTED,
            replace(TRUTH, python={}),
            "pypi",
            "Python in the image lists 0",
            id="no metadata",
        ),
        pytest.param(
            LISTED,
            replace(TRUTH, debian={}, dpkg_query=None),
            "deb",
            "dpkg in the image lists 0",
            id="no dpkg database",
        ),
        pytest.param(
            LISTED,
            replace(TRUTH, dpkg_query={**TRUTH.debian, "apt": "2.6.2"}),
            "apt",
            "2.6.1 in dpkg's status file, 2.6.2 by dpkg-query",
            id="dpkg disagrees with itself",
        ),
        pytest.param(
            LISTED,
            replace(TRUTH, dpkg_query={**TRUTH.debian, "hidden": "1"}),
            "hidden",
            "absent in dpkg's status file, 1 by dpkg-query",
            id="hidden from the file",
        ),
    ],
)
def test_a_bill_that_is_not_true(
    listed: tuple[Package, ...], truth: ImageFacts, where: str, what: str
) -> None:
    (problem,) = compare_with_sbom(listed, truth)
    assert (problem.kind, problem.where) == ("bill of materials", where)
    assert what in problem.what
    assert problem.way_out


def test_an_empty_bill_is_a_problem_of_each_type() -> None:
    assert [problem.where for problem in compare_with_sbom((), TRUTH)] == ["deb", "pypi"]


# What is found, in a file system made up


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


def put(root: Path, path: str, text: str = "x", mode: int = 0o644) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)


def looked(root: Path, *path: str) -> dict[str, Any]:
    private: dict[str, str] = {}
    found = image_probe.collect_facts(str(root), [f"{root}/{each}" for each in path], private)
    assert not private
    return found


def test_setuid_and_writable_paths(root: Path) -> None:
    put(root, "bin/su", mode=0o4755)
    put(root, "bin/write", mode=0o2711)
    put(root, "etc/open", mode=0o666)
    put(root, "etc/kept", mode=0o664)
    for folder, mode in (("tmp", 0o1777), ("srv", 0o777), ("mail", 0o2775)):
        (root / folder).mkdir()
        (root / folder).chmod(mode)
    (root / "link").symlink_to("etc/open")
    facts = looked(root)
    assert facts["setuid"] == {"/bin/su": "4755", "/bin/write": "2711"}
    assert facts["world_writable"] == ["/srv", "/etc/open"]


def test_kernel_folders_are_not_the_images(root: Path) -> None:
    for folder in ("proc", "sys", "dev", "opt/proc"):
        put(root, f"{folder}/it", mode=0o666)
    assert looked(root)["world_writable"] == ["/opt/proc/it"]


def test_a_path_that_is_not_utf_8(root: Path) -> None:
    os.close(os.open(bytes(root) + b"/bad\xff", os.O_CREAT, 0o600))
    Path(os.fsdecode(bytes(root) + b"/bad\xff")).chmod(0o666)
    assert json.loads(json.dumps(looked(root)).encode())["world_writable"] == ["/bad\\xff"]


@pytest.mark.parametrize(
    ("passwd", "shadow", "expected"),
    [
        ("root:x:0:0::/root:/bin/sh", "root:*:1:0:9:7:::", {}),
        ("u:x:1:1:::", "u:!:1:0:9:7:::", {}),
        ("u:x:1:1:::", "u:!$6$salt$hash:1::::::", {}),
        ("u:x:1:1:::", "u:!!:1::::::", {}),
        ("u:x:1:1:::", "", {}),
        ("u:*:1:1:::", "", {}),
        ("u:x:1:1:::", "u:$y$j9T$salt$hash:1::::::", {"u": "set"}),
        ("u:x:1:1:::", "u:abJnggxhB/yWI:1::::::", {"u": "set"}),
        ("u:x:1:1:::", "u::1::::::", {"u": "none needed"}),
        ("u::1:1:::", "u:*:1::::::", {"u": "none needed"}),
        ("u:abJnggxhB/yWI:1:1:::", "u:*:1::::::", {"u": "set"}),
    ],
)
def test_accounts(passwd: str, shadow: str, expected: dict[str, str]) -> None:
    assert image_probe.open_accounts(passwd, shadow) == expected


def test_no_password_leaves_the_image(root: Path) -> None:
    put(root, "etc/shadow", "u:$6$salt$hash:1::::::\n")
    facts = looked(root)
    assert facts["passwords"] == {"u": "set"}
    assert "hash" not in json.dumps(facts)


def test_areas_of_the_archive() -> None:
    status = (
        "Package: bash\nSection: shells\n\nPackage: unrar\nSection: "
        "non-free/utils\n\nPackage: odd\n"
    )
    assert image_probe.archive_areas(status) == {"bash": "main", "unrar": "non-free"}


def test_superusers() -> None:
    assert image_probe.list_superusers("root:x:0:0::/:/bin/sh\nu:x:1000:0:::\n\ntoor:x:0:0:::") == [
        "root",
        "toor",
    ]


@pytest.mark.parametrize(
    ("path", "cache"),
    [
        ("var/cache/apt/archives/apt_2.6_amd64.deb", "/var/cache/apt/archives"),
        ("var/cache/apt/archives/partial/apt.deb", "/var/cache/apt/archives"),
        ("var/cache/apt/pkgcache.bin", "/var/cache/apt"),
        ("var/lib/apt/lists/deb.example_InRelease", "/var/lib/apt/lists"),
        ("srv/.cache/pip/http/a/b", "/srv/.cache/pip"),
        ("home/mluser/.cache/uv/x", "/home/mluser/.cache/uv"),
        ("opt/conda/pkgs/x.conda", "/opt/conda/pkgs"),
        ("var/tmp/pip-unpack-1/x.whl", "/var/tmp/pip-unpack-1"),  # noqa: S108 - in the image
    ],
)
def test_caches(root: Path, path: str, cache: str) -> None:
    put(root, path, "12345")
    put(root, "var/lib/apt/lists/lock", "")
    put(root, "opt/venv/lib/python3.11/site-packages/pip/__pycache__/x.pyc")
    put(root, "home/u/.cache/other/x")
    assert looked(root)["caches"] == {cache: 5}


@pytest.mark.parametrize(
    "name",
    [
        *(
            "gcc",
            "x86_64-linux-gnu-gcc-12",
            "g++-12",
            "cc",
            "cc1plus",
            "clang-14",
            "clang++",
            "nvcc",
            "ld",
        ),
        *("x86_64-linux-gnu-ld.bfd", "x86_64-linux-gnu-as", "make"),
    ],
)
def test_compilers(root: Path, name: str) -> None:
    put(root, f"opt/tools/{name}", mode=0o755)
    put(root, f"usr/share/bash-completion/completions/{name}")
    (root / "bin").mkdir()
    (root / "bin/cc").symlink_to(f"../opt/tools/{name}")
    assert looked(root)["compilers"] == [f"/opt/tools/{name}"]


@pytest.mark.parametrize(
    "name", ["ptxas", "ld.so", "tclass", "cmake-data", "gcc-12-base", "accc", "run-as"]
)
def test_no_compilers(root: Path, name: str) -> None:
    put(root, f"usr/bin/{name}", mode=0o755)
    assert looked(root)["compilers"] == []


@pytest.mark.parametrize(
    "name", ["chromium", "firefox-esr", "google-chrome", "chrome", "headless_shell"]
)
def test_browsers(root: Path, name: str) -> None:
    put(root, f"usr/lib/x/{name}", mode=0o755)
    assert looked(root)["browsers"] == [f"/usr/lib/x/{name}"]


SITE = "opt/venv/lib/python3.11/site-packages"


def test_python_packages_and_what_they_carry(root: Path) -> None:
    for path in (
        f"{SITE}/Typing_Extensions-4.0.dist-info/METADATA",
        f"{SITE}/tool/_vendor/Typing_Extensions-3.0.dist-info/METADATA",
        "srv/elsewhere/other-9.dist-info/METADATA",
    ):
        name, version = Path(path).parent.name.removesuffix(".dist-info").split("-")
        put(
            root,
            path,
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: not this\n",
        )
    egg = f"{SITE}/tool/tests/data/my_test-1.0-py3.7.egg/EGG-INFO/PKG-INFO"
    put(root, egg, "Metadata-Version: 1.2\nName: my-test\nVersion: 1.0\n")
    bill = {"components": [{"purl": "pkg:cargo/serde@1.0"}, {"name": "no url"}]}
    put(root, f"{SITE}/x.dist-info/sboms/x.cyclonedx.json", json.dumps(bill))
    put(root, f"{SITE}/y.dist-info/sboms/broken.cdx.json", "{")
    put(root, f"{SITE}/y.dist-info/sboms/list.cdx.json", "[]")
    facts = looked(root, SITE)
    assert facts["python"]["Typing_Extensions"] == "4.0"
    assert facts["bundled"] == [
        "pkg:cargo/serde@1.0",
        "pkg:pypi/Typing_Extensions@3.0",
        "pkg:pypi/my-test@1.0",
    ]


def test_of_two_of_one_name_the_imported_one_counts(root: Path) -> None:
    for folder, version in (("first", "1"), ("second", "2")):
        put(root, f"{folder}/a.dist-info/METADATA", f"Name: a\nVersion: {version}\n")
    assert looked(root, "first", "second")["python"] == {"a": "1"}


def test_metadata_without_a_name_or_version_is_not_passed_over(root: Path) -> None:
    put(root, f"{SITE}/a-1.dist-info/METADATA", "Summary: nothing\n")
    ((name, version),) = looked(root, SITE)["python"].items()
    assert "a-1.dist-info" in name
    assert version == ""


def test_shared_libraries_by_wheel(root: Path) -> None:
    for name in ("libA-1.so.3", "libB.so", "libC.so.1.2", "notes.txt"):
        put(root, f"{SITE}/numpy.libs/{name}")
    put(root, f"{SITE}/torch/lib/libtorch.so")
    (root / SITE / "numpy.libs/libD.so").symlink_to("libB.so")
    assert looked(root)["shared_libraries"] == {"numpy": 3}


@pytest.mark.parametrize(
    ("path", "wheel"),
    [
        ("/lib/site-packages/numpy.libs/libA-1.so.3", "numpy"),
        ("/lib/dist-packages/a/numpy.libs/b.libs/x/libB.so", "b"),
        ("/numpy.libs/site-packages/libB.so", ""),
        ("/lib/site-packages/numpy.libs/.libs/libB.so", "numpy"),
        ("/lib/site-packages/numpy.libs/notes.txt", ""),
        ("/lib/site-packages/numpy.libs/libB.so.", ""),
    ],
)
def test_the_wheel_of_a_shared_library(path: str, wheel: str) -> None:
    assert image_probe.find_wheel_of(path) == wheel


def test_the_longest_path_takes_no_time() -> None:
    folders = "/site-packages" * 150 + "/a.libs" * 200 + "/b" * 250
    files = [(f"{folders}/{number}", os.stat_result([0o100644, *[0] * 9])) for number in range(500)]
    started = time.monotonic()
    image_probe.describe_found(files, ())
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "text",
    ["[" * 200_000, '{"components": 5}', '{"components": null}', '{"components": [{"purl": 5}]}'],
)
def test_a_bill_that_is_none(text: str) -> None:
    assert list(image_probe.purls_of_bill(text)) == []


def test_installed_is_what_dpkg_calls_so(root: Path) -> None:
    status = (
        "Package: apt\nStatus: install ok installed\nVersion: 2.6.1\nDescription: a\n Version: "
        "9\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n"
        "Package: held\nStatus: hold ok installed\nVersion: 1:2-3\n"
    )
    put(root, "var/lib/dpkg/status", status)
    facts = records.from_json(
        ImageFacts, json.dumps({**looked(root), "dpkg_query": None, "python": {"A.b": "1"}}), "it"
    )
    assert facts.debian == {"apt": "2.6.1", "held": "1:2-3"}
    assert facts.python == {"a-b": "1"}
    assert records.from_json(ImageFacts, records.to_json(facts), "it") == facts


# Real containers


@pytest.fixture
def clean_engine(home: Path) -> Iterator[None]:
    """Whatever happens in a test, no container of it is left."""
    yield
    assert containers() == []


ENDED = f"{current_owner().rpartition('_')[0]}_0"
"""A process that has ended: no process of its number was started at this moment."""


def containers() -> list[Any]:
    found = engine.connect_engine().containers.list(
        all=True, filters={"label": OWNER, "name": f"-{PURPOSE}-"}, ignore_removed=True
    )
    here, mine = str(home.home_folder()), current_owner()
    return [
        each
        for each in found
        if each.labels[OWNER] == mine
        or any(mount["Source"].startswith(here) for mount in each.attrs["Mounts"])
    ]


ENGINE = [pytest.mark.docker, pytest.mark.usefixtures("clean_engine")]


def engine_test(function: Callable[..., None]) -> Callable[..., None]:
    for mark in ENGINE:
        function = mark(function)
    return function


def faults(reference: str) -> list[str]:
    """Where there are problems in an image that is allowed what Debian brings."""
    facts = probe_image(reference)
    assert isinstance(facts, ImageFacts), facts
    config = engine.connect_engine().images.get(reference).attrs["Config"]
    return [problem.where for problem in check_configuration({"config": config}, facts, ALLOWED)]


@engine_test
def test_a_clean_image_has_no_faults() -> None:
    facts = probe_image(python_image())
    assert isinstance(facts, ImageFacts)
    assert facts.debian == facts.dpkg_query
    assert facts.debian["python3.11-minimal"].startswith("3.11.2-")
    assert faults(python_image()) == []


@engine_test
def test_everything_planted_is_named() -> None:
    instructions = (
        "RUN cp /usr/bin/id /opt/id && chmod 6755 /opt/id",
        "RUN mkdir -p /srv/open/deep && chmod -R 777 /srv/open",
        (
            "RUN mkdir -m 700 /srv/of && touch /srv/of/it && chmod 666 /srv/of/it && chown -R "
            "1000:1000 /srv/of"
        ),
        r"RUN useradd -p '$6$salt$hash' someone && useradd anyone && passwd -d anyone",
        "RUN useradd -o -u 0 toor",
        "RUN mkdir -p /home/mluser/.cache/pip && echo x > /home/mluser/.cache/pip/x",
        "RUN cp /usr/bin/id /usr/local/bin/gcc && cp /usr/bin/id /usr/local/bin/chromium",
        "ENV HF_TOKEN=x",
        "EXPOSE 22",
    )
    with planted("everything", *instructions, user="root") as reference:
        assert faults(reference) == [
            *("User", "22/tcp", "HF_TOKEN", "anyone", "someone", "toor", "/opt/id"),
            *(
                "/srv/of/it",
                "/srv/open",
                "/home/mluser/.cache/pip",
                "/usr/local/bin/gcc",
                "/usr/local/bin/chromium",
            ),
        ]


@engine_test
def test_private_folders_are_looked_into_as_their_owners() -> None:
    """Root without capabilities is a user as any other; `_apt` has such a folder in most images."""
    folders = {"/srv/of-apt": "42:65534", "/srv/of-user/": "1000:1000", "/srv/last": "2001:2001"}
    instructions = [
        f"RUN mkdir -p {path}/.cache/pip && cp /usr/bin/id {path}/gcc && echo x > "
        f"{path}/.cache/pip/x && chown -R {owner} {path} && chmod 6755 {path}/gcc "
        f"&& chmod 700 {path}"
        for path, owner in folders.items()
    ]
    bill = '{"components": [{"purl": "pkg:cargo/serde@1.0"}]}'
    instructions.append(
        f"RUN echo '{bill}' > /srv/x.cdx.json && chmod 600 /srv/*.json && chown 7 /srv/*.json"
    )
    with planted("private", *instructions) as reference:
        facts = probe_image(reference)
    assert isinstance(facts, ImageFacts), facts
    paths = {path.rstrip("/") for path in folders}
    assert {path for path in facts.setuid if path.startswith("/srv")} == {
        f"{path}/gcc" for path in paths
    }
    assert set(facts.compilers) == {f"{path}/gcc" for path in paths}
    assert facts.caches.keys() == {f"{path}/.cache/pip" for path in paths}
    assert "pkg:cargo/serde@1.0" in facts.bundled


@engine_test
@pytest.mark.parametrize(
    ("name", "instruction", "what"),
    [
        (
            "private-inside-private",
            "RUN mkdir -p /srv/a/b && chmod -R 700 /srv/a && chown 8 /srv/a/b && chown 7 /srv/a",
            "its `/srv/a/b` can be read neither by root without capabilities nor by its owner",
        ),
        (
            "private-of-nobody",
            "RUN mkdir -p /srv/a && chmod 0 /srv/a",
            "its `/srv/a` can be read neither by root without capabilities nor by its owner (0:0)",
        ),
        (
            "private-of-a-large-id",
            "RUN mkdir -p /srv/a && chown 4294967294:1 /srv/a && chmod 700 /srv/a",
            "by its owner (4294967294:1)",
        ),
        (
            "private-of-many",
            "RUN cd /srv && for u in $(seq 100 120); do mkdir -m 700 $u; chown $u $u; done",
            "too many folders and files cannot be read",
        ),
    ],
)
def test_what_nobody_can_read_is_a_problem(name: str, instruction: str, what: str) -> None:
    with planted(name, instruction) as reference:
        found = probe_image(reference)
    assert isinstance(found, ScanProblem), found
    assert what in found.what
    assert found.way_out.startswith("give its owner the right to read it")


def python_in(folder: str, owner: str, mode: str) -> list[str]:
    """The only Python is below a home that others may not enter, as uv and conda install it."""
    return [
        f"RUN mkdir -p {folder}/python/bin {folder}/python/lib && cp -r /usr/lib/python3.11 "
        f"{folder}/python/lib && mv /usr/bin/python* {folder}/python/bin && rm -r "
        f"/usr/lib/python3* && chown -R {owner} {folder} && chmod {mode} {folder}",
        f"ENV PATH={folder}/python/bin:$PATH",
    ]


HIDES = (
    "mkdir -p {0}/.cache/pip && cp /usr/bin/id {0}/gcc && echo x > {0}/.cache/pip/x && "
    "chown -R {1} {0} && chmod 6755 {0}/gcc && chmod 700 {0}"
)
BILL = """RUN echo '{"components": [{"purl": "pkg:cargo/serde@1.0"}]}' > /srv/b/x.cdx.json"""
BUNDLED = (
    "RUN mkdir -p /srv/b/x.dist-info && printf 'Name: x\\nVersion: 1\\n' > "
    "/srv/b/x.dist-info/METADATA"
)
ACCOUNTS = "RUN useradd -p '$6$salt$hash' someone && useradd anyone && passwd -d anyone"


@engine_test
@pytest.mark.parametrize(
    ("home_folder", "owner", "mode", "user"),
    [
        pytest.param("/home/user", "1234:1234", "0700", "user", id="conda"),
        pytest.param("/home/user", "1234:1234", "0750", "1234", id="conda-group"),
        pytest.param("/root", "0:0", "0700", "root", id="uv"),
    ],
)
def test_a_python_in_a_private_home(home_folder: str, owner: str, mode: str, user: str) -> None:
    """Neither root without capabilities nor `_apt` may run it; all they own is looked into."""
    folders = {"/srv/a": "42:65534", "/srv/b": "0:0", "/srv/c": "1234:1234"}
    hidden = [f"RUN {HIDES.format(path, of)}" for path, of in folders.items()]
    instructions = (
        "RUN useradd -u 1234 -m user",
        *(ACCOUNTS, *hidden, BILL, BUNDLED, "RUN ln -s / /srv/b/link"),
    )
    python = python_in(home_folder, owner, mode)
    with planted(f"private-{user}-{mode}", *instructions, *python, user=user) as reference:
        facts = probe_image(reference)
    assert isinstance(facts, ImageFacts), facts
    assert {path for path in facts.setuid if path.startswith("/srv")} == {
        f"{path}/gcc" for path in folders
    }
    assert set(facts.compilers) == {f"{path}/gcc" for path in folders}
    assert facts.caches.keys() == {f"{path}/.cache/pip" for path in folders}
    bundled = {"pkg:cargo/serde@1.0"} | ({"pkg:pypi/x@1"} if user != "root" else set())
    assert bundled <= set(facts.bundled)
    assert facts.passwords == {"someone": "set", "anyone": "none needed"}


@engine_test
def test_pipes_in_what_the_engine_lists_block_nothing() -> None:
    instructions = (
        "RUN mkdir -m 700 /srv/a && mkfifo /srv/a/pipe && chown -R 42 /srv/a",
        *python_in("/root", "0:0", "0700"),
        "RUN for file in /etc/nsswitch.conf /etc/host.conf; do rm -f $file; mkfifo $file; done",
    )
    with planted("private-pipes", *instructions, user="root") as reference:
        assert isinstance(probe_image(reference), ImageFacts)
    assert engine.connect_engine(10).api.containers(all=True) is not None


@engine_test
def test_a_private_folder_with_too_much_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_files, "ARCHIVE_BYTES", 1 << 20)
    large = "RUN mkdir -m 700 /srv/a && truncate -s 3M /srv/a/x && chown -R 42 /srv/a"
    with planted(
        "private-large", large, *python_in("/root", "0:0", "0700"), user="root"
    ) as reference:
        found = probe_image(reference)
    assert isinstance(found, ScanProblem)
    assert "its `/srv/a` cannot be looked into: more than 1,048,576 bytes" in found.what


@engine_test
@pytest.mark.parametrize(
    "path",
    [
        *("/srv/link/x", "/none", "etc", "/a\0b", "/proc/../etc", ""),
        pytest.param("/" + "a" * 300, id="long-name"),
        pytest.param(("/" + "a" * 250) * 15, id="long-path"),
    ],
)
def test_a_private_path_that_no_walk_can_find(path: str) -> None:
    """A Python of the image can print any path; the engine follows no link to it."""
    plain = {name: each for name, each in vars(TRUTH).items() if name != "debian"}
    document = {"facts": {**plain, "debian": "", "dpkg_query": None}, "private": {path: "7:7"}}
    script = f"#!/bin/sh\nif [ $# = 1 ]; then\necho '{json.dumps(document)}'\nelse exit 1; fi"
    code = base64.b64encode(script.encode()).decode()
    instructions = (
        "RUN ln -s /etc /srv/link && touch /etc/x && rm /usr/bin/python",
        f"RUN echo {code} | base64 -d > /usr/bin/python && chmod 755 /usr/bin/python",
    )
    with planted("private-path", *instructions) as reference:
        found = probe_image(reference)
    assert isinstance(found, ScanProblem)
    assert "cannot be looked into: there is no such file, or a link" in found.what


@engine_test
@pytest.mark.parametrize(
    "instruction",
    [
        "RUN mkdir -m 700 /etc/shadow && ln -s /etc/passwd /etc/shadow/x",
        "RUN mkfifo -m 600 /etc/shadow",
    ],
)
def test_a_file_of_passwords_that_is_none(instruction: str) -> None:
    instructions = ("RUN rm -f /etc/shadow", instruction, "RUN chown -R 42 /etc/shadow")
    with planted("private-shadow", *instructions) as reference:
        found = probe_image(reference)
    assert isinstance(found, ScanProblem)
    assert "its `/etc/shadow` cannot be looked into: it is not a regular file" in found.what


def test_facts_that_cannot_be_kept_are_those_of_their_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the engine read the folder, and no Python of the image printed anything."""
    facts = image_probe.describe_found([], ["pkg:pypi/\ud800"])
    monkeypatch.setattr(private_files, "describe_private", lambda *_: facts)
    monkeypatch.setattr(image_facts, "run_probe", lambda *_: probe_container.ProbeExit(1))
    look = probe_container.Look("4242:4242", ("/p",), 0.0)
    monkeypatch.setattr(image_facts, "unstarted_container", lambda *_: contextlib.nullcontext())
    with pytest.raises(probe_container.NoFacts, match="what its `/p` holds cannot be kept"):
        image_facts._probe_private("reference", tmp_path, look)


@engine_test
def test_names_of_a_private_folder_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_files, "MAX_CHARACTERS", 1000)
    names = " ".join(f"/srv/a/{letter * 250}" for letter in "abcde")
    many = f"RUN mkdir -m 700 /srv/a && touch {names} && chown -R 42 /srv/a"
    python = python_in("/root", "0:0", "0700")
    with planted("private-names", many, *python, user="root") as reference:
        found = probe_image(reference)
    assert isinstance(found, ScanProblem)
    assert "its `/srv/a` cannot be looked into: names of more than 1,000 characters" in found.what


@engine_test
def test_a_python_that_nobody_may_run_says_so() -> None:
    python = python_in("/home/other", "7:7", "0700")
    with planted("private-of-another", *python) as reference:
        found = probe_image(reference)
    assert isinstance(found, ScanProblem)
    assert NO_START in found.what
    assert "in a folder that only one user may enter" in found.way_out


OPENS_BY_HANDLE = """
import ctypes, os, struct
libc = ctypes.CDLL(None, use_errno=True)
handle = ctypes.create_string_buffer(struct.pack("<IiII", 8, 1, 2, 0))
for place in ("/look", "/etc/hosts"):
    found = libc.syscall(304, os.open(place, os.O_RDONLY), handle, os.O_RDONLY)
    os.write(2, f"{found} {os.strerror(ctypes.get_errno())}; ".encode())
os._exit(3)
"""


@engine_test
def test_no_file_of_the_host_can_be_opened_by_its_handle() -> None:
    """With CAP_DAC_READ_SEARCH, the inode of the root folder of the host's disk would open."""
    code = base64.b64encode(OPENS_BY_HANDLE.encode()).decode()
    site = SITECUSTOMIZE.format(f'import base64; exec(base64.b64decode("{code}"))')
    with planted("handle", site) as reference:
        found = probe_image(reference)
    assert isinstance(found, ScanProblem)
    assert found.what.endswith("-1 Operation not permitted; -1 Operation not permitted;")


@engine_test
def test_the_python_that_counts_is_the_first_on_the_images_path() -> None:
    site = "/opt/venv/lib/python3.11/site-packages"
    metadata = f"{site}/Some_Thing-1.dist-info/METADATA"
    instructions = (
        (
            f"RUN mkdir -p /opt/venv/bin {site}/Some_Thing-1.dist-info && ln -s /usr/bin/python3 "
            "/opt/venv/bin/python"
        ),
        "RUN printf 'home = /usr/bin\\n' > /opt/venv/pyvenv.cfg",
        f"RUN printf 'Name: Some_Thing\\nVersion: 1+a\\n' > {metadata}",
        "ENV PATH=/opt/venv/bin:$PATH",
    )
    with planted("venv", *instructions) as reference:
        facts = probe_image(reference)
    assert isinstance(facts, ImageFacts)
    assert facts.python == {"some-thing": "1+a"}


@engine_test
def test_a_volume_and_an_entry_point_hide_nothing() -> None:
    instructions = (
        "RUN mkdir /data && cp /usr/bin/id /data && chmod 4755 /data/id",
        "VOLUME /data",
    )
    with planted(
        "volume", *instructions, 'ENTRYPOINT ["/bin/false"]', "ENV PYTHONSAFEPATH=1"
    ) as reference:
        assert faults(reference) == ["/data/id"]


NO_START = "no container of it can be started"
SITECUSTOMIZE = (
    "RUN rm /usr/lib/python3.11/sitecustomize.py && echo '{}' > "
    "/usr/lib/python3.11/sitecustomize.py"
)


@engine_test
@pytest.mark.parametrize(
    ("name", "instruction", "what"),
    [
        ("no-python", "RUN rm /usr/bin/python", NO_START),
        ("not-runnable", "RUN rm /usr/bin/python && touch /usr/bin/python", NO_START),
        (
            "no-loader",
            (
                "RUN rm /usr/bin/python && printf '#!/none' > /usr/bin/python && chmod 755 "
                "/usr/bin/python"
            ),
            "exited",
        ),
        (
            "crash",
            SITECUSTOMIZE.format("import os; os._exit(3)"),
            "exited with 3; it printed last: nothing",
        ),
        (
            "segfault",
            SITECUSTOMIZE.format("import os; os.kill(os.getpid(), 11); os.abort()"),
            "exited with 13",
        ),
        (
            "dpkg",
            "RUN printf 'junk' > /var/lib/dpkg/status",
            "exited with 1; it printed last: subprocess.CalledProcessError",
        ),
        (
            "early-end",
            "RUN printf '#!/bin/sh\\necho {\\n' > /usr/bin/python",
            "did not print one complete document",
        ),
        ("silent", "RUN cp /bin/true /usr/bin/python", "did not print one complete document"),
        ("talk", SITECUSTOMIZE.format('print("hello")'), "did not print one complete document"),
    ],
)
def test_an_image_that_cannot_be_looked_into(name: str, instruction: str, what: str) -> None:
    with planted(name, instruction) as reference:
        found = probe_image(reference)
    assert isinstance(found, ScanProblem)
    assert (found.kind, found.where) == ("bill of materials", "python")
    assert what in found.what
    assert "\n" not in found.what
    assert "delete the file" not in found.what  # the hint of an error about a file of records


HANGS = SITECUSTOMIZE.format("import time; time.sleep(100)")


@engine_test
def test_a_python_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scan.image_facts.TIMEOUT_S", 1.0)
    with planted("hangs", HANGS) as reference:
        found = probe_image(reference)
    assert isinstance(found, ScanProblem)
    assert "still running after 1 s" in found.what


# The engine's faults


@engine_test
def test_an_image_that_is_nowhere() -> None:
    with refused(EnvironmentFailed, "pull of 127.0.0.1:1/none@sha256:"):
        probe_image(f"127.0.0.1:1/none@sha256:{'0' * 64}")


@engine_test
def test_a_container_that_is_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def remove(_: float) -> None:
        for container in containers():
            container.remove(force=True)

    with planted("taken", HANGS) as reference:
        monkeypatch.setattr("scan.probe_container.time.sleep", remove)
        with refused(EnvironmentFailed, "No such container", reference):
            probe_image(reference)


@engine_test
def test_a_container_that_is_killed_once_is_looked_into_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    killed: list[str] = []

    def kill_the_first(_: float) -> None:
        for container in containers() if not killed else ():
            killed.append(container.id)
            container.kill()

    monkeypatch.setattr("scan.probe_container.time.sleep", kill_the_first)
    assert isinstance(probe_image(python_image()), ImageFacts)


@engine_test
@pytest.mark.parametrize(
    ("name", "instructions", "what"),
    [
        ("exits-137", [SITECUSTOMIZE.format("import os; os._exit(137)")], "exited with 137"),
        ("file-at-look", ["RUN touch /look"], NO_START),
        ("link-at-look", ["RUN ln -s /look /look"], NO_START),
        ("pipe-at-look", ["RUN mkfifo /look"], NO_START),
        ("volume-at-proc", ["VOLUME /proc"], NO_START),
        ("volume-at-root", ["VOLUME /"], "not a folder below `/`"),
        ("volume-at-look", ["VOLUME /look/image_probe.py"], "where the harness is mounted"),
    ],
)
def test_an_image_that_ends_or_prevents_the_look(
    name: str, instructions: list[str], what: str
) -> None:
    """It is a problem of the image: the runner has not failed."""
    with planted(name, *instructions) as reference:
        found = probe_image(reference)
    assert isinstance(found, ScanProblem), found
    assert what in found.what


@engine_test
def test_a_volume_of_the_image_takes_no_room_on_the_disk() -> None:
    """It is read-only; a limit on the size of files does not hold what is only reserved."""
    before = _volumes()
    tries = 'import os; os._exit(9 + os.access("/data", os.W_OK))'
    with planted("reserves", SITECUSTOMIZE.format(tries), "VOLUME /data") as reference:
        found = probe_image(reference)
    assert isinstance(found, ScanProblem)
    assert "exited with 9" in found.what
    assert _volumes() <= before


@engine_test
def test_a_volume_at_a_file_is_the_image_s_fault_and_leaves_nothing() -> None:
    """The engine makes the volume before it sees that it cannot be filled."""
    before = _volumes()
    with planted("volume-file", "VOLUME /usr/bin/env") as reference:
        found = probe_image(reference)
    assert isinstance(found, ScanProblem)
    assert "is not directory" in found.what
    assert _volumes() <= before


@engine_test
@pytest.mark.parametrize(
    ("name", "instruction", "what"),
    [
        ("passwd-pipe", "RUN rm /etc/passwd && mkfifo /etc/passwd", "`/etc/passwd` is not a"),
        (
            "group-link",
            "RUN mkfifo /srv/pipe && ln -sf /srv/pipe /etc/group",
            "`/etc/group` is not a",
        ),
        ("passwd-large", "RUN yes '' | head -c 9000000 > /etc/passwd", "9,000,000 bytes"),
    ],
)
def test_account_files_that_would_block_the_engine(name: str, instruction: str, what: str) -> None:
    """The engine opens both while it holds the container's lock: none of these is started."""
    with planted(name, instruction, user="1000:1000") as reference:
        found = probe_image(reference)
    assert isinstance(found, ScanProblem)
    assert what in found.what
    assert engine.connect_engine(10).api.containers(all=True) is not None


UNSTARTABLE: dict[str, dict[str, Any]] = {
    "env-without-name": {"Env": ["=x"]},
    "env-nul": {"Env": ["A=b\0c"]},
    "env-huge": {"Env": [f"A={'a' * 200_000}"]},
    "folder-relative": {"WorkingDir": "somewhere"},
    "folder-nul": {"WorkingDir": "/a\0b"},
    "folder-long": {"WorkingDir": f"/{'a' * 300}"},
    "folder-deep": {"WorkingDir": "/a" * 3000},
    "folder-is-a-file": {"WorkingDir": "/etc/passwd"},
    "folder-of-ours": {"WorkingDir": "/look/x"},
    "volume-hosts": {"Volumes": {"/etc/hosts": {}}},
    "volume-long": {"Volumes": {f"/{'a' * 300}": {}}},
    "volume-descriptors": {"Volumes": {"/proc/self/fd": {}}},
    "volumes-many": {"Volumes": {f"/v{number}": {} for number in range(3000)}},
}


@engine_test
@pytest.mark.parametrize("name", UNSTARTABLE)
def test_whatever_keeps_the_image_from_starting_is_its_own_fault(name: str) -> None:
    """No list of the engine's words knows them all: the engine can start other containers."""
    before = _volumes()
    with configured(name, UNSTARTABLE[name]) as reference:
        started = time.monotonic()
        found = probe_image(reference)
        assert time.monotonic() - started < 10
    assert isinstance(found, ScanProblem)
    assert NO_START in found.what or "argument list too long" in found.what
    assert _volumes() <= before


@engine_test
def test_volumes_of_an_engine_that_does_not_answer_are_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = _volumes()
    create = type(engine.connect_engine().containers).create

    def slow(containers: Any, image: str, **settings: Any) -> None:
        create(containers, image, **settings).remove(force=True)
        raise requests.ReadTimeout("timed out")

    monkeypatch.setattr("docker.models.containers.ContainerCollection.create", slow)
    with (
        configured("slow-create", {"Volumes": {"/data": {}}}) as reference,
        refused(EnvironmentFailed, "timed out", reference),
    ):
        probe_image(reference)
    assert _volumes() <= before


@engine_test
def test_volumes_of_a_run_that_was_killed_while_creating_are_removed() -> None:
    """There is no container that leads to them; those of a run at work stay."""
    api = engine.connect_engine().api
    gone, kept = new_name("volume"), new_name("volume")
    api.create_volume(gone, labels={OWNER: ENDED})
    api.create_volume(kept, labels={OWNER: current_owner()})
    try:
        probe_image(python_image())
        assert {gone, kept} & _volumes() == {kept}
    finally:
        api.remove_volume(kept)


def _volumes() -> set[str]:
    return {
        each.name
        for each in engine.connect_engine().volumes.list(
            filters={"name": "pytorch-cuda-images-volume-"}
        )
    }


@engine_test
def test_labels_of_an_image_take_no_container_away() -> None:
    """Containers inherit labels; only those with a name of ours are looked at."""
    with planted("labels", f"LABEL {OWNER}={ENDED}") as reference:
        other = engine.connect_engine().containers.create(reference, ["true"])
        try:
            probe_image(python_image())
            other.reload()
        finally:
            other.remove(force=True)


@engine_test
def test_an_engine_that_cannot_start_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> None:
        raise APIError("no space left on device")

    monkeypatch.setattr("docker.models.containers.Container.start", full)
    with refused(EnvironmentFailed, "probing the image", "no space left on device"):
        probe_image(python_image())


@engine_test
def test_an_engine_that_starts_nothing_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """In words that nobody has listed: it does not start a container without an image either."""

    def broken(_: object) -> None:
        raise APIError("the shim is in a bad mood")

    monkeypatch.setattr("docker.models.containers.Container.start", broken)
    with refused(EnvironmentFailed, "probing the image", "bad mood"):
        probe_image(python_image())


@engine_test
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_stopped(how: signal.Signals) -> None:
    """Ctrl-C leaves nothing; of a run that was killed the next one removes container and folder.

    SIGINT is set to its default, since a program in the background of a shell ignores it.
    """
    with planted(f"stopped-{how.name.lower()}", HANGS) as reference:
        program = (
            "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
            "from scan.image_facts import probe_image; probe_image(sys.argv[1])"
        )
        with subprocess.Popen(
            [sys.executable, "-c", program, reference], cwd=home.REPOSITORY
        ) as run:
            until(lambda: any(each.status == "running" for each in containers()))
            run.send_signal(how)
        assert len(containers()) == (1 if how is signal.SIGKILL else 0)
        probe_image(python_image())
        assert containers() == []
        assert list(home.make_home_folder("work").iterdir()) == []


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@engine_test
def test_the_container_of_a_run_at_work_is_left_alone() -> None:
    named = new_name(PURPOSE)
    other = engine.connect_engine().containers.create(
        python_image(), ["true"], name=named, labels={OWNER: current_owner()}
    )
    try:
        probe_image(python_image())
        assert [each.id for each in containers()] == [other.id]
    finally:
        other.remove(force=True)


@pytest.mark.docker
@pytest.mark.slow
def test_a_real_image_and_its_bill_of_materials_tell_the_same(
    base_image: str, tmp_path: Path
) -> None:
    facts = probe_image(base_image)
    assert isinstance(facts, ImageFacts)
    assert facts.python["torch"] == "2.6.0"
    assert facts.shared_libraries["numpy"] > 0
    packages = read_packages(trivy.analyse_image(base_image, tmp_path).cyclonedx)
    assert compare_with_sbom(packages, facts) == ()
    hidden = tuple(each for each in packages if each.name not in ("torch", "bsdutils"))
    assert [problem.where for problem in compare_with_sbom(hidden, facts)] == ["bsdutils", "torch"]
