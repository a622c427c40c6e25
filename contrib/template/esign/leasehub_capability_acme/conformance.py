"""A stand-in for Acme, and the rig in which the conformance kit tries this plugin. Have it answer as Acme does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from leasehub_capability_acme.plugin import descriptor

from hub.sdk.clock import VirtualClock
from hub.sdk.reading import JsonObject
from hub.testing import Exemption, Refusals, Rig
from hub.testing.standin import Asked, Refused, StandIn, refusal, standard_callbacks

_START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
_API_KEY, _WEBHOOK_SECRET = "key-made-up-for-tests", "secret-made-up-for-tests"
_EVENTS = (("envelope.done", "done"), ("envelope.refused", "refused"))

# What Acme cannot do, each as exempt(id, reason) of hub.testing. The reason stands in every report.
EXEMPTIONS: tuple[Exemption, ...] = ()


class AcmeStandIn(StandIn):
    """What Acme does with a request."""

    def __init__(self) -> None:
        super().__init__(_API_KEY)
        self.effect("/v1/envelopes", self._create)
        self.effect("/v1/envelopes/{ref}/recall", self._recall)
        self.read("/v1/envelopes", self.find)
        self.read("/v1/envelopes/{ref}", self.find)
        self.read("/v1/envelopes/{ref}/signed", self._signed)

    def _create(self, asked: Asked) -> JsonObject:
        urls = ["https://sign.acme.example/1", "https://sign.acme.example/2"]
        return self.keep(asked, status="out", signing_urls=urls, files=asked.body["files"])

    def _recall(self, asked: Asked) -> JsonObject:
        return self.change(asked, status="recalled")

    def _signed(self, asked: Asked) -> JsonObject:
        envelope = self.find(asked)
        if envelope["status"] != "done":
            raise Refused(422, "not_signed_yet")
        assert isinstance(envelope["files"], list)
        return {**envelope["files"][0], "ref": envelope["ref"], "content_type": "application/pdf", "evidence": {}}

    async def pass_time(self) -> None:
        """What waits at Acme comes to its end."""
        self.turn("out", "done", completed_at=_START_AT.isoformat())


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
