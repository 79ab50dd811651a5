"""How a check that did not pass says why: fields of its report, which the host reads."""

from __future__ import annotations

from dataclasses import dataclass

from .words import EXPECTED

FAIL, INFRA, NOT_RUN = "fail", "infra", "not run"

ENDING = "ending"
"""The field of pytest's report, and the attribute of the exception, that holds a CheckEnding."""


@dataclass(frozen=True)
class CheckEnding:
    """Why a check did not pass.

    `kind` is FAIL, INFRA if the machine is at fault, or NOT_RUN. `expected` and `cause` (the likely
    cause, one sentence) are empty if there is nothing to say.
    """

    kind: str
    found: str
    expected: str = ""
    cause: str = ""

    @property
    def reason(self) -> str:
        """The line for people, without the cause."""
        return f"{self.found}{EXPECTED}{self.expected}" if self.expected else self.found

    def __str__(self) -> str:
        """Return the line that pytest prints."""
        kind = "" if self.kind == FAIL else f"{self.kind}: "
        return f"{kind}{self.reason}" + (f"; likely cause: {self.cause}" if self.cause else "")
