"""The threshold that every request of a program passes: a correlation id, a bounded body, headers that keep browsers safe."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.core.errors import InvalidInput
from hub.house import House
from hub.infra import meters
from hub.infra.logs import correlated
from hub.infra.tracing import span

PREFIX = "/api/v1"
LARGEST_BODY = 12 * 1024 * 1024
TOO_LARGE = "is too large"
_SAFE = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)


class Threshold:
    """What every request passes first: a correlation id, a limit of the body's size, headers that keep browsers safe."""

    def __init__(self, app: ASGIApp, house: House) -> None:
        self._app = app
        self._house = house
        self._timer = time.perf_counter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request under its correlation id."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        correlation = str(self._house.database.ids.new())
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            await _too_large(send)
            return

        status, started = 500, self._timer()

        async def with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", []),
                    (b"x-correlation-id", correlation.encode()),
                    *_SAFE,
                    *self._secure(),
                ]
            await send(message)

        with (
            correlated(correlation),
            span(scope["method"], parent=_parent(headers), http__request__method=scope["method"]) as one,
        ):
            try:
                await self._app(scope, _limited(receive), with_headers)
            finally:
                route = _template(scope)
                meters.request(scope["method"], route, status, self._timer() - started)
                one.rename(f"{scope['method']} {route}")
                one.note("http.route", route)
                one.note("http.response.status_code", status)

    def _secure(self) -> list[tuple[bytes, bytes]]:
        """Who has come by https once comes by nothing else for a year; said only where https is served."""
        return [(b"strict-transport-security", b"max-age=31536000")] if self._house.settings.serves_https else []


def _template(scope: Scope) -> str:
    """The route's template with its prefix; never the path itself, which has ids and whatever a stranger types."""
    path: str | None = getattr(scope.get("route"), "path", None)
    if path is None:
        return meters.UNKNOWN_ROUTE
    return path if path.startswith(PREFIX) or not scope["path"].startswith(PREFIX) else PREFIX + path


def _parent(headers: Mapping[bytes, bytes]) -> str | None:
    named = headers.get(b"traceparent")
    return None if named is None else named.decode("latin-1")


def _limited(receive: Receive) -> Receive:
    """The same body, refused when it grows past the limit without having said so."""
    seen = 0

    async def read() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > LARGEST_BODY:
            raise HTTPException(413, TOO_LARGE)
        return message

    return read


async def _too_large(send: Send) -> None:
    error = {"code": InvalidInput.code, "message": f"body: {TOO_LARGE}", "field": "body", "reason": TOO_LARGE}
    body = json.dumps({"error": error}).encode()
    headers: list[Any] = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
