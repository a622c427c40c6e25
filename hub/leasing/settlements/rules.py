"""What may become of an early-settlement quote, when a lease is at its end, and what this room makes known: pure."""

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
class PurchaseOptionUncollectable(Fact):
    """A machine has no further try for the price of the purchase option: a person must act, the title does not pass."""

    contract_id: ContractId
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseEndReached(Fact):
    """The deposit is back and the purchase option is paid, or there was none: the contract may close."""

    contract_id: ContractId


def end_reached(*, deposit_returned_on: date | None, option: Money, option_paid_on: date | None) -> bool:
    """Whether nothing stands between a settled lease and its title any more."""
    return deposit_returned_on is not None and (not option or option_paid_on is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoffView:
    """An early-settlement quote, part by part.

    `in_doubt`: money of the lease had no known outcome when it was asked for, so the sum may be too high.
    """

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
    in_doubt: bool
    state: PayoffState
