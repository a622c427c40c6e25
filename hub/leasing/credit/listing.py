"""The blacklist as a list, the newest entry first; removed ones stay on record."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from hub.core.errors import NotFound
from hub.infra.database import Tx
from hub.infra.paging import Order, Slice, Window, sliced
from hub.leasing.credit.records import BlacklistRecord
from hub.leasing.credit.rules import BlacklistView

# Ids rise with time, so they stand for when a document was put on the list.
_ORDER = Order(key=BlacklistRecord.id, columns={"added": BlacklistRecord.id}, standard="added")


async def page(tx: Tx, window: Window) -> Slice[BlacklistView]:
    """Entries of the blacklist, which is the whole company's, in a window."""
    return await sliced(tx, select(BlacklistRecord), _ORDER, window, shown)


async def entry(tx: Tx, entry_id: UUID) -> BlacklistView:
    """One entry; raises NotFound."""
    found = await tx.get(BlacklistRecord, entry_id)
    if found is None:
        raise NotFound("blacklist_entry", entry_id)
    return shown(found)


def shown(entry: BlacklistRecord) -> BlacklistView:
    """An entry as an officer sees it, without its document."""
    return BlacklistView(
        id=entry.id,
        reason=entry.reason,
        added_by=entry.added_by,
        added_at=entry.added_at,
        removed_at=entry.removed_at,
    )
