"""What each receipt gives of what waits: never more than it has, nothing lost, in their order."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.errors import InvalidInput, RuleBroken
from hub.core.ids import InstalmentId
from hub.core.money import Money
from hub.leasing.instalments.waterfall import Allocation, Part
from hub.leasing.receipts.rules import Waiting, draw, require_waiting, spread

cents = st.integers(min_value=1, max_value=500)


def receipts(*amounts: int) -> list[Waiting]:
    return [
        Waiting(receipt_id=UUID(int=number), received_on=date(2026, 1, 5), money=Money(amount))
        for number, amount in enumerate(amounts, start=1)
    ]


def allocations(*amounts: int) -> list[Allocation]:
    return [
        Allocation(instalment_id=InstalmentId(UUID(int=number)), part=Part.PRINCIPAL, money=Money(amount))
        for number, amount in enumerate(amounts, start=1)
    ]


@pytest.mark.parametrize(
    ("wanted", "given_by"), [(0, []), (3, [3]), (5, [5]), (6, [5, 1]), (12, [5, 7]), (13, [5, 7, 1]), (99, [5, 7, 9])]
)
def test_the_first_gives_first(wanted: int, given_by: list[int]) -> None:
    assert [one.money.minor for one in draw(receipts(5, 7, 9), Money(wanted))] == given_by


@pytest.mark.parametrize("wanted", [0, -1])
def test_nothing_cannot_be_used(wanted: int) -> None:
    with pytest.raises(InvalidInput, match="amount"):
        require_waiting(receipts(5), Money(wanted))


def test_no_more_than_waits_can_be_used() -> None:
    require_waiting(receipts(5, 7), Money(12))
    with pytest.raises(RuleBroken, match="more_than_waits"):
        require_waiting(receipts(5, 7), Money(13))
    with pytest.raises(RuleBroken, match="more_than_waits"):
        require_waiting([], Money(1))


def test_a_part_that_one_receipt_cannot_pay_is_paid_by_two() -> None:
    shares = [(receipt.int, one.instalment_id.int, one.money.minor) for receipt, one in _spread([5, 7], [4, 6])]
    assert shares == [(1, 1, 4), (1, 2, 1), (2, 2, 5)]


def _spread(there: list[int], wanted: list[int]) -> list[tuple[UUID, Allocation]]:
    return list(spread(receipts(*there), allocations(*wanted)))


@given(st.lists(cents, min_size=1, max_size=5), st.lists(cents, min_size=1, max_size=5))
def test_every_part_is_paid_and_no_receipt_gives_more_than_it_has(there: list[int], wanted: list[int]) -> None:
    there = [*there, sum(wanted)]
    shares = _spread(there, wanted)
    for number, amount in enumerate(wanted, start=1):
        assert sum(one.money.minor for _, one in shares if one.instalment_id.int == number) == amount
    for number, amount in enumerate(there, start=1):
        assert sum(one.money.minor for receipt, one in shares if receipt.int == number) <= amount
    assert len({(receipt, one.instalment_id) for receipt, one in shares}) == len(shares)
