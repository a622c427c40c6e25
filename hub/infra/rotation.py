"""Rotation of keys: every sealed field of every table is put under the active key, batch by batch, while work goes on.

Which fields are sealed is read from the tables themselves, by the vault's convention, so a new room is included
without being named here. Files are resealed by their own store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Column, LargeBinary, MetaData, Table, bindparam, func, literal, select, text, update

from hub.core.errors import Conflict, InvalidInput
from hub.infra.access import system
from hub.infra.database import Base, Database, Tx
from hub.infra.files import Files
from hub.infra.vault import HEADER_BYTES, KeyVault, key_header

_SUFFIX = "_sealed"
BATCH = 500
# How long a transaction that was open before may take to end.
_MOST_LOOKS, _LOOK_EVERY_S = 100, 0.1
_THEN = "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as horizon, clock_timestamp() as at"
# Who only reads has no number among the writers, and is seen by its session alone.
_STILL_OPEN = """
select pg_snapshot_xmin(pg_current_snapshot())::text::bigint < :horizon or exists (
    select from pg_stat_activity where datname = current_database() and backend_type = 'client backend'
        and pid <> pg_backend_pid() and xact_start <= :at)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedColumn:
    """One column of sealed values; `name` is what its values are bound to, "party.phone"."""

    table: Table
    column: Column[bytes]
    name: str


def sealed_columns(metadata: MetaData = Base.metadata) -> Iterator[SealedColumn]:
    """Every column named `…_sealed`, of all tables; raises TypeError for one that cannot be rotated."""
    for table in metadata.sorted_tables:
        for column in table.columns:
            if not column.name.endswith(_SUFFIX):
                continue
            if not isinstance(column.type, LargeBinary) or [key.name for key in table.primary_key] != ["id"]:
                raise TypeError(f"{table.name}.{column.name}: sealed values are bytes in a table with the key id")
            yield SealedColumn(table=table, column=column, name=f"{table.name}.{column.name.removesuffix(_SUFFIX)}")


async def reseal_rows(
    tx: Tx, sealed: SealedColumn, vault: KeyVault, *, after: UUID | None = None, limit: int = BATCH
) -> tuple[int, UUID | None]:
    """Put one batch of a column under the active key; returns how many, and the last row, None at the end.

    Rows that somebody is writing are passed over: what is sealed after a rotation is under the active key anyway.
    """
    identity = sealed.table.c.id
    stale = func.substring(sealed.column, 1, HEADER_BYTES) != literal(key_header(vault.active_key_id), LargeBinary)
    query = select(identity, sealed.column).where(stale).order_by(identity).limit(limit)
    query = query if after is None else query.where(identity > after)
    rows = (await tx.execute(query.with_for_update(skip_locked=True))).all()
    fresh = [{"row": row, "fresh": vault.reseal(bytes(value), column=sealed.name, row=row)} for row, value in rows]
    if fresh:
        put = update(sealed.table).where(identity == bindparam("row")).values({sealed.column: bindparam("fresh")})
        await tx.execute(put, fresh)
    return len(rows), rows[-1][0] if len(rows) == limit else None


async def reseal_everything(database: Database, vault: KeyVault, metadata: MetaData = Base.metadata) -> int:
    """Put every sealed field under the vault's active key, a short transaction for each batch; returns how many were not."""
    changed = 0
    for sealed in sealed_columns(metadata):
        after: UUID | None = None
        while True:
            async with database.transaction(system("rotation")) as tx:
                count, after = await reseal_rows(tx, sealed, vault, after=after)
            changed += count
            if after is None:
                break
    return changed


async def rows_under(database: Database, key_id: int, metadata: MetaData = Base.metadata) -> dict[str, int]:
    """How many fields of which column are sealed with this key; a column without one is left out."""
    found: dict[str, int] = {}
    async with database.transaction(system("rotation")) as tx:
        for sealed in sealed_columns(metadata):
            header = func.substring(sealed.column, 1, HEADER_BYTES) == literal(key_header(key_id), LargeBinary)
            found[sealed.name] = await tx.scalar(select(func.count()).select_from(sealed.table).where(header)) or 0
    return {name: count for name, count in found.items() if count}


async def retire(
    database: Database, vault: KeyVault, files: Files, key_id: int, metadata: MetaData = Base.metadata
) -> None:
    """Take a key out of the keyring for good; raises Conflict, and names what, while it is the active one or seals anything."""
    vault.check_retirable(key_id)
    await _older_ones_done(database)
    left = [f"{name} ({count})" for name, count in (await rows_under(database, key_id, metadata)).items()]
    if count := files.under(key_id):
        left.append(f"files ({count})")
    if left:
        raise Conflict(f"key {key_id} still seals {', '.join(left)}: `hub keys rotate` puts them under a new one")
    vault.retire(key_id)


async def _older_ones_done(database: Database) -> None:
    """Wait until every transaction that was open at the call has ended.

    What one has sealed and not committed cannot be counted; what one has read before it was resealed is yet to be opened.
    """
    async with database.transaction(system("rotation")) as tx:
        then = (await tx.execute(text(_THEN))).one()._asdict()
    for _ in range(_MOST_LOOKS):
        async with database.transaction(system("rotation")) as tx:
            if not await tx.scalar(text(_STILL_OPEN), then):
                return
        await asyncio.sleep(_LOOK_EVERY_S)
    raise Conflict(
        "somebody has had a transaction open all the time and may need the key: try again when that has ended"
    )


async def require_keys(database: Database, vault: KeyVault, metadata: MetaData = Base.metadata) -> None:
    """Raise InvalidInput when what is sealed in the database was sealed with another keyring than the vault's.

    A lost keyring file would otherwise be replaced by a fresh one in silence, and everything sealed before be lost.
    One value of each column is opened.
    """
    async with database.transaction(system("start")) as tx:
        for sealed in sealed_columns(metadata):
            query = select(sealed.table.c.id, sealed.column).where(sealed.column.is_not(None)).limit(1)
            found = (await tx.execute(query)).one_or_none()
            try:
                if found is not None:
                    vault.open(bytes(found[1]), column=sealed.name, row=found[0])
            except ValueError:
                reason = f"{sealed.name} is sealed with other keys than these; bring back the file that sealed it"
                raise InvalidInput("keyring", reason) from None
