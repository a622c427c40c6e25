"""From the words of a case to a plan of rents, and from its rows back to amounts in major units.

A case whose figures are unrounded inside is computed in units a million million times finer, and rounded where shown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, localcontext

from hub.core.dates import DayCount
from hub.core.money import Money, Rounding, quantize
from hub.leasing.cases import words as w
from hub.leasing.cases.convention import Convention, day_count_of, mode_of, unit_of
from hub.leasing.cases.vocabulary import Every, Known, Word, refuse
from hub.leasing.schedules.dues import after
from hub.leasing.schedules.rules import (
    Calendar,
    Method,
    Reckoning,
    SchedulePlan,
    Shape,
    Stub,
)

HUNDRED = Decimal(100)
_FINE = 10**12
_ANY_DAY = date(2026, 1, 1)
_CURRENCY = {2: "CNY", 3: "KWD"}  # Only for how many decimals it has.
MONTHLY = Every(1, "month")
_METHODS = (
    (("flat", "等本等息"), Method.FLAT),
    (("equal principal", "equal_principal", "等额本金", "straight"), Method.EQUAL_PRINCIPAL),
    (("interest first", "interest_first", "interest only", "bullet", "先息后本"), Method.INTEREST_FIRST),
    (
        ("equal instal", "equal_instal", "equal install", "annuity", "level", "等额本息", "declining"),
        Method.EQUAL_INSTALMENTS,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a case fixes of its money: decimals shown, how fine it is computed, and by which convention."""

    convention: Convention
    digits: int
    fine: int

    @property
    def cent(self) -> Decimal:
        """The smallest amount that is shown."""
        return Decimal(1).scaleb(-self.digits)

    @property
    def currency(self) -> str:
        """A currency of so many decimals, for the engine."""
        return _CURRENCY[self.kept]

    @property
    def kept(self) -> int:
        """Decimals of the engine's minor unit."""
        return 3 if self.digits == 3 else 2

    def minor(self, major: Decimal, where: str) -> int:
        """An amount in the engine's units; refused when it has more decimals than the currency."""
        scaled = major.scaleb(self.kept) * self.fine
        if scaled != scaled.to_integral_value():
            raise refuse(where, f"must have at most {self.kept} decimals")
        return int(scaled)

    def nearest(self, major: Decimal) -> int:
        """An amount in the engine's units, rounded by the convention."""
        unit = Decimal(1) if self.convention.exact else Decimal(1).scaleb(self.kept - self.digits)
        with localcontext() as context:
            context.prec = 60
            return int(quantize(major.scaleb(self.kept) * self.fine, unit, self.convention.rounding))

    def major(self, units: int | Decimal) -> Decimal:
        """An amount in major units, not yet rounded for showing."""
        with localcontext() as context:
            context.prec = 60
            return (Decimal(units) / self.fine).scaleb(-self.kept)

    def shown(self, major: Decimal) -> str:
        """An amount as it is shown."""
        mode = Rounding.HALF_EVEN if self.convention.rounding is Rounding.HALF_EVEN else Rounding.HALF_UP
        with localcontext() as context:
            context.prec = 60
            return f"{quantize(major, self.cent, mode):.{self.digits}f}"


def terms_of(known: Known, convention: Convention, *, exact: bool | None = None) -> Terms:
    """What a case fixes of its money."""
    digits = known.get(w.DECIMALS)
    digits = 2 if digits is None else digits
    if digits not in (0, 2, 3):
        raise refuse("inputs.currency_decimals", "must be 0, 2 or 3")
    if exact is not None:
        convention = replace(convention, exact=exact)
    return Terms(convention=convention, digits=digits, fine=_FINE if convention.exact else 1)


def method_of(known: Known, usual: Method) -> Method:
    """The method that a case names, else the usual one of its kind."""
    said = known.get(w.METHOD)
    if said is None:
        return usual
    found = next((method for names, method in _METHODS if any(name in said.lower() for name in names)), None)
    if found is None:
        raise refuse("inputs.method", "must be equal instalments, equal principal, flat or interest first")
    if usual is not Method.EQUAL_INSTALMENTS and found is not usual:
        raise refuse("inputs.method", f"contradicts the kind, which is {usual.value.replace('_', ' ')}")
    return found


def financed_of(known: Known) -> tuple[Decimal, str]:
    """What is financed and the word that says so: an amount, or a price less what is paid first, and fees."""
    said = known.one_of(
        w.PRINCIPAL, w.FINANCED, w.ASSET_COST, w.CREDIT, w.OUTSTANDING, w.PRICE, w.ASSET_PRICE, w.CAP_COST
    )
    if said is None:
        raise refuse("inputs.principal", f"is needed: {w.PRINCIPAL.means}")
    word, amount = said
    if word in (w.PRICE, w.ASSET_PRICE):
        first = known.one_of(w.DOWN_PAYMENT, w.DEPOSIT)
        amount -= first[1] if first else Decimal(0)
    amount += sum((fee.amount for fee in known.get(w.FEES) or ()), Decimal(0))
    where = f"inputs.{word.name}"
    if amount <= 0:
        raise refuse(where, "must leave more than nothing to be financed")
    return amount, where


def rate_of(known: Known) -> tuple[Decimal, bool] | None:
    """The rate a year as a fraction, and whether it is an effective one; None when the case does not say it."""
    said = known.one_of(
        w.ANNUAL_RATE, w.MONTHLY_RATE, w.FLAT_RATE, w.ANNUAL_YIELD, w.EFFECTIVE_RATE, w.MONEY_FACTOR, w.LENDER_YIELD
    )
    if said is None:
        return None
    word, value = said
    if value < 0:
        raise refuse(f"inputs.{word.name}", "must not be negative")
    if word is w.MONEY_FACTOR:
        return value * 24, False
    return (value * 12 if word is w.MONTHLY_RATE else value) / HUNDRED, word is w.EFFECTIVE_RATE


def needed_rate(known: Known) -> tuple[Decimal, bool]:
    """The rate a year, which the case must say."""
    rate = rate_of(known)
    if rate is None:
        raise refuse("inputs.annual_rate_pct", f"is needed: {w.ANNUAL_RATE.means}")
    return rate


def frequency_of(known: Known) -> Every:
    """How far apart instalments are; months when nothing is said."""
    every = known.get(w.FREQUENCY) or MONTHLY
    if every.of == "half_month":
        raise refuse("inputs.frequency", "half months go with annual percentage rates only")
    return every


def day_count(known: Known, convention: Convention) -> DayCount | None:
    """The day count that is said, by the convention before the inputs; None for periods that are all alike."""
    said = known.get(w.DAY_COUNT)
    of_inputs = None if said is None else day_count_of(said)
    if said is not None and of_inputs is None:
        raise refuse("inputs.day_count", f"must name one of {', '.join(DayCount)}")
    if convention.pro_rata and convention.day_count is None:
        return None
    if convention.day_count and of_inputs and convention.day_count is not of_inputs:
        raise refuse("inputs.day_count", f"contradicts the convention, which is {convention.day_count}")
    return convention.day_count or of_inputs


def calendar_of(known: Known, every: Every) -> tuple[Calendar, date, bool]:
    """When rents fall due, when the schedule starts, and whether the case says any date at all."""
    begins = known.one_of(w.START, w.SCHEDULE_START)
    paid_out, first_due, due_day = known.get(w.DISBURSED_ON), known.get(w.FIRST_DUE), known.get(w.DUE_DAY)
    due_day = due_day or None
    calendar = Calendar(every=every.number, unit=every.unit, first_due_on=first_due, due_day=due_day)
    if begins is None and paid_out is None:
        starts_on = _ANY_DAY if first_due is None else after(calendar, first_due, -1)
        return calendar, starts_on, first_due is not None
    anchor = begins[1] if begins else paid_out
    assert anchor is not None
    starts_on = paid_out or anchor
    if starts_on != anchor:
        first = first_due or after(calendar, anchor, 1)
        if not anchor < starts_on < first:
            raise refuse("inputs.disbursement_date", "must lie in the first period")
        calendar = replace(calendar, first_due_on=first, counted_from=anchor)
    if first_due is not None and first_due <= starts_on:
        raise refuse("inputs.first_due_date", "must lie after the start")
    return calendar, starts_on, True


def rent_unit(known: Known, terms: Terms, method: Method) -> tuple[Decimal, Rounding | None]:
    """What the rent is rounded to and how, by inputs or convention."""
    convention = terms.convention
    said = known.get(w.INSTALMENT_ROUNDING)
    mode = convention.rent_rounding
    unit = convention.rent_unit
    if said is not None:
        mode = mode or mode_of(said.lower())
        unit = unit or unit_of(said.lower())
    multiple = known.get(w.MULTIPLE)
    if multiple is not None:
        if multiple <= 0:
            raise refuse("inputs.instalment_multiple", "must be more than nothing")
        if unit is not None and unit != multiple:
            raise refuse("inputs.instalment_multiple", f"contradicts the convention, which rounds to {unit}")
        unit = multiple
    every = known.get(w.CURRENCY_MULTIPLE) or convention.unit
    if method is Method.EQUAL_PRINCIPAL:  # its instalments differ: what is rounded is every amount
        unit = None
    return unit or every or terms.cent, mode


def in_advance(known: Known) -> int:
    """How many rents are paid at the start: none in arrears."""
    mode, up_front = known.get(w.MODE), known.get(w.IN_ADVANCE)
    if mode is not None and not any(one in mode.lower() for one in ("advance", "arrear")):
        raise refuse("inputs.mode", 'must be "in advance" or "in arrears"')
    early = mode is not None and "advance" in mode.lower()
    if mode is not None and not early and up_front:
        raise refuse("inputs.payments_in_advance", "contradicts the mode, which is in arrears")
    return up_front if up_front is not None else int(early)


def balloon_of(known: Known, base: Decimal) -> tuple[Decimal, int | None]:
    """What is left for the end, and after how many periods it is paid when that is said."""
    said = known.one_of(
        w.BALLOON, w.RESIDUAL, w.PURCHASE_OPTION, w.UNGUARANTEED, w.BALLOON_PCT, w.RESIDUAL_PCT, w.RESIDUAL_OF_MSRP
    )
    month = known.one_of(w.RESIDUAL_MONTH, w.PURCHASE_MONTH)
    if said is None:
        return Decimal(0), None
    word, value = said
    share = word in (w.BALLOON_PCT, w.RESIDUAL_PCT, w.RESIDUAL_OF_MSRP)
    return (base * value / HUNDRED if share else value), month[1] if month else None


def reckoning_of(known: Known, terms: Terms, every: Every, *, effective: bool) -> Reckoning:
    """How the figures of a case are computed and rounded."""
    convention = terms.convention
    compounding = known.get(w.COMPOUNDING)
    capitalised, compounded = 1, 1 if effective else None
    if compounding is not None and compounding != every:
        whole, rest = divmod(compounding.number, every.number)
        if compounding.of == every.of and not rest and not convention.equivalent:
            capitalised = whole
        else:
            compounded = int(compounding.a_year)
    unit = known.get(w.CURRENCY_MULTIPLE) or convention.interest_unit or convention.unit or terms.cent
    amount_unit = 1 if convention.exact else max(1, int(unit.scaleb(terms.kept)))
    counted = day_count(known, convention)
    return Reckoning(
        day_count=counted,
        stub=Stub.PRO_RATA if convention.pro_rata else Stub.DAY_COUNT,
        capitalised_every=capitalised,
        compounded=compounded,
        level_rate=convention.level_rate,
        amount_unit=amount_unit,
        level_pass=terms.fine if convention.level_pass else 0,
    )


def plan_of(known: Known, terms: Terms, method: Method, periods: int) -> tuple[SchedulePlan, bool]:
    """The plan of a case, and whether it has dates of its own."""
    convention, every = terms.convention, frequency_of(known)
    financed, where = financed_of(known)
    annual, effective = needed_rate(known)
    calendar, starts_on, dated = calendar_of(known, every)
    unit, mode = rent_unit(known, terms, method)
    up_front = in_advance(known)
    list_price = known.get(w.PRICE) or known.get(w.MSRP) or financed
    balloon, balloon_after = balloon_of(known, list_price)
    first, flat_on = down_payment(known, terms, financed)
    plain_balloon = balloon_after in (None, periods)
    base = terms.minor(financed, where)
    interest_only = known.get(w.INTEREST_ONLY) or 0
    rounding = convention.interest_rounding or convention.rounding
    reckoning = reckoning_of(known, terms, every, effective=effective)
    plan = SchedulePlan(
        financed=Money(base - first, terms.currency),
        annual_rate=annual,
        term=periods,
        starts_on=starts_on,
        method=method,
        in_advance=up_front > 0,
        balloon=Money(
            terms.minor(balloon, "inputs.balloon") if not convention.exact else terms.nearest(balloon), terms.currency
        ),
        interest_only=interest_only,
        rounding=rounding,
        instalment_unit=_unit(unit, terms),
        residue=convention.residue,
        calendar=calendar,
        shape=replace(
            _shape(known, terms, base, periods - interest_only),
            up_front=max(up_front, 1),
            balloon_after=None if plain_balloon or not balloon else balloon_after,
            flat_on=base if flat_on and method is Method.FLAT else None,
        ),
        reckoning=replace(reckoning, rent_rounding=mode or convention.rounding),
    )
    return plan, dated


def _unit(unit: Decimal, terms: Terms) -> Decimal:
    """The unit of a rent as the engine takes it: nothing is rounded inside but a rent that is rounded first."""
    if not terms.convention.exact:
        return unit
    return unit * terms.fine if terms.convention.rent_first or unit != terms.cent else Decimal(1).scaleb(-terms.kept)


def down_payment(known: Known, terms: Terms, financed: Decimal) -> tuple[int, bool]:
    """A first instalment of what is financed, in the engine's units, and whether there is one."""
    share = known.get(w.DOWN_PAYMENT_PCT)
    if share is None:
        return 0, False
    if not 0 <= share < HUNDRED:
        raise refuse("inputs.down_payment_pct", "must be from 0 to below 100")
    return terms.nearest(financed * share / HUNDRED), True


def _shape(known: Known, terms: Terms, base: int, rows: int) -> Shape:
    given = known.one_of(w.INSTALMENT, w.RENTAL, w.FIXED_INSTALMENT, w.ORIGINAL_INSTALMENT)
    share, custom = known.get(w.PRINCIPAL_PCT), known.get(w.ROWS) or ()
    for word, values in ((w.WEIGHTS, known.get(w.WEIGHTS) or ()), (w.ROWS, custom)):
        if values and len(values) != rows:
            raise refuse(f"inputs.{word.name}", f"must name each of the {rows} instalments that pay principal")
    each = None if share is None else terms.nearest(terms.major(base) * share / HUNDRED)
    return Shape(
        weights=known.get(w.WEIGHTS) or (),
        rent=None if given is None else terms.minor(given[1], f"inputs.{given[0].name}"),
        rents=tuple(None if one is None else terms.minor(one, "inputs.instalments_given") for one in custom),
        principal_each=each,
        deferred=known.get(w.DEFERRED) or 0,
    )


def periods_of(known: Known) -> int | None:
    """How many instalments there are, when the case says it."""
    said: tuple[Word[int], int] | None = known.one_of(w.PERIODS, w.AMORTISATION)
    if said is None:
        many = known.get(w.INSTALMENTS)
        return None if many is None else many.number
    if said[1] < 1:
        raise refuse(f"inputs.{said[0].name}", "must be at least 1")
    return said[1]
