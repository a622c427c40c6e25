"""A receiver of webhooks on real loopback HTTP: it keeps what came, and answers as it is told."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hub.testing.loopback import loopback


@dataclass
class Receiver:
    """What came, in order, and the answers still to be given; without any it says 204."""

    url: str = ""
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[Response] = field(default_factory=list)
    wait: asyncio.Event | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.came.append((dict(request.headers), await request.body()))
        self.arrived.set()
        if self.wait is not None:
            await self.wait.wait()
        answer = self.answers.pop(0) if self.answers else Response(status_code=204)
        await answer(scope, receive, send)

    def bodies(self) -> list[Any]:
        """What came, read."""
        return [json.loads(body) for _, body in self.came]

    def types(self) -> list[str]:
        """The types of what came."""
        return [body["type"] for body in self.bodies()]

    def signed_with(self, secret: str, index: int = -1) -> bool:
        """Whether one of the signatures of a message was made with this secret; written here once more, by hand."""
        headers, body = self.came[index]
        key = base64.b64decode(secret.split("_", 1)[1])
        content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        return f"v1,{expected}" in headers["webhook-signature"].split(" ")


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver that listens."""
    receiver = Receiver()
    async with loopback(receiver) as address:
        receiver.url = f"{address}/in"
        yield receiver
