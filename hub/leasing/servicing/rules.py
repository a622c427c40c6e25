"""The states of an account, the terms it was opened on, and what this room makes known: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from hub.core.events import Fact
from hub.core.ids import BankAccountId, BranchId, ChargeId, ContractId, InstalmentId
from hub.core.money import Money
from hub.leasing.instalments.rules import Instalment, PenaltyTerms
from hub.leasing.instalments.waterfall import Part
from hub.leasing.products.rules import InterestUntil


class Bucket(StrEnum):
    """How long the oldest rent of an account is overdue: up to 30, 60, 90 days, or more."""

    M1 = "m1"
    M2 = "m2"
    M3 = "m3"
    M4 = "m4"


class AccountState(StrEnum):
    """Whether rent still runs."""

    ACTIVE = "active"
    SETTLING = "settling"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoffTerms:
    """The product's early-settlement rule: not within `lock_in_months`; `fee_share` of the remaining principal;
    interest of the running period to the day or to its end."""

    lock_in_months: int
    fee_share: Decimal
    interest_until: InterestUntil


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """A lease account as other rooms and doors see it."""

    contract_id: ContractId
    branch_id: BranchId
    state: AccountState
    opened_on: date
    bank_account_id: BankAccountId
    deposit: Money
    penalty_terms: PenaltyTerms
    payoff_terms: PayoffTerms
    allocation_order: tuple[Part, ...]
    instalments: tuple[Instalment, ...]
    owed: Money
    days_past_due: int
    in_doubt: bool
    settled_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOpened(Fact):
    """The lease account is open and its schedule stands."""

    contract_id: ContractId
    instalments: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RentOverdue(Fact):
    """A rent has passed its due date unpaid; told once an instalment."""

    contract_id: ContractId
    instalment_id: InstalmentId
    number: int
    due_on: date
    owed: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class RentPaid(Fact):
    """An instalment is paid in full; `arrears_left` is what is still overdue after that."""

    contract_id: ContractId
    instalment_id: InstalmentId
    number: int
    paid_on: date
    arrears_left: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class RentUncollectable(Fact):
    """A machine has no further try for this rent: a person must act."""

    contract_id: ContractId
    instalment_id: InstalmentId
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyUnallocated(Fact):
    """More has come than was owed: the rest waits in suspense, to be given back or used by a person."""

    contract_id: ContractId
    charge_id: ChargeId
    money: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettled(Fact):
    """Nothing is owed any more."""

    contract_id: ContractId
    settled_on: date
    early: bool
