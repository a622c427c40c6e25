"""The pursuit of a call's outcome, pure: what each turn of it makes of what is known, and when the next one comes.

A turn is one question to the provider, or one more send. Nothing is asked, sent or written here: `reconcile` does that,
and the simulation of collection drives the same functions without a database.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from hub.core.effects import Effect
from hub.core.ports import NoRecord
from hub.core.provider import OperationFacts
from hub.integrations.errands import Ended
from hub.integrations.verdicts import (
    APART,
    OPEN_STATES,
    Asking,
    CallState,
    Search,
    Step,
    after_announcement,
    after_no_news,
    after_no_record,
    again_at,
    next_check,
)

# After its deadline a call has this long to write down its end before it counts as cut off.
GRACE = timedelta(seconds=30)


class Learned(StrEnum):
    """What asking after a call once has brought."""

    SETTLED = "settled"
    NEWS = "news"  # more is known than before, but not the end
    NOTHING = "nothing"
    ESCALATED = "escalated"
    CLOSED = "closed"  # there was nothing left to learn


@dataclass(frozen=True, slots=True, kw_only=True)
class Pursuit:
    """Where the search for the outcome of one call stands; the fields are those of the recorded call.

    `refusal`: how the latest of several sends was refused, which says nothing of those before it.
    """

    state: CallState
    effect: Effect
    started_at: datetime
    reconcile_at: datetime | None = None
    reconcile_count: int = 0
    no_record_count: int = 0
    no_record_at: datetime | None = None
    sent_again_at: datetime | None = None
    refusal: Ended | None = None

    def search(self, now: datetime) -> Search:
        """How far it has come, for the table of the contract."""
        return Search(
            state=self.state,
            effect=self.effect,
            age=now - self.started_at,
            no_records=self.no_record_count,
            sent=None if self.sent_again_at is None else now - self.sent_again_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one turn has made of a pursuit.

    `cut_off`: an intent that nobody will finish was met. `ended`: the outcome is known now, or more of it.
    `send_again`: the request goes out once more, under its key. `escalated`: a person must find out, and why.
    """

    after: Pursuit
    learned: Learned
    cut_off: bool = False
    ended: Ended | None = None
    send_again: bool = False
    escalated: str | None = None


def intent_until(expires_at: datetime) -> datetime:
    """When an intent whose end is not written down by then counts as cut off."""
    return expires_at + GRACE


def first_look(
    effect: Effect, state: CallState, finished_at: datetime, again: datetime | None = None
) -> datetime | None:
    """When an outcome is first asked after; an unknown read has changed nothing and is not looked for.

    `again`: when the provider takes the request once more, if it has only been told of it.
    """
    searched = state is CallState.UNKNOWN and effect is not Effect.READ
    if not searched and state is not CallState.PENDING:
        return None
    return _not_after(again, finished_at + next_check(state, effect), finished_at)


def _not_after(again: datetime | None, turn_at: datetime, now: datetime) -> datetime:
    """The next turn, or the instant from which the request may go out once more, if that comes first."""
    return turn_at if again is None or again <= now else min(again, turn_at)


def taken(pursuit: Pursuit, now: datetime) -> Pursuit:
    """Its turn has come: put it off to the next one, so that nobody else takes it meanwhile."""
    count = pursuit.reconcile_count + 1
    return replace(pursuit, reconcile_count=count, reconcile_at=now + next_check(pursuit.state, pursuit.effect, count))


def after_question(
    before: Pursuit,
    *,
    found: object | None,
    known: object | None,
    facts: OperationFacts | None,
    asking: Asking,
    now: datetime,
) -> Turn:
    """What a question has made of it: `found` is the provider's answer, None when there is none; `known` what we had."""
    if before.state not in OPEN_STATES:
        return Turn(after=before, learned=Learned.CLOSED)
    cut_off = before.state is CallState.INTENT
    pursuit = replace(before, state=CallState.UNKNOWN) if cut_off else before
    if isinstance(found, NoRecord):
        assert facts is not None, "it has answered"
        pursuit = _counted(pursuit, facts, now)
        step = after_no_record(pursuit.search(now), facts)
        if step is Step.SEND_AGAIN and pursuit.refusal is not None:
            return replace(settled(pursuit, pursuit.refusal, now), cut_off=cut_off)
        return _stepped(pursuit, step, "the provider has no record of it", now, cut_off=cut_off)
    if found is not None:
        if pursuit.no_record_count or pursuit.no_record_at is not None:
            pursuit = replace(pursuit, no_record_count=0, no_record_at=None)
        ended = Ended.with_result(found)
        if (again := again_at(found)) is not None:
            return _announced(pursuit, ended, again, facts, now, news=found != known, cut_off=cut_off)
        if ended.state is not CallState.UNKNOWN and found != known:
            return replace(settled(pursuit, ended, now), cut_off=cut_off)
    reason = "it cannot be asked after" if asking is Asking.NEVER else "no end of it in sight"
    return _stepped(pursuit, after_no_news(pursuit.search(now), facts, asking), reason, now, cut_off=cut_off)


def _announced(
    pursuit: Pursuit,
    ended: Ended,
    again: datetime,
    facts: OperationFacts | None,
    now: datetime,
    *,
    news: bool,
    cut_off: bool,
) -> Turn:
    """The provider has only been told of it: the request goes out once more when it is time, and not again blindly."""
    assert facts is not None, "it has answered"
    step = after_announcement(pursuit.search(now), facts, due=again <= now)
    if step is Step.SEND_AGAIN:
        first = pursuit.sent_again_at is None or pursuit.sent_again_at < again
        count = 0 if first else pursuit.reconcile_count
        soon = now + next_check(CallState.PENDING, pursuit.effect, count)
        after = replace(pursuit, state=CallState.PENDING, reconcile_count=count, reconcile_at=soon, sent_again_at=now)
        told = ended if news else None
        return Turn(after=after, learned=Learned.NOTHING, cut_off=cut_off, ended=told, send_again=True)
    if step is Step.ESCALATE:
        return _stepped(pursuit, step, "its key is no longer honoured", now, cut_off=cut_off)
    turn = settled(pursuit, ended, now) if news else Turn(after=pursuit, learned=Learned.NOTHING)
    if step is Step.ASK_LATER:
        turn_at = turn.after.reconcile_at or now + next_check(CallState.PENDING, pursuit.effect)
        turn = replace(turn, after=replace(turn.after, reconcile_at=_not_after(again, turn_at, now)))
    return replace(turn, cut_off=cut_off)


def not_kept(turn: Turn) -> Turn:
    """What should go out once more is no longer kept: a person must find out."""
    after = replace(turn.after, state=CallState.ESCALATED, reconcile_at=None)
    return replace(
        turn, after=after, learned=Learned.ESCALATED, send_again=False, escalated="its request is no longer kept"
    )


def after_second_send(pursuit: Pursuit, ended: Ended, now: datetime) -> Turn:
    """What one more send has made of it; that it was not executed now says nothing of the first time.

    A refusal at the door is that too, for a door may be shut before anybody looks the key up. It is believed once the
    provider has no record after it either. One that stands in the provider's books is the outcome.
    """
    if pursuit.state not in OPEN_STATES:
        return Turn(after=pursuit, learned=Learned.CLOSED)
    if ended.state in (CallState.UNKNOWN, CallState.NOT_EXECUTED):
        return Turn(after=pursuit, learned=Learned.NOTHING)
    if ended.state is CallState.REJECTED and ended.result is None and pursuit.state is CallState.UNKNOWN:
        return Turn(after=replace(pursuit, refusal=ended), learned=Learned.NOTHING)
    return settled(pursuit, ended, now)


def settled(pursuit: Pursuit, ended: Ended, now: datetime) -> Turn:
    """The outcome is known, or that the provider has it and has not finished."""
    pending = ended.state is CallState.PENDING
    if pursuit.state is not CallState.PENDING:
        look_at = now + next_check(ended.state, pursuit.effect) if pending else None
        after = replace(pursuit, state=ended.state, reconcile_count=0, reconcile_at=look_at)
    else:
        after = replace(pursuit, state=ended.state, reconcile_at=pursuit.reconcile_at if pending else None)
    return Turn(after=after, learned=Learned.NEWS if pending else Learned.SETTLED, ended=ended)


def _counted(pursuit: Pursuit, facts: OperationFacts, now: datetime) -> Pursuit:
    """Count a "no record", if it is late enough to mean something and not the echo of the last one.

    Late enough is a settle window after the latest send: one that was sent again may take as long again to be seen.
    """
    sent_at = pursuit.sent_again_at or pursuit.started_at
    late_enough = facts.settle_window is not None and now - sent_at >= facts.settle_window
    if late_enough and (pursuit.no_record_at is None or now - pursuit.no_record_at >= APART):
        return replace(pursuit, no_record_count=pursuit.no_record_count + 1, no_record_at=now)
    return pursuit


def _stepped(pursuit: Pursuit, step: Step, reason: str, now: datetime, *, cut_off: bool) -> Turn:
    """Take the step that the rules give when nothing new was learned."""
    match step:
        case Step.ASK_LATER | Step.LEAVE:
            return Turn(after=pursuit, learned=Learned.NOTHING, cut_off=cut_off)
        case Step.SEND_AGAIN:
            # It is about to be sent as if for the first time, and asked after as soon, whether or not we live to see it.
            soon = now + next_check(CallState.UNKNOWN, pursuit.effect)
            after = replace(
                pursuit,
                no_record_count=0,
                no_record_at=None,
                reconcile_count=0,
                reconcile_at=soon,
                sent_again_at=now,
                refusal=None,
            )
            return Turn(after=after, learned=Learned.NOTHING, cut_off=cut_off, send_again=True)
        case Step.LET_GO:
            after = replace(pursuit, state=CallState.OK, reconcile_at=None)
            return Turn(after=after, learned=Learned.SETTLED, cut_off=cut_off)
        case Step.ESCALATE:
            after = replace(pursuit, state=CallState.ESCALATED, reconcile_at=None)
            return Turn(after=after, learned=Learned.ESCALATED, cut_off=cut_off, escalated=reason)
        case _:
            assert_never(step)
