"""The rig in which the conformance kit tries this plugin: the stand-in vendor inside the process."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import httpx

from hub.testing.kit.rig import Rig
from hub.testing.sandbox_rig import conformance_rig
from leasehub_gps_tracker_sandbox.plugin import descriptor
from leasehub_gps_tracker_sandbox.vendor import create_app

_EVENTS = (("alarm.power_cut", "power_cut"), ("alarm.tamper", "tamper"))


async def _park(control: httpx.AsyncClient) -> None:
    """Only a standing car is kept from starting."""
    answer = await control.post("/_sandbox/devices/JT-000001/place", json={"latitude": "31.2", "longitude": "121.4"})
    answer.raise_for_status()


def make() -> AbstractAsyncContextManager[Rig]:
    """A fresh vendor with its plugin."""
    return conformance_rig(create_app, descriptor, events=_EVENTS, prepare=_park)
