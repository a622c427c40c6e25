"""What a receipt pays: never more than is open, nothing lost, the oldest first."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.money import Money
from hub.leasing.instalments.rules import Instalment
from hub.leasing.instalments.waterfall import USUAL_ORDER, Allocation, Part, allocate, open_part
from tests.leasing.instalments.made import part_paid, rent

ORDERS = list(permutations(Part))
amounts = st.integers(min_value=0, max_value=50_000_00).map(Money)
portfolios = st.integers(min_value=0, max_value=4).flatmap(
    lambda count: st.tuples(*(part_paid(number) for number in range(1, count + 1)))
)


def paid(allocations: tuple[Allocation, ...]) -> list[tuple[int, Part, str]]:
    return [(one.instalment_id.int, one.part, f"{one.money.amount:.2f}") for one in allocations]


def test_penalty_then_interest_then_principal_of_the_oldest_then_the_next() -> None:
    owed = [rent(2), rent(1, penalty=Money.of("5.00"))]
    allocations, left = allocate(Money.of("1050.00"), owed)
    assert paid(allocations) == [
        (1, Part.PENALTY, "5.00"),
        (1, Part.INTEREST, "100.00"),
        (1, Part.PRINCIPAL, "900.00"),
        (2, Part.INTEREST, "45.00"),
    ]
    assert not left


def test_the_product_may_put_the_principal_first() -> None:
    order = (Part.PRINCIPAL, Part.INTEREST, Part.PENALTY)
    allocations, _ = allocate(Money.of("950.00"), [rent(penalty=Money.of("5.00"))], order)
    assert paid(allocations) == [(1, Part.PRINCIPAL, "900.00"), (1, Part.INTEREST, "50.00")]


def test_what_nothing_is_owed_for_is_left_over() -> None:
    assert allocate(Money.of("12.00"), []) == ((), Money.of("12.00"))
    assert allocate(Money.of("1012.00"), [rent()])[1] == Money.of("12.00")


@given(amounts, portfolios, st.sampled_from(ORDERS))
def test_allocations_and_rest_are_what_was_received(
    received: Money, owed: tuple[Instalment, ...], order: tuple[Part, ...]
) -> None:
    allocations, left = allocate(received, owed, order)
    assert Money.total(one.money for one in allocations) + left == received
    assert left.minor >= 0
    assert all(one.money.minor > 0 for one in allocations)


@given(amounts, portfolios, st.sampled_from(ORDERS))
def test_no_part_is_paid_twice_or_more_than_is_open(
    received: Money, owed: tuple[Instalment, ...], order: tuple[Part, ...]
) -> None:
    allocations, left = allocate(received, owed, order)
    by_id = {one.id: one for one in owed}
    assert len({(one.instalment_id, one.part) for one in allocations}) == len(allocations)
    assert all(one.money <= open_part(by_id[one.instalment_id], one.part) for one in allocations)
    if left:
        assert Money.total(one.money for one in allocations) == Money.total(one.left for one in owed)


@given(amounts, portfolios)
def test_a_later_rent_is_touched_only_when_every_earlier_one_is_paid(
    received: Money, owed: tuple[Instalment, ...]
) -> None:
    allocations, _ = allocate(received, owed)
    spent = {one.id: Money.total(a.money for a in allocations if a.instalment_id == one.id) for one in owed}
    touched = [one for one in owed if spent[one.id]]
    for one in owed:
        if touched and one.number < touched[-1].number:
            assert spent[one.id] == one.left


@pytest.mark.parametrize("part", list(Part))
def test_the_parts_are_the_whole(part: Part) -> None:
    one = rent(penalty=Money.of("7.00"), paid_penalty=Money.of("2.00"), paid_interest=Money.of("40.00"))
    assert Money.total(open_part(one, each) for each in Part) == one.left
    assert part in USUAL_ORDER


def test_a_debit_pays_what_it_was_asked_for_before_older_rents() -> None:
    """The older rent's own debit may be under way: paying it here would have this one's rent debited again."""
    older, newer = rent(1), rent(2)
    allocations, left = allocate(Money.of("1200.00"), [older, newer], asked_for=newer.id)
    paid = {
        one.id: Money.total(part.money for part in allocations if part.instalment_id == one.id)
        for one in (older, newer)
    }
    assert paid == {newer.id: Money.of("1000.00"), older.id: Money.of("200.00")}
    assert not left
