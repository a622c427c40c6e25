"""What the words of the rooms are called on screen: a code is stored, its label is drawn, in one place for every page.

A label is the code as a phrase unless it stands here by another name; how healthy a state looks stands here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from hub.core.effects import Effect
from hub.core.identity import DocumentKind
from hub.core.ports.credit_bureau import Inquiry
from hub.core.ports.esign import SignerRole
from hub.core.provider import Capability, CredentialKind, Mode
from hub.infra.access import Role
from hub.infra.records import BranchKind, StaffState
from hub.integrations.answers import CallOutcome
from hub.integrations.fates import Fate
from hub.integrations.plugins import ProviderState
from hub.integrations.provenance import SettingSource
from hub.integrations.routing import Strategy
from hub.integrations.validity import Validity
from hub.integrations.verdicts import CallState
from hub.leasing.applications.rules import ApplicationState, ApprovalStep, CreditOutcome, Decision, MaterialKind
from hub.leasing.approvals.rules import RequestKind, Whose
from hub.leasing.collections.rules import CaseState, ContactState, PromiseState, Template
from hub.leasing.contracts.rules import ContractState
from hub.leasing.credit.rules import CheckState, ReasonCode, ReportReason
from hub.leasing.disbursements.rules import DisbursementPurpose, DisbursementState, PayeeStanding
from hub.leasing.funding.rules import SigningPaymentState
from hub.leasing.instalments.rules import InstalmentState
from hub.leasing.inventory.rules import Inspection, MovementKind, OrderState, TitleHolder, VehicleStatus
from hub.leasing.leads.rules import (
    ContactMeans,
    ContactOutcome,
    IntentLevel,
    LeadSource,
    LeadState,
    LossReason,
    TaskPurpose,
    TaskState,
)
from hub.leasing.mandates.rules import MandateState
from hub.leasing.parties.rules import (
    AddressKind,
    ConsentMethod,
    ConsentPurpose,
    PartyKind,
    PhoneKind,
    RevealPurpose,
)
from hub.leasing.payments.rules import ChargePurpose, MovementState, PayoutPurpose
from hub.leasing.products.rules import LeaseType, Method
from hub.leasing.servicing.rules import AccountState, Bucket
from hub.leasing.settlements.rules import PayoffState
from hub.leasing.signatures.rules import DocumentKind as PaperKind
from hub.leasing.signatures.rules import EnvelopeState
from hub.leasing.statements.rules import DifferenceKind, DifferenceState, StatementState
from hub.leasing.suspense.rules import RefundState
from hub.leasing.tracking.rules import AlarmKind, DeviceKind, DeviceState
from hub.leasing.warnings.rules import WarningKind, WarningState
from hub.ledger.postings import SigningPurpose

# Every enumeration whose words are drawn; a test wants each word of each in every language.
WORDS: tuple[type[StrEnum], ...] = (
    ApplicationState,
    BranchKind,
    CallOutcome,
    CallState,
    Capability,
    ContractState,
    CredentialKind,
    Effect,
    Fate,
    IntentLevel,
    LeadSource,
    LeadState,
    Mode,
    ProviderState,
    Role,
    SettingSource,
    StaffState,
    Strategy,
    TaskPurpose,
    CaseState,
    VehicleStatus,
    WarningKind,
    WarningState,
    AccountState,
    AlarmKind,
    Bucket,
    ChargePurpose,
    ContactState,
    DeviceKind,
    DeviceState,
    DisbursementPurpose,
    DisbursementState,
    DocumentKind,
    PaperKind,
    EnvelopeState,
    InstalmentState,
    LeaseType,
    MandateState,
    Method,
    MovementKind,
    MovementState,
    OrderState,
    PayoffState,
    PayoutPurpose,
    PromiseState,
    RefundState,
    SigningPaymentState,
    SigningPurpose,
    Template,
    TitleHolder,
    AddressKind,
    ApprovalStep,
    CheckState,
    ConsentMethod,
    ConsentPurpose,
    ContactMeans,
    ContactOutcome,
    CreditOutcome,
    Decision,
    Inquiry,
    LossReason,
    MaterialKind,
    PartyKind,
    PhoneKind,
    ReasonCode,
    RevealPurpose,
    TaskState,
    Validity,
    RequestKind,
    Whose,
    SignerRole,
    Inspection,
    PayeeStanding,
    ReportReason,
    StatementState,
    DifferenceKind,
    DifferenceState,
)

_OTHERWISE: Mapping[str, str] = {
    "others": "From others",
    "own": "My own",
    "ok": "OK",
    "stale": "Nothing new",
    "unmapped": "Belongs to nothing known",
    "intent": "On its way",
    "not_executed": "Not executed",
    "credit_bureau": "Credit bureaus",
    "gps_tracker": "GPS trackers",
    "esign": "Electronic signatures",
    "payments": "Payments",
    "sms": "Messages",
    "hub_toml": "hub.toml",
    "standard": "The plugin's own",
    "environment": "Environment variable",
    "loaded": "In service",
    "setup_retry": "Not reached yet",
    "setup_error": "Set up wrongly",
    "auth_failed": "Credentials refused",
    "m1": "1 to 30 days",
    "m2": "31 to 60 days",
    "m3": "61 to 90 days",
    "m4": "Over 90 days",
    "cn_identity_card": "Identity card",
    "cn_company_code": "Company code",
    "co_lessee": "Co-lessee",
    "sms_code": "SMS code",
    "only_stated": "Only in the statement",
    "not_taken": "Moved, and not known here",
    "amount_differs": "Another amount",
    "stated_twice": "In the statement twice",
    "not_stated": "Not in the statement",
    "not_listed": "Not listed by this provider",
    "other_day": "On another day",
    "not_booked": "Not in the books",
    "booked_alone": "Only in the books",
    "fees": "Fees of the provider",
    "settled_to_bank": "Sent to our bank account",
    "gps_fee": "GPS fee",
    "message_text": "Text of messages",
    "party_reference": "The hub's own id of a customer",
    "none": "None",
}

# A code that two enumerations share, and that is not called the same in both.
_BY_KIND: Mapping[tuple[type, str], str] = {
    (StaffState, "active"): "At work",
    (Fate, "received"): "Not applied yet",
    (MovementKind, "received"): "Arrived",
    (OrderState, "received"): "Arrived",
    (Validity, "ended"): "Expired",
}

_OK = {
    "valid",
    "active",
    "approve",
    "approved",
    "ok",
    "loaded",
    "paid",
    "succeeded",
    "signed",
    "applied",
    "converted",
    "pass",
    "enabled",
    "completed",
    "received",
    "kept",
    "done",
    "reached",
    "reported",
    "serving",
    "matched",
    "explained",
}
_WARN = {
    "ends_soon",
    "due",
    "degraded",
    "pending",
    "differs",
    "escalated",
    "refer",
    "setup_retry",
    "overdue_soon",
    "out_for_signature",
    "half_open",
    "accepted",
    "owed",
    "expired",
    "m2",
    "returned",
    "return",
    "revoking",
    "no_file",
    "wrong_number",
}
_BAD = {
    "ended",
    "overdue",
    "failed",
    "rejected",
    "refused",
    "unknown",
    "auth_failed",
    "setup_error",
    "incompatible",
    "blocked",
    "terminated",
    "declined",
    "decline",
    "locked",
    "broken",
    "open_circuit",
    "high",
    "disputed",
    "revoked",
    "m3",
    "m4",
}
_INFO = {
    "draft",
    "drafted",
    "open",
    "submitted",
    "in_review",
    "qualified",
    "funded",
    "settling",
    "promised",
    "new",
    "paying",
    "offered",
    "under_review",
    "requested",
}


def label(word: StrEnum | str) -> str:
    """What a word is called, in English, as a text to translate."""
    code = str(word)
    return _BY_KIND.get((type(word), code)) or _OTHERWISE.get(code) or code.replace("_", " ").capitalize()


def tone(word: StrEnum | str) -> str:
    """How a state looks: ok, warn, bad, info, or neutral."""
    if word is Fate.WAITS:
        return "warn"
    code = str(word)
    for name, codes in (("ok", _OK), ("warn", _WARN), ("bad", _BAD), ("info", _INFO)):
        if code in codes:
            return name
    return "neutral"
