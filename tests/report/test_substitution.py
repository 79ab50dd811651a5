"""Every number and moment of the records replaced by one that no clock, sum or format takes."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from report import render
from runner import records
from runner.errors import ConfigError
from tests.report import samples

NUMBERS = (10**400, -(10**400), (1 << 63) - 1, 1 << 63, 1e308, -1e100, 5e-324)
MOMENTS = ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "0001-01-01", "²")

RELEASE, (IMAGE,) = samples.proven()
RECORDS: dict[str, Any] = {
    "build": IMAGE.build,
    "validation": IMAGE.validation,
    "scan": IMAGE.scan,
    "release": RELEASE,
}


def leaves(value: object, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The place of each number, and of each text that is a moment."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value[:2]):
            yield from leaves(inner, (*at, index))
    elif (isinstance(value, int | float) and not isinstance(value, bool)) or (
        isinstance(value, str) and value.startswith("2026-")
    ):
        yield at


def replaced(plain: Any, at: tuple[str | int, ...], value: object) -> str:
    changed = copy.deepcopy(plain)
    holder = changed
    for step in at[:-1]:
        holder = holder[step]
    holder[at[-1]] = value
    return json.dumps(changed)


@pytest.mark.parametrize("stage", RECORDS)
def test_each_value_is_refused_or_shown(stage: str) -> None:
    record = RECORDS[stage]
    plain = records.to_plain(record)
    refusals = 0
    for at in leaves(plain):
        holder: Any = plain
        for step in at:
            holder = holder[step]
        for value in MOMENTS if isinstance(holder, str) else NUMBERS:
            try:
                read = records.from_json(
                    type(record), replaced(plain, at, value), f"{stage}.json {at}"
                )
            except ConfigError:
                refusals += 1
                continue
            release = read if stage == "release" else RELEASE
            given: dict[str, Any] = {} if stage == "release" else {stage: read}
            render.render_html(release, (replace(IMAGE, **given),))
            render.render_markdown(release, (replace(IMAGE, **given),))
    assert refusals
