"""What the words of the rooms are called on screen: a code is stored, its label is drawn, in one place for every page.

A label is the code as a phrase unless it stands here by another name; how healthy a state looks stands here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from hub.core.effects import Effect
from hub.core.provider import Capability, Mode
from hub.infra.access import Role
from hub.infra.records import BranchKind, StaffState
from hub.integrations.answers import CallOutcome
from hub.integrations.applying import Fate
from hub.integrations.plugins import ProviderState
from hub.integrations.provenance import SettingSource
from hub.integrations.routing import Strategy
from hub.integrations.verdicts import CallState
from hub.leasing.applications.rules import ApplicationState
from hub.leasing.collections.rules import CaseState
from hub.leasing.contracts.rules import ContractState
from hub.leasing.inventory.rules import VehicleStatus
from hub.leasing.leads.rules import IntentLevel, LeadSource, LeadState, TaskPurpose
from hub.leasing.warnings.rules import WarningKind, WarningState

# Every enumeration whose words are drawn; a test wants each word of each in every language.
WORDS: tuple[type[StrEnum], ...] = (
    ApplicationState,
    BranchKind,
    CallOutcome,
    CallState,
    Capability,
    ContractState,
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
)

_OTHERWISE: Mapping[str, str] = {
    "ok": "OK",
    "received": "Waits",
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
}

# A code that two enumerations share, and that is not called the same in both.
_BY_KIND: Mapping[tuple[type, str], str] = {(StaffState, "active"): "At work"}

_OK = {"active", "approved", "ok", "loaded", "paid", "succeeded", "signed", "applied", "converted", "pass", "enabled"}
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
_INFO = {"draft", "drafted", "open", "submitted", "in_review", "qualified", "funded", "settling", "promised", "new"}


def label(word: StrEnum | str) -> str:
    """What a word is called, in English, as a text to translate."""
    code = str(word)
    return _BY_KIND.get((type(word), code)) or _OTHERWISE.get(code) or code.replace("_", " ").capitalize()


def tone(word: StrEnum | str) -> str:
    """How a state looks: ok, warn, bad, info, or neutral."""
    code = str(word)
    for name, codes in (("ok", _OK), ("warn", _WARN), ("bad", _BAD), ("info", _INFO)):
        if code in codes:
            return name
    return "neutral"
