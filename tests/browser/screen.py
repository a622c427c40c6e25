"""Somebody at a screen: a real Chromium in one language, logged in, and what it complains of.

What is found on a page is found as people find it, by its role and its name in their language.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, Response, expect

from hub.console.i18n import Language, say
from hub.console.labels import label
from tests.stories.world import PASSWORD, World

_SCREENSHOTS = os.environ.get("SCREENSHOTS")


@dataclass(slots=True, kw_only=True)
class Person:
    """Somebody at a screen, who reads one language."""

    page: Page
    address: str
    language: Language
    complaints: list[str] = field(default_factory=list)

    # Words

    def say(self, text: str, **parts: object) -> str:
        """A text of the console in their language."""
        return say(self.language, text, **parts)

    def word(self, word: Any) -> str:
        """What a word of the business is called in their language."""
        return self.say(label(word))

    async def speak(self, language: Language) -> None:
        """Read another language from the next page on."""
        self.language = language
        await self.page.context.add_cookies([{"name": "language", "value": language, "url": self.address}])

    # Going about

    async def go(self, path: str) -> None:
        """Open a page of the console by its address."""
        await self.page.goto(self.address + path)

    async def open_desk(self, title: str) -> None:
        """Choose a page from the menu."""
        menu = self.page.get_by_role("navigation", name=self.say("Desks"))
        await menu.get_by_role("link", name=self.say(title), exact=True).click()
        await self.reads(title)

    async def log_in(self, login: str) -> None:
        """Log in through the form."""
        await self.go("/login")
        await self.fill("Login", login)
        await self.fill("Password", PASSWORD)
        await self.press("Log in")
        await self.page.wait_for_url(self.address + "/")

    @property
    def path(self) -> str:
        """Where they are."""
        return self.page.url.removeprefix(self.address)

    @property
    def id(self) -> str:
        """The id of what they look at, from the address."""
        return self.path.partition("?")[0].split("/")[2]

    # Doing

    @property
    def main(self) -> Locator:
        """The page itself, without what stands around every page."""
        return self.page.locator("main")

    async def press(self, text: str) -> None:
        """Press a button of the page; one that names its subject too is known by its verb."""
        name = re.compile(rf"^\s*{re.escape(self.say(text))}( · .*)?\s*$")
        await self.main.get_by_role("button", name=name).click()

    async def follow(self, text: str, **parts: object) -> None:
        """Follow a link, or what looks like a button and is one."""
        await self.main.get_by_role("link", name=self.say(text, **parts), exact=True).first.click()

    async def turn_to(self, tab: str) -> None:
        """Turn to a tab of an object page, or of a list."""
        tabs = self.main.locator("nav.tabs")
        name = re.compile(rf"^{re.escape(self.say(tab))}( [\d,]+\+?)?$")
        await tabs.get_by_role("link", name=name).click()
        await expect(tabs.locator("[aria-current]")).to_contain_text(self.say(tab))

    def field(self, text: str) -> Locator:
        """A field by its label."""
        may_be_left_out = re.escape(self.say("(may be left out)"))
        name = re.compile(rf"^\s*{re.escape(self.say(text))}\s*({may_be_left_out})?\s*$")
        return self.main.get_by_label(name).and_(self.page.locator("input, select, textarea"))

    async def fill(self, text: str, value: str) -> None:
        """Type into a field, over what stands there."""
        await self.field(text).fill(value)

    async def choose(self, text: str, choice: str) -> None:
        """Choose from a field by what its choice is called."""
        await self.field(text).select_option(label=self.say(choice))

    async def tick(self, text: str) -> None:
        """Tick a box."""
        await self.main.get_by_role("checkbox", name=self.say(text), exact=True).check()

    async def untick(self, text: str) -> None:
        """Take the tick out of a box."""
        await self.main.get_by_role("checkbox", name=self.say(text), exact=True).uncheck()

    # Seeing

    async def reads(self, title: str) -> None:
        """The page has this title."""
        await expect(self.page.locator("h1")).to_contain_text(self.say(title))

    async def sees(self, text: str, **parts: object) -> None:
        """The page says this somewhere."""
        await expect(self.main).to_contain_text(self.say(text, **parts))

    async def wait_for_rows(self, number: int) -> None:
        """The list has been drawn anew with so many rows, and says so to whoever does not see it."""
        await expect(self.page.locator("#list")).to_have_attribute("data-count", str(number))

    async def sees_none_of(self, text: str) -> None:
        """The page does not say this anywhere."""
        await expect(self.main).not_to_contain_text(self.say(text))

    async def is_told(self, text: str) -> None:
        """After something was done, the page says so."""
        await expect(self.page.locator(".notice[role=status]")).to_have_text(self.say(text))

    async def is_refused(self, text: str) -> None:
        """The form says what is wrong, and the focus is there."""
        await expect(self.page.locator("#problems")).to_be_focused()
        await expect(self.page.locator("#problems")).to_contain_text(self.say(text))

    def fact(self, text: str) -> Locator:
        """The value of a fact by its label."""
        return self.main.locator(".facts > div", has=self.page.get_by_text(self.say(text), exact=True)).locator("dd")

    def row(self, text: str) -> Locator:
        """The rows of tables that contain a text."""
        return self.main.locator("tbody tr", has_text=self.say(text))

    async def keep(self, name: str) -> None:
        """Keep a picture of the screen, where pictures are kept."""
        if _SCREENSHOTS:
            await self.page.screenshot(path=Path(_SCREENSHOTS) / f"{name}.png", full_page=True)

    async def keep_dark(self, name: str) -> None:
        """Keep a picture of the screen by dark, where pictures are kept."""
        if _SCREENSHOTS:
            await self.page.evaluate("document.documentElement.dataset.theme = 'dark'")
            await self.keep(name)


def listen(context: BrowserContext, person: Person) -> None:
    """Write down what the browser complains of, and what it asks of anybody else."""

    def on_console(message: ConsoleMessage) -> None:
        # That the server has refused something is said by the page, and wanted by some tests.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            person.complaints.append(f"{message.type}: {message.text}")

    def on_request(request: Request) -> None:
        if not request.url.startswith((person.address, "data:", "blob:")):
            person.complaints.append(f"a foreign host: {request.url}")

    def on_response(response: Response) -> None:
        if response.status >= 500:
            person.complaints.append(f"{response.status} at {response.url}")

    person.page.on("console", on_console)
    person.page.on("pageerror", lambda error: person.complaints.append(f"page error: {error}"))
    context.on("request", on_request)
    context.on("response", on_response)


@asynccontextmanager
async def at_a_screen(
    browser: Browser, world: World, *, language: Language = Language.EN, **settings: Any
) -> AsyncIterator[Person]:
    """Somebody with a fresh browser; at the end it must have had nothing to complain of."""
    settings.setdefault("viewport", {"width": 1280, "height": 900})
    context = await browser.new_context(reduced_motion="reduce", **settings)
    person = Person(page=await context.new_page(), address=world.address, language=language)
    await person.speak(language)
    listen(context, person)
    try:
        yield person
        assert not person.complaints, person.complaints
    finally:
        await context.close()


@dataclass(slots=True, kw_only=True)
class Screens:
    """Screens at which people have logged in once, for many errands."""

    browser: Browser
    world: World
    stack: AsyncExitStack
    known: dict[str, Person] = field(default_factory=dict)

    async def of(self, login: str) -> Person:
        """The screen of one of the company's people."""
        if login not in self.known:
            person = await self.stack.enter_async_context(at_a_screen(self.browser, self.world))
            form = {"login": login, "password": PASSWORD}
            answer = await person.page.request.post(person.address + "/login", form=form, max_redirects=0)
            assert answer.status == 303, await answer.text()
            self.known[login] = person
        return self.known[login]

    @asynccontextmanager
    async def errand(self, login: str, language: Language) -> AsyncIterator[Person]:
        """One errand at somebody's screen, from the work queue on; the browser must have nothing to complain of."""
        person = await self.of(login)
        await person.speak(language)
        await person.go("/")
        yield person
        complaints, person.complaints[:] = list(person.complaints), []
        assert not complaints, complaints
