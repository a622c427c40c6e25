"""Two whole direct leases through the API: one that runs to its end, with a late rent and a lost answer, and one settled early."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hub.core.money import Money
from tests.stories.books import balances, prove, prove_calls_masked
from tests.stories.lease import Lease

CALLS = ("credit_pull", "esign_create", "esign_fetch", "payments_mandate", "payments_collect", "payments_payout")
REMIND = "collections.perform_contacts"


async def test_a_lease_runs_to_its_end(lease: Lease) -> None:
    await _originate(lease)
    await _rent_is_collected(lease, 1)
    await _rent_comes_late(lease, 2)
    await _answer_is_lost(lease, 3)
    for number in (4, 5, 6):
        await _rent_is_collected(lease, number)
    await _is_closed(lease)
    quoted = lease.quote["price"]
    penalty = Decimal((await lease.rent(2))["penalty"])
    paid_in = sum(Decimal(one["money"]) for one in await lease.charges())
    assert await _succeeded(lease, "rent") == Decimal(quoted["total_rent"]) + penalty
    assert (await balances(lease))["1012"] == await _succeeded(lease) - Decimal("146727.43")
    assert paid_in > await _succeeded(lease), "the three refused debits are on record too"
    await prove(lease, finance_income=f"-{quoted['total_interest']}", penalty_income=f"-{penalty}")
    await prove_calls_masked(lease, *CALLS, "messaging_send")


async def test_a_lease_is_settled_early(lease: Lease) -> None:
    await lease.run()
    locked_in = await lease.by("accountant").refused(f"/contracts/{lease.contract}/payoffs", {})
    assert (locked_in["code"], locked_in["rule"]) == ("rule_broken", "payoff_locked_in")
    for number in (1, 2, 3):
        await _rent_is_collected(lease, number)
    await _settles_early(lease)
    await _is_closed(lease)
    states = Counter(one["state"] for one in (await lease.account())["instalments"])
    assert states == {"paid": 3, "cancelled": 3}
    await prove_calls_masked(lease, *CALLS)


# From the lead to the first day


async def _originate(lease: Lease) -> None:
    await lease.register()
    await lease.consent()
    await lease.apply()
    await lease.submit()
    assert (await lease.check_credit())["score"] == 720
    await lease.approve()
    await lease.draft()
    await prove(lease)
    await lease.sign()
    await _papers_are_kept(lease)
    await lease.pay_at_signing()
    await _is_paid_at_signing(lease)
    await lease.buy()
    await prove(lease, leased_assets="121000.00", payables="-132327.43")
    await _dealer_is_paid(lease)
    await lease.deliver()
    await _is_found_on_the_road(lease)
    await lease.commence()
    await prove(
        lease,
        lease_principal="110400.00",
        leased_assets="0.00",
        disposal_result="-7000.00",
        customer_prepayments="0.00",
        security_deposits="-6400.00",
        payables="-19327.43",
        service_fee_income="-1500.00",
    )
    await _third_parties_are_paid(lease)
    timeline = await lease.by("auditor").get(f"/contracts/{lease.contract}/timeline")
    assert [event["after"] for event in timeline] == ["drafted", "out_for_signature", "signed", "funded", "active"]


async def _papers_are_kept(lease: Lease) -> None:
    first_rent = f"{Decimal(lease.quote['price']['schedule'][0]['rent']):,.2f}"
    words = {
        "zh-CN": ("汽车融资租赁合同", lease.lessee.name, lease.lessee.identity, "轩逸1.6L", "人民币"),
        "en": ("VehicleFinanceLeaseContract", lease.lessee.name, lease.lessee.identity, "theChinesetextbinds"),
    }
    for language, expected in words.items():
        text = await lease.paper(language)
        assert [word for word in (*expected, lease.number, first_rent) if word not in text] == []
        assert await lease.paper(language, signed=True) == text
    documents = await lease.by("operations").get(f"/contracts/{lease.contract}/documents")
    assert {one["language"] for one in documents} == {"zh-CN", "en"}
    assert all(one["signed_sha256"] and one["evidence_sha256"] for one in documents)
    [envelope] = await lease.by("operations").get(f"/contracts/{lease.contract}/envelopes")
    assert (envelope["state"], envelope["instance"]) == ("completed", "esign_main")


async def _is_paid_at_signing(lease: Lease) -> None:
    payments = await lease.by("operations").get(f"/contracts/{lease.contract}/signing-payments")
    assert {one["purpose"]: (one["money"], one["state"]) for one in payments} == {
        "down_payment": ("25600.00", "received"),
        "security_deposit": ("6400.00", "received"),
        "service_fee": ("1500.00", "received"),
        "third_party_fees": ("11327.43", "received"),
    }
    await prove(
        lease,
        provider_clearing="44827.43",
        customer_prepayments="-25600.00",
        security_deposits="-6400.00",
        payables="-11327.43",
    )


async def _dealer_is_paid(lease: Lease) -> None:
    """The car has come, so its price is owed: operations drafted the payment by receiving it, accounting approves."""
    [owed] = await lease.disbursements("drafted")
    assert (owed["amount"], owed["payee"], owed["last_four"]) == ("121000.00", "北京东方汽车", "0001")
    path, seen = f"/disbursements/{owed['id']}/approval", {"amount": "121000.00", "last_four": "0001"}
    assert (await lease.by("operations").ask("POST", path, seen)).status_code == 403
    other = await lease.by("accountant").refused(path, seen | {"amount": "12100.00"})
    assert other["rule"] == "not_what_was_shown"
    [paid] = await lease.disburse()
    assert (paid["state"], paid["paid_on"], paid["drafted_by"]) == ("paid", str(lease.world.today), "operations")
    [entry] = await _booked(lease, "vehicle_paid")
    assert [(line["account"], line["debit"], line["credit"]) for line in entry["lines"]] == [
        ("2202", "121000.00", "0.00"),
        ("1012", "0.00", "121000.00"),
    ]
    await prove(lease, payables="-11327.43", provider_clearing="-76172.57")


async def _third_parties_are_paid(lease: Lease) -> None:
    """With the first day of the lease its fees are owed, those that are financed and those paid at signing alike."""
    paid = [one for one in await lease.disburse() if one["purpose"] == "third_party"]
    assert {one["fee_kind"]: (one["payee"], one["amount"], one["state"]) for one in paid} == {
        "insurance": ("平安保险公司", "8000.00", "paid"),
        "purchase_tax": ("北京税务局", "11327.43", "paid"),
    }
    assert len(await _booked(lease, "third_party_paid")) == 2
    await prove(lease, payables="0.00")


async def _booked(lease: Lease, kind: str) -> list[dict[str, Any]]:
    found = await lease.by("auditor").get(f"/ledger/contracts/{lease.contract}/entries", limit=200)
    return [entry for entry in found if entry["kind"] == kind]


async def _payouts(lease: Lease, purpose: str) -> list[dict[str, Any]]:
    found = await lease.by("accountant").get(f"/contracts/{lease.contract}/payouts")
    return [one for one in found if one["purpose"] == purpose]


async def _is_found_on_the_road(lease: Lease) -> None:
    operations = lease.by("operations")
    assert await operations.get(f"/vehicles/{lease.vehicle}/position") is None
    await operations.post(f"/devices/{lease.device}/locate")
    await lease.world.settle()
    position = await operations.get(f"/vehicles/{lease.vehicle}/position")
    assert (position["device_id"], position["source"]) == (lease.device, "gnss")


# Rents


async def _rent_is_collected(lease: Lease, number: int) -> None:
    rent = await lease.rent(number)
    assert rent["state"] == "scheduled"
    await lease.world.live_through(date.fromisoformat(rent["due_on"]))
    paid = await lease.rent(number)
    assert (paid["state"], paid["left"], paid["penalty"]) == ("paid", "0.00", "0.00")
    [charge] = [one for one in await lease.charges("rent") if one["subject_id"] == rent["id"]]
    assert (charge["state"], charge["money"], charge["instance"]) == ("succeeded", rent["rent"], "psp_main")
    [at_vendor] = await lease.vendor_charges(date.fromisoformat(rent["due_on"]))
    assert Money(at_vendor["amount_minor"]) == Money.of(rent["rent"])
    await prove(lease, rent_receivable="0.00", penalty_receivable="0.00", unallocated_receipts="0.00")


async def _rent_comes_late(lease: Lease, number: int) -> None:
    """Three refusals, three days of penalty after three of grace, a message, a promise, and the money."""
    world, due_on = lease.world, await lease.due_on(number)
    refusal = {"agreement": lease.number, "due_on": due_on.isoformat(), "reason": "nsf", "times": 3}
    await world.control("payments", "declines", declines=[refusal])
    for days, state, tries in ((0, "due", 1), (1, "overdue", 2), (2, "overdue", 2), (3, "overdue", 3)):
        await world.live_through(due_on + timedelta(days=days))
        rent = await lease.rent(number)
        assert (rent["state"], len(await lease.vendor_charges(due_on))) == (state, tries)
        assert rent["penalty"] == "0.00"
    daily = Money.of(rent["rent"]).times(Decimal("0.0005"))
    await _is_reminded(lease)
    for days in (4, 5):
        await world.live_through(due_on + timedelta(days=days))
        assert Money.of((await lease.rent(number))["penalty"]) == Money(daily.minor * (days - 3))
        await prove(lease, penalty_receivable=str((await lease.rent(number))["penalty"]), rent_receivable=rent["rent"])
    await _promises(lease, due_on + timedelta(days=6))
    await world.live_through(due_on + timedelta(days=6))
    paid = await lease.rent(number)
    assert (paid["state"], paid["left"], Money.of(paid["penalty"])) == ("paid", "0.00", Money(daily.minor * 3))
    assert paid["paid_penalty"] == paid["penalty"]
    assert [one["state"] for one in await lease.by("collector").get(f"/contracts/{lease.contract}/promises")] == [
        "kept"
    ]
    assert [one["state"] for one in await _cases(lease)] == ["closed"]
    await prove(lease, rent_receivable="0.00", penalty_receivable="0.00", unallocated_receipts="0.00")


async def _is_reminded(lease: Lease) -> None:
    [contact] = await lease.by("collector").get(f"/contracts/{lease.contract}/contacts")
    assert (contact["template"], contact["state"]) == ("rent_overdue", "sent")
    assert lease.lessee.phone not in contact["to"]
    [message] = [one for one in (await lease.world.books("sms"))["outbox"] if lease.number in one["text"]]
    assert message["recipient"].endswith(lease.lessee.phone)
    assert message["status"] in ("queued", "delivered")
    [case] = await _cases(lease)
    assert case["state"] == "open"
    warnings = await lease.by("collector").get("/warnings", state="open")
    assert "rent_overdue" in {one["kind"] for one in warnings if one["contract_id"] == lease.contract}


async def _promises(lease: Lease, promised_on: date) -> None:
    collector, path = lease.by("collector"), f"/contracts/{lease.contract}/promises"
    owed = (await collector.get(f"/contracts/{lease.contract}/account"))["owed"]
    too_much = {"amount": str(Decimal(owed) + Decimal("0.01")), "promised_on": promised_on.isoformat()}
    assert (await collector.refused(path, too_much, status=422))["field"] == "amount"
    taken = await collector.post(path, {"amount": owed, "promised_on": promised_on.isoformat()})
    assert taken["state"] == "open"
    assert [case["state"] for case in await _cases(lease)] == ["promised"]


async def _cases(lease: Lease) -> list[dict[str, str]]:
    found = await lease.by("collector").get("/dunning-cases")
    return [case for case in found if case["contract_id"] == lease.contract]


async def _answer_is_lost(lease: Lease, number: int) -> None:
    """The vendor takes the money and its answer never arrives: nobody debits again, and reconcile finds out."""
    world, rent = lease.world, await lease.rent(number)
    due_on = date.fromisoformat(rent["due_on"])
    match = {"agreement": lease.number, "due_on": due_on.isoformat()}
    lost = {"operation": "collect", "fault": "connection_drop_after", "match": match}
    await world.control("payments", "faults", faults=[lost])
    world.move_to(due_on)
    await world.tick(callbacks=False)
    assert (await _states(lease, rent["id"]), (await lease.account())["in_doubt"]) == (["unknown"], True)
    for days in (1, 2):
        world.move_to(due_on + timedelta(days=days))
        await world.tick("servicing.close_day", "payments.perform_charges", REMIND, callbacks=False)
    assert await _states(lease, rent["id"]) == ["unknown"]
    await _cannot_settle_now(lease)
    assert await _contacts(lease) == ["sent", "requested"], "nobody is reminded of what they may have paid"
    warnings = [one for one in await lease.by("collector").get("/warnings") if one["kind"] == "money_in_doubt"]
    assert lease.contract in {one["contract_id"] for one in warnings}
    await world.tick("reconcile.tick", callbacks=False)
    await _is_known_again(lease, number)
    await world.settle()
    await _is_known_again(lease, number)


async def _cannot_settle_now(lease: Lease) -> None:
    path = f"/contracts/{lease.contract}/payoffs"
    offered = await lease.by("accountant").post(path, {})
    assert offered["in_doubt"] is True
    refused = await lease.by("accountant").refused(f"{path}/{offered['id']}/acceptance")
    assert refused["rule"] == "money_in_doubt"


async def _is_known_again(lease: Lease, number: int) -> None:
    rent, account = await lease.rent(number), await lease.account()
    assert (rent["state"], rent["penalty"], account["in_doubt"]) == ("paid", "0.00", False)
    assert await _states(lease, rent["id"]) == ["succeeded"]
    assert len(await lease.vendor_charges(date.fromisoformat(rent["due_on"]))) == 1
    assert {case["state"] for case in await _cases(lease)} == {"closed"}
    assert await _contacts(lease) == ["sent", "withdrawn"]
    await prove(lease, rent_receivable="0.00", penalty_receivable="0.00", unallocated_receipts="0.00")


async def _contacts(lease: Lease) -> list[str]:
    """The states of all contacts with the lessee, and that the vendor has sent only those that were sent."""
    found = [one["state"] for one in await lease.by("collector").get(f"/contracts/{lease.contract}/contacts")]
    outbox = [one for one in (await lease.world.books("sms"))["outbox"] if lease.number in one["text"]]
    assert len(outbox) == found.count("sent")
    return found


async def _states(lease: Lease, subject_id: str) -> list[str]:
    """The states of all debits of one rent."""
    return [one["state"] for one in await lease.charges("rent") if one["subject_id"] == subject_id]


async def _succeeded(lease: Lease, purpose: str | None = None) -> Decimal:
    """What has come in."""
    return sum(
        (Decimal(one["money"]) for one in await lease.charges(purpose) if one["state"] == "succeeded"), Decimal()
    )


# The end


async def _settles_early(lease: Lease) -> None:
    world, accountant = lease.world, lease.by("accountant")
    path = f"/contracts/{lease.contract}/payoffs"
    world.move_to(world.today + timedelta(days=11))
    early = await accountant.post(path, {"as_of_on": (world.today + timedelta(days=2)).isoformat()})
    offered = await accountant.post(path, {})
    left = Decimal("110400.00") - sum(Decimal(one["paid_principal"]) for one in (await lease.account())["instalments"])
    assert (Decimal(offered["principal"]), offered["arrears"], offered["penalty"]) == (left, "0.00", "0.00")
    assert offered["in_doubt"] is False
    assert Money.of(offered["fee"]) == Money.of(offered["principal"]).times(Decimal("0.02"))
    assert Decimal(early["interest"]) > Decimal(offered["interest"]) > 0
    assert (await accountant.refused(f"{path}/{early['id']}/acceptance"))["rule"] == "payoff_not_valid_today"
    accepted = await accountant.post(f"{path}/{offered['id']}/acceptance")
    assert accepted["state"] == "accepted"
    assert (await lease.account())["state"] == "settling"
    assert (await accountant.refused(f"{path}/{offered['id']}/acceptance"))["code"] == "conflict"
    await world.settle()
    assert [one["state"] for one in await accountant.get(path)] == ["paid", "offered"]
    [charge] = await lease.charges("settlement")
    assert (charge["state"], charge["money"]) == ("succeeded", offered["total"])
    await prove(lease, settlement_fee_income=f"-{offered['fee']}")


async def _is_closed(lease: Lease) -> None:
    """Nothing is owed, the deposit is back, the title has passed, and the contract is closed."""
    operations = lease.by("operations")
    account = await lease.account()
    assert (account["state"], account["owed"], account["settled_on"]) == ("settled", "0.00", str(lease.world.today))
    [payout] = await _payouts(lease, "deposit_return")
    assert (payout["purpose"], payout["money"], payout["state"]) == ("deposit_return", "6400.00", "succeeded")
    assert len([row for row in (await lease.world.books("payments"))["payouts"] if row["key"] == payout["id"]]) == 1
    closed = await lease.expect("closed")
    assert closed["closed_on"] == str(lease.world.today)
    vehicle = await operations.get(f"/vehicles/{lease.vehicle}")
    assert (vehicle["status"], vehicle["title_holder"], vehicle["held_for"]) == ("title_transferred", "lessee", None)
    await lease.world.live_through(lease.world.today + timedelta(days=40))
    assert len(await _payouts(lease, "deposit_return")) == 1
    await prove(
        lease,
        lease_principal="0.00",
        rent_receivable="0.00",
        penalty_receivable="0.00",
        security_deposits="0.00",
        unallocated_receipts="0.00",
        customer_prepayments="0.00",
        leased_assets="0.00",
    )
