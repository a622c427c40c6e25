"""Jobs: asked for in a transaction, run after it, once a key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from hub.infra.access import Actor
from hub.infra.database import Database
from hub.infra.jobs import ProcrastinateJobs


async def test_a_job_runs_after_its_transaction_has_committed(
    database: Database, jobs: ProcrastinateJobs, drain: Callable[[], Awaitable[None]], system_actor: Actor
) -> None:
    ran: list[object] = []

    async def run(payload: object) -> None:
        ran.append(payload)

    jobs.register("test.run", run)
    async with database.transaction(system_actor) as tx:
        await tx.jobs.enqueue(tx, "test.run", {"number": 7})
        await drain()
        assert ran == []
    await drain()
    assert ran == [{"number": 7}]


async def test_a_job_of_a_transaction_that_failed_never_runs(
    database: Database, jobs: ProcrastinateJobs, drain: Callable[[], Awaitable[None]], system_actor: Actor
) -> None:
    ran: list[object] = []

    async def run(payload: object) -> None:
        ran.append(payload)

    jobs.register("test.run", run)
    with pytest.raises(RuntimeError):
        async with database.transaction(system_actor) as tx:
            await tx.jobs.enqueue(tx, "test.run")
            raise RuntimeError
    await drain()
    assert ran == []


async def test_one_waiting_job_of_a_key_is_enough_and_the_transaction_goes_on(
    database: Database, jobs: ProcrastinateJobs, drain: Callable[[], Awaitable[None]], system_actor: Actor
) -> None:
    ran: list[object] = []

    async def run(payload: object) -> None:
        ran.append(payload)

    jobs.register("test.run", run)
    for _ in range(3):
        async with database.transaction(system_actor) as tx:
            await tx.jobs.enqueue(tx, "test.run", key="one")
            await tx.jobs.enqueue(tx, "test.run", key="one")
    await drain()
    assert len(ran) == 1


async def test_a_failing_job_is_tried_again(
    database: Database, jobs: ProcrastinateJobs, drain: Callable[[], Awaitable[None]], system_actor: Actor
) -> None:
    tries: list[int] = []

    async def run(payload: object) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("first try")

    jobs.register("test.run", run)
    async with database.transaction(system_actor) as tx:
        await tx.jobs.enqueue(tx, "test.run")
    await drain()
    await _until(lambda: len(tries) == 2, drain)


async def _until(done: Callable[[], bool], drain: Callable[[], Awaitable[None]]) -> None:
    for _ in range(60):
        if done():
            return
        await asyncio.sleep(0.1)
        await drain()
    raise AssertionError("did not happen")
