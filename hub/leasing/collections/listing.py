"""Dunning cases as they are listed."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from hub.core.ids import ContractId
from hub.infra.access import visible
from hub.infra.database import Tx
from hub.infra.paging import Count, Order, Slice, Tabs, Window, count_by, sliced
from hub.leasing.collections.records import CaseRecord
from hub.leasing.collections.rules import CaseState, CaseView

_ORDER = Order(key=CaseRecord.id, columns={"opened": CaseRecord.opened_on}, standard="opened")
_TABS = Tabs(name="state", column=CaseRecord.state, words=CaseState)


async def cases(tx: Tx, window: Window) -> Slice[CaseView]:
    """Cases in a window; filter `state`."""
    query = visible(select(CaseRecord), CaseRecord.branch_id, tx.actor)
    return await sliced(tx, query, _ORDER, window, shown, _TABS)


async def counts(tx: Tx, window: Window) -> Mapping[str, Count]:
    """How many cases there are in each state."""
    query = visible(select(CaseRecord), CaseRecord.branch_id, tx.actor)
    return await count_by(tx, query, _TABS)


def shown(row: CaseRecord) -> CaseView:
    """A case as doors see it."""
    return CaseView(
        id=row.id,
        contract_id=ContractId(row.contract_id),
        state=CaseState(row.state),
        opened_on=row.opened_on,
        closed_on=row.closed_on,
    )
