"""Errands at the desks of leases that run, in each language: what is seen, and what the database then holds."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from playwright.async_api import expect

from hub.console.i18n import Language
from hub.console.labels import label
from hub.core.ids import ContractId, DeviceId
from hub.core.ports.gps_tracker import Datum, Fix
from hub.leasing.contracts.rules import ContractState
from hub.leasing.disbursements.rules import DisbursementState
from hub.leasing.parties.rules import RevealPurpose
from hub.leasing.payments.rules import MovementState, PayoutPurpose
from hub.leasing.servicing.rules import Bucket
from hub.leasing.tracking import service as tracking
from hub.leasing.warnings import service as warnings
from hub.leasing.warnings.rules import WarningCode, WarningKind, WarningState, ground
from tests.api.rows import Rows
from tests.browser.screen import Person, Screens
from tests.browser.stored import stored
from tests.stories.world import World


async def _find(person: Person, number: str) -> None:
    """Find a contract in the register by its number, and open it."""
    await person.open_desk("Contracts")
    await person.fill("Contract number", number)
    await person.wait_for_rows(1)
    await person.follow(number)
    await person.reads(number)


async def test_an_early_settlement_is_quoted_looked_at_and_left(
    screens: Screens, language: Language, world: World, rows: Rows
) -> None:
    contract = rows["contract_id"]
    number = await stored(world, "select number from contract where id = :id", id=contract)
    before = await stored(world, "select count(*) from payoff_quote where contract_id = :id", id=contract)
    async with screens.errand("accountant", language) as person:
        await _find(person, number)
        await person.follow("Quote early settlement")
        await person.press("Quote early settlement")
        await person.is_told("The early settlement is quoted; nothing moves until the quote is accepted.")
        await person.follow("Settle early")
        await person.field("Quote").select_option(index=1)
        await person.press("Show what will happen")
        await person.sees("Debited today")
        await person.sees("••••")
        await person.follow("Back")
        await person.sees(person.word(ContractState.ACTIVE))
    assert await stored(world, "select count(*) from payoff_quote where contract_id = :id", id=contract) == before + 1
    query = "select count(*) from charge where contract_id = :id and purpose = 'settlement'"
    assert await stored(world, query, id=contract) == 0


async def test_a_refused_debit_is_found_and_another_is_looked_at(
    screens: Screens, language: Language, world: World, rows: Rows
) -> None:
    query = "select count(*) from charge where contract_id = :id"
    before = await stored(world, query, id=rows["late_contract_id"])
    async with screens.errand("accountant", language) as person:
        await person.open_desk("Debits")
        await person.turn_to(person.word(MovementState.REJECTED))
        await person.row(rows["late_number"]).get_by_role("link").first.click()
        await person.reads(rows["late_number"])
        await person.follow("Debit again")
        await person.fill("Day of the debit", world.today.isoformat())
        await person.press("Show what will happen")
        await person.sees("Owed today")
        await person.follow("Back")
        await person.reads(rows["late_number"])
    assert await stored(world, query, id=rows["late_contract_id"]) == before


async def test_what_waits_is_given_back_and_found_among_the_payouts(
    screens: Screens, language: Language, world: World, rows: Rows
) -> None:
    query = "select count(*) from payout where contract_id = :id and purpose = 'refund'"
    before = await stored(world, query, id=rows["contract_id"])
    number = await stored(world, "select number from contract where id = :id", id=rows["contract_id"])
    async with screens.errand("accountant", language) as person:
        await _find(person, number)
        await person.follow("Give back what waits")
        await person.fill("Amount", "2.00")
        await person.press("Show what will happen")
        await person.sees("Waits afterwards")
        await person.press("Give back what waits")
        await person.is_told("The refund is on its way.")
        await world.settle()
        await person.open_desk("Payouts")
        await person.choose("Purpose", person.word(PayoutPurpose.REFUND))
        await person.wait_for_rows(before + 1)
        await person.sees("¥2.00")
    assert await stored(world, query, id=rows["contract_id"]) == before + 1


async def test_who_is_late_is_looked_up_and_a_promise_is_thought_over(
    screens: Screens, language: Language, world: World, rows: Rows
) -> None:
    async with screens.errand("collector", language) as person:
        await person.open_desk("Arrears")
        await person.turn_to(person.word(Bucket.M1))
        await person.follow(rows["late_number"])
        await person.reads(rows["late_number"])
        await person.turn_to("Collections")
        await person.sees("Nothing has been promised.")
        await person.follow("Record a promise")
        await person.fill("Promised for", "2026-01-01")
        await person.press("Show what will happen")
        await person.is_refused("Promised for")
        await person.fill("Promised for", (world.today + timedelta(days=2)).isoformat())
        await person.press("Show what will happen")
        await person.sees("Promised")
        await person.follow("Back")
        await person.open_desk("Collections")
        await person.sees(rows["late_number"])
    query = "select count(*) from promise where contract_id = :id"
    assert await stored(world, query, id=rows["late_contract_id"]) == 0


async def test_a_warning_is_taken_on_and_closed_with_what_came_of_it(
    screens: Screens, language: Language, world: World, rows: Rows
) -> None:
    async with world.transaction() as tx:
        contract_id = ContractId(UUID(rows["contract_id"]))
        await warnings.raise_for_contract(
            tx,
            WarningKind.MONEY_IN_DOUBT,
            contract_id=contract_id,
            subject=f"journey-{language}",
            ground=ground(WarningCode.DEBIT_UNKNOWN),
        )
    warning = await stored(world, "select id::text from risk_warning where subject = :of", of=f"journey-{language}")
    async with screens.errand("collector", language) as person:
        await person.open_desk("Warnings")
        await person.turn_to(person.word(WarningState.OPEN))
        await person.main.locator(f"tbody a[href='/warnings/{warning}']").click()
        await person.follow("Take it on")
        await person.press("Take it on")
        await person.is_told("The warning is yours.")
        await person.follow("Close the warning")
        await person.fill("What came of it", "已电话核实")
        await person.press("Close the warning")
        await person.is_told("The warning is closed.")
        await person.sees("已电话核实")
    query = "select state, result from risk_warning where id = :id"
    assert await stored(world, query, id=warning) == ("closed", "已电话核实")


async def test_a_dealer_is_paid_once_somebody_else_has_repeated_amount_and_account(
    screens: Screens, language: Language, world: World, rows: Rows
) -> None:
    contract = rows["contract_id"] if language is Language.EN else rows["late_contract_id"]
    query = "select id::text from disbursement where contract_id = :id and purpose = 'vehicle'"
    disbursement = await stored(world, query, id=contract)
    async with screens.errand("operations", language) as person:
        await person.open_desk("Disbursements")
        await person.turn_to(person.word(DisbursementState.DRAFTED))
        await person.main.locator(f"tbody a[href='/disbursements/{disbursement}']").click()
        await person.follow("Choose the payee")
        await person.field("Payee").select_option(value=rows["payee_id"])
        await person.press("Choose the payee")
        await person.is_told("The payee is chosen; somebody else has to approve it.")
        await person.sees_none_of("Approve once more")
    one = await world.people["admin"].get(f"/disbursements/{disbursement}")
    async with screens.errand("accountant", language) as person:
        await person.go(f"/disbursements/{disbursement}")
        await person.follow("Approve")
        await person.fill("Amount", one["amount"])
        await person.fill("Last four digits", "0000")
        await person.press("Show what will happen")
        await person.press("Approve")
        await person.is_refused("The amount or the account is not the one that would be paid. Look at it again.")
        await person.fill("Last four digits", one["last_four"])
        await person.press("Show what will happen")
        await person.sees(one["payee"])
        await person.press("Approve")
        await person.is_told("It is approved, and paid as soon as the lessee has paid.")
    query = "select state, approved_by, drafted_by from disbursement where id = :id"
    state, approved_by, drafted_by = await stored(world, query, id=disbursement)
    assert (state in {"approved", "paying"}, approved_by) == (True, "accountant")
    assert drafted_by != approved_by


async def test_a_car_is_found_by_a_part_of_its_vin_and_seen_on_the_map(
    screens: Screens, language: Language, world: World, rows: Rows
) -> None:
    vin = await stored(world, "select vin from vehicle where id = :id", id=rows["vehicle_id"])
    position = await world.people["admin"].get(f"/vehicles/{rows['vehicle_id']}/position")
    async with screens.errand("operations", language) as person:
        await person.open_desk("Vehicles")
        await person.fill("VIN, plate or model", vin[:17].lower())
        await person.wait_for_rows(1)
        await person.follow(vin)
        await person.reads(vin)
        await person.sees("DN-1")
        await person.turn_to("Map")
        await person.page.locator("#map.leaflet-container").wait_for()
        await person.sees(position["latitude"])
        await person.sees("No base map is configured: the lines are degrees of WGS-84.")


async def test_the_way_of_a_car_is_drawn_on_a_map_without_a_base(admin: Person, world: World, rows: Rows) -> None:
    device = DeviceId(UUID(rows["device_id"]))
    async with world.transaction() as tx:
        for step in range(8):
            fix = Fix(
                latitude=Decimal("31.20") + step * Decimal("0.004"),
                longitude=Decimal("121.40") + (step % 5) * Decimal("0.006"),
                datum=Datum.WGS84,
                fixed_at=tx.now - timedelta(minutes=step),
            )
            await tracking.record_fix(tx, device, fix)
    await admin.go(f"/vehicles/{rows['vehicle_id']}/map")
    await admin.follow("Show the way")
    await admin.choose("What for", label(RevealPurpose.SERVICE))
    await admin.press("Show the way")
    await admin.reads("The way of the car")
    drawn = admin.page.locator("#map .leaflet-overlay-pane path")
    await expect(drawn).to_have_count(2)  # the way, and where it ends
    await expect(admin.page.locator("#map .leaflet-control-scale-line")).to_be_visible()
    await expect(admin.main.locator("tbody tr").first).to_be_visible()
    await admin.keep(f"track-{admin.language}")
