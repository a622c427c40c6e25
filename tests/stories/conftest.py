"""A company for each module of stories, and a lessee for each story."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from hub.infra.logs import configure
from tests.faults.invariants import nothing_is_violated, vendor_books
from tests.stories.company import company_at_work
from tests.stories.lease import Lease, open_product
from tests.stories.payees import name_payees
from tests.stories.world import World


@pytest.fixture(scope="module")
def said() -> Iterator[io.StringIO]:
    """Every line of the process at its most talkative."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure(level="DEBUG", stream=stream)
    yield stream
    logging.captureWarnings(False)
    root.handlers[:] = before
    root.setLevel(level)


@pytest.fixture(scope="module")
async def world(
    database_url: str, _empty: Callable[[], None], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """The company at work, until the last story of the module is told."""
    async with company_at_work(database_url, _empty, tmp_path_factory.mktemp("world")) as world:
        yield world
        # However the stories ended, what they left behind is in order.
        books = vendor_books(await world.books("payments"), await world.callbacks("payments"))
        await nothing_is_violated(database_url, world.clock.now(), psp_main=books)


@pytest.fixture(scope="module")
async def version(world: World) -> str:
    """The product on offer."""
    return await open_product(world)


@pytest.fixture(scope="module")
async def dealer(world: World) -> str:
    """The dealer who sells the cars; every payee is named."""
    return await name_payees(world)


@pytest.fixture
def lease(world: World, version: str, dealer: str) -> Lease:
    """A further lessee who is about to come in."""
    return Lease(world=world, version=version, dealer=dealer)
