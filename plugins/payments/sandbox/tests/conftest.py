"""The payment stand-in and its plugin, in one rig."""

from __future__ import annotations

from leasehub_payments_sandbox.plugin import descriptor
from leasehub_payments_sandbox.vendor import create_app

from hub.testing.fixtures import sandbox_fixtures

clock, rig, any_rig = sandbox_fixtures(create_app, descriptor)
