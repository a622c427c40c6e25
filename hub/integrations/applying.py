"""Applying what the inbox has stored: each event wakes a question about its call, and its row says what came of it.

An event may be here before our own call knows the provider's reference, before its answer is written down, or before
the provider's own status has caught up: then it waits and is tried again. One bad event stops no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from hub.core.events import WebhookApplied
from hub.core.ports.webhooks import WebhookEvent, WebhookKind
from hub.infra.access import system
from hub.infra.crash import crash_point
from hub.infra.database import Database, Tx
from hub.integrations import wire
from hub.integrations.executor import Executor
from hub.integrations.facts import NewsAfterwards, ProviderEventReceived
from hub.integrations.fates import AGAIN, UNASKED, Fate, News, fate_of
from hub.integrations.plugins import shown
from hub.integrations.reconcile import AT_ONCE, reconcile_now
from hub.integrations.records import InboxDelivery, ProviderCall
from hub.integrations.verdicts import OPEN_STATES, CallState

CHUNK = 500
_ACTOR = system("inbox")
# Whoever has taken a row to apply it has this long before somebody else may.
_CLAIM = timedelta(minutes=2)
_WORST_FIRST = tuple(Fate)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Delivery:
    """A stored callback in hand."""

    id: UUID
    instance: str
    received_at: datetime
    tries: int
    events: tuple[WebhookEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    """What is to be written about a delivery."""

    delivery: _Delivery
    fate: Fate
    error: str = ""
    afterwards: Sequence[NewsAfterwards] = ()


async def apply_due(database: Database, executor: Executor, *, limit: int = CHUNK) -> int:
    """Apply the callbacks that wait, at most `limit`; returns how many there were."""
    deliveries = await _claim(database, limit)
    if not deliveries:
        return 0
    calls = await _calls_of(database, deliveries)
    news = await _ask(database, executor, calls)
    crash_point("inbox.before_write")
    verdicts = [_judge(delivery, calls, news) for delivery in deliveries]
    await _write_all(database, executor, verdicts)
    return len(deliveries)


async def _claim(database: Database, limit: int) -> list[_Delivery]:
    async with database.transaction(_ACTOR) as tx:
        due = (
            sa.select(InboxDelivery)
            .where(InboxDelivery.apply_at <= tx.now)
            .order_by(InboxDelivery.apply_at, InboxDelivery.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        rows = list(await tx.scalars(due))
        for row in rows:
            row.apply_at, row.tries = tx.now + _CLAIM, row.tries + 1
        return [
            _Delivery(
                id=row.id,
                instance=row.instance,
                received_at=row.received_at,
                tries=row.tries,
                events=wire.events_from_json(row.events),
            )
            for row in rows
        ]


# Whose events they are


@dataclass(frozen=True, slots=True)
class _Calls:
    """The calls that some events may belong to, by instance and reference, and by instance and key.

    `named`: what an event that brings our key calls a call whose reference never came.
    """

    by_ref: Mapping[tuple[str, str], Sequence[ProviderCall]]
    by_key: Mapping[tuple[str, str], Sequence[ProviderCall]]
    named: Mapping[UUID, str]

    def of(self, instance: str, event: WebhookEvent) -> Sequence[ProviderCall]:
        """The calls of one event: the key says it best, for the provider was given it by us."""
        keyed = self.by_key.get((instance, event.subject_key), ()) if event.subject_key else ()
        named = self.by_ref.get((instance, event.subject_ref), ())
        if event.kind is WebhookKind.MANDATE:  # it is asked for by one call and taken back by another
            return [*keyed, *(call for call in named if call not in keyed)]
        return keyed or named

    def open(self) -> set[UUID]:
        """Those of which more may be learned."""
        every = (call for group in (*self.by_ref.values(), *self.by_key.values()) for call in group)
        return {call.id for call in every if CallState(call.state) in OPEN_STATES}


async def _calls_of(database: Database, deliveries: Sequence[_Delivery]) -> _Calls:
    asked = [(one.instance, event) for one in deliveries for event in one.events if event.kind not in UNASKED]
    refs = {(instance, event.subject_ref) for instance, event in asked if event.subject_ref}
    keys = {(instance, event.subject_key) for instance, event in asked if event.subject_key}
    if not refs and not keys:
        return _Calls({}, {}, {})
    named = sa.tuple_(ProviderCall.instance, ProviderCall.provider_ref).in_(refs)
    keyed = sa.tuple_(ProviderCall.instance, ProviderCall.sent_key).in_(keys)
    async with database.transaction(_ACTOR) as tx:
        calls = (await tx.scalars(sa.select(ProviderCall).where(sa.or_(named, keyed)))).all()
    by_ref: dict[tuple[str, str], list[ProviderCall]] = {}
    by_key: dict[tuple[str, str], list[ProviderCall]] = {}
    for call in calls:
        assert call.instance is not None, "found by its instance"
        by_key.setdefault((call.instance, call.sent_key), []).append(call)
        by_ref.setdefault((call.instance, call.provider_ref or ""), []).append(call)
    return _Calls(by_ref, by_key, _named(asked, by_key))


def _named(
    asked: Sequence[tuple[str, WebhookEvent]], by_key: Mapping[tuple[str, str], Sequence[ProviderCall]]
) -> dict[UUID, str]:
    return {
        call.id: event.subject_ref
        for instance, event in asked
        if event.subject_ref and event.subject_key
        for call in by_key.get((instance, event.subject_key), ())
        if call.provider_ref is None
    }


async def _ask(database: Database, executor: Executor, calls: _Calls) -> dict[UUID, News]:
    """Ask once after every open call, several at once, however many events tell of it."""
    places = asyncio.Semaphore(AT_ONCE)
    news: dict[UUID, News] = {}

    async def one(call_id: UUID) -> None:
        async with places:
            try:
                news[call_id] = await reconcile_now(database, executor, call_id, named=calls.named.get(call_id))
            except Exception as error:
                news[call_id] = shown(error)

    async with asyncio.TaskGroup() as group:
        for call_id in calls.open():
            group.create_task(one(call_id))
    return news


# What becomes of them


def _judge(delivery: _Delivery, calls: _Calls, news: Mapping[UUID, News]) -> _Verdict:
    fates = [_fate(delivery, event, calls.of(delivery.instance, event), news) for event in delivery.events]
    fate = min((fate for fate, _ in fates), key=_WORST_FIRST.index, default=Fate.UNMAPPED)
    afterwards = [one for event in delivery.events for one in _afterwards(delivery, event, calls)]
    if afterwards and fate is Fate.STALE:
        fate = Fate.APPLIED
    return _Verdict(
        delivery=delivery, fate=fate, error="; ".join(error for _, error in fates if error), afterwards=afterwards
    )


def _afterwards(delivery: _Delivery, event: WebhookEvent, calls: _Calls) -> list[NewsAfterwards]:
    """What an event makes doubtful that was settled: a mandate that is active may be taken back at any time."""
    if event.kind is not WebhookKind.MANDATE:
        return []
    return [
        NewsAfterwards(
            operation=call.operation,
            key=call.idempotency_key,
            instance=delivery.instance,
            kind=event.kind,
            status=event.status,
        )
        for call in calls.of(delivery.instance, event)
        if call.state == CallState.OK and _says(call) != event.status
    ]


def _fate(
    delivery: _Delivery, event: WebhookEvent, calls: Sequence[ProviderCall], news: Mapping[UUID, News]
) -> tuple[Fate, str]:
    return fate_of(
        event.kind,
        tries=delivery.tries,
        calls=len(calls),
        news=[news[call.id] for call in calls if call.id in news],
        says_so=any(_says(call) == event.status for call in calls),
    )


def _says(call: ProviderCall) -> object:
    """The status word of what we know of a call already."""
    known = call.result_masked
    return (known.get("outcome") or known.get("status")) if isinstance(known, dict) else None


# Writing it down


async def _write_all(database: Database, executor: Executor, verdicts: Sequence[_Verdict]) -> None:
    """In one transaction; when a listener stumbles over something in it, one by one, so that only that one fails."""
    try:
        await _write(database, executor, verdicts)
    except Exception:
        for verdict in verdicts:
            try:
                await _write(database, executor, [verdict])
            except Exception as error:
                failed = _Verdict(delivery=verdict.delivery, fate=Fate.FAILED, error=shown(error))
                await _write(database, executor, [failed])


async def _write(database: Database, executor: Executor, verdicts: Sequence[_Verdict]) -> None:
    async with database.transaction(_ACTOR) as tx:
        await tx.execute(sa.update(InboxDelivery), [_row(tx, verdict) for verdict in verdicts])
        for verdict in verdicts:
            if verdict.fate is not Fate.FAILED and verdict.fate is not Fate.WAITS:
                _emit(tx, verdict.delivery)
                for fact in verdict.afterwards:
                    tx.emit(fact)
    for verdict in verdicts:
        if verdict.fate is not Fate.WAITS:
            _tell(executor, verdict)


def _row(tx: Tx, verdict: _Verdict) -> dict[str, object]:
    waits = verdict.fate is Fate.WAITS
    return {
        "id": verdict.delivery.id,
        "state": verdict.fate.value,
        "error": verdict.error,
        "apply_at": tx.now + AGAIN[verdict.delivery.tries - 1] if waits else None,
        "applied_at": None if waits else tx.now,
    }


def _emit(tx: Tx, delivery: _Delivery) -> None:
    """Tell the rooms what nobody asked for; in the transaction that ends the delivery, so once."""
    for event in delivery.events:
        if event.kind in UNASKED:
            tx.emit(
                ProviderEventReceived(
                    instance=delivery.instance,
                    kind=event.kind,
                    subject_ref=event.subject_ref,
                    status=event.status,
                    detail=event.detail,
                    occurred_at=event.occurred_at or delivery.received_at,
                )
            )


def _tell(executor: Executor, verdict: _Verdict) -> None:
    for event in verdict.delivery.events:
        told = WebhookApplied(
            instance=verdict.delivery.instance,
            event_id=event.event_id or str(verdict.delivery.id),
            kind=event.kind,
            outcome=verdict.fate,
        )
        executor.registry.observe("webhook_applied", told)
