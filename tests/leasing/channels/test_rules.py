"""The commission's arithmetic and the bounds of its rate."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.errors import InvalidInput, RuleBroken
from hub.core.money import Money
from hub.leasing.channels.rules import HIGHEST_RATE, PartnerState, check_active, check_rate, commission

rates = st.decimals(min_value=0, max_value=HIGHEST_RATE, places=8)


@given(minor=st.integers(0, 10**12), rate=rates)
def test_a_commission_is_within_half_a_cent_of_the_share(minor: int, rate: Decimal) -> None:
    check_rate(rate)
    assert abs(commission(Money(minor), rate).amount - Money(minor).amount * rate) <= Decimal("0.005")


@pytest.mark.parametrize("rate", ["-0.01", "0.20000001", "1", "NaN", "Infinity"])
def test_a_rate_out_of_bounds_is_refused(rate: str) -> None:
    with pytest.raises(InvalidInput, match="commission_rate"):
        check_rate(Decimal(rate))


@pytest.mark.parametrize("state", PartnerState)
def test_only_an_active_partner_brings_deals(state: PartnerState) -> None:
    if state is PartnerState.ACTIVE:
        check_active(state)
    else:
        with pytest.raises(RuleBroken, match="partner_not_active"):
            check_active(state)
