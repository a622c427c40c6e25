"""The file of applications: read line by line, every value checked, every problem named by line, column and reason."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from hub.core.errors import InvalidInput
from hub.core.identity import DocumentKind
from hub.core.money import Money
from hub.infra.staff import checked_branch_code
from hub.leasing.inventory.vin import read_vin
from hub.leasing.parties.documents import account_number, bank_code, clean_text, document_number, phone_number
from hub.leasing.products.rules import Method
from hub.leasing.regulation import Topic, regulation


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
    """What is wrong with a line: `line` as an editor counts, the header being line 1; no column when it is the whole line."""

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
# It becomes the number of papers and of the tracker in the car, so it must be able to.
_REFERENCE = re.compile(r"[A-Za-z0-9-]{1,32}")
_AMOUNT = re.compile(r"[0-9]{1,13}(\.[0-9]{1,2})?")
_RATE = re.compile(r"0(\.[0-9]{1,8})?")
_Value = TypeVar("_Value")


def read(text: str, *, today: date) -> tuple[list[Applicant], list[Problem]]:
    """Every good line as an applicant, every bad one as a problem; raises InvalidInput when the header is not ours.

    An applicant is one line: a quotation mark that is never closed spoils its own line and no other.
    """
    lines = io.StringIO(text.removeprefix("\ufeff"), newline=None)
    header = _header(next(lines, ""))
    good: dict[str, Applicant] = {}
    bad: list[Problem] = []
    for number, line in enumerate(lines, start=2):
        if not line.strip():
            continue
        try:
            applicant = _applicant(_row(line, header), today)
            if applicant.reference in good:
                raise InvalidInput("reference", "stands on an earlier line already")
        except InvalidInput as problem:
            bad.append(Problem(line=number, column=problem.field, reason=problem.reason))
        else:
            good[applicant.reference] = applicant
    return list(good.values()), bad


def _header(line: str) -> list[str]:
    try:
        header = _cells(line)
    except csv.Error as error:
        raise InvalidInput("header", f"is not CSV: {error}") from None
    if missing := [column for column in COLUMNS if column not in header]:
        raise InvalidInput("header", f"these columns are missing: {', '.join(missing)}")
    if twice := [column for column in COLUMNS if header.count(column) > 1]:
        raise InvalidInput("header", f"these columns are there twice: {', '.join(twice)}")
    return header


def _cells(line: str) -> list[str]:
    return next(csv.reader([line], strict=True), [])


def _row(line: str, header: Sequence[str]) -> Mapping[str, str]:
    try:
        cells = _cells(line)
    except csv.Error as error:
        raise InvalidInput("", f"is not CSV: {error}") from None
    if len(cells) != len(header):
        raise InvalidInput("", f"has {len(cells)} cells, the header has {len(header)}")
    return dict(zip(header, cells, strict=True))


def _applicant(row: Mapping[str, str], today: date) -> Applicant:
    def cell(column: str, reads: Callable[[str], _Value]) -> _Value:
        given = row[column].strip()
        if len(given) > _LONGEST_VALUE:
            raise InvalidInput(column, f"is longer than {_LONGEST_VALUE} characters")
        try:
            return reads(given)
        except InvalidInput as problem:
            raise InvalidInput(column, problem.reason) from None
        except ValueError as error:
            raise InvalidInput(column, str(error)) from None

    return Applicant(
        reference=cell("reference", _reference),
        applied_on=cell("applied_on", lambda given: _day(given, today)),
        branch=cell("branch", checked_branch_code),
        name=cell("name", lambda given: clean_text("name", given)),
        identity_number=cell("identity_number", _identity),
        phone=cell("phone", phone_number),
        bank_code=cell("bank_code", bank_code),
        account_number=cell("account_number", account_number),
        monthly_income=cell("monthly_income", _amount),
        channel=cell("channel", _partner),
        car_model=cell("car_model", lambda given: clean_text("car_model", given)),
        vin=cell("vin", read_vin),
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


def _reference(given: str) -> str:
    if not _REFERENCE.fullmatch(given):
        raise ValueError("must be 1 to 32 letters, digits and -")
    return given


def _identity(given: str) -> str:
    return document_number(DocumentKind.CN_IDENTITY_CARD, given)


def _partner(given: str) -> str | None:
    return clean_text("channel", given) if given else None


def _day(given: str, today: date) -> date:
    try:
        day = date.fromisoformat(given)
    except ValueError:
        day = None
    if day is None or day.isoformat() != given:
        raise ValueError("is not a date like 2026-01-31")
    if day > today:
        raise ValueError(f"lies in the future: today is {today}")
    regulation(Topic.TOTAL_COST_CEILING, day)  # before there was one, no lease can be priced
    return day


def _amount(given: str) -> Money:
    if given.startswith("-"):
        raise ValueError("must not be negative")
    if not _AMOUNT.fullmatch(given):
        raise ValueError("is not an amount like 12800.00")
    return Money.of(given)


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
    if not _RATE.fullmatch(given):
        raise ValueError("must be a fraction from 0 to 1 with at most eight digits, like 0.1188")
    return Decimal(given)


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
