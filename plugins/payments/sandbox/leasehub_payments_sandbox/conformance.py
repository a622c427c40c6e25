"""The rig in which the conformance kit tries this plugin: the stand-in vendor inside the process."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import httpx

from hub.testing.kit.rig import Rig
from hub.testing.sandbox_rig import conformance_rig
from leasehub_payments_sandbox.plugin import descriptor
from leasehub_payments_sandbox.vendor import create_app

_EVENTS = (("charge.settled", "settled"), ("mandate.active", "active"))


async def _settle_after_a_minute(control: httpx.AsyncClient) -> None:
    """Only what is still under way can be stopped."""
    answer = await control.post("/_sandbox/script", json={"settle_s": 60})
    answer.raise_for_status()


def make() -> AbstractAsyncContextManager[Rig]:
    """A fresh vendor with its plugin."""
    return conformance_rig(create_app, descriptor, events=_EVENTS, prepare=_settle_after_a_minute)
