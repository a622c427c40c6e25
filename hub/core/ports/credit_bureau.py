"""Credit checks: one applicant, one purpose, one consent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from hub.core.identity import DocumentKind
from hub.core.money import Money
from hub.core.ports import require


class Inquiry(StrEnum):
    """A soft inquiry leaves no mark on the file, a hard one does."""

    SOFT = "soft"
    HARD = "hard"


class CheckKind(StrEnum):
    """What a provider of checks is asked to compare with its source, where it offers several."""

    IDENTITY = "identity"
    PHONE = "phone"
    BANK_CARD = "bank_card"
    VEHICLE = "vehicle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicant:
    """Whom we ask about. Personal data: never logged."""

    name: str = field(repr=False)
    document_kind: DocumentKind
    document_number: str = field(repr=False)
    phone: str = field(default="", repr=False)
    account_number: str = field(default="", repr=False)
    plate: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditPullRequest:
    """Ask a bureau about an applicant, for a purpose that they consented to (`consent_ref`).

    `check` names one check of a provider that offers several; None asks for what its settings say.
    """

    applicant: Applicant
    inquiry: Inquiry
    purpose: str
    consent_ref: str
    check: CheckKind | None = None

    def __post_init__(self) -> None:
        require(bool(self.consent_ref), "consent_ref", "no inquiry without a recorded consent")


class CreditOutcome(StrEnum):
    """What came of the inquiry itself; what it means for the lease is the credit room's decision."""

    REPORTED = "reported"
    NO_FILE = "no_file"
    PENDING = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditReport:
    """A report in the hub's words: `score` on the scale of `model`, reason codes, and summary facts by name."""

    outcome: CreditOutcome
    report_ref: str
    score: int | None = None
    model: str | None = None
    reasons: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict, repr=False)
    valid_until_on: date | None = None
    cost: Money | None = None
