"""The rig in which the conformance kit tries this plugin: the stand-in vendor inside the process."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from hub.testing.kit.rig import Rig
from hub.testing.sandbox_rig import conformance_rig
from leasehub_sms_sandbox.plugin import descriptor
from leasehub_sms_sandbox.vendor import create_app

_EVENTS = (("message.delivered", "delivered"), ("message.failed", "failed"))


def make() -> AbstractAsyncContextManager[Rig]:
    """A fresh vendor with its plugin."""
    return conformance_rig(create_app, descriptor, events=_EVENTS)
