"""Errands at the desks before there is a contract, in each language: what is seen, and what the database then holds."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import expect

from hub.console.i18n import Language
from hub.core.identity import DocumentKind
from hub.leasing.applications.rules import ApplicationState, CreditOutcome, MaterialKind
from hub.leasing.leads.rules import ContactMeans, ContactOutcome, LeadSource, LeadState
from hub.leasing.parties.rules import ConsentMethod, ConsentPurpose, RevealPurpose
from tests.api.rows import Rows
from tests.browser.screen import Person, Screens
from tests.browser.stored import stored
from tests.stories.lease import A_PDF, Lease, somebody
from tests.stories.world import World

_FILE = {"name": "paper.pdf", "mimeType": "application/pdf", "buffer": A_PDF}


@pytest.fixture
async def sales(screens: Screens, language: Language) -> AsyncIterator[Person]:
    """Somebody of sales."""
    async with screens.errand("sales", language) as person:
        yield person


async def test_the_work_queue_leads_to_what_waits(admin: Person, world: World, rows: Rows) -> None:
    late = await stored(world, "select count(distinct contract_id) from instalment where state = 'overdue'")
    tile = admin.main.locator(".tiles a", has_text=admin.say("Overdue contracts"))
    await expect(tile.locator("strong")).to_have_text(str(late))
    await tile.click()
    await admin.reads("Arrears")
    await admin.sees(rows["late_number"])
    await admin.open_desk("Work queue")
    await admin.follow("Collections")
    await admin.reads("Collections")
    assert "state=open" in admin.path
    await admin.sees(rows["late_number"])


async def test_a_lead_is_taken_down_called_and_becomes_a_customer(sales: Person, world: World) -> None:
    who = somebody()
    await sales.open_desk("Leads")
    await sales.follow("New lead")
    await sales.choose("Branch", "North")
    await sales.fill("Full name", who.name)
    await sales.fill("Phone", "12")
    await sales.choose("Source", sales.word(LeadSource.WALK_IN))
    await sales.fill("Wants", "轩逸")
    await sales.press("Take down the lead")
    await sales.is_refused("not a phone number that can be called")
    await sales.fill("Phone", who.phone)
    await sales.press("Take down the lead")
    await sales.reads("欧***")
    lead = sales.id
    await sales.follow("Log contact")
    await sales.choose("By", sales.word(ContactMeans.PHONE))
    await sales.choose("Outcome", sales.word(ContactOutcome.REACHED))
    await sales.fill("Note", "想要白色的")
    await sales.press("Log contact")
    await sales.is_told("The contact is written down; the follow-up that was due first is done.")
    await sales.follow("Convert to customer")
    await sales.fill("Document number", who.identity)
    await sales.tick("Register a new customer if nobody is known by this document")
    await sales.fill("Full name", who.name)
    await sales.fill("Phone", who.phone)
    await sales.press("Convert to customer")
    await sales.is_told("The lead is a customer now.")
    await sales.sees(sales.word(LeadState.CONVERTED))
    await sales.follow("This lead has become a customer. Open the customer.")
    await sales.turn_to("Bank accounts")
    held = await stored(world, "select state, converted_party_id::text from lead where id = :id", id=lead)
    assert held == ("converted", sales.id)
    query = "select means, outcome, by from contact_log where lead_id = :id"
    assert await stored(world, query, id=lead) == ("phone", "reached", "sales")


async def test_a_customer_is_found_agrees_and_is_shown_in_the_clear_for_a_purpose(
    admin: Person, world: World, rows: Rows
) -> None:
    lease = Lease(world=world, version=rows["version_id"])
    await lease.register()
    await admin.open_desk("Customers")
    await admin.fill("Whole name, phone or document number", lease.lessee.phone)
    await admin.wait_for_rows(1)
    await admin.follow("欧***")
    await admin.reads("欧***")
    assert admin.id == lease.party
    await admin.follow("Record consent")
    await admin.choose("What for", admin.word(ConsentPurpose.MARKETING))
    await admin.fill("Version of the text", "2026-2")
    await admin.choose("How it was given", admin.word(ConsentMethod.SIGNATURE))
    await admin.press("Record consent")
    await admin.is_told("The consent is recorded.")
    await admin.sees("2026-2")
    await admin.sees_none_of(lease.lessee.identity)
    await admin.follow("Show in the clear")
    await admin.choose("What for", admin.word(RevealPurpose.SERVICE))
    await admin.press("Show in the clear")
    await admin.sees(lease.lessee.identity)
    query = "select purpose, text_version, method from consent where party_id = :id"
    assert await stored(world, query, id=lease.party) == ("marketing", "2026-2", "signature")
    query = "select count(*) from audit_entry where action = 'party.revealed' and subject_id = :id"
    assert await stored(world, query, id=lease.party) == 1


async def test_a_quote_is_calculated_before_it_is_kept(sales: Person, world: World, rows: Rows) -> None:
    before = await stored(world, "select count(*) from quote")
    await sales.open_desk("Quotes")
    await sales.follow("New quote")
    await sales.choose("Branch", "North")
    await sales.fill("Car", "轩逸 1.6L")
    await sales.fill("Car price", "128,000.00")
    await sales.fill("Down payment", "25600")
    await sales.fill("Term in months", "61")
    await sales.fill("Annual rate", "11.88")
    await sales.fill("Insurance", "8000")
    await sales.main.get_by_role("checkbox", name=sales.say("financed, not paid at signing")).first.check()
    await sales.press("Show what comes of it")
    await sales.is_refused("Term in months")
    await sales.fill("Term in months", "24")
    await sales.press("Show what comes of it")
    await sales.sees("¥110,400.00")
    assert await stored(world, "select count(*) from quote") == before
    await sales.press("Keep the quote")
    await sales.follow("Quotes")
    await sales.reads("Quotes")
    query = "select number, count(*) over () from quote order by created_at desc, id desc limit 1"
    number, after = await stored(world, query)
    assert after == before + 1
    await sales.fill("Quote number", number)
    await sales.wait_for_rows(1)
    await sales.sees("¥110,400.00")


async def test_an_application_is_completed_checked_and_approved_by_somebody_else(
    sales: Person, screens: Screens, language: Language, world: World, rows: Rows
) -> None:
    lease = Lease(world=world, version=rows["version_id"])
    await lease.register()
    await lease.consent()
    await lease.apply(materials=())
    number = (await lease.application_now())["number"]
    await sales.open_desk("Applications")
    await sales.fill("Application number", number)
    await sales.wait_for_rows(1)
    await sales.follow(number)
    await sales.reads(number)
    for kind in (MaterialKind.IDENTITY_DOCUMENT, MaterialKind.INCOME_PROOF):
        await sales.follow("Add material")
        await sales.choose("What it is", sales.word(kind))
        await sales.field("File").set_input_files(_FILE)  # type: ignore[arg-type]
        await sales.press("Add material")
        await sales.is_told("The file is on the checklist.")
    await sales.follow("Submit")
    await sales.press("Submit")
    await sales.is_told("The application is submitted.")

    case = {"document": lease.lessee.identity, "score": 720, "reasons": [], "facts": {"debt_ratio": "0.31"}}
    await world.control("credit_bureau", "script", cases=[case])
    path = f"/applications/{lease.application}"
    async with screens.errand("credit", language) as officer:
        await officer.go(path)
        await officer.follow("Check credit")
        await officer.press("Check credit")
        await officer.is_told("A credit check is asked for. The outcome comes by itself.")
        await world.settle()
        await officer.turn_to("Credit")
        await officer.sees(officer.word(CreditOutcome.PASS))

    async with screens.errand("approver", language) as approver:
        await approver.go("/approvals")
        await approver.sees(number)
        await approver.go(path)
        await approver.follow("Approve")
        await approver.fill("Note", "收入稳定")
        await approver.press("Show what will happen")
        await approver.sees("¥110,400.00")
        assert (await lease.application_now())["state"] == "under_review"
        await approver.press("Approve")
        await approver.is_told("The application is approved.")
        await approver.sees(approver.word(ApplicationState.APPROVED))
        await approver.turn_to("Approvals")
        await approver.sees("收入稳定")
    query = "select decision, reason, actor from approval where application_id = :id"
    assert await stored(world, query, id=lease.application) == ("approve", "收入稳定", "approver")


async def test_a_document_is_blacklisted_and_taken_off_again(
    screens: Screens, language: Language, world: World
) -> None:
    number = {Language.EN: "E77000001", Language.ZH: "E77000002"}[language]
    async with screens.errand("credit", language) as officer:
        await officer.open_desk("Blacklist")
        await officer.follow("Blacklist a document")
        await officer.choose("Document", officer.word(DocumentKind.PASSPORT))
        await officer.fill("Document number", number)
        await officer.fill("Reason", f"forged papers {number}")
        await officer.press("Put on the blacklist")
        await officer.reads(f"forged papers {number}")
        entry = officer.id
        await officer.follow("Take off the blacklist")
        await officer.press("Take off the blacklist")
        await officer.is_told("The document is off the blacklist.")
        await officer.sees_none_of(number[-4:] + "-")
    query = "select reason, added_by, removed_at is not null from blacklist_entry where id = :id"
    assert await stored(world, query, id=entry) == (f"forged papers {number}", "credit", True)
