"""A product as many lessors offer it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from hub.core.money import Money
from hub.leasing.products.rules import (
    AmountRange,
    EarlySettlementRule,
    FeeRule,
    LeaseType,
    Method,
    Payee,
    PenaltyRule,
    ProductTerms,
    ShareRange,
    TermRange,
)
from tests.leasing.offering import client

__all__ = ["client"]


@pytest.fixture
def terms() -> ProductTerms:
    return ProductTerms(
        lease_type=LeaseType.DIRECT,
        method=Method.EQUAL_INSTALMENTS,
        term=TermRange(least=12, most=60, step=12),
        financed_amount=AmountRange(least=Money.of(20000), most=Money.of(500000)),
        annual_rate=ShareRange(least=Decimal("0.06"), most=Decimal("0.12")),
        down_payment=ShareRange(least=Decimal("0.1"), most=Decimal("0.5")),
        deposit=ShareRange(least=Decimal(0), most=Decimal("0.1")),
        fees=(
            FeeRule(kind="insurance", payee=Payee.THIRD_PARTY),
            FeeRule(kind="purchase_tax", payee=Payee.THIRD_PARTY, may_be_paid_at_signing=False),
            FeeRule(kind="gps_fee", payee=Payee.LESSOR, most=Money.of(2000)),
            FeeRule(kind="plate_registration", payee=Payee.THIRD_PARTY, may_be_financed=False, refundable=True),
        ),
        penalty=PenaltyRule(daily_rate=Decimal("0.0005"), grace_days=3, cap_share=Decimal("0.3")),
        early_settlement=EarlySettlementRule(lock_in_months=6, fee_share=Decimal("0.03")),
        purchase_option=Money.of(100),
    )
