"""States of what is paid at signing, and how much a mandate must allow; views and facts: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from hub.core.events import Fact
from hub.core.ids import ChargeId, ContractId
from hub.core.money import Money
from hub.leasing.quotes.rules import Price
from hub.ledger.postings import SigningPurpose


class SigningPaymentState(StrEnum):
    """How far one payment at signing has come."""

    DUE = "due"
    REQUESTED = "requested"
    RECEIVED = "received"


def mandate_limit(price: Price) -> Money:
    """The most that one debit may take: all rents and all that is due at signing, so that an early settlement fits."""
    return price.total_rent + price.due_at_signing.total


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningPaymentView:
    """One payment at signing."""

    id: UUID
    purpose: SigningPurpose
    money: Money
    state: SigningPaymentState
    charge_id: ChargeId | None
    received_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningPaymentReceived(Fact):
    """One of the payments at signing has come in."""

    contract_id: ContractId
    purpose: SigningPurpose
    money: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningPaymentRejected(Fact):
    """One of the payments at signing was refused and is due again."""

    contract_id: ContractId
    purpose: SigningPurpose
    code: str
