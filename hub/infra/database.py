"""The database: engine, the transaction `Tx` that every service is handed, the column types and checks of the trade.

A door or a job opens a transaction with `Database.transaction`, services work in it, facts emitted in it wake their
listeners in it, and it commits once, whole. Services never commit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

import psycopg
from pydantic import TypeAdapter
from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    DateTime,
    MetaData,
    Numeric,
    QueuePool,
    Uuid,
    cast,
    column,
    func,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.event import listen
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from hub.core.events import Fact
from hub.core.money import Money
from hub.core.provider import Clock
from hub.infra.access import Actor
from hub.infra.clock import Ids, business_date
from hub.infra.jobs import Jobs
from hub.infra.reach import FORGOTTEN, SILENCE
from hub.infra.scribe import Scribe
from hub.infra.vault import Vault

# One company, one database, one functional currency (IAS 21.8): what every amount column is in.
FUNCTIONAL_CURRENCY = "CNY"

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

_Value = TypeVar("_Value")


class Amount(TypeDecorator[Money]):
    """Money in the functional currency, stored as numeric(18,2)."""

    impl = Numeric(18, 2)
    cache_ok = True

    def process_bind_param(self, value: Money | None, dialect: Dialect) -> Decimal | None:
        """Money to an exact number; another currency is refused."""
        if value is None:
            return None
        if value.currency != FUNCTIONAL_CURRENCY:
            raise ValueError(f"the books are in {FUNCTIONAL_CURRENCY}, not {value.currency}")
        return value.amount

    def process_result_value(self, value: Any, dialect: Dialect) -> Money | None:
        """An exact number to Money."""
        return None if value is None else Money.of(value, FUNCTIONAL_CURRENCY)


class Stored(TypeDecorator[_Value], Generic[_Value]):
    """A frozen value of some rules as one jsonb column: exact amounts and rates, checked when it is read."""

    impl = JSONB
    cache_ok = True

    def __init__(self, kind: type[_Value]) -> None:
        super().__init__()
        self.kind = kind
        self._adapter = TypeAdapter(kind)

    def process_bind_param(self, value: _Value | None, dialect: Dialect) -> Any:
        """The value as JSON."""
        return None if value is None else self._adapter.dump_python(value, mode="json")

    def process_result_value(self, value: Any, dialect: Dialect) -> _Value | None:
        """The value again."""
        return None if value is None else self._adapter.validate_python(value)


class Base(DeclarativeBase):
    """Base of every record; names of constraints are fixed, so migrations can address them."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {Money: Amount(), datetime: DateTime(timezone=True), UUID: Uuid()}


def one_of(column: str, words: type[StrEnum]) -> CheckConstraint:
    """The constraint that keeps a column to the words of an enum, called after the column."""
    return CheckConstraint(f"{column} in ({', '.join(repr(word.value) for word in words)})", name=column)


def _hold_key(contract_id: UUID) -> int:
    """The lock's number: the random half of a UUIDv7."""
    return int.from_bytes(contract_id.bytes[8:], "big", signed=True)


class Tx(AsyncSession):
    """One transaction of the business: the session, who acts, when, and the facts that it has brought about."""

    actor: Actor
    clock: Clock
    ids: Ids
    vault: Vault
    jobs: Jobs
    facts: deque[Fact]
    after_commit: list[Callable[[], None]]

    @property
    def now(self) -> datetime:
        """The present instant by the transaction's clock."""
        return self.clock.now()

    @property
    def today(self) -> date:
        """The company's business date."""
        return business_date(self.clock)

    def new_id(self) -> UUID:
        """A fresh UUIDv7."""
        return self.ids.new()

    async def hold(self, contract_id: UUID) -> None:
        """Hold a contract until the transaction ends; the first thing anybody does who moves a contract's money.

        An advisory lock, so that rooms below the contracts room take the very same lock as those above it.
        """
        await self.execute(select(func.pg_advisory_xact_lock(_hold_key(contract_id))))

    async def try_hold(self, contract_ids: Sequence[UUID]) -> list[UUID]:
        """Hold as many of these contracts as nobody else holds; returns those, never waits."""
        keys = {_hold_key(contract_id): contract_id for contract_id in contract_ids}
        key = func.unnest(cast(list(keys), ARRAY(BigInteger))).column_valued("key")
        held = await self.execute(select(key, func.pg_try_advisory_xact_lock(key)))
        return [keys[number] for number, taken in held.all() if taken]

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """A part that may be refused: when it raises, what it wrote, made known and asked for is undone, and no more."""
        facts, after, wishes = list(self.facts), list(self.after_commit), dict(self.info)
        kept = {name: list(value) if isinstance(value, list) else value for name, value in wishes.items()}
        try:
            async with self.begin_nested():
                yield
        except BaseException:
            self.facts, self.after_commit = deque(facts), after
            self.info.clear()
            self.info.update(kept)
            raise

    def emit(self, fact: Fact) -> None:
        """Say that something has happened; its listeners run in this transaction, before it commits."""
        self.facts.append(fact)


_IN_TRANSACTION: ContextVar[bool] = ContextVar("in_transaction", default=False)


def in_transaction() -> bool:
    """Whether this task has a transaction open: then nobody outside may be called."""
    return _IN_TRANSACTION.get()


Listener = Callable[[Tx, Fact], Awaitable[None]]


async def _deaf(tx: Tx, fact: Fact) -> None:
    """Nobody listens: what a database has until the wiring gives it a listener."""


@dataclass(kw_only=True)
class Database:
    """The way to a transaction. `listener` hears every fact; `fault` is the database's seam for tests."""

    engine: AsyncEngine
    clock: Clock
    ids: Ids
    vault: Vault
    jobs: Jobs
    listener: Listener = _deaf
    fault: Callable[[str], None] = lambda point: None

    def __post_init__(self) -> None:
        self._sessions = async_sessionmaker(self.engine, class_=Tx, expire_on_commit=False)
        self.scribe = Scribe(self.engine)

    @asynccontextmanager
    async def transaction(self, actor: Actor) -> AsyncIterator[Tx]:
        """One transaction: commits when the block ends, rolls back when it raises."""
        self.fault("begin")
        outer = _IN_TRANSACTION.get()
        _IN_TRANSACTION.set(True)
        try:
            async with self._open(actor) as tx:
                yield tx
        finally:
            # Put back rather than reset by token: a door may leave the block in another context than it came.
            _IN_TRANSACTION.set(outer)
        await self.jobs.make_good(tx)
        for call in tx.after_commit:
            call()

    @asynccontextmanager
    async def _open(self, actor: Actor) -> AsyncIterator[Tx]:
        async with self._sessions() as tx:
            tx.actor, tx.clock, tx.ids, tx.vault, tx.jobs = actor, self.clock, self.ids, self.vault, self.jobs
            tx.facts, tx.after_commit = deque(), []
            async with tx.begin():
                yield tx
                await self.tell(tx)
                await self.jobs.deliver(tx)
                self.fault("commit")

    async def tell(self, tx: Tx) -> None:
        """Have every fact that the transaction has brought about heard, and those that this brings about."""
        while tx.facts:
            await self.listener(tx, tx.facts.popleft())

    def pool(self) -> PoolStanding:
        """How the connections of this process stand."""
        pool = self.engine.pool
        assert isinstance(pool, QueuePool)
        return PoolStanding(size=pool.size(), in_use=pool.checkedout(), overflow=max(pool.overflow(), 0))

    async def close(self) -> None:
        """Write what waits to be written, and give every connection back."""
        await self.scribe.close()
        await self.engine.dispose()


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolStanding:
    """Connections of one process: kept, lent out just now, and lent out beyond those that are kept."""

    size: int
    in_use: int
    overflow: int


async def horizon_age(tx: Tx) -> float:
    """For how many seconds the oldest writer of the whole server has been at it.

    Every cursor over committed rows waits for it: more than five means that somebody holds a transaction open. A role
    that may not see others' activity (`pg_read_all_stats`) sees only its own.
    """
    age = func.extract("epoch", func.clock_timestamp() - func.min(column("xact_start")))
    writing = column("backend_xid").is_not(None)
    return float(
        await tx.scalar(select(func.coalesce(age, 0)).select_from(table("pg_stat_activity")).where(writing)) or 0
    )


# As long as the server's own limit, where its version has one: PostgreSQL 17.
_LONGEST, _LONGEST_SINCE = "set transaction_timeout = '60s'", 170_000


def make_engine(url: str, *, pool_size: int = 10) -> AsyncEngine:
    """An engine for a libpq URL (`postgresql://…`); jobs' own schema is on the search path."""
    engine = create_async_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=pool_size,
        max_overflow=10,
        pool_pre_ping=True,
        hide_parameters=True,  # what a statement was given stands in no error, and so in no log
        connect_args={"options": f"-c search_path=public,jobs -c timezone=UTC {FORGOTTEN}", **SILENCE},
    )
    listen(engine.sync_engine, "connect", _limit)
    return engine


def _limit(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    """A transaction of a new connection has its longest time; an older server does not know the word."""
    driver = connection.driver_connection
    assert isinstance(driver, psycopg.AsyncConnection)
    if driver.info.server_version >= _LONGEST_SINCE:
        cursor = connection.cursor()
        cursor.execute(_LONGEST)
        cursor.close()
        connection.commit()
