"""The error of a request to a registry, with the hint for its status."""

from __future__ import annotations

from typing import ClassVar

from runner.errors import EnvironmentFailed

MAX_WAIT_S = 60
"""A longer `Retry-After` is not waited for: a person can decide better what to do meanwhile."""
PASSING = (0, 408, 429, 500, 502, 503, 504)
"""Statuses of failures that may pass soon; 0 stands for no answer."""


class RegistryError(EnvironmentFailed):
    """A registry that refused, failed, or returned other bytes than were asked for.

    `status` is HTTP's, 0 without an answer; `wait_s` is how many seconds the registry asks to wait.
    """

    hints: ClassVar[dict[int, str]] = {
        0: "check that the registry runs (`./release.py doctor`), then run the same command again",
        401: "log in: `docker login` for the registry, with an account that may do this",
        403: "ask for an account that may do this",
        404: "look in the registry whether it was deleted; if so, run the stage that made it again",
        304: ("check the proxy or cache before the registry: its answer does not fit the request"),
        408: "run the same command again",
        413: "raise the largest request of the registry, or of the proxy before it, to 100 MB",
        429: "wait as long as the registry asks for, then run the same command again",
        507: "free space on the registry",
    }
    _OF_KIND: ClassVar[dict[int, str]] = {
        1: (
            "check the registry's address, and the proxy before it: the server there is not a "
            "registry"
        ),
        2: ("check the artifact in the registry: it is not valid; restore it or remove it"),
        3: "give the registry's own address: this one sends requests elsewhere",
        4: "correct what the registry refused: it will refuse the same request again",
    }

    def __init__(self, status: int, message: str, hint: str = "", wait_s: float = 0) -> None:
        passes = "no incomplete result is visible: run the same command again"
        hint = hint or self.hints.get(status) or self._OF_KIND.get(status // 100, passes)
        super().__init__(message, hint)
        self.status = status
        self.wait_s = wait_s

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed a little later."""
        return self.status in PASSING and self.wait_s <= MAX_WAIT_S
