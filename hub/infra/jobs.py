"""Background work behind a thin protocol: asked for in a transaction, run at least once after it has committed.

A job is a wake-up, never a unit of work: it names a task, and the task takes what waits in the rooms' own rows, a
chunk at a time. So a repeated job repeats no effect and a lost one is made good by the next. The engine is
procrastinate, on the same database; its known pitfalls are answered where they would bite.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued, UniqueViolation
from procrastinate.jobs import Job
from psycopg import AsyncConnection
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from hub.core.json import JsonValue
from hub.infra import meters
from hub.infra.logs import correlated, correlation_id, logger
from hub.infra.reach import FORGOTTEN, SILENCE
from hub.infra.tracing import span, traceparent

Task = Callable[[Mapping[str, JsonValue]], Awaitable[None]]

_OPTIONS = f"-c search_path=jobs,public -c timezone=UTC {FORGOTTEN}"
_WISHES = "job_wishes"
_DROPPED = "job_wishes_dropped"
_LONGEST_PAUSE_S = 60
_FAILED_ARE_KEPT_HOURS = 30 * 24

_BRING_FORWARD = """
update procrastinate_jobs set scheduled_at = now() + make_interval(secs => %(delay_s)s::float)
where queueing_lock = %(key)s and status = 'todo' and scheduled_at > now() + make_interval(secs => %(delay_s)s::float)
returning id
"""
_WAITS = """
select exists(select 1 from procrastinate_jobs where queueing_lock = %(key)s and status = 'todo'
and (scheduled_at is null or scheduled_at <= now())) as waits
"""
# The engine's own way back forgets to ask whose job it is: a job that a living worker has just been given would be
# taken from it.
_GIVE_BACK = """
update procrastinate_jobs set status = 'todo', attempts = attempts + 1
where id = %(id)s and status = 'doing' and worker_id is not distinct from %(dead)s
"""
_LEAVE_TO_TWIN = """
delete from procrastinate_jobs where id = %(id)s and status = 'doing' and worker_id is not distinct from %(dead)s
"""
_ANYTHING_READY = """
select exists(select 1 from procrastinate_jobs where status = 'todo'
and (scheduled_at is null or scheduled_at <= now())) as ready
"""

# A job that waits for its hour is not late: the oldest is the one that could have run for the longest time.
_TASKS = """
select task_name,
  count(*) filter (where status = 'todo') as waiting,
  count(*) filter (where status = 'doing') as doing,
  count(*) filter (where status = 'failed') as failed,
  coalesce(max(greatest((args->>'failures')::int, attempts)), 0) as retries,
  min(coalesce(scheduled_at, (select min(at) from jobs.procrastinate_events e where e.job_id = j.id)))
    filter (where status = 'todo' and (scheduled_at is null or scheduled_at <= now())) as oldest_at
from jobs.procrastinate_jobs j
where status in ('todo', 'doing', 'failed')
group by task_name
order by failed desc, retries desc, task_name
"""
_WORKERS = """
select w.id, w.last_heartbeat, count(j.id) as doing
from jobs.procrastinate_workers w
left join jobs.procrastinate_jobs j on j.worker_id = w.id and j.status = 'doing'
group by w.id
order by w.last_heartbeat desc
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """A job that somebody asks for, after so many failures. With a `key`, one waiting job of that key is enough.

    It carries the correlation id of whoever asked, and their span, so that their lines and the job's are found together.
    """

    task: str
    key: str | None = None
    payload: Mapping[str, JsonValue] = field(default_factory=dict)
    delay_s: int = 0
    failures: int = 0
    correlation_id: str | None = field(default_factory=correlation_id)
    traceparent: str | None = field(default_factory=traceparent)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskView:
    """The jobs of one task as they stand. `retries` is the most failures that one of them has behind it."""

    task: str
    waiting: int
    doing: int
    failed: int
    retries: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """A worker by its number: when it last said that it lives, and how many jobs it has in hand."""

    number: int
    heartbeat_at: datetime
    doing: int


async def tasks(tx: AsyncSession) -> list[TaskView]:
    """Every task that has a job, the one with the most failures first."""
    rows = await tx.execute(text(_TASKS))
    return [
        TaskView(
            task=row.task_name,
            waiting=row.waiting,
            doing=row.doing,
            failed=row.failed,
            retries=row.retries,
            oldest_at=row.oldest_at,
        )
        for row in rows
    ]


async def workers(tx: AsyncSession) -> list[WorkerView]:
    """Every worker that the engine knows, the one that was heard last first."""
    rows = await tx.execute(text(_WORKERS))
    return [WorkerView(number=row.id, heartbeat_at=row.last_heartbeat, doing=row.doing) for row in rows]


class Jobs(Protocol):
    """Takes work to be done after a transaction has committed."""

    async def enqueue(
        self,
        tx: AsyncSession,
        task: str,
        payload: Mapping[str, JsonValue] | None = None,
        *,
        key: str | None = None,
        delay_s: int = 0,
    ) -> None:
        """Have `task` run with `payload` once `tx` has committed, not before `delay_s` seconds.

        With a `key`, one waiting job of that key is enough: a second is dropped, and brings the first forward when
        it would run later. A payload carries ids, never personal data.
        """
        ...

    async def deliver(self, tx: AsyncSession) -> None:
        """Write down what `tx` has asked for, as its last act before it commits."""
        ...

    async def make_good(self, tx: AsyncSession) -> None:
        """Ask again, after the commit, for what was dropped because a job of that key was waiting.

        That job may have started before the commit, and have missed what the transaction wrote.
        """
        ...

    async def wake_soon(self, task: str) -> None:
        """Have `task` run for what was just committed: at once, or with those who ask for it in the same moment.

        A wake-up that cannot be asked for is lost, and made good by the task's tick.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a worker looks and says that it lives; seconds."""

    poll_s: float = 1.0  # scheduled jobs and retries wake by polling, and the default is 5
    heartbeat_s: float = 5.0
    stalled_after_s: float = 20.0
    sweep_every_s: float = 10.0
    restart_after_s: float = 1.0
    wake_apart_s: float = 0.03  # between two wake-ups of one task by one process


@dataclass(slots=True)
class _Waking:
    """How the wake-ups of one task stand: whether the next is asked for, whose turn it is, when it may be."""

    asked: bool = False
    free_at: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class ProcrastinateJobs:
    """Jobs on procrastinate, in the schema `jobs` of the same database."""

    def __init__(self, url: str, *, concurrency: int = 8, pace: Pace | None = None) -> None:
        self._concurrency = concurrency
        self._pace = pace or Pace()
        # Its own pool, larger than the concurrency: listening, polling and heartbeats need connections too.
        self._connector = procrastinate.PsycopgConnector(
            conninfo=url, kwargs={"options": _OPTIONS, **SILENCE}, min_size=1, max_size=concurrency + 4
        )
        self._app = procrastinate.App(connector=self._connector)
        self._log = logger("jobs")
        self._timer = time.monotonic
        self._waking: dict[str, _Waking] = {}
        self._turns: set[asyncio.Task[None]] = set()
        self._ticks: list[tuple[Any, str]] = []
        self.register("jobs.forget_failed", self._forget_failed, cron="40 19 * * *")  # 03:40 in Shanghai

    async def open(self) -> None:
        """Open the pool; before anything is enqueued or worked on."""
        await self._app.open_async()

    async def close(self) -> None:
        """Ask for the wake-ups that are still to be asked for, and close the pool."""
        await asyncio.gather(*self._turns, return_exceptions=True)
        await self._app.close_async()

    def register(self, name: str, run: Task, *, cron: str | None = None) -> None:
        """Say what a task does; with `cron` (five fields, and seconds as a sixth at the END) it also runs by the clock.

        A task that raises is tried again after 1, 2, 4 … 60 seconds, for ever.
        """

        async def task(
            context: procrastinate.JobContext,
            timestamp: int | None = None,
            payload: Mapping[str, JsonValue] | None = None,
            failures: int = 0,
            correlation_id: str | None = None,
            traceparent: str | None = None,
        ) -> None:
            with (
                correlated(correlation_id or f"{name}-{context.job.id}"),
                span(f"job {name}", parent=traceparent) as one,
            ):
                if (error := await self._tried(name, run, payload or {})) is None:
                    return
                one.failed(type(error).__name__)
                self._log.warning("jobs.failed", task=name, failures=failures + 1, exc_info=error)
                pause_s = min(2 ** min(failures, 10), _LONGEST_PAUSE_S)
                await self._ask(Wish(name, context.job.queueing_lock, payload or {}, pause_s, failures + 1))

        # The engine's own retry serves jobs that a shutdown has cut off. For failures it would not do: it collides
        # with a waiting twin of the same key, and leaves the job neither running nor waiting.
        made = self._app.task(name=name, retry=True, pass_context=True, queueing_lock=name if cron else None)(task)
        if cron is not None:
            self._ticks.append((made, cron))

    async def _tried(self, name: str, run: Task, payload: Mapping[str, JsonValue]) -> Exception | None:
        """Run a task once; what it raised, if anything."""
        started, failure = self._timer(), None
        try:
            await run(payload)
        except Exception as error:
            failure = error
        meters.job(name, "failed" if failure else "done", self._timer() - started)
        return failure

    # Asking

    async def enqueue(
        self,
        tx: AsyncSession,
        task: str,
        payload: Mapping[str, JsonValue] | None = None,
        *,
        key: str | None = None,
        delay_s: int = 0,
    ) -> None:
        """Remember the wish until the transaction delivers it, so that no job's lock is held while rows are."""
        wishes: list[Wish] = tx.info.setdefault(_WISHES, [])
        wish = Wish(task, key, dict(payload or {}), delay_s)
        if key is None or all(other.key != key for other in wishes):
            wishes.append(wish)

    async def deliver(self, tx: AsyncSession) -> None:
        """Enqueue on the session's own connection, keys in order: two transactions never wait in a ring."""
        wishes: Sequence[Wish] = tx.info.pop(_WISHES, ())
        dropped: list[Wish] = tx.info.setdefault(_DROPPED, [])
        for wish in sorted(wishes, key=lambda one: one.key or ""):
            try:
                # A refused key aborts the transaction that it happens in, so it happens in a savepoint.
                async with tx.begin_nested():
                    await self._defer(wish, await _driver_connection(tx))
            except AlreadyEnqueued:
                await self._bring_forward(wish, await _driver_connection(tx))
                dropped.append(wish)

    async def make_good(self, tx: AsyncSession) -> None:
        """Ask again for what was dropped; a job that still waits will see what was committed."""
        for wish in tx.info.pop(_DROPPED, ()):
            try:
                await self._ask(wish)
            except Exception as error:
                # The transaction is committed, and its caller must hear so; the task's tick makes this good.
                self._log.warning("jobs.wake_up_lost", task=wish.task, error=type(error).__name__)

    async def wake(self, task: str) -> None:
        """Ask for a task outside any transaction; one that waits already is enough."""
        await self._ask(Wish(task, key=task))

    async def wake_soon(self, task: str) -> None:
        """Of those who ask in the same moment one stands for all; nobody waits until the next wake-up may be."""
        standing = self._waking.setdefault(task, _Waking())
        if standing.asked:
            return
        standing.asked = True
        crowded = standing.turn.locked() or standing.free_at > self._timer()
        turn = asyncio.create_task(self._wake_in_turn(task, standing))
        self._turns.add(turn)
        turn.add_done_callback(self._turns.discard)
        if not crowded:
            await turn

    async def _wake_in_turn(self, task: str, standing: _Waking) -> None:
        async with standing.turn:
            pause_s = standing.free_at - self._timer()
            if pause_s > 0:
                await asyncio.sleep(pause_s)
            standing.asked = False  # from here on somebody else's commit may be too late for this one
            try:
                if not await self._waits(task):
                    await self.wake(task)
            except Exception as error:
                self._log.warning("jobs.wake_up_lost", task=task, error=type(error).__name__)
            standing.free_at = self._timer() + self._pace.wake_apart_s

    async def _waits(self, task: str) -> bool:
        """Whether a job of this key waits to be taken at once: it has not looked yet, and will see what is committed."""
        return bool((await self._connector.execute_query_one_async(_WAITS, key=task))["waits"])

    async def _ask(self, wish: Wish) -> None:
        try:
            await self._defer(wish)
        except AlreadyEnqueued:
            await self._bring_forward(wish)

    async def _defer(self, wish: Wish, connection: AsyncConnection[Any] | None = None) -> None:
        payload: Any = dict(wish.payload)
        woken = {"correlation_id": wish.correlation_id, "traceparent": wish.traceparent}
        carried: dict[str, Any] = {name: value for name, value in woken.items() if value is not None}
        await self._app.configure_task(
            wish.task,
            queueing_lock=wish.key,
            connection=connection,
            schedule_in={"seconds": wish.delay_s} if wish.delay_s else None,
        ).defer_async(payload=payload, failures=wish.failures, **carried)

    async def _bring_forward(self, wish: Wish, connection: AsyncConnection[Any] | None = None) -> None:
        when = {"key": wish.key, "delay_s": wish.delay_s}
        if connection is None:
            await self._connector.execute_query_async(_BRING_FORWARD, **when)
        else:
            await self._connector.execute_query_all_async_with_connection(connection, _BRING_FORWARD, **when)

    # Working

    async def work(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; jobs under way are ended first. A database that is away is waited for."""
        while self._ticks:
            task, cron = self._ticks.pop()
            self._app.periodic(cron=cron)(task)
        stopping = asyncio.create_task(stop.wait())
        sweeper = asyncio.create_task(self._sweep())
        try:
            while not stop.is_set():
                await self._work_until(stopping)
        finally:
            await _end(sweeper, stopping)

    async def _work_until(self, stopping: asyncio.Task[bool]) -> None:
        """One worker's life. It ends, often without a word, when it loses the database for a moment."""
        worker = asyncio.create_task(self._run_worker(wait=True))
        try:
            await asyncio.wait({worker, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            [ended] = await _end(worker)
        if not stopping.done():
            self._log.warning("jobs.worker_ended", error=type(ended).__name__)
            await asyncio.wait({stopping}, timeout=self._pace.restart_after_s)

    async def drain(self) -> None:
        """Work until no job is ready, and return: for tests and the demo."""
        while await self._anything_ready():
            await self._run_worker(wait=False)

    async def _anything_ready(self) -> bool:
        return bool((await self._connector.execute_query_one_async(_ANYTHING_READY))["ready"])

    async def _run_worker(self, *, wait: bool) -> None:
        await self._app.run_worker_async(
            wait=wait,
            concurrency=self._concurrency,
            fetch_job_polling_interval=self._pace.poll_s,
            update_heartbeat_interval=self._pace.heartbeat_s,
            stalled_worker_timeout=self._pace.stalled_after_s,
            install_signal_handlers=False,
            listen_notify=wait,
            delete_jobs="successful",  # history is in the rooms' rows
            shutdown_graceful_timeout=10,
        )

    async def _sweep(self) -> None:
        """Give the jobs of dead workers to living ones. Not a job itself: it would stall with the rest."""
        while True:
            try:
                for job in await self._app.job_manager.get_stalled_jobs(
                    seconds_since_heartbeat=self._pace.stalled_after_s
                ):
                    await self._give_back(job)
            except Exception as error:
                self._log.warning("jobs.sweep_failed", error=type(error).__name__)
            await asyncio.sleep(self._pace.sweep_every_s)

    async def _give_back(self, job: Job) -> None:
        """Have a stalled job run again, or leave it to the twin of the same key that waits already."""
        whose = {"id": job.id, "dead": job.worker_id}
        try:
            await self._connector.execute_query_async(_GIVE_BACK, **whose)
        except UniqueViolation:
            await self._connector.execute_query_async(_LEAVE_TO_TWIN, **whose)
        self._log.warning("jobs.taken_over", task=job.task_name)

    async def _forget_failed(self, _: Mapping[str, JsonValue]) -> None:
        """Delete jobs whose task nobody knew; the rest is deleted as it is done, for a big table is a slow one."""
        await self._app.job_manager.delete_old_jobs(
            nb_hours=_FAILED_ARE_KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
        )


async def _driver_connection(tx: AsyncSession) -> AsyncConnection[Any]:
    """The connection that the transaction is on, as the driver knows it; a savepoint is set by asking for it."""
    raw = (await (await tx.connection()).get_raw_connection()).driver_connection
    assert isinstance(raw, AsyncConnection)
    return raw


async def _end(*tasks: asyncio.Task[Any]) -> list[Any]:
    """Cancel these and wait for them; returns what each came to."""
    for task in tasks:
        task.cancel()
    return await asyncio.gather(*tasks, return_exceptions=True)
