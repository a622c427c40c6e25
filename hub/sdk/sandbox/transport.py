"""A stand-in vendor reached inside the process, with its cut connections raised as the client's own errors."""

from __future__ import annotations

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.sdk.sandbox.answers import CUT_EXTENSION, CutKind


class InProcessTransport(httpx.AsyncBaseTransport):
    """Like `httpx.ASGITransport`, but a vendor who hangs or drops ends as a read time-out or a lost connection."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._inner = httpx.ASGITransport(app=self._with_cut)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Hand one request to the application."""
        try:
            return await self._inner.handle_async_request(request)
        except httpx.TransportError as failure:
            failure.request = request
            raise

    async def _with_cut(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, "extensions": {CUT_EXTENSION: _raise}}, receive, send)


async def _raise(kind: CutKind) -> None:
    if kind is CutKind.HANG:
        raise httpx.ReadTimeout("the vendor is silent")
    raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
