"""Rows that belong to contracts, as lines with the contracts' numbers: one query for all of a page, and their column."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from hub.console.i18n import N_
from hub.console.page import Column, Look
from hub.console.visit import Visit
from hub.core.ids import ContractId
from hub.infra.database import Tx
from hub.infra.paging import Slice, Window
from hub.leasing.contracts import listing


class OfContract(Protocol):
    """What belongs to a contract, or to none."""

    @property
    def contract_id(self) -> UUID | None:
        """Which contract."""


_Row = TypeVar("_Row", bound=OfContract)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line(Generic[_Row]):
    """A row as a line, with the number of its contract."""

    one: _Row
    number: str | None


def lines_of(
    fetch: Callable[[Tx, Window], Awaitable[Slice[_Row]]],
) -> Callable[[Visit, Window], Awaitable[Slice[Line[_Row]]]]:
    """What fetches the lines of a page, from what fetches its rows."""

    async def page(visit: Visit, window: Window) -> Slice[Line[_Row]]:
        found = await fetch(visit.tx, window)
        ids = [ContractId(one.contract_id) for one in found.rows if one.contract_id is not None]
        numbers = await listing.numbers_of(visit.tx, ids)
        lines = [
            Line(one=one, number=numbers.get(ContractId(one.contract_id)) if one.contract_id else None)
            for one in found.rows
        ]
        return Slice(rows=lines, after=found.after, before=found.before)

    return page


def contract_column(tab: str = "") -> Column[Line[Any]]:
    """The number of a line's contract, which leads to the contract, or to this tab of it."""
    return Column(
        label=N_("Contract"),
        value=lambda line: line.number,
        look=Look.CODE,
        href=lambda line: f"/contracts/{line.one.contract_id}{tab}" if line.one.contract_id else None,
    )
