"""A stand-in for Acme, and the rig in which the conformance kit tries this plugin. Have it answer as Acme does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from leasehub_capability_acme.plugin import descriptor

from hub.sdk.clock import VirtualClock
from hub.sdk.reading import JsonObject
from hub.testing import Exemption, Refusals, Rig
from hub.testing.standin import Asked, StandIn, refusal, standard_callbacks

_START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
_API_KEY, _WEBHOOK_SECRET = "key-made-up-for-tests", "secret-made-up-for-tests"
_EVENTS = (("message.delivered", "delivered"), ("message.failed", "failed"))

# What Acme cannot do, each as exempt(id, reason) of hub.testing. The reason stands in every report.
EXEMPTIONS: tuple[Exemption, ...] = ()


class AcmeStandIn(StandIn):
    """What Acme does with a request."""

    def __init__(self) -> None:
        super().__init__(_API_KEY)
        self.effect("/v1/messages", self._send)
        self.read("/v1/messages", self.find)
        self.read("/v1/messages/{ref}", self.find)

    def _send(self, asked: Asked) -> JsonObject:
        return self.keep(asked, status="queued", segments=1, cost={"minor": 5, "currency": "CNY"})

    async def pass_time(self) -> None:
        """What waits at Acme comes to its end."""
        self.turn("queued", "delivered", delivered_at=_START_AT.isoformat())


@asynccontextmanager
async def make() -> AsyncIterator[Rig]:
    """A fresh stand-in with the plugin in front of it."""
    clock, acme = VirtualClock(_START_AT), AcmeStandIn()
    yield Rig(
        descriptor=descriptor,
        settings={"base_url": "https://api.acme.example", "api_key": _API_KEY, "webhook_secret": _WEBHOOK_SECRET},
        vendor=acme.transport,
        clock=clock,
        books=acme.books,
        refusals=Refusals(rejected=lambda: refusal(402, "payment_required")),
        pass_time=acme.pass_time,
        callbacks=standard_callbacks(_WEBHOOK_SECRET, _EVENTS, clock.now()),
    )
