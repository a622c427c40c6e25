"""Serves a stand-in vendor: credentials, keys, faults, books and callbacks around the vendor's own operations.

Every request runs in one transaction with its kept answer. The `/_sandbox` routes are for whoever tests: clock,
script, faults, chaos, callbacks, books. They ask for no credentials, so the server belongs on the loopback address.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from hub.core.provider import Clock
from hub.sdk.reading import Fields, JsonObject, json_bytes, json_object
from hub.sdk.sandbox.answers import refused, spoiled, struck_before
from hub.sdk.sandbox.books import Books, instant_of, stamp
from hub.sdk.sandbox.client import DEFAULT_API_KEY, DEFAULT_WEBHOOK_SECRET, KEY_HEADER, WEBHOOK_URL_HEADER
from hub.sdk.sandbox.clock import VendorClock
from hub.sdk.sandbox.control import control_operations
from hub.sdk.sandbox.faults import BEFORE, Fault, FaultPlan, Struck
from hub.sdk.sandbox.outbox import Deliver, HttpPoster, Outbox
from hub.sdk.sandbox.vendor import Call, Operation, Refusal, Vendor, unusable

KEY_LIFETIME = timedelta(hours=24)
_MAX_SLOW_S = 30.0
_PUMP_EVERY_S = 0.5
_PUMP_BUSY_S = 0.01
_PUMP_MOST_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """How a stand-in vendor is run. `pump`: post callbacks in the background; without it only `flush` does."""

    api_key: SecretStr = DEFAULT_API_KEY
    webhook_secret: SecretStr = DEFAULT_WEBHOOK_SECRET
    pump: bool = True


class CreateApp(Protocol):
    """Makes the application of one vendor; what the entry points of the group `leasehub.sandboxes` name."""

    def __call__(
        self, books_dir: Path, clock: Clock, settings: SandboxSettings, deliver: Deliver | None = None
    ) -> SandboxApp:
        """An application with its books in `books_dir`. `deliver` posts a callback and gives the status; default: over HTTP."""
        ...


def app_factory(vendor: type[Vendor]) -> CreateApp:
    """How applications of this vendor are made."""

    def create_app(
        books_dir: Path, clock: Clock, settings: SandboxSettings, deliver: Deliver | None = None
    ) -> SandboxApp:
        books = Books(books_dir / f"{vendor.capability.value}.sqlite3", vendor.schema)
        return SandboxApp(vendor, books, VendorClock(clock, books), settings, deliver)

    return create_app


class SandboxApp:
    """One stand-in vendor as an ASGI application."""

    def __init__(
        self,
        vendor: type[Vendor],
        books: Books,
        clock: VendorClock,
        settings: SandboxSettings,
        deliver: Deliver | None,
    ) -> None:
        self._poster = HttpPoster()
        self.faults = FaultPlan()
        self.clock = clock
        self.books = books
        self.outbox = Outbox(books, clock, self.faults, secret=settings.webhook_secret, deliver=deliver or self._poster)
        self.vendor = vendor(books, self.outbox, clock)
        self._settings = settings
        self._expected = f"Bearer {settings.api_key.get_secret_value()}".encode()
        self._pump: asyncio.Task[None] | None = None
        operations = (*self.vendor.operations(), *control_operations(self.vendor, clock, self.faults, self.outbox))
        routes = [Route(op.path, self._endpoint(op), methods=[op.method]) for op in operations]
        routes.append(Route("/_sandbox/flush", self._flush, methods=["POST"]))
        self._starlette = Starlette(routes=routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI event."""
        if self._settings.pump:
            self._start_pump()
        await self._starlette(scope, receive, send)

    async def close(self) -> None:
        """Stop posting callbacks and close the books; what waits is posted after the next start."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        await self._poster.close()
        self.books.close()

    def _endpoint(self, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                return await self._serve(operation, request)
            except Refusal as refusal:
                return refused(refusal)

        return endpoint

    async def _serve(self, operation: Operation, request: Request) -> Response:
        call = await self._read(operation, request)
        if operation.control:
            return JSONResponse(self._execute(operation, call))
        struck = self.faults.meet(
            operation.name, call.key or str(request.url), call.body.content, effect=operation.effect
        )
        if struck and struck.fault is Fault.SLOW:
            await asyncio.sleep(min(struck.seconds, _MAX_SLOW_S))
        if struck and struck.fault in BEFORE:
            return struck_before(struck)
        answer = self._execute(operation, call)
        return self._answer(struck, answer)

    def _answer(self, struck: Struck | None, answer: JsonObject) -> Response:
        if struck is None or struck.fault is Fault.SLOW:
            return JSONResponse(answer)
        return spoiled(struck.fault, answer)

    async def _read(self, operation: Operation, request: Request) -> Call:
        content = await request.body()
        given = request.headers.get("authorization", "").encode()
        if not operation.control and not hmac.compare_digest(given, self._expected):
            raise Refusal(401, "unauthorized", "the bearer token is not known")
        key = request.headers.get(KEY_HEADER, "")
        if operation.effect and not key:
            raise unusable(f"{KEY_HEADER}: a key is needed")
        return Call(
            body=Fields(json_object(content, unusable) if content else {}, unusable),
            path=request.path_params,
            query=dict(request.query_params),
            key=key,
            webhook_url=request.headers.get(WEBHOOK_URL_HEADER, ""),
            now=self.clock.now(),
        )

    def _execute(self, operation: Operation, call: Call) -> JsonObject:
        with self.books.transaction():
            if operation.name != "set_clock":
                self.vendor.advance(call.now)
            if not operation.effect:
                return operation.run(call)
            return self._kept(operation, call) or self._first(operation, call)

    def _kept(self, operation: Operation, call: Call) -> JsonObject | None:
        """The answer that this key got before; another body under the same key is refused, and so is an old key."""
        kept = self.books.one(
            "select body_hash, answer, kept_at from kept_answer where operation = :operation and key = :key",
            operation=operation.name,
            key=call.key,
        )
        if kept is None:
            return None
        if kept["body_hash"] != _hash(call):
            raise Refusal(409, "key_reused", "this key came with another body before")
        if instant_of(kept["kept_at"]) + KEY_LIFETIME < call.now:
            raise Refusal(409, "key_expired", "this key is older than a day")
        answer: JsonObject = json.loads(kept["answer"])
        return answer

    def _first(self, operation: Operation, call: Call) -> JsonObject:
        answer = operation.run(call)
        self.books.run(
            "insert into kept_answer values (:operation, :key, :body_hash, :answer, :kept_at)",
            operation=operation.name,
            key=call.key,
            body_hash=_hash(call),
            answer=json.dumps(answer),
            kept_at=stamp(call.now),
        )
        return answer

    async def _flush(self, request: Request) -> Response:
        with self.books.transaction():
            self.vendor.advance(self.clock.now())
        return JSONResponse({"waiting": await self.outbox.flush()})

    def _start_pump(self) -> None:
        if self._pump is None or self._pump.done():
            self._pump = asyncio.get_running_loop().create_task(self._run_pump())

    async def _run_pump(self) -> None:
        """Let time do its work and post what is due; pauses grow while nobody takes anything."""
        pause_s = _PUMP_EVERY_S
        while True:
            with self.books.transaction():
                self.vendor.advance(self.clock.now())
            taken, missed = await self.outbox.post_due()
            pause_s = _pause_s(pause_s, taken, missed)
            await asyncio.sleep(pause_s)


def _pause_s(last_s: float, taken: int, missed: int) -> float:
    if taken:
        return _PUMP_BUSY_S
    return min(max(last_s, _PUMP_EVERY_S) * 2, _PUMP_MOST_S) if missed else _PUMP_EVERY_S


def _hash(call: Call) -> str:
    return hashlib.sha256(json_bytes(call.body.content)).hexdigest()
