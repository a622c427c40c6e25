"""The table of the contract, pure: what an error or a result makes of a call, by the effect of its operation.

Whether to send again, to go to another provider, to mark the breaker, to ask later: all of it is decided here and
nowhere else, and none of it by a plugin.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from hub.core.effects import RULES, Effect
from hub.core.errors import (
    AuthFailed,
    Misconfigured,
    NotSent,
    ProviderError,
    RateLimited,
    Rejected,
    RetryAdvice,
)
from hub.core.hookspecs import OperationSpec
from hub.core.ports import StatusQuery
from hub.core.ports.credit_bureau import CreditOutcome, CreditPullRequest, CreditReport, Inquiry
from hub.core.ports.esign import Envelope, EnvelopeStatus, FetchRequest, SignedFiles, VoidRequest
from hub.core.ports.gps_tracker import CommandReceipt, FenceReceipt, Geofence, GeofenceDelete
from hub.core.ports.payments import (
    CancelRequest,
    Mandate,
    MandateStatus,
    PaymentOutcome,
    PaymentResult,
    RevokeRequest,
)
from hub.core.ports.sms import MessageReceipt, MessageStatus
from hub.core.provider import OperationFacts
from hub.integrations.answers import CallOutcome

# When what is not known yet is asked after: 30 s, 5 min, 1 h, 6 h, then daily. Source: docs/adr/0007-intent-before-send.md.
CHECKS = (timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1), timedelta(hours=6), timedelta(days=1))
# Two "no record" count as two only when the provider had this long to change its mind in between.
APART = CHECKS[0]
# How long an unknown outcome may stay unknown before a person has it, where the vendor names no lifetime of keys.
UNKNOWN_PATIENCE = timedelta(days=1)
# How long a provider may leave something pending. An envelope waits for people; a message is only waited for politely.
PENDING_PATIENCE = {
    Effect.READ: timedelta(days=5),
    Effect.REGULATED_READ: timedelta(days=5),
    Effect.NOTIFY: timedelta(days=3),
    Effect.LEGAL: timedelta(days=60),
    Effect.MONEY: timedelta(days=5),
    Effect.PHYSICAL: timedelta(days=1),
}


class Withheld(NotSent):
    """We did not send it ourselves: the breaker is open, no place is free, or the time is up. Says nothing of the provider."""


class CallState(StrEnum):
    """Where a recorded call stands."""

    INTENT = "intent"  # about to be sent, or sent by a process that has died
    OK = "ok"
    PENDING = "pending"  # the provider has it, and has not finished
    REJECTED = "rejected"
    NOT_EXECUTED = "not_executed"
    UNKNOWN = "unknown"
    ESCALATED = "escalated"  # unknown, and a person must find out


# States only move forward; what is final stays. A person, a callback or a late answer may still settle an escalated one.
OPEN_STATES = frozenset({CallState.INTENT, CallState.UNKNOWN, CallState.PENDING, CallState.ESCALATED})


def outcome_of(state: CallState) -> CallOutcome:
    """What a state lets the asker know."""
    match state:
        case CallState.OK | CallState.PENDING:
            return CallOutcome.OK
        case CallState.REJECTED:
            return CallOutcome.REJECTED
        case CallState.NOT_EXECUTED:
            return CallOutcome.NOT_EXECUTED
        case CallState.INTENT | CallState.UNKNOWN | CallState.ESCALATED:
            return CallOutcome.UNKNOWN
        case _:
            assert_never(state)


class Mark(StrEnum):
    """What an error tells the breaker."""

    NOTHING = "nothing"
    FAILURE = "failure"
    COOLDOWN = "cooldown"  # leave it alone for a while
    LOCK = "lock"  # nothing will work until the settings change


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """What may follow an error: the state that the call ends in if nothing more is tried, and what may be tried."""

    state: CallState
    retry: bool
    fail_over: bool
    mark: Mark


def conduct(error: ProviderError, effect: Effect) -> Conduct:
    """What this error means for the call, for trying again and for the breaker."""
    match error:
        case Withheld():
            return Conduct(state=CallState.NOT_EXECUTED, retry=False, fail_over=True, mark=Mark.NOTHING)
        case NotSent():
            return Conduct(state=CallState.NOT_EXECUTED, retry=True, fail_over=True, mark=Mark.FAILURE)
        case RateLimited():
            return Conduct(state=CallState.NOT_EXECUTED, retry=True, fail_over=True, mark=Mark.COOLDOWN)
        case Rejected():
            advised = error.advice is RetryAdvice.OTHER_PROVIDER
            return Conduct(state=CallState.REJECTED, retry=False, fail_over=advised, mark=Mark.NOTHING)
        case AuthFailed() | Misconfigured():
            return Conduct(state=CallState.NOT_EXECUTED, retry=False, fail_over=True, mark=Mark.LOCK)
        case _:
            again = RULES[effect].repeat_unknown
            return Conduct(state=CallState.UNKNOWN, retry=again, fail_over=again, mark=Mark.FAILURE)


def effect_of(spec: OperationSpec, request: object) -> Effect:
    """The effect of one call: the operation's, but a soft credit inquiry leaves no mark and is a plain read."""
    if isinstance(request, CreditPullRequest) and request.inquiry is Inquiry.SOFT:
        return Effect.READ
    return spec.effect


def state_of(result: object) -> CallState:
    """Where a typed result leaves a call: settled, pending, or, when the provider itself does not know, unknown."""
    match result:
        case PaymentResult(outcome=PaymentOutcome.UNKNOWN):
            return CallState.UNKNOWN
        case (
            PaymentResult(outcome=PaymentOutcome.PENDING)
            | Mandate(status=MandateStatus.PENDING)
            | CreditReport(outcome=CreditOutcome.PENDING)
            | Envelope(status=EnvelopeStatus.SENT | EnvelopeStatus.PARTLY_SIGNED)
            | MessageReceipt(status=MessageStatus.ACCEPTED)
        ):
            return CallState.PENDING
        case _:
            return CallState.OK


def code_of(result: object) -> str | None:
    """The hub's word for a refusal that came as a result."""
    match result:
        case PaymentResult():
            return result.code
        case MessageReceipt():
            return result.failure
        case _:
            return None


def reference_of(result: object) -> str | None:
    """The provider's own reference for what it did, by which callbacks name it."""
    match result:
        case PaymentResult():
            return result.payment_ref
        case Mandate():
            return result.mandate_ref
        case Envelope():
            return result.envelope_ref
        case MessageReceipt():
            return result.message_ref
        case CreditReport():
            return result.report_ref
        case CommandReceipt():
            return result.command_ref
        case FenceReceipt():
            return result.fence_ref
        case _:
            return None


def subject_of(request: object) -> str | None:
    """The reference to ask by when the call has no answer: what is stopped has been named by the provider already."""
    match request:
        case VoidRequest():
            return request.envelope_ref
        case CancelRequest():
            return request.payment_ref
        case RevokeRequest():
            return request.mandate_ref
        case _:
            return None


def again_at(result: object) -> datetime | None:
    """From when on the provider takes the request once more, where it has only been told of it so far."""
    return result.send_again_at if isinstance(result, PaymentResult) else None


def is_about(result: object, request: object) -> bool:
    """Whether a result is about what the request names; one about something else proves nothing, however well it reads."""
    match request:
        case StatusQuery(provider_ref=named) | CancelRequest(payment_ref=named):
            pass
        case VoidRequest(envelope_ref=named) | FetchRequest(envelope_ref=named):
            pass
        case RevokeRequest(mandate_ref=named):
            pass
        case Geofence(fence_ref=named) | GeofenceDelete(fence_ref=named):
            pass
        case _:
            return True
    found = result.envelope_ref if isinstance(result, SignedFiles) else reference_of(result)
    return named is None or found is None or found == named


def shows_nothing_of(operation: str, state: CallState, found: object) -> bool:
    """Whether what the provider says of a subject shows that an unanswered call about it has left no trace.

    An envelope that is still out was not taken back, nor was a mandate that is active, and a payment that goes on or is
    made was not stopped; only where the provider has said that it is at it, it may yet be.
    """
    out = isinstance(found, Envelope) and found.status in (EnvelopeStatus.SENT, EnvelopeStatus.PARTLY_SIGNED)
    on = isinstance(found, PaymentResult) and found.outcome in (PaymentOutcome.PENDING, PaymentOutcome.SUCCEEDED)
    active = isinstance(found, Mandate) and found.status is MandateStatus.ACTIVE
    kept = (
        (operation == "esign_void" and out)
        or (operation == "payments_cancel" and on)
        or (operation == "payments_revoke_mandate" and active)
    )
    return kept and state is not CallState.PENDING


def next_check(state: CallState, effect: Effect, done: int = 0) -> timedelta:
    """How long to wait before asking again, after `done` times; what waits for people or handsets is asked later."""
    unhurried = state is CallState.PENDING and effect in (Effect.NOTIFY, Effect.LEGAL)
    return CHECKS[min(done + unhurried, len(CHECKS) - 1)]


class Asking(StrEnum):
    """Whether an instance can be asked what became of a call."""

    POSSIBLE = "possible"
    NOT_NOW = "not_now"  # it is not set up, or did not answer
    NEVER = "never"  # the contract or the vendor has no such question


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How far the search for an outcome has come. `age` since the send; `no_records` in a row, the latest included.

    `sent` since the latest send, None where there was only one.
    """

    state: CallState
    effect: Effect
    age: timedelta
    no_records: int = 0
    sent: timedelta | None = None


class Step(StrEnum):
    """What to do when asking has brought nothing new."""

    ASK_LATER = "ask_later"
    SEND_AGAIN = "send_again"
    ESCALATE = "escalate"
    LEAVE = "leave"  # a person has it already
    LET_GO = "let_go"  # nobody needs to know more


def after_no_record(search: Search, facts: OperationFacts) -> Step:
    """The provider knows nothing of it: too early to tell, proven by two such answers in a row, or a person's case.

    Only the same key to the same provider may be sent again, and only while the provider still honours the key.
    """
    if search.state is CallState.ESCALATED:
        return Step.LEAVE
    if facts.settle_window is None or facts.key_lifetime is None or search.age >= facts.key_lifetime:
        return Step.ESCALATE
    if search.age < facts.settle_window or search.no_records < 2:
        return Step.ASK_LATER
    may_repeat = facts.idempotent and search.effect is not Effect.PHYSICAL and search.state is not CallState.PENDING
    return Step.SEND_AGAIN if may_repeat else Step.ESCALATE


def after_announcement(search: Search, facts: OperationFacts, *, due: bool) -> Step:
    """The provider has only been told of it, and waits for the request once more; `due`: it takes it by now.

    That is a send like any other after the first: the same key, to whom a key is executed once, while it is honoured.
    """
    if search.state is CallState.ESCALATED:
        return Step.LEAVE
    if not facts.idempotent or facts.key_lifetime is None or search.age >= facts.key_lifetime:
        return Step.ESCALATE
    seen = search.sent is None or search.sent >= (facts.settle_window or timedelta(0))
    return Step.SEND_AGAIN if due and seen else Step.ASK_LATER


def after_no_news(search: Search, facts: OperationFacts | None, asking: Asking) -> Step:
    """The provider could not be asked, or knows of it and has not finished. `facts` are None when it is not set up."""
    match search.state:
        case CallState.ESCALATED:
            return Step.LEAVE
        case CallState.PENDING:
            waited = search.age if search.sent is None else search.sent
            if waited < PENDING_PATIENCE[search.effect]:
                return Step.ASK_LATER
            return Step.LET_GO if search.effect is Effect.NOTIFY else Step.ESCALATE
        case _:
            patience = (facts.key_lifetime if facts else None) or UNKNOWN_PATIENCE
            return Step.ESCALATE if asking is Asking.NEVER or search.age >= patience else Step.ASK_LATER
