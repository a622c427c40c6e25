"""What people do all day, done in a real browser: by mouse, by keyboard alone, and without a script."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Locator, expect

from hub.console.i18n import Language
from hub.leasing.contracts.rules import ContractState
from hub.leasing.payments.rules import MovementState
from tests.api.rows import Rows
from tests.browser.screen import Person, at_a_screen
from tests.stories.world import PASSWORD, World


async def test_a_contract_is_looked_into_by_keyboard_alone(
    browser: Browser, world: World, rows: Rows, language: Language
) -> None:
    number = (await world.people["admin"].get(f"/contracts/{rows['contract_id']}"))["number"]
    async with at_a_screen(browser, world, language=language) as person:
        page = person.page
        await person.go("/login")
        await page.keyboard.press("Tab")
        await page.keyboard.type("admin")
        await page.keyboard.press("Tab")
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
        await person.reads("Work queue")
        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("main")).to_be_focused()
        await page.keyboard.press("g")
        await page.keyboard.press("c")
        await person.reads("Contracts")
        await page.keyboard.press("j")
        await page.keyboard.press("j")
        await expect(person.row(number).get_by_role("link").first).to_be_focused()
        await page.keyboard.press("?")
        await expect(page.locator("#keys")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator("#keys")).to_be_hidden()
        await page.keyboard.press("/")
        await expect(page.locator("#search")).to_be_focused()
        await page.keyboard.type(number)
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/contracts/{rows['contract_id']}")
        await _tab_to(person, person.main.locator("nav.tabs").get_by_role("link", name=person.say("Money")))
        await page.keyboard.press("Enter")
        await person.sees("Money that waits in suspense")
        await _tab_to(person, person.main.get_by_role("link", name=person.say("Give back what waits")))
        await page.keyboard.press("Enter")
        await person.reads("Give back what waits")
        await _tab_to(person, person.field("Amount"))
        await page.keyboard.press("Enter")
        await expect(page.locator(".preview")).to_be_focused()
        await person.sees("Waits afterwards")
        await _tab_to(person, person.main.get_by_role("link", name=person.say("Back"), exact=True))
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/contracts/{rows['contract_id']}")
    refunds = await world.people["admin"].get(f"/contracts/{rows['contract_id']}/suspense")
    assert [one["id"] for one in refunds["refunds"]] == [rows["refund_id"]]


async def _tab_to(person: Person, wanted: Locator) -> None:
    """Press Tab until something has the focus: whatever can be used must be reached so."""
    await expect(wanted).to_be_visible()
    for _ in range(80):
        await person.page.keyboard.press("Tab")
        if await wanted.evaluate("one => one === document.activeElement"):
            return
    raise AssertionError(f"{wanted} is not reached by keyboard")


async def test_a_list_is_filtered_while_somebody_types_and_the_address_says_so(
    browser: Browser, world: World, rows: Rows
) -> None:
    async with at_a_screen(browser, world) as person:
        await person.log_in("operations")
        await person.go("/contracts")
        await person.page.fill("#filter-text", "NOTHING")
        await expect(person.page.locator("#list .empty")).to_be_visible()
        assert "text=NOTHING" in person.page.url
        await expect(person.page.locator("#said")).to_have_text("0 rows")
        await person.page.fill("#filter-text", "LC")
        await expect(person.page.locator("#list table")).to_be_visible()
        await person.page.go_back()
        await expect(person.page.locator("h1")).to_have_text("Contracts")


async def test_each_filter_of_a_list_has_it_drawn_anew_and_not_only_the_first(
    browser: Browser, world: World, rows: Rows
) -> None:
    async with at_a_screen(browser, world) as person:
        await person.log_in("admin")
        await person.go("/payments")
        await person.choose("State", person.word(MovementState.DISPUTED))
        await person.wait_for_rows(0)
        await person.go("/audit")
        await person.fill("Number", rows["contract_id"])
        await expect(person.page).to_have_url(re.compile(f"subject_id={rows['contract_id']}"))
        await person.fill("What", "contract.active")
        await person.wait_for_rows(1)


async def test_everything_works_without_a_script(
    browser: Browser, world: World, rows: Rows, language: Language
) -> None:
    path = f"/contracts/{rows['contract_id']}"
    before = (await world.people["admin"].get(f"{path}/suspense"))["refunds"]
    async with at_a_screen(browser, world, language=language, java_script_enabled=False) as person:
        page = person.page
        await person.log_in("accountant")
        await person.open_desk("Contracts")
        await person.choose("State", person.word(ContractState.ACTIVE))
        await person.press("Show")
        assert "state=active" in person.path
        number = (await world.people["admin"].get(path))["number"]
        await person.follow(number)
        await person.reads(number)
        await person.follow("Give back what waits")
        await person.fill("Amount", "1.00")
        await person.press("Show what will happen")
        await person.sees("Waits afterwards")
        await person.press("Give back what waits")
        await person.is_told("The refund is on its way.")
        await page.click("button[name=language]")
        other = Language.ZH if language is Language.EN else Language.EN
        await expect(page.locator("html")).to_have_attribute("lang", other.tag)
        await page.click("button[name=theme]")
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        await page.click("details.person summary")
        await page.click("details.person button")
        await expect(page.locator("#field-login")).to_be_visible()
    after = (await world.people["admin"].get(f"{path}/suspense"))["refunds"]
    assert len(after) == len(before) + 1


async def test_a_wrong_password_is_told_where_the_reader_is(browser: Browser, world: World, rows: Rows) -> None:
    async with at_a_screen(browser, world, language=Language.ZH) as person:
        await person.go("/login")
        await person.page.fill("#field-login", "sales")
        await person.page.fill("#field-password", "wrong")
        await person.page.click("button.main")
        await expect(person.page.locator("#problems")).to_be_focused()
        await expect(person.page.locator("#problems")).to_contain_text("登录名或密码错误")


async def test_a_phone_has_a_menu_that_opens(browser: Browser, world: World, rows: Rows) -> None:
    async with at_a_screen(browser, world, viewport={"width": 390, "height": 800}) as person:
        await person.log_in("operations")
        await expect(person.page.locator("nav.menu")).to_be_hidden()
        await person.page.click(".burger")
        await person.page.click("nav.menu >> text=Contracts")
        await expect(person.page.locator("h1")).to_have_text("Contracts")


@pytest.mark.parametrize("path", ["/contracts/{contract_id}", "/contracts/{contract_id}/schedule", "/contracts"])
async def test_a_page_is_printed_without_what_is_for_the_screen(
    browser: Browser, world: World, rows: Rows, path: str
) -> None:
    async with at_a_screen(browser, world, color_scheme="dark") as person:
        await person.log_in("operations")
        await person.go(path.format(**rows))
        page = person.page
        await page.emulate_media(media="print", color_scheme="dark")
        for gone in ("nav.menu", "header.top", ".buttons", ".tabs", ".sandbox"):
            await expect(page.locator(gone).first).to_be_hidden()
        await expect(person.main.locator("h1")).to_be_visible()
        table = person.main.locator("table")
        if await table.count():  # what is drawn as a head's group is drawn on every sheet
            await expect(table.first.locator("thead")).to_have_css("display", "table-header-group")
        await expect(page.locator("h1")).to_have_css("color", "rgb(23, 32, 46)")  # ink, though the screen is dark
        await page.set_viewport_size({"width": 703, "height": 1000})  # an A4 sheet within its margins
        assert await page.evaluate("document.scrollingElement.scrollWidth") <= 703
        await person.keep(f"print-{path.count('/')}-{'one' if '{' in path else 'list'}")
        paper = await page.pdf(prefer_css_page_size=True)
        boxes = {tuple(map(round, map(float, box.split()))) for box in re.findall(rb"/MediaBox \[([\d. ]+)\]", paper)}
        assert boxes == {(0, 0, 595, 842)}
