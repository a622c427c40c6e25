"""A company for each module of API tests, with a lease that runs: a row of every kind to ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from tests.api.rows import Rows, make_rows
from tests.stories.company import company_at_work
from tests.stories.world import World


@pytest.fixture(scope="module")
async def world(
    database_url: str, _empty: Callable[[], None], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """The company at work, until the last test of the module."""
    async with company_at_work(database_url, _empty, tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture(scope="module")
async def rows(world: World) -> Rows:
    """A row of every kind in the branch north, by the name that paths and bodies give it."""
    return await make_rows(world)
