"""How a check says that it ended other than by passing or failing.

The host knows these words and no others.
"""

from __future__ import annotations

from typing import NoReturn

from .contract.words import CAUSE, EXPECTED, INFRA, NOT_RUN


def require(ok: object, found: str, expected: str, cause: str) -> None:
    """Fail the check unless `ok`, with what was found, what was expected, and the likely cause in
    one sentence.

    All three are one line; the host splits the failure at EXPECTED and CAUSE.
    """
    import pytest

    if not ok:
        pytest.fail(f"{found}{EXPECTED}{expected}{CAUSE}{cause}", pytrace=False)


def not_run(reason: str) -> NoReturn:
    """This machine cannot make the check. Any other skip counts as a failure on the host."""
    import pytest

    pytest.skip(NOT_RUN + reason)


def report_infra(reason: str, cause: str = "") -> NoReturn:
    """The runner, not the image, is at fault: what was seen, and the likely cause in one
    sentence.
    """
    import pytest

    pytest.fail(f"{INFRA}{reason}{CAUSE}{cause}" if cause else f"{INFRA}{reason}", pytrace=False)
