"""What may become of an early-settlement quote, and what this room makes known: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from hub.core.events import Fact
from hub.core.ids import ContractId
from hub.core.money import Money


class PayoffState(StrEnum):
    """What became of an early-settlement quote."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    PAID = "paid"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class DepositReturned(Fact):
    """The lessee's deposit is back, or there was none."""

    contract_id: ContractId
    money: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoffView:
    """An early-settlement quote, part by part."""

    id: UUID
    contract_id: ContractId
    as_of_on: date
    valid_until_on: date
    arrears: Money
    penalty: Money
    principal: Money
    interest: Money
    fee: Money
    total: Money
    state: PayoffState
