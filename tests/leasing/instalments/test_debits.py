"""When a refused debit is tried again, and how far one may be put off."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from hub.core.ports.payments import RejectionAdvice
from hub.leasing.instalments.debits import FURTHEST_DAYS, day_problem, retry_on
from tests.leasing.instalments.made import DUE


def day(number: int) -> date:
    return DUE + timedelta(days=number)


@pytest.mark.parametrize(
    ("attempts", "advice", "days"),
    [
        (1, None, 1),
        (2, RejectionAdvice.RETRY_LATER, 2),
        (3, None, 4),
        (4, None, 7),
        (5, None, None),
        (50, RejectionAdvice.RETRY_LATER, None),
        (0, None, 1),
        (1, RejectionAdvice.DO_NOT_RETRY, None),
        (1, RejectionAdvice.NEW_MANDATE, None),
    ],
)
def test_when_a_refused_debit_is_tried_again(attempts: int, advice: RejectionAdvice | None, days: int | None) -> None:
    assert retry_on(DUE, attempts, advice) == (None if days is None else day(days))


@pytest.mark.parametrize(
    ("number", "fits"), [(-1, False), (0, True), (FURTHEST_DAYS, True), (FURTHEST_DAYS + 1, False)]
)
def test_no_debit_is_put_off_for_years(number: int, fits: bool) -> None:
    assert (day_problem(day(number), DUE) is None) is fits
