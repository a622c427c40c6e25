"""A whole direct lease through real plugins, over HTTP in the vendors' own protocols, and what is done when one is away."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import psycopg
import pytest
from leasehub_credit_bureau_aliyun.standin import Person
from psycopg import sql
from pypdf import PdfReader

from hub.infra.logs import configure
from tests.faults.invariants import nothing_is_violated
from tests.stories.books import prove, prove_calls_masked
from tests.stories.company import company_at_work
from tests.stories.lease import Lease, somebody
from tests.stories.payees import name_payees
from tests.stories.real_vendors import SECRETS, RealWorld, open_real_world
from tests.stories.test_canaries import Canaries
from tests.stories.world import Json

CALLS = ("credit_pull", "esign_create", "esign_fetch", "payments_mandate", "payments_collect", "payments_payout")


@dataclass(slots=True, kw_only=True)
class RealLease(Lease):
    """A lease whose vendors are asked as they are asked in earnest; `agreement` is the mandate's number there."""

    agreement: str = ""

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

    async def calls(self, operation: str) -> Json:
        """The calls of the lease, oldest first."""
        found = await self.by("operations").get("/calls", lease_id=self.contract, operation=operation, limit=200)
        return list(reversed(found))


@pytest.fixture(scope="module")
def said() -> Iterator[io.StringIO]:
    """Every line of the process at its most talkative."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure(level="DEBUG", stream=stream)
    yield stream
    logging.captureWarnings(False)
    root.handlers[:] = before
    root.setLevel(level)


@pytest.fixture(scope="module")
async def world(
    database_url: str, _empty: Callable[[], None], said: io.StringIO, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RealWorld]:
    folder = tmp_path_factory.mktemp("world")
    async with company_at_work(database_url, _empty, folder, opening=open_real_world) as world:
        yield world
        # However the stories ended, what they left behind is in order.
        await nothing_is_violated(database_url, world.clock.now())


@pytest.fixture(scope="module")
async def dealer(world: RealWorld) -> str:
    return await name_payees(world, "ALIPAY", "20881000000000")


@pytest.fixture
def lease(world: RealWorld, version: str, dealer: str) -> RealLease:
    usual = somebody()
    payer = replace(usual, bank="ALIPAY", account=f"2088{usual.phone[-12:].rjust(12, '0')}")
    return RealLease(world=world, version=version, dealer=dealer, lessee=payer)


async def test_a_lease_runs_from_lead_to_title(lease: RealLease, said: io.StringIO, database_url: str) -> None:
    await lease.run()
    await _papers_came_back(lease)
    await _all_are_paid(lease)
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
    _nobody_reads_a_secret(database_url, said, lease.lessee.vin)


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
    paid = await lease.disburse()
    assert sorted((one["amount"], one["state"]) for one in paid) == [
        ("11327.43", "paid"),
        ("121000.00", "paid"),
        ("8000.00", "paid"),
    ]
    sent = lease.real.vendor("psp_main").transfers.values()
    assert sorted(one["trans_amount"] for one in sent) == ["11327.43", "121000.00", "8000.00"]
    await prove(lease, payables="0.00", lease_principal="110400.00", security_deposits="-6400.00")


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
    trades = lease.real.vendor("psp_main").trades.values()
    ours = sorted(one["money"] for one in await lease.charges() if one["state"] == "succeeded")
    assert ours == sorted(one["total_amount"] for one in trades)


def _nobody_reads_a_secret(url: str, said: io.StringIO, plain: str) -> None:
    """No secret of any instance is in the log at its most talkative, or in any table."""
    dump = io.BytesIO()
    with psycopg.connect(url, autocommit=True) as connection:
        tables = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
        for (table,) in tables:
            with connection.cursor().copy(sql.SQL("copy {} to stdout").format(sql.Identifier(table))) as rows:
                for part in rows:
                    dump.write(part)
    canaries, there = Canaries(dict(SECRETS)), Canaries({"vin": plain})
    for look in (canaries, there):
        look.look("log", said.getvalue())
        look.look("dump", dump.getvalue())
    assert canaries.found == []
    assert any("in dump" in one for one in there.found), "otherwise a silence would mean nothing"
    assert "sms_main" in said.getvalue()
