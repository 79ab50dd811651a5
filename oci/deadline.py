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
from http.client import HTTPException, HTTPResponse
from itertools import chain, zip_longest
from typing import Any, BinaryIO, ClassVar, Self, cast

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family

MAX_LINE_BYTES, MAX_HEAD_BYTES = 16 << 10, 64 << 10
"""Bytes of a header, and of all of them with the status line. Most answers have less than 2 KB."""
MAX_ADDRESSES = 4
"""How many addresses of a host are tried, of IPv6 and IPv4 in turn (RFC 8305)."""
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

    def require_time(self) -> None:
        """Raise TimeoutError if the time is over: then no request may begin or go on elsewhere."""
        if self.is_over:
            raise TimeoutError(f"not within {self.seconds:.0f} s")

    def note_connection(self, connection: socket.socket | None) -> None:
        """Note the connection that is shut when the time is over.

        Raises TimeoutError if it is over already: nothing may be sent any more.
        """
        self._socket = connection
        self.cut_if_over()
        self.require_time()

    @property
    def noted_connection(self) -> socket.socket | None:
        """The connection that is shut when the time is over."""
        return self._socket

    def cut_if_over(self) -> None:
        """Shut the connection if the time is over, so that nothing waits for it any more."""
        if self.is_over and self._socket is not None:
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


class _HeadReader:
    """The reader of an answer's head: status lines and headers, with a bound on all of them.

    Python's own bound is 6 MB, and its parsers take minutes for such a head. A header that is
    folded over several lines has been forbidden since RFC 7230.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._left = MAX_HEAD_BYTES

    def readline(self, limit: int = -1) -> bytes:
        """Return one line. Raises HTTPException if it is folded or too long."""
        line = self._stream.readline(MAX_LINE_BYTES + 1)
        self._left -= len(line)
        if len(line) > MAX_LINE_BYTES or self._left < 0:
            raise HTTPException("its headers are too long")
        if line[:1] in (b" ", b"\t"):
            raise HTTPException("a header has several lines")
        return line

    def close(self) -> None:
        """Close what is read from."""
        self._stream.close()


class _BoundedResponse(HTTPResponse):
    """An answer whose head is bounded."""

    def begin(self) -> None:
        """Read the head."""
        if self.headers is not None:
            return
        stream = self.fp
        reader = self.fp = cast(Any, _HeadReader(stream))
        try:
            super().begin()
        finally:
            if self.fp is reader:  # else the answer has no body, and is closed
                self.fp = stream


class _NotedConnection(HTTPConnection):
    """A connection that tells the deadline of its thread which socket is in use."""

    check_peer: ClassVar[Callable[[str], None]]
    response_class = _BoundedResponse

    def _new_conn(self) -> socket.socket:
        made = self._connect_to_any()
        if self.proxy is None:
            try:
                type(self).check_peer(made.getpeername()[0])
            except BaseException:
                made.close()
                raise
        return made

    def _connect_to_any(self) -> socket.socket:
        """Return a connection to one of the first addresses of the host, within the deadline."""
        name, longest, failed = self._dns_host, self.timeout, None
        try:
            for address in self._list_addresses():
                if (bound := current_deadline()) is not None:
                    bound.require_time()
                    given = longest if isinstance(longest, int | float) else bound.left_s
                    self.timeout = min(given, max(bound.left_s, _LOOKS_EVERY_S))
                self._dns_host = address
                try:
                    return super()._new_conn()
                except (ConnectTimeoutError, NewConnectionError) as error:
                    failed = error
        finally:
            self._dns_host, self.timeout = name, longest
        raise failed or NewConnectionError(self, f"{self.host} has no address")

    def _list_addresses(self) -> list[str]:
        """Return the first addresses of the host, of IPv6 and IPv4 in turn.

        A machine without a way to IPv6 may be told of many such addresses first.
        """
        try:
            found = socket.getaddrinfo(
                self._dns_host.strip("[]"), self.port, allowed_gai_family(), socket.SOCK_STREAM
            )
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        families: dict[int, dict[str, None]] = {}
        for family, *_, where in found:
            families.setdefault(family, {})[str(where[0])] = None
        in_turn = chain.from_iterable(zip_longest(*families.values()))
        return [address for address in in_turn if address][:MAX_ADDRESSES]

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
