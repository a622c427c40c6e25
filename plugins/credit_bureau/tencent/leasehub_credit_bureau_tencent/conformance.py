"""The rig in which the conformance kit tries this plugin: the stand-in vendor inside the process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from leasehub_tc3.standin import rig_of

from hub.sdk.clock import VirtualClock
from hub.testing import Rig
from hub.testing.kit.samples import IDENTITY, NAME, NUMBER, PHONE
from leasehub_credit_bureau_tencent.plugin import descriptor
from leasehub_credit_bureau_tencent.standin import Person, TencentRegister

START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
KEY_ID, KEY = "AKID-of-the-kit-77aa", "key-of-the-kit-12cd"
SETTINGS: Mapping[str, object] = {"secret_id": KEY_ID, "secret_key": KEY}
APPLICANT = Person(name=NAME, document=IDENTITY, phone=PHONE.removeprefix("+86"), card=NUMBER)


def vendor_at(clock: VirtualClock) -> TencentRegister:
    """A register that knows the kit's applicant."""
    vendor = TencentRegister(clock, secret_id=KEY_ID, secret_key=KEY)
    vendor.people[IDENTITY] = APPLICANT
    return vendor


@asynccontextmanager
async def make() -> AsyncIterator[Rig]:
    """A fresh vendor with its plugin."""
    vendor = vendor_at(clock := VirtualClock(START_AT))
    rig = rig_of(vendor, clock, descriptor, SETTINGS, rejected="InvalidParameterValue")
    yield replace(rig, status_field="Response.Result")
