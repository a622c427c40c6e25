"""States of an application, the material that it needs, and who may decide on it.

Pure. `RuleBroken` names the rule that said no and what it looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from hub.core.errors import InvalidInput, RuleBroken
from hub.core.events import Fact
from hub.core.ids import ApplicationId, BranchId, ChannelId, PartyId, ProductVersionId, QuoteId
from hub.core.money import Money
from hub.leasing.parties.rules import PartyKind
from hub.leasing.products.rules import LeaseType


class ApplicationState(StrEnum):
    """Where an application stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    UNDER_REVIEW = "under_review"
    APPROVED = "approved"
    DECLINED = "declined"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


class MaterialKind(StrEnum):
    """A piece of material that an application is judged by."""

    IDENTITY_DOCUMENT = "identity_document"
    BUSINESS_LICENCE = "business_licence"
    INCOME_PROOF = "income_proof"
    BANK_STATEMENT = "bank_statement"
    DRIVING_LICENCE = "driving_licence"
    REGISTRATION_CERTIFICATE = "registration_certificate"
    VEHICLE_PHOTOS = "vehicle_photos"
    OTHER = "other"


class Decision(StrEnum):
    """What an approver says."""

    APPROVE = "approve"
    DECLINE = "decline"
    RETURN = "return"


class ApprovalStep(StrEnum):
    """A step of the approval flow; for now there is one."""

    FINAL = "final"


class CreditOutcome(StrEnum):
    """What the credit room found: go on, look twice, or no."""

    PASS = "pass"  # noqa: S105 - the outcome, not a password
    REFER = "refer"
    DECLINE = "decline"


_STATE = ApplicationState
MOVES: dict[ApplicationState, frozenset[ApplicationState]] = {
    _STATE.DRAFT: frozenset({_STATE.SUBMITTED, _STATE.WITHDRAWN}),
    _STATE.SUBMITTED: frozenset({_STATE.UNDER_REVIEW, _STATE.WITHDRAWN}),
    _STATE.UNDER_REVIEW: frozenset({_STATE.APPROVED, _STATE.DECLINED, _STATE.RETURNED, _STATE.WITHDRAWN}),
    _STATE.RETURNED: frozenset({_STATE.SUBMITTED, _STATE.WITHDRAWN}),
    _STATE.APPROVED: frozenset({_STATE.WITHDRAWN}),
    _STATE.DECLINED: frozenset(),
    _STATE.WITHDRAWN: frozenset(),
}

# Material may still be added while nobody has decided.
OPEN_TO_MATERIAL = frozenset({_STATE.DRAFT, _STATE.SUBMITTED, _STATE.UNDER_REVIEW, _STATE.RETURNED})
# A credit check serves an application that somebody still has to decide on.
OPEN_TO_CREDIT = frozenset({_STATE.SUBMITTED, _STATE.UNDER_REVIEW})

# A quote has at most one application that may still come to something.
ENDED = frozenset({_STATE.DECLINED, _STATE.WITHDRAWN})

STATE_AFTER: dict[Decision, ApplicationState] = {
    Decision.APPROVE: _STATE.APPROVED,
    Decision.DECLINE: _STATE.DECLINED,
    Decision.RETURN: _STATE.RETURNED,
}

_BY_PARTY: dict[PartyKind, frozenset[MaterialKind]] = {
    PartyKind.PERSON: frozenset({MaterialKind.IDENTITY_DOCUMENT, MaterialKind.INCOME_PROOF}),
    PartyKind.COMPANY: frozenset({MaterialKind.BUSINESS_LICENCE, MaterialKind.BANK_STATEMENT}),
}
_BY_LEASE: dict[LeaseType, frozenset[MaterialKind]] = {
    LeaseType.DIRECT: frozenset(),
    LeaseType.SALE_AND_LEASEBACK: frozenset({MaterialKind.REGISTRATION_CERTIFICATE, MaterialKind.VEHICLE_PHOTOS}),
}

# The most that a role may approve; None is no limit. A role that is not listed approves nothing.
APPROVAL_LIMITS: dict[str, Money | None] = {
    "approver": Money.of("500000.00"),
    "administrator": None,
}

APPROVAL_VALID_DAYS = 30


def check_move(before: ApplicationState, after: ApplicationState) -> None:
    """Raise RuleBroken unless an application may go from one state to the other."""
    if after not in MOVES[before]:
        raise RuleBroken("application_state", before=before.value, after=after.value)


def check_quote(valid_until_on: date, today: date) -> None:
    """Raise RuleBroken when a quote no longer binds."""
    if valid_until_on < today:
        raise RuleBroken("quote_expired", valid_until_on=valid_until_on)


def check_open_to_material(state: ApplicationState) -> None:
    """Raise RuleBroken when nobody will look at more material."""
    if state not in OPEN_TO_MATERIAL:
        raise RuleBroken("application_state", state=state.value)


def check_open_to_credit(state: ApplicationState) -> None:
    """Raise RuleBroken when a credit check would serve nobody."""
    if state not in OPEN_TO_CREDIT:
        raise RuleBroken("application_state", state=state.value)


def required_material(lease_type: LeaseType, party: PartyKind) -> frozenset[MaterialKind]:
    """What must be there before an application of this kind may be submitted."""
    return _BY_PARTY[party] | _BY_LEASE[lease_type]


def check_material(required: Collection[MaterialKind], present: Collection[MaterialKind]) -> None:
    """Raise RuleBroken naming the required material that is missing."""
    if missing := sorted(set(required) - set(present)):
        raise RuleBroken("material_missing", missing=[kind.value for kind in missing])


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """Who had a hand in something: a member of staff, or a job of the hub by its name."""

    staff_id: UUID | None
    name: str

    def is_of(self, other: Hand) -> bool:
        """Whether both are the same one's; a member of staff stays the same under another name."""
        return self.staff_id == other.staff_id and (self.staff_id is not None or self.name == other.name)


def check_four_eyes(approver: Hand, hands: Collection[Hand]) -> None:
    """Raise RuleBroken when the approver opened or submitted the application themselves."""
    if any(approver.is_of(hand) for hand in hands):
        raise RuleBroken("own_application", approver=approver.name)


def check_credit(outcome: CreditOutcome | None, valid_until_on: date | None, today: date) -> None:
    """Raise RuleBroken unless there is a credit outcome that allows an approval and has not run out."""
    if outcome is None:
        raise RuleBroken("credit_missing")
    if outcome is CreditOutcome.DECLINE:
        raise RuleBroken("credit_declined")
    if valid_until_on is not None and valid_until_on < today:
        raise RuleBroken("credit_expired", valid_until_on=valid_until_on)


def check_limit(roles: Collection[str], financed: Money, limits: Mapping[str, Money | None] = APPROVAL_LIMITS) -> None:
    """Raise RuleBroken when none of the approver's roles may approve this much."""
    held = [limits[role] for role in sorted(roles) if role in limits]
    if any(limit is None or financed <= limit for limit in held):
        return
    highest = max((limit.amount for limit in held if limit is not None), default=None)
    raise RuleBroken("approval_limit", financed=str(financed), limit="none" if highest is None else str(highest))


def state_at_submission(outcome: CreditOutcome | None, valid_until_on: date | None, today: date) -> ApplicationState:
    """Straight to review when an earlier credit outcome still holds, else to the credit check."""
    holds = outcome is not None and (valid_until_on is None or valid_until_on >= today)
    return ApplicationState.UNDER_REVIEW if holds else ApplicationState.SUBMITTED


def approval_valid_until(decided_on: date) -> date:
    """The last day on which a contract may be written on an approval of that day."""
    return decided_on + timedelta(days=APPROVAL_VALID_DAYS)


def check_approved(state: ApplicationState, valid_until_on: date | None, today: date) -> None:
    """Raise RuleBroken unless a contract may be written on the application today."""
    if state is not ApplicationState.APPROVED or valid_until_on is None:
        raise RuleBroken("application_not_approved", state=state.value)
    if valid_until_on < today:
        raise RuleBroken("approval_expired", valid_until_on=valid_until_on)


LARGEST_FILE_BYTES = 10 * 1024 * 1024
# What a file of each kind that we take begins with. Source: ISO 32000-1, 7.5.2; ISO/IEC 10918-1, B.1; W3C PNG, 5.2.
_BEGINNINGS: dict[bytes, str] = {
    b"%PDF-": "application/pdf",
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
}


def media_type(content: bytes) -> str:
    """What a file of material is, by its own first bytes; raises InvalidInput unless it is one that we take."""
    if len(content) > LARGEST_FILE_BYTES:
        raise InvalidInput("file", f"must not be larger than {LARGEST_FILE_BYTES // 1024**2} MiB")
    for beginning, kind in _BEGINNINGS.items():
        if content.startswith(beginning):
            return kind
    raise InvalidInput("file", "must be a PDF, JPEG or PNG")


def application_number(day_on: date, sequence: int) -> str:
    """The number that people use: AP20260105-000001."""
    return f"AP{day_on:%Y%m%d}-{sequence:06d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Car:
    """The car that is asked for; a direct lease may not know its VIN yet."""

    model: str
    vin: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialView:
    """A line of the checklist; `file_sha256` is where the file is found."""

    kind: MaterialKind
    required: bool
    file_sha256: str | None

    @property
    def present(self) -> bool:
        """Whether the file has been handed in."""
        return self.file_sha256 is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalView:
    """What an approver said in one round."""

    round: int
    step: ApprovalStep
    decision: Decision
    reason: str
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationView:
    """An application; amounts are the quote's at the time of drafting."""

    id: ApplicationId
    number: str
    branch_id: BranchId
    party_id: PartyId
    quote_id: QuoteId
    product_version_id: ProductVersionId
    lease_type: LeaseType
    channel_id: ChannelId | None
    car: Car
    price: Money
    financed: Money
    state: ApplicationState
    credit_outcome: CreditOutcome | None
    credit_reasons: tuple[str, ...]
    submitted_at: datetime | None
    decided_at: datetime | None
    valid_until_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """An application that waits for a decision; `is_own` when the reader opened or submitted it."""

    application: ApplicationView
    asked_by: str
    asked_at: datetime
    is_own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationSubmitted(Fact):
    """An application has been handed in, complete, and waits for its credit check."""

    application_id: ApplicationId
    party_id: PartyId
    branch_id: BranchId


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationApproved(Fact):
    """The company has said yes, until `valid_until_on`."""

    application_id: ApplicationId
    party_id: PartyId
    branch_id: BranchId
    valid_until_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationDeclined(Fact):
    """The company has said no."""

    application_id: ApplicationId
    party_id: PartyId
    branch_id: BranchId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationReturned(Fact):
    """The approver wants more before they decide."""

    application_id: ApplicationId
    branch_id: BranchId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationWithdrawn(Fact):
    """The applicant has taken the application back."""

    application_id: ApplicationId
    branch_id: BranchId
