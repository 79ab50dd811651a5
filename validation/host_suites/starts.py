"""Containers that start as a user starts them: by the image's own entry point, and watched.

The image may print anything and never end. So its output is bounded, each wait has a limit, and the
container is always removed.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from docker.errors import APIError, DockerException

from runner import containers, engine
from runner.engine_kind import EngineObject
from runner.nouns import count_noun
from runner.untrusted import Malformed, clean_line

OUTPUT_BYTES = 64 << 10
"""What one container may print; the checks ask for some lines."""
LINES = 200
"""So many lines of the end of its output are read again when it has ended."""
LOOK_S = 1.0
POLL_S = 0.05
LIMIT_S = 180.0
"""For what takes seconds on a quiet machine: an import of torch reads a gigabyte, and on a machine
with little memory and much work it took half a minute.
"""

Watch = Callable[[EngineObject], None]
"""Looks at a container at work.

Raises Malformed if it writes too much, and MachineFailed if this machine cannot go on.
"""

_NO_ANSWER = (DockerException, requests.RequestException)


class StartRefused(Exception):
    """The engine did not create or start a container. The message is the engine's."""


class MachineFailed(Exception):
    """The message says what this machine lacks."""


@dataclass(frozen=True)
class StartEnd:
    """How a container ended; `code` is None if it still ran at its limit.

    `printed` are lines of stdout, `last` is the last line of all that it printed.
    """

    code: int | None
    printed: tuple[str, ...] = ()
    last: str = ""

    def __str__(self) -> str:
        how = "was still running" if self.code is None else f"ended with {self.code}"
        return f"{how} and said {f'`{self.last}`' if self.last else 'nothing'}"


@dataclass
class StartedContainer:
    """A container at work; `started` is the moment before the engine was asked to start it."""

    container: EngineObject
    watch: Watch
    started: float
    _lines: queue.SimpleQueue[tuple[str, float]] = field(default_factory=queue.SimpleQueue)
    _seen: dict[str, float] = field(default_factory=dict)
    _looked: float = 0.0

    def follow_output(self) -> None:
        """Begin to read what the container prints."""
        threading.Thread(target=self._read_lines, daemon=True).start()

    def wait_line(self, text: str, limit_s: float = LIMIT_S) -> float | None:
        """Return when the line `text` first arrived; None if it does not before the limit or end.

        Lines of stdout and stderr come in any order.
        """
        deadline, has_ended = time.monotonic() + limit_s, False
        while text not in self._seen and (left := deadline - time.monotonic()) > 0:
            try:
                line, moment = self._lines.get(timeout=min(left, LOOK_S))
                self._seen.setdefault(line, moment)
            except queue.Empty:
                if has_ended:
                    break
            has_ended = self._has_ended()
        return self._seen.get(text)

    def wait_end(self, limit_s: float = LIMIT_S) -> StartEnd:
        """Return how the container ended, or that it had not ended at the limit.

        Raises MachineFailed if the kernel ended it for want of memory.
        """
        deadline = time.monotonic() + limit_s
        while not self._has_ended():
            if time.monotonic() >= deadline:
                return StartEnd(None, last=self._read_last())
            time.sleep(POLL_S)
        state = self.container.attrs["State"]
        if state["OOMKilled"]:
            raise MachineFailed("the kernel killed a process of the container for want of memory")
        printed = self._read_log(tail=LINES, stderr=False)
        return StartEnd(state["ExitCode"], tuple(printed), self._read_last())

    def send_signal(self, name: str) -> None:
        """Send a signal to the first process, as `docker stop` and `docker kill` do.

        If it has ended, nothing is sent: `wait_end` says how.
        """
        try:
            self.container.kill(name)
        except APIError as error:
            if error.status_code != requests.codes.conflict:
                raise

    def _has_ended(self) -> bool:
        """Return whether the container has ended; look what it writes, if not lately."""
        self.container.reload()
        if self.container.status in ("exited", "dead"):
            return True
        if (now := time.monotonic()) - self._looked >= LOOK_S:
            self._looked = now
            self.watch(self.container)
        return False

    def _read_lines(self) -> None:
        """Put each line in the queue as it arrives, with the moment."""
        held, total = b"", 0
        with contextlib.suppress(OSError, *_NO_ANSWER):
            for chunk in self.container.logs(stream=True, follow=True):
                now, total = time.monotonic(), total + len(chunk)
                *whole, held = (held + chunk).split(b"\n")
                for line in whole:
                    self._lines.put((line.decode(errors="replace").rstrip("\r"), now))
                if total > OUTPUT_BYTES:
                    return

    def _read_last(self) -> str:
        lines = self._read_log(tail=1)
        return clean_line(lines[-1], 160) if lines else ""

    def _read_log(self, **options: object) -> list[str]:
        """Return lines of the log. Raises Malformed if it is larger than it may be."""
        log = bytearray()
        for chunk in self.container.logs(stream=True, follow=False, **options):
            log += chunk
            if len(log) > OUTPUT_BYTES:
                allowed = count_noun(OUTPUT_BYTES, "byte")
                raise Malformed(f"it printed more than the allowed {allowed}")
        return log.decode(errors="replace").splitlines()


class Starts:
    """Starts containers of one image, with the options of a suite's container."""

    def __init__(
        self, client: EngineObject, reference: str, options: Mapping[str, Any], watch: Watch
    ) -> None:
        self._client, self._reference = client, reference
        self._options, self._watch = options, watch

    @contextlib.contextmanager
    def start(self, *command: str, **changed: object) -> Iterator[StartedContainer]:
        """Start a container with `command`, and remove it whatever happens.

        `changed` are options of the engine in place of the usual ones. Raises StartRefused.
        """
        options = {**self._options, **changed, "command": list(command)}
        options["name"] = containers.new_name("start")
        with contextlib.ExitStack() as stack:
            stack.callback(engine.remove_container, options["name"])
            try:
                container = containers.create_confined(self._client, self._reference, options)
                containers.require_plain_accounts(container)
                started = StartedContainer(container, self._watch, time.monotonic())
                container.start()
            except APIError as error:
                problem = clean_line(str(error.explanation or error))
                raise StartRefused(problem) from None
            except requests.RequestException:
                engine.remove_container(options["name"], containers.REMOVAL_S)
                raise
            started.follow_output()
            yield started

    def run(self, *command: str, **changed: object) -> StartEnd:
        """Start a container, and return how it ended."""
        with self.start(*command, **changed) as started:
            return started.wait_end()
