"""The transaction: what commits with it, what rolls back with it, what waits for it, and money in its columns."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from sqlalchemy import Select, Text, cast, literal, select, text
from sqlalchemy.exc import StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.core.events import Fact
from hub.core.money import Money
from hub.infra.access import Actor
from hub.infra.database import Amount, Database, Tx
from hub.infra.records import Branch
from hub.sdk.clock import VirtualClock

ONE, OTHER = UUID(int=1), UUID(int=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(Fact):
    """Something was opened."""

    number: int


def _branch(tx: Tx, code: str) -> None:
    tx.add(Branch(id=tx.new_id(), code=code, name=code, kind="branch", parent_id=None))


async def _codes(database: Database, actor: Actor) -> list[str]:
    async with database.transaction(actor) as tx:
        return sorted(await tx.scalars(select(Branch.code)))


# Commit and rollback


async def test_what_is_written_is_there_when_the_block_ends(database: Database, system_actor: Actor) -> None:
    async with database.transaction(system_actor) as tx:
        _branch(tx, "east")
    assert await _codes(database, system_actor) == ["east"]


async def test_an_error_takes_everything_back(database: Database, system_actor: Actor) -> None:
    async def fail() -> None:
        async with database.transaction(system_actor) as tx:
            _branch(tx, "east")
            await tx.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await _codes(database, system_actor) == []


async def test_a_transaction_knows_who_acts_and_what_day_it_is(
    database: Database, system_actor: Actor, clock: VirtualClock
) -> None:
    clock.move_to(datetime(2026, 1, 31, 16, 30, tzinfo=UTC))  # past midnight in Shanghai
    async with database.transaction(system_actor) as tx:
        assert tx.actor is system_actor
        assert tx.now == datetime(2026, 1, 31, 16, 30, tzinfo=UTC)
        assert tx.today == date(2026, 2, 1)
        assert tx.new_id() < tx.new_id()


# Facts


async def test_a_fact_is_heard_in_its_transaction_and_so_is_what_the_listener_says(
    database: Database, system_actor: Actor
) -> None:
    heard: list[int] = []

    async def listen(tx: Tx, fact: Fact) -> None:
        assert isinstance(fact, Opened)
        heard.append(fact.number)
        _branch(tx, f"b{fact.number}")
        if fact.number == 1:
            tx.emit(Opened(number=3))

    database.listener = listen
    async with database.transaction(system_actor) as tx:
        tx.emit(Opened(number=1))
        tx.emit(Opened(number=2))
        assert heard == []
    assert heard == [1, 2, 3]
    assert await _codes(database, system_actor) == ["b1", "b2", "b3"]


async def test_a_listener_that_fails_takes_the_transaction_with_it(database: Database, system_actor: Actor) -> None:
    async def refuse(tx: Tx, fact: Fact) -> None:
        raise RuntimeError

    async def open_one() -> None:
        async with database.transaction(system_actor) as tx:
            _branch(tx, "east")
            tx.emit(Opened(number=1))

    database.listener = refuse
    with pytest.raises(RuntimeError):
        await open_one()
    assert await _codes(database, system_actor) == []


async def test_observers_are_told_after_the_commit_and_only_then(database: Database, system_actor: Actor) -> None:
    told: list[str] = []

    def lose_the_commit(point: str) -> None:
        if point == "commit":
            raise ConnectionError

    async def open_one(code: str) -> None:
        async with database.transaction(system_actor) as tx:
            _branch(tx, code)
            tx.after_commit.append(lambda: told.append(code))
            await tx.flush()
            assert code not in told

    await open_one("east")
    database.fault = lose_the_commit
    with pytest.raises(ConnectionError):
        await open_one("west")
    assert told == ["east"]


# Holding a contract


async def test_a_held_contract_is_waited_for_until_its_holder_ends(database: Database, system_actor: Actor) -> None:
    order: list[str] = []
    held = asyncio.Event()

    async def first() -> None:
        async with database.transaction(system_actor) as tx:
            await tx.hold(ONE)
            held.set()
            await asyncio.sleep(0.2)
            order.append("first")

    async def second() -> None:
        await held.wait()
        async with database.transaction(system_actor) as tx:
            await tx.hold(ONE)
            order.append("second")

    await asyncio.gather(first(), second())
    assert order == ["first", "second"]


async def test_try_hold_takes_what_is_free_and_never_waits(database: Database, system_actor: Actor) -> None:
    async with database.transaction(system_actor) as holder:
        await holder.hold(ONE)
        async with database.transaction(system_actor) as other:
            assert await other.try_hold([ONE, OTHER]) == [OTHER]
            assert await other.try_hold([]) == []
    async with database.transaction(system_actor) as tx:
        assert set(await tx.try_hold([ONE, OTHER])) == {ONE, OTHER}


async def test_a_balance_under_a_held_contract_loses_no_update(database: Database, system_actor: Actor) -> None:
    async def add_one() -> None:
        async with database.transaction(system_actor) as tx:
            await tx.hold(ONE)
            branch = (await tx.scalars(select(Branch))).one()
            branch.name = str(int(branch.name) + 1)

    async with database.transaction(system_actor) as tx:
        tx.add(Branch(id=tx.new_id(), code="sum", name="0", kind="branch", parent_id=None))
    await asyncio.gather(*(add_one() for _ in range(40)))
    async with database.transaction(system_actor) as tx:
        assert await tx.scalar(select(Branch.name)) == "40"


async def test_a_forgotten_transaction_is_ended_by_the_server(database: Database) -> None:
    async with database.engine.connect() as connection:
        assert await _shown(connection, "idle_in_transaction_session_timeout") == "10s"
        assert await _shown(connection, "timezone") == "UTC"


async def _shown(connection: AsyncConnection, setting: str) -> object:
    return await connection.scalar(text(f"show {setting}"))


# Money in columns


@pytest.mark.parametrize("amount", ["0.00", "-0.01", "1234.56", "9007199254740993.01", "-9999999999999999.99"])
async def test_an_amount_goes_out_and_comes_back_to_the_cent(
    database: Database, system_actor: Actor, amount: str
) -> None:
    async with database.transaction(system_actor) as tx:
        assert await tx.scalar(_as_stored(Money.of(amount))) == Money.of(amount)
        assert await tx.scalar(select(cast(literal(Money.of(amount), Amount()), Text))) == amount


async def test_no_amount_stays_none(database: Database, system_actor: Actor) -> None:
    async with database.transaction(system_actor) as tx:
        assert await tx.scalar(_as_stored(None)) is None


async def test_another_currency_never_gets_into_the_books(database: Database, system_actor: Actor) -> None:
    async with database.transaction(system_actor) as tx:
        with pytest.raises(StatementError, match="the books are in CNY, not USD"):
            await tx.scalar(_as_stored(Money.of("1.00", "USD")))


def _as_stored(money: Money | None) -> Select[tuple[Money]]:
    return select(cast(literal(money, Amount()), Amount()))
