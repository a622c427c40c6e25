"""Write down what comes in and what it pays, and use what waits in suspense.

What is owed is told by whoever calls, and has held the contract; this room knows only how much there is. Nobody's scope
is looked at here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select

from hub.core.ids import ContractId
from hub.core.money import Money
from hub.infra.database import Tx
from hub.leasing.instalments.penalty import RentPayment
from hub.leasing.instalments.waterfall import Allocation, Part
from hub.leasing.payments.rules import ChargeSucceeded
from hub.leasing.receipts.records import AllocationRecord, ReceiptRecord
from hub.leasing.receipts.rules import Waiting, draw, require_waiting, spread
from hub.ledger import postings
from hub.ledger import service as ledger


async def book(tx: Tx, fact: ChargeSucceeded, allocations: Sequence[Allocation], *, suspense: Money) -> None:
    """Write down money that has come, what it pays, and what of it waits."""
    receipt_id = tx.new_id()
    tx.add(
        ReceiptRecord(
            id=receipt_id,
            contract_id=fact.contract_id,
            charge_id=fact.charge_id,
            instance=fact.instance,
            amount=fact.money,
            suspense_amount=suspense,
            received_on=fact.settled_on,
            booked_at=tx.now,
        )
    )
    await tx.flush()
    tx.add_all(_allocation(tx, receipt_id, one, paid_on=fact.settled_on) for one in allocations)
    penalty = _penalty(allocations)
    parts = postings.ReceiptParts(rent=fact.money - penalty - suspense, penalty=penalty, unallocated=suspense)
    await ledger.post(
        tx,
        postings.receipt_from_provider(
            charge_id=fact.charge_id,
            contract_id=fact.contract_id,
            value_on=fact.settled_on,
            instance=fact.instance,
            parts=parts,
        ),
    )


def _allocation(
    tx: Tx, receipt_id: UUID, one: Allocation, *, paid_on: date, application_id: UUID | None = None
) -> AllocationRecord:
    return AllocationRecord(
        id=tx.new_id(),
        receipt_id=receipt_id,
        instalment_id=one.instalment_id,
        part=one.part,
        amount=one.money,
        paid_on=paid_on,
        application_id=application_id,
    )


async def rent_paid(tx: Tx, instalment_ids: Iterable[UUID]) -> Mapping[UUID, list[RentPayment]]:
    """What has been paid of the principal and interest of each of these rents, by value date."""
    found: dict[UUID, list[RentPayment]] = {instalment_id: [] for instalment_id in instalment_ids}
    rows = select(AllocationRecord.instalment_id, AllocationRecord.paid_on, AllocationRecord.amount).where(
        AllocationRecord.instalment_id.in_(found), AllocationRecord.part != Part.PENALTY
    )
    for instalment_id, day, money in await tx.execute(rows):
        found[instalment_id].append(RentPayment(paid_on=day, money=money))
    return found


# Suspense


async def waiting(tx: Tx, contract_id: ContractId) -> list[Waiting]:
    """What waits in suspense for a lease, the oldest receipt first."""
    return [
        Waiting(receipt_id=row.id, received_on=row.received_on, money=row.suspense_amount)
        for row in await _with_suspense(tx, contract_id)
    ]


async def apply(tx: Tx, contract_id: ContractId, allocations: Sequence[Allocation]) -> None:
    """Use what waits for these parts of what is owed, valued today; raises as `require_waiting` does."""
    total, application_id = Money.total(one.money for one in allocations), tx.new_id()
    there = await waiting(tx, contract_id)
    await take_out(tx, contract_id, total)
    tx.add_all(
        _allocation(tx, receipt_id, one, paid_on=tx.today, application_id=application_id)
        for receipt_id, one in spread(there, allocations)
    )
    penalty = _penalty(allocations)
    entry = postings.receipt_allocated_from_suspense(
        allocation_id=application_id,
        contract_id=contract_id,
        value_on=tx.today,
        rent=total - penalty,
        penalty=penalty,
    )
    await ledger.post(tx, entry)


async def take_out(tx: Tx, contract_id: ContractId, money: Money) -> None:
    """Use so much of what waits, of the oldest receipts first; raises as `require_waiting` does."""
    there = await waiting(tx, contract_id)
    require_waiting(there, money)
    given = {one.receipt_id: one.money for one in draw(there, money)}
    for row in await _with_suspense(tx, contract_id):
        if row.id in given:
            row.suspense_amount = row.suspense_amount - given[row.id]
    await tx.flush()


async def _with_suspense(tx: Tx, contract_id: ContractId) -> Sequence[ReceiptRecord]:
    rows = (
        select(ReceiptRecord)
        .where(ReceiptRecord.contract_id == contract_id, ReceiptRecord.suspense_amount > Money.zero())
        .order_by(ReceiptRecord.received_on, ReceiptRecord.id)
    )
    return (await tx.scalars(rows)).all()


def _penalty(allocations: Iterable[Allocation]) -> Money:
    return Money.total(one.money for one in allocations if one.part is Part.PENALTY)
