"""A hub with one payment vendor on real loopback HTTP, both on one virtual clock and one seed, and nothing else.

Days pass only when told. What a tick of the machine's clock starts is run here by hand, so that a seed gives one run.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from leasehub_payments_sandbox.vendor import create_app as create_vendor
from sqlalchemy import text
from starlette.types import Receive, Scope, Send

from hub import wiring
from hub.api.app import create_app
from hub.infra.access import system
from hub.infra.clock import BUSINESS_ZONE, Ids, business_date
from hub.infra.database import Database
from hub.infra.settings import HubSettings
from hub.integrations.executor import Executor
from hub.integrations.inbox import INBOX_APPLY
from hub.integrations.reconcile import RECONCILE
from hub.leasing.mandates.service import PERFORM_MANDATES
from hub.leasing.payments.service import PERFORM_CHARGES
from hub.leasing.servicing import service as servicing
from hub.sdk.clock import VirtualClock
from hub.sdk.sandbox.app import SandboxSettings
from hub.testing.loopback import loopback
from hub.wiring import Hub, open_hub, tasks

_CONFIGURATION = """
[plugins.sandbox_payments]
distribution = "leasehub-payments-sandbox"
[providers.psp_main]
plugin = "sandbox_payments"
mode = "sandbox"
allow_hosts = ["127.0.0.1"]
settings = {{ base_url = "{address}", timeout_s = 0.3 }}
[routes.payments]
default = ["psp_main"]
"""
_STEP = timedelta(minutes=1)
_TICK = (PERFORM_MANDATES, PERFORM_CHARGES, INBOX_APPLY, RECONCILE)
_NEXT = "select min(at) from (select min(reconcile_at) at from provider_call union select min(apply_at) from webhook_inbox) x"


class _Door:
    """An address that is known before the application behind it is there."""

    app: FastAPI

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@dataclass(frozen=True, slots=True, kw_only=True)
class Street:
    """The hub and its vendor."""

    hub: Hub
    clock: VirtualClock
    vendor: httpx.AsyncClient = field(repr=False)

    @property
    def database(self) -> Database:
        """The hub's database."""
        return self.hub.house.database

    @property
    def today(self) -> date:
        """The business date."""
        return business_date(self.clock)

    async def tell(self, path: str, **body: object) -> None:
        """Tell the vendor how to behave."""
        (await self.vendor.post(f"/_sandbox/{path}", json=body)).raise_for_status()

    async def books(self) -> Mapping[str, Any]:
        """The vendor's own books."""
        found: Mapping[str, Any] = (await self.vendor.get("/_sandbox/books")).raise_for_status().json()
        return found

    async def struck(self) -> Mapping[str, int]:
        """How often each operation has met each fault."""
        found: Mapping[str, int] = (await self.vendor.get("/_sandbox/faults")).raise_for_status().json()["struck"]
        return found

    async def live_through(self, day: date) -> None:
        """Close the morning of a day, then follow every question and callback as they fall due until its evening."""
        self.clock.move_to(max(self.clock.now(), datetime.combine(day, time(9), BUSINESS_ZONE)))
        await wiring.close_day(self.hub.house)
        await self.settle()
        evening = datetime.combine(day, time(20), BUSINESS_ZONE)
        while (next_at := await self._next_at()) is not None and next_at <= evening:
            self.clock.move_to(max(next_at, self.clock.now() + _STEP))
            await self.settle()

    async def settle(self) -> None:
        """Send out what waits while callbacks come in, then take those that came."""
        await asyncio.gather(self._tick(), self.tell("flush"))
        await self.tell("flush")
        await self._tick()

    async def _tick(self) -> None:
        takes = tasks(self.hub.house)
        for name in _TICK:
            while await takes[name][0]():
                pass

    async def next_day(self) -> date | None:
        """The next day on which anything happens: a rent, a question to the vendor, a callback."""
        async with self.database.transaction(system("test")) as tx:
            due_on = await servicing.first_event_on(tx)
        next_at = await self._next_at()
        days = [due_on, None if next_at is None else next_at.astimezone(BUSINESS_ZONE).date()]
        coming = [day for day in days if day is not None]
        return max(min(coming), self.today + timedelta(days=1)) if coming else None

    async def _next_at(self) -> datetime | None:
        async with self.database.transaction(system("test")) as tx:
            found: datetime | None = await tx.scalar(text(_NEXT))
            return found


async def _pause(_seconds: float) -> None:
    """Between two attempts the others have their turn; the clock stands, so that nobody need wait for it."""
    await asyncio.sleep(0)


@asynccontextmanager
async def open_street(
    url: str, folder: Path, start_at: datetime, seed: int, patch: pytest.MonkeyPatch
) -> AsyncIterator[Street]:
    """The vendor, the hub on the database at `url`, and its doors; chance and every waiting time follow seed and clock."""
    clock, door = VirtualClock(start_at), _Door()
    patch.setattr(wiring, "Ids", partial(Ids, random_bytes=random.Random(seed).randbytes))
    patch.setattr(wiring, "Executor", partial(Executor, timer=lambda: clock.now().timestamp(), sleep=_pause))
    vendor = create_vendor(folder, clock, SandboxSettings(pump=False))
    async with AsyncExitStack() as stack:
        vendor_address = await stack.enter_async_context(loopback(vendor))
        stack.push_async_callback(vendor.close)
        address = await stack.enter_async_context(loopback(door))
        config = folder / "hub.toml"
        config.write_text(_CONFIGURATION.format(address=vendor_address))
        settings = HubSettings(config=config, data_dir=folder, database_url=url, public_url=address)
        hub = await stack.enter_async_context(open_hub(settings, url, clock=clock))
        door.app = create_app(hub.house)
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=vendor_address, timeout=120, limits=httpx.Limits(max_keepalive_connections=0))
        )
        yield Street(hub=hub, clock=clock, vendor=client)
