"""A vendor with a wire protocol of its own, as a stand-in: an ASGI application with books, a clock and an outbox.

The conformance kit reaches it inside the process, stories and the vendor's own client library over loopback HTTP. What
it must do as the vendor does: check every signature, keep state, and call back with callbacks that it signs. What goes
wrong with an exchange goes wrong at its door, alike for every vendor: `meets` says what befalls which request.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.core.provider import Clock
from hub.testing.kit.rig import Booking
from hub.testing.mishaps import Mishap, heard


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


def _nothing(received: Received) -> Mishap | None:
    return None


class WireVendor(ABC):
    """One stand-in vendor; `received` is every request that has come, `outbox` every callback that is not taken yet.

    `meets` names the mishap that befalls a request, if any; `unspoilt` are those whose answer it left as it was.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.bookings: list[Booking] = []
        self.received: list[Received] = []
        self.outbox: list[Callback] = []
        self.taken: list[Callback] = []
        self.meets: Callable[[Received], Mishap | None] = _nothing
        self.unspoilt: list[Received] = []
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
        """The vendor's door: the request is kept as it came, then answered, or meets its mishap."""
        request = Request(scope, receive)
        body = await request.body()
        self.received.append(received := _kept(request, body))
        mishap = self.meets(received)
        if mishap is not None and mishap.before:
            await mishap.refusal()(scope, receive, send)
            return

        async def again() -> dict[str, object]:
            return {"type": "http.request", "body": body, "more_body": False}

        if mishap is None:
            await self._served(scope, again, send)
            return
        said: list[Message] = []

        async def keep(message: Message) -> None:
            said.append(message)

        await self._served(scope, again, keep)
        answer = heard(said)
        spoiled = mishap.spoiled(answer)
        if spoiled is answer:
            self.unspoilt.append(received)
        elif mishap.changes:
            spoiled = self.sealed(spoiled)
        await spoiled(scope, receive, send)

    def sealed(self, answer: Response) -> Response:
        """An answer with other content, signed as this vendor signs its answers; most sign none."""
        return answer

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
