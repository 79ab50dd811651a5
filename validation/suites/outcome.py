"""How a check says that it ended other than by passing or failing. The host knows these words and no others."""

from __future__ import annotations

from typing import NoReturn

NOT_RUN = "not run: "
INFRA = "infra: "


def not_run(reason: str) -> NoReturn:
    """This machine cannot make the check. Any other skip counts as a failure on the host."""
    import pytest

    pytest.skip(NOT_RUN + reason)


def infra(reason: str) -> NoReturn:
    """The runner, not the image, is at fault."""
    import pytest

    pytest.fail(INFRA + reason, pytrace=False)
