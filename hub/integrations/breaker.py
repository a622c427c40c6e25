"""Breakers: one for each instance and capability, in this process; they keep calls from a provider that is down.

A breaker opens when too large a part of the last calls failed, cools down when a provider asks for quiet, and locks
when credentials or settings are wrong: then only a new registry generation opens the way again. After an open breaker
has rested, one caller asks after the provider's health and everybody else keeps away meanwhile.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from hub.core.provider import Capability


class BreakerState(StrEnum):
    """Whether calls pass."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRules:
    """When a breaker opens: at least `least` of the last `window` calls seen and `ratio` of them failed. Seconds."""

    window: int = 20
    least: int = 6
    ratio: float = 0.5
    rest_s: float = 30.0
    cooldown_s: float = 1.0  # when a provider asks for quiet and does not say for how long


@dataclass(slots=True, kw_only=True)
class Breaker:
    """The breaker of one instance and capability. Instants are monotonic seconds."""

    rules: BreakerRules
    open_until: float | None = None
    cool_until: float = 0.0
    locked_in: int | None = None
    probing: bool = False
    last: deque[bool] = field(default_factory=deque)

    def state(self, now: float, generation: int) -> BreakerState:
        """Whether a call of this registry generation passes."""
        if self.locked_in is not None and self.locked_in >= generation:
            return BreakerState.OPEN
        if now < self.cool_until:
            return BreakerState.OPEN
        if self.open_until is None:
            return BreakerState.CLOSED
        resting = now < self.open_until or self.probing
        return BreakerState.OPEN if resting else BreakerState.HALF_OPEN

    def succeeded(self) -> None:
        """A call went through: the provider is there, whatever was said of it."""
        self.open_until, self.locked_in, self.probing = None, None, False
        self._note(failed=False)

    def failed(self, now: float) -> None:
        """A call failed for technical reasons."""
        self._note(failed=True)
        if self.open_until is not None or self._too_many():
            self.trip(now)

    def trip(self, now: float) -> None:
        """Open, and rest before anybody asks again."""
        self.open_until, self.probing = now + self.rules.rest_s, False
        self.last.clear()

    def cool_down(self, now: float, wait_s: float | None) -> None:
        """Keep away for as long as the provider asked."""
        self.cool_until = max(self.cool_until, now + (wait_s if wait_s is not None else self.rules.cooldown_s))

    def lock(self, generation: int) -> None:
        """Keep away until the settings change, which makes a new generation."""
        self.locked_in = generation

    def _note(self, *, failed: bool) -> None:
        self.last.append(failed)
        if len(self.last) > self.rules.window:
            self.last.popleft()

    def _too_many(self) -> bool:
        return len(self.last) >= self.rules.least and sum(self.last) >= self.rules.ratio * len(self.last)


Change = Callable[[str, str, BreakerState, BreakerState], None]


def _nobody(instance: str, capability: str, before: BreakerState, after: BreakerState) -> None:
    """Nobody watches."""


@dataclass(kw_only=True)
class Breakers:
    """All breakers of this process. `changed` is told of every move that a call brings about."""

    timer: Callable[[], float]
    rules: BreakerRules = field(default_factory=BreakerRules)
    changed: Change = _nobody

    def __post_init__(self) -> None:
        self._all: dict[tuple[str, str], Breaker] = {}

    def of(self, instance: str, capability: Capability | None) -> Breaker:
        """The breaker of an instance for a capability; operations of every provider share one."""
        key = (instance, capability or "")
        if key not in self._all:
            self._all[key] = Breaker(rules=self.rules)
        return self._all[key]

    def state(self, instance: str, capability: Capability | None, generation: int) -> BreakerState:
        """Whether calls to an instance pass just now."""
        breaker = self._all.get((instance, capability or ""))
        return BreakerState.CLOSED if breaker is None else breaker.state(self.timer(), generation)

    def shut(self, capability: Capability | None, generation: int) -> dict[str, str]:
        """Every instance whose breaker for this capability is not closed, with its state: what routing must know."""
        wanted, now = capability or "", self.timer()
        states = {name: each.state(now, generation) for (name, kind), each in self._all.items() if kind == wanted}
        return {name: state.value for name, state in states.items() if state is not BreakerState.CLOSED}

    def standing(self, generation: int) -> dict[tuple[str, str], BreakerState]:
        """Every breaker that a call has met, by instance and capability."""
        now = self.timer()
        return {key: breaker.state(now, generation) for key, breaker in self._all.items()}

    def tell(
        self, instance: str, capability: Capability | None, generation: int, move: Callable[[Breaker, float], None]
    ) -> None:
        """Let something move a breaker, and say so when its state has changed."""
        breaker, now = self.of(instance, capability), self.timer()
        before = breaker.state(now, generation)
        move(breaker, now)
        after = breaker.state(now, generation)
        if before is not after:
            self.changed(instance, capability.value if capability else "", before, after)
