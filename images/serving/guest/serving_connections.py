"""The connections of the server: what a client without a token may cost is bounded."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 15
"""A connection that waits for a request as long as this is closed, at the latest after twice."""


class BoundedConnection(H11Protocol):  # type: ignore[misc] # uvicorn is in the image alone
    """A connection that is closed if no whole head of a request arrives in time.

    uvicorn waits for one without an end, so a client could hold every connection there is.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to look at the connection."""
        super().connection_made(transport)
        self._close_if_silent(self)

    def _close_if_silent(self, before: Any) -> None:
        """Close the connection if it waited `before` too, and nothing has begun since then."""
        if self.transport.is_closing():
            return
        is_waiting = self.cycle is None or self.cycle.response_complete
        if is_waiting and before is self.cycle:
            self.transport.close()
            return
        now = self.cycle if is_waiting else self
        self.loop.call_later(HEAD_S, self._close_if_silent, now)


class OneLength:
    """Refuses a request with two lengths: a proxy may take it for two requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        names = {name for name, _ in scope.get("headers", ())}
        if {b"transfer-encoding", b"content-length"} <= names:
            answer = JSONResponse(
                {"error": "send Content-Length or Transfer-Encoding, not both"},
                400,
                {"Connection": "close"},
            )
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)
