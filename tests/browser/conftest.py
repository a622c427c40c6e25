"""A company with a lease that runs, its console on real HTTP, and somebody in front of it with a real Chromium.

What the browser complains of fails the test that brought it about: errors on its console, what the content policy
forbids, requests to anywhere else. `CHROMIUM` names the browser; without one these tests are left out aloud, unless
`REQUIRE_CHROMIUM` is set, as it is in CI. Pictures are kept in the folder that `SCREENSHOTS` names.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, async_playwright

from tests.api.rows import Rows, make_rows
from tests.stories.company import company_at_work
from tests.stories.world import PASSWORD, World

_FLAGS = (
    "--headless",
    "--no-sandbox",  # the tests may run as root, where Chromium refuses its own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_SCREENSHOTS = os.environ.get("SCREENSHOTS")


def _chromium() -> str | None:
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="module")
async def world(
    database_url: str, _empty: Callable[[], None], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """The company at work, until the last test of the module."""
    async with company_at_work(database_url, _empty, tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture(scope="module")
async def rows(world: World) -> Rows:
    """A row of every kind in the branch north."""
    return await make_rows(world)


@dataclass(slots=True, kw_only=True)
class Person:
    """Somebody at a screen."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    async def go(self, path: str) -> None:
        """Open a page of the console."""
        await self.page.goto(self.address + path)
        await self.page.wait_for_load_state("networkidle")

    async def log_in(self, login: str) -> None:
        """Log in through the form."""
        await self.go("/login")
        await self.page.fill("#field-login", login)
        await self.page.fill("#field-password", PASSWORD)
        await self.page.click("button.main")
        await self.page.wait_for_url(self.address + "/")

    async def keep(self, name: str) -> None:
        """Keep a picture of the screen, where pictures are kept."""
        if _SCREENSHOTS:
            await self.page.screenshot(path=Path(_SCREENSHOTS) / f"{name}.png", full_page=True)

    @property
    def path(self) -> str:
        """Where they are."""
        return self.page.url.removeprefix(self.address)


@asynccontextmanager
async def at_a_screen(
    browser: Browser, world: World, *, language: str = "en", **settings: Any
) -> AsyncIterator[Person]:
    """Somebody with a fresh browser; at the end it must have had nothing to complain of."""
    size = settings.pop("viewport", {"width": 1280, "height": 900})
    context = await browser.new_context(viewport=size, reduced_motion="reduce", **settings)
    await context.add_cookies([{"name": "language", "value": language, "url": world.address}])
    person = Person(page=await context.new_page(), address=world.address)
    _listen(context, person)
    try:
        yield person
        assert not person.complaints, person.complaints
    finally:
        await context.close()


def _listen(context: BrowserContext, person: Person) -> None:
    def on_console(message: ConsoleMessage) -> None:
        # That the server has refused something is said by the page, and wanted by some tests.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            person.complaints.append(f"{message.type}: {message.text}")

    def on_request(request: Request) -> None:
        if not request.url.startswith((person.address, "data:", "blob:")):
            person.complaints.append(f"a foreign host: {request.url}")

    person.page.on("console", on_console)
    person.page.on("pageerror", lambda error: person.complaints.append(f"page error: {error}"))
    context.on("request", on_request)
