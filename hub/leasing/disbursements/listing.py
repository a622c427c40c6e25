"""Disbursements as they are listed: by state and purpose, in the order in which they were drafted."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import ColumnElement, Select, and_, or_, select

from hub.core.ids import BranchId, ContractId, PayoutId, VehicleId
from hub.infra.access import by_hand_of, visible
from hub.infra.database import Tx
from hub.infra.paging import Count, Order, Slice, Tabs, Window, count, count_by, sliced, whose
from hub.leasing.disbursements.records import UNAPPROVED, DisbursementRecord, PayeeRecord
from hub.leasing.disbursements.rules import DisbursementPurpose, DisbursementState, DisbursementView, Unapproved

PAYEE = "disbursement.payee"
_ORDER = Order(
    key=DisbursementRecord.id,
    columns={"drafted": DisbursementRecord.id, "amount": DisbursementRecord.amount},  # ids rise with time
    standard="drafted",
)

_WAITING = Order(key=DisbursementRecord.id, columns={"asked": DisbursementRecord.drafted_at}, standard="asked")
_TABS = Tabs(
    name="state",
    column=DisbursementRecord.state,
    words=DisbursementState,
    of_branch=True,
    beside=frozenset({"purpose"}),
)


async def page(tx: Tx, window: Window) -> Slice[DisbursementView]:
    """Disbursements in a window; filters `state` and `purpose`."""
    return await sliced(tx, _wanted(tx, window), _ORDER, window, lambda row: view_of(tx, row), _TABS)


async def counts(tx: Tx, window: Window) -> Mapping[str, Count]:
    """How many disbursements there are in each state, under the other filters."""
    return await count_by(tx, _wanted(tx, window), _TABS)


async def unapproved(tx: Tx, window: Window) -> Slice[Unapproved]:
    """Disbursements that wait for an approval, or for one more after a refusal, by when they were drafted; filter `whose`."""
    found = await sliced(tx, _unapproved(tx, window), _WAITING, window, lambda row: row)
    ids = [row.id for row in found.rows]
    mine = select(DisbursementRecord.id).where(DisbursementRecord.id.in_(ids), _own(tx))
    own = set(await tx.scalars(mine)) if ids else set()
    rows = [
        Unapproved(disbursement=view_of(tx, row), asked_by=row.chosen_by or row.drafted_by, is_own=row.id in own)
        for row in found.rows
    ]
    return Slice(rows=rows, after=found.after, before=found.before)


async def count_unapproved(tx: Tx, window: Window) -> Count:
    """How many disbursements wait for an approval; filter `whose`."""
    return await count(tx, _unapproved(tx, window))


def _unapproved(tx: Tx, window: Window) -> Select[DisbursementRecord]:
    query = visible(select(DisbursementRecord), DisbursementRecord.branch_id, tx.actor)
    return whose(query.where(UNAPPROVED), _own(tx), window)


def _own(tx: Tx) -> ColumnElement[bool]:
    """The condition that the actor drafted it, chose its payee, or named the payee's account."""
    record, payee = DisbursementRecord, PayeeRecord
    return or_(
        by_hand_of(tx.actor, record.drafted_by_id, record.drafted_by),
        and_(record.chosen_by.is_not(None), by_hand_of(tx.actor, record.chosen_by_id, record.chosen_by)),
        record.payee_id.in_(select(payee.id).where(by_hand_of(tx.actor, payee.named_by_id, payee.named_by))),
    )


def _wanted(tx: Tx, window: Window) -> Select[DisbursementRecord]:
    query = visible(select(DisbursementRecord), DisbursementRecord.branch_id, tx.actor)
    if purpose := window.filters.get("purpose"):
        query = query.where(DisbursementRecord.purpose == purpose)
    return query


def view_of(tx: Tx, record: DisbursementRecord) -> DisbursementView:
    """A disbursement as doors see it."""
    return DisbursementView(
        id=record.id,
        branch_id=BranchId(record.branch_id),
        contract_id=None if record.contract_id is None else ContractId(record.contract_id),
        purpose=DisbursementPurpose(record.purpose),
        vehicle_id=None if record.vehicle_id is None else VehicleId(record.vehicle_id),
        fee_kind=record.fee_kind,
        what_for=record.what_for,
        payee=tx.vault.open(record.payee_sealed, column=PAYEE, row=record.id),
        payee_id=record.payee_id,
        bank_code=record.bank_code,
        last_four=record.last_four,
        amount=record.amount,
        state=DisbursementState(record.state),
        drafted_by=record.drafted_by,
        drafted_at=record.drafted_at,
        approved_by=record.approved_by,
        approved_at=record.approved_at,
        payout_id=None if record.payout_id is None else PayoutId(record.payout_id),
        code=record.code,
        paid_on=record.paid_on,
        cancelled_reason=record.cancelled_reason,
    )
