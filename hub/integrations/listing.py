"""The call log and the inbox as lists, and what belongs to one call: where it went on to, and what was asked about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import Select, select

from hub.core.effects import Effect
from hub.core.errors import NotFound
from hub.infra.database import Tx
from hub.infra.paging import Count, Order, Slice, Tabs, Window, count, count_by, sliced
from hub.integrations.call_log import CallView, in_scope, shown
from hub.integrations.fates import Fate
from hub.integrations.inbox import DeliveryView, delivery
from hub.integrations.records import InboxDelivery, ProviderCall
from hub.integrations.verdicts import CallState

_CALLS = Order(key=ProviderCall.id, columns={"time": ProviderCall.id}, standard="time")  # ids rise with time
_DELIVERIES = Order(key=InboxDelivery.id, columns={"time": InboxDelivery.id}, standard="time")
_STATES = Tabs(name="state", column=ProviderCall.state, words=CallState, by_keys=frozenset({"instance", "operation"}))
_FATES = Tabs(name="state", column=InboxDelivery.state, words=Fate)
# Those few that somebody must look at have an index; the rest are too many to be counted for every page.
_COUNTED = (CallState.UNKNOWN, CallState.ESCALATED, CallState.INTENT)
_MOST_QUESTIONS = 40
_MOST_IN_CHAIN = 20


async def calls(tx: Tx, window: Window) -> Slice[CallView]:
    """Calls in a window; filters `state`, `instance`, `operation` and `lease_id`."""
    return await sliced(tx, await _wanted(tx, window), _CALLS, window, shown, _STATES)


async def counts_of_calls(tx: Tx, window: Window) -> Mapping[str, Count]:
    """How many calls there are in each state that somebody must look at, under the other filters."""
    query = await _wanted(tx, window)
    return {state.value: await count(tx, query.where(ProviderCall.state == state)) for state in _COUNTED}


async def _wanted(tx: Tx, window: Window) -> Select[ProviderCall]:
    query = await in_scope(tx, select(ProviderCall))
    if instance := window.filters.get("instance"):
        query = query.where(ProviderCall.instance == instance)
    if operation := window.filters.get("operation"):
        query = query.where(ProviderCall.operation == operation)
    if lease_id := window.filters.get("lease_id"):
        query = query.where(ProviderCall.lease_id == UUID(lease_id))
    return query


async def chain(tx: Tx, call: CallView) -> Sequence[CallView]:
    """Every call under the key of this one, in order: where it was tried, and where it went on to."""
    if call.effect == Effect.READ:
        return (call,)
    rows = (await in_scope(tx, select(ProviderCall))).where(
        ProviderCall.operation == call.operation, ProviderCall.idempotency_key == call.idempotency_key
    )
    return [shown(row) for row in await tx.scalars(rows.order_by(ProviderCall.id).limit(_MOST_IN_CHAIN))]


async def questions(tx: Tx, call: CallView) -> Sequence[CallView]:
    """What the provider was asked afterwards about this call, in order; `reconcile` makes the keys."""
    keys = [f"{call.id}:{number}" for number in range(_MOST_QUESTIONS)]
    rows = (await in_scope(tx, select(ProviderCall))).where(
        ProviderCall.instance == call.instance, ProviderCall.sent_key.in_(keys)
    )
    return [shown(row) for row in await tx.scalars(rows.order_by(ProviderCall.id).limit(_MOST_QUESTIONS))]


async def deliveries(tx: Tx, window: Window) -> Slice[DeliveryView]:
    """Stored callbacks in a window; filters `state` and `instance`."""
    return await sliced(tx, _of_instance(window), _DELIVERIES, window, delivery, _FATES)


async def counts_of_deliveries(tx: Tx, window: Window) -> Mapping[str, Count]:
    """How many callbacks there are in each state, under the other filters."""
    return await count_by(tx, _of_instance(window), _FATES)


def _of_instance(window: Window) -> Select[InboxDelivery]:
    query = select(InboxDelivery)
    if instance := window.filters.get("instance"):
        query = query.where(InboxDelivery.instance == instance)
    return query


async def get_delivery(tx: Tx, delivery_id: UUID) -> DeliveryView:
    """One stored callback; raises NotFound."""
    row = await tx.get(InboxDelivery, delivery_id)
    if row is None:
        raise NotFound("webhook_inbox", delivery_id)
    return delivery(row)
