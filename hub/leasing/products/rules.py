"""The terms of a product, checked field by field; the states of its versions; what a quote must keep to.

Shares and rates are fractions. How terms become instalments is in the room `schedules`, how a deal is priced in
`quotes`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from hub.core.errors import Conflict
from hub.core.events import Fact
from hub.core.ids import ProductVersionId
from hub.core.money import Money, Rounding
from hub.leasing.regulation import Topic, regulation
from hub.leasing.schedules.rules import Method as Method
from hub.leasing.schedules.rules import Residue as Residue
from hub.leasing.schedules.rules import require as require

LONGEST_TERM_MONTHS = 120
_FEE_KIND = re.compile(r"[a-z][a-z0-9_]{1,39}")
_PRODUCT_CODE = re.compile(r"[A-Z0-9][A-Z0-9-]{1,29}")


class LeaseType(StrEnum):
    """Whose car it was: the dealer's (直租) or the lessee's own (回租)."""

    DIRECT = "direct"
    SALE_AND_LEASEBACK = "sale_and_leaseback"


class Period(StrEnum):
    """How far apart instalments are."""

    MONTHLY = "monthly"


class Payee(StrEnum):
    """Whose money a fee is in the end."""

    LESSOR = "lessor"
    THIRD_PARTY = "third_party"


class Allocation(StrEnum):
    """What of an instalment a payment can be allocated to, the oldest instalment first; the order is the product's."""

    PENALTY = "penalty"
    INTEREST = "interest"
    PRINCIPAL = "principal"


class InterestUntil(StrEnum):
    """Up to when an early settlement pays interest."""

    SETTLEMENT_DAY = "settlement_day"
    PERIOD_END = "period_end"


class VersionState(StrEnum):
    """The life of a version of a product."""

    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"


TRANSITIONS: dict[VersionState, frozenset[VersionState]] = {
    VersionState.DRAFT: frozenset({VersionState.PUBLISHED, VersionState.RETIRED}),
    VersionState.PUBLISHED: frozenset({VersionState.RETIRED}),
    VersionState.RETIRED: frozenset(),
}

# Fees that most lessors know; a product may name any other kind. (kind: Chinese, English)
KNOWN_FEES: dict[str, tuple[str, str]] = {
    "insurance": ("保险费", "Insurance"),
    "purchase_tax": ("购置税", "Purchase tax"),
    "gps_fee": ("GPS 费", "GPS fee"),
    "plate_registration": ("上牌费", "Plate registration"),
    "accessories": ("精品加装", "Accessories"),
    "service_fee": ("服务费", "Service fee"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TermRange:
    """Terms in months from `least` to `most`, in steps."""

    least: int
    most: int
    step: int = 1

    def holds(self, months: int) -> bool:
        """Whether a term is one of the range."""
        return self.least <= months <= self.most and (months - self.least) % self.step == 0

    def __str__(self) -> str:
        return f"{self.least} to {self.most} months" + (f" in steps of {self.step}" if self.step > 1 else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountRange:
    """Amounts from `least` to `most`, both allowed."""

    least: Money
    most: Money

    def holds(self, amount: Money) -> bool:
        """Whether an amount lies in the range."""
        return self.least <= amount <= self.most

    def __str__(self) -> str:
        return f"{self.least} to {self.most}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareRange:
    """Rates or shares from `least` to `most`, both allowed, as fractions."""

    least: Decimal
    most: Decimal

    def holds(self, share: Decimal) -> bool:
        """Whether a share lies in the range."""
        return self.least <= share <= self.most

    def holds_of(self, part: Money, whole: Money) -> bool:
        """Whether `part` is an allowed share of `whole`, give or take what rounding to the cent does."""
        return whole.times(self.least) <= part <= whole.times(self.most)

    def __str__(self) -> str:
        return f"{self.least:%} to {self.most:%}"


NO_SHARE = ShareRange(least=Decimal(0), most=Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeRule:
    """One kind of fee that a deal may have. `most` caps it; `refundable` if the deal does not come about."""

    kind: str
    payee: Payee
    may_be_financed: bool = True
    may_be_paid_at_signing: bool = True
    refundable: bool = False
    most: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PenaltyRule:
    """Penalty a day on what is overdue, from the first day after the grace days are over, counted from the due date.

    `cap_share` is the most of it, as a share of the overdue instalment; None for no cap.
    """

    daily_rate: Decimal
    grace_days: int = 0
    cap_share: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlySettlementRule:
    """Settling early: not before `lock_in_months`, at a fee of `fee_share` of the remaining principal."""

    lock_in_months: int = 0
    fee_share: Decimal = Decimal(0)
    interest_until: InterestUntil = InterestUntil.SETTLEMENT_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductTerms:
    """Everything that a product fixes or leaves room for.

    Down payment, deposit and balloon are shares of the car price. `instalment_unit` is what a rent is rounded to
    (0.01, 1, 10 …). `purchase_option` is what the lessee pays for the title at the end.
    """

    lease_type: LeaseType
    method: Method
    term: TermRange
    financed_amount: AmountRange
    annual_rate: ShareRange
    down_payment: ShareRange
    deposit: ShareRange
    fees: tuple[FeeRule, ...]
    penalty: PenaltyRule
    early_settlement: EarlySettlementRule
    purchase_option: Money
    period: Period = Period.MONTHLY
    in_advance: bool = False
    balloon: ShareRange = NO_SHARE
    interest_only_months: int = 0
    rounding: Rounding = Rounding.HALF_UP
    instalment_unit: Decimal = Decimal("0.01")
    residue: Residue = Residue.LAST_INSTALMENT
    allocation: tuple[Allocation, ...] = (Allocation.PENALTY, Allocation.INTEREST, Allocation.PRINCIPAL)
    quote_valid_days: int = 15

    def fee_rule(self, kind: str) -> FeeRule | None:
        """The rule of a kind of fee; None when the product does not know it."""
        return next((rule for rule in self.fees if rule.kind == kind), None)


def check_terms(terms: ProductTerms, on: date) -> None:
    """Raise InvalidInput, naming the field, unless the terms make sense and keep to the ceilings that hold `on`."""
    _check_ranges(terms)
    _check_method(terms)
    _check_fees(terms.fees)
    _check_penalty(terms.penalty)
    _check_ceiling(terms, on)
    early = terms.early_settlement
    require(0 <= early.lock_in_months <= terms.term.most, "early_settlement.lock_in_months", "must lie in the term")
    require(0 <= early.fee_share <= 1, "early_settlement.fee_share", "must be a fraction from 0 to 1")
    require(terms.purchase_option.minor >= 0, "purchase_option", "must not be negative")
    require(
        set(terms.allocation) == set(Allocation) and len(terms.allocation) == len(Allocation),
        "allocation",
        "must name penalty, interest and principal, each once",
    )
    require(1 <= terms.quote_valid_days <= 90, "quote_valid_days", "must be 1 to 90")


def _check_ranges(terms: ProductTerms) -> None:
    term, amount, rate = terms.term, terms.financed_amount, terms.annual_rate
    require(1 <= term.least <= term.most, "term", "must start at 1 month or later and not end before it starts")
    require(term.most <= LONGEST_TERM_MONTHS, "term.most", f"must be at most {LONGEST_TERM_MONTHS} months")
    require(term.step >= 1, "term.step", "must be at least 1")
    require(
        0 < amount.least.minor <= amount.most.minor, "financed_amount", "must be positive and not end before it starts"
    )
    require(0 <= rate.least <= rate.most, "annual_rate", "must not be negative and not end before it starts")
    for name in ("down_payment", "deposit", "balloon"):
        share: ShareRange = getattr(terms, name)
        require(0 <= share.least <= share.most < 1, name, "must be fractions from 0 to below 1, in order")


def _check_method(terms: ProductTerms) -> None:
    interest_first = terms.method is Method.INTEREST_FIRST
    require(not (interest_first and terms.in_advance), "in_advance", "interest first is paid in arrears")
    require(
        not (interest_first and terms.balloon.most), "balloon", "interest first leaves the whole principal to the end"
    )
    require(0 <= terms.interest_only_months < terms.term.least, "interest_only_months", "must be shorter than the term")
    require(not (terms.in_advance and terms.interest_only_months), "interest_only_months", "needs payment in arrears")
    unit = terms.instalment_unit
    require(unit >= Decimal("0.01") and unit % Decimal("0.01") == 0, "instalment_unit", "must be whole cents")


def _check_fees(fees: Iterable[FeeRule]) -> None:
    seen: set[str] = set()
    for number, rule in enumerate(fees):
        where = f"fees.{number}"
        require(bool(_FEE_KIND.fullmatch(rule.kind)), f"{where}.kind", "must be lower-case letters, digits and _")
        require(rule.kind not in seen, f"{where}.kind", f"{rule.kind} is named twice")
        require(rule.may_be_financed or rule.may_be_paid_at_signing, where, "must be financed or paid at signing")
        require(rule.most is None or rule.most.minor > 0, f"{where}.most", "must be positive")
        seen.add(rule.kind)


def _check_penalty(rule: PenaltyRule) -> None:
    require(rule.daily_rate >= 0, "penalty.daily_rate", "must not be negative")
    require(0 <= rule.grace_days <= 30, "penalty.grace_days", "must be 0 to 30")
    require(rule.cap_share is None or 0 < rule.cap_share <= 1, "penalty.cap_share", "must be a fraction up to 1")


def _check_ceiling(terms: ProductTerms, on: date) -> None:
    ceiling = regulation(Topic.TOTAL_COST_CEILING, on)
    reason = f"must be at most {ceiling.value:.0%} a year ({ceiling.source})"
    require(terms.annual_rate.most <= ceiling.value, "annual_rate.most", reason)
    require(terms.penalty.daily_rate * 365 <= ceiling.value, "penalty.daily_rate", reason)


def check_product_name(code: str, name: str) -> None:
    """Raise InvalidInput unless code and name of a product can be used."""
    require(bool(_PRODUCT_CODE.fullmatch(code)), "code", "must be 2 to 30 capital letters, digits and -")
    require(0 < len(name.strip()) <= 80, "name", "must have 1 to 80 characters")


def check_move(before: VersionState, after: VersionState) -> None:
    """Raise Conflict unless a version may move from one state to the other."""
    if after not in TRANSITIONS[before]:
        raise Conflict(f"a version that is {before} cannot become {after}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductView:
    """A product: its code, its name, and which version is on offer (None when none is)."""

    id: UUID
    code: str
    name: str
    published_version_id: ProductVersionId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionView:
    """One version of a product with its terms."""

    id: ProductVersionId
    product_id: UUID
    product_code: str
    product_name: str
    number: int
    state: VersionState
    terms: ProductTerms
    published_at: datetime | None
    retired_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductPublished(Fact):
    """A version of a product is on offer."""

    product_id: UUID
    version_id: ProductVersionId
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductRetired(Fact):
    """A version of a product is no longer on offer."""

    product_id: UUID
    version_id: ProductVersionId
