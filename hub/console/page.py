"""A list page from one declaration: columns, tabs with counts, filters, sorts, pages by key, and the same rows as CSV.

A room brings the rows: `fetch` gives a slice of views for a window, `counts` the numbers on the tabs.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, TypeVar

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from hub.console.forms import Option
from hub.console.i18n import N_
from hub.console.labels import label as label_of
from hub.console.reasons import written
from hub.console.visit import Visit, visiting
from hub.core.errors import InvalidInput
from hub.core.money import Money
from hub.infra import audit
from hub.infra.access import Permission
from hub.infra.clock import BUSINESS_ZONE
from hub.infra.paging import Count, Slice, Window

ROWS = 25
_ROWS_OF_EXPORT = 200
_MOST_EXPORTED = 100_000
# A spreadsheet takes what begins with one of these for a formula. Source: OWASP, CSV Injection.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")

_Row = TypeVar("_Row")


class Look(StrEnum):
    """How the cells of a column are drawn."""

    TEXT = "text"
    NAME = "name"  # of a person or thing: not translated
    CODE = "code"
    MONEY = "money"
    NUMBER = "number"
    DAY = "day"
    INSTANT = "instant"
    STATE = "state"  # a word with its tone
    WORD = "word"
    WORDS = "words"
    WRITTEN = "written"  # a text of the hub's or of a person's, in the visitor's language if it is the hub's
    LONG = "long"  # a text of ours that may take several lines
    PERCENT = "percent"
    DOORS = "doors"  # what can be done with a row, or why nothing can: on screen only


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing worth knowing at a glance."""

    label: str
    value: Any
    look: Look = Look.TEXT
    href: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowDoor:
    """A button in a row of a list; without a path it is a word on why there is none."""

    label: str
    path: str | None = None
    is_main: bool = False


AMOUNTS = frozenset({Look.MONEY, Look.NUMBER, Look.PERCENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Generic[_Row]):
    """One column. `sort` is the word that the room sorts by; `href` makes the cell a link.

    One that is not `on_screen`, where a note says it, is in the export only.
    """

    label: str
    value: Callable[[_Row], Any]
    look: Look = Look.TEXT
    sort: str = ""
    href: Callable[[_Row], str | None] | None = None
    note: Callable[[_Row], str | None] | None = None
    on_screen: bool = True

    @property
    def is_amount(self) -> bool:
        """Whether the column stands on the right."""
        return self.look in AMOUNTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One field above the list; without options it is a text to look for, or is not there where it `needs_options`."""

    name: str
    label: str
    options: Sequence[Option] = ()
    needs_options: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A button of a page that leads to another."""

    label: str
    path: str
    permission: Permission
    is_main: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing(Generic[_Row]):
    """A list page. `tab` names the filter that the tabs set; `options` fills filters whose choices come from the database."""

    path: str
    title: str
    permission: Permission
    columns: Sequence[Column[_Row]]
    fetch: Callable[[Visit, Window], Awaitable[Slice[_Row]]]
    empty: str
    tab: str = ""
    tabs: Sequence[str] = ()
    counts: Callable[[Visit, Window], Awaitable[Mapping[str, Count]]] | None = None
    filters: Sequence[Filter] = ()
    options: Callable[[Visit], Awaitable[Mapping[str, Sequence[Option]]]] | None = None
    links: Sequence[Link] = ()
    descending: bool = True
    intro: str = ""
    template: str = "list.html"
    said: Mapping[str, str] = field(default_factory=dict)  # to whoever comes back from an action, by `done`

    @property
    def drawn(self) -> list[Column[_Row]]:
        """The columns that are on screen."""
        return [column for column in self.columns if column.on_screen]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown(Generic[_Row]):
    """What a list template draws."""

    listing: Listing[_Row]
    window: Window
    rows: Slice[_Row]
    counts: Mapping[str, Count] = field(default_factory=dict)
    options: Mapping[str, Sequence[Option]] = field(default_factory=dict)

    @property
    def words(self) -> tuple[str, ...]:
        """The tabs: all together, then each word."""
        return ("", *self.listing.tabs)

    @property
    def trigger(self) -> str:
        """What has the list drawn anew: each of its filters that is there; the script stumbles over one that is not."""
        events = ["submit"]
        for one in self.listing.filters:
            is_choice = bool(self.options.get(one.name) or one.options)
            if is_choice or not one.needs_options:
                event = "change" if is_choice else "input changed delay:250ms"
                events.append(f"{event} from:#filter-{one.name}")
        return ", ".join(events)

    def query(self, **changed: object) -> dict[str, object]:
        """The words of the address of this list, with some of them changed; a change begins at the first page again."""
        down = self.window.descending
        words: dict[str, object] = {
            **self.window.filters,
            "sort": self.window.sort,
            "order": "" if down is self.listing.descending else ("down" if down else "up"),
        }
        return words | changed


def window_of(listing: Listing[_Row], visit: Visit, *, limit: int = ROWS) -> Window:
    """The window that an address asks for; words that this list does not know are left alone."""
    query = visit.request.query_params
    names = [one.name for one in listing.filters] + ([listing.tab] if listing.tab else [])
    asked = {name: query[name].strip()[:200] for name in names if query.get(name, "").strip()}
    if any("\0" in value for value in asked.values()):
        raise InvalidInput("filter", N_("must not contain the character NUL"))
    order = query.get("order", "")
    return Window(
        sort=query.get("sort", ""),
        descending=listing.descending if order not in {"up", "down"} else order == "down",
        after=query.get("after") or None,
        before=query.get("before") or None,
        limit=limit,
        filters=asked,
    )


async def shown(listing: Listing[_Row], visit: Visit) -> Shown[_Row]:
    """The page of a list that a visitor asks for."""
    window = window_of(listing, visit)
    return Shown(
        listing=listing,
        window=window,
        rows=await listing.fetch(visit, window),
        counts=await listing.counts(visit, window) if listing.counts else {},
        options=await listing.options(visit) if listing.options else {},
    )


def add_listing(router: APIRouter, listing: Listing[Any]) -> None:
    """Give a list its two addresses: the page, and `.csv`."""

    async def page(visit: Visit = visiting(listing.permission)) -> Response:
        part = "list_part.html" if visit.asks_for_part == "list" else listing.template
        return visit.page(part, list=await shown(listing, visit), title=listing.title)

    async def export(visit: Visit = visiting(listing.permission)) -> Response:
        return await exported(listing, visit)

    router.add_api_route(listing.path, page, methods=["GET"], name=listing.title)
    router.add_api_route(f"{listing.path}.csv", export, methods=["GET"], name=f"{listing.title} as CSV")


# CSV


async def exported(listing: Listing[_Row], visit: Visit) -> Response:
    """The rows of a list under its filters, as a spreadsheet in China opens them; who has exported what is kept."""
    window = window_of(listing, visit, limit=_ROWS_OF_EXPORT)
    name = listing.path.strip("/").replace("/", "-") or "list"
    await audit.record(visit.tx, action="list.exported", subject="list", subject_id=name, detail=dict(window.filters))
    return StreamingResponse(_lines(listing, visit, window), media_type=_CSV, headers=_as_file(visit, name))


def spreadsheet(visit: Visit, name: str, columns: Sequence[Column[_Row]], rows: Sequence[_Row]) -> Response:
    """Rows that are few and at hand, as the export of a list writes them."""
    written = [_line([_plain(column, row, visit) for column in columns]) for row in rows]
    content = b"".join([_head(visit, columns), *written])
    return Response(content, media_type=_CSV, headers=_as_file(visit, name))


_CSV = "text/csv; charset=utf-8"


def _as_file(visit: Visit, name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}-{visit.tx.today.isoformat()}.csv"'}


def _head(visit: Visit, columns: Sequence[Column[_Row]]) -> bytes:
    return b"\xef\xbb\xbf" + _line([visit.say(column.label) for column in columns])


async def _lines(listing: Listing[_Row], visit: Visit, window: Window) -> AsyncIterator[bytes]:
    columns = [column for column in listing.columns if column.look is not Look.DOORS]
    yield _head(visit, columns)
    written = 0
    async with visit.transaction() as tx:
        visit.open_tx = tx
        while written < _MOST_EXPORTED:
            rows = await listing.fetch(visit, replace(window, before=None))
            for row in rows.rows:
                yield _line([_plain(column, row, visit) for column in columns])
            written += len(rows.rows)
            if rows.after is None:
                return
            window = replace(window, after=rows.after, before=None)


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()


def _guarded(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(column: Column[_Row], row: _Row, visit: Visit) -> str:
    """A cell as a spreadsheet reads it: amounts in major units, dates by ISO 8601, words by their labels."""
    value = column.value(row)
    match value:
        case None:
            return ""
        case Money():
            return str(value.amount)
        case datetime():
            return value.astimezone(BUSINESS_ZONE).isoformat(timespec="seconds")
        case date():
            return value.isoformat()
        case Decimal() | int():
            return str(value)
        case _ if column.look in {Look.STATE, Look.WORD}:
            return visit.say(label_of(value))
        case _ if column.look is Look.WRITTEN:
            return _guarded(written(visit.manner.language, value))
        case _ if column.look is Look.WORDS:
            return ", ".join(visit.say(label_of(word)) for word in sorted(value))
        case _:
            return _guarded(str(value))
