"""The rig in which the conformance kit tries this plugin: the stand-in vendor inside the process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from leasehub_tc3.standin import rig_of

from hub.sdk.clock import VirtualClock
from hub.testing import Callbacks, Exemption, Rig, exempt
from leasehub_sms_tencent.plugin import descriptor
from leasehub_sms_tencent.standin import APP, SIGN, VOICE_APP, TencentMessenger

START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
KEY_ID, KEY, TOKEN = "AKID-of-the-kit-4c1b", "key-of-the-kit-7f3a", "receipts-of-the-kit-91c2"
SETTINGS: Mapping[str, object] = {
    "secret_id": KEY_ID,
    "secret_key": KEY,
    "receipt_token": TOKEN,
    "sms_sdk_app_id": APP,
    "sign_name": SIGN,
    "templates": {"rent_due": {"id": "449739", "params": ["amount", "due_on"]}},
    "voice_sdk_app_id": VOICE_APP,
    "voice_templates": {"rent_due": {"id": "449739", "params": ["amount", "due_on"]}},
}

EXEMPTIONS: tuple[Exemption, ...] = (
    exempt("calls.found_again", "Tencent lists a message only once the carrier has reported on it"),
    exempt("webhooks.tampered", "Tencent signs no receipt; the word in its address does not cover what it says"),
)


@asynccontextmanager
async def make() -> AsyncIterator[Rig]:
    """A fresh vendor with its plugin."""
    clock = VirtualClock(START_AT)
    receipts = "https://hub.example/webhooks/tencent"
    vendor = TencentMessenger(clock, secret_id=KEY_ID, secret_key=KEY, receipts_url=receipts, token=TOKEN)
    yield replace(
        rig_of(vendor, clock, descriptor, SETTINGS, rejected="InvalidParameterValue.IncorrectPhoneNumber"),
        status_field="Response.SendStatusSet.0.Code",
        callbacks=Callbacks(
            secret=TOKEN,
            sign=lambda secret, body, sent_at: {"token": secret},
            bodies=[_message("SUCCESS", "5000:1"), _call("0"), _message("FAIL", "5000:2")],
            unmapped=json.dumps({"voicekey_callback": {"callid": "call-9", "keypress": "2"}}).encode(),
            signature_header="token",
            dated=False,
            in_query=True,
        ),
    )


def _message(status: str, number: str) -> bytes:
    told = {"report_status": status, "sid": number, "errmsg": "DELIVRD", "user_receive_time": "2026-03-05 10:00:00"}
    return json.dumps([{**told, "nationcode": "86", "mobile": "13812345678", "description": "…"}]).encode()


def _call(result: str) -> bytes:
    told = {"result": result, "callid": "call-1", "accept_time": "1470197211", "mobile": "13812345678"}
    return json.dumps({"voiceprompt_callback": told}).encode()
