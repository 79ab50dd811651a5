"""Bound the whole time of a request, not only the wait for its next byte.

A timeout of a socket begins again with every byte, so a registry that sends one byte every few
seconds could hold a request for ever. Therefore a thread looks at all requests that are under way,
and shuts the connection of each whose time is over; the request then fails as if the registry had
closed the connection.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Self

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_LOOKS_EVERY_S = 0.25


class Deadline:
    """A context whose requests end within `seconds`.

    After that `is_over` is true and the connection is shut. Requests belong to the innermost
    deadline that is attached to their thread. Attaching is apart from the context, because the body
    of a stream is read bit by bit, between other requests of the same thread.
    """

    def __init__(self, seconds: float) -> None:
        outer = current_deadline()
        self.seconds = seconds
        self._ends = time.monotonic() + seconds
        if outer is not None:
            self._ends = min(self._ends, outer._ends)
        self._socket: socket.socket | None = None
        self._is_cut = False

    def __enter__(self) -> Self:
        _WATCH.add_deadline(self)
        return self

    def __exit__(self, *_: object) -> None:
        _WATCH.remove_deadline(self)

    @contextlib.contextmanager
    def attach_to_thread(self) -> Iterator[Deadline]:
        """Make the requests of this thread belong to this deadline."""
        outer, _THREAD.deadline = current_deadline(), self
        try:
            yield self
        finally:
            _THREAD.deadline = outer

    @property
    def is_over(self) -> bool:
        """Whether its time is over."""
        return time.monotonic() >= self._ends

    @property
    def left_s(self) -> float:
        """The seconds that are left."""
        return max(0.0, self._ends - time.monotonic())

    def note_connection(self, connection: socket.socket | None) -> None:
        """Note the connection that is shut when the time is over."""
        self._socket = connection

    @property
    def noted_connection(self) -> socket.socket | None:
        """The connection that is shut when the time is over."""
        return self._socket

    def cut_if_over(self) -> None:
        """Shut the connection if the time is over, so that nothing waits for it any more."""
        if self.is_over and not self._is_cut and self._socket is not None:
            self._is_cut = True
            with contextlib.suppress(OSError):  # it may be closed already
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def current_deadline() -> Deadline | None:
    """Return the deadline that requests of this thread belong to."""
    return getattr(_THREAD, "deadline", None)


class _DeadlineWatcher:
    """The thread that watches all deadlines. It starts with the first one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watched: set[Deadline] = set()
        self._thread: threading.Thread | None = None

    def add_deadline(self, deadline: Deadline) -> None:
        with self._changed:
            self._watched.add(deadline)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._watch_deadlines, name="deadlines", daemon=True
                )
                self._thread.start()
            self._changed.notify()

    def remove_deadline(self, deadline: Deadline) -> None:
        with self._changed:
            self._watched.discard(deadline)

    def _watch_deadlines(self) -> None:
        while True:
            with self._changed:
                self._changed.wait(_LOOKS_EVERY_S if self._watched else None)
                watched = tuple(self._watched)
            for deadline in watched:
                deadline.cut_if_over()


_THREAD = threading.local()
_WATCH = _DeadlineWatcher()


def _note_socket(connection: HTTPConnection) -> None:
    if (deadline := current_deadline()) is not None:
        deadline.note_connection(connection.sock)


class _NotedConnection(HTTPConnection):
    """A connection that tells the deadline of its thread which socket is in use."""

    check_peer: ClassVar[Callable[[str], None]]

    def _new_conn(self) -> socket.socket:
        made = super()._new_conn()
        if self.proxy is None:
            try:
                type(self).check_peer(made.getpeername()[0])
            except BaseException:
                made.close()
                raise
        return made

    def connect(self) -> None:
        super().connect()
        _note_socket(self)

    def request(self, *args: Any, **named: Any) -> None:  # noqa: ANN401 - handed on as they are
        _note_socket(self)
        super().request(*args, **named)


class _SecureNotedConnection(_NotedConnection, HTTPSConnection):
    """The same connection over TLS.

    `HTTPSConnection` is an `HTTPConnection`, so `super()` above reaches it.
    """


def make_pools(check_peer: Callable[[str], None]) -> dict[str, type[HTTPConnectionPool]]:
    """Return the classes for urllib3's pool managers: of connections that a deadline can shut.

    `check_peer` is called with the address of each peer before anything is sent to it, and raises
    if nothing may be sent. It is not called for a proxy.
    """

    class Plain(_NotedConnection):
        """A connection whose peer is checked."""

    class Secure(_SecureNotedConnection):
        """The same over TLS."""

    class PlainPool(HTTPConnectionPool):
        """Of such connections."""

        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        """Of such connections."""

        ConnectionCls = Secure

    for kind in (Plain, Secure):
        kind.check_peer = staticmethod(check_peer)
    return {"http": PlainPool, "https": SecurePool}
