"""The states of accounts and instalments, when a refused debit is tried again, and what this room makes known: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from hub.core.events import Fact
from hub.core.ids import BankAccountId, BranchId, ChargeId, ContractId, InstalmentId
from hub.core.money import Money
from hub.core.ports.payments import RejectionAdvice
from hub.leasing.products.rules import InterestUntil


class AccountState(StrEnum):
    """Whether rent still runs."""

    ACTIVE = "active"
    SETTLING = "settling"
    SETTLED = "settled"


class InstalmentState(StrEnum):
    """How far an instalment has come."""

    SCHEDULED = "scheduled"
    DUE = "due"
    OVERDUE = "overdue"
    PAID = "paid"
    CANCELLED = "cancelled"


OPEN = frozenset({InstalmentState.SCHEDULED, InstalmentState.DUE, InstalmentState.OVERDUE})
OWED = frozenset({InstalmentState.DUE, InstalmentState.OVERDUE})


@dataclass(frozen=True, slots=True, kw_only=True)
class PenaltyTerms:
    """The product's penalty rule: `daily_rate` of the overdue principal and interest, after `grace_days`, up to
    `cap_share` of the rent (None = no cap)."""

    daily_rate: Decimal
    grace_days: int
    cap_share: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoffTerms:
    """The product's early-settlement rule: not within `lock_in_months`; `fee_share` of the remaining principal;
    interest of the running period to the day or to its end."""

    lock_in_months: int
    fee_share: Decimal
    interest_until: InterestUntil


@dataclass(frozen=True, slots=True, kw_only=True)
class Instalment:
    """One rent as the rules see it; penalties are what has been accrued less what was taken back."""

    id: InstalmentId
    number: int
    due_on: date
    principal: Money
    interest: Money
    penalty: Money
    paid_principal: Money
    paid_interest: Money
    paid_penalty: Money
    state: InstalmentState
    charge_on: date | None
    attempts: int
    penalty_through_on: date | None

    @property
    def rent(self) -> Money:
        """What falls due: principal and interest."""
        return self.principal + self.interest

    @property
    def rent_left(self) -> Money:
        """Principal and interest that are still to be paid."""
        return self.rent - self.paid_principal - self.paid_interest

    @property
    def penalty_left(self) -> Money:
        """Penalty that is still to be paid."""
        return self.penalty - self.paid_penalty

    @property
    def left(self) -> Money:
        """Everything of this instalment that is still to be paid."""
        return self.rent_left + self.penalty_left


# Days after a refused debit on which the next is tried; after the last one a person takes over.
RETRY_AFTER_DAYS = (1, 2, 4, 7)


def retry_on(refused_on: date, attempts: int, advice: RejectionAdvice | None) -> date | None:
    """When a debit that was refused for the `attempts`-th time (from 1) is tried again; None when a machine should not."""
    if advice in (RejectionAdvice.DO_NOT_RETRY, RejectionAdvice.NEW_MANDATE):
        return None
    if attempts > len(RETRY_AFTER_DAYS):
        return None
    return refused_on + timedelta(days=RETRY_AFTER_DAYS[max(attempts, 1) - 1])


# A debit is not put off further than this.
FURTHEST_DAYS = 31


def day_problem(wanted_on: date, today: date) -> str | None:
    """Why nothing can be debited on a day; None when it can."""
    if wanted_on < today:
        return "lies in the past"
    if wanted_on > today + timedelta(days=FURTHEST_DAYS):
        return f"is more than {FURTHEST_DAYS} days away"
    return None


def days_past_due(due_on: date, today: date) -> int:
    """Days past due (逾期天数): 0 on the due date itself and before."""
    return max((today - due_on).days, 0)


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
