"""The inbox: the one way in for providers' callbacks.

A callback is verified by its instance's plugin, stored once, and only then answered. It is applied later, in batches,
and decides nothing itself: an event only wakes a question about the call that it belongs to. What belongs to no call
of ours (a position, an alarm) is told to the rooms. Nothing that was verified is thrown away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from hub.core.errors import NotFound
from hub.core.json import JsonValue
from hub.core.ports.webhooks import WebhookDelivery, WebhookEvent, WebhookReply, WebhookRequest
from hub.infra import audit
from hub.infra.database import Database, Tx
from hub.infra.logs import logger
from hub.infra.masking import masked
from hub.infra.statements import bare, compiled
from hub.integrations import wire
from hub.integrations.applying import apply_due
from hub.integrations.custody import WATCH
from hub.integrations.plugins import WEBHOOK, Receive, shown
from hub.integrations.records import InboxDelivery
from hub.integrations.registry import Registry

__all__ = ["INBOX_APPLY", "apply_due", "receive", "replay"]

INBOX_APPLY = "inbox.apply"
LONGEST_BODY = 1_000_000  # bytes
_LONGEST_KEY = 255
_REQUEST = "webhook_inbox.request"

_COLUMNS = [column.name for column in sa.inspect(InboxDelivery).columns if column.name != "applied_at"]
_NEW = compiled(insert(InboxDelivery).on_conflict_do_nothing(index_elements=["instance", "event_key"]), _COLUMNS)

_NOT_HERE = WebhookReply(status=404, body=b"not found")
_TOO_LARGE = WebhookReply(status=413, body=b"too large")
_NOT_GENUINE = WebhookReply(status=401, body=b"not verified")


async def receive(database: Database, registry: Registry, *, instance: str, request: WebhookRequest) -> WebhookReply:
    """Take a callback: the provider's own kind of yes once it is stored, a refusal when it is not genuine.

    A duplicate is answered like the first and stored once. Of what is refused nothing is kept.
    """
    if len(request.body) > LONGEST_BODY:
        return _TOO_LARGE
    found = registry.current.instances.get(instance)
    if found is None or found.receive is None:
        return _NOT_HERE
    delivery = read(found.receive, request, instance)
    if delivery is None:
        return _NOT_GENUINE
    await _store(database, instance, request, delivery)
    return delivery.reply


def read(receiver: Receive, request: WebhookRequest, instance: str) -> WebhookDelivery | None:
    """What the plugin makes of a callback; None unless it is verified, whatever the plugin does."""
    try:
        with WATCH.over(instance, WEBHOOK):
            said = receiver(request)
        delivery = wire.checked_delivery(said)
    except BaseException as error:
        logger("inbox").warning("callback_unreadable", instance=instance, error=shown(error))
        return None
    if not delivery.verified:
        logger("inbox").info("callback_refused", instance=instance, reason=delivery.reason)
        return None
    return delivery


def event_key(request: WebhookRequest, events: Sequence[WebhookEvent]) -> str:
    """What makes a callback the same one again: the vendor's event ids, or else its very bytes, within a day."""
    ids = [event.event_id for event in events if event.event_id]
    if events and len(ids) == len(events):
        key = "\n".join(ids)
        return key if len(key) <= _LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()
    asked = repr((request.method, request.path, sorted(request.query.items()))).encode()
    return f"{hashlib.sha256(asked + request.body).hexdigest()}:{request.received_at.date().isoformat()}"


async def _store(database: Database, instance: str, request: WebhookRequest, delivery: WebhookDelivery) -> None:
    """One row for each callback, however often and at once it comes; committed when this returns."""
    row_id = database.ids.new()
    row: dict[str, object] = {
        "id": row_id,
        "instance": instance,
        "event_key": event_key(request, delivery.events),
        "received_at": request.received_at,
        "method": request.method[:8],
        "path": request.path[:255],
        "headers": masked(request.headers),
        "request_sealed": database.vault.seal(wire.to_text(request), column=_REQUEST, row=row_id),
        "verified": True,
        "events": wire.events_to_json(delivery.events),
        "state": "received",
        "apply_at": request.received_at,
        "tries": 0,
        "error": "",
        "replayed_count": 0,
    }
    database.fault("commit")
    if await database.scribe.write(_NEW, bare(row)):
        await database.jobs.wake_soon(INBOX_APPLY)


async def replay(tx: Tx, registry: Registry, *, inbox_id: UUID) -> None:
    """Apply a stored callback again, read anew by the plugin as it is now; an operator's command. Raises NotFound."""
    row = await tx.get(InboxDelivery, inbox_id, with_for_update=True)
    if row is None:
        raise NotFound("webhook_inbox", inbox_id)
    found = registry.current.instances.get(row.instance)
    if found is not None and found.receive is not None:
        stored = tx.vault.open(row.request_sealed, column=_REQUEST, row=row.id)
        request = wire.request_from(WebhookRequest, stored)
        assert isinstance(request, WebhookRequest)
        if (delivery := read(found.receive, request, row.instance)) is not None:
            row.events = wire.events_to_json(delivery.events)
    row.state, row.error, row.tries = "received", "", 0
    row.apply_at, row.replayed_count = tx.now, row.replayed_count + 1
    await audit.record(tx, action="callback.replayed", subject="webhook_inbox", subject_id=inbox_id)
    await tx.jobs.enqueue(tx, INBOX_APPLY, key=INBOX_APPLY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """What of an instance's callbacks is not applied yet: how many, and since when the oldest is due."""

    instance: str
    waiting: int
    due_since: datetime


async def lag(tx: Tx) -> list[Lag]:
    """Every instance whose callbacks wait to be applied."""
    waits = select(InboxDelivery.instance, func.count(), func.min(InboxDelivery.apply_at))
    rows = await tx.execute(waits.where(InboxDelivery.apply_at.is_not(None)).group_by(InboxDelivery.instance))
    return [Lag(instance=name, waiting=waiting, due_since=since) for name, waiting, since in rows if since is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """A stored callback as an operator sees it."""

    id: UUID
    instance: str
    received_at: datetime
    events: JsonValue
    state: str
    tries: int
    applied_at: datetime | None
    error: str
    replayed_count: int
    path: str = ""
    headers: JsonValue = None
    apply_at: datetime | None = None


async def deliveries(
    tx: Tx, *, instance: str | None = None, after: UUID | None = None, limit: int = 50
) -> list[DeliveryView]:
    """A page of stored callbacks, newest first; `after` is the last id of the page before."""
    rows = select(InboxDelivery).order_by(InboxDelivery.id.desc()).limit(limit)
    if instance is not None:
        rows = rows.where(InboxDelivery.instance == instance)
    if after is not None:
        rows = rows.where(InboxDelivery.id < after)
    return [delivery(row) for row in await tx.scalars(rows)]


def delivery(row: InboxDelivery) -> DeliveryView:
    """A stored callback as an operator sees it."""
    return DeliveryView(
        id=row.id,
        instance=row.instance,
        received_at=row.received_at,
        events=row.events,
        state=row.state,
        tries=row.tries,
        applied_at=row.applied_at,
        error=row.error,
        replayed_count=row.replayed_count,
        path=row.path,
        headers=row.headers,
        apply_at=row.apply_at,
    )
