"""A way to a real registry that is cut once."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: closing resets the connection
_READ_BYTES = 1 << 16


class Cutting:
    """Hands on what comes to `host`, until `cut_at` bytes went to the registry; then that
    connection is reset.

    Later connections are left alone. A context manager.
    """

    def __init__(self, registry_host: str, cut_at: int) -> None:
        self._registry = registry_host.partition(":")[0], int(registry_host.partition(":")[2])
        self._left = cut_at
        self.is_cut = False
        self._server = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._server.getsockname()[1]}"

    def __enter__(self) -> Cutting:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                registry = socket.create_connection(self._registry)
                for ends in ((client, registry, True), (registry, client, False)):
                    threading.Thread(target=self._hand_on, args=ends, daemon=True).start()

    def _hand_on(self, source: socket.socket, target: socket.socket, is_sent: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_READ_BYTES):
                target.sendall(data)
                if is_sent and self._cuts(len(data)):
                    for each in (source, target):
                        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                        each.shutdown(socket.SHUT_RDWR)
                        each.close()
            target.shutdown(socket.SHUT_WR)

    def _cuts(self, count: int) -> bool:
        self._left -= count
        now = self._left <= 0 and not self.is_cut
        self.is_cut = self.is_cut or now
        return now
