"""The payment stand-in and its plugin: in the process for what it does, over HTTP for what can go wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from leasehub_payments_sandbox.plugin import descriptor
from leasehub_payments_sandbox.vendor import create_app

from hub.sdk.clock import VirtualClock
from hub.testing.sandboxes import Rig, rig_in_process, rig_over_http


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(datetime(2026, 3, 5, 2, 0, tzinfo=UTC))


@pytest.fixture(params=[rig_in_process, rig_over_http], ids=["in_process", "over_http"])
async def any_rig(request: pytest.FixtureRequest, tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Rig]:
    async with request.param(create_app, descriptor, tmp_path, clock, timeout_s=0.2) as rig:
        yield rig


@pytest.fixture
async def rig(tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Rig]:
    async with rig_in_process(create_app, descriptor, tmp_path, clock) as made:
        yield made
