"""Sending out what waits: claim a chunk of rows, call with no transaction open, record each answer in its own transaction.

A row is a wish under its own id, which is also its key: whoever takes over the claim of a worker that has died sends
the same again. What is asked, and what an answer means, is the business of the room whose rows they are.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from sqlalchemy import String, and_, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.errors import RetryAdvice
from hub.infra.abreast import abreast
from hub.infra.access import Actor
from hub.infra.crash import crash_point
from hub.infra.database import Database, Tx
from hub.integrations import call_log
from hub.integrations.answers import Answer, Ask, CallOutcome
from hub.integrations.executor import Executor
from hub.integrations.facts import OutcomeKnown

CHUNK = 500
AT_ONCE = 16
# A claim that outlives this belongs to a worker that has died; the same key makes taking it over safe.
CLAIM = timedelta(seconds=45)

REQUESTED, SENT = "requested", "sent"
# Of an index on what waits, by `claimed_until_at`.
WAITING = f"state in ('{REQUESTED}', '{SENT}')"


class Wish:
    """A row that is sent out once: it begins as requested, and is sent while somebody has claimed it."""

    id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(String(20))
    claimed_until_at: Mapped[datetime | None]


_Wish = TypeVar("_Wish", bound=Wish)


@dataclass(frozen=True, slots=True)
class _Errand:
    """A claimed row, what to ask of the provider for it, and how long it is ours."""

    id: UUID
    ask: Ask
    until_at: datetime


async def send_out(
    database: Database,
    executor: Executor,
    record: type[_Wish],
    prepare: Callable[[Tx, _Wish], Awaitable[Ask]],
    take: Callable[[Tx, UUID, Answer], Awaitable[None]],
    *,
    actor: Actor,
    limit: int = CHUNK,
) -> int:
    """Send out the rows of a kind that wait, at most `limit`; returns how many.

    `prepare` says what to ask for a row, `take` writes down what came of it.
    """

    async def one(errand: _Errand) -> None:
        # A call that could outlive the claim would meet whoever takes the row over: it is left to them.
        if database.clock.now() + timedelta(seconds=errand.ask.deadline_s) > errand.until_at:
            return
        answer = await executor.call(errand.ask)
        crash_point("dispatch.before_record")
        async with database.transaction(actor) as tx:
            await take(tx, errand.id, answer)

    return await abreast(await _claim(database, record, prepare, actor, limit), one, at_once=AT_ONCE)


async def _claim(
    database: Database, record: type[_Wish], prepare: Callable[[Tx, _Wish], Awaitable[Ask]], actor: Actor, limit: int
) -> list[_Errand]:
    async with database.transaction(actor) as tx:
        forsaken = and_(record.state == SENT, record.claimed_until_at < tx.now)
        due = (
            select(record)
            .where(or_(record.state == REQUESTED, forsaken))
            .order_by(record.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        rows, until_at = (await tx.scalars(due)).all(), tx.now + CLAIM
        for row in rows:
            row.state, row.claimed_until_at = SENT, until_at
        return [_Errand(row.id, await prepare(tx, row), until_at) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a provider has said of a call, at once or late.

    `given_up`: machines have given the call up by the time that the news is taken, so that a promise in it, which is
    older than that, is worth nothing.
    """

    instance: str | None
    outcome: CallOutcome
    result: object | None
    error_code: str | None
    advice: RetryAdvice | None
    given_up: bool = False

    @classmethod
    def of(cls, answer: Answer, *, given_up: bool = False) -> News:
        """What it said at once."""
        return cls(
            instance=answer.instance,
            outcome=answer.outcome,
            result=answer.result,
            error_code=answer.error_code,
            advice=answer.advice,
            given_up=given_up,
        )

    @classmethod
    def late(cls, fact: OutcomeKnown) -> News:
        """What became known later."""
        return cls(
            instance=fact.instance,
            outcome=fact.outcome,
            result=fact.result,
            error_code=fact.error_code,
            advice=None,
        )


async def as_it_stands(tx: Tx, answer: Answer) -> News:
    """What the provider has said, read again under the lock: whoever asked may have been slower than the pursuit."""
    return News.of(answer, given_up=await call_log.is_escalated(tx, answer.call_id))
