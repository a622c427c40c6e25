"""What people do all day, done in a real browser: by mouse, by keyboard alone, and without a script."""

from __future__ import annotations

from playwright.async_api import Browser, expect

from tests.api.rows import Rows
from tests.browser.conftest import at_a_screen
from tests.stories.world import World


async def test_a_contract_is_found_by_keyboard_alone(browser: Browser, world: World, rows: Rows) -> None:
    async with at_a_screen(browser, world) as person:
        page = person.page
        await person.go("/login")
        await page.keyboard.press("Tab")
        await page.keyboard.type("admin")
        await page.keyboard.press("Tab")
        await page.keyboard.type("a long-enough passphrase, 42")
        await page.keyboard.press("Enter")
        await expect(page.locator("h1")).to_have_text("Work queue")
        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator("main")).to_be_focused()
        await page.keyboard.press("g")
        await page.keyboard.press("c")
        await expect(page.locator("h1")).to_have_text("Contracts")
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/contracts/{rows['contract_id']}*")
        await page.keyboard.press("?")
        await expect(page.locator("#keys")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator("#keys")).to_be_hidden()
        await page.keyboard.press("/")
        await expect(page.locator("#search")).to_be_focused()


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


async def test_everything_works_without_a_script(browser: Browser, world: World, rows: Rows) -> None:
    async with at_a_screen(browser, world, java_script_enabled=False) as person:
        page = person.page
        await person.log_in("operations")
        await page.click("nav.menu >> text=Contracts")
        await page.fill("#filter-text", "LC")
        await page.click("form.filters button")
        await expect(page.locator("#list table")).to_be_visible()
        await page.click("#list tbody a")
        await expect(page.locator(".facts").first).to_be_visible()
        await page.click("button[name=language]")
        await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        await page.click("button[name=theme]")
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        await page.click("details.person summary")
        await page.click("details.person button")
        await expect(page.locator("#field-login")).to_be_visible()


async def test_a_wrong_password_is_told_where_the_reader_is(browser: Browser, world: World, rows: Rows) -> None:
    async with at_a_screen(browser, world, language="zh") as person:
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


async def test_a_page_is_printed_without_what_is_for_the_screen(browser: Browser, world: World, rows: Rows) -> None:
    async with at_a_screen(browser, world) as person:
        await person.log_in("operations")
        await person.go(f"/contracts/{rows['contract_id']}")
        await person.page.emulate_media(media="print")
        await expect(person.page.locator("nav.menu")).to_be_hidden()
        await expect(person.page.locator(".facts").first).to_be_visible()
        assert (await person.page.pdf()).startswith(b"%PDF")
