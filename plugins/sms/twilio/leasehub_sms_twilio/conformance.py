"""The rig in which the conformance kit tries this plugin: the stand-in inside the process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

import httpx

from hub.sdk.clock import VirtualClock
from hub.testing import Callbacks, Refusals, Rig
from hub.testing.contexts import WEBHOOK_URL
from leasehub_sms_twilio.callbacks import SIGNATURE, signed
from leasehub_sms_twilio.plugin import descriptor
from leasehub_sms_twilio.standin import TwilioVendor

START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
ACCOUNT, TOKEN = f"AC{7:032x}", "token-made-up-for-tests"
SETTINGS: Mapping[str, object] = {
    "account_sid": ACCOUNT,
    "auth_token": TOKEN,
    "from_number": "+15005550006",
    "call_from": "+15005550006",
    "templates": {"rent_due": f"HX{9:032x}"},
}


@asynccontextmanager
async def make() -> AsyncIterator[Rig]:
    """A fresh vendor with the plugin in front of it."""
    clock = VirtualClock(START_AT)
    vendor = TwilioVendor(clock, ACCOUNT, {ACCOUNT: TOKEN}, token=TOKEN)
    yield Rig(
        settings=SETTINGS,
        descriptor=descriptor,
        clock=clock,
        vendor=httpx.ASGITransport(app=vendor.app),
        books=vendor.books,
        refusals=Refusals(rejected=lambda: httpx.Response(400, json={"code": 21610, "status": 400})),
        callbacks=_callbacks(),
        pass_time=vendor.settle,
    )


def _callbacks() -> Callbacks:
    def body(**fields: str) -> bytes:
        return urlencode({"AccountSid": ACCOUNT, "To": "+8613800000001", **fields}).encode()

    def sign(secret: str, sent: bytes, sent_at: datetime) -> dict[str, str]:
        form = parse_qsl(sent.decode("latin-1"), keep_blank_values=True)
        return {SIGNATURE: signed(secret, WEBHOOK_URL, form)}

    return Callbacks(
        secret=TOKEN,
        sign=sign,
        bodies=[
            body(MessageSid=f"SM{1:032x}", MessageStatus="delivered"),
            body(CallSid=f"CA{2:032x}", CallStatus="no-answer", CallDuration="0"),
        ],
        unmapped=body(MessageSid=f"SM{3:032x}", SmsStatus="received", Body="STOP"),
        signature_header=SIGNATURE,
        dated=False,
    )
