"""The means of a check of the host, and how it refuses an image."""

from __future__ import annotations

from dataclasses import dataclass, field

from validation.host_suites.starts import Starts
from validation.suites.contract.ending import FAIL, CheckEnding
from validation.suites.contract.expected import Expected
from validation.suites.contract.words import ANSWER


class CheckRefused(Exception):
    """A check failed, and says why."""

    def __init__(self, ending: CheckEnding) -> None:
        super().__init__(str(ending))
        self.ending = ending


@dataclass
class CheckRun:
    """One check at work; what it measures and answers goes into the report.

    `volumes` are the folders that the image declares as volumes, `with_contents` are mounts that
    hold what the image has there.
    """

    starts: Starts
    expected: Expected
    nonce: str
    volumes: tuple[str, ...] = ()
    with_contents: tuple[object, ...] = ()
    properties: list[tuple[str, list[object]]] = field(default_factory=list)

    def report_figure(self, name: str, value: float, unit: str) -> None:
        """Attach a number to the check."""
        self.properties.append((name, [value, unit]))

    def give_answer(self, part: str, values: list[object]) -> None:
        """Answer a part of the challenge."""
        self.properties.append((f"{ANSWER}{part}", values))


def require(ok: object, found: str, expected: str, cause: str) -> None:
    """Fail the check unless `ok`, as `require` of the suites in the image does."""
    if not ok:
        raise CheckRefused(CheckEnding(FAIL, found, expected, cause))
