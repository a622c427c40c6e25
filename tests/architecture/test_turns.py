"""The order of a run: nothing is lost, and every worker begins with its share of the long tests."""

from __future__ import annotations

import pytest

from tests.turns import long_first


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
@pytest.mark.parametrize("number", [0, 1, 7, 23])
def test_every_item_has_one_turn(number: int, workers: int) -> None:
    items = list(range(number))
    assert sorted(long_first(items, [item % 4 == 1 for item in items], workers)) == items


def test_the_long_ones_stand_at_the_head_of_each_share() -> None:
    items = [*"abcdefgh", *"XYZ"]
    ordered = long_first(items, [item.isupper() for item in items], 3)
    shares = [ordered[:3], ordered[3:7], ordered[7:]]  # as xdist cuts eleven for three
    assert ["".join(share) for share in shares] == ["Xab", "Ycde", "Zfgh"]


def test_more_long_ones_than_a_share_holds_are_all_there() -> None:
    assert sorted(long_first("abc", [True, True, True], 2)) == ["a", "b", "c"]
