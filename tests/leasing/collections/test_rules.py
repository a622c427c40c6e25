"""Decent hours, promises, words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.money import Money
from hub.leasing.collections.rules import (
    FROM_HOUR,
    LONGEST_PROMISE_DAYS,
    TEXTS,
    TO_HOUR,
    Template,
    may_send_at,
    promise_problem,
    text_of,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
TODAY = date(2026, 3, 10)
OWED = Money.of("1000.00")
START = datetime(2024, 1, 1, tzinfo=UTC)


def local(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("wanted", "sent"),
    [
        (local(10, 0), local(10, 8)),
        (local(10, 7, 59), local(10, 8)),
        (local(10, 8), local(10, 8)),
        (local(10, 20, 59), local(10, 20, 59)),
        (local(10, 21), local(11, 8)),
        (local(10, 23, 59), local(11, 8)),
    ],
)
def test_nobody_is_contacted_at_night(wanted: datetime, sent: datetime) -> None:
    assert may_send_at(wanted.astimezone(UTC), SHANGHAI) == sent


@given(
    st.integers(min_value=0, max_value=5 * 365 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes)),
    st.sampled_from([SHANGHAI, ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu")]),
)
def test_the_hour_is_decent_never_earlier_than_wanted_and_at_most_half_a_day_off(
    wanted: datetime, zone: ZoneInfo
) -> None:
    sent = may_send_at(wanted, zone)
    assert FROM_HOUR <= sent.astimezone(zone).time() < TO_HOUR
    assert wanted <= sent <= wanted + timedelta(hours=13)
    assert may_send_at(sent, zone) == sent


@pytest.mark.parametrize(
    ("promised_on", "money", "field"),
    [
        (TODAY - timedelta(days=1), OWED, "promised_on"),
        (TODAY + timedelta(days=LONGEST_PROMISE_DAYS + 1), OWED, "promised_on"),
        (TODAY, Money.zero(), "amount"),
        (TODAY, -OWED, "amount"),
        (TODAY, Money.of("1000.01"), "amount"),
    ],
)
def test_what_cannot_be_promised(promised_on: date, money: Money, field: str) -> None:
    problem = promise_problem(promised_on, TODAY, money, OWED)
    assert problem is not None
    assert problem[0] == field


@pytest.mark.parametrize("days", [0, 1, LONGEST_PROMISE_DAYS])
@pytest.mark.parametrize("amount", ["0.01", "1000.00"])
def test_what_can_be_promised(days: int, amount: str) -> None:
    assert promise_problem(TODAY + timedelta(days=days), TODAY, Money.of(amount), OWED) is None


def test_every_template_speaks_both_languages() -> None:
    assert set(TEXTS) == {(template, locale) for template in Template for locale in ("zh-CN", "en")}


@pytest.mark.parametrize("template", list(Template))
@pytest.mark.parametrize("locale", ["zh-CN", "en", "de"])
def test_a_text_names_the_lease_and_the_amount(template: Template, locale: str) -> None:
    text = text_of(template, locale, contract="LC-1", number=7, amount=Money.of("12345.60"))
    assert "LC-1" in text
    assert "12,345.60" in text
    assert "{" not in text


def test_another_language_is_answered_in_english() -> None:
    words = {"contract": "LC-1", "number": 7, "amount": OWED}
    assert text_of(Template.RENT_OVERDUE, "de", **words) == text_of(Template.RENT_OVERDUE, "en", **words)
