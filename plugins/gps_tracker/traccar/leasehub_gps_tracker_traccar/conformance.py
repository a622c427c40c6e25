"""The rig in which the conformance kit tries this plugin: the stand-in inside the process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal

import httpx

from hub.core.ports.gps_tracker import Datum, Geofence, GeofenceDelete
from hub.sdk.clock import VirtualClock
from hub.testing import Callbacks, Exemption, Refusals, Rig, exempt
from hub.testing.kit.rig import Stage
from hub.testing.kit.samples import DEVICE
from leasehub_gps_tracker_traccar.callbacks import SECRET
from leasehub_gps_tracker_traccar.plugin import descriptor
from leasehub_gps_tracker_traccar.standin import TraccarVendor, parked

START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
TOKEN = "token-of-an-account-made-up-7f3a"  # noqa: S105 (made up)
EMAIL, PASSWORD = "hub@lessor.example", "password-made-up-5d10"
CALLBACK_SECRET = "secret-of-forwarding-made-up-91c2"  # noqa: S105 (made up)
SETTINGS: Mapping[str, object] = {
    "base_url": "http://vendor.test",
    "token": TOKEN,
    "callback_secret": CALLBACK_SECRET,
}

EXEMPTIONS: tuple[Exemption, ...] = (
    exempt(
        "webhooks.tampered", "Traccar signs nothing that it forwards: the secret header says who posts, and that is all"
    ),
)


@asynccontextmanager
async def make() -> AsyncIterator[Rig]:
    """A fresh server with the plugin in front of it."""
    clock = VirtualClock(START_AT)
    vendor = TraccarVendor(clock, token=TOKEN, email=EMAIL, password=PASSWORD)
    parked(vendor, DEVICE)
    no = "Device access denied - SecurityException (PermissionsService:117 < *:95)"
    yield Rig(
        descriptor=descriptor,
        settings=SETTINGS,
        clock=clock,
        books=vendor.books,
        vendor=httpx.ASGITransport(app=vendor.app),
        status_field=None,
        requests={"gps_geofence_delete": _fence_to_take_down},
        refusals=Refusals(rejected=lambda: httpx.Response(400, text=no)),
        callbacks=_callbacks(),
    )


async def _fence_to_take_down(stage: Stage) -> GeofenceDelete:
    """Another one than is put up meanwhile: two changes of one fence wait for each other."""
    fence = Geofence(
        fence_ref="old yard",
        device_ref=DEVICE,
        latitude=Decimal("31.23"),
        longitude=Decimal("121.47"),
        datum=Datum.WGS84,
        radius_m=200,
    )
    await stage.call("gps_geofence_put", fence)
    return GeofenceDelete(fence_ref="old yard", device_ref=DEVICE)


def _callbacks() -> Callbacks:
    device = {"id": 1, "uniqueId": DEVICE, "name": DEVICE, "status": "online", "attributes": {}}
    position = {"id": 9, "deviceId": 1, "fixTime": "2026-03-05T01:59:00.000+00:00", "valid": True, "outdated": False}
    position |= {"latitude": 31.23, "longitude": 121.47, "speed": 0.0, "course": 0.0, "accuracy": 0.0, "attributes": {}}

    def event(number: int, kind: str) -> bytes:
        told = {
            "id": number,
            "deviceId": 1,
            "type": kind,
            "attributes": {},
            "eventTime": "2026-03-05T02:00:00.000+00:00",
        }
        return json.dumps({"event": told, "device": device, "position": position}).encode()

    return Callbacks(
        secret=CALLBACK_SECRET,
        sign=lambda secret, body, sent_at: {SECRET: secret},
        bodies=[json.dumps({"position": position, "device": device}).encode(), event(7, "geofenceExit")],
        unmapped=event(8, "ignitionOn"),
        signature_header=SECRET,
        dated=False,
    )
