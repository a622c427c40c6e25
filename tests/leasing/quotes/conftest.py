"""A product as many lessors offer it, and a deal that keeps to it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from hub.core.money import Money
from hub.leasing.quotes.rules import Deal, Fee
from tests.leasing.offering import client
from tests.leasing.products.conftest import terms

__all__ = ["client", "terms"]


@pytest.fixture
def deal() -> Deal:
    return Deal(
        car_model="BYD Qin PLUS DM-i 2026",
        car_price=Money.of(120000),
        fees=(
            Fee(kind="insurance", amount=Money.of(6000), financed=True),
            Fee(kind="gps_fee", amount=Money.of(1500), financed=True),
            Fee(kind="plate_registration", amount=Money.of(500), financed=False),
        ),
        down_payment=Money.of(24000),
        deposit=Money.of(6000),
        service_fee=Money.of(1200),
        term_months=36,
        annual_rate=Decimal("0.085"),
        starts_on=date(2026, 1, 31),
    )
