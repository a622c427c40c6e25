"""The rig in which the conformance kit tries this plugin: the stand-in vendor inside the process."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import httpx
from leasehub_tc3.standin import rig_of

from hub.sdk.clock import VirtualClock
from hub.testing import Callbacks, Exemption, Rig, exempt
from leasehub_esign_tencent.plugin import descriptor
from leasehub_esign_tencent.standin import OPERATOR, SEAL, TencentEss, notice, signed

START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
KEY_ID, KEY = "AKID-of-the-kit-9d02", "key-of-the-kit-55ee"
TOKEN, CALLBACK_KEY = "notices-of-the-kit-31f0", "a-key-of-32-characters-for-tests"
SETTINGS: Mapping[str, object] = {
    "secret_id": KEY_ID,
    "secret_key": KEY,
    "operator_id": OPERATOR,
    "organization_name": "典子谦示例企业",
    "lessor_seal_id": SEAL,
    "callback_token": TOKEN,
    "callback_key": CALLBACK_KEY,
}
_BEFORE_OR_AFTER = {"UploadFiles", "CreateFlowSignUrl"}  # a file binds nobody; links are asked for when it is out

EXEMPTIONS: tuple[Exemption, ...] = (
    exempt("calls.found_again", "Tencent finds an envelope by its own reference alone; a notice brings our key back"),
    exempt("status.no_record", "Tencent finds an envelope by its own reference alone"),
)


def vendor_at(clock: VirtualClock) -> TencentEss:
    """A vendor that knows the kit's account."""
    return TencentEss(
        clock,
        secret_id=KEY_ID,
        secret_key=KEY,
        notices_url="https://hub.example/webhooks/tencent",
        token=TOKEN,
        callback_key=CALLBACK_KEY,
    )


@asynccontextmanager
async def make() -> AsyncIterator[Rig]:
    """A fresh vendor with its plugin."""
    vendor = vendor_at(clock := VirtualClock(START_AT))
    rig = rig_of(vendor, clock, descriptor, SETTINGS, rejected="OperationDenied.FlowStatusForbid")
    yield replace(
        rig,
        status_field=None,
        carries=_carries,
        callbacks=Callbacks(
            secret=TOKEN,
            sign=lambda secret, body, sent_at: signed(secret, body),
            bodies=[_notice("msg-1", 2), _notice("msg-2", 4)],
            unmapped=notice(CALLBACK_KEY, "msg-9", "OperateSeal", {"SealId": "yDxMj"}),
            signature_header="content-signature",
            dated=False,
        ),
    )


def _carries(request: httpx.Request) -> bool:
    return request.headers.get("x-tc-action") not in _BEFORE_OR_AFTER


def _notice(message_id: str, status: int) -> bytes:
    key = base64.b64encode(b"key-1").decode()
    told = {"FlowId": "yDwqoUUckp3bkmc7", "FlowCallbackStatus": status, "UserData": key, "UpdatedOn": 1772676000}
    return notice(CALLBACK_KEY, message_id, "FlowStatusChange", told)
