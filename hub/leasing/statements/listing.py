"""Statements and differences as they are listed: by day, newest first. They belong to no branch, but to the company."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import Select, false, select

from hub.core.ids import ContractId
from hub.infra.database import Tx
from hub.infra.paging import Count, Order, Slice, Tabs, Window, count_by, sliced
from hub.leasing.statements.records import DifferenceRecord, StatementRecord
from hub.leasing.statements.rules import (
    DifferenceKind,
    DifferenceState,
    DifferenceView,
    StatementState,
    StatementView,
)

_Record = TypeVar("_Record", StatementRecord, DifferenceRecord)
_STATEMENT_TABS = Tabs(name="state", column=StatementRecord.state, words=StatementState, beside=frozenset({"instance"}))
_DIFFERENCE_TABS = Tabs(
    name="state", column=DifferenceRecord.state, words=DifferenceState, beside=frozenset({"instance", "kind"})
)


async def statements(tx: Tx, window: Window) -> Slice[StatementView]:
    """Statements in a window; filters `state` and `instance`."""
    order = Order(key=StatementRecord.id, columns={"day": StatementRecord.day_on}, standard="day")
    return await sliced(tx, _wanted(tx, StatementRecord, window), order, window, shown, _STATEMENT_TABS)


async def statement_counts(tx: Tx, window: Window) -> Mapping[str, Count]:
    """How many statements there are in each state, under the other filters."""
    return await count_by(tx, _wanted(tx, StatementRecord, window), _STATEMENT_TABS)


async def differences(tx: Tx, window: Window) -> Slice[DifferenceView]:
    """Differences in a window; filters `state`, `kind`, `instance` and `statement_id`."""
    columns = {"day": DifferenceRecord.day_on, "stated": DifferenceRecord.stated_amount}
    order = Order(key=DifferenceRecord.id, columns=columns, standard="day")
    return await sliced(tx, _wanted(tx, DifferenceRecord, window), order, window, difference_shown, _DIFFERENCE_TABS)


async def difference_counts(tx: Tx, window: Window) -> Mapping[str, Count]:
    """How many differences there are in each state, under the other filters."""
    return await count_by(tx, _wanted(tx, DifferenceRecord, window), _DIFFERENCE_TABS)


def _wanted(tx: Tx, kind: type[_Record], window: Window) -> Select[Any]:
    rows = select(kind)
    if tx.actor.branches is not None:
        return rows.where(false())
    for name in ("instance", "kind"):
        wanted = window.filters.get(name)
        if wanted and hasattr(kind, name):
            rows = rows.where(getattr(kind, name) == wanted)
    return rows


def shown(row: StatementRecord) -> StatementView:
    """A statement as doors see it."""
    return StatementView(
        id=row.id,
        instance=row.instance,
        day_on=row.day_on,
        state=StatementState(row.state),
        lines=row.line_count,
        matched=row.matched_count,
        open=row.open_count,
        named=row.named_count,
        stated=row.stated_amount,
        booked=row.booked_amount,
        code=row.code,
        fetch_at=row.fetch_at,
        fetched_at=row.fetched_at,
        compared_at=row.compared_at,
    )


def difference_shown(row: DifferenceRecord) -> DifferenceView:
    """A difference as doors see it."""
    return DifferenceView(
        id=row.id,
        statement_id=row.statement_id,
        instance=row.instance,
        day_on=row.day_on,
        kind=DifferenceKind(row.kind),
        state=DifferenceState(row.state),
        stated=row.stated_amount,
        booked=row.booked_amount,
        ref=row.ref,
        note=row.note,
        movement_id=row.movement_id,
        is_payout=row.is_payout,
        contract_id=None if row.contract_id is None else ContractId(row.contract_id),
        other_on=row.other_on,
        reason=row.reason,
        found_at=row.found_at,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
    )
