"""The book of calls: an intent is committed before anything is sent, and its end after.

Each entry is one statement in a transaction of its own, so that a call which changes the world costs two durable
round trips, and a read one. What becomes of an open entry later is `reconcile`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from hub.core.errors import RetryAdvice, UnknownOutcome
from hub.core.json import JsonValue
from hub.core.money import Money
from hub.infra.database import FUNCTIONAL_CURRENCY, Database
from hub.infra.statements import bare, compiled
from hub.infra.vault import Vault
from hub.integrations import wire
from hub.integrations.answers import Answer
from hub.integrations.errands import Ended, Errand, Trip, asked_by_receiver, may_be_sent_again
from hub.integrations.pursuit import first_look, intent_until
from hub.integrations.records import ProviderCall
from hub.integrations.routing import RouteDecision
from hub.integrations.verdicts import CallState, again_at, outcome_of, reference_of, subject_of

_RESULT = "provider_call.result"
_REQUEST = "provider_call.request"

_COLUMNS = [column.name for column in sa.inspect(ProviderCall).columns]
_END_COLUMNS = [
    "state",
    "attempt",
    "error_code",
    "detail",
    "advice",
    "finished_at",
    "duration_ms",
    "reconcile_at",
    "result_sealed",
    "result_masked",
    "cost_amount",
    "provider_ref",
    "holds_key",
]


_NOTE = compiled(sa.insert(ProviderCall), _COLUMNS)
_OPEN = compiled(
    insert(ProviderCall).on_conflict_do_nothing(
        index_elements=[ProviderCall.operation, ProviderCall.idempotency_key], index_where=sa.text("holds_key")
    ),
    _COLUMNS,
)
# The request is kept only while it may have to be sent again, or its receiver be named; what reconcile has settled meanwhile stays as it is.
_CLOSE = compiled(
    sa.update(ProviderCall)
    .values(request_sealed=sa.case((sa.bindparam("kept", type_=sa.Boolean), ProviderCall.request_sealed)))
    .where(ProviderCall.id == sa.bindparam("call_id", type_=sa.Uuid))
    .where(ProviderCall.state.in_((sa.literal_column("'intent'"), sa.literal_column("'unknown'")))),
    _END_COLUMNS,
)


class CallBook:
    """Writes calls down; each entry is committed when the method that writes it returns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, trip: Trip) -> bool:
        """Write the intent; False when another call holds the key already."""
        row = _wish(trip.errand) | _whereto(trip)
        row |= {
            "holds_key": True,
            "state": CallState.INTENT,
            "provider_ref": subject_of(trip.errand.ask.request),
            "reconcile_at": intent_until(trip.errand.expires_at),
        }
        by_receiver = asked_by_receiver(trip.instance, trip.errand.spec)
        if by_receiver or may_be_sent_again(trip.errand, trip.operation.facts):
            text = wire.to_text(trip.errand.ask.request)
            row["request_sealed"] = self._database.vault.seal(text, column=_REQUEST, row=trip.call_id)
        return await self._write("intent", _OPEN, row) == 1

    async def close(self, trip: Trip, ended: Ended, *, moves_on: bool = False) -> None:
        """Write how the call ended. What was proven not executed, or moves on to another instance, lets go of its key."""
        row = dict.fromkeys(_END_COLUMNS) | {"provider_ref": subject_of(trip.errand.ask.request)}
        row |= end_of(self._database.vault, trip, ended)
        pending = ended.state is CallState.PENDING and asked_by_receiver(trip.instance, trip.errand.spec)
        kept = ended.state is CallState.UNKNOWN or pending or again_at(ended.result) is not None
        row |= {"call_id": trip.call_id, "kept": kept}
        row["holds_key"] = not moves_on and ended.state is not CallState.NOT_EXECUTED
        await self._write("end", _CLOSE, row)

    async def note(self, trip: Trip, ended: Ended, failed_over: list[JsonValue]) -> None:
        """Write down a read that is over."""
        row = _wish(trip.errand) | _whereto(trip) | end_of(self._database.vault, trip, ended)
        if failed_over:
            row["route"] = {**row["route"], "failed_over": failed_over}
        await self._write("note", _NOTE, row)

    async def note_unrouted(self, call_id: UUID, errand: Errand, ended: Ended) -> None:
        """Write down a call that nobody could take."""
        row = _wish(errand) | {"id": call_id, "sent_key": errand.ask.key, "state": ended.state}
        row |= {"error_code": ended.error_code, "detail": ended.detail, "finished_at": errand.asked_at}
        await self._write("note", _NOTE, row)

    async def held(self, operation: str, key: str) -> ProviderCall | None:
        """The call that holds a key."""
        query = sa.select(ProviderCall.__table__).where(
            ProviderCall.operation == operation, ProviderCall.idempotency_key == key, ProviderCall.holds_key
        )
        async with self._database.engine.connect() as connection:
            row = (await connection.execute(query)).mappings().first()
        return None if row is None else ProviderCall(**row)

    async def _write(self, point: str, statement: str, row: Mapping[str, object]) -> int:
        self._database.fault(f"call_book.{point}")
        return await self._database.scribe.write(statement, bare(row))


def answer_of(vault: Vault, call: ProviderCall) -> Answer:
    """What an asker is told of a recorded call."""
    state = CallState(call.state)
    cut_off = state is CallState.INTENT
    return Answer(
        call_id=call.id,
        instance=call.instance,
        outcome=outcome_of(state),
        result=result_of(vault, call),
        error_code=UnknownOutcome.code if cut_off else call.error_code,
        detail="under way, or cut off" if cut_off else call.detail,
        advice=RetryAdvice(call.advice) if call.advice else None,
    )


def result_of(vault: Vault, call: ProviderCall) -> object | None:
    """The typed result of a recorded call, if it has one."""
    if call.result_sealed is None:
        return None
    return wire.result_from(call.operation, vault.open(call.result_sealed, column=_RESULT, row=call.id))


def request_of(vault: Vault, call: ProviderCall) -> object | None:
    """The request of a recorded call, while it is kept."""
    if call.request_sealed is None:
        return None
    kind = wire.request_kind(call.operation)
    return wire.request_from(kind, vault.open(call.request_sealed, column=_REQUEST, row=call.id))


def result_columns(vault: Vault, call_id: UUID, result: object, text: str) -> dict[str, Any]:
    """The columns that a typed result fills; `text` is all of it, as `wire` wrote it."""
    columns = _seen(result) | {"result_sealed": vault.seal(text, column=_RESULT, row=call_id)}
    if reference := reference_of(result):
        columns["provider_ref"] = reference
    return columns


def _seen(result: object) -> dict[str, Any]:
    """What is kept of any result, also of a plain read: what was read belongs to whoever asked for it."""
    return {"result_masked": wire.shown(result), "cost_amount": _cost(result)}


def end_of(vault: Vault, trip: Trip, ended: Ended) -> dict[str, Any]:
    """The columns that the end of a trip fills."""
    assert trip.finished_at is not None, "a trip that has ended"
    columns: dict[str, Any] = {}
    if ended.result is not None and trip.errand.plain_read:
        columns = _seen(ended.result)
    elif ended.result is not None:
        columns = result_columns(vault, trip.call_id, ended.result, trip.answered)
    return columns | {
        "state": ended.state,
        "attempt": trip.attempt,
        "error_code": ended.error_code,
        "detail": ended.detail,
        "advice": ended.advice,
        "finished_at": trip.finished_at,
        "duration_ms": trip.duration_ms,
        "reconcile_at": first_look(trip.errand.effect, ended.state, trip.finished_at, again_at(ended.result)),
    }


def _cost(result: object) -> Money | None:
    """What the call itself cost us, when the provider says so in the currency of the books."""
    cost = getattr(result, "cost", None) or getattr(result, "fee", None)
    return cost if isinstance(cost, Money) and cost.currency == FUNCTIONAL_CURRENCY else None


def _whereto(trip: Trip) -> dict[str, Any]:
    """The columns that say where a call goes, under which key."""
    return {
        "id": trip.call_id,
        "sent_key": trip.sent_key,
        "instance": trip.instance.name,
        "started_at": trip.started_at,
    }


def _wish(errand: Errand) -> dict[str, Any]:
    """Every column, with what is known before anything is sent."""
    ask, decision = errand.ask, errand.decision
    return dict.fromkeys(_COLUMNS) | {
        "tenant": errand.tenant,
        "branch": errand.branch,
        "lease_id": errand.lease_id,
        "correlation_id": errand.correlation_id,
        "operation": ask.operation,
        "capability": errand.spec.capability,
        "effect": errand.effect,
        "idempotency_key": ask.key,
        "holds_key": False,
        "request_hash": errand.request_hash,
        "request_masked": wire.shown(ask.request),
        "generation": errand.generation,
        "route": _shown_route(decision),
        "attempt": 0,
        "detail": "",
        "created_at": errand.asked_at,
        "reconcile_count": 0,
        "no_record_count": 0,
    }


def _shown_route(decision: RouteDecision) -> JsonValue:
    return {
        "ground": decision.ground,
        "candidates": list(decision.candidates),
        "skipped": [{"instance": skip.instance, "reason": skip.reason} for skip in decision.skipped],
    }
