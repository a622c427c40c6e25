"""A whole direct lease through real plugins, over HTTP in the vendors' own protocols, and what is done when one is away."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import date, time, timedelta
from typing import Any
from urllib.parse import parse_qsl

import psycopg
import pytest
from leasehub_credit_bureau_aliyun.standin import Person
from psycopg import sql
from pypdf import PdfReader

from hub.testing.wire import Received
from tests.faults.invariants import nothing_is_violated
from tests.stories.books import prove, prove_calls_masked
from tests.stories.company import company_at_work
from tests.stories.lease import Lease, somebody
from tests.stories.payees import name_payees
from tests.stories.real_vendors import RealWorld, open_real_world
from tests.stories.test_canaries import Canaries
from tests.stories.world import Json

CALLS = (
    "credit_pull",
    "esign_create",
    "esign_fetch",
    "payments_mandate",
    "payments_collect",
    "payments_payout",
)


@dataclass(slots=True, kw_only=True)
class RealLease(Lease):
    """A lease whose vendors are asked as they are asked in earnest: the mandate's number and the car's device there."""

    agreement: str = ""
    tracker: dict[str, Any] = field(default_factory=dict)

    @property
    def real(self) -> RealWorld:
        """The world with its shops."""
        assert isinstance(self.world, RealWorld)
        return self.world

    async def check_credit(self, outcome: str = "refer", *, score: int = 0) -> Json:
        """The bureau compares name, document and phone: it knows of no score, so that a person must look."""
        who = self.lessee
        self.real.vendor("bureau_main").people += (Person(name=who.name, document=who.identity, phone=who.phone),)
        check = await self.by("credit").post("/credit/checks", {"application_id": self.application})
        self.check = check["id"]
        await self.world.settle()
        check = await self.by("credit").get(f"/credit/checks/{self.check}")
        assert (check["state"], check["outcome"], check["instance"]) == ("reported", outcome, "bureau_main")
        assert (check["score"], check["outcome_reasons"]) == (None, ["no_score"])
        return check

    async def sign(self) -> None:
        """Lessee and lessor sign at the vendor, whose notices bring the news."""
        await self.by("operations").post(f"/contracts/{self.contract}/signature")
        await self.world.settle()
        await self.expect("out_for_signature")
        await self.real.vendor("esign_main").settle()
        await self.world.settle()
        await self.expect("signed")

    async def receive_mandate(self) -> None:
        """The payer opens the page that the vendor's plugin has signed, and agrees; what is due is debited."""
        await self.world.settle()
        [mandate] = await self.mandates()
        assert mandate["state"] == "pending"
        if mandate["instance"] == "psp_main":
            (await self.real.post.get(mandate["hosted_url"])).raise_for_status()
            self.agreement = list(self.real.vendor("psp_main").agreements)[-1]
        await self.world.wait(timedelta(seconds=10))
        assert [one["state"] for one in await self.mandates()] == ["active"]
        await self.world.wait(timedelta(seconds=10))
        await self.expect("funded")

    async def disburse(self, *, by: str = "accountant") -> Json:
        """The vendor says what became of a transfer when it is asked."""
        await Lease.disburse(self, by=by)
        await self.world.wait(timedelta(minutes=1))
        return await self.disbursements()

    async def buy(self) -> None:
        """The device that waits for the car is known to the server of trackers."""
        await Lease.buy(self)
        self.tracker = self.real.vendor("gps_main").add_device(f"T-{self.lessee.vin[-7:]}")

    def debits(self, asked: Received) -> bool:
        """Whether Alipay was asked to debit the lessee."""
        return "method=alipay.trade.pay" in asked.target and self.number.encode() in asked.body

    async def calls(self, operation: str) -> Json:
        """The calls of the lease, oldest first."""
        found = await self.by("operations").get("/calls", lease_id=self.contract, operation=operation, limit=200)
        return list(reversed(found))


@pytest.fixture(scope="module")
async def world(
    database_url: str, _empty: Callable[[], None], said: io.StringIO, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RealWorld]:
    folder = tmp_path_factory.mktemp("world")
    async with company_at_work(database_url, _empty, folder, opening=open_real_world) as world:
        yield world
        # However the stories ended, what they left behind is in order, and nobody can read a secret in it.
        await nothing_is_violated(database_url, world.clock.now())
        await _nobody_reads_a_secret(world, database_url, said)


@pytest.fixture(scope="module")
async def dealer(world: RealWorld) -> str:
    return await name_payees(world, "ALIPAY", "20881000000000")


@pytest.fixture
def lease(world: RealWorld, version: str, dealer: str) -> RealLease:
    usual = somebody()
    payer = replace(usual, bank="ALIPAY", account=f"2088{usual.phone[-12:].rjust(12, '0')}")
    return RealLease(world=world, version=version, dealer=dealer, lessee=payer)


async def test_a_lease_runs_from_lead_to_title(lease: RealLease) -> None:
    await lease.run()
    await _papers_came_back(lease)
    await _all_are_paid(lease)
    await _car_is_followed(lease)
    await lease.world.live_through(await lease.due_on(1))
    await _rent_comes_late(lease, 2)
    for number in (3, 4, 5, 6):
        await lease.world.live_through(await lease.due_on(number))
        assert (await lease.rent(number))["state"] == "paid"
    await lease.world.wait(timedelta(minutes=1))
    await _title_has_passed(lease)
    await prove(lease, lease_principal="0.00", rent_receivable="0.00", penalty_receivable="0.00", payables="0.00")
    await _books_agree(lease)
    await prove_calls_masked(lease, *CALLS)


async def _papers_came_back(lease: RealLease) -> None:
    """One file with both papers in it came back, with the marks of both sides at the vendor."""
    answer = await lease.by("operations").ask(
        "GET", f"/contracts/{lease.contract}/documents/zh-CN.pdf", params={"signed": True}
    )
    assert answer.headers["content-type"] == "application/pdf", answer.text
    pages = PdfReader(io.BytesIO(answer.content)).pages
    text = "".join("".join(page.extract_text() for page in pages).split())
    wanted = ("汽车融资租赁合同", "承租人（乙方）", "VehicleFinanceLeaseContract", lease.lessee.name, lease.number)
    assert [word for word in wanted if word not in text] == []
    assert answer.content.count(b"% signed at") == 2


async def _all_are_paid(lease: RealLease) -> None:
    """Dealer, insurer and tax office have the money in their accounts at the vendor."""
    transfers = lease.real.vendor("psp_main").transfers
    before = set(transfers)
    paid = await lease.disburse()
    assert sorted((one["amount"], one["state"]) for one in paid) == [
        ("11327.43", "paid"),
        ("121000.00", "paid"),
        ("8000.00", "paid"),
    ]
    sent = [transfers[number]["trans_amount"] for number in set(transfers) - before]
    assert sorted(sent) == ["11327.43", "121000.00", "8000.00"]
    await prove(lease, payables="0.00", lease_principal="110400.00", security_deposits="-6400.00")


async def _car_is_followed(lease: RealLease) -> None:
    """Where it is comes by itself, and is asked for; when its power is cut, somebody is to look."""
    server, operations, now = lease.real.vendor("gps_main"), lease.by("operations"), lease.world.clock.now()
    server.report(lease.tracker, now - timedelta(minutes=5), 31.2304, 121.4737, 42.0)
    await lease.world.settle()
    path = f"/vehicles/{lease.vehicle}/position"
    told = await operations.get(path)
    assert told["device_id"] == lease.device
    server.report(lease.tracker, now, 31.2399, 121.4998)
    server.outbox.clear()
    await operations.post(f"/devices/{lease.device}/locate")
    await lease.world.settle()
    asked = await operations.get(path)
    assert (asked["device_id"], asked["source"]) == (lease.device, "gnss")
    assert (asked["latitude"], asked["longitude"]) != (told["latitude"], told["longitude"])
    server.happen(lease.tracker, "alarm", alarm="powerCut")
    await lease.world.settle()
    raised = [one for one in await operations.get("/warnings") if one["contract_id"] == lease.contract]
    assert [(one["kind"], one["state"]) for one in raised] == [("device_alarm", "open")]


async def _rent_comes_late(lease: RealLease, number: int) -> None:
    """The account is empty on three days; a message, a promise, and the money with a penalty."""
    world, due_on = lease.real, await lease.due_on(number)
    await _is_not_paid(lease, due_on)
    [message] = [one for one in world.vendor("sms_main").messages if lease.number in one.params]
    assert lease.lessee.phone.endswith(message.number[-8:])
    [contact] = await lease.by("collector").get(f"/contracts/{lease.contract}/contacts")
    assert (contact["template"], contact["state"]) == ("rent_overdue", "sent")
    owed = (await lease.account())["owed"]
    world.vendor("psp_main").declines.clear()
    promise = {"amount": owed, "promised_on": str(due_on + timedelta(days=4))}
    await lease.by("collector").post(f"/contracts/{lease.contract}/promises", promise)
    await world.live_through(due_on + timedelta(days=4))
    paid = await lease.rent(number)
    assert (paid["state"], paid["left"]) == ("paid", "0.00")
    rents = [one for one in await lease.charges("rent") if one["subject_id"] == paid["id"]]
    assert [one["state"] for one in rents] == ["rejected", "rejected", "rejected", "succeeded"]


async def _is_not_paid(lease: RealLease, due_on: date) -> None:
    """Three days on which the payer's account is empty."""
    lease.real.vendor("psp_main").declines[lease.agreement] = "ACQ.BUYER_BALANCE_NOT_ENOUGH"
    for days in range(4):
        await lease.world.live_through(due_on + timedelta(days=days))


async def _title_has_passed(lease: RealLease) -> None:
    """Nothing is owed, the deposit is back, and the car is the lessee's."""
    account = await lease.account()
    assert (account["state"], account["owed"]) == ("settled", "0.00")
    payouts = await lease.by("accountant").get(f"/contracts/{lease.contract}/payouts")
    [back] = [one for one in payouts if one["purpose"] == "deposit_return"]
    assert (back["money"], back["state"], back["instance"]) == ("6400.00", "succeeded", "psp_main")
    await lease.expect("closed")
    vehicle = await lease.by("operations").get(f"/vehicles/{lease.vehicle}")
    assert (vehicle["status"], vehicle["title_holder"]) == ("title_transferred", "lessee")


async def _books_agree(lease: RealLease) -> None:
    """Each debit of ours is one trade of the vendor's, to the cent, and the other way round."""
    bank = lease.real.vendor("psp_main")
    asked = [
        json.loads(dict(parse_qsl(one.body.decode()))["biz_content"]) for one in bank.received if lease.debits(one)
    ]
    trades = [bank.trades[number] for number in {one["out_trade_no"] for one in asked} if number in bank.trades]
    ours = sorted(one["money"] for one in await lease.charges() if one["state"] == "succeeded")
    assert ours == sorted(one["total_amount"] for one in trades if one["trade_status"] == "TRADE_SUCCESS")


# What is shown of providers, of calls and of callbacks, to whoever may see it.
DIAGNOSTICS = ("/providers", "/providers/credentials", "/calls", "/callbacks", "/audit")


async def _nobody_reads_a_secret(world: RealWorld, url: str, said: io.StringIO) -> None:
    """No secret of any instance is in the log at its most talkative, in any table, or in what is shown of providers."""
    dump = io.BytesIO()
    with psycopg.connect(url, autocommit=True) as connection:
        tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        for (table,) in tables:
            with connection.cursor().copy(sql.SQL("copy {} to stdout").format(sql.Identifier(table))) as rows:
                for part in rows:
                    dump.write(part)
        [(vin,)] = connection.execute("select vin from vehicle limit 1").fetchall()
    canaries, there = Canaries(dict(world.secrets)), Canaries({"vin": vin, "instance": "sms_main"})
    for look in (canaries, there):
        look.look("log", said.getvalue())
        look.look("dump", dump.getvalue())
        for path in DIAGNOSTICS:
            answer = await world.people["admin"].ask("GET", path)
            look.look(path, f"{answer.status_code} {answer.text}")
    assert canaries.found == []
    assert len(world.secrets) > len(world.shops)
    shown = " ".join(there.found)
    assert all(f"in {place}" in shown for place in ("dump", "log", *DIAGNOSTICS[:3])), "else silence would mean nothing"


# Somebody is away, or does not answer


async def test_a_message_goes_through_the_second_vendor(lease: RealLease) -> None:
    await lease.run()
    await lease.real.shops["sms_main"].shut()
    await _is_not_paid(lease, await lease.due_on(1))
    await lease.real.shops["sms_main"].open()
    assert [one for one in lease.real.vendor("sms_main").messages if lease.number in one.params] == []
    [message] = [one for one in lease.real.vendor("sms_second").messages if lease.number in one.params[0]]
    assert message.to.endswith(lease.lessee.phone)
    await _was_tried_in_vain(lease, "messaging_send", "sms_main", "sms_second")
    [contact] = await lease.by("collector").get(f"/contracts/{lease.contract}/contacts")
    assert contact["state"] == "sent"


async def test_a_mandate_is_asked_for_at_the_second_vendor_and_all_debits_stay_there(lease: RealLease) -> None:
    for stage in (lease.register, lease.consent, lease.apply, lease.submit, lease.check_credit, lease.approve):
        await stage()
    await lease.draft()
    await lease.sign()
    first, second = lease.real.vendor("psp_main"), lease.real.vendor("psp_second")
    before, agreements = len(first.received), len(second.contracts)
    await lease.real.shops["psp_main"].shut()
    due = await lease.by("operations").post(f"/contracts/{lease.contract}/signing-payments")
    await lease.world.settle()
    await lease.real.shops["psp_main"].open()
    await lease.receive_mandate()
    await _was_tried_in_vain(lease, "payments_mandate", "psp_main", "psp_second")
    [mandate] = await lease.mandates()
    assert (mandate["instance"], len(second.contracts) - agreements) == ("psp_second", 1)
    debits = await lease.calls("payments_collect")
    assert {(one["instance"], one["route"]["ground"]) for one in debits} == {("psp_second", "pin")}
    assert (len(debits), len(first.received) - before) == (len(due), 0)
    await prove(lease, provider_clearing="44827.43", customer_prepayments="-25600.00", security_deposits="-6400.00")
    await _rent_is_announced_first(lease)


async def _rent_is_announced_first(lease: RealLease) -> None:
    """Twelve hours after its signing a contract is debited only on announcement: two days later the rent is there."""
    for stage in (lease.buy, lease.deliver, lease.commence):
        await stage()
    due_on, orders = await lease.due_on(1), len(lease.real.vendor("psp_second").orders)
    for days, state, asked in ((0, "pending", 0), (1, "pending", 0), (2, "succeeded", 1)):
        await lease.world.live_through(due_on + timedelta(days=days))
        await lease.world.wait(timedelta(minutes=10))
        [charge] = await lease.charges("rent")
        assert (charge["state"], len(lease.real.vendor("psp_second").orders) - orders) == (state, asked)
    rent = await lease.rent(1)
    assert (rent["state"], rent["penalty"], charge["instance"]) == ("paid", "0.00", "psp_second")
    await prove(lease, rent_receivable="0.00", penalty_receivable="0.00")
    await _statements_agree(lease)
    await _the_payer_ends_it(lease)


async def _the_payer_ends_it(lease: RealLease) -> None:
    """The payer ends the contract in their own app: the vendor's notice has it asked, and nothing is debited any more."""
    second = lease.real.vendor("psp_second")
    second.terminate(list(second.contracts)[-1])
    await lease.world.wait(timedelta(seconds=10))
    await lease.world.settle()
    assert [one["state"] for one in await lease.mandates()] == ["revoked"]
    warnings = await lease.by("collector").get("/warnings", state="open")
    assert "mandate_revoked" in {one["kind"] for one in warnings if one["contract_id"] == lease.contract}


async def _statements_agree(lease: RealLease) -> None:
    """The vendor's bills of every day say what the books say, to the cent, but for its fees, which are named."""
    world, books = lease.real, lease.real.people["admin"]
    world.move_to(world.today + timedelta(days=1), at=time(12))
    await world.tick("statements.perform")
    found = (await books.get("/statements", instance="psp_second", limit=200))["statements"]
    moved = [one for one in found if one["lines"]]
    assert len(moved) == 1, "the day of the first rent; that of signing is more than a month ago"
    assert all(one["state"] == "matched" and one["difference"] == "0.00" for one in found if not one["lines"])
    for one in moved:
        assert (one["state"], one["named"], one["matched"] > 0) == ("differs", 1, True)
        [fees] = await books.get(f"/statements/{one['id']}/differences")
        assert (fees["kind"], fees["difference"]) == ("fees", one["difference"])
        told = await books.post(f"/statements/differences/{fees['id']}/explanation", {"reason": "booked monthly"})
        assert told["state"] == "explained"
        assert (await books.get(f"/statements/{one['id']}"))["state"] == "matched"


async def _was_tried_in_vain(lease: RealLease, operation: str, first: str, second: str) -> None:
    """Both calls are in the log, with who might have taken them; the first proves that nothing was sent."""
    calls = await lease.calls(operation)
    assert [(one["instance"], one["state"], one["error_code"]) for one in calls] == [
        (first, "not_executed", "not_sent"),
        (second, "ok", None),
    ]
    assert all(one["route"] == {"ground": "default", "candidates": [first, second], "skipped": []} for one in calls)
    assert len({one["idempotency_key"] for one in calls}) == 1


async def test_answers_are_lost_and_nothing_is_done_twice(lease: RealLease) -> None:
    """An envelope, a payout and a debit are done and not heard of: the vendors' notices and answers tell, nobody repeats."""
    house, bank = lease.real.shops["esign_main"], lease.real.shops["psp_main"]
    flows, transfers = len(lease.real.vendor("esign_main").flows), len(lease.real.vendor("psp_main").transfers)
    house.loses = lambda asked: asked.headers["x-tc-action"] == "CreateFlowByFiles"
    await lease.run()
    assert (house.loses, len(lease.real.vendor("esign_main").flows) - flows) == (None, 1)
    bank.loses = lambda asked: "method=alipay.fund.trans.uni.transfer" in asked.target
    assert {one["state"] for one in await lease.disburse()} == {"paid"}
    assert (bank.loses, len(lease.real.vendor("psp_main").transfers) - transfers) == (None, 3)
    await _debit_is_lost(lease)
    [envelope] = await lease.calls("esign_create")
    assert (envelope["state"], len(await lease.calls("payments_payout"))) == ("ok", 3)
    await prove(lease, rent_receivable="0.00", penalty_receivable="0.00", payables="0.00")


async def _debit_is_lost(lease: RealLease) -> None:
    """While nobody knows, the lease says so; the vendor's own answer to a question settles it."""
    world, bank, due_on = lease.real, lease.real.shops["psp_main"], await lease.due_on(1)
    before = len(list(filter(lease.debits, bank.vendor.received)))
    bank.loses = lease.debits
    world.move_to(due_on)
    await world.tick(callbacks=False)
    assert [one["state"] for one in await lease.charges("rent")] == ["unknown"]
    assert (await lease.account())["in_doubt"] is True
    world.clock.advance(timedelta(minutes=1))
    await world.tick("payments.perform_charges", "reconcile.tick", callbacks=False)
    assert [one["state"] for one in await lease.charges("rent")] == ["succeeded"]
    assert ((await lease.rent(1))["state"], (await lease.account())["in_doubt"]) == ("paid", False)
    await world.settle()
    assert len(list(filter(lease.debits, bank.vendor.received))) == before + 1
