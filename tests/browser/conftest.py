"""A company with leases that run, its console on real HTTP, and people in front of it with a real Chromium.

What the browser complains of fails the test that brought it about: errors on its console, what the content policy
forbids, requests to anywhere else, a failure of the server. `CHROMIUM` names the browser; without one these tests are
left out aloud, unless `REQUIRE_CHROMIUM` is set, as it is in CI. Pictures are kept in the folder that `SCREENSHOTS` names.

Browser, company and who has logged in are shared by all files of this folder: nothing of it is done twice in a process.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from playwright.async_api import Browser, async_playwright

from hub.console.i18n import Language
from tests.api.rows import Rows, make_rows
from tests.browser.screen import Person, Screens
from tests.stories.company import company_at_work
from tests.stories.lease import Lease, deal
from tests.stories.world import World

_FLAGS = (
    "--headless",
    "--no-sandbox",  # the tests may run as root, where Chromium refuses its own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Renderers that are begun ahead and pages that are kept for going back cost a tenth of the time.
    "--disable-features=SpareRendererForSitePerProcess,BackForwardCache",
)


def _chromium() -> str | None:
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


@pytest.fixture(scope="package")
async def browser() -> AsyncIterator[Browser]:
    """The browser of this machine."""
    path = _chromium()
    if path is None:
        if os.environ.get("REQUIRE_CHROMIUM"):
            pytest.fail("there is no Chromium on this machine, and REQUIRE_CHROMIUM is set")
        pytest.skip("there is no Chromium on this machine: nothing is tried in a browser")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        yield started
        await started.close()


@pytest.fixture(scope="package")
async def world(
    browser: Browser, database_url: str, _empty: Callable[[], None], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """The company at work, until the last test of this folder; where there is no browser it is not founded."""
    async with company_at_work(database_url, _empty, tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture(scope="package")
async def rows(world: World) -> Rows:
    """A row of every kind in the branch north: a lease that runs and knows where its car is, and one that is late."""
    rows = await make_rows(world)
    late = await Lease(world=world, version=rows["version_id"]).run()
    due_on = await late.due_on(1)
    refusal = {"agreement": late.number, "due_on": due_on.isoformat(), "reason": "nsf", "times": 9}
    await world.control("payments", "declines", declines=[refusal])
    for days in range(3):
        await world.live_through(due_on + timedelta(days=days))
    boss = world.people["admin"]
    await boss.post(f"/devices/{rows['device_id']}/locate")
    await world.settle()
    fresh = await boss.post("/quotes", deal(world, rows["version_id"]))
    return rows | {"late_contract_id": late.contract, "late_number": late.number, "quote_id": fresh["id"]}


@pytest.fixture(scope="package")
async def screens(browser: Browser, world: World, rows: Rows) -> AsyncIterator[Screens]:
    """Everybody who has logged in so far."""
    async with AsyncExitStack() as stack:
        yield Screens(browser=browser, world=world, stack=stack)


@pytest.fixture(params=list(Language), ids=str)
def language(request: pytest.FixtureRequest) -> Language:
    """Each language in turn."""
    found: Language = request.param
    return found


@pytest.fixture
async def admin(screens: Screens, language: Language) -> AsyncIterator[Person]:
    """Somebody who may do everything, in the language of the test; the browser must have nothing to complain of."""
    async with screens.errand("admin", language) as person:
        yield person
