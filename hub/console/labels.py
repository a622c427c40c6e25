"""What the words of the rooms are called on screen: a code is stored, its label is drawn, in one place for every page.

A label is the code as a phrase unless it stands here by another name; how healthy a state looks stands here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from hub.core.identity import DocumentKind
from hub.core.ports.credit_bureau import Inquiry
from hub.infra.access import Role
from hub.infra.records import BranchKind, StaffState
from hub.integrations.verdicts import CallState
from hub.leasing.applications.rules import ApplicationState, ApprovalStep, CreditOutcome, Decision, MaterialKind
from hub.leasing.collections.rules import CaseState
from hub.leasing.contracts.rules import ContractState
from hub.leasing.credit.rules import CheckState, ReasonCode
from hub.leasing.inventory.rules import VehicleStatus
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
from hub.leasing.parties.rules import (
    AddressKind,
    ConsentMethod,
    ConsentPurpose,
    PartyKind,
    PhoneKind,
    RevealPurpose,
)
from hub.leasing.products.rules import LeaseType, Method
from hub.leasing.warnings.rules import WarningKind, WarningState

# Every enumeration whose words are drawn; a test wants each word of each in every language.
WORDS: tuple[type[StrEnum], ...] = (
    ApplicationState,
    BranchKind,
    CallState,
    ContractState,
    IntentLevel,
    LeadSource,
    LeadState,
    Role,
    StaffState,
    TaskPurpose,
    CaseState,
    VehicleStatus,
    WarningKind,
    WarningState,
    AddressKind,
    ApprovalStep,
    CheckState,
    ConsentMethod,
    ConsentPurpose,
    ContactMeans,
    ContactOutcome,
    CreditOutcome,
    Decision,
    DocumentKind,
    Inquiry,
    LeaseType,
    LossReason,
    MaterialKind,
    Method,
    PartyKind,
    PhoneKind,
    ReasonCode,
    RevealPurpose,
    TaskState,
)

_OTHERWISE: Mapping[str, str] = {
    "ok": "OK",
    "cn_identity_card": "Identity card",
    "cn_company_code": "Company code",
    "sms_code": "SMS code",
}

_OK = {
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
    "done",
    "reached",
    "reported",
}
_WARN = {
    "due",
    "degraded",
    "pending",
    "escalated",
    "refer",
    "setup_retry",
    "overdue_soon",
    "out_for_signature",
    "half_open",
    "received",
    "returned",
    "return",
    "no_file",
    "wrong_number",
}
_BAD = {
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
    "under_review",
    "requested",
}


def label(word: StrEnum | str) -> str:
    """What a word is called, in English, as a text to translate."""
    code = str(word)
    return _OTHERWISE.get(code) or code.replace("_", " ").capitalize()


def tone(word: StrEnum | str) -> str:
    """How a state looks: ok, warn, bad, info, or neutral."""
    code = str(word)
    for name, codes in (("ok", _OK), ("warn", _WARN), ("bad", _BAD), ("info", _INFO)):
        if code in codes:
            return name
    return "neutral"
