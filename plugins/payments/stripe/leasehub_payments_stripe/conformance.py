"""The rig in which the conformance kit tries this plugin: the stand-in inside the process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx

from hub.sdk.clock import VirtualClock
from hub.testing import Callbacks, Refusals, Rig
from hub.testing.contexts import WEBHOOK_URL
from leasehub_payments_stripe.callbacks import SIGNATURE
from leasehub_payments_stripe.plugin import descriptor
from leasehub_payments_stripe.standin import StripeVendor, signature

START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
API_KEY, WEBHOOK_SECRET = "rk_test_made-up-for-tests", "whsec_made-up-for-tests"
# A bank debit comes through slowly, so that there is something to cancel.
SETTINGS: Mapping[str, object] = {
    "api_key": API_KEY,
    "webhook_secret": WEBHOOK_SECRET,
    "payment_method_types": ["us_bank_account"],
}


@asynccontextmanager
async def make() -> AsyncIterator[Rig]:
    """A fresh vendor with the plugin in front of it."""
    clock = VirtualClock(START_AT)
    vendor = StripeVendor(clock, API_KEY, webhook_secret=WEBHOOK_SECRET, push_to=WEBHOOK_URL)
    yield Rig(
        descriptor=descriptor,
        settings=SETTINGS,
        vendor=httpx.ASGITransport(app=vendor.app),
        refusals=Refusals(rejected=_declined),
        books=vendor.books,
        pass_time=vendor.settle,
        clock=clock,
        callbacks=_callbacks(),
        carries=_carries,
    )


def _declined() -> httpx.Response:
    error = {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds", "message": "no"}
    return httpx.Response(402, json={"error": error})


def _carries(request: httpx.Request) -> bool:
    """Not the question whom a mandate lets us debit, nor the note at a payment that is to be cancelled."""
    asks_payer = (
        request.url.path.startswith("/v1/checkout/sessions/") and b"setup_intent.mandate" not in request.url.query
    )
    notes = request.method == "POST" and request.url.path.startswith("/v1/payment_intents/pi_")
    return not asks_payer and not (notes and not request.url.path.endswith("/cancel"))


def _callbacks() -> Callbacks:
    def event(number: int, type_: str, **subject: object) -> bytes:
        told = {"id": f"evt_{number}", "object": "event", "created": 1772676000, "type": type_}
        return json.dumps({**told, "data": {"object": subject}}).encode()

    noted = {"metadata": {"leasehub_key": "key-1"}}
    return Callbacks(
        secret=WEBHOOK_SECRET,
        sign=lambda secret, body, sent_at: {SIGNATURE: signature(secret, body, sent_at)},
        bodies=[
            event(1, "payment_intent.succeeded", id="pi_1", object="payment_intent", status="succeeded", **noted),
            event(2, "refund.failed", id="re_1", object="refund", status="failed", metadata={}),
            event(
                3, "checkout.session.completed", id="cs_1", object="checkout.session", mode="setup", status="complete"
            ),
        ],
        unmapped=event(4, "charge.dispute.created", id="dp_1", object="dispute", status="needs_response"),
        signature_header=SIGNATURE,
    )
