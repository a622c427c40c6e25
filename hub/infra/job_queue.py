"""The queue of jobs as somebody sees it who watches: what waits and for how long, and whether anybody works.

Only looked at here; asking for jobs and working on them is `jobs`.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from hub.infra.database import Tx

# A worker says that it lives every few seconds; one that has been silent for so long does not.
SILENT_AFTER_S = 30.0

_STANDING = text("""
select task_name,
       count(*) filter (where status = 'todo'),
       count(*) filter (where status = 'doing'),
       coalesce(extract(epoch from now() - min(coalesce(scheduled_at, asked_at)) filter (where status = 'todo')), 0)
from procrastinate_jobs
left join lateral (
    select min(at) as asked_at from procrastinate_events where job_id = procrastinate_jobs.id
) asked on true
where status in ('todo', 'doing')
group by task_name
""")
_WORKERS = text(
    "select count(*) from procrastinate_workers where last_heartbeat > now() - make_interval(secs => :silent)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStanding:
    """How many jobs of a task wait and run, and how long the oldest has waited past its time, in seconds."""

    task: str
    waiting: int
    running: int
    oldest_s: float


async def standing(tx: Tx) -> list[TaskStanding]:
    """Every task that has jobs."""
    rows = await tx.execute(_STANDING)
    return [
        TaskStanding(task=task, waiting=waiting, running=running, oldest_s=max(float(oldest), 0.0))
        for task, waiting, running, oldest in rows
    ]


async def workers(tx: Tx, *, silent_after_s: float = SILENT_AFTER_S) -> int:
    """How many workers live, on whichever machine."""
    return int(await tx.scalar(_WORKERS, {"silent": silent_after_s}) or 0)
