"""Errands of whoever keeps the company running, in each language: what is seen, and what the database then holds."""

from __future__ import annotations

import re

import sqlalchemy as sa
from playwright.async_api import Browser, expect

from hub.console.i18n import Language
from hub.infra.access import Role
from hub.infra.records import BranchKind, StaffState
from hub.integrations.records import ProviderCall
from tests.api.rows import Rows
from tests.browser.screen import Person, at_a_screen
from tests.browser.stored import stored
from tests.stories.spare import MAIN, SPARE, a_spare_of_messages
from tests.stories.world import PASSWORD, World


async def test_a_provider_is_switched_off_and_on_again_and_asked_how_it_is(admin: Person, world: World) -> None:
    query = "select enabled, reason, actor from provider_switch where instance = 'sms_main'"
    await admin.open_desk("Providers")
    switch = admin.main.get_by_role("switch", name=admin.say("%(name)s takes calls", name="sms_main"))
    await expect(switch).to_have_attribute("aria-checked", "true")
    await switch.click()
    await admin.press("Switch off")
    await admin.fill("Reason", "they are <down>")
    await admin.press("Switch off")
    await admin.is_told("It is switched off.")
    await admin.sees("Switched off by %(who)s: %(why)s", who="admin", why="they are <down>")
    assert await stored(world, query) == (False, "they are <down>", "admin")
    await admin.follow("Switch on")
    await admin.fill("Reason", "they are back")
    await admin.press("Switch on")
    await admin.is_told("It is switched on.")
    assert await stored(world, query) == (True, "they are back", "admin")
    await admin.open_desk("Providers")
    await expect(switch).to_have_attribute("aria-checked", "true")
    await admin.follow("psp_main")
    await admin.follow("Test call")
    await admin.press("Test call")
    await admin.is_told("It was asked how it is. The answer stands below.")
    await admin.turn_to("Settings")
    await admin.sees("base_url")
    await admin.sees_none_of("sandbox-api-key")
    query = "select count(*) from audit_entry where action = 'provider.health_asked' and subject_id = 'psp_main'"
    assert await stored(world, query) >= 1


async def test_a_call_that_went_on_to_another_provider_is_followed(
    admin: Person, world: World, language: Language, rows: Rows
) -> None:
    first, second = await _failed_over(world, f"journey-{language}")
    await admin.open_desk("Call log")
    await admin.choose("Provider", "psp_main")
    await expect(admin.page.locator("#said")).not_to_be_empty()
    await admin.main.locator(f"tbody a[href='/calls/{second}']").first.click()
    chain = admin.main.locator("section", has=admin.page.get_by_role("heading", name=admin.say("Where it was tried")))
    await expect(chain.locator("tbody tr")).to_have_count(2)
    await chain.get_by_role("link").first.click()
    await admin.page.wait_for_url(f"**/calls/{first}")
    await admin.sees("circuit_open")
    query = "select count(*) from provider_call where idempotency_key = :key"
    assert await stored(world, query, key=f"journey-{language}") == 2


async def _failed_over(world: World, key: str) -> tuple[str, str]:
    """A debit that one provider proved not to have executed, and the call of the one that it went on to."""
    async with world.transaction() as tx:
        query = sa.select(ProviderCall).where(ProviderCall.operation == "payments_collect").limit(1)
        known = (await tx.scalars(query)).one()
        row = {column.key: getattr(known, column.key) for column in sa.inspect(ProviderCall).columns}
        row |= {"idempotency_key": key, "created_at": tx.now}
        refused = {"state": "not_executed", "holds_key": False, "error_code": "circuit_open", "result_sealed": None}
        calls = [
            ProviderCall(**row | refused | {"id": tx.new_id(), "sent_key": f"{key}-1", "result_masked": None}),
            ProviderCall(**row | {"id": tx.new_id(), "sent_key": f"{key}-2"}),
        ]
        tx.add_all(calls)
        await tx.flush()
        return str(calls[0].id), str(calls[1].id)


async def test_a_callback_is_applied_again(admin: Person, world: World, rows: Rows) -> None:
    query = "select replayed_count from webhook_inbox where id = :id"
    before = await stored(world, query, id=rows["delivery_id"])
    await admin.open_desk("Callbacks")
    await admin.main.locator(f"tbody a[href='/callbacks/{rows['delivery_id']}']").first.click()
    await admin.sees("What it says")
    await admin.follow("Apply again")
    await admin.press("Apply again")
    await admin.is_told("It is applied again within seconds.")
    assert await stored(world, query, id=rows["delivery_id"]) == before + 1
    await world.tick("inbox.apply")
    state = await stored(world, "select state from webhook_inbox where id = :id", id=rows["delivery_id"])
    assert state in {"applied", "stale"}, "what it tells is known by now, or was"


async def test_somebody_is_hired_given_another_role_and_locked_out(
    admin: Person, world: World, language: Language
) -> None:
    login = f"new.{language}"
    await admin.open_desk("Users")
    await admin.follow("Add a user")
    await admin.fill("Login", login)
    await admin.fill("Name", "李雷")
    await admin.choose("Branch", "North")
    await admin.tick(admin.word(Role.SALES))
    await admin.fill("First password", "passwordpassword")
    await admin.press("Add a user")
    await admin.is_refused("First password")
    await admin.fill("First password", PASSWORD)
    await admin.press("Add a user")
    await admin.reads("李雷")
    await admin.follow("Set roles")
    await admin.untick(admin.word(Role.SALES))
    await admin.tick(admin.word(Role.COLLECTOR))
    await admin.press("Set roles")
    await admin.is_told("The roles are set.")
    await admin.follow("Lock")
    await admin.press("Lock")
    await admin.is_told("The account is locked.")
    await admin.sees(admin.word(StaffState.LOCKED))
    query = (
        "select state, (select string_agg(role, ',') from staff_role where staff_id = id) from staff where login = :of"
    )
    assert await stored(world, query, of=login) == ("locked", "collector")
    await admin.open_desk("Users")
    await admin.fill("Login or name", login)
    await admin.wait_for_rows(1)
    await admin.sees(admin.word(StaffState.LOCKED))


async def test_a_branch_is_added_below_another_and_roles_are_read(
    admin: Person, world: World, language: Language
) -> None:
    await admin.open_desk("Branches")
    await admin.follow("Add a branch")
    await admin.fill("Code", f"shop-{language}")
    await admin.fill("Name", f"Shop {language}")
    await admin.choose("Kind", admin.word(BranchKind.STORE))
    await admin.choose("Belongs to", "South")
    await admin.press("Add a branch")
    await admin.reads("Branches")
    await admin.sees(f"shop-{language}")
    query = "select child.kind, parent.code from branch child join branch parent on parent.id = child.parent_id where child.code = :of"
    assert await stored(world, query, of=f"shop-{language}") == ("store", "south")
    await admin.open_desk("Roles")
    await admin.sees(admin.word(Role.ACCOUNTANT))


async def test_the_audit_trail_is_filtered_and_leads_to_what_was_done(admin: Person, world: World, rows: Rows) -> None:
    await admin.open_desk("Audit")
    await admin.fill("What", "contract.active")
    await expect(admin.page).to_have_url(re.compile("action=contract.active"))
    await admin.sees(rows["contract_id"])
    await admin.sees_none_of("lead.opened")
    await admin.follow(f"contract {rows['contract_id']}")
    await admin.sees("Rent left")
    held = await stored(world, "select count(*) from audit_entry where action = 'contract.active'")
    assert held == 2


async def test_work_that_waits_is_seen_until_it_is_done(admin: Person, world: World) -> None:
    await world.hub.jobs.wake("servicing.close_day")
    await admin.open_desk("Jobs")
    await expect(admin.row("servicing.close_day").locator("td").nth(1)).to_have_text("1")
    await admin.sees("No worker is there: nothing is done by itself. Start one with: hub work")
    await world.settle()
    await admin.page.reload()
    await expect(admin.row("servicing.close_day")).to_have_count(0)
    query = "select count(*) from jobs.procrastinate_jobs where task_name = 'servicing.close_day' and status = 'todo'"
    assert await stored(world, query) == 0


async def test_the_order_of_providers_is_changed_by_keys_and_without_a_script(
    browser: Browser, world: World, rows: Rows, language: Language
) -> None:
    query = "select instances, reason, actor from provider_order where capability = 'sms'"
    async with (
        a_spare_of_messages(world),
        at_a_screen(browser, world, language=language, java_script_enabled=False) as person,
    ):
        await person.log_in("admin")
        await person.open_desk("Providers")
        move = person.main.get_by_role("link", name=person.say("Move %(name)s up", name=SPARE))
        await move.focus()
        await move.press("Enter")
        await person.reads("Order of providers")
        # The same button would be off by now: the focus is on the way back down.
        down = person.main.get_by_role("link", name=person.say("Move %(name)s down", name=SPARE))
        await expect(down).to_be_focused()
        await person.fill("Reason", "the first is slow")
        await person.keep(f"order-{language}")
        await person.press("Keep this order")
        await person.is_told("The order is kept. Every process follows within seconds.")
        assert await stored(world, query) == ([SPARE, MAIN], "the first is slow", "admin")
        await person.sees("order changed by %(who)s", who="admin")
        await down.click()
        await person.fill("Reason", "it is quick again")
        await person.press("Keep this order")
        await person.is_told("The order is kept. Every process follows within seconds.")
    assert await stored(world, "select count(*) from provider_order") == 0
