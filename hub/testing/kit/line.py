"""The line between plugin and vendor: keeps every request, and makes the trouble that the vendor is spared.

Whether a request reaches the vendor is the whole point: what goes wrong *before* it had no effect, what goes wrong
*after* it had one, and a plugin cannot tell the two apart.
"""

from __future__ import annotations

import asyncio
import json
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum

import httpx

from hub.sdk.reading import JsonObject
from hub.testing.kit.rig import Rig

SLOW_S = 0.15
# The operation that is being tried; the roads write it on each of its requests, so that a rig can tell them apart.
TRIED: ContextVar[str] = ContextVar("tried", default="")
OPERATION = "x-kit-operation"
STRANGE = "a_word_nobody_has_heard"
_HUGE_BYTES = 10 * 1024 * 1024


class Trouble(StrEnum):
    """What may happen to a request."""

    REFUSED = "refused"
    AUTH = "auth"
    REJECTED = "rejected"
    RATE_LIMITED = "rate_limited"
    TIMEOUT_BEFORE = "timeout_before"
    TIMEOUT_AFTER = "timeout_after"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    ERROR_BEFORE = "error_before"
    ERROR_AFTER = "error_after"
    GARBAGE = "garbage"
    OTHER_SHAPE = "other_shape"
    HUGE = "huge"
    REDIRECT = "redirect"
    SLOW = "slow"
    STRANGE_STATUS = "strange_status"
    BARE_404 = "bare_404"


class Cut(StrEnum):
    """How an exchange ends without an answer."""

    REFUSE = "refuse"
    DROP = "drop"
    HANG = "hang"


_CUT_BEFORE = {Trouble.REFUSED: Cut.REFUSE, Trouble.TIMEOUT_BEFORE: Cut.HANG, Trouble.DROP_BEFORE: Cut.DROP}
_CUT_AFTER = {Trouble.TIMEOUT_AFTER: Cut.HANG, Trouble.DROP_AFTER: Cut.DROP}


@dataclass(kw_only=True)
class Line:
    """Passes requests on to the rig's vendor; `trouble` befalls those that carry the operation, which are `carried`."""

    rig: Rig
    trouble: Trouble | None = None
    slow_s: float = SLOW_S
    seen: list[httpx.Request] = field(default_factory=list)

    carried: list[httpx.Request] = field(default_factory=list)

    def note(self, request: httpx.Request) -> bool:
        """Keep a request; whether it carries an operation."""
        self.seen.append(request)
        if carries := self.rig.carries(request):
            self.carried.append(request)
        return carries

    async def pass_on(self, request: httpx.Request) -> httpx.Response | Cut:
        """What comes back for a request whose body has been read: an answer, or how the exchange is cut."""
        trouble = self.trouble if self.note(request) else None
        if trouble is Trouble.SLOW:
            await asyncio.sleep(self.slow_s)
        if cut := _CUT_BEFORE.get(trouble) if trouble else None:
            return cut
        if instead := self._instead(trouble):
            return instead
        answer = await self._asked(request)
        if cut := _CUT_AFTER.get(trouble) if trouble else None:
            return cut
        return _spoiled(trouble, answer, self.rig.status_field)

    async def _asked(self, request: httpx.Request) -> httpx.Response:
        answer = await self.rig.vendor.handle_async_request(request)
        await answer.aread()
        await answer.aclose()
        return answer

    def _instead(self, trouble: Trouble | None) -> httpx.Response | None:
        """An answer that the vendor gives without doing what was asked."""
        match trouble:
            case Trouble.AUTH:
                return self.rig.refusals.auth()
            case Trouble.REJECTED:
                return self.rig.refusals.rejected()
            case Trouble.RATE_LIMITED:
                return self.rig.refusals.rate_limited()
            case Trouble.ERROR_BEFORE:
                return httpx.Response(500, text="internal error")
            case Trouble.REDIRECT:
                return httpx.Response(302, headers={"location": "http://192.0.2.1/elsewhere"})
            case Trouble.BARE_404:
                return httpx.Response(404, html="<html><h1>404 page not found</h1></html>")
            case _:
                return None


def _spoiled(trouble: Trouble | None, answer: httpx.Response, status_field: str | None) -> httpx.Response:
    """The answer to a request that was executed, as it arrives."""
    match trouble:
        case Trouble.ERROR_AFTER:
            return httpx.Response(500, text="internal error")
        case Trouble.GARBAGE:
            return httpx.Response(200, content=b"\x00<html>{", headers={"content-type": "application/json"})
        case Trouble.OTHER_SHAPE:
            return httpx.Response(200, json=[{"unexpected": True}])
        case Trouble.HUGE:
            return httpx.Response(200, content=answer.content[:-1] + b" " * _HUGE_BYTES + answer.content[-1:])
        case Trouble.STRANGE_STATUS if status_field:
            return httpx.Response(200, json=_with_status(answer, status_field))
        case _:
            return answer


def _with_status(answer: httpx.Response, status_field: str) -> JsonObject:
    content: JsonObject = json.loads(answer.content)
    *way, last = status_field.split(".")
    inner: object = content
    for name in way:
        inner = _inside(inner, name)
    if isinstance(inner, dict) and last in inner:
        inner[last] = STRANGE
    return content


def _inside(content: object, name: str) -> object:
    """What stands under a name, or at a place of a list; None when nothing does."""
    match content:
        case dict():
            return content.get(name)
        case list() if name.isdigit() and int(name) < len(content):
            return content[int(name)]
        case _:
            return None
