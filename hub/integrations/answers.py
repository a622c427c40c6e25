"""What is asked of a provider and what the asker gets back; how it is sent is the executor's business."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar, assert_never
from uuid import UUID

from hub.core.errors import (
    AuthFailed,
    Misconfigured,
    NotSent,
    ProviderError,
    RateLimited,
    Rejected,
    RetryAdvice,
    UnknownOutcome,
)
from hub.integrations.routing import RouteFacts

_Result = TypeVar("_Result")

_NOT_EXECUTED: dict[str, type[ProviderError]] = {kind.code: kind for kind in (RateLimited, AuthFailed, Misconfigured)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One wish of the business. `key` names it for ever: the same key never has two effects.

    `pin` keeps it to the instance that made what it is about (a mandate, an envelope, a device). `deadline_s` in
    seconds, for everything together: waiting, retries, other providers.
    """

    operation: str
    request: object
    key: str
    lease_id: UUID | None = None
    branch: str | None = None
    pin: str | None = None
    route: RouteFacts = field(default_factory=RouteFacts)
    deadline_s: float = 15.0


class CallOutcome(StrEnum):
    """What is known of a call's effect."""

    OK = "ok"
    REJECTED = "rejected"
    NOT_EXECUTED = "not_executed"  # proven: nobody did anything
    UNKNOWN = "unknown"  # it may have happened; reconcile finds out


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of an ask. `result` is typed, and there only when the provider gave one; `detail` is masked."""

    call_id: UUID
    instance: str | None
    outcome: CallOutcome
    result: object | None = None
    error_code: str | None = None
    detail: str = ""
    advice: RetryAdvice | None = None

    def value(self, kind: type[_Result]) -> _Result:
        """The result; raises the ProviderError that stands for any outcome but OK."""
        if self.outcome is not CallOutcome.OK:
            raise self.error()
        if not isinstance(self.result, kind):
            raise TypeError(f"the result is a {type(self.result).__name__}, not a {kind.__name__}")
        return self.result

    def error(self) -> ProviderError:
        """The error of the tree that this outcome amounts to."""
        match self.outcome:
            case CallOutcome.REJECTED:
                return Rejected(self.error_code or "rejected", self.detail, advice=self.advice or RetryAdvice.NEVER)
            case CallOutcome.NOT_EXECUTED:
                return _NOT_EXECUTED.get(self.error_code or "", NotSent)(self.detail)
            case CallOutcome.UNKNOWN | CallOutcome.OK:
                return UnknownOutcome(self.detail)
            case _:
                assert_never(self.outcome)
