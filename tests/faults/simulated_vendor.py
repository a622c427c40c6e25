"""A payment vendor in memory for the simulation: it keeps its promises, and breaks everything that it has not promised.

It promises that a key is executed once while it is remembered (if it promises keys at all), that what it has taken can
be seen after the settle window, and that it says "no record" of what it has at most once in a row. It does not promise
to answer, to answer at once, to tell of anything, to tell of it once or in order, or to be right before the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Protocol

from hub.core.errors import AuthFailed, NotSent, ProviderError, RateLimited, Rejected, RetryAdvice, UnknownOutcome
from hub.core.money import Money
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.payments import PaymentOutcome, PaymentResult, RejectionAdvice
from hub.core.provider import OperationFacts

_UNPROMISED = timedelta(hours=4)
_EVER = datetime.max.replace(tzinfo=UTC)
_ADVICE = (RejectionAdvice.RETRY_LATER, RejectionAdvice.RETRY_LATER, RejectionAdvice.NEW_MANDATE)


class Street(Protocol):
    """What the vendor needs of the world: a clock, a calendar of what is to happen, and somebody to tell."""

    now: datetime
    chance: Random
    faults: bool

    def later(self, delay: timedelta, act: object) -> None: ...
    def post(self, event_id: str, key: str, outcome: PaymentOutcome) -> None: ...


@dataclass(slots=True)
class Moved:
    """One movement in the vendor's book."""

    key: str
    ref: str
    minor: int
    outcome: PaymentOutcome
    seen_at: datetime
    forgotten_at: datetime
    settled_at: datetime | None = None
    advice: RejectionAdvice | None = None


class Vendor:
    """The vendor with its book. `facts` are its promises."""

    def __init__(self, street: Street, facts: OperationFacts) -> None:
        self.street, self.facts = street, facts
        self.book: list[Moved] = []
        self.lied: set[str] = set()

    def collect(self, key: str, money: Money) -> PaymentResult:
        """One debit; raises what a plugin would make of the vendor's answer."""
        street = self.street
        roll = street.chance.random() if street.faults else 1.0
        if roll >= 0.45:
            return self._told(self._execute(key, money))
        if roll < 0.12:
            raise self._refused(roll)
        if roll < 0.20:
            raise UnknownOutcome("time-out, or 500 before any effect")
        if roll < 0.28:
            late = self._lag * (street.chance.random() * 0.5)
            street.later(late, lambda: self._execute(key, money))
            raise UnknownOutcome("time-out, and it takes effect later")
        self._execute(key, money)
        if roll < 0.31:
            return PaymentResult(outcome=PaymentOutcome.UNKNOWN)
        raise UnknownOutcome("500, a lost connection or nonsense after the effect")

    @property
    def _lag(self) -> timedelta:
        """How long a request may take to have its effect and be seen: as promised, or whatever it likes."""
        window = self.facts.settle_window
        return _UNPROMISED if window is None else window

    def _refused(self, roll: float) -> ProviderError:
        if roll < 0.04:
            return NotSent("connection refused")
        if roll < 0.07:
            return RateLimited("slow down")
        if roll < 0.09:
            return AuthFailed("401")
        return Rejected("limit_exceeded", advice=RetryAdvice.LATER)

    def _execute(self, key: str, money: Money) -> Moved:
        street, chance, facts = self.street, self.street.chance, self.facts
        now = street.now
        if facts.idempotent:
            for moved in self.book:
                if moved.key == key and moved.forgotten_at > now:
                    return moved
        seen_at = now + self._lag * (chance.random() * 0.5) if street.faults and chance.random() < 0.5 else now
        forgotten_at = _EVER if facts.key_lifetime is None else now + facts.key_lifetime
        moved = Moved(key, f"ref{len(self.book)}", money.minor, PaymentOutcome.PENDING, seen_at, forgotten_at)
        self.book.append(moved)
        declines = street.faults and chance.random() < 0.2
        if chance.random() < 0.5:
            self._end(moved, declines=declines)
        else:
            if street.faults and chance.random() < 0.2:  # it tries again by itself, and tells of the first try
                self._tell(moved, PaymentOutcome.REJECTED)
            street.later(timedelta(hours=chance.random() * 50), lambda: self._end(moved, declines=declines))
        return moved

    def _end(self, moved: Moved, *, declines: bool) -> None:
        if declines:
            moved.outcome, moved.advice = PaymentOutcome.REJECTED, self.street.chance.choice(_ADVICE)
        else:
            moved.outcome, moved.settled_at = PaymentOutcome.SUCCEEDED, self.street.now
            if self.street.faults and self.street.chance.random() < 0.01:
                moved.minor += 1  # it has moved another amount than was asked for
        self._tell(moved, moved.outcome)

    def _tell(self, moved: Moved, outcome: PaymentOutcome) -> None:
        """Post a callback, unless it is lost; perhaps twice, perhaps much later than what comes after it."""
        street, chance = self.street, self.street.chance
        event_id = f"{moved.ref}:{outcome}"
        if not street.faults:
            street.post(event_id, moved.key, outcome)
            return
        roll = chance.random()
        if roll < 0.2:
            return
        for _ in range(2 if roll < 0.4 else 1):
            wait = (
                timedelta(hours=72 * chance.random())
                if chance.random() < 0.2
                else timedelta(seconds=20 * chance.random())
            )
            street.later(wait, lambda: street.post(event_id, moved.key, outcome))

    def status(self, key: str, ref: str | None) -> PaymentResult | NoRecord | None:
        """What it says of a movement, None when it does not answer."""
        street, now = self.street, self.street.now
        if street.faults and street.chance.random() < 0.25:
            return None
        found = self._find(key, ref, now)
        if found is not None:
            lies = street.faults and key not in self.lied and street.chance.random() < 0.15
            self.lied.discard(key)
            if not lies:
                return self._told(found)
            self.lied.add(key)
        return NoRecord(query=StatusQuery(provider_ref=ref, idempotency_key=key))

    def _find(self, key: str, ref: str | None, now: datetime) -> Moved | None:
        for moved in self.book:
            if moved.seen_at <= now and (moved.ref == ref or (moved.key == key and moved.forgotten_at > now)):
                return moved
        return None

    def _told(self, moved: Moved) -> PaymentResult:
        rejected = moved.outcome is PaymentOutcome.REJECTED
        return PaymentResult(
            outcome=moved.outcome,
            payment_ref=moved.ref,
            money=Money(moved.minor),
            settled_at=moved.settled_at,
            code="insufficient_funds" if rejected else None,
            advice=moved.advice,
        )
