"""The file of applications: read line by line, every value checked, every problem named by line, column and reason."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeVar

from hub.core.errors import InvalidInput
from hub.core.identity import DocumentKind
from hub.core.money import Money
from hub.leasing.parties.documents import document_number
from hub.leasing.products.rules import Method


class Conduct(StrEnum):
    """How an applicant of the demo behaves once the lease runs, or why it never does."""

    PAYS_ON_TIME = "pays_on_time"
    PAYS_LATE_ONCE = "pays_late_once"
    PROMISES_THEN_PAYS = "promises_then_pays"
    UNKNOWN_ONCE = "unknown_once"
    SETTLES_EARLY = "settles_early"
    STOPS_PAYING = "stops_paying"
    WEAK_CREDIT = "weak_credit"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeChoice:
    """One fee and whether it is financed."""

    kind: str
    money: Money
    financed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicant:
    """One line of the file."""

    reference: str
    applied_on: date
    branch: str
    name: str
    identity_number: str
    phone: str
    bank_code: str
    account_number: str
    monthly_income: Money
    channel: str | None
    car_model: str
    vin: str
    car_price: Money
    down_payment: Money
    deposit: Money
    service_fee: Money
    fees: tuple[FeeChoice, ...]
    term_months: int
    annual_rate: Decimal
    method: Method
    conduct: Conduct


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with a line: `line` as an editor counts, the header being line 1."""

    line: int
    column: str
    reason: str


FEES = ("insurance", "purchase_tax", "gps_fee")
COLUMNS = (
    "reference",
    "applied_on",
    "branch",
    "name",
    "identity_number",
    "phone",
    "bank_code",
    "account_number",
    "monthly_income",
    "channel",
    "car_model",
    "vin",
    "car_price",
    "down_payment",
    "deposit",
    "service_fee",
    *(column for fee in FEES for column in (fee, f"{fee}_financed")),
    "term_months",
    "annual_rate",
    "method",
    "conduct",
)
_LONGEST_VALUE = 200
_Value = TypeVar("_Value")


def read(text: str) -> tuple[list[Applicant], list[Problem]]:
    """Every good line as an applicant, every bad one as a problem; raises InvalidInput when the header is not ours."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise InvalidInput("header", f"these columns are missing: {', '.join(missing)}")
    good: dict[str, Applicant] = {}
    bad: list[Problem] = []
    try:
        for row in reader:
            _take(row, reader.line_num, good, bad)
    except csv.Error as error:
        bad.append(Problem(line=reader.line_num, column="", reason=f"is not CSV: {error}"))
    return list(good.values()), bad


def _take(row: Mapping[str, str | None], line: int, good: dict[str, Applicant], bad: list[Problem]) -> None:
    try:
        applicant = _applicant(row)
        if applicant.reference in good:
            raise InvalidInput("reference", "stands on an earlier line already")
    except InvalidInput as problem:
        bad.append(Problem(line=line, column=problem.field, reason=problem.reason))
    else:
        good[applicant.reference] = applicant


def _applicant(row: Mapping[str, str | None]) -> Applicant:
    def cell(column: str, reads: Callable[[str], _Value]) -> _Value:
        given = (row.get(column) or "").strip()
        if len(given) > _LONGEST_VALUE:
            raise InvalidInput(column, f"is longer than {_LONGEST_VALUE} characters")
        try:
            return reads(given)
        except ValueError as error:
            raise InvalidInput(column, str(error)) from None

    return Applicant(
        reference=cell("reference", _text),
        applied_on=cell("applied_on", _day),
        branch=cell("branch", _text),
        name=cell("name", _text),
        identity_number=cell("identity_number", _identity),
        phone=cell("phone", _text),
        bank_code=cell("bank_code", _text),
        account_number=cell("account_number", _digits),
        monthly_income=cell("monthly_income", _amount),
        channel=cell("channel", str) or None,
        car_model=cell("car_model", _text),
        vin=cell("vin", _text),
        car_price=cell("car_price", _positive),
        down_payment=cell("down_payment", _amount),
        deposit=cell("deposit", _amount),
        service_fee=cell("service_fee", _amount),
        fees=tuple(
            FeeChoice(kind=fee, money=cell(fee, _amount), financed=cell(f"{fee}_financed", _yes_or_no)) for fee in FEES
        ),
        term_months=cell("term_months", _months),
        annual_rate=cell("annual_rate", _rate),
        method=cell("method", _method),
        conduct=cell("conduct", _conduct),
    )


def _text(given: str) -> str:
    if not given:
        raise ValueError("is empty")
    return given


def _digits(given: str) -> str:
    if not given.isascii() or not given.isdigit():
        raise ValueError("must be digits")
    return given


def _identity(given: str) -> str:
    try:
        return document_number(DocumentKind.CN_IDENTITY_CARD, given)
    except InvalidInput as problem:
        raise ValueError(problem.reason) from None


def _day(given: str) -> date:
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise ValueError("is not a date like 2026-01-31") from None


def _amount(given: str) -> Money:
    try:
        money = Money.of(given)
    except ValueError:
        raise ValueError("is not an amount like 12800.00") from None
    if money.minor < 0:
        raise ValueError("must not be negative")
    return money


def _positive(given: str) -> Money:
    money = _amount(given)
    if not money:
        raise ValueError("must be more than nothing")
    return money


def _yes_or_no(given: str) -> bool:
    if given not in ("yes", "no"):
        raise ValueError("must be yes or no")
    return given == "yes"


def _months(given: str) -> int:
    if not given.isascii() or not given.isdigit() or not 1 <= int(given) <= 120:
        raise ValueError("must be a number of months from 1 to 120")
    return int(given)


def _rate(given: str) -> Decimal:
    try:
        rate = Decimal(given)
    except InvalidOperation:
        raise ValueError("must be a fraction like 0.1188") from None
    if not rate.is_finite() or not 0 <= rate < 1:
        raise ValueError("must be a fraction from 0 to 1, like 0.1188")
    return rate


def _method(given: str) -> Method:
    try:
        return Method(given)
    except ValueError:
        raise ValueError(f"must be one of {', '.join(method.value for method in Method)}") from None


def _conduct(given: str) -> Conduct:
    try:
        return Conduct(given)
    except ValueError:
        raise ValueError(f"must be one of {', '.join(conduct.value for conduct in Conduct)}") from None
