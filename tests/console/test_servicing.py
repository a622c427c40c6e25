"""The servicing desk: a contract through its life by its page, what it shows, and money that is shown before it moves."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest

from tests.api.rows import Rows
from tests.console.conftest import Reader, enter
from tests.stories.lease import Lease
from tests.stories.world import World

SEEN = {"seen": "yes"}


async def previewed(reader: Reader, path: str, **form: object) -> str:
    """What an action shows before it moves anything."""
    answer = await reader.send(path, **form)
    assert answer.status_code == 200, answer.text[:3000]
    assert "What will happen" in answer.text
    return answer.text


async def done(reader: Reader, path: str, **form: object) -> str:
    """Do it; returns where the page sends one on to, and that it says so there."""
    answer = await reader.send(path, **SEEN, **form)
    assert answer.status_code == 303, answer.text[:3000]
    return await reader.see(answer.headers["location"])


def problem(answer: httpx.Response) -> str:
    """What a refused form says."""
    assert answer.status_code == 422, answer.text[:3000]
    found = re.search(r'id="problems".*?</div>', answer.text, re.S)
    assert found is not None
    return found[0]


# Looking


async def test_the_register_shows_customer_branch_and_what_is_owed(world: World, rows: Rows, reader: Reader) -> None:
    page = await reader.see("/contracts")
    assert f"/contracts/{rows['contract_id']}" in page
    assert "欧***" in page
    assert "Days past due" in page
    assert "¥0.00" in page
    empty = await reader.see("/contracts", params={"state": "terminated"})
    assert "Nothing here fits" in empty
    assert '<option value="terminated" selected>' in empty
    sales = await (await enter(world, "sales")).see("/contracts")
    assert "欧***" in sales
    assert "¥0.00" not in sales


@pytest.mark.parametrize(
    ("tab", "said"),
    [
        ("", ['class="chart"', "Rent left", "标准直租"]),
        ("/schedule", ["<tfoot>", "Scheduled"]),
        ("/original", ["As it was agreed", "Balance after", "<tfoot>"]),
        (
            "/money",
            ["Most that one debit may take", "Down payment", "Money that waits in suspense", "Early settlement"],
        ),
        ("/calls", ["payments_collect", "esign_create", "/calls/"]),
        ("/documents", ["Lease contract", "documents/zh-CN.pdf", "signed=true"]),
        ("/map", ["leaflet.css", "map.js", "Last position", "No alarm has come."]),
        ("/collections", ["Money in doubt", "Nothing has been promised."]),
        ("/timeline", ["Active", "commenced on"]),
        ("/audit", ["contract.active"]),
    ],
)
async def test_each_tab_tells_its_part(reader: Reader, rows: Rows, tab: str, said: list[str]) -> None:
    page = await reader.see(f"/contracts/{rows['contract_id']}{tab}")
    assert [text for text in said if text not in page] == []


async def test_papers_are_had_in_both_languages(reader: Reader, rows: Rows) -> None:
    path = f"/contracts/{rows['contract_id']}/documents"
    for language in ("zh-CN", "en"):
        answer = await reader.http.get(f"{path}/{language}.pdf")
        assert answer.content.startswith(b"%PDF")
        signed = await reader.http.get(f"{path}/{language}.pdf", params={"signed": "true"})
        assert signed.headers["content-type"] == "application/zip"
    assert (await reader.http.get(f"{path}/fr.pdf")).status_code == 404


async def test_who_may_not_see_money_sees_none(world: World, rows: Rows) -> None:
    sales = await enter(world, "sales")
    page = await sales.see(f"/contracts/{rows['contract_id']}")
    for hidden in ("/money", "/schedule", "/calls", "Owed", "waits in suspense", "Debit again"):
        assert hidden not in page, hidden
    assert (await sales.http.get(f"/contracts/{rows['contract_id']}/money")).status_code == 403


async def test_the_map_has_the_place_and_the_same_as_a_table(world: World, rows: Rows, reader: Reader) -> None:
    await world.people["admin"].ask("POST", f"/devices/{rows['device_id']}/locate")
    await world.settle()
    position = await world.people["admin"].get(f"/vehicles/{rows['vehicle_id']}/position")
    for path in (f"/contracts/{rows['contract_id']}/map", f"/vehicles/{rows['vehicle_id']}/map"):
        page = await reader.see(path)
        if position is not None:
            assert f'data-latitude="{position["latitude"]}"' in page
            assert page.count(position["longitude"]) >= 2


# Acting


async def test_a_contract_lives_by_its_buttons(world: World, rows: Rows, reader: Reader) -> None:
    lease = Lease(world=world, version=rows["version_id"])
    for stage in (lease.register, lease.consent, lease.apply, lease.submit, lease.check_credit, lease.approve):
        await stage()
    await lease.draft()
    path = f"/contracts/{lease.contract}"
    assert "Order the car" not in await reader.see(path)

    assert "sent out" in await done(reader, f"{path}/do/sign")
    assert "has not taken the papers yet" in await reader.see(path)
    await world.settle()
    [envelope] = [one for one in (await world.books("esign"))["envelopes"] if one["subject"].endswith(lease.number)]
    await world.control("esign", f"envelopes/{envelope['ref']}/sign")
    await world.settle()

    page = await previewed(reader, f"{path}/do/signing-payments")
    for amount in ("¥25,600.00", "¥6,400.00", "¥1,500.00", "¥11,327.43", "¥44,827.43"):
        assert amount in page
    assert "Payments at signing" in await done(reader, f"{path}/do/signing-payments")
    await lease.receive_mandate()

    page = await reader.see(path)
    assert "The car is not with the lessee yet." in page
    order = {"vin": lease.lessee.vin, "cost": "121,000.00", "dealer": "北京东方汽车"}
    assert "¥7,000.00" in await previewed(reader, f"{path}/do/order", **order)
    refused = await reader.send(f"{path}/do/order", **SEEN, **(order | {"vin": "TOO-SHORT"}))
    assert "17 letters and digits" in problem(refused)
    assert "The car is ordered." in await done(reader, f"{path}/do/order", **order)
    assert "The contract has its car already." in await reader.see(path)

    found = await world.people["admin"].get(f"/contracts/{lease.contract}")
    lease.vehicle = found["vehicle_id"]
    await _arrives(lease)
    note = {"delivered_on": (world.today + timedelta(days=1)).isoformat(), "mileage_km": "8", "paper_ref": "DN-1"}
    assert "lies in the future" in problem(await reader.send(f"{path}/do/deliver", **note))
    await done(reader, f"{path}/do/deliver", **(note | {"delivered_on": world.today.isoformat()}))
    page = await previewed(reader, f"{path}/do/commence", commenced_on=world.today.isoformat())
    assert "First rent due" in page
    assert "The lease is in force." in await done(reader, f"{path}/do/commence", commenced_on=world.today.isoformat())
    await lease.expect("active")


async def _arrives(lease: Lease) -> None:
    """The dealer confirms, the car is received, and a device is built in."""
    operations, vehicle = lease.by("operations"), f"/vehicles/{lease.vehicle}"
    await operations.post(f"{vehicle}/confirmation", {"paper_ref": "PO-1"})
    await operations.post(f"{vehicle}/receipt", {"inspection": "ok", "paper_ref": "GR-1", "mileage_km": 8})
    device = {"branch_id": lease.world.branches["north"], "terminal_id": "T-BUTTONS", "instance": "gps_main"}
    made = await operations.post("/devices", device)
    await operations.put(f"/devices/{made['id']}/binding", {"vehicle_id": lease.vehicle})


async def test_a_signature_is_withdrawn_and_a_draft_cancelled(world: World, rows: Rows, reader: Reader) -> None:
    lease = Lease(world=world, version=rows["version_id"])
    for stage in (lease.register, lease.consent, lease.apply, lease.submit, lease.check_credit, lease.approve):
        await stage()
    await lease.draft()
    path = f"/contracts/{lease.contract}"
    await done(reader, f"{path}/do/sign")
    assert "Only a drafted or signed contract can be cancelled." in await reader.see(path)
    await world.settle()
    assert "is needed" in problem(await reader.send(f"{path}/do/withdraw", reason=" "))
    await done(reader, f"{path}/do/withdraw", reason="another car")
    await world.settle()
    await lease.expect("drafted")
    assert "The contract is cancelled." in await done(reader, f"{path}/do/cancel", reason="no longer wanted")
    await lease.expect("cancelled")


async def test_a_payoff_is_shown_in_numbers_before_it_is_accepted(world: World, rows: Rows, reader: Reader) -> None:
    path = f"/contracts/{rows['contract_id']}"
    page = await done(reader, f"{path}/do/quote-payoff", as_of_on="")
    assert "nothing moves until the quote is accepted" in page
    quotes = await world.people["admin"].get(f"/contracts/{rows['contract_id']}/payoffs")
    assert f"payoff_id={quotes[0]['id']}" in page
    page = await previewed(reader, f"{path}/do/accept-payoff", payoff_id=quotes[0]["id"])
    for part in ("principal", "interest", "fee", "total"):
        whole, cents = quotes[0][part].split(".")
        assert f"¥{int(whole):,}.{cents}" in page, part
    charges = await world.people["admin"].get(f"/contracts/{rows['contract_id']}/charges")
    assert "settlement" not in {one["purpose"] for one in charges}
    wrong = await reader.send(f"{path}/do/accept-payoff", payoff_id=rows["lead_id"])
    assert "is not one of the choices" in problem(wrong)


async def test_what_waits_is_given_back_after_a_preview(world: World, rows: Rows, reader: Reader) -> None:
    path = f"/contracts/{rows['contract_id']}"
    assert "waits in suspense" in await reader.see(path)
    assert 'value="4999.00"' in await reader.see(f"{path}/do/refund-suspense")
    assert "Nothing is owed." in await reader.see(f"{path}/do/apply-suspense")
    page = await previewed(reader, f"{path}/do/refund-suspense", amount="999.00")
    assert "¥4,000.00" in page
    assert "••••" in page
    assert "¥4,000.00" in await done(reader, f"{path}/do/refund-suspense", amount="999.00")
    too_much = await reader.send(f"{path}/do/refund-suspense", **SEEN, amount="4,000.01")
    assert "more than waits in suspense" in problem(too_much)


async def test_warnings_are_taken_on_and_closed_with_what_came_of_it(reader: Reader, rows: Rows) -> None:
    path = f"/warnings/{rows['warning_id']}"
    assert path in await reader.see("/warnings", params={"state": "open"})
    assert "Acknowledged" in await done(reader, f"{path}/do/acknowledge")
    assert path not in await reader.see("/warnings", params={"state": "open"})
    assert "is needed" in problem(await reader.send(f"{path}/do/close", result=""))
    assert "it was a test" in await done(reader, f"{path}/do/close", result="it was a test")


async def test_a_disbursement_is_approved_by_somebody_else_who_repeats_it(world: World, rows: Rows) -> None:
    path = f"/disbursements/{rows['disbursement_id']}"
    operations, accountant = await enter(world, "operations"), await enter(world, "accountant")
    one = await world.people["admin"].get(path)
    if one["last_four"] is None:
        assert "Nobody has said yet which account it goes to." in await accountant.see(path)
        await done(operations, f"{path}/do/payee", payee_id=rows["payee_id"])
        one = await world.people["admin"].get(path)
    assert "/do/approve" not in await operations.see(path)
    right = {"amount": one["amount"], "last_four": one["last_four"]}
    assert one["payee"] in await previewed(accountant, f"{path}/do/approve", **right)
    wrong = await accountant.send(f"{path}/do/approve", **SEEN, **(right | {"last_four": "9999"}))
    assert "not the one that would be paid" in problem(wrong)
    await done(accountant, f"{path}/do/approve", **right)
    assert (await world.people["admin"].get(path))["approved_by"] == "accountant"


async def test_lists_are_drawn_with_their_filters(world: World, rows: Rows, reader: Reader) -> None:
    number = (await world.people["admin"].get(f"/contracts/{rows['contract_id']}"))["number"]
    assert number in await reader.see("/payments", params={"state": "succeeded", "purpose": "signing"})
    assert number not in await reader.see("/payments", params={"purpose": "settlement"})
    assert "Refund" in await reader.see("/payouts", params={"purpose": "refund"})
    assert number in await reader.see("/disbursements", params={"purpose": "vehicle"})
    vin = (await world.people["admin"].get(f"/vehicles/{rows['vehicle_id']}"))["vin"]
    assert f"/vehicles/{rows['vehicle_id']}" in await reader.see("/vehicles", params={"text": vin[:12].lower()})
    assert vin not in await reader.see("/vehicles", params={"status": "sold"})
    page = await reader.see(f"/vehicles/{rows['vehicle_id']}")
    assert "DN-1" in page
    assert "北京东方汽车" in page


async def test_who_is_late_is_listed_and_promises(world: World, rows: Rows) -> None:
    lease = await Lease(world=world, version=rows["version_id"]).run()
    due_on = await lease.due_on(1)
    refusal = {"agreement": lease.number, "due_on": due_on.isoformat(), "reason": "nsf", "times": 9}
    await world.control("payments", "declines", declines=[refusal])
    for days in range(3):
        await world.live_through(due_on + timedelta(days=days))
    reader = await enter(world, "admin")
    path = f"/contracts/{lease.contract}"
    assert lease.number in await reader.see("/arrears", params={"bucket": "m1"})
    assert lease.number not in await reader.see("/arrears", params={"bucket": "m2"})
    assert lease.number in await reader.see("/collections", params={"state": "open"})
    page = await reader.see(path)
    assert "is owed, for 2 days." in page
    assert 'class="bad"' in page
    owed = (await lease.account())["owed"]
    promise = {"amount": owed, "promised_on": (world.today + timedelta(days=2)).isoformat()}
    assert "Debited on" in await previewed(reader, f"{path}/do/promise", **promise)
    unseen = await reader.send(f"{path}/do/promise", **(promise | {"promised_on": due_on.isoformat()}))
    assert "lies in the past" in problem(unseen)
    late = await reader.send(f"{path}/do/promise", **SEEN, **(promise | {"promised_on": due_on.isoformat()}))
    assert "lies in the past" in problem(late)
    assert "The promise is recorded" in await done(reader, f"{path}/do/promise", **promise)
    assert "A promise is open already." in await reader.see(path)
    again = {"on": world.today.isoformat()}
    assert "•••• " in await previewed(reader, f"{path}/do/charge-again", **again)
    assert "The debit is scheduled." in await done(reader, f"{path}/do/charge-again", **again)


async def test_another_mandate_is_asked_for_once_at_a_time(world: World, rows: Rows) -> None:
    reader = await enter(world, "admin")
    path = f"/contracts/{rows['contract_id']}"
    before = await world.people["admin"].get(f"{path}/mandates")
    form = {"bank_account_id": rows["bank_account_id"], "limit": "15,000.00"}
    refused = await reader.send(f"{path}/do/mandate", **form | {"limit": "0.00"}, seen="yes")
    assert 'id="wrong-limit"' in refused.text
    shown = await reader.send(f"{path}/do/mandate", **form)
    assert "¥15,000.00" in shown.text
    assert len(await world.people["admin"].get(f"{path}/mandates")) == len(before)
    answer = await reader.send(f"{path}/do/mandate", **form, seen="yes")
    assert answer.headers["location"] == f"{path}/money?done=mandate"
    assert len(await world.people["admin"].get(f"{path}/mandates")) == len(before) + 1
    again = await reader.send(f"{path}/do/mandate", **form, seen="yes")
    assert (again.status_code, "A mandate is on its way already." in again.text) == (422, True)
    await world.settle(callbacks=False)
    assert "https://pay.sandbox.example/mandates/" in await reader.see(f"{path}/money")
    await reader.http.aclose()


async def test_a_mandate_is_taken_back_with_a_reason_after_a_preview(world: World, rows: Rows) -> None:
    reader = await enter(world, "admin")
    path = f"/contracts/{rows['contract_id']}"
    await world.wait(timedelta(seconds=10))
    before = {one["id"]: one["state"] for one in await world.people["admin"].get(f"{path}/mandates")}
    mandate_id = next(one for one, state in before.items() if state == "active")
    form = {"mandate_id": mandate_id, "reason": "the lessee pays by transfer"}
    refused = await reader.send(f"{path}/do/revoke-mandate", **form | {"reason": ""}, seen="yes")
    assert 'id="wrong-reason"' in refused.text
    shown = await reader.send(f"{path}/do/revoke-mandate", **form)
    assert "Other active mandates" in shown.text
    assert {one["id"]: one["state"] for one in await world.people["admin"].get(f"{path}/mandates")} == before
    answer = await reader.send(f"{path}/do/revoke-mandate", **form, seen="yes")
    assert answer.headers["location"] == f"{path}/money?done=revoke-mandate"
    await world.settle()
    page = await reader.see(f"{path}/money")
    assert "the lessee pays by transfer" in page
    after = {one["id"]: one["state"] for one in await world.people["admin"].get(f"{path}/mandates")}
    assert after[mandate_id] == "revoked"
    await reader.http.aclose()


async def test_the_calls_of_a_contract_lead_to_the_call_log(world: World, rows: Rows) -> None:
    reader = await enter(world, "admin")
    path = f"/calls?lease_id={rows['contract_id']}"
    assert f'href="{path}"' in await reader.see(f"/contracts/{rows['contract_id']}/calls")
    page = await reader.see(path)
    assert f'<option value="{rows["contract_id"]}" selected>' in page
    assert "payments_collect" in page
    assert "No provider" not in page
    assert '<span class="code">credit_pull' not in page  # of the application, before there was a contract
    assert 'id="filter-lease_id"' not in await reader.see("/calls")
    assert (await reader.http.get("/calls?lease_id=HT1")).status_code == 422
    await reader.http.aclose()


async def test_every_alarm_of_a_device_is_on_the_page_of_its_warning(world: World, rows: Rows) -> None:
    boss, reader = world.people["admin"], await enter(world, "admin")  # other tests have let the session run out
    device = await boss.get(f"/devices/{rows['device_id']}")
    ref = device["terminal_id"]
    await boss.post(f"/devices/{rows['device_id']}/locate")  # with the first call a vendor learns where alarms go
    await world.settle()
    for kind in ("power_cut", "towed"):
        await world.control("gps_tracker", f"devices/{ref}/alarm", type=kind)
        await world.settle()
        world.clock.advance(timedelta(minutes=3))
    [warning] = [one for one in await boss.get("/warnings") if one["kind"] == "device_alarm"]
    assert (warning["times"], warning["code"], warning["facts"]) == (2, "device_alarm", {"kind": "power_cut"})
    page = await reader.see(f"/warnings/{warning['id']}")
    assert "It has happened 2 times" in page
    assert page.index("device alarm: Towed") < page.index("device alarm: Power cut")
    form = await reader.see(f"/warnings/{warning['id']}/do/close")
    assert 'name="seen" value="2"' in form
    await world.control("gps_tracker", f"devices/{ref}/alarm", type="tamper")
    await world.settle()
    close = f"/warnings/{warning['id']}/do/close"
    refused = await reader.send(close, result="phoned", seen="2")
    assert (refused.status_code, "It has happened again meanwhile" in refused.text) == (422, True)
    assert (await reader.send(close, result="phoned", seen="3")).status_code == 303
    await world.control("gps_tracker", f"devices/{ref}/alarm", type="speeding")
    await world.settle()
    found = [one for one in await boss.get("/warnings") if one["kind"] == "device_alarm"]
    assert [(one["state"], one["times"]) for one in found] == [("closed", 3), ("open", 1)]
