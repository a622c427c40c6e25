"""Jobs: asked for in a transaction, run after it, once a key; and workers that die, stop, or lose the database."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager

import psycopg
import pytest
from sqlalchemy import text

from hub.core.json import JsonValue
from hub.infra.abreast import abreast
from hub.infra.access import Actor
from hub.infra.database import Database
from hub.infra.jobs import Pace, ProcrastinateJobs

Drain = Callable[[], Awaitable[None]]
HASTY = Pace(poll_s=0.1, heartbeat_s=0.3, stalled_after_s=1.5, sweep_every_s=0.3, restart_after_s=0.2)


@pytest.fixture
def ran(jobs: ProcrastinateJobs) -> list[Mapping[str, JsonValue]]:
    """What the task `test.run` was run with."""
    payloads: list[Mapping[str, JsonValue]] = []

    async def run(payload: Mapping[str, JsonValue]) -> None:
        payloads.append(payload)

    jobs.register("test.run", run)
    return payloads


@pytest.fixture
async def hasty(database: Database, database_url: str) -> AsyncIterator[ProcrastinateJobs]:
    """An engine that works on one job at a time, and notices soon that another has died."""
    engine = ProcrastinateJobs(database_url, concurrency=1, pace=HASTY)
    await engine.open()
    yield engine
    await engine.close()


@asynccontextmanager
async def _working(jobs: ProcrastinateJobs) -> AsyncIterator[None]:
    stop = asyncio.Event()
    worker = asyncio.create_task(jobs.work(stop))
    try:
        yield
    finally:
        stop.set()
        await worker


async def _until(done: Callable[[], bool], meanwhile: Drain | None = None) -> None:
    for _ in range(1200):
        if done():
            return
        await asyncio.sleep(0.1)
        if meanwhile is not None:
            await meanwhile()
    raise AssertionError("did not happen")


def _query(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True, options="-c search_path=public,jobs") as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def _put(url: str, task: str, *, name: str, status: str, key: str) -> None:
    """Put a job there that no worker has."""
    args = json.dumps({"payload": {"name": name}})
    _query(
        url,
        "insert into procrastinate_jobs (queue_name, task_name, args, status, queueing_lock)"
        f" values ('default', '{task}', '{args}', '{status}', '{key}')",
    )


# Asking


async def test_a_job_runs_after_its_transaction_has_committed(
    database: Database, drain: Drain, system_actor: Actor, ran: list[object]
) -> None:
    async with database.transaction(system_actor) as tx:
        await tx.jobs.enqueue(tx, "test.run", {"number": 7})
        await drain()
        assert ran == []
    await drain()
    assert ran == [{"number": 7}]


async def test_a_job_of_a_transaction_that_failed_never_runs(
    database: Database, drain: Drain, system_actor: Actor, ran: list[object]
) -> None:
    async def fail() -> None:
        async with database.transaction(system_actor) as tx:
            await tx.jobs.enqueue(tx, "test.run")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    await drain()
    assert ran == []


@pytest.mark.parametrize("key", [None, "one"])
async def test_a_job_of_a_transaction_whose_commit_failed_never_runs(
    database: Database, drain: Drain, system_actor: Actor, ran: list[object], key: str | None
) -> None:
    def lose_the_commit(point: str) -> None:
        if point == "commit":
            raise ConnectionError

    database.fault = lose_the_commit
    with pytest.raises(ConnectionError):
        async with database.transaction(system_actor) as tx:
            await tx.jobs.enqueue(tx, "test.run", key=key)
    await drain()
    assert ran == []


async def test_one_waiting_job_of_a_key_is_enough_and_the_transaction_goes_on(
    database: Database, drain: Drain, system_actor: Actor, ran: list[object]
) -> None:
    for _ in range(3):
        async with database.transaction(system_actor) as tx:
            await tx.jobs.enqueue(tx, "test.run", key="one")
            await tx.jobs.enqueue(tx, "test.run", key="one")
    await drain()
    assert len(ran) == 1


async def test_a_delayed_job_waits_and_an_earlier_wish_of_its_key_brings_it_forward(
    database: Database, drain: Drain, system_actor: Actor, ran: list[object]
) -> None:
    for delay_s, expected in ((3600, 0), (7200, 0), (0, 1)):
        async with database.transaction(system_actor) as tx:
            await tx.jobs.enqueue(tx, "test.run", key="one", delay_s=delay_s)
        await drain()
        assert len(ran) == expected


async def test_a_wish_dropped_for_a_job_that_then_ran_too_early_is_made_good(
    database: Database, jobs: ProcrastinateJobs, drain: Drain, system_actor: Actor, ran: list[object]
) -> None:
    async with database.transaction(system_actor) as tx:
        await tx.jobs.enqueue(tx, "test.run", key="one")
    async with database.transaction(system_actor) as tx:
        await tx.jobs.enqueue(tx, "test.run", key="one")
        await jobs.deliver(tx)
        await drain()  # the waiting job runs, and cannot see what this transaction writes
        assert len(ran) == 1
    await drain()
    assert len(ran) == 2


async def test_a_thousand_wishes_for_few_keys_all_commit_and_no_row_is_left_behind(
    database: Database, jobs: ProcrastinateJobs, errand: str, system_actor: Actor
) -> None:
    """Transactions want the same keys in any order while a worker takes what they write: none dies, none is missed."""

    async def take(payload: Mapping[str, JsonValue]) -> None:
        async with database.transaction(system_actor) as tx:
            await tx.execute(text("update errand set done = true where key = :key and not done"), payload)

    async def want(turn: int) -> None:
        keys = [f"k{(turn * step) % 11}" for step in range(1, 9)]
        async with database.transaction(system_actor) as tx:
            for key in keys:
                await tx.execute(text("insert into errand values (:key, false)"), {"key": key})
                await tx.jobs.enqueue(tx, "test.take", {"key": key}, key=key)

    def all_done() -> bool:
        return _query(errand, "select count(*) from errand where not done") == [(0,)]

    jobs.register("test.take", take)
    async with _working(jobs):
        await abreast(range(150), want, at_once=12)
        await _until(all_done)
    assert _query(errand, "select count(*) from errand") == [(1200,)]


@pytest.fixture
def errand(database: Database, database_url: str) -> Iterator[str]:
    """A table of things to be done; the URL of its database."""
    _query(database_url, "create table errand (key text, done boolean)")
    yield database_url
    _query(database_url, "drop table errand")


# Failing


async def test_a_failing_job_is_tried_again(
    database: Database, jobs: ProcrastinateJobs, drain: Drain, system_actor: Actor
) -> None:
    tries: list[Mapping[str, JsonValue]] = []

    async def run(payload: Mapping[str, JsonValue]) -> None:
        tries.append(payload)
        if len(tries) == 1:
            raise RuntimeError("first try")

    jobs.register("test.fails", run)
    async with database.transaction(system_actor) as tx:
        await tx.jobs.enqueue(tx, "test.fails", {"number": 7})
    await drain()
    assert len(tries) == 1
    await _until(lambda: len(tries) == 2, drain)
    assert tries[1] == {"number": 7}


async def test_a_job_that_fails_while_its_twin_waits_leaves_the_work_to_it(
    database: Database, hasty: ProcrastinateJobs, database_url: str, system_actor: Actor
) -> None:
    tries: list[int] = []

    async def run(payload: Mapping[str, JsonValue]) -> None:
        tries.append(1)
        if len(tries) == 1:
            await hasty.wake("test.twin")
            raise RuntimeError("first try")

    hasty.register("test.twin", run)
    await hasty.wake("test.twin")
    await hasty.drain()
    assert len(tries) == 2
    assert _query(database_url, "select * from procrastinate_jobs") == []


# Workers


async def test_the_clock_starts_a_task_in_a_worker_and_not_in_a_drain(hasty: ProcrastinateJobs) -> None:
    ticks: list[int] = []

    async def tick(payload: Mapping[str, JsonValue]) -> None:
        ticks.append(1)

    hasty.register("test.tick", tick, cron="* * * * * */1")
    await hasty.drain()
    assert ticks == []
    async with _working(hasty):
        await _until(lambda: len(ticks) >= 2)


async def test_a_worker_ends_what_is_under_way_before_it_stops(hasty: ProcrastinateJobs) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def run(payload: Mapping[str, JsonValue]) -> None:
        begun.set()
        await asyncio.sleep(0.5)
        ended.set()

    hasty.register("test.long", run)
    await hasty.wake("test.long")
    async with _working(hasty):
        await begun.wait()
    assert ended.is_set()


async def test_a_worker_outlives_a_database_that_goes_away(
    hasty: ProcrastinateJobs, database_url: str, server_url: Callable[[str], str]
) -> None:
    done: list[int] = []

    async def run(payload: Mapping[str, JsonValue]) -> None:
        done.append(1)

    hasty.register("test.run", run)
    name = str(_query(database_url, "select current_database()")[0][0])
    async with _working(hasty):
        await hasty.wake("test.run")
        await _until(lambda: len(done) == 1)
        try:
            _query(server_url("postgres"), f"alter database {name} allow_connections false")
            for _ in range(5):
                _query(
                    server_url("postgres"),
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    f" where datname = '{name}' and application_name <> 'tests'",
                )
                await asyncio.sleep(0.2)
        finally:
            _query(server_url("postgres"), f"alter database {name} allow_connections true")
        _put(database_url, "test.run", name="later", status="todo", key="later")
        await _until(lambda: len(done) == 2)


async def test_a_stalled_job_whose_twin_waits_does_not_hold_up_the_others(
    hasty: ProcrastinateJobs, database_url: str
) -> None:
    done: list[JsonValue] = []

    async def run(payload: Mapping[str, JsonValue]) -> None:
        done.append(payload["name"])

    hasty.register("test.run", run)
    _put(database_url, "test.run", name="stalled", status="doing", key="one")
    _put(database_url, "test.run", name="twin", status="todo", key="one")
    _put(database_url, "test.run", name="other", status="doing", key="other")
    async with _working(hasty):
        # Whether the stalled one runs as well depends on who comes first, its twin or the sweep.
        await _until(lambda: {"other", "twin"} <= set(done))
        await _until(lambda: _query(database_url, "select * from procrastinate_jobs") == [])


_WORKER = """
import asyncio, sys
import psycopg
from hub.infra.crash import crash_point
from hub.infra.jobs import Pace, ProcrastinateJobs

pace = Pace(poll_s=0.1, heartbeat_s=0.3, stalled_after_s=1.5, sweep_every_s=0.3)
jobs = ProcrastinateJobs(sys.argv[1], concurrency=1, pace=pace)

async def take(payload):
    while True:
        async with await psycopg.AsyncConnection.connect(sys.argv[1]) as connection:
            done = await connection.execute(
                "update proof set times = times + 1 where id in"
                " (select id from proof where times = 0 order by id limit 10 for update skip locked)"
            )
            crash_point("inside")
        if not done.rowcount:
            return
        crash_point("between")

async def main():
    jobs.register("test.take", take)
    await jobs.open()
    await jobs.work(asyncio.Event())

asyncio.run(main())
"""


@pytest.fixture
def proof(database: Database, database_url: str) -> Iterator[str]:
    """A hundred rows that count how often each was worked on; the URL of their database."""
    _query(database_url, "create table proof as select id, 0 as times from generate_series(1, 100) id")
    yield database_url
    _query(database_url, "drop table proof")


@pytest.mark.parametrize("place", ["inside", "between"])
async def test_a_killed_workers_job_is_taken_over_and_every_effect_happens_once(
    hasty: ProcrastinateJobs, proof: str, place: str
) -> None:
    def worker(**environment: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", _WORKER, proof], env=os.environ | environment)

    victim = worker(LEASEHUB_CRASH_AT=place)
    heirs: list[subprocess.Popen[bytes]] = []
    try:
        await hasty.wake("test.take")
        await _until(lambda: victim.poll() is not None)
        assert victim.returncode == -signal.SIGKILL
        done = _query(proof, "select count(*) from proof where times > 0")
        assert done == [(0 if place == "inside" else 10,)]
        heirs = [worker(), worker()]
        await _until(lambda: _query(proof, "select count(*) from proof where times <> 1") == [(0,)])
        await _until(lambda: _query(proof, "select * from procrastinate_jobs") == [])
        assert _query(proof, "select distinct times from proof") == [(1,)]
    finally:
        for process in [victim, *heirs]:
            process.kill()
            process.wait()
