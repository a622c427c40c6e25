"""Reconcile: finds out what became of calls whose outcome is unknown or pending, and never guesses.

It asks the instance that was called, by its own reference or by our key: at 30 s, 5 min, 1 h, 6 h, then daily, and at
once when a callback comes in or a lease is opened. "No record" counts only after the settle window and twice in a
row; then the same key goes to the same provider once more, if that promises to execute a key once, else a person
decides. Asking happens with no transaction open; what was learned is written under a lock on the call, and only
forward.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never
from uuid import UUID

import sqlalchemy as sa

from hub.core.effects import Effect
from hub.core.errors import Conflict, InvalidInput, NotFound, RetryAdvice, UnknownOutcome
from hub.core.hookspecs import OPERATIONS
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.sms import MessageRequest
from hub.core.provider import OperationFacts
from hub.infra import audit
from hub.infra.access import system
from hub.infra.crash import crash_point
from hub.infra.database import Database, Tx
from hub.infra.logs import logger
from hub.integrations import wire
from hub.integrations.answers import Ask, CallOutcome
from hub.integrations.call_book import request_of, result_columns, result_of
from hub.integrations.errands import Ended, asked_by_receiver
from hub.integrations.executor import Executor
from hub.integrations.facts import OutcomeEscalated, OutcomeKnown
from hub.integrations.plugins import shown
from hub.integrations.pursuit import Learned, Pursuit, Turn, after_question, after_second_send, not_kept, settled, taken
from hub.integrations.records import ProviderCall
from hub.integrations.verdicts import OPEN_STATES, Asking, CallState, again_at, outcome_of, shows_nothing_of

RECONCILE = "reconcile.tick"
CHUNK = 500
AT_ONCE = 16
_ACTOR = system("reconcile")
_BY_HAND = "decided_by_hand"
# The rest are mere looks, and what the regular turn hands to a person.
_ASKED_AFTER = [name for name, spec in OPERATIONS.items() if spec.status_by]


async def reconcile_due(database: Database, executor: Executor, *, limit: int = CHUNK) -> int:
    """Ask after every call whose time has come, at most `limit`; returns how many were asked after."""
    due = await _claim(database, limit)
    await _each(database, executor, due)
    return len(due)


async def reconcile_now(database: Database, executor: Executor, call_id: UUID, *, named: str | None = None) -> Learned:
    """Ask after one call at once, whatever its turn; one that is still on its way out is left alone.

    `named` is what the provider calls it, as a callback says: for a call whose reference never came.
    """
    async with database.transaction(_ACTOR) as tx:
        call = await tx.get(ProviderCall, call_id)
    if call is None:
        raise NotFound("provider_call", call_id)
    if call.state == CallState.INTENT and call.reconcile_at and call.reconcile_at > database.clock.now():
        return Learned.NOTHING
    return await _ask_after(database, executor, call, named)


async def reconcile_lease(database: Database, executor: Executor, lease_id: UUID) -> int:
    """Ask after the calls of a lease that are unknown, as when somebody opens it; returns how many there were."""
    async with database.transaction(_ACTOR) as tx:
        query = sa.select(ProviderCall).where(
            ProviderCall.lease_id == lease_id,
            ProviderCall.state.in_((CallState.UNKNOWN, CallState.ESCALATED)),
            ProviderCall.operation.in_(_ASKED_AFTER),
        )
        calls = (await tx.scalars(query)).all()
    await _each(database, executor, calls)
    return len(calls)


async def decide_by_hand(
    tx: Tx, *, call_id: UUID, outcome: CallOutcome, reason: str, result: object | None = None
) -> None:
    """A person has found out what became of a call; `result` is the typed result where the outcome is OK.

    Raises Conflict when the outcome is known already, InvalidInput when the decision is incomplete. The key stays
    taken, whatever the outcome: nothing is sent under it again.
    """
    call = await tx.get(ProviderCall, call_id, with_for_update=True)
    if call is None:
        raise NotFound("provider_call", call_id)
    if call.state not in (CallState.UNKNOWN, CallState.ESCALATED, CallState.PENDING):
        raise Conflict(f"nothing is left to decide about this call: it is {call.state}")
    if not reason.strip():
        raise InvalidInput("reason", "a decision by hand needs one")
    _write(tx, call, settled(_pursuit(call), _by_hand(call, outcome, result, reason), tx.now))
    await audit.record(
        tx,
        action="provider_call.decided_by_hand",
        subject="provider_call",
        subject_id=call_id,
        detail={"outcome": outcome.value, "reason": reason},
    )


def _by_hand(call: ProviderCall, outcome: CallOutcome, result: object | None, reason: str) -> Ended:
    match outcome:
        case CallOutcome.OK:
            if not isinstance(result, wire.result_kinds(call.operation)):
                raise InvalidInput("result", f"the result of {call.operation} is needed")
            return Ended(state=CallState.OK, result=result, detail=reason)
        case CallOutcome.REJECTED:
            return Ended(state=CallState.REJECTED, error_code=_BY_HAND, detail=reason)
        case CallOutcome.NOT_EXECUTED:
            return Ended(state=CallState.NOT_EXECUTED, error_code=_BY_HAND, detail=reason)
        case CallOutcome.UNKNOWN:
            raise InvalidInput("outcome", "that is what it is already")
        case _:
            assert_never(outcome)


# Taking calls, and asking after them


async def _claim(database: Database, limit: int) -> list[ProviderCall]:
    """Take what is due and put it off to its next turn, so that nobody else takes it meanwhile."""
    async with database.transaction(_ACTOR) as tx:
        due = (
            sa.select(ProviderCall)
            .where(ProviderCall.reconcile_at <= tx.now)
            .order_by(ProviderCall.reconcile_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        calls = list(await tx.scalars(due))
        for call in calls:
            _pursue(call, taken(_pursuit(call), tx.now))
        return calls


async def _each(database: Database, executor: Executor, calls: Iterable[ProviderCall]) -> None:
    """Ask after each, several at once; one that goes wrong is asked after again later and stops no other."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(call: ProviderCall) -> None:
        async with places:
            try:
                await _ask_after(database, executor, call)
            except Exception as error:
                logger("reconcile").warning("not_reconciled", call_id=str(call.id), error=shown(error))

    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(one(call))


async def _ask_after(database: Database, executor: Executor, call: ProviderCall, named: str | None = None) -> Learned:
    if CallState(call.state) not in OPEN_STATES:
        return Learned.CLOSED
    facts, asking = _way(executor, call)
    found = await _status(database, executor, call, named) if asking is Asking.POSSIBLE else None
    crash_point("reconcile.after_query")
    async with database.transaction(_ACTOR) as tx:
        held = await tx.get_one(ProviderCall, call.id, with_for_update=True)
        turn = after_question(
            _pursuit(held), found=found, known=result_of(tx.vault, held), facts=facts, asking=asking, now=tx.now
        )
        if turn.send_again and held.request_sealed is None:
            turn = not_kept(turn)
        _write(tx, held, turn)
    return await _send_again(database, executor, call) if turn.send_again else turn.learned


def _way(executor: Executor, call: ProviderCall) -> tuple[OperationFacts | None, Asking]:
    """What the vendor promises of the operation, and whether it can be asked."""
    status_by = OPERATIONS[call.operation].status_by
    instance = executor.instance(call.instance) if call.instance else None
    if instance is None or call.operation not in instance.operations:
        return None, Asking.NOT_NOW if status_by else Asking.NEVER
    offered = status_by is not None and status_by in instance.operations
    return instance.operations[call.operation].facts, Asking.POSSIBLE if offered else Asking.NEVER


async def _status(database: Database, executor: Executor, call: ProviderCall, named: str | None) -> object | None:
    """What the instance says became of a call; None when it does not answer.

    What it does not know by its own reference is asked for by our key: the reference may never have been right. Who
    cannot be asked by our key is asked by his own name for it, where a callback has told us; that he has no record
    under such a name proves nothing of the call.
    """
    query = _question(database, executor, call)
    found = await _found(executor, call, query)
    if isinstance(found, NoRecord) and call.provider_ref is not None:
        found = await _found(executor, call, replace(query, provider_ref=None))
    if found is None and named and call.provider_ref is None:
        again = await _found(executor, call, replace(query, provider_ref=named))
        found = None if isinstance(again, NoRecord) else again
    if shows_nothing_of(call.operation, CallState(call.state), found):
        return NoRecord(query=query)
    return found


async def _found(executor: Executor, call: ProviderCall, query: StatusQuery) -> object | None:
    status_by = OPERATIONS[call.operation].status_by
    assert status_by is not None, "asked only where it is possible"
    answer = await executor.inquire(
        Ask(
            operation=status_by,
            request=query,
            key=f"{call.id}:{call.reconcile_count}",
            lease_id=call.lease_id,
            branch=call.branch,
            pin=call.instance,
        )
    )
    return answer.result if answer.outcome is CallOutcome.OK else None


def _question(database: Database, executor: Executor, call: ProviderCall) -> StatusQuery:
    """By reference and key; with receiver and instant where the vendor finds it only by these."""
    query = StatusQuery(provider_ref=call.provider_ref, idempotency_key=call.sent_key)
    instance = executor.instance(call.instance) if call.instance else None
    if instance is None or not asked_by_receiver(instance, OPERATIONS[call.operation]):
        return query
    request = request_of(database.vault, call)
    to = request.to if isinstance(request, MessageRequest) else None
    return replace(query, to=to, sent_at=call.started_at)


async def _send_again(database: Database, executor: Executor, call: ProviderCall) -> Learned:
    """The same request, key and instance, for which the call is proven unknown and which executes a key once."""
    request = request_of(database.vault, call)
    assert request is not None, "kept for as long as it may be sent again"
    crash_point("reconcile.before_send_again")
    ended = await executor.send_again(
        Ask(
            operation=call.operation,
            request=request,
            key=call.idempotency_key,
            lease_id=call.lease_id,
            branch=call.branch,
            pin=call.instance,
        ),
        call.id,
    )
    crash_point("reconcile.after_send_again")
    async with database.transaction(_ACTOR) as tx:
        held = await tx.get_one(ProviderCall, call.id, with_for_update=True)
        held.attempt += 1
        turn = after_second_send(_pursuit(held), ended, tx.now)
        _write(tx, held, turn)
        return turn.learned


# Writing down what was learned: on a locked call, only forward


def _pursuit(call: ProviderCall) -> Pursuit:
    assert call.started_at is not None, "a call that was sent"
    return Pursuit(
        state=CallState(call.state),
        effect=Effect(call.effect),
        started_at=call.started_at,
        reconcile_at=call.reconcile_at,
        reconcile_count=call.reconcile_count,
        no_record_count=call.no_record_count,
        no_record_at=call.no_record_at,
        sent_again_at=call.sent_again_at,
        refusal=_refusal(call),
    )


def _refusal(call: ProviderCall) -> Ended | None:
    """How the latest of several sends was refused: an open call has no other code of the vendor's."""
    if call.state != CallState.UNKNOWN or call.sent_again_at is None or call.error_code in (None, UnknownOutcome.code):
        return None
    advice = RetryAdvice(call.advice) if call.advice else None
    return Ended(state=CallState.REJECTED, error_code=call.error_code, detail=call.detail, advice=advice)


def _pursue(call: ProviderCall, after: Pursuit) -> None:
    if after.state is CallState.UNKNOWN:
        refused = after.refusal
        call.error_code = refused.error_code if refused else UnknownOutcome.code
        call.advice = refused.advice if refused else None
        call.detail = refused.detail if refused else call.detail
    call.state, call.reconcile_at, call.reconcile_count = after.state, after.reconcile_at, after.reconcile_count
    call.no_record_count, call.no_record_at = after.no_record_count, after.no_record_at
    call.sent_again_at = after.sent_again_at


def _write(tx: Tx, call: ProviderCall, turn: Turn) -> None:
    """Write what a turn has made of a call, and tell it to whoever asked."""
    if turn.learned is Learned.CLOSED:
        return
    _pursue(call, turn.after)
    if turn.after.state not in OPEN_STATES:
        call.request_sealed = None
    if turn.cut_off:
        call.error_code, call.detail = UnknownOutcome.code, "cut off"
    if turn.ended is not None:
        _tell_known(tx, call, turn.ended)
    if turn.escalated is not None:
        _tell_escalated(tx, call, turn.escalated)


def _tell_escalated(tx: Tx, call: ProviderCall, reason: str) -> None:
    assert call.instance is not None, "a call that was sent"
    call.detail = reason
    tx.emit(
        OutcomeEscalated(
            call_id=call.id,
            operation=call.operation,
            key=call.idempotency_key,
            instance=call.instance,
            reason=reason,
        )
    )


def _tell_known(tx: Tx, call: ProviderCall, ended: Ended) -> None:
    if ended.result is not None:
        for name, value in result_columns(tx.vault, call.id, ended.result, wire.to_text(ended.result)).items():
            setattr(call, name, value)
    call.error_code, call.detail, call.advice = ended.error_code, ended.detail, ended.advice
    call.finished_at = tx.now
    # One who is still waited for may have to be named again, and what was only announced goes out once more.
    if call.effect != Effect.NOTIFY and again_at(ended.result) is None:
        call.request_sealed = None
    tx.emit(
        OutcomeKnown(
            call_id=call.id,
            operation=call.operation,
            key=call.idempotency_key,
            instance=call.instance,
            outcome=outcome_of(ended.state),
            result=ended.result,
            error_code=ended.error_code,
        )
    )
