"""Subscriptions and what is said to them: made, changed, told in the business transaction, looked at and replayed.

Sending is `delivery`, in a job of its own and outside any transaction. Nothing here belongs to a branch, so whoever
looks at it or changes it sees the whole company.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update

from hub.core.errors import Conflict, InvalidInput, NotFound
from hub.core.json import JsonValue
from hub.infra import audit
from hub.infra.access import Permission
from hub.infra.database import Tx
from hub.infra.destinations import Destinations
from hub.outgoing import signing
from hub.outgoing.records import PREVIOUS, SECRET, Attempt, Dispatch, Event, Subscription
from hub.outgoing.rules import (
    COLLECTS,
    DELIVER,
    LONGEST_OVERLAP_HOURS,
    MOVES,
    REASON_LENGTH,
    AttemptView,
    DispatchState,
    DispatchView,
    EventType,
    SubscriptionState,
    SubscriptionView,
    wants,
)

_COLLECTING = "webhook_subscriptions"
_READ, _WRITE = Permission.WEBHOOKS_READ, Permission.WEBHOOKS_WRITE
_SUBJECT = "webhook_subscription"


# Telling


async def publish(tx: Tx, event: EventType, data: Mapping[str, JsonValue]) -> None:
    """Tell whoever has subscribed, once the transaction has committed; `data` holds ids, amounts and codes only."""
    wanting = [one for one, types in await _collecting(tx) if wants(types, event)]
    if wanting:
        await _put(tx, event, data, wanting)


async def _collecting(tx: Tx) -> list[tuple[UUID, list[str]]]:
    """Who collects events: asked once a transaction, for a night tells of many."""
    if _COLLECTING not in tx.info:
        query = select(Subscription.id, Subscription.event_types).where(Subscription.state.in_(COLLECTS))
        tx.info[_COLLECTING] = [tuple(row) for row in await tx.execute(query)]
    found: list[tuple[UUID, list[str]]] = tx.info[_COLLECTING]
    return found


async def _put(tx: Tx, event: EventType, data: Mapping[str, JsonValue], to: Collection[UUID]) -> None:
    event_id = tx.new_id()
    told = {"id": str(event_id), "type": event.value, "timestamp": tx.now.isoformat(), "data": dict(data)}
    payload = json.dumps(told, separators=(",", ":"))
    tx.add(Event(id=event_id, type=event, occurred_at=tx.now, payload=payload))
    await tx.flush()
    tx.add_all(
        Dispatch(
            id=tx.new_id(),
            event_id=event_id,
            subscription_id=subscription_id,
            state=DispatchState.WAITING,
            tries=0,
            next_at=tx.now,
        )
        for subscription_id in to
    )
    await tx.jobs.enqueue(tx, DELIVER, key=DELIVER)


# Subscriptions


async def subscribe(
    tx: Tx, destinations: Destinations, *, url: str, event_types: Collection[EventType], description: str = ""
) -> tuple[UUID, str]:
    """Have events sent to a URL; returns the subscription and its secret, which is shown this one time."""
    tx.actor.require_whole_company(_WRITE)
    destinations.check(url, "url")
    subscription_id, secret = tx.new_id(), _fresh_secret()
    tx.add(
        Subscription(
            id=subscription_id,
            url=url,
            description=_short(description, "description"),
            event_types=sorted(event_types),
            state=SubscriptionState.ACTIVE,
            reason="",
            secret_sealed=tx.vault.seal(secret, column=SECRET, row=subscription_id),
            served_until=tx.now,
            created_at=tx.now,
        )
    )
    await _note(tx, "subscribed", subscription_id, url=url)
    return subscription_id, secret


async def change(
    tx: Tx,
    destinations: Destinations,
    *,
    subscription_id: UUID,
    url: str,
    event_types: Collection[EventType],
    description: str,
) -> SubscriptionView:
    """Send to another URL, or of other types; what waits already goes to the new URL."""
    row = await _locked(tx, subscription_id)
    destinations.check(url, "url")
    row.url, row.event_types = url, sorted(event_types)
    row.description = _short(description, "description")
    await _note(tx, "changed", subscription_id, url=url)
    return _view(row)


async def set_state(tx: Tx, *, subscription_id: UUID, state: SubscriptionState, reason: str = "") -> SubscriptionView:
    """Pause a subscription, send to it again, or close it for good; what waits for a closed one is dead."""
    row = await _locked(tx, subscription_id)
    if state not in MOVES[SubscriptionState(row.state)]:
        raise Conflict(f"a subscription that is {row.state} cannot become {state}")
    row.state, row.reason = state, _short(reason, "reason")
    if state is SubscriptionState.CLOSED:
        await bury(tx, subscription_id)
    elif state is SubscriptionState.ACTIVE:
        await tx.jobs.enqueue(tx, DELIVER, key=DELIVER)
    await _note(tx, state.value, subscription_id, reason=reason)
    return _view(row)


async def bury(tx: Tx, subscription_id: UUID) -> None:
    """Give up whatever waits for a subscription that is not sent to any more."""
    waiting = Dispatch.subscription_id == subscription_id, Dispatch.state == DispatchState.WAITING
    await tx.execute(update(Dispatch).where(*waiting).values(state=DispatchState.DEAD, next_at=None))


async def rotate_secret(tx: Tx, *, subscription_id: UUID, overlap_hours: int = 24) -> str:
    """Give a subscription a new secret, shown this one time; the old one signs too for some hours more."""
    row = await _locked(tx, subscription_id)
    if not 0 <= overlap_hours <= LONGEST_OVERLAP_HOURS:
        raise InvalidInput("overlap_hours", f"must be 0 to {LONGEST_OVERLAP_HOURS}")
    secret, old = _fresh_secret(), tx.vault.open(row.secret_sealed, column=SECRET, row=row.id)
    row.secret_sealed = tx.vault.seal(secret, column=SECRET, row=row.id)
    row.previous_secret_sealed = tx.vault.seal(old, column=PREVIOUS, row=row.id) if overlap_hours else None
    row.previous_until = tx.now + timedelta(hours=overlap_hours) if overlap_hours else None
    await _note(tx, "secret_rotated", subscription_id)
    return secret


async def send_test(tx: Tx, *, subscription_id: UUID) -> None:
    """Send a `webhook.test` to this subscription alone."""
    row = await _locked(tx, subscription_id)
    _require_collecting(row)
    await _put(tx, EventType.WEBHOOK_TEST, {"subscription_id": str(subscription_id)}, [subscription_id])


async def subscriptions(tx: Tx, *, after: UUID | None = None, limit: int = 50) -> list[SubscriptionView]:
    """A page of subscriptions by key, oldest first."""
    tx.actor.require_whole_company(_READ)
    rows = select(Subscription).order_by(Subscription.id).limit(limit)
    if after is not None:
        rows = rows.where(Subscription.id > after)
    return [_view(row) for row in await tx.scalars(rows)]


async def get_subscription(tx: Tx, subscription_id: UUID) -> SubscriptionView:
    """One subscription; raises NotFound."""
    tx.actor.require_whole_company(_READ)
    row = await tx.get(Subscription, subscription_id)
    if row is None:
        raise NotFound(_SUBJECT, subscription_id)
    return _view(row)


# Dispatches


async def dispatches(
    tx: Tx,
    *,
    subscription_id: UUID | None = None,
    state: DispatchState | None = None,
    after: UUID | None = None,
    limit: int = 50,
) -> list[DispatchView]:
    """A page of dispatches, newest first; `after` is the last id of the page before."""
    tx.actor.require_whole_company(_READ)
    rows = select(Dispatch, Event).join(Event, Event.id == Dispatch.event_id).order_by(Dispatch.id.desc()).limit(limit)
    if subscription_id is not None:
        rows = rows.where(Dispatch.subscription_id == subscription_id)
    if state is not None:
        rows = rows.where(Dispatch.state == state)
    if after is not None:
        rows = rows.where(Dispatch.id < after)
    return [_dispatch_view(dispatch, event) for dispatch, event in (await tx.execute(rows)).all()]


async def attempts(tx: Tx, dispatch_id: UUID) -> list[AttemptView]:
    """Every attempt to deliver a dispatch, in order; raises NotFound."""
    tx.actor.require_whole_company(_READ)
    if await tx.get(Dispatch, dispatch_id) is None:
        raise NotFound("webhook_dispatch", dispatch_id)
    rows = await tx.scalars(select(Attempt).where(Attempt.dispatch_id == dispatch_id).order_by(Attempt.id))
    return [
        AttemptView(
            id=row.id,
            number=row.number,
            at=row.at,
            status=row.status,
            error=row.error,
            answer=row.answer,
            duration_ms=row.duration_ms,
        )
        for row in rows
    ]


async def replay(tx: Tx, *, dispatch_id: UUID) -> None:
    """Send one dispatch again, whatever became of it."""
    tx.actor.require_whole_company(_WRITE)
    row = await tx.get(Dispatch, dispatch_id, with_for_update=True)
    if row is None:
        raise NotFound("webhook_dispatch", dispatch_id)
    _require_collecting(await _locked(tx, row.subscription_id))
    row.state, row.tries, row.next_at, row.delivered_at = DispatchState.WAITING, 0, tx.now, None
    await _note(tx, "replayed", row.subscription_id, dispatch_id=dispatch_id)
    await tx.jobs.enqueue(tx, DELIVER, key=DELIVER)


async def replay_since(tx: Tx, *, subscription_id: UUID, since: datetime) -> int:
    """Send every dead dispatch of a subscription again whose event is not older; returns how many."""
    row = await _locked(tx, subscription_id)
    _require_collecting(row)
    if since.tzinfo is None:
        raise InvalidInput("since", "must say its time zone, like 2026-01-05T01:00:00Z")
    recent = select(Event.id).where(Event.occurred_at >= since)
    dead = Dispatch.subscription_id == subscription_id, Dispatch.state == DispatchState.DEAD
    again = update(Dispatch).where(*dead, Dispatch.event_id.in_(recent))
    put_back = again.values(state=DispatchState.WAITING, tries=0, next_at=tx.now).returning(Dispatch.id)
    count = len((await tx.execute(put_back)).all())
    await _note(tx, "replayed", subscription_id, since=since, count=count)
    await tx.jobs.enqueue(tx, DELIVER, key=DELIVER)
    return count


# Rows


async def _locked(tx: Tx, subscription_id: UUID) -> Subscription:
    tx.actor.require_whole_company(_WRITE)
    row = await tx.get(Subscription, subscription_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(_SUBJECT, subscription_id)
    if row.state == SubscriptionState.CLOSED:
        raise Conflict("the subscription is closed")
    return row


def _require_collecting(row: Subscription) -> None:
    if row.state not in COLLECTS:
        raise Conflict(f"the subscription is {row.state}: {row.reason}")


def _fresh_secret() -> str:
    return signing.secret_text(secrets.token_bytes(signing.SECRET_BYTES))


def _short(text: str, field: str) -> str:
    if len(text) > REASON_LENGTH:
        raise InvalidInput(field, f"must have at most {REASON_LENGTH} characters")
    return text


async def _note(tx: Tx, action: str, subscription_id: UUID, **detail: object) -> None:
    await audit.record(tx, action=f"webhook.{action}", subject=_SUBJECT, subject_id=subscription_id, detail=detail)


def _view(row: Subscription) -> SubscriptionView:
    return SubscriptionView(
        id=row.id,
        url=row.url,
        description=row.description,
        event_types=row.event_types,
        state=SubscriptionState(row.state),
        reason=row.reason,
        created_at=row.created_at,
        previous_secret_until=row.previous_until,
    )


def _dispatch_view(row: Dispatch, event: Event) -> DispatchView:
    return DispatchView(
        id=row.id,
        subscription_id=row.subscription_id,
        event_id=event.id,
        event_type=EventType(event.type),
        occurred_at=event.occurred_at,
        payload=event.payload,
        state=DispatchState(row.state),
        tries=row.tries,
        next_at=row.next_at,
        delivered_at=row.delivered_at,
    )
