"""When a debit is announced, waits, is charged or has missed its window: the hours and days of Beijing, to the second."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leasehub_payments_wechatpay.window import BEIJING, Announcement, Step, fresh, plan

from hub.core.money import Money

RENT = Money(328055)
WINDOW = Announcement(state="SCHEDULED", first_on=date(2026, 3, 7), last_on=date(2026, 3, 13), money=RENT)


def _at(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, second, tzinfo=BEIJING)


@pytest.mark.parametrize(
    ("now", "step", "at"),
    [
        (_at(5, 12), Step.WAIT, _at(7, 7)),
        (_at(6, 23, 59, 59), Step.WAIT, _at(7, 7)),
        (_at(7, 0), Step.WAIT, _at(7, 7)),
        (_at(7, 6, 59, 59), Step.WAIT, _at(7, 7)),
        (_at(7, 7), Step.CHARGE, _at(7, 7)),
        (_at(13, 21, 59, 59), Step.CHARGE, _at(13, 21, 59, 59)),
        (_at(12, 22), Step.WAIT, _at(13, 7)),
        (_at(13, 22), Step.MISSED, _at(13, 22)),
        (_at(14, 0), Step.MISSED, _at(14, 0)),
    ],
)
def test_an_announced_debit_is_made_inside_its_window_and_hours(now: datetime, step: Step, at: datetime) -> None:
    found = plan(WINDOW, RENT, now.astimezone(UTC))
    assert (found.step, found.at) == (step, at)


def test_another_amount_than_the_announced_one_is_never_charged() -> None:
    assert plan(WINDOW, Money(328054), _at(8, 12)).step is Step.OTHER_AMOUNT
    assert plan(WINDOW, None, _at(8, 12)).step is Step.CHARGE


@pytest.mark.parametrize("state", ["NO_SCHEDULED", "PAID"])
def test_what_is_not_announced_is_announced_by_day(state: str) -> None:
    assert plan(Announcement(state=state), RENT, _at(5, 12)).step is Step.ANNOUNCE
    night = plan(Announcement(state=state), RENT, _at(5, 23))
    assert (night.step, night.at) == (Step.WAIT, _at(6, 7))


def test_an_expired_announcement_is_a_missed_window_and_an_unknown_state_waits() -> None:
    assert plan(Announcement(state="EXPIRED"), RENT, _at(5, 12)).step is Step.MISSED
    assert plan(Announcement(state="a_new_word"), RENT, _at(5, 12)).step is Step.WAIT


def test_in_the_first_twelve_hours_nothing_need_be_announced() -> None:
    signed = _at(5, 10)
    assert fresh(signed, signed + timedelta(hours=12, seconds=-1))
    assert not fresh(signed, signed + timedelta(hours=12))
    assert plan(None, RENT, _at(5, 12)).step is Step.CHARGE
    assert plan(None, RENT, _at(5, 22)).step is Step.WAIT


@given(st.integers(0, 20 * 24 * 3600))
def test_a_charge_is_only_ever_planned_by_day_inside_the_window_and_a_wait_ends_in_the_future(after_s: int) -> None:
    here = _at(1, 0) + timedelta(seconds=after_s)
    found = plan(WINDOW, RENT, here.astimezone(UTC))
    if found.step is Step.CHARGE:
        assert date(2026, 3, 7) <= here.date() <= date(2026, 3, 13)
        assert 7 <= here.hour < 22
    if found.step is Step.WAIT:
        assert found.at > here
        assert plan(WINDOW, RENT, found.at).step is Step.CHARGE
