"""What a faulty vendor puts on the wire in place of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import StrEnum

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from hub.sdk.reading import JsonObject, json_bytes
from hub.sdk.sandbox.faults import Fault, Struck
from hub.sdk.sandbox.vendor import Refusal

# A server that can really cut a connection offers this extension; see `serve` and `transport`.
CUT_EXTENSION = "leasehub.cut"
HUGE_BYTES = 10 * 1024 * 1024
_HANG_S = 120.0
_DRIP_S = 0.05
# The fields by which vendors say what an answer is about.
_NAMING = frozenset({"ref", "fence"})
_JSON = [(b"content-type", b"application/json")]


class CutKind(StrEnum):
    """How a connection ends without an answer."""

    DROP = "drop"
    HANG = "hang"


CutConnection = Callable[[CutKind], Awaitable[None]]


class Cut(Response):
    """No answer: the connection is dropped, or silent until the caller leaves."""

    def __init__(self, kind: CutKind) -> None:
        super().__init__()
        self._kind = kind

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """End the exchange through the server's extension; without one, by a body that breaks off."""
        cut: CutConnection | None = scope.get("extensions", {}).get(CUT_EXTENSION)
        if cut is not None:
            await cut(self._kind)
            await _until_gone(receive)
            return
        if self._kind is CutKind.HANG:
            with suppress(TimeoutError):
                await asyncio.wait_for(_until_gone(receive), _HANG_S)
        await send({"type": "http.response.start", "status": 200, "headers": [*_JSON, (b"content-length", b"64")]})
        await send({"type": "http.response.body", "body": b"{", "more_body": False})


class Truncated(Response):
    """The first half of an answer that says how long it is; then the connection is dropped."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the half, and end the exchange through the server's extension; without one, by being too short."""
        half = bytes(self.body)[: len(self.body) // 2]
        cut: CutConnection | None = scope.get("extensions", {}).get(CUT_EXTENSION)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": half, "more_body": cut is not None})
        if cut is not None:
            await cut(CutKind.DROP)


class Endless(Response):
    """An answer that drips and never ends: each byte comes in time, the whole never."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Drip until the caller leaves."""
        await send({"type": "http.response.start", "status": 200, "headers": _JSON})
        cut: CutConnection | None = scope.get("extensions", {}).get(CUT_EXTENSION)
        if cut is not None:
            await cut(CutKind.HANG)
        leaving = asyncio.ensure_future(_until_gone(receive))
        for _ in range(int(_HANG_S / _DRIP_S)):
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
            if (await asyncio.wait({leaving}, timeout=_DRIP_S))[0]:
                return
        leaving.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def refused(refusal: Refusal, headers: dict[str, str] | None = None) -> Response:
    """A refusal in the vendor's own words."""
    error = {"code": refusal.code, "message": refusal.message}
    return JSONResponse({"error": error}, status_code=refusal.status, headers=headers)


def struck_before(struck: Struck) -> Response:
    """The answer to a request that a fault kept from being executed."""
    match struck.fault:
        case Fault.CONNECTION_DROP_BEFORE:
            return Cut(CutKind.DROP)
        case Fault.TIMEOUT_BEFORE_EFFECT:
            return Cut(CutKind.HANG)
        case Fault.RATE_LIMITED:
            wait = {"retry-after": f"{struck.seconds:.0f}"}
            return refused(Refusal(429, "too_many_requests"), wait)
        case Fault.AUTH_401:
            return refused(Refusal(401, "unauthorized"))
        case Fault.PAYMENT_402:
            return refused(Refusal(402, "payment_required", "the merchant's account is not covered"))
        case Fault.REDIRECT_3XX:
            return Response(status_code=302, headers={"location": "http://192.0.2.1/elsewhere"})
        case Fault.NOT_FOUND_YET:
            return refused(Refusal(404, "not_found"))
        case _:
            return Response("internal error", status_code=500)


def spoiled(fault: Fault, answer: JsonObject) -> Response:
    """The answer to a request that was executed, as a fault leaves it."""
    match fault:
        case Fault.CONNECTION_DROP_AFTER:
            return Cut(CutKind.DROP)
        case Fault.TIMEOUT_AFTER_EFFECT:
            return Cut(CutKind.HANG)
        case Fault.HTTP_500_AFTER:
            return Response("internal error", status_code=500)
        case Fault.GARBAGE_BODY:
            return Response(b"\x00<html>{", media_type="application/json")
        case Fault.WRONG_TYPE:
            return JSONResponse({name: [value] for name, value in answer.items()})
        case Fault.WRONG_CURRENCY:
            return JSONResponse(_with(answer, lambda name, value: "USD" if name == "currency" else value))
        case Fault.WRONG_AMOUNT:
            return JSONResponse(_with(answer, _one_more))
        case Fault.OTHER_REF:
            return JSONResponse(_with(answer, _another))
        case Fault.EMPTY_BODY:
            return Response(b"", media_type="application/json")
        case Fault.TRUNCATED_BODY:
            return Truncated(json_bytes(answer), media_type="application/json")
        case Fault.ENDLESS_BODY:
            return Endless()
        case Fault.HUGE_BODY:
            return JSONResponse({**answer, "padding": "x" * HUGE_BYTES})
        case _:
            return JSONResponse(answer)


def _with(found: object, change: Callable[[str, object], object]) -> object:
    """An answer with every field changed, at whatever depth."""
    if isinstance(found, dict):
        return {name: _with(change(name, value), change) for name, value in found.items()}
    return [_with(item, change) for item in found] if isinstance(found, list) else found


def _one_more(name: str, value: object) -> object:
    return value + 1 if name == "minor" and isinstance(value, int) else value


def _another(name: str, value: object) -> object:
    return f"{value}-not" if name in _NAMING and isinstance(value, str) else value
