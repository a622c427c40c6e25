"""The rig in which the conformance kit tries this plugin: the stand-in inside the process."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
from leasehub_acs3.standin import refusal

from hub.core.provider import CallContext, PluginContext
from hub.sdk.clock import VirtualClock
from hub.testing import Refusals, Rig
from leasehub_credit_bureau_aliyun.plugin import AliyunCredit, descriptor
from leasehub_credit_bureau_aliyun.settings import AliyunCreditSettings
from leasehub_credit_bureau_aliyun.standin import AliyunVendor, Person

START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
KEY_ID, KEY_SECRET = "LTAI-made-up-for-tests", "secret-of-a-key-made-up"
SETTINGS: Mapping[str, object] = {"access_key_id": KEY_ID, "access_key_secret": KEY_SECRET}
# The person of the kit's own inquiry.
KNOWN = Person(name="张三丰", document="110101199003078515", phone="13812345678")


@asynccontextmanager
async def make() -> AsyncIterator[Rig]:
    """A fresh vendor with the plugin in front of it. The vendor takes no key, so here the nonce carries it to the books."""
    clock, numbers = VirtualClock(START_AT), itertools.count()
    vendor = AliyunVendor(clock, {KEY_ID: KEY_SECRET}, (KNOWN,))

    def counted(settings: AliyunCreditSettings, context: PluginContext) -> AliyunCredit:
        def nonce(ctx: CallContext) -> str:
            return f"{ctx.idempotency_key}.{next(numbers)}"

        return AliyunCredit(settings, context, nonce)

    yield Rig(
        descriptor=dataclasses.replace(descriptor, factory=counted),
        settings=SETTINGS,
        vendor=httpx.ASGITransport(app=vendor.app),
        clock=clock,
        books=vendor.books,
        refusals=Refusals(
            rejected=lambda: refusal("401"),
            auth=lambda: refusal("InvalidAccessKeyId.NotFound", 404),
            rate_limited=lambda: refusal("Throttling.User", 400, {"x-acs-retry-after": "7000"}),
        ),
        status_field="ResultObject.BizCode",
    )
