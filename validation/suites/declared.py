"""Marks by which a check declares its figures, its GPUs, and reasons for which it may not run.

`python -m validation.listing` writes the marks into the list of the suite, and the host compares
every report with that list. A check without a mark reports no figures, needs no GPU and is never
`not run`.
"""

from __future__ import annotations

from typing import Any

import pytest

FIGURE, GPUS, EXCUSE = "reports", "needs_gpus", "may_not_run"
MARKS = {
    FIGURE: "reports(name, unit, device, required): a figure of the check",
    GPUS: "needs_gpus(count): without as many GPUs the check is `not run`",
    EXCUSE: "may_not_run(reason, device): another reason for which the check may be `not run`",
}


def reports(
    name: str, unit: str, *, device: str = "", required: bool = True
) -> pytest.MarkDecorator:
    """Declare a figure that the check reports when it passes.

    In `name`, `{gpu}` is replaced by the number of each planned GPU, `{PARAMETER}` by a parameter
    of the test, and `*` stands for anything. `device` is `cpu` or `cuda` if only such runs report
    the figure. A figure that is not `required` may be missing.
    """
    return pytest.mark.reports(name, unit, device, required)


def needs_gpus(count: int) -> pytest.MarkDecorator:
    """Declare that the check is `not run` in a run that was planned with fewer GPUs."""
    return pytest.mark.needs_gpus(count)


def may_not_run(reason: str, device: str) -> pytest.MarkDecorator:
    """Declare another reason to be `not run`, in runs on `device`."""
    return pytest.mark.may_not_run(reason, device)


def read_declaration(item: pytest.Item) -> dict[str, Any]:
    """Return what a collected test declares, in the format of the lists."""
    parameters = getattr(item, "callspec", None)
    values = parameters.params if parameters else {}
    figures = []
    for mark in sorted(item.iter_markers(FIGURE), key=lambda mark: mark.args):
        name, unit, device, required = mark.args
        for parameter, value in values.items():
            name = name.replace(f"{{{parameter}}}", str(value))
        figures.append({"name": name, "unit": unit, "device": device, "required": required})
    return {
        "gpus": max((mark.args[0] for mark in item.iter_markers(GPUS)), default=0),
        "may_not_run": [
            {"reason": mark.args[0], "device": mark.args[1]} for mark in item.iter_markers(EXCUSE)
        ],
        "figures": figures,
    }
