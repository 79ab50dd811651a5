"""The ways in which a run can fail, each with its exit code.

Every error that a user can cause is one of these. `release.py` prints it as one line and exits with
its code.
"""

from __future__ import annotations

from typing import ClassVar


class ReleaseError(Exception):
    """An error that a person can act on.

    `message` says what is wrong and where, in one line; `hint` says what to do next.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """Let errors cross process boundaries with everything they carry."""
        return _revive_error, (type(self), self.message, self.__dict__)

    def __str__(self) -> str:
        return f"{self.message} -> {self.hint}" if self.hint else self.message


def _revive_error(kind: type[ReleaseError], message: str, state: dict[str, object]) -> ReleaseError:
    error = kind.__new__(kind)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class GateRefused(ReleaseError):
    """The image or the release did not pass a gate."""

    exit_code = 1


class ConfigError(ReleaseError):
    """Wrong usage, or a file of this repository that contradicts itself."""

    exit_code = 2


class EnvironmentFailed(ReleaseError):
    """A fault of the machine, not of the image: engine, registry, scanner, network or disk."""

    exit_code = 3


class ProgramTooSlow(EnvironmentFailed):
    """A program of this machine did not finish in the time that it may take."""


EXIT_OK = 0
EXIT_INCONCLUSIVE = 4
EXIT_INTERRUPTED = 130
