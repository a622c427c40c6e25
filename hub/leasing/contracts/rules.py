"""States of a contract, what is due at signing, when a lease may begin; views and facts: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from hub.core.errors import RuleBroken
from hub.core.events import Fact
from hub.core.ids import (
    ApplicationId,
    BankAccountId,
    BranchId,
    ContractId,
    PartyId,
    ProductVersionId,
    QuoteId,
    VehicleId,
)
from hub.core.money import Money
from hub.leasing.products.rules import LeaseType, Method, Payee, ProductTerms
from hub.leasing.quotes.rules import Deal
from hub.ledger.postings import SigningPurpose


class ContractState(StrEnum):
    """Where a contract stands."""

    DRAFTED = "drafted"
    OUT_FOR_SIGNATURE = "out_for_signature"
    SIGNED = "signed"
    FUNDED = "funded"
    ACTIVE = "active"
    SETTLED = "settled"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    TERMINATED = "terminated"


_S = ContractState
MOVES: dict[ContractState, frozenset[ContractState]] = {
    _S.DRAFTED: frozenset({_S.OUT_FOR_SIGNATURE, _S.CANCELLED}),
    _S.OUT_FOR_SIGNATURE: frozenset({_S.SIGNED, _S.DRAFTED, _S.CANCELLED}),
    _S.SIGNED: frozenset({_S.FUNDED, _S.CANCELLED}),
    _S.FUNDED: frozenset({_S.ACTIVE, _S.CANCELLED}),
    _S.ACTIVE: frozenset({_S.SETTLED, _S.TERMINATED}),
    _S.SETTLED: frozenset({_S.CLOSED}),
    _S.CLOSED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.TERMINATED: frozenset(),
}

# A contract in one of these has its car to itself.
HOLDS_ITS_CAR = frozenset(_S) - {_S.CLOSED, _S.CANCELLED, _S.TERMINATED}
# What was paid at signing must be refunded first, so a funded contract is not cancelled by this verb.
CANCELLABLE = frozenset({_S.DRAFTED, _S.SIGNED})


def check_move(before: ContractState, after: ContractState) -> None:
    """Raise RuleBroken unless a contract may go from one state to the other."""
    if after not in MOVES[before]:
        raise RuleBroken("contract_state", before=before.value, after=after.value)


def signing_payments(terms: ProductTerms, deal: Deal) -> dict[SigningPurpose, Money]:
    """What the lessee pays at signing, by purpose; parts of nothing are left out.

    A fee of the lessor's own that is not financed is paid with the service fee.
    """
    own, others = _fees_at_signing(terms, deal, Payee.LESSOR), _fees_at_signing(terms, deal, Payee.THIRD_PARTY)
    amounts = {
        SigningPurpose.DOWN_PAYMENT: deal.down_payment,
        SigningPurpose.SECURITY_DEPOSIT: deal.deposit,
        SigningPurpose.SERVICE_FEE: deal.service_fee + own,
        SigningPurpose.THIRD_PARTY_FEES: others,
    }
    return {purpose: money for purpose, money in amounts.items() if money}


def _fees_at_signing(terms: ProductTerms, deal: Deal, payee: Payee) -> Money:
    payees = {rule.kind: rule.payee for rule in terms.fees}
    return Money.total(fee.amount for fee in deal.fees if not fee.financed and payees[fee.kind] is payee)


def check_commencement(
    *, state: ContractState, vehicle_delivered: bool, devices: int, commenced_on: date, today: date
) -> None:
    """Raise RuleBroken unless the lease may begin: paid for at signing, the car with the lessee, a device in the car."""
    check_move(state, ContractState.ACTIVE)
    if not vehicle_delivered:
        raise RuleBroken("vehicle_not_delivered")
    if not devices:
        raise RuleBroken("device_not_bound")
    if commenced_on > today:
        raise RuleBroken("commencement_in_future", commenced_on=commenced_on, today=today)


def contract_number(day_on: date, sequence: int) -> str:
    """The number that people use: LC20260105-000001."""
    return f"LC{day_on:%Y%m%d}-{sequence:06d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractView:
    """A contract as other rooms see it: parties, terms and amounts as written, and the dates of its life."""

    id: ContractId
    number: str
    branch_id: BranchId
    application_id: ApplicationId
    party_id: PartyId
    bank_account_id: BankAccountId | None
    product_version_id: ProductVersionId
    quote_id: QuoteId
    lease_type: LeaseType
    state: ContractState
    vehicle_id: VehicleId | None
    car_model: str
    car_price: Money
    financed_amount: Money
    down_payment_amount: Money
    deposit_amount: Money
    service_fee_amount: Money
    third_party_fees_amount: Money
    balloon_amount: Money
    purchase_option_amount: Money
    total_rent_amount: Money
    instalment_count: int
    term_months: int
    annual_rate: Decimal
    method: Method
    in_advance: bool
    drafted_at: datetime
    signed_at: datetime | None
    funded_at: datetime | None
    commenced_on: date | None
    settled_on: date | None
    closed_on: date | None
    cancelled_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """One change of state in a contract's life."""

    at: datetime
    actor: str
    before: ContractState | None
    after: ContractState
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTransitioned(Fact):
    """A contract has changed state; `before` is None when it has just been drafted."""

    contract_id: ContractId
    contract_number: str
    before: ContractState | None
    after: ContractState
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractDrafted(Fact):
    """A contract has been written from an approved application."""

    contract_id: ContractId
    application_id: ApplicationId
    party_id: PartyId


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractSigned(Fact):
    """Both sides have signed, and the signed file is kept."""

    contract_id: ContractId
    party_id: PartyId
    signed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractFunded(Fact):
    """All that is due at signing has come in: the car may be bought and handed over."""

    contract_id: ContractId


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractCancelled(Fact):
    """The lease does not come about."""

    contract_id: ContractId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseCommenced(Fact):
    """The lease has begun: rents run from `commenced_on` and are debited from this account."""

    contract_id: ContractId
    branch_id: BranchId
    party_id: PartyId
    vehicle_id: VehicleId
    bank_account_id: BankAccountId
    commenced_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseClosed(Fact):
    """Everything is paid and the title has passed: the contract is closed."""

    contract_id: ContractId
    closed_on: date
