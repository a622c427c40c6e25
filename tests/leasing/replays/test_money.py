"""What early, late and last payments do: against published figures, and what must hold whatever comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.dates import DayCount
from hub.core.errors import InvalidInput
from hub.core.money import Money, Rounding
from hub.leasing.replays.lateness import (
    Charged,
    Due,
    LateRule,
    Rounded,
    buckets_of,
    penalty,
    penalty_of,
)
from hub.leasing.replays.paying import Owed, Payment, owed_on, prepaying, running_on_arrears
from hub.leasing.replays.rules import Prepayment
from hub.leasing.replays.settling import (
    Rebate,
    accrued_less_paid,
    digits_interest,
    period_rate,
    rule_of_78,
    settled,
)
from hub.leasing.schedules.rules import LevelRate, Reckoning, SchedulePlan, Shape, Stub
from hub.leasing.schedules.schedule import build
from tests.leasing.schedules.plans import PLAN

# apache/fineract 4198b0b: LoanRepayment.feature RP11 to RP13, Loan.feature S1 to S3 and pay-off.
DAILY = SchedulePlan(
    financed=Money.of(5000),
    annual_rate=Decimal("0.12"),
    term=6,
    starts_on=date(2022, 11, 1),
    rounding=Rounding.HALF_EVEN,
    instalment_unit=Decimal(1),
    reckoning=Reckoning(day_count=DayCount.ACTUAL_365, level_rate=LevelRate.NOMINAL),
    shape=Shape(rent=86200),
)
TWO = (Payment(date(2022, 12, 1), 100000), Payment(date(2023, 1, 1), 200000))
MONTHS = SchedulePlan(
    financed=Money.of(100),
    annual_rate=Decimal("0.07"),
    term=6,
    starts_on=date(2024, 1, 1),
    rounding=Rounding.HALF_EVEN,
    reckoning=Reckoning(stub=Stub.PRO_RATA),
)


@pytest.mark.parametrize(
    ("how", "after"),
    [
        (Prepayment.SHORTEN_TERM, [(84069, 2131), (85049, 1151), (39941, 407)]),
        (Prepayment.LOWER_RENT, [(51469, 2131), (52149, 1451), (52525, 1075), (52916, 522)]),
        (Prepayment.NEXT_INSTALMENTS, [(0, 2131), (40745, 1924), (84485, 1715), (83829, 827)]),
    ],
)
def test_prepaying_as_published(how: Prepayment, after: list[tuple[int, int]]) -> None:
    standing, prepaid = prepaying(DAILY, TWO, how)
    assert [(row.principal_minor, row.interest_minor) for row in standing.rows[2:]] == after
    paid_before = standing.rows[0].principal_minor + standing.rows[1].principal_minor
    assert paid_before + sum(one.amount for one in prepaid) == 95068 + 195873


@pytest.mark.parametrize(
    ("paid", "as_of", "interest"),
    [
        ([], date(2024, 7, 15), [58] * 6),
        ([], date(2024, 3, 10), [58, 58, 45, 30, 20, 10]),
        ([Payment(date(2024, 2, 1), 1701)], date(2024, 3, 10), [58, 49, 42, 29, 20, 10]),
    ],
)
def test_unpaid_principal_goes_on_bearing_interest_as_published(
    paid: list[Payment], as_of: date, interest: list[int]
) -> None:
    rows = running_on_arrears(MONTHS, paid, as_of).rows
    assert [row.interest_minor for row in rows] == interest
    assert rows[-1].balance_minor == 0


@pytest.mark.parametrize(
    ("rebate", "interest"),
    [(Rebate.TO_THE_DAY, 24), (Rebate.TO_NEXT_DUE, 49), (Rebate.NONE, 147), (Rebate.RULE_OF_78, 147 - 146)],
)
def test_settling_early(rebate: Rebate, interest: int) -> None:
    found = settled(MONTHS, date(2024, 2, 15), rebate)
    assert (found.principal, found.interest) == (8357, interest)
    assert found.total == 8357 + interest


def test_settling_on_a_due_date_bears_nothing_more() -> None:
    for rebate in (Rebate.TO_THE_DAY, Rebate.TO_NEXT_DUE):
        assert settled(MONTHS, date(2024, 2, 1), rebate).interest == 0


def test_settling_takes_arrears_and_a_fee() -> None:
    overdue = owed_on(build(MONTHS), [], date(2024, 2, 15))
    found = settled(MONTHS, date(2024, 2, 15), Rebate.TO_THE_DAY, overdue=overdue, fee_share=Decimal("0.03"))
    assert overdue == Owed(1643, 58)
    assert found.total == 1701 + 8357 + 24 + 251


def test_the_sum_of_the_digits() -> None:
    """Source: easycalculation.com, learn-rule-78-loan."""
    assert round(rule_of_78(Decimal(100), 12, 3), 2) == Decimal("57.69")
    with pytest.raises(InvalidInput):
        rule_of_78(Decimal(100), 12, 13)


@given(st.integers(1, 10**7), st.integers(1, 120))
def test_the_digits_add_up(charges: int, periods: int) -> None:
    parts = [digits_interest(Decimal(charges), periods, number) for number in range(1, periods + 1)]
    assert abs(sum(parts) - charges) < Decimal("1e-15")
    for passed in (0, periods // 2, periods):
        assert abs(sum(parts[passed:]) - rule_of_78(Decimal(charges), periods, passed)) < Decimal("1e-15")


@pytest.mark.parametrize(
    ("credit", "instalment", "count", "apr", "paid", "part", "rebate"),
    [
        ("5000", "134.57", 48, "0.14", 12, Decimal(0), "860.52"),
        ("5000", "134.57", 48, "0.14", 12, Decimal(28) / 30, "819.71"),
        ("5000", "134.57", 48, "0.14", 12, Decimal(28) / 31, "821.03"),
        ("5000", "134.57", 48, "0.14", 13, Decimal(28) / 30, "776.90"),
        ("10000", "139.51", 180, "0.16", 73, Decimal(0), "6702.45"),
        ("10000", "139.51", 180, "0.16", 73, Decimal(28) / 30, "6606.95"),
    ],
)
def test_the_rebate_of_the_british_rules(
    credit: str, instalment: str, count: int, apr: str, paid: int, part: Decimal, rebate: str
) -> None:
    rate = period_rate(Decimal(apr), 12, 6)
    settles = accrued_less_paid(Decimal(credit), Decimal(instalment), rate, paid, part)
    assert round((count - paid) * Decimal(instalment) - settles, 2) == Decimal(rebate)


DUE = date(2026, 1, 10)


@pytest.mark.parametrize(
    ("rule", "as_of", "times", "total"),
    [
        (LateRule(share=Decimal("0.0005")), date(2026, 1, 10), 0, 0),
        (LateRule(share=Decimal("0.0005")), date(2026, 1, 15), 5, 250),
        (LateRule(share=Decimal("0.0005"), both_ends=True), date(2026, 1, 15), 6, 300),
        (LateRule(share=Decimal("0.0005"), grace_days=5), date(2026, 1, 15), 0, 0),
        (LateRule(share=Decimal("0.0005"), grace_days=5), date(2026, 1, 16), 6, 300),
        (LateRule(share=Decimal("0.0005"), grace_days=5, grace_is_free=True), date(2026, 1, 16), 1, 50),
        (LateRule(share=Decimal("0.0005"), cap_share=Decimal("0.002")), date(2026, 2, 10), 31, 200),
        (LateRule(share=Decimal("0.0005"), cap=123), date(2026, 2, 10), 31, 123),
        (LateRule(share=Decimal("0.015"), charged=Charged.ONCE), date(2026, 3, 1), 1, 1500),
        (LateRule(fixed=2000, charged=Charged.ONCE), date(2026, 3, 1), 1, 2000),
        (LateRule(fixed=2000, charged=Charged.MONTHLY), date(2026, 3, 11), 3, 6000),
        (LateRule(fixed=2000, charged=Charged.MONTHLY), date(2026, 3, 10), 2, 4000),
    ],
)
def test_what_being_late_costs(rule: LateRule, as_of: date, times: int, total: int) -> None:
    found = penalty(100000, DUE, as_of, rule)
    assert (found.times, found.total) == (times, total)


@pytest.mark.parametrize(("rounded", "total"), [(Rounded.EACH_DAY, 16968), (Rounded.AT_THE_END, 16949)])
def test_a_day_is_rounded_or_the_whole(rounded: Rounded, total: int) -> None:
    """Source: paidnice.com, statutory interest in the United Kingdom."""
    rule = LateRule(share=Decimal("0.1225") / 365, rounded=rounded)
    assert penalty_of(500000, 101, rule).total == total


def test_arrears_by_their_age() -> None:
    """Source: apache/fineract 4198b0b, LoanDelinquency.feature."""
    bounds = [(1, 3), (4, 30), (31, 60), (61, 90)]
    dues = [Due(date(2023, 10, 1), 25000), Due(date(2023, 10, 16), 25000), Due(date(2023, 10, 31), 25000)]
    assert buckets_of(dues, 0, date(2023, 11, 16), bounds) == {(31, 60): 50000, (4, 30): 25000}
    assert buckets_of(dues, 30000, date(2023, 11, 16), bounds) == {(31, 60): 20000, (4, 30): 25000}
    assert buckets_of(dues, 0, date(2024, 6, 1), bounds) == {(91, None): 75000}
    assert buckets_of(dues, 0, date(2023, 10, 2), [(4, 30)]) == {}


@given(st.lists(st.integers(1, 10**7), max_size=5), st.sampled_from(list(Prepayment)))
def test_what_is_paid_and_what_is_to_come_is_the_whole(amounts: list[int], how: Prepayment) -> None:
    payments = [Payment(date(2026, 3 + number, 5), amount) for number, amount in enumerate(amounts)]
    plan = replace(PLAN, financed=Money(10**8), term=24)
    try:
        standing, prepaid = prepaying(plan, payments, how)
    except InvalidInput:  # it would have settled the lease
        return
    principal = sum(row.principal_minor for row in standing.rows) + sum(one.amount for one in prepaid)
    assert principal == plan.financed.minor
