"""How much a mandate must allow."""

from __future__ import annotations

from decimal import Decimal

from hub.leasing.funding.rules import mandate_limit
from tests.leasing.writing import PRICE


def test_the_mandate_covers_the_dearest_debit() -> None:
    assert mandate_limit(PRICE) > PRICE.financed.times(Decimal("1.03"))
