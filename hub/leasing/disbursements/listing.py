"""Disbursements as they are listed: by state and purpose, in the order in which they were drafted."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Select, select

from hub.core.ids import BranchId, ContractId, PayoutId, VehicleId
from hub.infra.access import visible
from hub.infra.database import Tx
from hub.infra.paging import Count, Order, Slice, Window, count_by, sliced
from hub.leasing.disbursements.records import DisbursementRecord
from hub.leasing.disbursements.rules import DisbursementPurpose, DisbursementState, DisbursementView

PAYEE = "disbursement.payee"
_ORDER = Order(
    key=DisbursementRecord.id,
    columns={"drafted": DisbursementRecord.id, "amount": DisbursementRecord.amount},  # ids rise with time
    standard="drafted",
)


async def page(tx: Tx, window: Window) -> Slice[DisbursementView]:
    """Disbursements in a window; filters `state` and `purpose`."""
    query = _wanted(tx, window)
    if state := window.filters.get("state"):
        query = query.where(DisbursementRecord.state == state)
    return await sliced(tx, query, _ORDER, window, lambda row: view_of(tx, row))


async def counts(tx: Tx, window: Window) -> Mapping[str, Count]:
    """How many disbursements there are in each state, under the other filters."""
    return await count_by(tx, _wanted(tx, window), DisbursementRecord.state, DisbursementState)


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
