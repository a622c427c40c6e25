"""A company at work in a world of its own: headquarters, two branches, a crew in the north, a product on offer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from hub.infra import passwords
from hub.infra.access import Role
from tests.stories.lease import CREW
from tests.stories.world import World, open_world

Opening = Callable[..., AbstractAsyncContextManager[World]]
START = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)  # a Monday, nine in the morning in Shanghai


@asynccontextmanager
async def company_at_work(
    url: str, empty: Callable[[], None], folder: Path, *, opening: Opening = open_world, **settings: Any
) -> AsyncIterator[World]:
    """The company, on the database at `url`, which is emptied first; `settings` go to the world that is opened."""
    await asyncio.to_thread(empty)
    with pytest.MonkeyPatch.context() as patch:
        # A hash that costs a sixth of a second is tested elsewhere.
        patch.setattr(passwords, "_HASHER", PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),)))
        async with opening(url, folder, START, **settings) as world:
            await world.open_company("north", "south")
            await world.hire("auditor", Role.AUDITOR, branch="headquarters")
            for login, roles in CREW.items():
                await world.hire(login, *roles)
            yield world
