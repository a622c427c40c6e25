"""What may become of a charge or a payout, and what an answer means: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from hub.core.errors import RetryAdvice
from hub.core.events import Fact
from hub.core.ids import BranchId, ChargeId, ContractId, MandateId, PayoutId
from hub.core.money import Money
from hub.core.ports.payments import PaymentOutcome, PaymentResult, RejectionAdvice


class MovementState(StrEnum):
    """How far a charge or payout has come; disputed: the provider moved another amount than we asked for."""

    REQUESTED = "requested"
    SENT = "sent"
    PENDING = "pending"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    REJECTED = "rejected"
    DISPUTED = "disputed"


class ChargePurpose(StrEnum):
    """What a charge is for; `subject_id` of the charge names the very thing."""

    SIGNING = "signing"
    RENT = "rent"
    SETTLEMENT = "settlement"
    PURCHASE_OPTION = "purchase_option"


class PayoutPurpose(StrEnum):
    """What a payout is for."""

    DEPOSIT_RETURN = "deposit_return"
    REFUND = "refund"
    PURCHASE_PRICE = "purchase_price"
    DISBURSEMENT = "disbursement"


# A live movement holds its subject: the database allows one per subject (partial unique index).
# A disputed one does not, so that late news of an older movement can always be written down.
LIVE = frozenset({MovementState.REQUESTED, MovementState.SENT, MovementState.PENDING, MovementState.UNKNOWN})

# Nobody knows what became of it, or it moved another amount.
DOUBTFUL = frozenset({MovementState.UNKNOWN, MovementState.DISPUTED})

_ENDS = frozenset({MovementState.SUCCEEDED, MovementState.REJECTED, MovementState.DISPUTED})
MOVES: dict[MovementState, frozenset[MovementState]] = {
    MovementState.REQUESTED: frozenset({MovementState.SENT}),
    MovementState.SENT: frozenset({MovementState.PENDING, MovementState.UNKNOWN, *_ENDS}),
    MovementState.PENDING: _ENDS,
    MovementState.UNKNOWN: frozenset({MovementState.PENDING, *_ENDS}),
    # A rejected debit that the provider settles after all is money that has come: it is recorded, never refused.
    MovementState.REJECTED: frozenset({MovementState.SUCCEEDED, MovementState.DISPUTED}),
    MovementState.SUCCEEDED: frozenset(),
    MovementState.DISPUTED: frozenset({MovementState.SUCCEEDED}),
}

NOT_EXECUTED = "not_executed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What an answer makes of a movement: its next state, and why when it was refused."""

    state: MovementState
    payment_ref: str | None = None
    code: str | None = None
    advice: RejectionAdvice | None = None
    settled_at: datetime | None = None


def judge(asked: Money, result: PaymentResult) -> Verdict:
    """Read a provider's result against what we asked for; another amount or currency is a dispute, not a success."""
    match result.outcome:
        case PaymentOutcome.SUCCEEDED if result.money != asked:
            return Verdict(state=MovementState.DISPUTED, payment_ref=result.payment_ref, code="amount_differs")
        case PaymentOutcome.SUCCEEDED:
            return Verdict(state=MovementState.SUCCEEDED, payment_ref=result.payment_ref, settled_at=result.settled_at)
        case PaymentOutcome.PENDING:
            return Verdict(state=MovementState.PENDING, payment_ref=result.payment_ref)
        case PaymentOutcome.REJECTED:
            return Verdict(
                state=MovementState.REJECTED, payment_ref=result.payment_ref, code=result.code, advice=result.advice
            )
        case PaymentOutcome.UNKNOWN:
            return Verdict(state=MovementState.UNKNOWN, payment_ref=result.payment_ref)


def refused(code: str | None, advice: RetryAdvice | None) -> Verdict:
    """A movement that the provider refused by an error rather than by a result."""
    again = RejectionAdvice.DO_NOT_RETRY if advice is RetryAdvice.NEVER else RejectionAdvice.RETRY_LATER
    return Verdict(state=MovementState.REJECTED, code=code or NOT_EXECUTED, advice=again)


def may_move(before: MovementState, after: MovementState) -> bool:
    """Whether a movement may go on to that state; anything else is stale news."""
    return after in MOVES[before]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeWish:
    """A debit that a room asks for; `subject_id` names the very thing that it pays."""

    contract_id: ContractId
    mandate_id: MandateId
    purpose: ChargePurpose
    subject_id: UUID
    money: Money
    due_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementView:
    """A charge or payout as other rooms see it."""

    id: UUID
    contract_id: ContractId | None
    purpose: str
    subject_id: UUID
    money: Money
    state: MovementState
    instance: str | None
    payment_ref: str | None
    code: str | None
    due_on: date | None
    is_payout: bool = False
    settled_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeSucceeded(Fact):
    """Money has come in; `settled_on` is its value date."""

    charge_id: ChargeId
    contract_id: ContractId
    purpose: ChargePurpose
    subject_id: UUID
    money: Money
    instance: str
    settled_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRejected(Fact):
    """A debit was refused; `code` in the hub's words."""

    charge_id: ChargeId
    contract_id: ContractId
    purpose: ChargePurpose
    subject_id: UUID
    code: str
    advice: RejectionAdvice | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeInDoubt(Fact):
    """A debit has no known outcome, or moved another amount: nothing more is charged until it is known."""

    charge_id: ChargeId
    contract_id: ContractId
    purpose: ChargePurpose
    subject_id: UUID
    disputed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutSucceeded(Fact):
    """Money has gone out; `contract_id` is None when it was for no contract's, a car for the stock say."""

    payout_id: PayoutId
    branch_id: BranchId
    contract_id: ContractId | None
    purpose: PayoutPurpose
    subject_id: UUID
    money: Money
    instance: str
    settled_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutRejected(Fact):
    """A payout was refused."""

    payout_id: PayoutId
    branch_id: BranchId
    contract_id: ContractId | None
    purpose: PayoutPurpose
    subject_id: UUID
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutInDoubt(Fact):
    """A payout has no known outcome, or moved another amount: it is not made again until it is known."""

    payout_id: PayoutId
    branch_id: BranchId
    contract_id: ContractId | None
    purpose: PayoutPurpose
    subject_id: UUID
    disputed: bool
