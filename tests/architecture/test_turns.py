"""The order of a run: nothing is lost, and the files with a long test come first, whole."""

from __future__ import annotations

import pytest

from tests.turns import long_first


@pytest.mark.parametrize("number", [0, 1, 7, 23])
def test_every_item_has_one_turn(number: int) -> None:
    items = list(range(number))
    assert sorted(long_first(items, [str(one % 3) for one in items], [one % 4 == 1 for one in items])) == items


def test_a_file_with_a_long_test_comes_first_and_whole() -> None:
    assert "".join(long_first("abcdXef", "1122334", [one.isupper() for one in "abcdXef"])) == "Xeabcdf"


def test_without_long_tests_the_order_stays() -> None:
    assert long_first("bac", "213", [False] * 3) == ["b", "a", "c"]
