"""What a difference between statement, movements and books is called; and that nothing goes unnamed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.money import Money
from hub.core.ports.payments import SettlementKind
from hub.leasing.statements.rules import (
    Booked,
    Comparison,
    DifferenceKind,
    DifferenceState,
    Moved,
    Stated,
    compare,
    fee_ref,
    ready_at,
    settled_ref,
    starts_as,
)

DAY, NEXT = date(2026, 3, 5), date(2026, 3, 6)
RENT = Money.of("100.00")
ID, OTHER = UUID(int=1), UUID(int=2)
K, D = SettlementKind, DifferenceKind


def line(kind: SettlementKind = K.COLLECTED, money: Money = RENT, ref: str = "p-1", of: UUID | None = ID) -> Stated:
    return Stated(kind=kind, payment_ref=ref, money=money, movement_id=of)


def ours(**changes: Any) -> Moved:
    usual = {"id": ID, "is_payout": False, "money": RENT, "succeeded": True, "settled_on": DAY, "payment_ref": "p-1"}
    return Moved(**{**usual, **changes})


def booked(money: Money = RENT, ref: str = "receipt:1", of: UUID | None = ID) -> Booked:
    return Booked(ref=ref, money=money, movement_id=of)


def held(*lines: Stated, moved: Any = (), books: Any = (), **more: Any) -> Comparison:
    return compare("psp", DAY, lines=lines, moved=moved, booked=books, **more)


def test_what_all_three_say_is_matched() -> None:
    payout = ours(id=OTHER, is_payout=True, payment_ref="p-2")
    both = held(
        line(),
        line(K.PAID_OUT, ref="p-2", of=OTHER),
        moved=[ours(), payout],
        books=[booked(), booked(-RENT, "paid:2", OTHER)],
    )
    assert (both.found, both.matched, both.stated, both.booked) == ((), 2, Money(0), Money(0)) or both.found == []
    assert both.matched == 2


@pytest.mark.parametrize(
    ("lines", "moved", "books", "kind", "difference"),
    [
        ([line(of=None)], [], [], D.ONLY_STATED, RENT),
        ([line(K.REFUNDED, ref="refund/1", of=None)], [], [], D.ONLY_STATED, -RENT),
        ([line()], [ours(succeeded=False, settled_on=None)], [], D.NOT_TAKEN, RENT),
        ([line(money=Money(9000))], [ours()], [booked()], D.AMOUNT, Money(-1000)),
        ([line(), line()], [ours()], [booked()], D.TWICE, RENT),
        ([], [ours()], [booked()], D.NOT_STATED, -RENT),
        ([], [ours(stated_on=NEXT)], [booked()], D.OTHER_DAY, -RENT),
        ([line()], [ours(settled_on=NEXT)], [], D.OTHER_DAY, RENT),
        ([line()], [ours()], [], D.NOT_BOOKED, RENT),
        ([], [], [booked(ref="reversal:9", of=None)], D.BOOKED_ALONE, -RENT),
        ([line(K.FEE)], [], [], D.FEES, -RENT),
        ([line(K.PAID_OUT, ref="po_1", of=None)], [], [], D.SETTLED, -RENT),
        ([line(money=Money(100, "USD"))], [], [], D.CURRENCY, Money(0)),
    ],
)
def test_what_does_not_agree_has_a_name(
    lines: list[Stated], moved: list[Moved], books: list[Booked], kind: DifferenceKind, difference: Money
) -> None:
    came = held(*lines, moved=moved, books=books)
    [found] = came.found
    assert (found.kind, found.stated - found.booked) == (kind, difference)
    assert came.stated - came.booked == difference


def test_a_kind_that_the_provider_does_not_list_is_not_missed() -> None:
    payout = ours(is_payout=True)
    [found] = held(moved=[payout], books=[booked(-RENT)], covers=frozenset({K.COLLECTED, K.FEE})).found
    assert found.kind is D.NOT_LISTED
    assert starts_as(found.kind) is DifferenceState.EXPLAINED
    [found] = held(moved=[payout], books=[booked(-RENT)]).found
    assert found.kind is D.NOT_STATED
    assert starts_as(found.kind) is DifferenceState.OPEN


def test_fees_and_what_went_to_our_bank_are_gone_once_they_are_booked() -> None:
    lines = [line(K.FEE, Money(60)), line(K.FEE, Money(40)), line(K.PAID_OUT, ref="po_1", of=None)]
    books = [
        booked(Money(-100), fee_ref("psp", DAY), None),
        booked(-RENT, settled_ref("psp", "po_1"), None),
    ]
    assert not held(*lines, books=books).found


def test_a_statement_is_complete_when_the_day_is_over_wherever_it_is_counted() -> None:
    assert ready_at(DAY, None) == datetime(2026, 3, 6, 12, tzinfo=UTC)
    assert ready_at(DAY, -timedelta(hours=8)) == datetime(2026, 3, 5, 16, tzinfo=UTC)  # midnight in Shanghai


_IDS = st.integers(1, 5).map(lambda number: UUID(int=number))
_MONEY = st.integers(1, 500).map(Money)


@given(
    st.lists(
        st.builds(
            Stated,
            kind=st.sampled_from(SettlementKind),
            payment_ref=st.sampled_from(["a", "b", "c"]),
            money=_MONEY,
            movement_id=st.none() | _IDS,
        ),
        max_size=8,
    ),
    st.lists(
        st.builds(
            Moved,
            id=_IDS,
            is_payout=st.booleans(),
            money=_MONEY,
            succeeded=st.booleans(),
            settled_on=st.sampled_from([DAY, NEXT, None]),
            stated_on=st.sampled_from([NEXT, None]),
        ),
        max_size=5,
        unique_by=lambda one: one.id,
    ),
    st.lists(
        st.builds(
            Booked,
            ref=st.sampled_from([fee_ref("psp", DAY), settled_ref("psp", "a"), "x:1", "x:2"]),
            money=st.integers(-500, 500).map(Money),
            movement_id=st.none() | _IDS,
        ),
        max_size=4,
        unique_by=lambda one: one.ref,
    ),
)
def test_statement_less_books_is_always_the_sum_of_what_has_a_name(
    lines: list[Stated], moved: list[Moved], books: list[Booked]
) -> None:
    came = held(*lines, moved=moved, books=books)
    assert came.stated - came.booked == Money.total(one.stated - one.booked for one in came.found)
    assert len({one.subject for one in came.found}) == len(came.found)
