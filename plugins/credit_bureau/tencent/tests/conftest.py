"""The plugin before its stand-in, at a time that stands still."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from leasehub_credit_bureau_tencent.conformance import SETTINGS, START_AT, vendor_at
from leasehub_credit_bureau_tencent.plugin import TencentChecks
from leasehub_credit_bureau_tencent.settings import TencentChecksSettings
from leasehub_credit_bureau_tencent.standin import TencentRegister

from hub.sdk.clock import VirtualClock
from hub.testing.contexts import call_context, plugin_context


@dataclass
class Desk:
    """A vendor, and plugins before it."""

    vendor: TencentRegister
    clock: VirtualClock
    http: httpx.AsyncClient

    def provider(self, **settings: Any) -> TencentChecks:
        chosen = TencentChecksSettings.model_validate({**SETTINGS, **settings})
        return TencentChecks(chosen, plugin_context(self.http, self.clock))

    def ctx(self, key: str = "check-1") -> Any:
        return call_context(self.clock, key)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    clock = VirtualClock(START_AT)
    vendor = vendor_at(clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=vendor.app)) as http:
        yield Desk(vendor, clock, http)
