"""What an error of the database says of the database, asked of a real one; and the limits that our connections come with."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from hub.infra.database import Database, make_engine
from hub.infra.reach import is_away


@pytest.mark.parametrize(
    ("statement", "away"),
    [
        ("select pg_terminate_backend(pg_backend_pid())", True),
        ("select 1 / 0", False),
        ("select pg_sleep(60)", False),  # cancelled by us: an operational error, and the server is there
        ("select nothing", False),
    ],
)
async def test_an_error_says_whether_the_server_is_there(database: Database, statement: str, away: bool) -> None:
    async with database.engine.connect() as connection:
        await connection.execute(text("set local statement_timeout = '50ms'"))
        with pytest.raises(DBAPIError) as caught:
            await connection.execute(text(statement))
        await connection.invalidate()
    assert is_away(caught.value) is away


async def test_a_server_that_is_not_there_is_away() -> None:
    engine = make_engine("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(DBAPIError) as caught:
        async with engine.connect():
            pass
    assert is_away(caught.value)


def test_a_pool_that_gives_nothing_is_away_and_our_own_mistakes_are_not() -> None:
    assert is_away(PoolExhausted("no connection has become free"))
    assert not is_away(ValueError("a mistake"))


async def test_our_connections_come_with_their_limits(database: Database) -> None:
    async with database.engine.connect() as connection:
        assert await connection.scalar(text("show idle_in_transaction_session_timeout")) == "10s"
        major = int(await connection.scalar(text("show server_version_num"))) // 10_000
        limit = "select setting || unit from pg_settings where name = 'transaction_timeout' and source = 'session'"
        assert await connection.scalar(text(limit)) == ("60000ms" if major >= 17 else None)


async def test_what_a_statement_was_given_stands_in_no_error(database: Database) -> None:
    async with database.engine.connect() as connection:
        with pytest.raises(DBAPIError) as caught:
            await connection.execute(text("select cast(:phone as uuid)"), {"phone": "13812345678 欧阳"})
    assert "欧阳" not in str(caught.value).partition("invalid input syntax")[0]
    assert "parameters hidden" in str(caught.value)
