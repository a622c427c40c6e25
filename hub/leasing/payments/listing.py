"""Charges and payouts as they are listed: by state, purpose and provider, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import Select, select

from hub.core.ids import ContractId
from hub.infra.access import visible
from hub.infra.database import Tx
from hub.infra.paging import Count, Order, Slice, Tabs, Window, count_by, sliced
from hub.leasing.payments.records import ChargeRecord, PayoutRecord
from hub.leasing.payments.rules import MovementState, MovementView

_Record = TypeVar("_Record", ChargeRecord, PayoutRecord)
_TABS: Mapping[type, Tabs] = {
    kind: Tabs(name="state", column=kind.state, words=MovementState, beside=frozenset({"purpose", "instance"}))
    for kind in (ChargeRecord, PayoutRecord)
}


async def charges(tx: Tx, window: Window) -> Slice[MovementView]:
    """Debits in a window; filters `state`, `purpose`, and `instance` for the provider."""
    return await _page(tx, ChargeRecord, window)


async def charge_counts(tx: Tx, window: Window) -> Mapping[str, Count]:
    """How many debits there are in each state, under the other filters."""
    return await count_by(tx, _wanted(tx, ChargeRecord, window), _TABS[ChargeRecord])


async def payouts(tx: Tx, window: Window) -> Slice[MovementView]:
    """Payouts in a window; the same filters."""
    return await _page(tx, PayoutRecord, window)


async def payout_counts(tx: Tx, window: Window) -> Mapping[str, Count]:
    """How many payouts there are in each state, under the other filters."""
    return await count_by(tx, _wanted(tx, PayoutRecord, window), _TABS[PayoutRecord])


async def _page(tx: Tx, kind: type[_Record], window: Window) -> Slice[MovementView]:
    order = Order(key=kind.id, columns={"asked": kind.id, "amount": kind.amount}, standard="asked")
    return await sliced(tx, _wanted(tx, kind, window), order, window, shown, _TABS[kind])


def _wanted(tx: Tx, kind: type[_Record], window: Window) -> Select[Any]:
    query = visible(select(kind), kind.branch_id, tx.actor)
    for name, column in (("purpose", kind.purpose), ("instance", kind.instance)):
        if wanted := window.filters.get(name):
            query = query.where(column == wanted)
    return query


def shown(row: ChargeRecord | PayoutRecord) -> MovementView:
    """A charge or payout as other rooms see it."""
    return MovementView(
        id=row.id,
        contract_id=None if row.contract_id is None else ContractId(row.contract_id),
        purpose=row.purpose,
        subject_id=row.subject_id,
        money=row.amount,
        state=MovementState(row.state),
        instance=row.instance,
        payment_ref=row.payment_ref,
        code=row.code,
        due_on=row.due_on if isinstance(row, ChargeRecord) else None,
    )
