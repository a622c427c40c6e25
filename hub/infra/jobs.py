"""Background work behind a thin protocol: asked for in a transaction, run at least once after it has committed.

A job is a wake-up, never a unit of work: it names a task, and the task takes what waits in the rooms' own rows, a
chunk at a time. So a repeated job repeats no effect and a lost one is made good by the next. The engine is
procrastinate, on the same database; its known pitfalls are answered where they would bite.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from psycopg import AsyncConnection

from hub.core.json import JsonValue
from hub.infra.logs import logger

if TYPE_CHECKING:
    from hub.infra.database import Tx

Task = Callable[[Mapping[str, JsonValue]], Awaitable[None]]

_SEARCH_PATH = "-c search_path=jobs,public -c timezone=UTC"
_WISHES = "job_wishes"
_DROPPED = "job_wishes_dropped"


@dataclass(frozen=True, slots=True)
class Wish:
    """A job that a transaction asks for. With a `key`, one waiting job of that key is enough."""

    task: str
    key: str | None = None
    payload: Mapping[str, JsonValue] = field(default_factory=dict)
    delay_s: int = 0


class Jobs(Protocol):
    """Takes work to be done after a transaction has committed."""

    async def enqueue(
        self,
        tx: Tx,
        task: str,
        payload: Mapping[str, JsonValue] | None = None,
        *,
        key: str | None = None,
        delay_s: int = 0,
    ) -> None:
        """Have `task` run with `payload` once `tx` has committed, not before `delay_s` seconds.

        With a `key`, one waiting job of that key is enough: a second is dropped. A payload carries ids, never
        personal data.
        """
        ...

    async def deliver(self, tx: Tx) -> None:
        """Write down what `tx` has asked for, as its last act before it commits."""
        ...

    async def make_good(self, tx: Tx) -> None:
        """Ask again, after the commit, for what was dropped because a job of that key was waiting.

        That job may have started before the commit, and have missed what the transaction wrote.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a worker looks and says that it lives; seconds."""

    poll_s: float = 1.0  # scheduled jobs and retries wake by polling, and the default is 5
    heartbeat_s: float = 5.0
    stalled_after_s: float = 20.0
    sweep_every_s: float = 10.0


class _Backoff(BaseRetryStrategy):
    """Tries a failed job again after 1, 2, 4 … 60 seconds, for ever: what it does is a chunk of waiting rows."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        return RetryDecision(retry_in={"seconds": min(2**job.attempts, 60)})


class ProcrastinateJobs:
    """Jobs on procrastinate, in the schema `jobs` of the same database."""

    def __init__(self, url: str, *, concurrency: int = 8, pace: Pace | None = None) -> None:
        self._concurrency = concurrency
        self._pace = pace or Pace()
        # Its own pool, larger than the concurrency: listening, polling and heartbeats need connections too.
        connector = procrastinate.PsycopgConnector(
            conninfo=url, kwargs={"options": _SEARCH_PATH}, min_size=1, max_size=concurrency + 4
        )
        self._app = procrastinate.App(connector=connector)
        self._log = logger("jobs")

    async def open(self) -> None:
        """Open the pool; before anything is enqueued or worked on."""
        await self._app.open_async()

    async def close(self) -> None:
        """Close the pool."""
        await self._app.close_async()

    def register(self, name: str, run: Task, *, cron: str | None = None) -> None:
        """Say what a task does; with `cron` (five fields, and seconds as a sixth at the END) it also runs by the clock."""

        async def task(timestamp: int | None = None, **payload: JsonValue) -> None:
            await run(payload)

        made = self._app.task(name=name, retry=_Backoff(), queueing_lock=name if cron else None)(task)
        if cron is not None:
            self._app.periodic(cron=cron)(made)

    # Asking

    async def enqueue(
        self,
        tx: Tx,
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

    async def deliver(self, tx: Tx) -> None:
        """Enqueue on the session's own connection, keys in order: two transactions never wait in a ring."""
        wishes: Sequence[Wish] = tx.info.pop(_WISHES, ())
        if not wishes:
            return
        raw = (await (await tx.connection()).get_raw_connection()).driver_connection
        assert isinstance(raw, AsyncConnection)
        dropped = []
        for wish in sorted(wishes, key=lambda one: one.key or ""):
            try:
                # A refused key aborts the transaction that it happens in: it happens in a savepoint.
                async with raw.transaction():
                    await self._defer(wish, raw)
            except AlreadyEnqueued:
                dropped.append(wish)
        tx.info[_DROPPED] = dropped

    async def make_good(self, tx: Tx) -> None:
        """Ask again for what was dropped; a job that still waits will see what was committed."""
        for wish in tx.info.pop(_DROPPED, ()):
            with contextlib.suppress(AlreadyEnqueued):
                await self._defer(wish)

    async def wake(self, task: str) -> None:
        """Ask for a task outside any transaction; one that waits already is enough."""
        with contextlib.suppress(AlreadyEnqueued):
            await self._defer(Wish(task, key=task))

    async def _defer(self, wish: Wish, connection: AsyncConnection[Any] | None = None) -> None:
        await self._app.configure_task(
            wish.task,
            queueing_lock=wish.key,
            connection=connection,
            schedule_in={"seconds": wish.delay_s} if wish.delay_s else None,
        ).defer_async(**wish.payload)  # type: ignore[arg-type]  # their JSON type is a dict of it

    # Working

    async def work(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; jobs under way are ended first."""
        worker = asyncio.create_task(self._run_worker(wait=True))
        sweeper = asyncio.create_task(self._sweep())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({worker, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (sweeper, stopping, worker):
            task.cancel()
        results = await asyncio.gather(worker, sweeper, stopping, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def drain(self) -> None:
        """Work until no job is ready, and return: for tests and the demo."""
        while await self._anything_ready():
            await self._run_worker(wait=False)

    async def _anything_ready(self) -> bool:
        row = await self._app.connector.execute_query_one_async(
            "select exists(select 1 from procrastinate_jobs where status = 'todo'"
            " and (scheduled_at is null or scheduled_at <= now())) as ready"
        )
        return bool(row["ready"])

    async def _run_worker(self, *, wait: bool) -> None:
        await self._app.run_worker_async(
            wait=wait,
            concurrency=self._concurrency,
            fetch_job_polling_interval=self._pace.poll_s,
            update_heartbeat_interval=self._pace.heartbeat_s,
            stalled_worker_timeout=self._pace.stalled_after_s,
            install_signal_handlers=False,
            listen_notify=wait,
            delete_jobs="successful",  # big job tables slow fetching down; history is in the rooms' rows
            shutdown_graceful_timeout=10,
        )

    async def _sweep(self) -> None:
        """Give the jobs of dead workers to living ones. Not a job itself: it would stall with the rest."""
        while True:
            await asyncio.sleep(self._pace.sweep_every_s)
            try:
                await self._take_over()
            except Exception as error:
                self._log.warning("jobs.sweep_failed", error=type(error).__name__)

    async def _take_over(self) -> None:
        manager = self._app.job_manager
        for job in await manager.get_stalled_jobs(seconds_since_heartbeat=self._pace.stalled_after_s):
            # Retrying collides with a waiting twin of the same key, which then does the work: go on with the next.
            try:
                await manager.retry_job(job)
            except AlreadyEnqueued:
                await manager.finish_job(job, status=procrastinate.jobs.Status.FAILED, delete_job=True)
            self._log.warning("jobs.taken_over", task=job.task_name)
