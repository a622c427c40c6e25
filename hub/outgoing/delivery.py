"""The postman: takes what waits, sends it outside any transaction, and writes down what came of each attempt.

A subscription is leased to one job at a time, so a receiver that is slow keeps only its own messages waiting. What was
sent and not written down before a crash is sent again when the lease ends: a receiver may get a message twice.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import httpx
from sqlalchemy import delete, exists, select, update

from hub.infra.access import system
from hub.infra.crash import crash_point
from hub.infra.database import Database, Tx, in_transaction
from hub.infra.destinations import Destinations
from hub.infra.masking import masked_text
from hub.infra.transport import make_client
from hub.outgoing import signing
from hub.outgoing.records import PREVIOUS, SECRET, Attempt, Dispatch, Event, Subscription
from hub.outgoing.rules import (
    COLLECTS,
    DELIVER,
    GONE,
    SNIPPET_LENGTH,
    TIMEOUT_S,
    DispatchState,
    SubscriptionState,
    pause_after,
    taken,
)
from hub.outgoing.service import bury

_ACTOR = system("webhooks")
_SUBSCRIPTIONS, _MESSAGES = 8, 20  # of a round; all of it is sent at once
_LEASE = timedelta(seconds=60)  # longer than a round can take
_REST = timedelta(seconds=60)
_REST_AFTER = 5  # failures of one round, and nothing else in it
_READ_BYTES = 4 * SNIPPET_LENGTH
_DELIVERED_ARE_KEPT, _DEAD_ARE_KEPT = timedelta(days=30), timedelta(days=90)
_CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One dispatch on its way."""

    dispatch_id: UUID
    subscription_id: UUID
    event_id: UUID
    tries: int
    url: str
    secrets: tuple[str, ...] = field(repr=False)
    payload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of sending a letter; `status` is None when there was no answer."""

    letter: Letter
    at: datetime
    status: int | None
    error: str
    answer: str
    duration_ms: int


@dataclass(kw_only=True)
class Postman:
    """Delivers for one process, to public addresses and those that the operator has listed."""

    database: Database
    destinations: Destinations
    timer: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        most = _SUBSCRIPTIONS * _MESSAGES
        limits = httpx.Limits(max_connections=most, max_keepalive_connections=most, keepalive_expiry=4.0)
        self._client = make_client(timeout_s=TIMEOUT_S, limits=limits, destinations=self.destinations)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def deliver_due(self) -> int:
        """One round: what waits for a few subscriptions is sent, all at once; returns how many were tried."""
        async with self.database.transaction(_ACTOR) as tx:
            letters = await _take(tx)
        if not letters:
            return 0
        assert not in_transaction(), "nobody outside is called while a transaction is open"
        outcomes = await asyncio.gather(*(self._send(letter) for letter in letters))
        crash_point("outgoing.before_record")
        async with self.database.transaction(_ACTOR) as tx:
            for subscription_id in sorted({letter.subscription_id for letter in letters}):
                own = [one for one in outcomes if one.letter.subscription_id == subscription_id]
                await _record(tx, subscription_id, own)
        return len(letters)

    async def _send(self, letter: Letter) -> Outcome:
        """One attempt; whatever happens out there is an outcome."""
        started, at = self.timer(), self.database.clock.now()
        status, error, answer = None, "", b""
        message = signing.headers(letter.secrets, message_id=str(letter.event_id), at=at, payload=letter.payload)
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                self._client.stream(
                    "POST",
                    letter.url,
                    content=letter.payload.encode(),
                    headers={"content-type": "application/json", **message},
                ) as response,
            ):
                status = response.status_code
                answer = await _beginning(response)
        except TimeoutError:
            error = f"no answer within {TIMEOUT_S:g} s"
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as failure:
            error = f"{type(failure).__name__}: {failure}"
        return Outcome(
            letter=letter,
            at=at,
            status=status,
            error=masked_text(error)[:200],
            answer=_shown(answer),
            duration_ms=int((self.timer() - started) * 1000),
        )


async def _beginning(response: httpx.Response) -> bytes:
    """As much of an answer as is kept; the rest is not read."""
    read = b""
    async for part in response.aiter_bytes():
        read += part
        if len(read) >= _READ_BYTES:
            break
    return read[:_READ_BYTES]


def _shown(answer: bytes) -> str:
    text = "".join(letter if letter.isprintable() else " " for letter in answer.decode(errors="replace"))
    return masked_text(text)[:SNIPPET_LENGTH]


async def _take(tx: Tx) -> list[Letter]:
    """What waits for subscriptions that no other job is serving; they are leased to this one."""
    waiting = Dispatch.state == DispatchState.WAITING, Dispatch.next_at <= tx.now
    anything = exists().where(Dispatch.subscription_id == Subscription.id, *waiting)
    free = Subscription.state == SubscriptionState.ACTIVE, Subscription.served_until <= tx.now
    rows = await tx.scalars(
        select(Subscription)
        .where(*free, anything)
        .order_by(Subscription.served_until)
        .limit(_SUBSCRIPTIONS)
        .with_for_update(skip_locked=True)
    )
    letters = []
    for row in rows.all():
        row.served_until = tx.now + _LEASE
        due = (
            select(Dispatch, Event.payload)
            .join(Event, Event.id == Dispatch.event_id)
            .where(Dispatch.subscription_id == row.id, *waiting)
            .order_by(Dispatch.next_at, Dispatch.id)
            .limit(_MESSAGES)
        )
        secrets = _secrets(tx, row)
        letters += [_letter(row, dispatch, payload, secrets) for dispatch, payload in (await tx.execute(due)).all()]
    return letters


def _secrets(tx: Tx, row: Subscription) -> tuple[str, ...]:
    """The secrets that sign now: the newest first, the one before it for as long as it was promised."""
    newest = tx.vault.open(row.secret_sealed, column=SECRET, row=row.id)
    if row.previous_secret_sealed is None or row.previous_until is None or row.previous_until <= tx.now:
        return (newest,)
    return newest, tx.vault.open(row.previous_secret_sealed, column=PREVIOUS, row=row.id)


def _letter(row: Subscription, dispatch: Dispatch, payload: str, secrets: tuple[str, ...]) -> Letter:
    return Letter(
        dispatch_id=dispatch.id,
        subscription_id=row.id,
        event_id=dispatch.event_id,
        tries=dispatch.tries,
        url=row.url,
        secrets=secrets,
        payload=payload,
    )


async def _record(tx: Tx, subscription_id: UUID, outcomes: Sequence[Outcome]) -> None:
    """Write down a round for one subscription, and let it go; one whose receiver only fails rests a while."""
    row = await tx.get_one(Subscription, subscription_id, with_for_update=True)
    failed = [one for one in outcomes if not taken(one.status)]
    rests = len(failed) == len(outcomes) >= _REST_AFTER
    row.served_until = tx.now + _REST if rests else tx.now
    for outcome in outcomes:
        await _settle(tx, outcome)
    if any(one.status == GONE for one in outcomes) and row.state != SubscriptionState.CLOSED:
        row.state, row.reason = SubscriptionState.DISABLED, "its receiver answered 410 Gone"
        await tx.flush()
        await bury(tx, subscription_id)
    elif failed:
        await tx.jobs.enqueue(tx, DELIVER, key=DELIVER, delay_s=5)


async def _settle(tx: Tx, outcome: Outcome) -> None:
    """Write down one attempt; a dispatch that somebody has moved on meanwhile stays where it is."""
    letter = outcome.letter
    row = await tx.get_one(Dispatch, letter.dispatch_id, with_for_update=True)
    tx.add(
        Attempt(
            id=tx.new_id(),
            dispatch_id=row.id,
            number=letter.tries + 1,
            at=outcome.at,
            status=outcome.status,
            error=outcome.error,
            answer=outcome.answer,
            duration_ms=outcome.duration_ms,
        )
    )
    if row.state != DispatchState.WAITING or row.tries != letter.tries:
        return
    row.tries += 1
    pause = pause_after(row.tries)
    if taken(outcome.status):
        row.state, row.next_at, row.delivered_at = DispatchState.DELIVERED, None, tx.now
    elif pause is None:
        row.state, row.next_at = DispatchState.DEAD, None
    else:
        row.next_at = tx.now + pause


async def forget(database: Database) -> int:
    """Delete a chunk of what was delivered or given up long ago, and the events that nobody is sent any more."""
    async with database.transaction(_ACTOR) as tx:
        await _bury_strays(tx)
        delivered = (Dispatch.state == DispatchState.DELIVERED) & (Dispatch.delivered_at < tx.now - _DELIVERED_ARE_KEPT)
        dead = (Dispatch.state == DispatchState.DEAD) & (Event.occurred_at < tx.now - _DEAD_ARE_KEPT)
        old = select(Dispatch.id).join(Event, Event.id == Dispatch.event_id).where(delivered | dead).limit(_CHUNK)
        gone = await tx.execute(delete(Dispatch).where(Dispatch.id.in_(old)).returning(Dispatch.event_id))
        events = {event_id for (event_id,) in gone.all()}
        unsent = ~exists().where(Dispatch.event_id == Event.id)
        await tx.execute(delete(Event).where(Event.id.in_(events), unsent))
        return len(events)


async def _bury_strays(tx: Tx) -> None:
    """Give up what a transaction told a subscription that was closed before it committed."""
    ended = select(Subscription.id).where(Subscription.state.not_in(COLLECTS))
    waiting = Dispatch.state == DispatchState.WAITING, Dispatch.subscription_id.in_(ended)
    await tx.execute(update(Dispatch).where(*waiting).values(state=DispatchState.DEAD, next_at=None))
