"""One list out of several: every row once, in order, forwards and back, whatever the pages of its sources are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from hub.infra.paging import Slice, Window, _encoded, _read, merged

Row = tuple[datetime, UUID]
START = datetime(2026, 1, 5, tzinfo=UTC)
# A few minutes only, so that rows of different sources were often asked for at the same instant; an id is one row's.
ROWS = st.dictionaries(
    st.uuids(), st.tuples(st.integers(0, 3).map(lambda minute: START + timedelta(minutes=minute)), st.integers(0, 2))
)


def one_source(rows: list[Row], window: Window) -> Slice[Row]:
    """What a source with its own rows answers, as `sliced` does."""
    back = window.before is not None
    place = _read(window.before or window.after or "") if window.before or window.after else None
    kept = sorted(rows, reverse=window.descending is not back)
    if place is not None:
        kept = [row for row in kept if (row < place if window.descending is not back else row > place)]
    more, kept = len(kept) > window.limit, kept[: window.limit]
    if back:
        kept.reverse()
    return Slice(
        rows=kept,
        after=_encoded(*kept[-1]) if kept and (more or back) else None,
        before=_encoded(*kept[0]) if kept and (more if back else place is not None) else None,
    )


@given(rows=ROWS, limit=st.integers(1, 4), descending=st.booleans())
def test_every_row_is_seen_once_in_order_and_the_way_back_is_the_same(
    rows: dict[UUID, tuple[datetime, int]], limit: int, descending: bool
) -> None:
    sources = [[(at, key) for key, (at, place) in rows.items() if place == source] for source in range(3)]

    def page(**place: str | None) -> Slice[Row]:
        window = Window(limit=limit, descending=descending, **place)
        return merged([one_source(rows, window) for rows in sources], window, lambda row: row)

    every = sorted((row for rows in sources for row in rows), reverse=descending)
    pages = [page()]
    while pages[-1].after is not None:
        pages.append(page(after=pages[-1].after))
    assert [row for one in pages for row in one.rows] == every
    back = pages[-1]
    for one in reversed(pages[:-1]):
        back = page(before=back.before)
        assert back.rows == one.rows
    assert back.before is None
