"""Rotation on the real database: every sealed column of every table comes under the active key, while work goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from hub.core.errors import Conflict, InvalidInput
from hub.infra.access import Actor
from hub.infra.clock import Ids
from hub.infra.database import Base, Database
from hub.infra.files import Files
from hub.infra.keyring import Keyring, load_keyring
from hub.infra.rotation import require_keys, reseal_everything, reseal_rows, retire, rows_under, sealed_columns
from hub.infra.vault import KeyVault, key_id_of
from hub.sdk.clock import VirtualClock

TABLES = sa.MetaData()
CARD = sa.Table(
    "rotation_card",
    TABLES,
    sa.Column("id", sa.Uuid(), primary_key=True),
    sa.Column("phone_sealed", sa.LargeBinary()),
    sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
)
TABLES_OF_NOBODY = sa.MetaData()


@pytest.fixture
def keys() -> KeyVault:
    return KeyVault(Keyring.fresh())


@pytest.fixture
async def cards(database: Database, clock: VirtualClock, keys: KeyVault) -> AsyncIterator[list[UUID]]:
    """A table of 1,200 rows, sealed; every third without a phone."""
    ids = [Ids(clock).new() for _ in range(1200)]
    rows = [
        {
            "id": row,
            "phone_sealed": None if n % 3 == 0 else keys.seal(f"138{n:08}", column="rotation_card.phone", row=row),
            "name_sealed": keys.seal(f"name {n}", column="rotation_card.name", row=row),
        }
        for n, row in enumerate(ids)
    ]
    async with database.engine.begin() as connection:
        await connection.run_sync(TABLES.drop_all)
        await connection.run_sync(TABLES.create_all)
        await connection.execute(sa.insert(CARD), rows)
    yield ids
    async with database.engine.begin() as connection:
        await connection.run_sync(TABLES.drop_all)


def test_every_sealed_column_of_the_house_can_be_rotated() -> None:
    for sealed in sealed_columns(Base.metadata):
        assert sealed.name == f"{sealed.table.name}.{sealed.column.name.removesuffix('_sealed')}"


@pytest.mark.parametrize(
    "columns",
    [
        (sa.Column("id", sa.Uuid(), primary_key=True), sa.Column("phone_sealed", sa.String())),
        (sa.Column("key", sa.Uuid(), primary_key=True), sa.Column("phone_sealed", sa.LargeBinary())),
    ],
    ids=["not bytes", "no id"],
)
def test_a_sealed_column_that_breaks_the_convention_is_refused(columns: tuple[sa.Column[object], ...]) -> None:
    metadata = sa.MetaData()
    sa.Table("odd", metadata, *columns)
    with pytest.raises(TypeError, match=r"odd\.phone_sealed"):
        list(sealed_columns(metadata))


async def test_everything_comes_under_the_active_key_and_still_opens(
    database: Database, keys: KeyVault, cards: list[UUID]
) -> None:
    keys.rotate()
    assert await rows_under(database, 1, TABLES) == {"rotation_card.phone": 800, "rotation_card.name": 1200}
    assert await reseal_everything(database, keys, TABLES) == 2000
    assert await rows_under(database, 1, TABLES) == {}
    assert await rows_under(database, 2, TABLES) == {"rotation_card.phone": 800, "rotation_card.name": 1200}
    assert await reseal_everything(database, keys, TABLES) == 0
    async with database.engine.connect() as connection:
        rows = {row.id: row for row in await connection.execute(sa.select(CARD))}
    for n, row_id in enumerate(cards):
        row = rows[row_id]
        assert keys.open(row.name_sealed, column="rotation_card.name", row=row_id) == f"name {n}"
        if n % 3:
            assert keys.open(row.phone_sealed, column="rotation_card.phone", row=row_id) == f"138{n:08}"


async def test_a_row_that_somebody_is_writing_is_passed_over(
    database: Database, keys: KeyVault, cards: list[UUID], system_actor: Actor
) -> None:
    keys.rotate()
    (name,) = (sealed for sealed in sealed_columns(TABLES) if sealed.name == "rotation_card.name")
    async with database.transaction(system_actor) as busy:
        await busy.execute(sa.select(CARD.c.id).where(CARD.c.id == cards[0]).with_for_update())
        async with database.transaction(system_actor) as tx:
            count, last = await asyncio.wait_for(reseal_rows(tx, name, keys, limit=2000), 120)
        assert (count, last) == (1199, None)
    assert await reseal_everything(database, keys, TABLES) == 801


async def test_what_is_written_meanwhile_is_not_lost(
    database: Database, keys: KeyVault, cards: list[UUID], system_actor: Actor
) -> None:
    keys.rotate()

    async def work() -> None:
        for row in cards[::60]:
            async with database.transaction(system_actor) as tx:
                fresh = keys.seal("new", column="rotation_card.name", row=row)
                await tx.execute(sa.update(CARD).where(CARD.c.id == row).values(name_sealed=fresh))

    await asyncio.gather(work(), reseal_everything(database, keys, TABLES))
    async with database.engine.connect() as connection:
        for row in await connection.execute(sa.select(CARD).where(CARD.c.id.in_(cards[::60]))):
            assert key_id_of(row.name_sealed) == 2
            assert keys.open(row.name_sealed, column="rotation_card.name", row=row.id) == "new"


@pytest.fixture
def files(tmp_path: Path, keys: KeyVault) -> Files:
    store = Files(tmp_path / "files", keys)
    store.put(b"a paper")
    return store


async def test_a_key_is_retired_when_it_seals_nothing_any_more(
    database: Database, keys: KeyVault, cards: list[UUID], files: Files
) -> None:
    with pytest.raises(Conflict, match="key 1 is the active one"):
        await retire(database, keys, files, 1, TABLES)
    keys.rotate()
    with pytest.raises(
        Conflict, match=r"key 1 still seals rotation_card\.phone \(800\), rotation_card\.name \(1200\), files \(1\)"
    ):
        await retire(database, keys, files, 1, TABLES)
    await reseal_everything(database, keys, TABLES)
    with pytest.raises(Conflict, match=r"key 1 still seals files \(1\):"):
        await retire(database, keys, files, 1, TABLES)
    files.reseal(keys)
    await retire(database, keys, files, 1, TABLES)
    with pytest.raises(InvalidInput, match="1 is not in the keyring, which holds 2"):
        await retire(database, keys, files, 1, TABLES)
    await require_keys(database, keys, TABLES)


async def test_a_retired_key_leaves_the_file_and_every_process(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    here, there = KeyVault.at(path), KeyVault.at(path)
    here.rotate()
    await retire(database, here, Files(tmp_path / "files", here), 1, TABLES_OF_NOBODY)
    assert list(load_keyring(path).data_keys) == [2]
    assert there.active_key_id == 2
    with pytest.raises(InvalidInput, match="which holds 2"):
        there.check_retirable(1)


async def test_a_key_waits_for_whoever_has_sealed_with_it_and_not_committed(
    database: Database, keys: KeyVault, cards: list[UUID], system_actor: Actor, tmp_path: Path
) -> None:
    async with database.transaction(system_actor) as busy:
        late = keys.seal("late", column="rotation_card.name", row=cards[0])
        await busy.execute(sa.update(CARD).where(CARD.c.id == cards[0]).values(name_sealed=late))
        keys.rotate()
        assert await reseal_everything(database, keys, TABLES) == 1999
        retiring = asyncio.create_task(retire(database, keys, Files(tmp_path, keys), 1, TABLES))
        await asyncio.wait([retiring], timeout=0.5)
        assert not retiring.done()
    with pytest.raises(Conflict, match=r"key 1 still seals rotation_card\.name \(1\):"):
        await retiring


async def test_a_key_waits_for_whoever_has_read_and_not_opened(
    database: Database, keys: KeyVault, cards: list[UUID], system_actor: Actor, tmp_path: Path
) -> None:
    async with database.transaction(system_actor) as reader:
        read = await reader.scalar(sa.select(CARD.c.name_sealed).where(CARD.c.id == cards[0]))
        keys.rotate()
        await reseal_everything(database, keys, TABLES)
        retiring = asyncio.create_task(retire(database, keys, Files(tmp_path, keys), 1, TABLES))
        await asyncio.wait([retiring], timeout=0.5)
        assert keys.open(read, column="rotation_card.name", row=cards[0]) == "name 0"
    await retiring
    with pytest.raises(ValueError, match="key 1"):
        keys.open(read, column="rotation_card.name", row=cards[0])


async def test_a_foreign_keyring_is_found_out_at_the_start(
    database: Database, keys: KeyVault, cards: list[UUID]
) -> None:
    await require_keys(database, keys, TABLES)
    keys.rotate()
    await require_keys(database, keys, TABLES)
    with pytest.raises(InvalidInput, match=r"rotation_card\.\w+ is sealed with other keys") as caught:
        await require_keys(database, KeyVault(Keyring.fresh()), TABLES)
    assert caught.value.field == "keyring"


async def test_an_empty_database_takes_any_keyring(database: Database) -> None:
    await require_keys(database, KeyVault(Keyring.fresh()))
