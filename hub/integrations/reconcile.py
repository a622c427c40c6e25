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
from enum import StrEnum
from typing import Literal, assert_never
from uuid import UUID

import sqlalchemy as sa

from hub.core.effects import Effect
from hub.core.errors import Conflict, InvalidInput, NotFound, UnknownOutcome
from hub.core.hookspecs import OPERATIONS
from hub.core.ports import NoRecord, StatusQuery
from hub.core.provider import OperationFacts
from hub.infra import audit
from hub.infra.access import system
from hub.infra.crash import crash_point
from hub.infra.database import Database, Tx
from hub.infra.logs import logger
from hub.integrations import wire
from hub.integrations.answers import Ask, CallOutcome
from hub.integrations.call_book import request_of, result_columns, result_of
from hub.integrations.errands import Ended
from hub.integrations.executor import Executor
from hub.integrations.facts import OutcomeEscalated, OutcomeKnown
from hub.integrations.plugins import shown
from hub.integrations.records import ProviderCall
from hub.integrations.verdicts import (
    APART,
    OPEN_STATES,
    Asking,
    CallState,
    Search,
    Step,
    after_no_news,
    after_no_record,
    next_check,
    outcome_of,
)

RECONCILE = "reconcile.tick"
CHUNK = 500
AT_ONCE = 16
_ACTOR = system("reconcile")
_BY_HAND = "decided_by_hand"
# The rest are mere looks, and what the regular turn hands to a person.
_ASKED_AFTER = [name for name, spec in OPERATIONS.items() if spec.status_by]


class Learned(StrEnum):
    """What asking after a call once has brought."""

    SETTLED = "settled"
    NEWS = "news"  # more is known than before, but not the end
    NOTHING = "nothing"
    ESCALATED = "escalated"
    CLOSED = "closed"  # there was nothing left to learn


async def reconcile_due(database: Database, executor: Executor, *, limit: int = CHUNK) -> int:
    """Ask after every call whose time has come, at most `limit`; returns how many were asked after."""
    due = await _claim(database, limit)
    await _each(database, executor, due)
    return len(due)


async def reconcile_now(database: Database, executor: Executor, call_id: UUID) -> Learned:
    """Ask after one call at once, whatever its turn; one that is still on its way out is left alone."""
    async with database.transaction(_ACTOR) as tx:
        call = await tx.get(ProviderCall, call_id)
    if call is None:
        raise NotFound("provider_call", call_id)
    if call.state == CallState.INTENT and call.reconcile_at and call.reconcile_at > database.clock.now():
        return Learned.NOTHING
    return await _ask_after(database, executor, call)


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
    _settle(tx, call, _by_hand(call, outcome, result, reason))
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
            call.reconcile_count += 1
            call.reconcile_at = tx.now + next_check(CallState(call.state), Effect(call.effect), call.reconcile_count)
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


async def _ask_after(database: Database, executor: Executor, call: ProviderCall) -> Learned:
    if CallState(call.state) not in OPEN_STATES:
        return Learned.CLOSED
    facts, asking = _way(executor, call)
    found = await _status(executor, call) if asking is Asking.POSSIBLE else None
    crash_point("reconcile.after_query")
    async with database.transaction(_ACTOR) as tx:
        held = await tx.get_one(ProviderCall, call.id, with_for_update=True)
        if CallState(held.state) not in OPEN_STATES:
            return Learned.CLOSED
        learned = _write(tx, held, found, facts, asking)
    return learned if isinstance(learned, Learned) else await _send_again(database, executor, call)


def _way(executor: Executor, call: ProviderCall) -> tuple[OperationFacts | None, Asking]:
    """What the vendor promises of the operation, and whether it can be asked."""
    status_by = OPERATIONS[call.operation].status_by
    instance = executor.instance(call.instance) if call.instance else None
    if instance is None or call.operation not in instance.operations:
        return None, Asking.NOT_NOW if status_by else Asking.NEVER
    offered = status_by is not None and status_by in instance.operations
    return instance.operations[call.operation].facts, Asking.POSSIBLE if offered else Asking.NEVER


async def _status(executor: Executor, call: ProviderCall) -> object | None:
    """What the instance says became of a call; None when it does not answer."""
    status_by = OPERATIONS[call.operation].status_by
    assert status_by is not None, "asked only where it is possible"
    answer = await executor.inquire(
        Ask(
            operation=status_by,
            request=StatusQuery(provider_ref=call.provider_ref, idempotency_key=call.sent_key),
            key=f"{call.id}:{call.reconcile_count}",
            lease_id=call.lease_id,
            branch=call.branch,
            pin=call.instance,
        )
    )
    return answer.result if answer.outcome is CallOutcome.OK else None


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
        if CallState(held.state) not in OPEN_STATES:
            return Learned.CLOSED
        held.attempt += 1
        if ended.state in (CallState.UNKNOWN, CallState.NOT_EXECUTED):
            return Learned.NOTHING  # that it was not executed now says nothing of the first time
        return _settle(tx, held, ended)


# Writing down what was learned: on a locked call, only forward


def _write(
    tx: Tx, call: ProviderCall, found: object | None, facts: OperationFacts | None, asking: Asking
) -> Learned | Literal[Step.SEND_AGAIN]:
    if call.state == CallState.INTENT:
        call.state, call.error_code, call.detail = CallState.UNKNOWN, UnknownOutcome.code, "cut off"
    if isinstance(found, NoRecord):
        assert facts is not None, "it has answered"
        return _take(tx, call, _no_record(tx, call, facts), "the provider has no record of it")
    if found is not None:
        call.no_record_count, call.no_record_at = 0, None
        ended = Ended.with_result(found)
        if ended.state is not CallState.UNKNOWN and found != result_of(tx.vault, call):
            return _settle(tx, call, ended)
    reason = "it cannot be asked after" if asking is Asking.NEVER else "no end of it in sight"
    return _take(tx, call, after_no_news(_search(tx, call), facts, asking), reason)


def _search(tx: Tx, call: ProviderCall) -> Search:
    assert call.started_at is not None, "a call that was sent"
    return Search(
        state=CallState(call.state),
        effect=Effect(call.effect),
        age=tx.now - call.started_at,
        no_records=call.no_record_count,
    )


def _no_record(tx: Tx, call: ProviderCall, facts: OperationFacts) -> Step:
    """Count a "no record", if it is late enough to mean something and not the echo of the last one."""
    late_enough = facts.settle_window is not None and _search(tx, call).age >= facts.settle_window
    if late_enough and (call.no_record_at is None or tx.now - call.no_record_at >= APART):
        call.no_record_count, call.no_record_at = call.no_record_count + 1, tx.now
    return after_no_record(_search(tx, call), facts)


def _take(tx: Tx, call: ProviderCall, step: Step, reason: str) -> Learned | Literal[Step.SEND_AGAIN]:
    """Take the step that the rules give when nothing new was learned."""
    match step:
        case Step.ASK_LATER | Step.LEAVE:
            return Learned.NOTHING
        case Step.SEND_AGAIN:
            # It is about to be sent as if for the first time, and asked after as soon, whether or not we live to see it.
            call.no_record_count, call.no_record_at, call.reconcile_count = 0, None, 0
            call.reconcile_at = tx.now + next_check(CallState.UNKNOWN, Effect(call.effect))
            return step
        case Step.LET_GO:
            call.state, call.reconcile_at = CallState.OK, None
            return Learned.SETTLED
        case Step.ESCALATE:
            _escalate(tx, call, reason)
            return Learned.ESCALATED
        case _:
            assert_never(step)


def _escalate(tx: Tx, call: ProviderCall, reason: str) -> None:
    assert call.instance is not None, "a call that was sent"
    call.state, call.reconcile_at, call.detail = CallState.ESCALATED, None, reason
    tx.emit(
        OutcomeEscalated(
            call_id=call.id,
            operation=call.operation,
            key=call.idempotency_key,
            instance=call.instance,
            reason=reason,
        )
    )


def _settle(tx: Tx, call: ProviderCall, ended: Ended) -> Learned:
    """Write what is known now and tell it to whoever asked."""
    if ended.result is not None:
        for name, value in result_columns(tx.vault, call.id, ended.result).items():
            setattr(call, name, value)
    pending = ended.state is CallState.PENDING
    if call.state != CallState.PENDING:
        call.reconcile_count = 0
        call.reconcile_at = tx.now + next_check(ended.state, Effect(call.effect)) if pending else None
    elif not pending:
        call.reconcile_at = None
    call.state, call.error_code, call.detail, call.advice = ended.state, ended.error_code, ended.detail, ended.advice
    call.finished_at, call.request_sealed = tx.now, None
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
    return Learned.NEWS if pending else Learned.SETTLED
