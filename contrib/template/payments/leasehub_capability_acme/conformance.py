"""A stand-in for Acme, and the rig in which the conformance kit tries this plugin. Have it answer as Acme does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from leasehub_capability_acme.plugin import descriptor

from hub.sdk.clock import VirtualClock
from hub.sdk.reading import JsonObject
from hub.testing import Exemption, Refusals, Rig
from hub.testing.standin import Asked, StandIn, money_of, refusal, standard_callbacks

_START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
_API_KEY, _WEBHOOK_SECRET = "key-made-up-for-tests", "secret-made-up-for-tests"
_EVENTS = (("charge.settled", "settled"), ("mandate.active", "active"))

# What Acme cannot do, each as exempt(id, reason) of hub.testing. The reason stands in every report.
EXEMPTIONS: tuple[Exemption, ...] = ()


class AcmeStandIn(StandIn):
    """What Acme does with a request."""

    def __init__(self) -> None:
        super().__init__(_API_KEY)
        self.effect("/v1/mandates", self._mandate)
        self.effect("/v1/mandates/{ref}/revoke", self._revoke)
        self.effect("/v1/charges", self._move)
        self.effect("/v1/payouts", self._move)
        self.effect("/v1/refunds", self._move)
        self.effect("/v1/movements/{ref}/cancel", self._cancel)
        for path in ("/v1/mandates", "/v1/mandates/{ref}", "/v1/movements", "/v1/movements/{ref}"):
            self.read(path, self.find)
        self.read("/v1/statements/{day}", self._statement)

    def _mandate(self, asked: Asked) -> JsonObject:
        return self.keep(asked, status="awaiting_payer", hosted_url="https://pay.acme.example/agree")

    def _revoke(self, asked: Asked) -> JsonObject:
        return self.change(asked, status="revoked")

    def _move(self, asked: Asked) -> JsonObject:
        return self.keep(asked, money_of(asked), status="processing", amount=asked.body["amount"])

    def _cancel(self, asked: Asked) -> JsonObject:
        return self.change(asked, status="cancelled", reason="cancelled")

    def _statement(self, asked: Asked) -> JsonObject:
        settled = [thing for thing in self.things.values() if thing["status"] == "settled"]
        return {"lines": [{**thing, "kind": "charge"} for thing in settled], "next": None}

    async def pass_time(self) -> None:
        """What waits at Acme comes to its end."""
        self.turn("awaiting_payer", "active", hosted_url=None)
        self.turn("processing", "settled", settled_at=_START_AT.isoformat())


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
