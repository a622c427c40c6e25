"""A batch in one round trip: all of it or nothing, values byte for byte, and the connection left as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest

from hub.infra.pipeline import Pipeline, numbered
from hub.infra.statements import bare

_INSERT = (
    "insert into kept values (%(id)s::UUID, %(text)s::VARCHAR, %(number)s, %(share)s, %(sealed)s, %(on)s, %(at)s,"
    " %(json)s::JSONB) on conflict do nothing"
)
_TABLE = """create temp table kept (id uuid primary key, text varchar, number bigint, share double precision,
    sealed bytea, "on" boolean, at timestamptz, json jsonb)"""
Raw = psycopg.AsyncConnection[tuple[object, ...]]


@pytest.fixture
async def raw(database_url: str) -> AsyncIterator[Raw]:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(_TABLE.encode())
        yield connection


def row(serial: int, **more: object) -> dict[str, object]:
    values = dict.fromkeys(("text", "share", "sealed", "on", "at", "json"))
    return {"id": UUID(int=serial), "number": serial} | values | more


async def count(raw: Raw) -> int:
    [number] = await (await raw.execute("select count(*) from kept")).fetchone() or [None]
    assert isinstance(number, int)
    return number


def test_a_place_that_stands_twice_has_one_number() -> None:
    assert numbered("a %(x)s, %(y)s::INT, %(x)s, 5 %% 2") == (b"a $1, $2::INT, $1, 5 % 2", ("x", "y"))


async def test_every_kind_of_value_comes_back_as_it_was_prepared_or_not(raw: Raw) -> None:
    at = datetime(2026, 1, 31, 1, 2, 3, 456789, tzinfo=UTC)
    given = {"text": "é'\\%s", "share": 0.1, "sealed": bytes(range(256)), "on": True, "at": at}
    kept = {"a": [1, None], "租车": "\"é'\\ 🚗\n"}
    pipeline = Pipeline(raw)
    for number in (1, 2, 3, 2**40):
        assert await pipeline.commit([(_INSERT, bare(row(number, json=kept, **given)))]) == [1]
    cursor = await raw.execute('select text, share, sealed, "on", at, json from kept')
    assert await cursor.fetchall() == [(*given.values(), kept)] * 4


async def test_a_batch_larger_than_what_a_socket_holds_goes_through(raw: Raw) -> None:
    batch = [(_INSERT, row(number, sealed=bytes(300_000))) for number in range(40)]
    assert await Pipeline(raw).commit(batch) == [1] * 40
    assert await count(raw) == 40


async def test_each_says_how_many_rows_it_touched(raw: Raw) -> None:
    put = 'update kept set "on" = %(on)s where number < %(below)s'
    batch = [(_INSERT, row(number)) for number in (1, 2, 2)]
    assert await Pipeline(raw).commit([*batch, (put, {"on": True, "below": 9})]) == [1, 1, 0, 2]


@pytest.mark.parametrize("before", [0, 3])
async def test_one_that_fails_undoes_the_batch_and_the_next_goes_through(raw: Raw, before: int) -> None:
    pipeline = Pipeline(raw)
    for number in range(before):  # then it is prepared
        await pipeline.commit([(_INSERT, row(number))])
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        await pipeline.commit([(_INSERT, row(7)), (_INSERT, row(8, number="x")), (_INSERT, row(9))])
    with pytest.raises(psycopg.DataError, match="NUL"):
        await pipeline.commit([(_INSERT, row(7)), (_INSERT, row(8, text="a\0b"))])
    assert await count(raw) == before
    assert await pipeline.commit([(_INSERT, row(7))]) == [1]


async def test_what_cannot_be_prepared_fails_each_time(raw: Raw) -> None:
    pipeline = Pipeline(raw)
    for _ in range(3):
        with pytest.raises(psycopg.errors.UndefinedTable):
            await pipeline.commit([("delete from nowhere", {})])
    assert await pipeline.commit([(_INSERT, row(1))]) == [1]


async def test_the_connection_is_left_as_it_was(raw: Raw) -> None:
    for _ in range(2):
        pipeline = Pipeline(raw)
        for number in range(3):
            await pipeline.commit([(_INSERT, row(number))])
        assert await (await raw.execute("select count(*) from pg_prepared_statements")).fetchone() == (1,)
        await pipeline.leave()
    assert await (await raw.execute("select count(*) from pg_prepared_statements")).fetchone() == (0,)


async def test_a_connection_that_breaks_is_said_and_left_alone(raw: Raw, database_url: str) -> None:
    pipeline = Pipeline(raw)
    await pipeline.commit([(_INSERT, row(1))])
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as other:
        await other.execute("select pg_terminate_backend(%s, 10000)", [raw.info.backend_pid])
    with pytest.raises(psycopg.OperationalError):
        await pipeline.commit([(_INSERT, row(2))])
    await pipeline.leave()
    assert raw.closed
