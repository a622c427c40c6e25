"""What a faulty vendor puts on the wire in place of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import StrEnum

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from hub.sdk.reading import JsonObject
from hub.sdk.sandbox.faults import Fault, Struck
from hub.sdk.sandbox.vendor import Refusal

# A server that can really cut a connection offers this extension; see `serve` and `transport`.
CUT_EXTENSION = "leasehub.cut"
HUGE_BYTES = 10 * 1024 * 1024
_HANG_S = 120.0


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
        headers = [(b"content-type", b"application/json"), (b"content-length", b"64")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": False})


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
            return JSONResponse(_in_other_currency(answer))
        case Fault.HUGE_BODY:
            return JSONResponse({**answer, "padding": "x" * HUGE_BYTES})
        case _:
            return JSONResponse(answer)


def _in_other_currency(found: object) -> object:
    if isinstance(found, dict):
        other = {name: _in_other_currency(value) for name, value in found.items()}
        return {**other, "currency": "USD"} if "currency" in other else other
    return [_in_other_currency(item) for item in found] if isinstance(found, list) else found
