"""Every page of the console in a real browser: both languages, light and dark, on a phone and on a wide screen."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser

from tests.api.rows import Rows
from tests.browser.conftest import Person, at_a_screen
from tests.console.test_shell import PAGES, address
from tests.stories.world import World

WIDTHS = (390, 1280, 1920)
# Downloads and parts, which are no pages.
SEEN = [
    door for door in PAGES if not door.path.endswith((".csv", ".pdf", "/material/{kind}")) and "/file" not in door.path
]


@pytest.fixture(scope="module")
async def people(browser: Browser, world: World, rows: Rows) -> AsyncIterator[dict[str, Person]]:
    """The administrator, once in each language."""
    async with (
        at_a_screen(browser, world, language="en") as english,
        at_a_screen(browser, world, language="zh") as chinese,
    ):
        await english.log_in("admin")
        await chinese.log_in("admin")
        yield {"en": english, "zh": chinese}


@pytest.mark.parametrize("door", SEEN, ids=str)
async def test_a_page_is_good_to_look_at_for_everybody(door: object, people: dict[str, Person], rows: Rows) -> None:
    path = address(door, rows)  # type: ignore[arg-type]
    for language, person in people.items():
        await person.go(path)
        name = path.strip("/").replace("/", "-") or "home"
        for theme in ("light", "dark"):
            await person.page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
            assert await _barriers(person) == [], f"{path} in {language}, {theme}"
        for width in WIDTHS:
            await person.page.set_viewport_size({"width": width, "height": 900})
            await person.keep(f"{name}-{language}-{width}")
            assert await _overflow(person) <= 0, f"{path} in {language} is wider than {width} pixels"
        assert not person.complaints, (path, language, person.complaints)


async def _barriers(person: Person) -> list[str]:
    results = await Axe().run(person.page)
    return [
        f"{one['id']}: {', '.join(' '.join(map(str, node['target'])) for node in one['nodes'][:4])}"
        for one in results.response["violations"]
    ]


async def _overflow(person: Person) -> int:
    found: int = await person.page.evaluate("() => document.scrollingElement.scrollWidth - window.innerWidth")
    return found
