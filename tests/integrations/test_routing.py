"""Routing: pins, rules, strategies, filters; and that a decision is a function of its arguments alone."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.money import Money
from hub.core.provider import Mode
from hub.integrations.routing import (
    Condition,
    RouteDecision,
    RouteFacts,
    Routes,
    Rule,
    Skipped,
    Standing,
    Strategy,
    decide,
)

COLLECT = "payments_collect"


def standing(**changes: object) -> Standing:
    base: dict[str, object] = {
        "usable": True,
        "reason": "loaded",
        "mode": Mode.LIVE,
        "operations": frozenset({COLLECT}),
    }
    return Standing(**{**base, **changes})  # type: ignore[arg-type]


GOOD = {"main": standing(), "backup": standing(), "third": standing()}
ROUTES = Routes(default=("main", "backup"))


def chosen(facts: RouteFacts | None = None, routes: Routes | None = ROUTES, **changes: object) -> RouteDecision:
    arguments: dict[str, object] = {
        "operation": COLLECT,
        "facts": facts or RouteFacts(),
        "routes": routes,
        "standings": GOOD,
    }
    return decide(**{**arguments, **changes})  # type: ignore[arg-type]


def test_the_default_order_is_taken_as_written() -> None:
    assert chosen() == RouteDecision(candidates=("main", "backup"), skipped=(), ground="default")


def test_without_a_route_nobody_is_guessed() -> None:
    assert chosen(routes=None) == RouteDecision(candidates=(), skipped=(), ground="no route")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"usable": False, "reason": "auth_failed: key revoked"}, "auth_failed: key revoked"),
        ({"operations": frozenset({"payments_refund"})}, "does not offer payments_collect"),
        ({"mode": Mode.SANDBOX}, "runs in sandbox mode, the call is live"),
        ({"countries": frozenset({"DE"})}, "does not serve CN"),
        ({"currencies": frozenset({"EUR"})}, "does not take CNY"),
    ],
)
def test_who_cannot_is_skipped_with_the_reason(changes: dict[str, object], reason: str) -> None:
    facts = RouteFacts(country="CN", amount=Money(100))
    decision = chosen(facts, standings={**GOOD, "main": standing(**changes)}, mode=Mode.LIVE)
    assert decision.candidates == ("backup",)
    assert decision.skipped == (Skipped(instance="main", reason=reason),)


def test_an_open_breaker_is_skipped_and_a_half_open_one_is_not() -> None:
    decision = chosen(breakers={"main": "open", "backup": "half_open"})
    assert decision.candidates == ("backup",)
    assert decision.skipped == (Skipped(instance="main", reason="the breaker is open"),)


def test_an_instance_that_is_gone_is_skipped() -> None:
    assert chosen(standings={"backup": standing()}).skipped == (Skipped(instance="main", reason="no such instance"),)


def test_a_pin_is_the_only_candidate_with_or_without_a_route() -> None:
    for routes in (ROUTES, None):
        assert chosen(routes=routes, pin="third") == RouteDecision(candidates=("third",), skipped=(), ground="pin")


def test_a_pin_that_cannot_leaves_nobody() -> None:
    decision = chosen(pin="main", breakers={"main": "open"})
    assert decision == RouteDecision(
        candidates=(), skipped=(Skipped(instance="main", reason="the breaker is open"),), ground="pin"
    )


RULES = Routes(
    default=("main",),
    rules=(
        Rule(when=Condition(branch="north", min_amount=Money.of("50000.00")), use=("third", "backup")),
        Rule(when=Condition(branch="north"), use=("backup",)),
    ),
)


@pytest.mark.parametrize(
    ("facts", "candidates", "ground"),
    [
        (RouteFacts(branch="north", amount=Money.of("50000.00")), ("third", "backup"), "rule 1"),
        (RouteFacts(branch="north", amount=Money.of("49999.99")), ("backup",), "rule 2"),
        (RouteFacts(branch="north"), ("backup",), "rule 2"),
        (RouteFacts(branch="north", amount=Money.of("60000.00", "EUR")), ("backup",), "rule 2"),
        (RouteFacts(branch="south", amount=Money.of("60000.00")), ("main",), "default"),
        (RouteFacts(), ("main",), "default"),
    ],
)
def test_the_first_rule_that_holds_decides(facts: RouteFacts, candidates: tuple[str, ...], ground: str) -> None:
    decision = chosen(facts, RULES)
    assert (decision.candidates, decision.ground) == (candidates, ground)


def test_a_rule_does_not_fall_back_on_the_default() -> None:
    decision = chosen(RouteFacts(branch="north"), RULES, breakers={"backup": "open"})
    assert decision.candidates == ()
    assert decision.ground == "rule 2"


@pytest.mark.parametrize(
    ("condition", "facts", "holds"),
    [
        (Condition(product="car"), RouteFacts(product="car"), True),
        (Condition(product="car"), RouteFacts(product="van"), False),
        (Condition(channel="web"), RouteFacts(channel="web"), True),
        (Condition(country="CN"), RouteFacts(), False),
        (Condition(currency="EUR"), RouteFacts(amount=Money(1, "EUR")), True),
        (Condition(currency="EUR"), RouteFacts(currency="EUR"), True),
        (Condition(currency="EUR"), RouteFacts(amount=Money(1)), False),
        (Condition(max_amount=Money(100)), RouteFacts(amount=Money(100)), True),
        (Condition(max_amount=Money(100)), RouteFacts(amount=Money(101)), False),
        (Condition(min_amount=Money(100), max_amount=Money(200)), RouteFacts(amount=Money(150)), True),
        (Condition(min_amount=Money(100)), RouteFacts(), False),
    ],
)
def test_conditions(condition: Condition, facts: RouteFacts, holds: bool) -> None:
    assert condition.holds(facts) is holds


def test_the_cheapest_comes_first_and_an_unknown_cost_last() -> None:
    costs = {"main": Decimal("0.06"), "third": Decimal("0.045")}
    routes = Routes(default=("backup", "main", "third"), strategy=Strategy.CHEAPEST, costs=costs)
    assert chosen(routes=routes).candidates == ("third", "main", "backup")


def test_weights_share_the_leases_and_one_lease_stays_where_it_is() -> None:
    routes = Routes(default=("main", "backup"), strategy=Strategy.WEIGHTED, weights={"main": 3, "backup": 1})
    leases = [RouteFacts(lease_id=UUID(int=number)) for number in range(2_000)]
    firsts = [chosen(lease, routes).candidates[0] for lease in leases]
    assert firsts == [chosen(lease, routes, key="another key").candidates[0] for lease in leases]
    assert Counter(firsts)["main"] == pytest.approx(1_500, abs=100)


def test_without_a_lease_the_key_draws() -> None:
    routes = Routes(default=("main", "backup"), strategy=Strategy.WEIGHTED, weights={"main": 1, "backup": 1})
    assert {chosen(routes=routes, key=str(number)).candidates[0] for number in range(50)} == {"main", "backup"}


def test_a_lease_that_loses_its_first_instance_keeps_the_order_of_the_others() -> None:
    routes = Routes(default=("main", "backup", "third"), strategy=Strategy.WEIGHTED, weights=dict.fromkeys(GOOD, 1))
    for number in range(100):
        lease = RouteFacts(lease_id=UUID(int=number))
        first, *others = chosen(lease, routes).candidates
        assert chosen(lease, routes, breakers={first: "open"}).candidates == tuple(others)


def test_who_has_no_share_comes_last() -> None:
    routes = Routes(default=("third", "main"), strategy=Strategy.WEIGHTED, weights={"main": 1, "third": 0})
    assert chosen(routes=routes).candidates == ("main", "third")


NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
LISTS = st.lists(NAMES, min_size=1, unique=True).map(tuple)
MONEY = st.integers(0, 10_000).map(Money)
STANDINGS = st.dictionaries(
    NAMES,
    st.builds(
        Standing,
        usable=st.booleans(),
        reason=st.just("not now"),
        mode=st.sampled_from(Mode),
        operations=st.sampled_from([frozenset(), frozenset({COLLECT})]),
        countries=st.sampled_from([frozenset(), frozenset({"CN"})]),
        currencies=st.sampled_from([frozenset(), frozenset({"CNY"}), frozenset({"EUR"})]),
    ),
)
CONDITIONS = st.builds(
    Condition, branch=st.sampled_from([None, "north"]), min_amount=st.none() | MONEY, max_amount=st.none() | MONEY
)
FACTS = st.builds(
    RouteFacts,
    branch=st.sampled_from([None, "north", "south"]),
    amount=st.none() | MONEY,
    country=st.sampled_from([None, "CN", "DE"]),
    lease_id=st.none() | st.uuids(),
)
ROUTE = st.builds(
    Routes,
    default=LISTS,
    rules=st.lists(st.builds(Rule, when=CONDITIONS, use=LISTS), max_size=3).map(tuple),
    strategy=st.sampled_from(Strategy),
    weights=st.dictionaries(NAMES, st.integers(0, 9)),
    costs=st.dictionaries(NAMES, st.decimals(0, 9, places=3)),
)
CALLS = st.fixed_dictionaries(
    {
        "operation": st.just(COLLECT),
        "facts": FACTS,
        "routes": st.none() | ROUTE,
        "standings": STANDINGS,
        "breakers": st.dictionaries(NAMES, st.sampled_from(["closed", "open", "half_open"])),
        "pin": st.none() | NAMES,
        "mode": st.sampled_from([None, *Mode]),
        "key": st.text(max_size=5),
    }
)


@given(call=CALLS)
def test_a_decision_is_a_function_of_its_arguments(call: dict[str, object]) -> None:
    assert decide(**call) == decide(**call)  # type: ignore[arg-type]


@given(call=CALLS)
def test_nobody_is_both_chosen_and_skipped_and_nobody_is_forgotten(call: dict[str, object]) -> None:
    decision = decide(**call)  # type: ignore[arg-type]
    everybody = [*decision.candidates, *(skip.instance for skip in decision.skipped)]
    assert len(set(everybody)) == len(everybody)
    assert all(skip.reason for skip in decision.skipped)
    routes = call["routes"]
    listed: list[tuple[str, ...]] = []
    if isinstance(routes, Routes):
        listed = [routes.default, *(rule.use for rule in routes.rules)]
    if call["pin"] is None:
        assert set(everybody) in [set(), *map(set, listed)]


@given(call=CALLS)
def test_every_candidate_can_take_the_call(call: dict[str, object]) -> None:
    standings, breakers = call["standings"], call["breakers"]
    assert isinstance(standings, dict)
    assert isinstance(breakers, dict)
    for name in decide(**call).candidates:  # type: ignore[arg-type]
        assert standings[name].usable
        assert COLLECT in standings[name].operations
        assert call["mode"] in (None, standings[name].mode)
        assert breakers.get(name) != "open"


@given(call=CALLS, pin=NAMES)
def test_a_pin_never_fails_over(call: dict[str, object], pin: str) -> None:
    decision = decide(**{**call, "pin": pin})  # type: ignore[arg-type]
    assert decision.candidates in ((), (pin,))
    assert {skip.instance for skip in decision.skipped} == {pin} - set(decision.candidates)
