"""A second provider of messages for a while: who is tried first, and who steps in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa

from hub.integrations.records import ProviderOrder
from hub.wiring import reload_providers
from tests.stories.world import World

MAIN, SPARE = "sms_main", "sms_spare"


@asynccontextmanager
async def a_spare_of_messages(world: World) -> AsyncIterator[World]:
    """`sms_spare` beside `sms_main`, second in the order of hub.toml; afterwards everything is as it was."""
    file = world.hub.house.settings.config
    before = file.read_text()
    lines = before.splitlines()
    settings = lines[lines.index(f"[providers.{MAIN}]") + 4]
    entry = [
        f"[providers.{SPARE}]",
        'plugin = "sandbox_sms"',
        'mode = "sandbox"',
        'allow_hosts = ["127.0.0.1"]',
        settings,
    ]
    file.write_text("\n".join([*lines, *entry]).replace(f'default = ["{MAIN}"]', f'default = ["{MAIN}", "{SPARE}"]'))
    await reload_providers(world.hub.house)
    try:
        yield world
    finally:
        file.write_text(before)
        async with world.transaction() as tx:
            await tx.execute(sa.delete(ProviderOrder))
        await reload_providers(world.hub.house)
