"""States of a contract, of its envelopes and of what is paid at signing; when a lease may begin; views and facts: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from hub.core.errors import RuleBroken
from hub.core.events import Fact
from hub.core.ids import (
    ApplicationId,
    BankAccountId,
    BranchId,
    ChargeId,
    ContractId,
    PartyId,
    ProductVersionId,
    QuoteId,
    VehicleId,
)
from hub.core.money import Money
from hub.core.ports.esign import EnvelopeStatus
from hub.leasing.products.pricing import Deal, Price
from hub.leasing.products.rules import LeaseType, Method, Payee, ProductTerms
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


class DocumentKind(StrEnum):
    """A paper of the contract."""

    LEASE_CONTRACT = "lease_contract"


class Language(StrEnum):
    """What a paper is written in; the Chinese one binds."""

    CHINESE = "zh-CN"
    ENGLISH = "en"


class EnvelopeState(StrEnum):
    """How far an envelope has come; unknown: sent out, and no answer; failed: proven that nobody took it."""

    REQUESTED = "requested"
    SENT = "sent"
    UNKNOWN = "unknown"
    COMPLETED = "completed"
    DECLINED = "declined"
    EXPIRED = "expired"
    VOIDED = "voided"
    FAILED = "failed"


_E = EnvelopeState
_ENDS = frozenset({_E.COMPLETED, _E.DECLINED, _E.EXPIRED, _E.VOIDED})
ENVELOPE_MOVES: dict[EnvelopeState, frozenset[EnvelopeState]] = {
    _E.REQUESTED: frozenset({_E.SENT, _E.UNKNOWN, _E.FAILED}) | _ENDS,
    _E.SENT: _ENDS,
    _E.UNKNOWN: frozenset({_E.SENT, _E.FAILED}) | _ENDS,
    _E.COMPLETED: frozenset(),
    _E.DECLINED: frozenset(),
    _E.EXPIRED: frozenset(),
    _E.VOIDED: frozenset(),
    _E.FAILED: frozenset(),
}

# While an envelope is in one of these, no second one may go out.
ENVELOPE_LIVE = frozenset({_E.REQUESTED, _E.SENT, _E.UNKNOWN})
# In one of these, the contract goes back to its draft.
ENVELOPE_LOST = frozenset({_E.DECLINED, _E.EXPIRED, _E.VOIDED, _E.FAILED})

_ENVELOPE_STATE: dict[EnvelopeStatus, EnvelopeState] = {
    EnvelopeStatus.SENT: _E.SENT,
    EnvelopeStatus.PARTLY_SIGNED: _E.SENT,
    EnvelopeStatus.COMPLETED: _E.COMPLETED,
    EnvelopeStatus.DECLINED: _E.DECLINED,
    EnvelopeStatus.EXPIRED: _E.EXPIRED,
    EnvelopeStatus.VOIDED: _E.VOIDED,
}


def envelope_state(status: EnvelopeStatus) -> EnvelopeState:
    """The state that a provider's word for an envelope means."""
    return _ENVELOPE_STATE[status]


def envelope_may_move(before: EnvelopeState, after: EnvelopeState) -> bool:
    """Whether an envelope may go on to that state; anything else is stale news."""
    return after in ENVELOPE_MOVES[before]


class SigningPaymentState(StrEnum):
    """How far one payment at signing has come."""

    DUE = "due"
    REQUESTED = "requested"
    RECEIVED = "received"


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


def mandate_limit(price: Price) -> Money:
    """The most that one debit may take: all rents and all that is due at signing, so that an early settlement fits."""
    return price.total_rent + price.due_at_signing.total


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
class DocumentView:
    """A paper of a contract: where the file is found, as sent out and as signed with its evidence."""

    id: UUID
    kind: DocumentKind
    language: Language
    template_version: str
    sha256: str
    signed_sha256: str | None
    evidence_sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperFile:
    """A paper's file: what to call it, and the digest that it is kept under."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeView:
    """An envelope of a contract; `signing_urls` in the order of the signers."""

    id: UUID
    state: EnvelopeState
    instance: str | None
    requested_at: datetime
    completed_at: datetime | None
    reason: str | None
    signing_urls: tuple[str, ...]


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
class SignatureFailed(Fact):
    """An envelope was declined, ran out, was taken back or never went out; the contract is a draft again."""

    contract_id: ContractId
    envelope_id: UUID
    state: EnvelopeState


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractSigned(Fact):
    """Both sides have signed, and the signed file is kept."""

    contract_id: ContractId
    party_id: PartyId
    signed_at: datetime


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
