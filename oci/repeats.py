"""Repeats of requests that failed for a reason that may pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Self, TypeVar

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import InvalidHeader, MaxRetryError, ResponseError
from urllib3.util.retry import Retry

from oci import deadline, tls
from oci.registry_error import MAX_WAIT_S, PASSING, RegistryError
from runner import progress

ATTEMPTS = 3
_MAX_PAUSE_S = 10.0
_REPEATS_UNREACHED = 2
"""Nothing listens there: the address is wrong more often than the registry is just starting."""
T = TypeVar("T")


def repeat_request(work: Callable[[], T]) -> T:
    """Return the result of `work`, which may be done more than once.

    It is repeated after failures that may pass.
    """
    for attempt in range(1, ATTEMPTS):
        try:
            return work()
        except RegistryError as error:
            if not error.may_pass:
                raise
            pause_before_repeat(error, attempt)
    return work()


def pause_before_repeat(error: RegistryError, attempt: int) -> None:
    """Wait as long as the registry asks for, else longer with every attempt."""
    if error.wait_s:
        progress.say_line(f"  the registry asks to wait {error.wait_s:.0f} s")
    time.sleep(error.wait_s or min(0.5 * 2**attempt, _MAX_PAUSE_S))


def find_root_cause(error: BaseException) -> BaseException:
    """Return the error at the root of a nested network error."""
    carried = next(
        (each for each in error.args if isinstance(each, Exception)), None
    )  # as urllib3 wraps them
    context = None if error.__suppress_context__ else error.__context__
    inner = error.__cause__ or context or carried
    return find_root_cause(inner) if isinstance(inner, Exception) else error


class _Retries(Retry):
    """Repeats that wait as long as a registry asks for.

    They end if that is too long, or if waiting would not help.
    """

    was_reached: Callable[[], bool]

    def new(self, **given: Any) -> Self:  # noqa: ANN401 - handed on as they are
        """Return a copy with other counts; urllib3 makes one for every repeat."""
        made = super().new(**given)
        made.was_reached = self.was_reached
        return made

    def increment(self, *args: Any, **named: Any) -> Self:  # noqa: ANN401 - handed on as they are
        """Count one repeat less. Raises MaxRetryError if none is left."""
        response, error = named.get("response"), named.get("error")
        bound = deadline.current_deadline()
        longest = MAX_WAIT_S if bound is None else min(MAX_WAIT_S, bound.left_s)
        if response is not None and (self.get_retry_after(response) or 0) > longest:
            raise MaxRetryError(named["_pool"], "", ResponseError("asked to wait too long"))
        if bound is not None and bound.is_over:
            raise MaxRetryError(named["_pool"], "", error if isinstance(error, Exception) else None)
        if isinstance(error, Exception) and self._is_final(find_root_cause(error)):
            raise MaxRetryError(named["_pool"], "", error)
        return super().increment(*args, **named)

    def _is_final(self, cause: BaseException) -> bool:
        """Return whether another repeat is not worth its time."""
        is_refused = isinstance(cause, ConnectionRefusedError) and not self.was_reached()
        return tls.is_final(cause) or (is_refused and len(self.history) >= _REPEATS_UNREACHED)

    def parse_retry_after(self, retry_after: str) -> float:
        """Return the seconds from now, also for a date; 0 for a value that is neither."""
        try:
            return max(0.0, super().parse_retry_after(retry_after[:60])) if retry_after else 0
        except (InvalidHeader, ValueError, OverflowError):
            return 0

    def sleep_for_retry(self, response: BaseHTTPResponse) -> bool:
        """Wait as long as `response` asks for, and return whether it asked."""
        if wait := self.get_retry_after(response):
            progress.say_line(f"  the registry asks to wait {wait:.0f} s")
        return super().sleep_for_retry(response)


def make_retries(was_reached: Callable[[], bool] = lambda: True) -> Retry:
    """Return the rule for repeats of one request: at most four, with growing pauses.

    A refused connection is repeated less often while `was_reached` tells that none was made yet.
    """
    made = _Retries(
        total=4,
        backoff_factor=0.5,
        status_forcelist=[status for status in PASSING if status],
        allowed_methods=("GET", "HEAD", "POST"),
        raise_on_status=False,
    )
    made.was_reached = was_reached
    return made
