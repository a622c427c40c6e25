"""The call log as people read it: pages of calls by key, counts by outcome, what a person must settle. Masked throughout."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVarTuple
from uuid import UUID

from sqlalchemy import Select, and_, case, func, not_, select

from hub.core.effects import Effect
from hub.core.errors import NotFound
from hub.core.json import JsonValue
from hub.core.money import Money
from hub.infra.database import Tx
from hub.infra.records import Branch
from hub.integrations.records import ProviderCall
from hub.integrations.verdicts import CallState

_Columns = TypeVarTuple("_Columns")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallView:
    """One call: where it went and why, what came of it, and what was said, masked."""

    id: UUID
    operation: str
    effect: str
    instance: str | None
    state: CallState
    attempt: int
    lease_id: UUID | None
    idempotency_key: str
    provider_ref: str | None
    error_code: str | None
    detail: str
    route: JsonValue
    request: JsonValue
    result: JsonValue
    created_at: datetime
    duration_ms: float | None
    reconcile_at: datetime | None
    finished_at: datetime | None = None
    correlation_id: str = ""
    reconcile_count: int = 0
    cost: Money | None = None


async def list_calls(
    tx: Tx,
    *,
    instance: str | None = None,
    operation: str | None = None,
    state: CallState | None = None,
    lease_id: UUID | None = None,
    after: UUID | None = None,
    limit: int = 50,
) -> list[CallView]:
    """A page of calls, newest first; `after` is the last id of the page before."""
    rows = (await in_scope(tx, select(ProviderCall))).order_by(ProviderCall.id.desc()).limit(limit)
    filters = {
        ProviderCall.instance: instance,
        ProviderCall.operation: operation,
        ProviderCall.state: state,
        ProviderCall.lease_id: lease_id,
    }
    for column, wanted in filters.items():
        if wanted is not None:
            rows = rows.where(column == wanted)
    if after is not None:
        rows = rows.where(ProviderCall.id < after)
    return [shown(row) for row in await tx.scalars(rows)]


async def get_call(tx: Tx, call_id: UUID) -> CallView:
    """One call; raises NotFound, also for one of a branch that the actor does not see."""
    row = await tx.scalar(await in_scope(tx, select(ProviderCall).where(ProviderCall.id == call_id)))
    if row is None:
        raise NotFound("provider_call", call_id)
    return shown(row)


async def asked_under(
    tx: Tx, instance: str, operations: Sequence[str], sent_keys: Collection[str]
) -> Mapping[str, UUID]:
    """Whose calls an instance was sent under these keys: the asker's id, by the key as it was sent."""
    rows = select(ProviderCall.sent_key, ProviderCall.idempotency_key).where(
        ProviderCall.instance == instance,
        ProviderCall.sent_key.in_(sent_keys),
        ProviderCall.operation.in_(operations),
    )
    return {sent: UUID(key) for sent, key in await tx.execute(rows)}


async def held_by(tx: Tx, operation: str, key: str) -> UUID | None:
    """The call that speaks for a key, if there is one."""
    rows = select(ProviderCall.id).where(
        ProviderCall.operation == operation, ProviderCall.idempotency_key == key, ProviderCall.holds_key
    )
    found: UUID | None = await tx.scalar(rows)
    return found


async def is_escalated(tx: Tx, call_id: UUID) -> bool:
    """Whether machines have given a call up, so that a person must find out what became of it."""
    state = await tx.scalar(select(ProviderCall.state).where(ProviderCall.id == call_id))
    return state == CallState.ESCALATED


async def in_scope(tx: Tx, rows: Select[*_Columns]) -> Select[*_Columns]:
    """Calls of the actor's branches; a call that belongs to no branch is the whole company's.

    The codes are looked up first: of a branch that is named, the server knows whether it has many calls or few.
    """
    codes = await codes_in_scope(tx)
    return rows if codes is None else rows.where(ProviderCall.branch.in_(codes))


async def codes_in_scope(tx: Tx) -> list[str] | None:
    """The codes of the actor's branches; None for the whole company."""
    if tx.actor.branches is None:
        return None
    return list(await tx.scalars(select(Branch.code).where(Branch.id.in_(tx.actor.branches))))


async def count_by_outcome(tx: Tx) -> Mapping[tuple[str, str], int]:
    """How many calls of each operation ended how: by state, and `declined` for an answer that was a no.

    `known_later`: its end was not known, or still pending, when it was made, and was asked after.
    """
    outcome = case(
        (and_(ProviderCall.state == CallState.OK, ProviderCall.error_code.is_not(None)), "declined"),
        (and_(ProviderCall.state == CallState.OK, ProviderCall.reconcile_count > 0), "known_later"),
        else_=ProviderCall.state,
    ).label("outcome")
    counted = select(ProviderCall.operation, outcome, func.count()).group_by(ProviderCall.operation, outcome)
    rows = await tx.execute(counted.order_by(ProviderCall.operation, outcome))
    return {(operation, ended): count for operation, ended, count in rows}


async def unsettled(tx: Tx) -> Mapping[tuple[str, str], int]:
    """How many calls of each instance have an outcome that nobody knows, by state: `unknown`, `escalated`, `intent`."""
    open_states = (CallState.UNKNOWN, CallState.ESCALATED, CallState.INTENT)
    counted = select(ProviderCall.instance, ProviderCall.state, func.count()).where(ProviderCall.state.in_(open_states))
    rows = await tx.execute(counted.group_by(ProviderCall.instance, ProviderCall.state))
    return {(instance or "", state): count for instance, state, count in rows}


async def open_unknowns(tx: Tx) -> int:
    """How many calls have an outcome that nobody knows; a mere look that failed has left nothing open."""
    open_states = (CallState.UNKNOWN, CallState.ESCALATED, CallState.INTENT)
    mere_look = and_(ProviderCall.effect == Effect.READ, ProviderCall.reconcile_at.is_(None))
    return await tx.scalar(select(func.count()).where(ProviderCall.state.in_(open_states), not_(mere_look))) or 0


def shown(row: ProviderCall) -> CallView:
    """A call as people may read it."""
    return CallView(
        id=row.id,
        operation=row.operation,
        effect=row.effect,
        instance=row.instance,
        state=CallState(row.state),
        attempt=row.attempt,
        lease_id=row.lease_id,
        idempotency_key=row.idempotency_key,
        provider_ref=row.provider_ref,
        error_code=row.error_code,
        detail=row.detail,
        route=row.route,
        request=row.request_masked,
        result=row.result_masked,
        created_at=row.created_at,
        duration_ms=row.duration_ms,
        reconcile_at=row.reconcile_at,
        finished_at=row.finished_at,
        correlation_id=row.correlation_id,
        reconcile_count=row.reconcile_count,
        cost=row.cost_amount,
    )


async def next_look_at(tx: Tx) -> datetime | None:
    """When the next question to a provider is due, None when none is."""
    return await tx.scalar(select(func.min(ProviderCall.reconcile_at)))
