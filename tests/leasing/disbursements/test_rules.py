"""What may become of a disbursement, and what an approval looks at."""

from __future__ import annotations

from uuid import UUID

import pytest

from hub.core.errors import RuleBroken
from hub.core.money import Money
from hub.leasing.applications.rules import Hand
from hub.leasing.disbursements.rules import (
    MOVES,
    DisbursementState,
    Shown,
    check_four_eyes,
    check_move,
    check_owed,
    check_shown,
)

ONE, TWO = Hand(staff_id=UUID(int=1), name="bo"), Hand(staff_id=UUID(int=2), name="an")


@pytest.mark.parametrize("before", DisbursementState)
@pytest.mark.parametrize("after", DisbursementState)
def test_it_moves_as_the_table_says(before: DisbursementState, after: DisbursementState) -> None:
    if after in MOVES[before]:
        check_move(before, after)
    else:
        with pytest.raises(RuleBroken, match="disbursement_state"):
            check_move(before, after)


def test_nothing_is_cancelled_while_a_provider_may_be_paying() -> None:
    assert MOVES[DisbursementState.PAYING] == {DisbursementState.PAID, DisbursementState.REFUSED}
    assert not MOVES[DisbursementState.PAID]


def test_whoever_had_a_hand_in_it_does_not_approve_it_even_under_another_name() -> None:
    check_four_eyes(ONE, [TWO])
    for hands in ([ONE], [TWO, ONE], [Hand(staff_id=UUID(int=1), name="bo li")]):
        with pytest.raises(RuleBroken, match="own_disbursement"):
            check_four_eyes(ONE, hands)


@pytest.mark.parametrize(("amount", "last_four"), [("100.01", "0001"), ("100.00", "0002")])
def test_what_is_agreed_to_is_what_is_paid(amount: str, last_four: str) -> None:
    shown = Shown(amount=Money.of("100.00"), last_four="0001")
    check_shown(shown, amount=shown.amount, last_four=shown.last_four)
    with pytest.raises(RuleBroken, match="not_what_was_shown"):
        check_shown(shown, amount=Money.of(amount), last_four=last_four)


@pytest.mark.parametrize(("promised", "fits"), [("0.00", True), ("40.00", True), ("40.01", False)])
def test_no_more_is_promised_than_is_owed(promised: str, fits: bool) -> None:
    def check() -> None:
        check_owed(owed=Money.of("100.00"), promised=Money.of(promised), amount=Money.of("60.00"))

    if fits:
        check()
    else:
        with pytest.raises(RuleBroken, match="more_than_is_owed"):
            check()
