"""Money that comes in for a lease: what it pays, which penalties it makes undue, and whether that ends the lease.

The value date decides, not the day on which we hear of it: a receipt pays what was owed on its value date, and what
later days have borne too much is taken back. Nothing that has come is left out of the books: what nothing is owed for
waits in suspense.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import select

from hub.core.errors import RuleBroken
from hub.core.ids import InstalmentId
from hub.core.money import Money
from hub.infra.database import Tx
from hub.leasing.contracts import service as contracts
from hub.leasing.instalments.penalty import Accrual, as_of, net, newest, undue
from hub.leasing.instalments.rules import InstalmentState
from hub.leasing.instalments.waterfall import Allocation, Part, allocate
from hub.leasing.payments import service as payments
from hub.leasing.payments.rules import ChargeSucceeded
from hub.leasing.receipts import service as receipts
from hub.leasing.servicing.accounts import Account, instalment_of
from hub.leasing.servicing.records import InstalmentRecord, PenaltyRecord
from hub.leasing.servicing.rules import AccountSettled, AccountState, MoneyUnallocated, RentPaid
from hub.ledger import postings
from hub.ledger import service as ledger
from hub.ledger.postings import NOTHING

# What a receipt leaves open is debited again on the next day.
_DEBIT_THE_REST_AFTER = timedelta(days=1)


async def take(tx: Tx, account: Account, fact: ChargeSucceeded, *, agreed: Money = NOTHING) -> None:
    """Book money and let it pay what was owed on its value date; `agreed` of it pays a payoff, beyond instalments.

    A penalty that is paid already is not given back, though news of an older receipt makes it undue.
    """
    owed = account.owed_rents
    accrued = await _accrued(tx, owed)
    then = [as_of(instalment_of(rent), accrued[rent.id], fact.settled_on) for rent in owed]
    allocations, left = allocate(fact.money - agreed, then, account.allocation_order, asked_for=fact.subject_id)
    await receipts.book(tx, fact, allocations, suspense=left)
    _pay(owed, allocations)
    await _take_back_undue(tx, account, owed, fact.settled_on)
    _mark_paid(tx, account, fact.settled_on)
    await _debit_the_rest(tx, account)
    await tx.flush()
    if left:
        tx.emit(MoneyUnallocated(contract_id=fact.contract_id, charge_id=fact.charge_id, money=left))


def _pay(rents: Iterable[InstalmentRecord], allocations: Iterable[Allocation]) -> None:
    by_id = {rent.id: rent for rent in rents}
    for one in allocations:
        rent = by_id[one.instalment_id]
        match one.part:
            case Part.PENALTY:
                rent.paid_penalty_amount = rent.paid_penalty_amount + one.money
            case Part.INTEREST:
                rent.paid_interest_amount = rent.paid_interest_amount + one.money
            case Part.PRINCIPAL:
                rent.paid_principal_amount = rent.paid_principal_amount + one.money


def _mark_paid(tx: Tx, account: Account, paid_on: date) -> None:
    paid = [rent for rent in account.owed_rents if not instalment_of(rent).left]
    for rent in paid:
        rent.state, rent.paid_on, rent.charge_on = InstalmentState.PAID, paid_on, None
    arrears = Money.total(instalment_of(r).left for r in account.rents if r.state == InstalmentState.OVERDUE)
    for rent in paid:
        tx.emit(
            RentPaid(
                contract_id=account.contract_id,
                instalment_id=InstalmentId(rent.id),
                number=rent.number,
                paid_on=paid_on,
                arrears_left=arrears,
            )
        )


async def _debit_the_rest(tx: Tx, account: Account) -> None:
    """Money has come, so what it left open is worth another debit, unless one is under way or planned."""
    rest = [rent for rent in account.owed_rents if rent.charge_on is None]
    under_way = await payments.under_way(tx, account.contract_id) if rest else frozenset()
    for rent in rest:
        if rent.id not in under_way:
            rent.charge_on = tx.today + _DEBIT_THE_REST_AFTER


async def apply_suspense(tx: Tx, account: Account, money: Money) -> None:
    """Let so much of what waits in suspense pay what is owed today; raises RuleBroken for more than is owed.

    No new money has come, so what is left open is not debited for it.
    """
    owed = account.owed_rents
    allocations, left = allocate(money, [instalment_of(rent) for rent in owed], account.allocation_order)
    if left:
        raise RuleBroken("more_than_owed", asked=money, owed=money - left)
    await receipts.apply(tx, account.contract_id, allocations)
    _pay(owed, allocations)
    _mark_paid(tx, account, tx.today)
    await tx.flush()


# Penalties taken back


async def waive(tx: Tx, account: Account, money: Money, *, on: date, reason: str) -> None:
    """Give up so much of the penalties that are owed, of the newest rents and days first."""
    owed = account.owed_rents
    accrued = await _accrued(tx, owed)
    for rent in reversed(owed):
        part = min(money, instalment_of(rent).penalty_left)
        await _take_back(tx, account, rent, newest(net(accrued[rent.id]), part), on=on, reason=reason)
        money = money - part


async def _take_back_undue(tx: Tx, account: Account, rents: Sequence[InstalmentRecord], received_on: date) -> None:
    accrued, paid = await _accrued(tx, rents), await receipts.rent_paid(tx, [rent.id for rent in rents])
    for rent in rents:
        one = instalment_of(rent)
        excess = undue(one.rent, accrued[rent.id], paid[rent.id], account.penalty_terms)
        back = newest(excess, one.penalty_left)
        await _take_back(tx, account, rent, back, on=received_on, reason="paid before these days")


async def _take_back(
    tx: Tx, account: Account, rent: InstalmentRecord, back: Sequence[Accrual], *, on: date, reason: str
) -> None:
    money = Money.total(row.money for row in back)
    if not money:
        return
    tx.add_all(
        PenaltyRecord(id=tx.new_id(), instalment_id=rent.id, accrued_on=row.accrued_on, amount=-row.money)
        for row in back
    )
    rent.penalty_amount = rent.penalty_amount - money
    await ledger.post(
        tx,
        postings.penalty_waived(
            waiver_id=tx.new_id(), contract_id=account.contract_id, value_on=on, amount=money, reason=reason
        ),
    )


async def _accrued(tx: Tx, rents: Iterable[InstalmentRecord]) -> Mapping[UUID, list[Accrual]]:
    """The penalties of each rent, what was taken back as negative rows."""
    found: dict[UUID, list[Accrual]] = {rent.id: [] for rent in rents}
    rows = select(PenaltyRecord.instalment_id, PenaltyRecord.accrued_on, PenaltyRecord.amount)
    for rent_id, day, money in await tx.execute(rows.where(PenaltyRecord.instalment_id.in_(found))):
        found[rent_id].append(Accrual(accrued_on=day, money=money))
    return found


# The end


async def settle_if_done(tx: Tx, account: Account, settled_on: date, *, early: bool = False) -> None:
    """When nothing is left to pay, now or later, the lease is settled."""
    if account.state is AccountState.SETTLED or account.open_rents:
        return
    row = account.row
    settled_on = max([settled_on, *(rent.paid_on for rent in account.rents if rent.paid_on)])
    row.state, row.settled_on, row.next_event_on = AccountState.SETTLED, settled_on, None
    await tx.flush()
    await contracts.mark_settled(tx, account.contract_id, settled_on=settled_on)
    tx.emit(AccountSettled(contract_id=account.contract_id, settled_on=settled_on, early=early))
