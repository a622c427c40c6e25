"""Numbers of the law hold from their day, and each says where it stands."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from hub.core.errors import InvalidInput
from hub.leasing.regulation import REGULATIONS, SHOW_ANNUALISED_RATE, Topic, regulation


def test_every_number_names_its_source() -> None:
    assert all(entry.source for entry in REGULATIONS)
    assert {entry.topic for entry in REGULATIONS} == set(Topic)
    assert SHOW_ANNUALISED_RATE.source


@pytest.mark.parametrize(
    ("topic", "on", "value"),
    [
        (Topic.TOTAL_COST_CEILING, date(2017, 8, 4), "0.24"),
        (Topic.TOTAL_COST_CEILING, date(2026, 1, 5), "0.24"),
        (Topic.PRIVATE_LENDING_PROTECTED_RATE, date(2020, 8, 19), "0.24"),
        (Topic.PRIVATE_LENDING_MULTIPLE, date(2020, 8, 20), "4"),
    ],
)
def test_the_number_that_holds_on_a_day(topic: Topic, on: date, value: str) -> None:
    assert regulation(topic, on).value == Decimal(value)


@pytest.mark.parametrize(
    ("topic", "on"),
    [
        (Topic.TOTAL_COST_CEILING, date(2017, 8, 3)),
        (Topic.PRIVATE_LENDING_PROTECTED_RATE, date(2020, 8, 20)),
        (Topic.PRIVATE_LENDING_MULTIPLE, date(2020, 8, 19)),
    ],
)
def test_no_number_before_and_after(topic: Topic, on: date) -> None:
    with pytest.raises(InvalidInput):
        regulation(topic, on)
