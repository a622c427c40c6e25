"""Fixtures for the tests of a sandbox plugin: one clock, its rig in the process, and its rig on every road to the vendor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub.core.provider import PluginDescriptor
from hub.sdk.clock import VirtualClock
from hub.sdk.sandbox.app import CreateApp
from hub.testing.sandboxes import Rig, rig_in_process, rig_over_http

START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
IMPATIENT_S = 0.2  # how long `any_rig` waits for the vendor: a test of a silent one should not last


def sandbox_fixtures(
    create_app: CreateApp, descriptor: PluginDescriptor
) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """`clock`, `rig` (in the process) and `any_rig` (in the process, then over HTTP): assign them in a conftest."""

    @pytest.fixture(name="clock")
    def clock() -> VirtualClock:
        return VirtualClock(START_AT)

    @pytest_asyncio.fixture(name="rig")
    async def rig(tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Rig]:
        async with rig_in_process(create_app, descriptor, tmp_path, clock) as made:
            yield made

    @pytest_asyncio.fixture(name="any_rig", params=[rig_in_process, rig_over_http], ids=["in_process", "over_http"])
    async def any_rig(request: pytest.FixtureRequest, tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Rig]:
        async with request.param(create_app, descriptor, tmp_path, clock, timeout_s=IMPATIENT_S) as made:
            yield made

    return clock, rig, any_rig
