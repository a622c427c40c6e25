"""Routing, pure: which instances may take a call, in which order, and why each other one may not.

A pin comes first (a mandate, an envelope, a device belongs to the instance that made it), then the rules in their
order, then the default order; a strategy orders the list; filters take out who cannot. Nothing here calls anybody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from hub.core.money import Money
from hub.core.provider import Capability, Mode

BREAKER_OPEN = "open"


class Strategy(StrEnum):
    """How the instances of a route are put in order."""

    PRIORITY = "priority"  # as written
    WEIGHTED = "weighted"  # drawn by weight, always the same for one lease
    CHEAPEST = "cheapest"  # by the cost of one call, unknown costs last


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteFacts:
    """What is known of a call when its way is chosen; None is not known, and matches no condition."""

    branch: str | None = None
    product: str | None = None
    amount: Money | None = None
    channel: str | None = None
    country: str | None = None
    currency: str | None = None
    lease_id: UUID | None = None

    @property
    def in_currency(self) -> str | None:
        """The currency of the call: said outright, or that of its amount."""
        return self.currency or (self.amount.currency if self.amount else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """When a rule applies: every condition that is set must hold. Both ends of the amount band are inside it."""

    branch: str | None = None
    product: str | None = None
    min_amount: Money | None = None
    max_amount: Money | None = None
    channel: str | None = None
    country: str | None = None
    currency: str | None = None

    def holds(self, facts: RouteFacts) -> bool:
        """Whether a call with these facts meets the condition."""
        words = (
            (self.branch, facts.branch),
            (self.product, facts.product),
            (self.channel, facts.channel),
            (self.country, facts.country),
            (self.currency, facts.in_currency),
        )
        return all(wanted in (None, actual) for wanted, actual in words) and self._in_band(facts.amount)

    def _in_band(self, amount: Money | None) -> bool:
        bounds = [bound for bound in (self.min_amount, self.max_amount) if bound is not None]
        if not bounds:
            return True
        if amount is None or any(bound.currency != amount.currency for bound in bounds):
            return False
        above = self.min_amount is None or self.min_amount <= amount
        return above and (self.max_amount is None or amount <= self.max_amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """An exception from the default order: calls that meet `when` use these instances and no others."""

    when: Condition
    use: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """The ways of one capability. `weights` are whole shares; `costs` are for one call, in the books' currency."""

    default: tuple[str, ...]
    rules: tuple[Rule, ...] = ()
    strategy: Strategy = Strategy.PRIORITY
    weights: Mapping[str, int] = field(default_factory=dict)
    costs: Mapping[str, Decimal] = field(default_factory=dict)


Orders = Mapping[Capability, Sequence[str]]


def ordered(routes: Mapping[Capability, Routes], orders: Orders) -> dict[Capability, Routes]:
    """The routes of every capability, each in the order that an operator wants of it, if any."""
    return {one: in_order(found, orders.get(one, ())) for one, found in routes.items()}


def in_order(routes: Routes, wanted: Sequence[str]) -> Routes:
    """The routes with the default order that an operator wants.

    Who is not in the default order does not come into it, and who is and was not named comes last, as written.
    """
    first = [name for name in dict.fromkeys(wanted) if name in routes.default]
    return replace(routes, default=(*first, *(name for name in routes.default if name not in first)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What routing must know of an instance. `reason` says why it is not usable; empty countries or currencies: any."""

    usable: bool
    reason: str
    mode: Mode
    operations: frozenset[str]
    countries: frozenset[str] = frozenset()
    currencies: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A candidate that was not taken, and why."""

    instance: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteDecision:
    """Who may take the call, best first; who was skipped; and on what ground (`pin`, `rule 2`, `default`, `no route`)."""

    candidates: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    ground: str


def decide(
    *,
    operation: str,
    facts: RouteFacts,
    routes: Routes | None,
    standings: Mapping[str, Standing],
    breakers: Mapping[str, str] | None = None,
    pin: str | None = None,
    mode: Mode | None = None,
    key: str = "",
) -> RouteDecision:
    """Choose who may take a call of `operation`.

    `routes` and `breakers` (instance to `closed`, `open` or `half_open`) are those of the operation's capability.
    `mode` keeps to live or to sandbox instances, None takes both. `key` stands in for the lease in a weighted draw.
    A pinned call has one candidate or none: it never moves to another instance.
    """
    ground, ordered = _listed(facts, routes, pin, key)
    candidates: list[str] = []
    skipped: list[Skipped] = []
    for instance in ordered:
        reason = _objection(standings.get(instance), operation, facts, mode, (breakers or {}).get(instance))
        if reason is None:
            candidates.append(instance)
        else:
            skipped.append(Skipped(instance=instance, reason=reason))
    return RouteDecision(candidates=tuple(candidates), skipped=tuple(skipped), ground=ground)


def _listed(facts: RouteFacts, routes: Routes | None, pin: str | None, key: str) -> tuple[str, tuple[str, ...]]:
    """On which ground, and which instances in which order, before anybody is filtered out."""
    if pin is not None:
        return "pin", (pin,)
    if routes is None:
        return "no route", ()
    draw = str(facts.lease_id or key)
    for number, rule in enumerate(routes.rules, start=1):
        if rule.when.holds(facts):
            return f"rule {number}", _ordered(rule.use, routes, draw)
    return "default", _ordered(routes.default, routes, draw)


def _ordered(instances: tuple[str, ...], routes: Routes, draw: str) -> tuple[str, ...]:
    match routes.strategy:
        case Strategy.PRIORITY:
            return instances
        case Strategy.CHEAPEST:
            return tuple(sorted(instances, key=lambda name: routes.costs.get(name, Decimal("Infinity"))))
        case Strategy.WEIGHTED:
            return _drawn(instances, routes.weights, draw)
        case _:
            assert_never(routes.strategy)


def _drawn(instances: Sequence[str], weights: Mapping[str, int], draw: str) -> tuple[str, ...]:
    """All instances, drawn one after the other in proportion to their weight; who has none comes last, as written.

    The same `draw` always gives the same order, in every process: the hash is the chance.
    """
    chance = int.from_bytes(hashlib.sha256(draw.encode()).digest(), "big")
    left = [name for name in instances if weights.get(name, 0) > 0]
    order: list[str] = []
    while left:
        chance, point = divmod(chance, sum(weights[name] for name in left))
        for name in left:
            point -= weights[name]
            if point < 0:
                break
        order.append(name)
        left.remove(name)
    return (*order, *(name for name in instances if name not in order))


def _objection(
    standing: Standing | None, operation: str, facts: RouteFacts, mode: Mode | None, breaker: str | None
) -> str | None:
    """Why this instance cannot take the call; None when it can."""
    if standing is None:
        return "no such instance"
    if not standing.usable:
        return standing.reason
    if operation not in standing.operations:
        return f"does not offer {operation}"
    if mode is not None and standing.mode is not mode:
        return f"runs in {standing.mode.value} mode, the call is {mode.value}"
    if facts.country is not None and standing.countries and facts.country not in standing.countries:
        return f"does not serve {facts.country}"
    currency = facts.in_currency
    if currency is not None and standing.currencies and currency not in standing.currencies:
        return f"does not take {currency}"
    return "the breaker is open" if breaker == BREAKER_OPEN else None
