"""What a schedule is made from: the plan, its calendar, its shape and its reckoning; and one row of what comes out.

Every convention is a setting here, so that a figure can be explained by naming what was set. Amounts of a shape are in
minor units; rates are fractions. Whoever wants figures that are not rounded inside takes a plan in units so fine that
rounding does not show, since a schedule scales.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from hub.core.dates import DayCount
from hub.core.errors import InvalidInput
from hub.core.money import Money, Rounding, exponent

NOTHING = Money(0)
LONGEST_SCHEDULE = 2400


class Method(StrEnum):
    """How the financed amount is paid back."""

    EQUAL_INSTALMENTS = "equal_instalments"  # 等额本息
    EQUAL_PRINCIPAL = "equal_principal"  # 等额本金
    FLAT = "flat"  # 等本等息
    INTEREST_FIRST = "interest_first"  # 先息后本


class Residue(StrEnum):
    """Where the cents go that rounding leaves over."""

    LAST_INSTALMENT = "last_instalment"
    LAST_INTEREST = "last_interest"


class Unit(StrEnum):
    """What periods are counted in: weeks are seven days, quarters three months, years twelve."""

    DAY = "day"
    MONTH = "month"


class Stub(StrEnum):
    """How a first period that is not a whole one bears interest."""

    DAY_COUNT = "day_count"
    PRO_RATA = "pro_rata"  # a whole period's share, by the actual days of the whole period


class LevelRate(StrEnum):
    """Which rates the level rent is solved with: those of the real periods, or of periods that are all alike."""

    PERIODS = "periods"
    NOMINAL = "nominal"


def require(holds: bool, field: str, reason: str) -> None:
    """Raise InvalidInput, naming field and reason, unless it holds."""
    if not holds:
        raise InvalidInput(field, reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """When rents fall due: every so many days or months, first on `first_due_on` (else a period after the start), in
    months on `due_day`, clamped to the month's end, for ever counted from the first so that nothing drifts.

    `counted_from` is where the first period would have begun, were it whole.
    """

    every: int = 1
    unit: Unit = Unit.MONTH
    first_due_on: date | None = None
    due_day: int | None = None
    counted_from: date | None = None

    def __post_init__(self) -> None:
        require(1 <= self.every <= 1200, "every", "must be 1 to 1200")
        require(self.due_day is None or 1 <= self.due_day <= 31, "due_day", "must be 1 to 31")
        in_months = self.due_day is None or self.unit is Unit.MONTH
        require(in_months, "due_day", "goes with periods of months")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How the rents differ from one another.

    `weights` multiply the level rent, row by row. `rent` is the level rent where it is given; with `until_paid` the
    schedule ends as soon as that rent has paid everything. `rents` and `principals` fix single rows, None where they
    are left to the method; `interests` fixes those of a flat rate that goes on. `principal_each` is what every row pays back, the rest with the last. `up_front` is how
    many rents are paid at the start of a schedule in advance, `deferred` how many first rows pay no interest: it falls
    due, uncompounded, with the next one. `balloon_after` counts periods from the start to a balloon of its own date.
    `flat_on` is the amount that a flat rate is of.
    """

    weights: tuple[Decimal, ...] = ()
    rent: int | None = None
    until_paid: bool = False
    rents: tuple[int | None, ...] = ()
    principals: tuple[int | None, ...] = ()
    interests: tuple[int, ...] = ()
    principal_each: int | None = None
    up_front: int = 1
    deferred: int = 0
    balloon_after: int | None = None
    flat_on: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoning:
    """How figures are computed and rounded.

    `day_count` None gives every whole period the same share of a year. Interest is due with each rent, or is put to
    the capital every `capitalised_every` rents; `compounded` is how often a year the rate is compounded where that is
    told apart from paying it (1: the rate is an effective one). `amount_unit` is what every amount is rounded to, in
    minor units; `rent_rounding` how the rent is, where that differs. `level_pass` moves the level rent once towards what
    the last one comes to, when that differs by more than half as many such units as there are rents; 0 never does.
    """

    day_count: DayCount | None = None
    stub: Stub = Stub.DAY_COUNT
    capitalised_every: int = 1
    compounded: int | None = None
    level_rate: LevelRate = LevelRate.PERIODS
    amount_unit: int = 1
    rent_rounding: Rounding | None = None
    level_pass: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What a schedule that goes on from another brings along: interest that has run already and falls due with the
    first rent, and principal that is due but unpaid and bears interest through the first period."""

    interest: int = 0
    arrears: int = 0


MONTHLY = Calendar()
LEVEL = Shape()
USUAL = Reckoning()
AFRESH = Brought()


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulePlan:
    """What a schedule is made from.

    `annual_rate` is a fraction. `balloon` is paid at the end of the term: with the last instalment in arrears; in
    advance on its own, a period after the last, the period's interest inside it. `interest_only` counts instalments at
    the start that pay no principal. `instalment_unit` is in major units.
    """

    financed: Money
    annual_rate: Decimal
    term: int
    starts_on: date
    method: Method = Method.EQUAL_INSTALMENTS
    in_advance: bool = False
    balloon: Money = NOTHING
    interest_only: int = 0
    rounding: Rounding = Rounding.HALF_UP
    instalment_unit: Decimal = Decimal("0.01")
    residue: Residue = Residue.LAST_INSTALMENT
    calendar: Calendar = MONTHLY
    shape: Shape = LEVEL
    reckoning: Reckoning = USUAL
    brought: Brought = AFRESH

    def __post_init__(self) -> None:
        interest_first = self.method is Method.INTEREST_FIRST
        require(self.financed.minor > 0, "financed", "must be more than nothing")
        require(1 <= self.term <= LONGEST_SCHEDULE, "term", f"must be 1 to {LONGEST_SCHEDULE} instalments")
        require(self.annual_rate >= 0, "annual_rate", "must not be negative")
        require(0 <= self.balloon.minor < self.financed.minor, "balloon", "must be less than the financed amount")
        require(0 <= self.interest_only < self.term, "interest_only", "must leave an instalment that pays principal")
        unit = self.instalment_unit.scaleb(exponent(self.financed.currency))
        require(unit >= 1 and unit % 1 == 0, "instalment_unit", "must be a whole number of minor units")
        alone = interest_first or self.interest_only > 0
        require(not (self.in_advance and alone), "in_advance", "interest alone is paid in arrears")
        require(
            not (interest_first and self.balloon), "balloon", "interest first leaves the whole principal to the end"
        )
        if self.shape is not LEVEL:
            self._check_shape()

    def _check_shape(self) -> None:
        shape, rows = self.shape, self.term - self.interest_only
        for name in ("weights", "rents", "principals", "interests"):
            every = len(getattr(shape, name)) in (0, rows)
            require(every, name, f"must name each of the {rows} instalments that pay principal")
        require(all(weight >= 0 for weight in shape.weights), "weights", "must not be negative")
        require(not shape.weights or any(shape.weights), "weights", "must not all be nothing")
        require(1 <= shape.up_front <= self.term, "up_front", "must be 1 to the number of instalments")
        require(shape.up_front == 1 or self.in_advance, "up_front", "goes with payment in advance")
        require(0 <= shape.deferred < self.term, "deferred", "must leave an instalment that pays interest")
        require(shape.rent is None or shape.rent >= 0, "rent", "must not be negative")
        last = self.term - (shape.up_front if self.in_advance else 0)
        later = shape.balloon_after is None or shape.balloon_after >= last
        require(later, "balloon_after", "must not lie before the last instalment")

    @property
    def plain(self) -> bool:
        """Whether periods, rents and cents are the usual ones throughout, so that the short way can be taken."""
        usual = ((self.shape, LEVEL), (self.reckoning, USUAL), (self.calendar, MONTHLY), (self.brought, AFRESH))
        return all(ours is theirs or ours == theirs for ours, theirs in usual)


class ScheduledInstalment(NamedTuple):
    """One instalment, in minor units inside (a tuple, for speed) and as Money by its properties."""

    number: int
    due_on: date
    principal_minor: int
    interest_minor: int
    balance_minor: int
    currency: str

    @property
    def principal(self) -> Money:
        """What it pays back."""
        return Money(self.principal_minor, self.currency)

    @property
    def interest(self) -> Money:
        """What it pays for the use of the money."""
        return Money(self.interest_minor, self.currency)

    @property
    def rent(self) -> Money:
        """What is paid: principal and interest."""
        return Money(self.principal_minor + self.interest_minor, self.currency)

    @property
    def balance_after(self) -> Money:
        """Principal still owed once it is paid."""
        return Money(self.balance_minor, self.currency)
