"""One ask on its way: the errand that it makes, the trip to each instance, and how a trip ended. Nothing is sent here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hub.core.effects import Effect
from hub.core.errors import ProviderError, RateLimited, Rejected, RetryAdvice, UnknownOutcome
from hub.core.hookspecs import OperationSpec
from hub.core.provider import OperationFacts
from hub.infra.masking import masked_text
from hub.integrations.answers import Answer, Ask
from hub.integrations.generation import Instance
from hub.integrations.plugins import BoundOperation
from hub.integrations.routing import RouteDecision
from hub.integrations.verdicts import CallState, code_of, conduct, outcome_of, state_of

_LONGEST_CODE = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """An ask with everything decided that can be decided before it leaves the house.

    `deadline` in seconds of the monotonic timer, for everything together; `expires_at` is the same as an instant.
    """

    ask: Ask
    spec: OperationSpec
    effect: Effect
    tenant: str
    correlation_id: str
    request_hash: bytes
    generation: int
    decision: RouteDecision
    asked_at: datetime
    expires_at: datetime
    deadline: float

    @property
    def plain_read(self) -> bool:
        """Whether it is a read that nobody can ask after; a soft credit inquiry may come later, most reads may not."""
        return self.effect is Effect.READ and self.spec.status_by is None

    @property
    def branch(self) -> str | None:
        """The branch that asks: said outright, or that of the route."""
        return self.ask.branch or self.ask.route.branch

    @property
    def lease_id(self) -> UUID | None:
        """The lease that it is for: said outright, or that of the route."""
        return self.ask.lease_id or self.ask.route.lease_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a trip ended. `fail_over` says whether another instance may try."""

    state: CallState
    result: object | None = None
    error_code: str | None = None
    detail: str = ""
    advice: RetryAdvice | None = None
    fail_over: bool = False

    @classmethod
    def with_result(cls, result: object, *, plain_read: bool = False) -> Ended:
        """What a typed result makes of a call; a read that nothing settles later is over once it is read."""
        state = CallState.OK if plain_read else state_of(result)
        code = UnknownOutcome.code if state is CallState.UNKNOWN else code_of(result)
        return cls(state=state, result=result, error_code=code)

    @classmethod
    def with_error(cls, error: ProviderError, effect: Effect) -> Ended:
        """What an error makes of a call."""
        verdict = conduct(error, effect)
        code, advice = error.code, RetryAdvice.LATER if isinstance(error, RateLimited) else None
        if isinstance(error, Rejected):
            code, advice = error.vendor_code, error.advice
        return cls(
            state=verdict.state,
            error_code=masked_text(code)[:_LONGEST_CODE],
            detail=masked_text(error.detail),
            advice=advice,
            fail_over=verdict.fail_over,
        )

    def answer(self, call_id: UUID, instance: str | None) -> Answer:
        """What the asker is told."""
        return Answer(
            call_id=call_id,
            instance=instance,
            outcome=outcome_of(self.state),
            result=self.result,
            error_code=self.error_code,
            detail=self.detail,
            advice=self.advice,
        )


@dataclass(slots=True, kw_only=True)
class Trip:
    """An errand at one instance: everything that is sent there under one key.

    `attempt` counts the sends; `answered` is the text of what came back, once it is believed.
    """

    errand: Errand
    call_id: UUID
    instance: Instance
    operation: BoundOperation
    sent_key: str
    started_at: datetime
    attempt: int = 0
    answered: str = ""
    finished_at: datetime | None = None
    duration_ms: float = 0.0


def sent_key(key: str, facts: OperationFacts) -> str:
    """The key as the provider is given it: ours, or a digest of it where the provider takes none so long."""
    if facts.key_max_len is None or len(key) <= facts.key_max_len:
        return key
    return hashlib.sha256(key.encode()).hexdigest()[: facts.key_max_len]


def asked_by_receiver(instance: Instance, spec: OperationSpec) -> bool:
    """Whether this instance finds what it was sent only by whom it was for."""
    status = instance.operations.get(spec.status_by or "")
    return status is not None and status.facts.by_receiver


def may_be_sent_again(errand: Errand, facts: OperationFacts) -> bool:
    """Whether reconcile may ever have to send the same request once more, so that it must be kept, sealed."""
    promised = facts.idempotent and facts.settle_window is not None and facts.key_lifetime is not None
    return promised and errand.effect is not Effect.PHYSICAL and errand.spec.status_by is not None
