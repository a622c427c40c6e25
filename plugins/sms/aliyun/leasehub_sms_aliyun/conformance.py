"""The rig in which the conformance kit tries this plugin: the stand-in inside the process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
from leasehub_acs3.standin import refusal

from hub.sdk.clock import VirtualClock
from hub.testing import Callbacks, Exemption, Refusals, Rig, exempt
from hub.testing.contexts import WEBHOOK_URL
from leasehub_sms_aliyun.callbacks import TOKEN
from leasehub_sms_aliyun.plugin import descriptor
from leasehub_sms_aliyun.standin import AliyunVendor

START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
KEY_ID, KEY_SECRET = "LTAI-made-up-for-tests", "secret-of-a-key-made-up"
CALLBACK_TOKEN = "token-made-up-for-the-tests-5f1c"  # noqa: S105 (made up)
SIGN_NAME = "租车行"
SETTINGS: Mapping[str, object] = {
    "access_key_id": KEY_ID,
    "access_key_secret": KEY_SECRET,
    "sign_name": SIGN_NAME,
    "templates": {"rent_due": "SMS_154950909"},
    "callback_token": CALLBACK_TOKEN,
}

EXEMPTIONS: tuple[Exemption, ...] = (
    exempt(
        "webhooks.tampered", "Aliyun signs no push: the secret in the address says who posts, nothing covers the body"
    ),
)


@asynccontextmanager
async def make() -> AsyncIterator[Rig]:
    """A fresh vendor with the plugin in front of it."""
    clock = VirtualClock(START_AT)
    pushed_to = f"{WEBHOOK_URL}?{TOKEN}={CALLBACK_TOKEN}"
    vendor = AliyunVendor(clock, {KEY_ID: KEY_SECRET}, sign_name=SIGN_NAME, push_to=pushed_to)
    yield Rig(
        descriptor=descriptor,
        settings=SETTINGS,
        vendor=httpx.ASGITransport(app=vendor.app),
        clock=clock,
        books=vendor.books,
        refusals=Refusals(
            rejected=lambda: refusal("isv.MOBILE_NUMBER_ILLEGAL"),
            auth=lambda: refusal("SignatureDoesNotMatch", 400),
            rate_limited=lambda: refusal("Throttling.User", 400, {"x-acs-retry-after": "7000"}),
        ),
        pass_time=vendor.settle,
        callbacks=_callbacks(),
        status_field=None,
    )


def _callbacks() -> Callbacks:
    report = {"phone_number": "13800000001", "report_time": "2026-03-05 10:00:00", "biz_id": "1^0", "out_id": "key-1"}
    call = {"call_id": "2^0", "status_code": "200003", "end_time": "2026-03-05 10:00:00", "out_id": "key-2"}
    reply = {"phone_number": "13800000001", "send_time": "2026-03-05 10:00:00", "content": "TD", "dest_code": "1"}
    return Callbacks(
        secret=CALLBACK_TOKEN,
        sign=lambda secret, body, sent_at: {TOKEN: secret},
        bodies=[
            json.dumps([report | {"success": True}, report | {"success": False, "biz_id": "3^0"}]).encode(),
            json.dumps([call]).encode(),
        ],
        unmapped=json.dumps([reply]).encode(),
        signature_header=TOKEN,
        dated=False,
        in_query=True,
    )
