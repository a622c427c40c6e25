"""A vendor with a wire protocol of its own, as a stand-in: an ASGI application with books, a clock and an outbox.

The conformance kit reaches it inside the process, stories and the vendor's own client library over loopback HTTP. What
it must do as the vendor does: check every signature, keep state, and call back with callbacks that it signs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.core.provider import Clock
from hub.testing.kit.rig import Booking


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A request as it came over the wire: header names in lower case, `target` with its query, as it was written."""

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """A callback that the vendor means to post."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class WireVendor(ABC):
    """One stand-in vendor; `received` is every request that has come, `outbox` every callback that is not taken yet."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.bookings: list[Booking] = []
        self.received: list[Received] = []
        self.outbox: list[Callback] = []
        self.taken: list[Callback] = []
        self._served: ASGIApp = Starlette(routes=list(self.routes()))

    @abstractmethod
    def routes(self) -> Sequence[Route]:
        """Where the vendor can be asked."""

    @abstractmethod
    async def settle(self) -> None:
        """Let all that waits for a person or for time come to its good end; callbacks of it go to the outbox."""

    async def books(self) -> Sequence[Booking]:
        """Every effect that the vendor has had, in order."""
        return tuple(self.bookings)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The vendor's door: the request is kept as it came, then answered."""
        request = Request(scope, receive)
        body = await request.body()
        self.received.append(_kept(request, body))

        async def again() -> dict[str, object]:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._served(scope, again, send)

    async def post_all(self, client: httpx.AsyncClient) -> list[httpx.Response]:
        """Post what is in the outbox; what is not answered with 2xx stays there."""
        waiting, self.outbox = self.outbox, []
        answers: list[httpx.Response] = []
        for callback in waiting:
            answer = await client.post(callback.url, headers=dict(callback.headers), content=callback.body)
            answers.append(answer)
            (self.taken if answer.is_success else self.outbox).append(callback)
        return answers


def _kept(request: Request, body: bytes) -> Received:
    query = request.scope.get("query_string", b"").decode("latin-1")
    raw_path = request.scope.get("raw_path") or request.scope["path"].encode()
    path = raw_path.decode("latin-1").partition("?")[0]
    return Received(
        method=request.method, target=f"{path}?{query}" if query else path, headers=dict(request.headers), body=body
    )
