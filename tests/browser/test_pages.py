"""Every page of the console in a real browser: both languages, light and dark, on a phone and on a wide screen.

A page is loaded once in each language, and all else is tried on the loaded page. Axe judges it in English by light and in
Chinese by dark: no colour depends on the language, and nothing but colours on the light, so each is judged in full. A page
of each kind is judged all four ways, in case one of the two is not so.
"""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from hub.console.i18n import Language
from tests.api.rows import Rows
from tests.browser.screen import Person, Screens
from tests.console.routes import Door
from tests.console.test_shell import PAGES, address

WIDTHS = (390, 1920, 1280)
# Downloads and parts, which are no pages.
SEEN = [
    door
    for door in PAGES
    if not door.path.endswith((".csv", ".pdf", "/material/{kind}", "/credit-reports/{check_id}"))
    and "/file" not in door.path
]
# What a row of every kind does not bring about: somebody who is late, something found, nothing found, nothing there.
BESIDES = (
    "/contracts/{late_contract_id}",
    "/contracts/{late_contract_id}/schedule",
    "/contracts/{late_contract_id}/money",
    "/contracts/{late_contract_id}/collections",
    "/contracts/{late_contract_id}/do/charge-again",
    "/contracts/{late_contract_id}/do/promise",
    "/search?q=欧阳建国",
    "/contracts?state=terminated",
    "/nowhere",
)
FOUR_WAYS = {
    "/",
    "/leads/{subject_id}",
    "/leads/new",
    "/contracts",
    "/contracts/{late_contract_id}",
    "/contracts/{late_contract_id}/schedule",
    "/contracts/{subject_id}/map",
    "/contracts/{subject_id}/timeline",
    "/providers",
    "/providers/{subject_id}",
    "/calls/{subject_id}",
    "/staff/{subject_id}/do/lock",
    "/roles",
    "/jobs",
}
_AXE = """async theme => {
  document.documentElement.dataset.theme = theme;
  const found = await axe.run({resultTypes: ["violations"], preload: false, iframes: false});
  return found.violations.map(one => `${one.id}: ${one.nodes.slice(0, 4).map(node => node.target.join(" ")).join(", ")}`);
}"""
# Text that is cut off without a title to read it in, or broken where it must stay in one line; what scrolls may be wider.
_CUT = """() => {
  const said = [], wide = document.scrollingElement.scrollWidth - window.innerWidth;
  if (wide > 0) said.push(`the page is ${wide} pixels too wide`);
  const place = one => `${one.tagName.toLowerCase()}${one.id ? "#" + one.id : ""}${one.className ? "." + one.className : ""}`
    + ` "${one.textContent.trim().slice(0, 40)}"`;
  const oneLine = ".badge, .button, button, .tabs a, .menu a, .menu h2, th, dt, .filters label, .code, time, .amount, .count";
  const pen = document.createElement("canvas").getContext("2d");
  for (const one of document.querySelectorAll("select, input[placeholder]")) {
    const style = getComputedStyle(one), text = one.placeholder ?? one.selectedOptions[0]?.textContent ?? "";
    if (!one.checkVisibility()) continue;
    pen.font = style.font;
    const room = one.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    if (pen.measureText(text).width > room + 1) said.push(`cut off in its field: ${one.id} "${text.slice(0, 40)}"`);
  }
  for (const one of document.querySelectorAll("body *")) {
    if (!one.textContent.trim() || !one.checkVisibility({visibilityProperty: true}) || one.closest("svg, .unseen, .map, option")) continue;
    const style = getComputedStyle(one);
    const isTold = style.textOverflow === "ellipsis" && one.title;
    const hides = ["hidden", "clip"];
    if (one.clientWidth && one.scrollWidth > one.clientWidth + 1 && !isTold && !["auto", "scroll"].includes(style.overflowX))
      said.push(`cut off: ${place(one)}`);
    if (one.clientHeight && one.scrollHeight > one.clientHeight + 1 && hides.includes(style.overflowY) && !isTold)
      said.push(`cut off below: ${place(one)}`);
    if (window.innerWidth >= 1280 && one.matches(".scroll, .tabs ul") && one.scrollWidth > one.clientWidth + 1)
      said.push(`${one.scrollWidth - one.clientWidth} pixels to be scrolled to: ${place(one)}`);
    if (one.matches(oneLine) && !one.closest(".long, .pairs, .form .buttons, pre")) {
      const range = document.createRange();
      range.selectNodeContents(one);
      const lines = [...range.getClientRects()].filter(line => line.width > 1).sort((a, b) => a.top - b.top);
      if (lines.some((line, place) => place && line.top >= lines[place - 1].bottom - 1)) said.push(`in two lines: ${place(one)}`);
    }
  }
  return said;
}"""


@pytest.fixture(scope="module")
async def reader(screens: Screens) -> Person:
    """The administrator, with axe at hand on every page."""
    person = await screens.of("admin")
    await person.page.add_init_script(AXE_SCRIPT)
    return person


@pytest.mark.parametrize("door", SEEN, ids=str)
async def test_a_page_is_good_to_look_at_for_everybody(door: Door, reader: Person, rows: Rows) -> None:
    await _look_at(address(door, rows), reader, four_ways=door.path in FOUR_WAYS)


@pytest.mark.parametrize("path", BESIDES)
async def test_so_is_what_is_seen_less_often(path: str, reader: Person, rows: Rows) -> None:
    await _look_at(path.format(**rows), reader, four_ways=path in FOUR_WAYS)


def test_a_page_of_each_kind_is_judged_all_four_ways() -> None:
    assert {door.path for door in SEEN} | set(BESIDES) >= FOUR_WAYS


async def _look_at(path: str, reader: Person, *, four_ways: bool) -> None:
    wrong: list[Any] = []
    for language in Language:
        await reader.speak(language)
        await reader.go(path)
        for width in WIDTHS:
            await reader.page.set_viewport_size({"width": width, "height": 900})
            wrong += [(language.value, width, cut) for cut in await reader.page.evaluate(_CUT)]
            await reader.keep(_name(path, language, width))
        by = "light" if language is Language.EN else "dark"
        for theme in ("light", "dark") if four_ways else (by,):
            wrong += [(language.value, theme, barrier) for barrier in await reader.page.evaluate(_AXE, theme)]
        await reader.keep_dark(_name(path, language, "dark"))
        wrong += [(language.value, complaint) for complaint in reader.complaints]
        reader.complaints.clear()
    assert not wrong, "\n".join([path, *map(str, wrong)])


def _name(path: str, language: Language, how: object) -> str:
    return f"{path.strip('/').replace('/', '-').replace('?', '-') or 'home'}-{language}-{how}"
