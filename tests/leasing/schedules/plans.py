"""Plans of schedules, by chance."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import strategies as st

from hub.core.money import Money, Rounding
from hub.leasing.schedules.rules import Method, Residue, SchedulePlan

PLAN = SchedulePlan(financed=Money.of(100000), annual_rate=Decimal("0.12"), term=12, starts_on=date(2026, 1, 31))

DAYS = st.dates(min_value=date(2020, 1, 1), max_value=date(2035, 12, 31))
UNITS = st.sampled_from([Decimal("0.01"), Decimal("0.1"), Decimal(1), Decimal(10)])


@st.composite
def plans(
    draw: st.DrawFn,
    method: Method | None = None,
    rounding: Rounding | None = None,
    starts_on: date | None = None,
) -> SchedulePlan:
    """A plan of the usual periods and rents; what is named is as it is named."""
    financed = draw(st.integers(1, 10**10))
    method = method or draw(st.sampled_from(list(Method)))
    term = draw(st.integers(1, 84))
    alone = method is Method.INTEREST_FIRST
    in_advance = not alone and draw(st.booleans())
    return SchedulePlan(
        financed=Money(financed),
        annual_rate=Decimal(draw(st.integers(0, 3600))) / 10000,
        term=term,
        starts_on=starts_on or draw(DAYS),
        method=method,
        in_advance=in_advance,
        balloon=Money(0 if alone else draw(st.integers(0, financed - 1))),
        interest_only=0 if in_advance else draw(st.integers(0, term - 1)),
        rounding=rounding or draw(st.sampled_from(list(Rounding))),
        instalment_unit=draw(UNITS),
        residue=draw(st.sampled_from(list(Residue))),
    )
