"""How a check ends other than by passing. The host reads the fields, not the text of the error."""

from __future__ import annotations

from typing import NoReturn

from .contract.ending import ENDING, FAIL, INFRA, NOT_RUN, CheckEnding


def require(ok: object, found: str, expected: str, cause: str) -> None:
    """Fail the check unless `ok`, with what was found, what was expected, and the likely cause.

    Each is a part of one line.
    """
    if not ok:
        _end_check(CheckEnding(FAIL, found, expected, cause))


def not_run(reason: str) -> NoReturn:
    """End the check as `not run`, because this machine cannot make it.

    The host counts any other skip as a failure.
    """
    _end_check(CheckEnding(NOT_RUN, reason))


def report_infra(reason: str, cause: str = "") -> NoReturn:
    """Fail the check as `infra`: the machine is at fault, not the image.

    `cause` is one sentence.
    """
    _end_check(CheckEnding(INFRA, reason, cause=cause))


def _end_check(ending: CheckEnding) -> NoReturn:
    import pytest

    text = str(ending)
    error = (
        pytest.skip.Exception(text)
        if ending.kind == NOT_RUN
        else pytest.fail.Exception(text, pytrace=False)
    )
    setattr(error, ENDING, ending)
    raise error
