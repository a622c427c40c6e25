"""Money is exact: no fraction gets in, nothing is lost in a sum or a split, and it is rounded in one way at a time."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.money import Money, Rounding, exponent, quantize

MINOR = st.integers(min_value=-(10**13), max_value=10**13)
AMOUNTS = st.builds(Money, MINOR)
CURRENCIES = st.sampled_from(["CNY", "EUR", "USD", "JPY", "KWD"])
RATES = st.decimals(min_value=Decimal("-3"), max_value=Decimal("3"), places=8)
WEIGHTS = st.lists(st.integers(min_value=0, max_value=10**6), min_size=1, max_size=60).filter(any)


@pytest.mark.parametrize(
    ("written", "currency", "minor"),
    [
        ("12800.00", "CNY", 1_280_000),
        ("0.01", "CNY", 1),
        ("-0.01", "CNY", -1),
        (Decimal("1e3"), "CNY", 100_000),
        (7, "CNY", 700),
        ("1.10", "EUR", 110),
        ("12800", "JPY", 12_800),
        ("1.234", "KWD", 1_234),
        ("12.300", "CNY", 1_230),
    ],
)
def test_an_amount_is_read_exactly(written: Decimal | int | str, currency: str, minor: int) -> None:
    assert Money.of(written, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    "written", ["0.001", "12.345", "1e-3", "NaN", "Infinity", "-Infinity", "", "ten", "1,000.00", "1/2"]
)
def test_what_is_not_a_whole_number_of_cents_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"not an amount|not a whole number"):
        Money.of(written)


def test_a_yen_has_no_cents() -> None:
    with pytest.raises(ValueError, match="not a whole number"):
        Money.of("1.50", "JPY")


@pytest.mark.parametrize("minor", [1.0, Decimal(1), "1", True, None])
def test_minor_units_are_whole_numbers_and_nothing_else(minor: object) -> None:
    with pytest.raises(TypeError):
        Money(minor)  # type: ignore[arg-type]


@pytest.mark.parametrize("currency", ["", "CN", "cny", "CNYX", "1A2", "人民币"])
def test_a_currency_has_three_capital_letters(currency: str) -> None:
    with pytest.raises(ValueError, match="three capital letters"):
        Money(1, currency)


@pytest.mark.parametrize(
    ("money", "shown"),
    [
        (Money(123_456_789), "1,234,567.89 CNY"),
        (Money(-5), "-0.05 CNY"),
        (Money(0), "0.00 CNY"),
        (Money(12_800, "JPY"), "12,800 JPY"),
        (Money(1_234, "KWD"), "1.234 KWD"),
    ],
)
def test_it_is_shown_with_all_its_digits(money: Money, shown: str) -> None:
    assert str(money) == shown


@given(MINOR, CURRENCIES)
def test_major_units_and_back(minor: int, currency: str) -> None:
    assert Money.of(Money(minor, currency).amount, currency) == Money(minor, currency)
    assert Money(minor, currency).amount == Fraction(minor, 10 ** exponent(currency))


@given(st.lists(MINOR))
def test_a_total_is_the_sum_to_the_cent(parts: list[int]) -> None:
    assert Money.total(Money(part) for part in parts) == Money(sum(parts))


@given(AMOUNTS, AMOUNTS)
def test_what_is_added_can_be_taken_away(one: Money, other: Money) -> None:
    assert one + other - other == one
    assert one - other == -(other - one)
    assert (one < other) is (one.minor < other.minor)
    assert (one <= other) is not (one > other)
    assert bool(one) is (one.minor != 0)


@pytest.mark.parametrize("act", ["__add__", "__sub__", "__lt__", "__le__", "__gt__", "__ge__"])
def test_two_currencies_never_meet(act: str) -> None:
    with pytest.raises(ValueError, match="do not add"):
        getattr(Money(1, "CNY"), act)(Money(1, "EUR"))


# Each mode on both sides of nothing, at a tie and beside it. Up and down are towards plus and minus infinity.
ROUNDINGS = [
    ("0.005", {Rounding.HALF_UP: 1, Rounding.HALF_EVEN: 0, Rounding.UP: 1, Rounding.DOWN: 0}),
    ("0.015", {Rounding.HALF_UP: 2, Rounding.HALF_EVEN: 2, Rounding.UP: 2, Rounding.DOWN: 1}),
    ("100.005", {Rounding.HALF_UP: 10_001, Rounding.HALF_EVEN: 10_000, Rounding.UP: 10_001, Rounding.DOWN: 10_000}),
    ("0.0049", {Rounding.HALF_UP: 0, Rounding.HALF_EVEN: 0, Rounding.UP: 1, Rounding.DOWN: 0}),
    ("0.0051", {Rounding.HALF_UP: 1, Rounding.HALF_EVEN: 1, Rounding.UP: 1, Rounding.DOWN: 0}),
    ("-0.005", {Rounding.HALF_UP: -1, Rounding.HALF_EVEN: 0, Rounding.UP: 0, Rounding.DOWN: -1}),
    ("-0.0049", {Rounding.HALF_UP: 0, Rounding.HALF_EVEN: 0, Rounding.UP: 0, Rounding.DOWN: -1}),
    ("0.01", {Rounding.HALF_UP: 1, Rounding.HALF_EVEN: 1, Rounding.UP: 1, Rounding.DOWN: 1}),
]


@pytest.mark.parametrize(
    ("value", "rounding", "minor"),
    [(value, rounding, minor) for value, row in ROUNDINGS for rounding, minor in row.items()],
)
def test_rounding(value: str, rounding: Rounding, minor: int) -> None:
    assert Money.rounded(Decimal(value), rounding=rounding) == Money(minor)


@pytest.mark.parametrize(
    ("unit", "expected"), [("0.01", "1234.57"), ("0.05", "1234.55"), ("1", "1235"), ("10", "1230"), ("100", "1200")]
)
def test_a_unit_may_be_coarser_than_a_cent(unit: str, expected: str) -> None:
    assert quantize(Decimal("1234.567"), Decimal(unit), Rounding.HALF_UP) == Decimal(expected)


@given(AMOUNTS, RATES, st.sampled_from(Rounding))
def test_a_share_is_less_than_a_cent_away_from_the_truth(money: Money, rate: Decimal, rounding: Rounding) -> None:
    truth = money.minor * Fraction(rate)
    off = money.times(rate, rounding).minor - truth
    assert abs(off) < 1
    match rounding:
        case Rounding.UP:
            assert off >= 0
        case Rounding.DOWN:
            assert off <= 0
        case Rounding.HALF_UP | Rounding.HALF_EVEN:
            assert abs(off) <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("minor", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (-100, [1, 1, 1], [-33, -33, -34]),
        (100, [0, 1], [0, 100]),
        (5, [3, 7], [2, 3]),  # 1.5 and 3.5: the first of equal remainders gets the cent
        (0, [1, 2], [0, 0]),
        (1, [1] * 3, [1, 0, 0]),
    ],
)
def test_who_gets_the_odd_cent(minor: int, weights: list[int], parts: list[int]) -> None:
    assert [part.minor for part in Money(minor).split(weights)] == parts


@given(AMOUNTS, WEIGHTS)
def test_the_parts_are_the_whole(money: Money, weights: list[int]) -> None:
    parts = money.split(weights)
    assert len(parts) == len(weights)
    assert Money.total(parts) == money
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part.minor - Fraction(money.minor * weight, sum(weights))) < 1
        assert weight or not part


@given(st.integers(min_value=0, max_value=10**9), WEIGHTS)
def test_who_weighs_more_never_gets_less(minor: int, weights: list[int]) -> None:
    shared = sorted(zip(weights, Money(minor).split(weights), strict=True), key=lambda pair: pair[0])
    for (light, less), (heavy, more) in pairwise(shared):
        assert light == heavy or less <= more


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [1, -1], [2, -1]])
def test_weights_that_share_nothing_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights must be"):
        Money(100).split(weights)
