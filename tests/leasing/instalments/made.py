"""Rents made by hand for the pure rules, and strategies of them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import strategies as st

from hub.core.ids import InstalmentId
from hub.core.money import Money
from hub.leasing.instalments.rules import Instalment, InstalmentState, PenaltyTerms

DUE = date(2026, 2, 10)
NOTHING = Money.zero()


def rent(number: int = 1, **changes: object) -> Instalment:
    """A rent of 900 principal and 100 interest, due on the tenth of February, a month later for each further number."""
    fields: dict[str, object] = {
        "id": InstalmentId(UUID(int=number)),
        "number": number,
        "due_on": DUE + timedelta(days=30 * (number - 1)),
        "principal": Money.of("900.00"),
        "interest": Money.of("100.00"),
        "penalty": NOTHING,
        "paid_principal": NOTHING,
        "paid_interest": NOTHING,
        "paid_penalty": NOTHING,
        "state": InstalmentState.SCHEDULED,
        "charge_on": DUE + timedelta(days=30 * (number - 1)),
        "attempts": 0,
        "penalty_through_on": None,
    }
    return Instalment(**{**fields, **changes})  # type: ignore[arg-type]


def terms(daily_rate: str = "0.0005", grace_days: int = 3, cap_share: str | None = None) -> PenaltyTerms:
    """Half a per mille a day after three days of grace."""
    cap = None if cap_share is None else Decimal(cap_share)
    return PenaltyTerms(daily_rate=Decimal(daily_rate), grace_days=grace_days, cap_share=cap)


amounts = st.integers(min_value=0, max_value=5_000_00).map(Money)


@st.composite
def part_paid(draw: st.DrawFn, number: int = 1) -> Instalment:
    """A rent that is owed, some of it paid."""
    principal, interest, penalty = draw(amounts), draw(amounts), draw(amounts)
    return rent(
        number,
        principal=principal,
        interest=interest,
        penalty=penalty,
        paid_principal=draw(st.integers(min_value=0, max_value=principal.minor).map(Money)),
        paid_interest=draw(st.integers(min_value=0, max_value=interest.minor).map(Money)),
        paid_penalty=draw(st.integers(min_value=0, max_value=penalty.minor).map(Money)),
        state=InstalmentState.OVERDUE,
    )


all_terms = st.builds(
    PenaltyTerms,
    daily_rate=st.decimals(min_value=0, max_value=Decimal("0.005"), places=6),
    grace_days=st.integers(min_value=0, max_value=10),
    cap_share=st.none() | st.decimals(min_value=Decimal("0.01"), max_value=1, places=2),
)
