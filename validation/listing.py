"""Writes the lists of checks: `python -m validation.listing STACK=IMAGE ...`.

The suites of each STACK are collected by pytest in a container of IMAGE (a reference that `docker
run` takes), and `suites/SUITE/checks.yaml` is written: every check with its parameters, the GPUs it
needs and the figures it reports. Run it when a check, a parameter or a figure of a suite has
changed, and commit what it wrote.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from docker.errors import APIError
from docker.types import LogConfig, Mount

from images import catalog
from runner import containers, engine, home, progress, records, start_check
from runner.containers import ImageCannotStart
from runner.errors import ConfigError, GateRefused, ReleaseError
from runner.nouns import count_noun
from runner.untrusted import Malformed, clean_line, clean_text, parse_json
from validation import harness
from validation.check_list import CheckList
from validation.expectations import expect_image
from validation.harness import ROOT
from validation.judge import list_tests
from validation.suite import EVERY_SUITE, Suite
from validation.suites.contract.layout import PACKAGE_FOLDER

COMMAND = "python -m validation.listing"
_IMAGES = " ".join(dict.fromkeys(f"{suite.stack}=IMAGE" for suite in EVERY_SUITE))
USAGE = f"run `.venv/bin/{COMMAND} {_IMAGES}`"
HEAD = f"# Written by `{COMMAND}` from what pytest collects in the image. See docs/validation.md.\n"
COLLECT = f"{ROOT}/{PACKAGE_FOLDER}/collect.py"
MAX_BYTES = 1 << 20
PROCESSES = 4096
MEMORY_BYTES = 8 << 30
TEMPORARY_BYTES = 1 << 30
HINT = "name an image that has the stack of the suite"
DEFAULTS = {"gpus": 0, "may_not_run": [], "figures": [], "device": "", "required": True}


def main(words: Sequence[str]) -> int:
    """Write the lists of the suites of every STACK in `words`; return the exit code."""
    try:
        if not words:
            raise ConfigError("no STACK=IMAGE was given", USAGE)
        _write_lists(words)
    except ReleaseError as error:
        progress.say_line(f"error: {error}")
        return error.exit_code
    return 0


def _write_lists(words: Sequence[str]) -> None:
    """Collect the checks of all suites, and write their lists if none is refused."""
    lists = dict[Path, str]()
    for word in words:
        stack, _, reference = word.partition("=")
        suites = [suite for suite in EVERY_SUITE if suite.stack == stack and not suite.on_host]
        if not suites or not reference:
            raise ConfigError(f"`{word}` is not STACK=IMAGE with a known stack", USAGE)
        for suite in suites:
            checks = collect_checks(suite, reference)
            lacking = sorted(list_tests(suite) - {name.partition("[")[0] for name in checks})
            if lacking:
                raise GateRefused(
                    f"{reference} did not list {count_noun(len(lacking), 'test')} of {suite.name}: "
                    f"{lacking[0]}",
                    HINT,
                )
            lists[suite.list_path] = render_list(checks)
    for path, text in lists.items():
        records.write_text(path, text)


def collect_checks(suite: Suite, reference: str) -> dict[str, Any]:
    """Return what pytest collects of `suite` in a container of the image `reference`.

    Raises GateRefused if the image does not print a list of checks, EnvironmentFailed if the engine
    fails.
    """
    shipped = catalog.load_catalog()
    expected = expect_image(shipped, next(iter(shipped.lines)), shipped.stacks_of(suite.stack))
    with home.scratch_folder("listing") as folder:
        harness.lay_out(folder, suite, expected)
        folder.chmod(0o755)
        mounts = [
            Mount(ROOT, str(folder), type="bind", read_only=True),
            Mount(f"{ROOT}/packages", str(harness.install_harness()), type="bind", read_only=True),
        ]
        with engine.report_failures(f"collecting the checks of {suite.name} in {reference}"):
            printed = _run_collection(suite, reference, mounts)
    return _parse_checks(printed.rstrip().rpartition(b"\n")[2], reference)


def _run_collection(suite: Suite, reference: str, mounts: list[Mount]) -> bytes:
    """Return what the container printed; of more than MAX_BYTES, the end."""
    client, name = engine.connect_engine(), containers.new_name("listing")
    options = _container_options(suite, mounts)
    try:
        config = client.images.get(reference).attrs.get("Config") or {}
        volumes = containers.volumes_in_memory(config, options["tmpfs"], ROOT)
        try:
            container = containers.create_confined(
                client, reference, {**options, "name": name, "mounts": [*volumes, *mounts]}
            )
            containers.require_plain_accounts(container)
            container.start()
        except APIError as error:
            if not start_check.is_fault_of_image(client, reference, options, volumes):
                raise
            raise ImageCannotStart(clean_line(str(error.explanation or error))) from None
        code = int(container.wait(timeout=suite.timeout_s)["StatusCode"])
        printed = bytearray()
        for chunk in container.logs(stderr=code != 0, stream=True, follow=False):
            printed += chunk
            del printed[: -MAX_BYTES - 1]
    except ImageCannotStart as error:
        raise GateRefused(f"{reference} cannot be started: {error}", HINT) from None
    finally:
        engine.remove_container(name)
    if code:
        last = clean_line(bytes(printed[-4000:]).decode(errors="replace").strip()[-400:])
        raise GateRefused(
            f"collecting the checks of {suite.name} in {reference} exited {code}: {last}", HINT
        )
    return bytes(printed)


def _container_options(suite: Suite, mounts: list[Mount]) -> dict[str, Any]:
    return {
        "command": ["python", COLLECT, ROOT, suite.module_file],
        **({"user": suite.user} if suite.user else {}),
        "read_only": True,
        "tmpfs": {"/tmp": f"size={TEMPORARY_BYTES}"},  # noqa: S108 - in the container
        "mem_limit": MEMORY_BYTES,
        "memswap_limit": MEMORY_BYTES,
        "mounts": mounts,
        "pids_limit": PROCESSES,
        "log_config": LogConfig(type=LogConfig.types.JSON, config={"max-size": "16m"}),
    }


def _parse_checks(line: bytes, reference: str) -> dict[str, Any]:
    """Return the checks of a list that an image printed, by name."""
    try:
        found = parse_json(line, MAX_BYTES)
        checks = {
            nodeid.rpartition("::")[2].removeprefix("test_"): _drop_defaults(check)
            for nodeid, check in found.items()
        }
        records.from_json(CheckList, records.to_json({"checks": checks}), "its list")
        if all(clean_text(text) == text for text in _walk_texts(checks)):
            return checks
        problem = "it has characters that cannot be seen"
    except (Malformed, ConfigError, AttributeError) as error:
        problem = error.message if isinstance(error, ConfigError) else str(error)
    raise GateRefused(f"{reference} did not print a list of checks: {clean_line(problem)}", HINT)


def _walk_texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield every text of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _walk_texts(inner)


def render_list(checks: Mapping[str, Any]) -> str:
    """Return the file of a list."""
    return HEAD + yaml.safe_dump(
        {"checks": dict(checks)}, sort_keys=False, default_flow_style=None, width=119
    )


def _drop_defaults(declared: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is as usual."""
    return {
        name: [_drop_defaults(each) for each in value] if isinstance(value, list) else value
        for name, value in declared.items()
        if value != DEFAULTS.get(name)
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
