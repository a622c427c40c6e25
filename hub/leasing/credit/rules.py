"""The states of a check, and the rule set that turns a report into pass, refer or decline.

Pure. A rule set is a plain value with a version, so that an operator's own takes the place of the default, and a
check says by which one it was judged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from uuid import UUID

from hub.core.errors import InvalidInput
from hub.core.events import Fact
from hub.core.ids import ApplicationId, BranchId, CreditCheckId, PartyId
from hub.core.money import Money
from hub.core.ports import require
from hub.core.ports.credit_bureau import CreditOutcome as ReportOutcome
from hub.core.ports.credit_bureau import CreditReport, Inquiry
from hub.leasing.applications.rules import CreditOutcome


class CheckState(StrEnum):
    """Where a credit check stands."""

    REQUESTED = "requested"
    PENDING = "pending"
    UNKNOWN = "unknown"
    REPORTED = "reported"
    NO_FILE = "no_file"
    FAILED = "failed"
    SKIPPED = "skipped"


_ANSWERED = frozenset({CheckState.REPORTED, CheckState.NO_FILE, CheckState.FAILED})
MOVES: dict[CheckState, frozenset[CheckState]] = {
    CheckState.REQUESTED: _ANSWERED | {CheckState.PENDING, CheckState.UNKNOWN, CheckState.SKIPPED},
    CheckState.PENDING: _ANSWERED,
    CheckState.UNKNOWN: _ANSWERED | {CheckState.PENDING},
    CheckState.REPORTED: frozenset(),
    CheckState.NO_FILE: frozenset(),
    CheckState.FAILED: frozenset(),
    CheckState.SKIPPED: frozenset(),
}
# A check that an answer may still come to; an application has at most one of them for each kind of inquiry.
LIVE = frozenset({CheckState.REQUESTED, CheckState.PENDING, CheckState.UNKNOWN})

STATE_OF_REPORT: dict[ReportOutcome, CheckState] = {
    ReportOutcome.REPORTED: CheckState.REPORTED,
    ReportOutcome.NO_FILE: CheckState.NO_FILE,
    ReportOutcome.PENDING: CheckState.PENDING,
}


class ReasonCode(StrEnum):
    """Why a check came out as it did, beside the bureau's own reason codes."""

    BLACKLISTED = "blacklisted"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    APPLICATION_CLOSED = "application_closed"
    NO_FILE = "no_file"
    NO_SCORE = "no_score"
    SCORE_TOO_LOW = "score_too_low"
    SCORE_LOW = "score_low"
    DEBT_RATIO_HIGH = "debt_ratio_high"
    DEBT_RATIO_UNREADABLE = "debt_ratio_unreadable"


DEBT_RATIO = "debt_ratio"  # The name of the summary fact: monthly debt service over monthly income, a fraction.


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditRules:
    """A rule set: below `decline_score` no, below `min_score` look twice, a knock-out reason always no.

    Scores are on the scale of the bureau's model; `max_debt_ratio` is a fraction.
    """

    version: str
    decline_score: int
    min_score: int
    max_debt_ratio: Decimal
    knock_out_reasons: frozenset[str]

    def __post_init__(self) -> None:
        require(self.decline_score <= self.min_score, "decline_score", "must not be above min_score")
        require(self.max_debt_ratio > 0, "max_debt_ratio", "must be positive")


DEFAULT_RULES = CreditRules(
    version="2026-1",
    decline_score=500,
    min_score=600,
    max_debt_ratio=Decimal("0.70"),
    knock_out_reasons=frozenset({"court_enforcement", "fraud", "identity_mismatch", "currently_overdue"}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What a report means for the lease, and why."""

    outcome: CreditOutcome
    reasons: tuple[str, ...] = ()


# A report that a person has fetched, by the bureau's own page or counter, and what they have read in it

BUREAU = re.compile(r"[a-z][a-z0-9_]{1,39}")
REPORT_DAYS = 30  # from the report's own day on; the same as the default of the plugin that reads a shelf of reports
_LONGEST_NUMBER, _MOST = 60, 10**9
_BAND = re.compile(r"[A-Za-z0-9+-]{1,20}")
# How a file of each kind ends, if it is whole. Source: ISO 32000-1, 7.5.5; ISO/IEC 10918-1, B.1; W3C PNG, 11.2.5.
_ENDS: dict[str, tuple[bytes, int]] = {
    "application/pdf": (b"%%EOF", 1024),
    "image/jpeg": (b"\xff\xd9", 64),
    "image/png": (b"IEND\xaeB`\x82", 64),
}


class ReportReason(StrEnum):
    """What a person may say of a report beside its numbers, in the words that rule sets know."""

    COURT_ENFORCEMENT = "court_enforcement"
    FRAUD = "fraud"
    IDENTITY_MISMATCH = "identity_mismatch"


def check_whole(content: bytes, media_type: str) -> None:
    """Raise InvalidInput unless the file of a report ends as one of its kind does."""
    end, within = _ENDS[media_type]
    if end not in content[-within:]:
        raise InvalidInput("file", "is cut off, or not what it begins as")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedReport:
    """A bureau's report that was fetched by hand: whose, which, of which day, and its keyed figures.

    None is what the report does not say. `debt_ratio` is monthly debt service over monthly income, a fraction.
    """

    bureau: str
    report_number: str
    reported_on: date
    score: int | None = None
    band: str | None = None
    open_overdue_count: int | None = None
    overdue: Money | None = None
    inquiries_6m: int | None = None
    guarantees: int | None = None
    debt_ratio: Decimal | None = None
    reasons: frozenset[ReportReason] = frozenset()

    def check(self, today: date, consented_on: date) -> None:
        """Raise InvalidInput, with the field and the reason, for what cannot be so."""
        if not BUREAU.fullmatch(self.bureau):
            raise InvalidInput("bureau", "2 to 40 lower-case letters, digits and underscores, a letter first")
        if not 0 < len(self.report_number.strip()) <= _LONGEST_NUMBER or not self.report_number.isprintable():
            raise InvalidInput("report_number", f"must have 1 to {_LONGEST_NUMBER} printable characters")
        if self.reported_on > today:
            raise InvalidInput("reported_on", "lies in the future")
        if self.valid_until_on < today:
            raise InvalidInput("reported_on", f"the report is more than {REPORT_DAYS} days old")
        if self.reported_on < consented_on:
            raise InvalidInput("reported_on", "lies before the day of the consent")
        for name in ("score", "open_overdue_count", "inquiries_6m", "guarantees"):
            count = getattr(self, name)
            if count is not None and not 0 <= count < _MOST:
                raise InvalidInput(name, "must be a whole number from 0")
        if self.band and not _BAND.fullmatch(self.band):
            raise InvalidInput("band", "must be 1 to 20 letters, digits, + and -")
        if self.overdue is not None and self.overdue.minor < 0:
            raise InvalidInput("overdue", "must not be negative")
        if self.debt_ratio is not None and not 0 <= self.debt_ratio <= 10:
            raise InvalidInput("debt_ratio", "must be a fraction from 0 to 10")

    @property
    def valid_until_on(self) -> date:
        """The last day on which it counts."""
        return self.reported_on + timedelta(days=REPORT_DAYS)

    def report(self, *, file_sha256: str, imported_by: str) -> CreditReport:
        """The report as rule sets judge it; what is overdue now, by either figure, is a reason of its own."""
        overdue = bool(self.open_overdue_count) or bool(self.overdue)
        reasons = sorted(reason.value for reason in self.reasons)
        told = {
            "band": self.band or None,
            "open_overdue_count": self.open_overdue_count,
            "overdue_amount": None if self.overdue is None else f"{self.overdue.amount:.2f}",
            "inquiries_6m": self.inquiries_6m,
            "guarantees": self.guarantees,
            DEBT_RATIO: None if self.debt_ratio is None else f"{self.debt_ratio:f}",
            "report_number": self.report_number.strip(),
            "reported_on": self.reported_on,
            "imported_by": imported_by,
            "file_sha256": file_sha256,
        }
        return CreditReport(
            outcome=ReportOutcome.REPORTED,
            report_ref=f"import:{file_sha256}",
            score=self.score,
            model=self.bureau,
            reasons=(*reasons, *(("currently_overdue",) if overdue else ())),
            facts={name: str(value) for name, value in told.items() if value is not None},
            valid_until_on=self.valid_until_on,
        )


_SEVERITY = {CreditOutcome.PASS: 0, CreditOutcome.REFER: 1, CreditOutcome.DECLINE: 2}


def assess(report: CreditReport, rules: CreditRules) -> Assessment | None:
    """Judge a report: the gravest finding decides, every finding gives its reason; None while the report is pending."""
    match report.outcome:
        case ReportOutcome.PENDING:
            return None
        case ReportOutcome.NO_FILE:
            return Assessment(outcome=CreditOutcome.REFER, reasons=(ReasonCode.NO_FILE.value,))
        case ReportOutcome.REPORTED:
            findings = [*_knock_outs(report, rules), *_of_score(report.score, rules), *_of_debt(report.facts, rules)]
    outcome = max((found for found, _ in findings), key=_SEVERITY.__getitem__, default=CreditOutcome.PASS)
    return Assessment(outcome=outcome, reasons=tuple(reason for _, reason in findings))


_Finding = tuple[CreditOutcome, str]


def _knock_outs(report: CreditReport, rules: CreditRules) -> list[_Finding]:
    hits = sorted(rules.knock_out_reasons.intersection(report.reasons))
    return [(CreditOutcome.DECLINE, reason) for reason in hits]


def _of_score(score: int | None, rules: CreditRules) -> list[_Finding]:
    if score is None:
        return [(CreditOutcome.REFER, ReasonCode.NO_SCORE.value)]
    if score < rules.decline_score:
        return [(CreditOutcome.DECLINE, ReasonCode.SCORE_TOO_LOW.value)]
    if score < rules.min_score:
        return [(CreditOutcome.REFER, ReasonCode.SCORE_LOW.value)]
    return []


def _of_debt(facts: Mapping[str, str], rules: CreditRules) -> list[_Finding]:
    """A report that says nothing of debt is judged without it; one that says it unreadably is looked at by a person."""
    if DEBT_RATIO not in facts:
        return []
    try:
        ratio = Decimal(facts[DEBT_RATIO])
    except InvalidOperation:
        return [(CreditOutcome.REFER, ReasonCode.DEBT_RATIO_UNREADABLE.value)]
    if not ratio.is_finite() or ratio < 0:
        return [(CreditOutcome.REFER, ReasonCode.DEBT_RATIO_UNREADABLE.value)]
    return [(CreditOutcome.REFER, ReasonCode.DEBT_RATIO_HIGH.value)] if ratio > rules.max_debt_ratio else []


def may_move(before: CheckState, after: CheckState) -> bool:
    """Whether news moves a check forward; what does not is stale."""
    return after in MOVES[before]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditCheckView:
    """A credit check as an officer sees it, without the report's facts."""

    id: CreditCheckId
    application_id: ApplicationId
    party_id: PartyId
    branch_id: BranchId
    inquiry: Inquiry
    state: CheckState
    instance: str | None
    score: int | None
    model: str | None
    reasons: tuple[str, ...]
    outcome: CreditOutcome | None
    outcome_reasons: tuple[str, ...]
    rules_version: str | None
    error_code: str | None
    requested_at: datetime
    answered_at: datetime | None
    valid_until_on: date | None
    file_sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlacklistView:
    """An entry of the blacklist; the document itself cannot be read back from it."""

    id: UUID
    reason: str = field(repr=False)
    added_by: str
    added_at: datetime
    removed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditChecked(Fact):
    """An applicant has been judged."""

    application_id: ApplicationId
    check_id: CreditCheckId
    outcome: CreditOutcome
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditCheckFailed(Fact):
    """A check has come to nothing: the bureau refused, nobody could be asked, or the consent is gone."""

    application_id: ApplicationId
    check_id: CreditCheckId
    code: str
