"""What is owed to dealers and third parties: drafted by itself, approved by somebody else, paid once, on the books."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from hub.core.errors import Conflict, InvalidInput, NotFound, RuleBroken, UnknownOutcome
from hub.core.ids import ContractId, VehicleId
from hub.core.money import Money
from hub.core.ports.payments import PaymentResult
from hub.infra import staff
from hub.infra.access import Actor
from hub.infra.database import Tx
from hub.integrations.answers import CallOutcome
from hub.integrations.facts import OutcomeKnown
from hub.leasing.channels import service as channels
from hub.leasing.channels.rules import PartnerKind
from hub.leasing.contracts import service as contracts
from hub.leasing.disbursements import payees, service
from hub.leasing.disbursements.rules import DisbursementPurpose as Purpose
from hub.leasing.disbursements.rules import DisbursementState as State
from hub.leasing.disbursements.rules import DisbursementView, PayeeView, Shown
from hub.leasing.funding import service as funding
from hub.leasing.inventory import service as inventory
from hub.leasing.inventory.rules import CarToOrder, Inspection
from hub.leasing.parties import service as parties
from hub.leasing.payments import service as payments
from hub.leasing.payments.rules import PayoutRejected, PayoutSucceeded
from hub.leasing.warnings import service as warnings
from hub.leasing.warnings.rules import WarningKind
from hub.ledger import service as ledger
from hub.ledger.chart import Account
from tests.leasing.conftest import actor_in
from tests.leasing.running import House, Lease, refused, settled, taken

VIN = "LVSHCAMB1CE054249"
COST, INSURANCE = Money.of("110000.00"), Money.of("4000.00")


@dataclass(frozen=True, kw_only=True)
class Till:
    """Who pays: a house, and somebody who is neither the seller nor the approver and names the payees."""

    house: House
    namer: Actor

    async def name(self, number: str = "6222021234560001", **serves: object) -> PayeeView:
        """Name a payee of its own party."""
        async with self.house.database.transaction(self.namer) as tx:
            party_id = await self.house.register(tx)
            account_id = await parties.add_bank_account(tx, party_id=party_id, bank_code="CCB", number=number)
            return await payees.name_payee(
                tx,
                branch_id=self.house.branch,
                name="North Cars Ltd",
                party_id=party_id,
                bank_account_id=account_id,
                **(serves or {"fee_kind": "any"}),  # type: ignore[arg-type]
            )

    async def owed(self, contract_id: ContractId | None, purpose: Purpose = Purpose.VEHICLE) -> DisbursementView:
        """What is drafted for a contract's car or fee, or was."""
        async with self.house.database.transaction(self.house.approver) as tx:
            found = await service.list_disbursements(tx)
        return [one for one in found if (one.contract_id, one.purpose) == (contract_id, purpose)][-1]

    async def choose(self, one: DisbursementView, payee: PayeeView) -> DisbursementView:
        """The seller says whom it goes to."""
        async with self.house.database.transaction(self.house.seller) as tx:
            return await service.choose_payee(tx, one.id, payee.id)

    async def approve(self, one: DisbursementView, by: Actor | None = None) -> DisbursementView:
        """Somebody agrees to it as it stands."""
        async with self.house.database.transaction(by or self.house.approver) as tx:
            return await service.approve(tx, one.id, shown(one))

    async def ask_again(self, one: DisbursementView) -> DisbursementView:
        """The approver agrees once more."""
        async with self.house.database.transaction(self.house.approver) as tx:
            return await service.ask_again(tx, one.id, shown(one))

    async def cancel(self, one: DisbursementView) -> DisbursementView:
        """The seller takes it back."""
        async with self.house.database.transaction(self.house.seller) as tx:
            return await service.cancel(tx, one.id, reason="drafted in error")

    async def directed(self, contract_id: ContractId) -> DisbursementView:
        """The draft of the contract's car, with a payee that the seller has chosen."""
        return await self.choose(await self.owed(contract_id), await self.name())

    async def news(self, payout_id: UUID, result: PaymentResult) -> None:
        """The bank tells late what became of a payout."""
        fact = OutcomeKnown(
            call_id=UUID(int=1),
            operation="payments_payout",
            key=str(payout_id),
            instance="bank",
            outcome=CallOutcome.OK,
            result=result,
        )
        async with self.house.database.transaction(self.house.system) as tx:
            await payments.record_outcome_known(tx, fact)

    async def payables(self, contract_id: ContractId | None = None) -> Money:
        """What the books owe: for a contract, or altogether."""
        async with self.house.database.transaction(self.house.system) as tx:
            assert await ledger.check(tx) == ()
            return -await ledger.balance(tx, Account.PAYABLES, contract_id=contract_id)

    async def warned(self) -> list[WarningKind]:
        """What somebody should look at."""
        async with self.house.database.transaction(self.house.system) as tx:
            return [one.kind for one in await warnings.list_warnings(tx)]


def shown(one: DisbursementView) -> Shown:
    return Shown(amount=one.amount, last_four=one.last_four or "")


@pytest.fixture
def till(house: House) -> Till:
    return Till(house=house, namer=actor_in("namer", house.branch))


@pytest.fixture(autouse=True)
async def books_balance(house: House) -> AsyncIterator[None]:
    yield
    for lease in house.leases:
        await lease.check()


# Drafting


async def test_the_car_and_the_fees_are_drafted_by_themselves(till: Till, lease: Lease) -> None:
    car, fee = await till.owed(lease.contract_id), await till.owed(lease.contract_id, Purpose.THIRD_PARTY)
    assert (car.amount, car.state, car.payee, car.last_four) == (COST, State.DRAFTED, "North Cars", None)
    assert (fee.amount, fee.state, fee.fee_kind, fee.drafted_by) == (INSURANCE, State.DRAFTED, "insurance", "seller")
    assert await till.payables(lease.contract_id) == COST + INSURANCE
    assert not till.house.bank.of("payments_payout")


async def test_a_known_payee_is_found_by_the_nearest_branch(till: Till, house: House) -> None:
    async with house.database.transaction(house.system) as tx:
        store = await staff.add_branch(tx, code="STORE", name="Store", parent_id=house.branch)
        dealer = await channels.add_partner(tx, branch_id=house.branch, kind=PartnerKind.DEALER, name="North Cars")
    named, insurer = await till.name(channel_id=dealer), await till.name("6222021234560002", fee_kind="insurance")
    async with house.database.transaction(house.system) as tx:
        for branch_id in (store, house.branch):
            found = await payees.of_channel(tx, dealer, branch_id)
            assert found is not None
            assert found.id == named.id
        assert await payees.of_fee(tx, "purchase_tax", store) is None
    lease = await house.begin()
    fee = await till.owed(lease.contract_id, Purpose.THIRD_PARTY)
    assert (fee.payee, fee.payee_id, fee.bank_code, fee.last_four) == ("North Cars Ltd", insurer.id, "CCB", "0002")
    async with house.database.transaction(till.namer) as tx:
        await payees.end_payee(tx, insurer.id)
        assert await payees.of_fee(tx, "insurance", store) is None
        with pytest.raises(Conflict, match="payee_ended"):
            await payees.end_payee(tx, insurer.id)


async def test_a_payee_is_for_something_and_has_an_account_of_its_own(till: Till) -> None:
    named = await till.name(fee_kind="insurance")
    with pytest.raises(Conflict, match="payee_named_already"):
        await till.name("6222021234560003", fee_kind="insurance")
    async with till.house.database.transaction(till.namer) as tx:
        other = await till.house.register(tx)
        wrong = {"branch_id": till.house.branch, "name": "x", "bank_account_id": named.bank_account_id}
        with pytest.raises(InvalidInput, match="bank_account_id"):
            await payees.name_payee(tx, **wrong, party_id=other, fee_kind="tax")  # type: ignore[arg-type]
        with pytest.raises(InvalidInput, match="channel_id"):
            await payees.name_payee(tx, **wrong, party_id=named.party_id)  # type: ignore[arg-type]


async def test_an_account_lies_in_the_database_sealed_and_a_name_as_well(till: Till, lease: Lease) -> None:
    one = await till.directed(lease.contract_id)
    async with till.house.database.transaction(till.house.system) as tx:
        rows = [str(row) for table in ("payee", "disbursement") for row in await tx.execute(sa.text(f"table {table}"))]
    assert (one.payee, one.bank_code, one.last_four) == ("North Cars Ltd", "CCB", "0001")
    assert not [row for row in rows if "North Cars" in row or "6222021234560001" in row]


async def test_what_is_paid_for_once_is_not_drafted_again(till: Till, lease: Lease) -> None:
    payee = await till.name()
    for fee_kind, amount in ((None, COST), ("insurance", INSURANCE)):
        with pytest.raises(Conflict, match="disbursement_exists"):
            async with till.house.database.transaction(till.house.seller) as tx:
                await by_hand(tx, lease, payee, amount, fee_kind)
    await till.cancel(await till.owed(lease.contract_id))
    async with till.house.database.transaction(till.house.seller) as tx:
        again = await by_hand(tx, lease, payee, COST, None)
    assert (again.state, again.purpose, again.last_four) == (State.DRAFTED, Purpose.VEHICLE, "0001")


async def by_hand(
    tx: Tx, lease: Lease, payee: PayeeView, amount: Money, fee_kind: str | None, what_for: str = "by hand"
) -> DisbursementView:
    return await service.draft(
        tx, contract_id=lease.contract_id, payee_id=payee.id, amount=amount, what_for=what_for, fee_kind=fee_kind
    )


async def test_a_draft_by_hand_that_cannot_be_paid_names_the_field(till: Till, lease: Lease) -> None:
    payee = await till.name()
    async with till.house.database.transaction(till.namer) as tx:
        ended = await payees.end_payee(tx, payee.id)
    async with till.house.database.transaction(till.house.seller) as tx:
        with pytest.raises(Conflict, match="payee_ended"):
            await by_hand(tx, lease, ended, COST, "tax")
        with pytest.raises(NotFound):
            await by_hand(tx, lease, replace(ended, id=UUID(int=9)), COST, "tax")
    good = await till.name("6222021234560004")
    async with till.house.database.transaction(till.house.seller) as tx:
        with pytest.raises(InvalidInput, match="amount"):
            await by_hand(tx, lease, good, Money(0), "tax")
        with pytest.raises(InvalidInput, match="what_for"):
            await by_hand(tx, lease, good, COST, "tax", what_for=" ")
        with pytest.raises(InvalidInput, match="fee_kind"):
            await by_hand(tx, lease, good, COST, "x" * 41)


# Approving


async def test_it_is_approved_by_somebody_else_and_paid_once(till: Till, lease: Lease) -> None:
    one = await till.directed(lease.contract_id)
    for hand in (till.house.seller, till.namer):
        with pytest.raises(RuleBroken, match="own_disbursement"):
            await till.approve(one, hand)
    paying = await till.approve(one)
    assert (paying.state, paying.approved_by) == (State.PAYING, "approver")
    await till.house.perform()
    paid = await till.owed(lease.contract_id)
    assert (paid.state, paid.paid_on, paid.payout_id) == (State.PAID, till.house.today, paying.payout_id)
    [sent] = till.house.bank.of("payments_payout")
    assert (sent.request.money, sent.request.account.number) == (COST, "6222021234560001")  # type: ignore[attr-defined]
    assert await till.payables(lease.contract_id) == INSURANCE
    for again in (till.approve, till.ask_again, till.cancel):
        with pytest.raises(RuleBroken):
            await again(paid)
    [fact] = till.house.told(PayoutSucceeded)
    async with till.house.database.transaction(till.house.system) as tx:
        await service.record_paid(tx, fact)
        traced = await tx.scalar(sa.text("select count(*) from audit_entry where action = 'disbursement.paid'"))
    assert (traced, await till.payables(lease.contract_id)) == (1, INSURANCE)


async def test_nothing_goes_out_without_an_account_or_on_another_amount(till: Till, lease: Lease) -> None:
    draft = await till.owed(lease.contract_id)
    with pytest.raises(RuleBroken, match="disbursement_has_no_payee"):
        await till.approve(draft)
    one = await till.directed(lease.contract_id)
    async with till.house.database.transaction(till.house.approver) as tx:
        for other in (Shown(amount=INSURANCE, last_four="0001"), Shown(amount=COST, last_four="0002")):
            with pytest.raises(RuleBroken, match="not_what_was_shown"):
                await service.approve(tx, one.id, other)


async def test_no_more_goes_out_than_the_books_owe(till: Till, lease: Lease) -> None:
    payee = await till.name()
    await till.approve(await till.choose(await till.owed(lease.contract_id), payee))
    async with till.house.database.transaction(till.house.seller) as tx:
        over = await by_hand(tx, lease, payee, INSURANCE + Money(1), "registration")
    with pytest.raises(RuleBroken, match="more_than_is_owed"):
        await till.approve(over)
    await till.house.perform()
    with pytest.raises(RuleBroken, match="more_than_is_owed"):
        await till.approve(over)


async def test_the_dealer_is_not_paid_before_the_lessee_has_paid(till: Till, house: House) -> None:
    contract_id = await house._signed(deposit="6000.00", term=12, rate="0.12")
    async with house.database.transaction(house.seller) as tx:
        vehicle_id = await contracts.order_vehicle(tx, contract_id, vin=VIN, cost=COST, dealer="North Cars")
        await inventory.confirm(tx, vehicle_id)
        await inventory.receive(tx, vehicle_id, inspection=Inspection.OK)
    waiting = await till.approve(await till.directed(contract_id))
    assert (waiting.state, waiting.payout_id) == (State.APPROVED, None)
    await house.perform()
    async with house.database.transaction(house.seller) as tx:
        await funding.request_signing_payments(tx, contract_id)
    await house.perform()
    assert (await till.owed(contract_id)).state is State.PAID


# What the provider says


async def test_one_that_is_refused_goes_back_to_a_person(till: Till, lease: Lease) -> None:
    till.house.bank.steps["payments_payout"] = [refused(), settled()]
    await till.approve(await till.directed(lease.contract_id))
    await till.house.perform()
    back = await till.owed(lease.contract_id)
    assert (back.state, back.code) == (State.REFUSED, "insufficient_funds")
    assert await till.warned() == [WarningKind.PAYOUT_REJECTED]
    assert await till.payables(lease.contract_id) == COST + INSURANCE
    await till.ask_again(back)
    [stale] = till.house.told(PayoutRejected)
    async with till.house.database.transaction(till.house.system) as tx:
        await service.record_refused(tx, stale)
    assert (await till.owed(lease.contract_id)).state is State.PAYING
    await till.house.perform()
    paid = await till.owed(lease.contract_id)
    assert (paid.state, paid.code) == (State.PAID, None)
    assert await till.payables(lease.contract_id) == INSURANCE


async def test_another_account_has_to_be_approved_anew(till: Till, lease: Lease) -> None:
    till.house.bank.steps["payments_payout"] = [refused(), settled()]
    await till.approve(await till.directed(lease.contract_id))
    await till.house.perform()
    other = await till.name("6222021234560005", fee_kind="other")
    anew = await till.choose(await till.owed(lease.contract_id), other)
    assert (anew.state, anew.last_four) == (State.DRAFTED, "0005")
    with pytest.raises(RuleBroken, match="disbursement_not_refused"):
        await till.ask_again(anew)
    with pytest.raises(RuleBroken, match="own_disbursement"):
        await till.approve(anew, till.house.seller)
    await till.approve(anew)
    await till.house.perform()
    assert [sent.request.account.number[-4:] for sent in till.house.bank.of("payments_payout")] == ["0001", "0005"]  # type: ignore[attr-defined]
    with pytest.raises(RuleBroken, match="disbursement_state"):
        await till.choose(await till.owed(lease.contract_id), other)


async def test_one_that_nobody_knows_of_is_left_alone_until_somebody_does(till: Till, lease: Lease) -> None:
    till.house.bank.steps["payments_payout"] = [UnknownOutcome("lost")]
    paying = await till.approve(await till.directed(lease.contract_id))
    await till.house.perform()
    assert (await till.owed(lease.contract_id)).state is State.PAYING
    assert WarningKind.MONEY_IN_DOUBT in await till.warned()
    for act in (till.ask_again, till.cancel, till.approve):
        with pytest.raises(RuleBroken):
            await act(await till.owed(lease.contract_id))
    assert paying.payout_id is not None
    for _ in range(2):
        await till.news(paying.payout_id, taken(COST))
    assert (await till.owed(lease.contract_id)).state is State.PAID
    assert await till.payables(lease.contract_id) == INSURANCE
    assert len(till.house.bank.of("payments_payout")) == 1


async def test_money_that_goes_after_all_is_booked_and_told(till: Till, lease: Lease) -> None:
    """The provider refused, a person cancelled, and then the provider paid: nothing may hide that."""
    till.house.bank.steps["payments_payout"] = [refused()]
    paying = await till.approve(await till.directed(lease.contract_id))
    await till.house.perform()
    await till.cancel(await till.owed(lease.contract_id))
    assert paying.payout_id is not None
    await till.news(paying.payout_id, taken(COST))
    assert (await till.owed(lease.contract_id)).state is State.CANCELLED
    assert await till.payables(lease.contract_id) == INSURANCE
    assert sorted(await till.warned()) == [WarningKind.MONEY_IN_DOUBT, WarningKind.PAYOUT_REJECTED]
    async with till.house.database.transaction(till.house.seller) as tx:
        again = await by_hand(tx, lease, await till.name("6222021234560006", fee_kind="other"), COST, None)
    with pytest.raises(RuleBroken, match="more_than_is_owed"):
        await till.approve(again)


async def test_a_refused_one_that_is_paid_after_all_is_paid(till: Till, lease: Lease) -> None:
    till.house.bank.steps["payments_payout"] = [refused()]
    paying = await till.approve(await till.directed(lease.contract_id))
    await till.house.perform()
    assert paying.payout_id is not None
    await till.news(paying.payout_id, taken(COST))
    assert (await till.owed(lease.contract_id)).state is State.PAID
    assert await till.payables(lease.contract_id) == INSURANCE


# A car for the stock


async def test_a_car_for_the_stock_is_paid_for_without_a_contract(till: Till, house: House) -> None:
    await _receive_for_stock(house)
    house.bank.steps["payments_payout"] = [refused(), settled()]
    one = await till.choose(await till.owed(None), await till.name())
    assert (one.contract_id, one.amount) == (None, COST)
    await till.approve(one)
    await house.perform()
    assert await till.warned() == [WarningKind.PAYOUT_REJECTED]
    await till.ask_again(await till.owed(None))
    await house.perform()
    assert (await till.owed(None)).state is State.PAID
    assert await till.payables() == Money(0)


async def _receive_for_stock(house: House) -> VehicleId:
    async with house.database.transaction(house.seller) as tx:
        car = CarToOrder(vin=VIN, model="Sedan 1.5T", cost=COST, branch_id=house.branch)
        vehicle_id = await inventory.order_for_stock(tx, car, dealer="North Cars")
        await inventory.confirm(tx, vehicle_id)
        await inventory.receive(tx, vehicle_id, inspection=Inspection.ABNORMAL)
    return vehicle_id


# Looking, and what the database holds


async def test_another_branch_sees_nothing_of_it(till: Till, lease: Lease, outsider: Actor) -> None:
    one = await till.directed(lease.contract_id)
    async with till.house.database.transaction(outsider) as tx:
        assert await service.list_disbursements(tx) == ()
        assert await payees.list_payees(tx) == ()
        with pytest.raises(NotFound):
            await service.get(tx, one.id)
        with pytest.raises(NotFound):
            await service.approve(tx, one.id, shown(one))


async def test_lists_are_paged_and_kept_to_a_state(till: Till, lease: Lease) -> None:
    async with till.house.database.transaction(till.house.seller) as tx:
        first, second = await service.list_disbursements(tx, contract_id=lease.contract_id)
        assert await service.list_disbursements(tx, limit=1) == (first,)
        assert await service.list_disbursements(tx, after=first.id, state=State.DRAFTED) == (second,)
        assert await service.list_disbursements(tx, state=State.PAID) == ()


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("state = 'paying'", "approved"),
        ("state = 'approved', approved_by = 'x'", "approved"),
        ("state = 'paid', paid_on = now()", "approved"),
        ("amount = 0", "amount_positive"),
        ("vehicle_id = null", "subject"),
        ("last_four = '0001'", "payee"),
        ("state = 'cancelled'", "cancelled"),
    ],
)
async def test_the_database_holds_what_must_never_be_false(
    till: Till, lease: Lease, change: str, constraint: str
) -> None:
    with pytest.raises(IntegrityError, match=f"ck_disbursement_{constraint}"):
        async with till.house.database.transaction(till.house.system) as tx:
            await tx.execute(sa.text(f"update disbursement set {change} where purpose = 'vehicle'"))
