"""A world for each module of stories: one company with its crew and a product, on a database emptied for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from hub.infra import passwords
from hub.infra.access import Role
from tests.stories.lease import CREW, Lease, open_product
from tests.stories.world import World, open_world

START = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)  # a Monday, nine in the morning in Shanghai


@pytest.fixture(scope="module")
async def world(
    database_url: str, _empty: Callable[[], None], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """The company at work: an administrator and an auditor at headquarters, a crew in the branch north."""
    await asyncio.to_thread(_empty)
    with pytest.MonkeyPatch.context() as patch:  # a hash that costs a sixth of a second is tested elsewhere
        patch.setattr(passwords, "_HASHER", PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),)))
        async with _company_at_work(database_url, tmp_path_factory) as world:
            yield world


@asynccontextmanager
async def _company_at_work(url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with open_world(url, tmp_path_factory.mktemp("world"), START) as world:
        await world.open_company("north", "south")
        await world.hire("auditor", Role.AUDITOR, branch="headquarters")
        for login, roles in CREW.items():
            await world.hire(login, *roles)
        yield world


@pytest.fixture(scope="module")
async def version(world: World) -> str:
    """The product on offer."""
    return await open_product(world)


@pytest.fixture
def lease(world: World, version: str) -> Lease:
    """A further lessee who is about to come in."""
    return Lease(world=world, version=version)
