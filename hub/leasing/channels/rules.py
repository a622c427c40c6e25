"""Kinds and states of partners, the commission rule, and what a commission may become.

Pure. For now there is one rule: a flat share of the financed amount, kept with the partner.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from hub.core.errors import InvalidInput, RuleBroken
from hub.core.events import Fact
from hub.core.ids import BranchId, ChannelId, ContractId
from hub.core.money import Money


class PartnerKind(StrEnum):
    """What kind of firm or person brings the deal; each kind has its own sub-ledger."""

    DEALER = "dealer"
    CHANNEL_COMPANY = "channel_company"
    BROKER = "broker"
    PARTNER = "partner"


class PartnerState(StrEnum):
    """Whether a partner may bring deals."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDED = "ended"


class CommissionRule(StrEnum):
    """By which rule a commission is earned."""

    FINANCED_SHARE = "financed_share"


class AccrualState(StrEnum):
    """Where a commission stands."""

    ACCRUED = "accrued"
    CLAWED_BACK = "clawed_back"
    SETTLED = "settled"


# A partner's share of the financed amount above this is a slip of the pen, not a bargain.
HIGHEST_RATE = Decimal("0.2")


def check_rate(rate: Decimal) -> None:
    """Raise InvalidInput for a commission rate outside 0 to HIGHEST_RATE; a rate is a fraction."""
    if not rate.is_finite() or not 0 <= rate <= HIGHEST_RATE:
        raise InvalidInput("commission_rate", f"must be a fraction from 0 to {HIGHEST_RATE}")


def check_active(state: PartnerState) -> None:
    """Raise RuleBroken for a partner who may not bring deals."""
    if state is not PartnerState.ACTIVE:
        raise RuleBroken("partner_not_active", state=state.value)


def commission(financed: Money, rate: Decimal) -> Money:
    """The flat share of the financed amount, rounded half up to the minor unit."""
    return financed.times(rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerView:
    """A channel partner; `commission_rate` is a fraction of the financed amount."""

    id: ChannelId
    branch_id: BranchId
    kind: PartnerKind
    name: str
    commission_rate: Decimal
    state: PartnerState


@dataclass(frozen=True, slots=True, kw_only=True)
class AccrualView:
    """A commission that a partner has earned with a contract."""

    id: UUID
    partner_id: ChannelId
    contract_id: ContractId
    rule: CommissionRule
    amount: Money
    state: AccrualState
    accrued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CommissionAccrued(Fact):
    """A partner has earned a commission."""

    accrual_id: UUID
    partner_id: ChannelId
    partner_kind: PartnerKind
    contract_id: ContractId
    amount: Money
