"""The rig in which the conformance kit tries this plugin: the stand-in vendor inside the process."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from hub.testing.kit.rig import Rig
from hub.testing.sandbox_rig import conformance_rig
from leasehub_credit_bureau_sandbox.plugin import descriptor
from leasehub_credit_bureau_sandbox.vendor import create_app

_EVENTS = (("inquiry.ready", "ready"), ("inquiry.no_hit", "no_hit"))


def make() -> AbstractAsyncContextManager[Rig]:
    """A fresh vendor with its plugin."""
    return conformance_rig(create_app, descriptor, events=_EVENTS)
