"""Charges and payouts as they are listed: by state, purpose and provider, newest first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

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


async def first_settled_on(tx: Tx, instance: str) -> date | None:
    """The first day on which an instance has moved money for us; None when it never has."""
    firsts = [
        await tx.scalar(select(func.min(kind.settled_on)).where(kind.instance == instance))
        for kind in (ChargeRecord, PayoutRecord)
    ]
    return min((one for one in firsts if one is not None), default=None)


async def settled(tx: Tx, instance: str, day_on: date) -> list[MovementView]:
    """Every debit and payout of an instance that has succeeded with this value date."""

    def are(kind: type[_Record]) -> ColumnElement[bool]:
        return and_(kind.instance == instance, kind.settled_on == day_on, kind.state == MovementState.SUCCEEDED)

    charges_, payouts_ = await _those(tx, ChargeRecord, are), await _those(tx, PayoutRecord, are)
    return [*charges_, *payouts_]


async def named(tx: Tx, instance: str, refs: Collection[str], ids: Collection[UUID]) -> list[MovementView]:
    """The debits and payouts of an instance that it calls by these references, or that are these."""

    def are(kind: type[_Record]) -> ColumnElement[bool]:
        return and_(kind.instance == instance, or_(kind.payment_ref.in_(refs), kind.id.in_(ids)))

    charges_, payouts_ = await _those(tx, ChargeRecord, are), await _those(tx, PayoutRecord, are)
    return [*charges_, *payouts_]


async def _those(
    tx: Tx, kind: type[_Record], are: Callable[[type[_Record]], ColumnElement[bool]]
) -> list[MovementView]:
    return [shown(row) for row in await tx.scalars(select(kind).where(are(kind)))]


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
        is_payout=isinstance(row, PayoutRecord),
        settled_on=row.settled_on,
    )
