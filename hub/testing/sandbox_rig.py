"""A stand-in vendor and its plugin as a rig for the conformance kit."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from pydantic import SecretStr

from hub.core.money import Money
from hub.core.provider import PluginDescriptor
from hub.sdk.clock import VirtualClock
from hub.sdk.sandbox.app import CreateApp, SandboxApp, SandboxSettings
from hub.sdk.sandbox.transport import InProcessTransport
from hub.testing.kit.rig import Arrange, Booking, Refusals, Rig
from hub.testing.standin import refusal, standard_callbacks

_START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
_API_KEY = "key-of-the-kit-7f3a"
_WEBHOOK_SECRET = "callbacks-of-the-kit-91c2"  # noqa: S105 (made up)
_SETTINGS = SandboxSettings(pump=False, api_key=SecretStr(_API_KEY), webhook_secret=SecretStr(_WEBHOOK_SECRET))


@asynccontextmanager
async def conformance_rig(
    create_app: CreateApp,
    descriptor: PluginDescriptor,
    *,
    events: Sequence[tuple[str, str]],
    prepare: Callable[[httpx.AsyncClient], Awaitable[None]] | None = None,
    requests: Mapping[str, object | Arrange] | None = None,
) -> AsyncIterator[Rig]:
    """A stand-in vendor and its plugin for the conformance kit.

    `events` are types and statuses of callbacks that this vendor sends; `prepare` scripts the vendor before anything
    is asked, over a client of its control routes.
    """
    clock = VirtualClock(_START_AT)
    with TemporaryDirectory() as folder:
        app = create_app(Path(folder), clock, _SETTINGS)
        vendor = InProcessTransport(app)
        if prepare is not None:
            async with httpx.AsyncClient(transport=vendor, base_url="http://vendor.test") as control:
                await prepare(control)
        yield Rig(
            descriptor=descriptor,
            settings={"base_url": "http://vendor.test", "api_key": _API_KEY, "webhook_secret": _WEBHOOK_SECRET},
            vendor=vendor,
            clock=clock,
            books=lambda: _bookings(app),
            refusals=Refusals(rejected=lambda: refusal(402, "payment_required")),
            pass_time=lambda: _later(clock),
            requests=requests or {},
            callbacks=standard_callbacks(_WEBHOOK_SECRET, events, clock.now()),
        )
        await app.close()


async def _bookings(app: SandboxApp) -> list[Booking]:
    """What the vendor has had done, by the answers that it keeps: one for each key."""
    rows = app.books.all("select key, answer from kept_answer order by kept_at, operation, key")
    found = [(str(row["key"]), json.loads(row["answer"]).get("amount")) for row in rows]
    return [Booking(key=key, money=Money(**amount) if amount else None) for key, amount in found]


async def _later(clock: VirtualClock) -> None:
    clock.advance(timedelta(minutes=2))
