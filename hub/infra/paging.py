"""Pages of long lists by key, never by OFFSET: a page begins behind the last row of the one before, in either direction.

A cursor is what the reader's last row was sorted by, and its id; it is opaque to whoever carries it, and a cursor that
this list has not given out is refused.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Select,
    String,
    Uuid,
    false,
    func,
    literal,
    literal_column,
    not_,
    select,
    tuple_,
    union_all,
)

from hub.core.errors import InvalidInput
from hub.core.money import Money
from hub.infra.database import FUNCTIONAL_CURRENCY, Tx

# Beyond so many a count says "1,000+": nobody reads further, and every further one would be looked at for every page.
MOST_COUNTED = 1_000
MOST_ROWS = 200
_NOT_OURS = "not a page of this list"

_Row = TypeVar("_Row")
_Shown = TypeVar("_Shown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which rows of a list are wanted: how it is sorted, and behind or before which cursor."""

    sort: str = ""
    descending: bool = True
    after: str | None = None
    before: str | None = None
    limit: int = 25
    filters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice(Generic[_Shown]):
    """One page: its rows, and the cursors of the pages around it, None where there is none."""

    rows: Sequence[_Shown]
    after: str | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many rows there are; `capped` when there are more than anybody counts."""

    number: int
    capped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a list may be sorted by, by the word in its address; `key` is the row's id.

    No column of it may be null: say what stands for nothing with `coalesce`.
    """

    key: Any
    columns: Mapping[str, Any]
    standard: str

    @property
    def is_of_records(self) -> bool:
        """Whether the rows are records; otherwise they are keys alone."""
        return hasattr(self.key, "class_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tabs:
    """The tabs of a list: the filter that they set, its column, and its words.

    An index begins with each filter of `beside` and goes on with the column and the key, and where it is `of_branch`
    one begins with the branch. An index of each filter of `by_keys` and the key has the branch beside them.
    """

    name: str
    column: Any
    words: type[StrEnum]
    beside: frozenset[str] = frozenset()
    of_branch: bool = False
    by_keys: frozenset[str] = frozenset()

    def has(self, word: str) -> ColumnElement[bool]:
        """The condition that a row is on this tab.

        The word stands in the statement itself: for a parameter the server may keep one plan, which would have to do
        for the word that every row has as well as for the one that none has.
        """
        if word not in set(self.words):
            return false()
        condition: ColumnElement[bool] = self.column == literal_column(f"'{word}'")
        return condition


async def sliced(
    tx: Tx, rows: Select[Any], order: Order, window: Window, shown: Callable[[Any], _Shown], tabs: Tabs | None = None
) -> Slice[_Shown]:
    """The rows of one page of a query over one kind of record; raises InvalidInput for a sort or cursor of another list."""
    word = window.sort or order.standard
    if word not in order.columns:
        raise InvalidInput("sort", f"one of {', '.join(order.columns)}")
    column = order.columns[word]
    back = window.before is not None
    cursor = window.before if back else window.after
    down = window.descending is not back
    limit = min(max(window.limit, 1), MOST_ROWS)
    way = _way(tx, window, tabs) if word == order.standard or not order.is_of_records else _Way.KEYS
    if tabs is not None and (tab := window.filters.get(tabs.name)):
        rows = rows.where(tabs.has(tab))
    if cursor is not None:
        rows = rows.where(_beyond(column, order.key, _of_this_list(_read(cursor), column.type), down))
    if way is _Way.ROWS:
        query = _ordered(rows.add_columns(column.label("sorted_by")), column, order.key, down).limit(limit + 1)
    elif way is _Way.TABS and tabs is not None:
        query = _spread(rows, order, column, tabs, down, limit + 1)
    else:
        query = _looked_up(_keys(rows, order, column, down, limit + 1), order, down)
    found = list((await tx.execute(query)).all())
    more, found = len(found) > limit, found[:limit]
    if back:
        found.reverse()
    return Slice(
        rows=[shown(row[0]) for row in found],
        after=_cursor(order, found[-1]) if found and (more or back) else None,
        before=_cursor(order, found[0]) if found and (more if back else cursor is not None) else None,
    )


class _Way(StrEnum):
    """How the rows of a page are found: as they come, by their keys first, or by the keys on each tab."""

    ROWS = "rows"
    KEYS = "keys"
    TABS = "tabs"


def _way(tx: Tx, window: Window, tabs: Tabs | None) -> _Way:
    """The way that an index answers, for a list in its own order."""
    branches = tx.actor.branches
    if tabs is None:
        return _Way.ROWS
    if not tabs.by_keys.isdisjoint(window.filters) and branches is not None:
        return _Way.KEYS
    if window.filters.get(tabs.name):
        return _Way.ROWS
    # Of several branches no index gives the rows in order.
    in_branch = tabs.of_branch and branches is not None and len(branches) == 1
    return _Way.TABS if in_branch or not tabs.beside.isdisjoint(window.filters) else _Way.ROWS


def _ordered(rows: Select[Any], column: Any, key: Any, down: bool) -> Select[Any]:
    return rows.order_by(column.desc(), key.desc()) if down else rows.order_by(column.asc(), key.asc())


def _keys(rows: Select[Any], order: Order, column: Any, down: bool, limit: int) -> Select[Any]:
    """The keys of the rows of a page: an index that holds the filters too answers this without the table."""
    keys = rows.with_only_columns(order.key.label("key"), column.label("sorted_by"))
    return _ordered(keys, column, order.key, down).limit(limit)


def _looked_up(keys: Select[Any], order: Order, down: bool) -> Select[Any]:
    """The rows of these keys, which alone are looked up in the table."""
    found = keys.subquery("found")
    rows = select(order.key.class_, found.c.sorted_by).join(found, found.c.key == order.key)
    return _ordered(rows, found.c.sorted_by, found.c.key, down)


def _spread(rows: Select[Any], order: Order, column: Any, tabs: Tabs, down: bool, limit: int) -> Select[Any]:
    """One page out of the pages that each tab would have: each takes the index of a filter and the tab, in order."""
    pages = [_keys(rows.where(tabs.has(word)), order, column, down, limit).subquery() for word in tabs.words]
    each = union_all(*(select(page.c.key, page.c.sorted_by) for page in pages)).subquery("each")
    keys = select(each.c.key, each.c.sorted_by)
    return _looked_up(_ordered(keys, each.c.sorted_by, each.c.key, down).limit(limit), order, down)


def _of_this_list(place: tuple[Any, UUID], kind: Any) -> tuple[Any, UUID]:
    """The place that a cursor means; raises InvalidInput when it is one of a list that is sorted by something else."""
    value = place[0]
    fits = {
        DateTime: isinstance(value, datetime) and value.tzinfo is not None,
        Date: isinstance(value, date) and not isinstance(value, datetime),
        Uuid: isinstance(value, UUID),
        Integer: isinstance(value, int),
        String: isinstance(value, str),
    }
    if not next((fit for one, fit in fits.items() if isinstance(kind, one)), True):
        raise InvalidInput("after", _NOT_OURS)
    return place


def _beyond(column: Any, key: Any, place: tuple[Any, UUID], down: bool) -> ColumnElement[bool]:
    here = tuple_(column, key)
    there = tuple_(literal(place[0], column.type), literal(place[1], key.type))
    return here < there if down else here > there


async def count(tx: Tx, rows: Select[Any]) -> Count:
    """How many rows a query has, counted no further than anybody reads."""
    some = _bare(rows).limit(MOST_COUNTED + 1).subquery()
    return _capped(await tx.scalar(select(func.count()).select_from(some)) or 0)


def _on_tab(rows: Select[Any], tabs: Tabs, word: str) -> Select[str, int]:
    some = _bare(rows).where(tabs.has(word)).limit(MOST_COUNTED + 1).subquery()
    counted: Select[str, int] = select(literal_column(f"'{word}'", String), func.count()).select_from(some)
    return counted


def _bare(rows: Select[Any]) -> Select[Any]:
    """The same rows with nothing in them, in any order."""
    bare: Select[Any] = rows.with_only_columns(literal_column("1"), maintain_column_froms=True).order_by(None)
    return bare


def _capped(number: int) -> Count:
    return Count(number=min(number, MOST_COUNTED), capped=number > MOST_COUNTED)


def together(counted: Collection[Count]) -> Count:
    """What several counts make; where one of them is capped it is at least so many, said as roundly."""
    number, capped = sum(one.number for one in counted), any(one.capped for one in counted)
    return Count(number=number - number % MOST_COUNTED if capped else number, capped=capped)


def whose(rows: Select[_Row], own: ColumnElement[bool], window: Window) -> Select[_Row]:
    """The same query, kept by the filter `whose` to what is the actor's own, or to what is not."""
    word = window.filters.get("whose", "")
    if word not in {"", "own", "others"}:
        raise InvalidInput("whose", "one of own, others")
    return rows if not word else rows.where(own if word == "own" else not_(own))


async def count_by(tx: Tx, rows: Select[Any], tabs: Tabs) -> dict[str, Count]:
    """The counts of a query on each tab, and `""` for all together.

    Each is counted by itself and no further than anybody reads, so that it takes an index which begins with the column,
    and as little of it, however many rows there are.
    """
    counted = [_on_tab(rows, tabs, word) for word in tabs.words]
    numbers = {str(word): number for word, number in await tx.execute(union_all(*counted))}
    found = {word.value: _capped(numbers[word.value]) for word in tabs.words}
    return {"": together(found.values())} | found


def merged(
    slices: Sequence[Slice[_Shown]], window: Window, place: Callable[[_Shown], tuple[datetime, UUID]]
) -> Slice[_Shown]:
    """One page out of the pages that several lists have for the same window, all of them sorted by this place."""
    back = window.before is not None
    rows = sorted((row for one in slices for row in one.rows), key=place, reverse=window.descending is not back)
    more = len(rows) > window.limit or any((one.before if back else one.after) is not None for one in slices)
    rows = rows[: window.limit]
    if back:
        rows.reverse()
    return Slice(
        rows=rows,
        after=_encoded(*place(rows[-1])) if rows and (more or back) else None,
        before=_encoded(*place(rows[0])) if rows and (more if back else window.after is not None) else None,
    )


# Cursors

_Plain = str | int | None


def _plain(value: object) -> tuple[str, _Plain]:
    """A value of a column as JSON holds it, with the letter of its kind."""
    match value:
        case Money():
            return "m", str(value.amount)
        case Decimal():
            return "n", str(value)
        case datetime():
            return "t", value.isoformat()
        case date():
            return "d", value.isoformat()
        case UUID():
            return "u", str(value)
        case int():
            return "i", value
        case _:
            return "s", str(value)


_KINDS: Mapping[str, Callable[[Any], Any]] = {
    "m": lambda text: Money.of(text, FUNCTIONAL_CURRENCY),
    "n": Decimal,
    "t": datetime.fromisoformat,
    "d": date.fromisoformat,
    "u": UUID,
    "i": int,
    "s": str,
}


def _cursor(order: Order, row: Any) -> str:
    return _encoded(row.sorted_by, getattr(row[0], order.key.key) if order.is_of_records else row[0])


def _encoded(sorted_by: object, key: UUID) -> str:
    place = json.dumps([*_plain(sorted_by), str(key)], separators=(",", ":"))
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[Any, UUID]:
    try:
        kind, value, key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return _KINDS[kind](value), UUID(key)
    except (binascii.Error, ValueError, KeyError, TypeError, ArithmeticError, InvalidInput):
        raise InvalidInput("after", _NOT_OURS) from None
