"""The states of a check, and the rule set that turns a report into pass, refer or decline.

Pure. A rule set is a plain value with a version, so that an operator's own takes the place of the default, and a
check says by which one it was judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from uuid import UUID

from hub.core.events import Fact
from hub.core.ids import ApplicationId, BranchId, CreditCheckId, PartyId
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
