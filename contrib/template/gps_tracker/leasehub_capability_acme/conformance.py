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
_EVENTS = (("alarm.power_cut", "power_cut"), ("alarm.tamper", "tamper"))
_FIX: JsonObject = {
    "lat": "31.230416",
    "lon": "121.473701",
    "datum": "wgs84",
    "fixed_at": _START_AT.isoformat(),
    "accuracy_m": 8,
    "speed_kmh": "0.0",
    "heading": 90,
    "ignition": False,
    "source": "gnss",
}

# What Acme cannot do, each as exempt(id, reason) of hub.testing. The reason stands in every report.
EXEMPTIONS: tuple[Exemption, ...] = ()


class AcmeStandIn(StandIn):
    """What Acme does with a request."""

    def __init__(self) -> None:
        super().__init__(_API_KEY)
        self.effect("/v1/devices/{device}/fences", self._put_fence)
        self.effect("/v1/devices/{device}/fences/delete", self._delete_fence)
        self.effect("/v1/devices/{device}/immobilize", self._immobilize)
        self.read("/v1/positions/{device}", lambda asked: _FIX)
        self.read("/v1/devices/{device}/track", lambda asked: {"fixes": [_FIX], "next": None})

    def _put_fence(self, asked: Asked) -> JsonObject:
        return self.keep(asked, fence=asked.body["fence"], active=True)

    def _delete_fence(self, asked: Asked) -> JsonObject:
        return self.keep(asked, fence=asked.body["fence"], active=False)

    def _immobilize(self, asked: Asked) -> JsonObject:
        return self.keep(asked, accepted=True)

    async def pass_time(self) -> None:
        """What waits at Acme comes to its end."""
        self.turn("waiting", "done")


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
