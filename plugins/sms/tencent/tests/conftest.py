"""The plugin before its stand-in, at a time that stands still, and what it sends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from leasehub_sms_tencent.conformance import KEY, KEY_ID, SETTINGS, START_AT, TOKEN
from leasehub_sms_tencent.plugin import TencentSms
from leasehub_sms_tencent.settings import TencentSmsSettings
from leasehub_sms_tencent.standin import TencentMessenger

from hub.sdk.clock import VirtualClock
from hub.testing.contexts import call_context, plugin_context


@dataclass
class Desk:
    """A plugin and its vendor."""

    provider: TencentSms
    vendor: TencentMessenger
    clock: VirtualClock

    def ctx(self, key: str = "message-1") -> Any:
        return call_context(self.clock, key)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START_AT)


@pytest.fixture
def settings() -> TencentSmsSettings:
    return TencentSmsSettings.model_validate(dict(SETTINGS))


@pytest.fixture
async def desk(clock: VirtualClock, settings: TencentSmsSettings) -> AsyncIterator[Desk]:
    url = "https://hub.example/webhooks/tencent"
    vendor = TencentMessenger(clock, secret_id=KEY_ID, secret_key=KEY, receipts_url=url, token=TOKEN)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=vendor.app)) as http:
        yield Desk(TencentSms(settings, plugin_context(http, clock)), vendor, clock)
