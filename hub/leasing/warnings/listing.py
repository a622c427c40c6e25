"""Risk warnings as they are listed: by state, kind and contract."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import Select, select

from hub.core.errors import NotFound
from hub.core.ids import ContractId
from hub.infra.access import visible
from hub.infra.database import Tx
from hub.infra.paging import Count, Order, Slice, Tabs, Window, count_by, sliced
from hub.leasing.warnings.records import OccurrenceRecord, WarningRecord
from hub.leasing.warnings.rules import (
    Ground,
    Occurrence,
    WarningCode,
    WarningKind,
    WarningState,
    WarningView,
)

_ORDER = Order(key=WarningRecord.id, columns={"raised": WarningRecord.id}, standard="raised")  # ids rise with time
_TABS = Tabs(name="state", column=WarningRecord.state, words=WarningState, of_branch=True, beside=frozenset({"kind"}))


async def page(tx: Tx, window: Window) -> Slice[WarningView]:
    """Warnings in a window; filters `state` and `kind`."""
    return await sliced(tx, _wanted(tx, window), _ORDER, window, shown, _TABS)


async def counts(tx: Tx, window: Window) -> Mapping[str, Count]:
    """How many warnings there are in each state, under the other filters."""
    return await count_by(tx, _wanted(tx, window), _TABS)


def _wanted(tx: Tx, window: Window) -> Select[WarningRecord]:
    query = visible(select(WarningRecord), WarningRecord.branch_id, tx.actor)
    if kind := window.filters.get("kind"):
        query = query.where(WarningRecord.kind == kind)
    return query


async def unsettled_of(tx: Tx, contract_id: ContractId) -> list[WarningView]:
    """The warnings about a lease that nobody has closed, oldest first."""
    rows = visible(select(WarningRecord), WarningRecord.branch_id, tx.actor).where(
        WarningRecord.contract_id == contract_id, WarningRecord.state != WarningState.CLOSED
    )
    return [shown(row) for row in await tx.scalars(rows.order_by(WarningRecord.id))]


async def get(tx: Tx, warning_id: UUID) -> WarningView:
    """One warning that the actor may see; raises NotFound."""
    rows = visible(select(WarningRecord), WarningRecord.branch_id, tx.actor).where(WarningRecord.id == warning_id)
    row = await tx.scalar(rows)
    if row is None:
        raise NotFound("risk_warning", warning_id)
    return shown(row)


def shown(row: WarningRecord) -> WarningView:
    """A warning as doors see it."""
    return WarningView(
        id=row.id,
        kind=WarningKind(row.kind),
        contract_id=row.contract_id,
        subject=row.subject,
        ground=ground_of(row),
        state=WarningState(row.state),
        raised_at=row.raised_at,
        times=row.times,
        last_at=row.last_at,
        result=row.result,
    )


def ground_of(row: WarningRecord | OccurrenceRecord) -> Ground:
    """Why it was raised."""
    return Ground(code=WarningCode(row.code), facts=row.facts)


async def occurrences(tx: Tx, warning_id: UUID, *, limit: int) -> list[Occurrence]:
    """The last times that a warning was raised, newest first; whose it is has been asked by `get`."""
    rows = select(OccurrenceRecord).where(OccurrenceRecord.warning_id == warning_id)
    found = await tx.scalars(rows.order_by(OccurrenceRecord.id.desc()).limit(limit))
    return [Occurrence(ground=ground_of(row), raised_at=row.raised_at) for row in found]
