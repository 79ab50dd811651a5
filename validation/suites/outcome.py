"""How a check ends other than by passing. The host knows these words and no others."""

from __future__ import annotations

from typing import NoReturn

from .contract.words import CAUSE, EXPECTED, INFRA, NOT_RUN


def require(ok: object, found: str, expected: str, cause: str) -> None:
    """Fail the check unless `ok`, with what was found, what was expected, and the likely cause.

    All three are one line; the host splits the failure at EXPECTED and CAUSE.
    """
    import pytest

    if not ok:
        pytest.fail(f"{found}{EXPECTED}{expected}{CAUSE}{cause}", pytrace=False)


def not_run(reason: str) -> NoReturn:
    """End the check as `not run`, because this machine cannot make it.

    The host counts any other skip as a failure.
    """
    import pytest

    pytest.skip(NOT_RUN + reason)


def report_infra(reason: str, cause: str = "") -> NoReturn:
    """Fail the check as `infra`: the machine is at fault, not the image.

    `cause` is one sentence.
    """
    import pytest

    pytest.fail(f"{INFRA}{reason}{CAUSE}{cause}" if cause else f"{INFRA}{reason}", pytrace=False)
