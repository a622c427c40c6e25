"""Doing a request once: what a route does under an `Idempotency-Key`, and the answer that a repeated one gets.

The route's own work runs in a savepoint of the actor's transaction. Its answer, or the refusal that took its place, is
kept in that same transaction, which then commits. What is kept and for how long is `hub.infra.idempotency`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from hub.api import errors
from hub.core.errors import InvalidInput, NotAllowed, NotAuthenticated
from hub.infra import idempotency
from hub.infra.crash import crash_point
from hub.infra.database import Tx
from hub.infra.idempotency import HEADER, Asked, Reply
from hub.infra.reach import is_away

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
REPLAYED = "Idempotent-Replayed"
_KEY = re.compile(r"[\x20-\x7e]{1,255}")
# Nothing has been begun when one of these is raised: a request that is put right may come under the same key.
_NOT_KEPT = (RequestValidationError, HTTPException, InvalidInput, NotAuthenticated, NotAllowed)
_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Repeating a request under the same key repeats its answer and not its effect.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


@dataclass(slots=True)
class Once:
    """One request on its way: the savepoint of its work, and once its key is taken, for what it was taken and where."""

    part: AsyncExitStack = field(default_factory=AsyncExitStack)
    tx: Tx | None = None
    asked: Asked | None = None


class Answered(Exception):
    """The request was answered before: the first answer is all that there is to do."""

    def __init__(self, reply: Reply) -> None:
        super().__init__("answered before")
        self.reply = reply


def key_of(request: Request) -> str | None:
    """The key of a request that changes something; raises InvalidInput for one that is no key."""
    given = request.headers.getlist(HEADER)
    if request.method not in WRITES or not given:
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise InvalidInput(HEADER, "must be one text of 1 to 255 printable ASCII characters")
    return given[0]


async def begin(request: Request, tx: Tx) -> None:
    """Take the request's key, if it has one, for the actor's transaction; raises Answered for a repeated request."""
    key = key_of(request)
    if key is None:
        return
    assert tx.actor.staff_id is not None, "whoever comes through the API is somebody"
    once: Once = request.state.once
    asked = Asked(
        staff_id=tx.actor.staff_id,
        key=key,
        route=f"{request.method} {request.url.path}",
        digest=await _digest(request),
    )
    if (reply := await idempotency.claim(tx, asked)) is not None:
        raise Answered(reply)
    once.tx, once.asked = tx, asked
    await once.part.enter_async_context(tx.attempt())


async def _digest(request: Request) -> str:
    """What tells this request from every other: method, path, query, kind of content, and every byte of the body."""
    head = "\0".join(
        (request.method, request.url.path, request.url.query, request.headers.get("content-type", ""))
    ).encode()
    return hashlib.sha256(hashlib.sha256(head).digest() + await request.body()).hexdigest()


class OnceRoute(APIRoute):
    """A route that answers a repeated key with its first answer; every router of the API is made of these."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **declared: Any) -> None:
        if WRITES & set(declared.get("methods") or ()):
            declared["openapi_extra"] = {"parameters": [_PARAMETER]} | (declared.get("openapi_extra") or {})
        super().__init__(path, endpoint, **declared)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's work, and around it what makes it happen once."""
        work = super().get_route_handler()

        async def answer(request: Request) -> Response:
            once = request.state.once = Once()
            try:
                async with once.part:
                    response = await work(request)
                    if once.tx is not None:
                        await request.app.state.house.database.tell(once.tx)
            except Answered as before:
                return _again(before.reply)
            except Exception as error:
                if once.tx is None or isinstance(error, _NOT_KEPT) or is_away(error):
                    raise
                response = await errors.answer(request, error)
            if once.tx is not None and once.asked is not None:
                await idempotency.keep(once.tx, once.asked, _reply(response))
                await once.tx.flush()
                crash_point("once.before_commit")
            return response

        return answer


def _reply(response: Response) -> Reply:
    return Reply(
        status=response.status_code,
        media_type=response.headers.get("content-type"),
        text=bytes(response.body).decode(),
    )


def _again(reply: Reply) -> Response:
    headers = {REPLAYED: "true"} | ({"content-type": reply.media_type} if reply.media_type else {})
    return Response(reply.text.encode(), status_code=reply.status, headers=headers)
