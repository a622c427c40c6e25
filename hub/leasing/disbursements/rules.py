"""States of a disbursement, who may approve it, how much is owed; views: pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from hub.core.errors import RuleBroken
from hub.core.events import Fact
from hub.core.ids import BankAccountId, BranchId, ChannelId, ContractId, PartyId, PayoutId, VehicleId
from hub.core.money import Money
from hub.leasing.applications.rules import Hand
from hub.leasing.products.rules import Payee, ProductTerms
from hub.leasing.quotes.rules import Deal, Fee


class DisbursementState(StrEnum):
    """How far a disbursement has come."""

    DRAFTED = "drafted"
    APPROVED = "approved"
    PAYING = "paying"
    PAID = "paid"
    REFUSED = "refused"
    CANCELLED = "cancelled"


class DisbursementPurpose(StrEnum):
    """What is paid for: the car, to its dealer; or a fee, to the third party that it is for."""

    VEHICLE = "vehicle"
    THIRD_PARTY = "third_party"


_S = DisbursementState
MOVES: dict[DisbursementState, frozenset[DisbursementState]] = {
    _S.DRAFTED: frozenset({_S.APPROVED, _S.CANCELLED}),
    _S.APPROVED: frozenset({_S.PAYING, _S.CANCELLED}),
    _S.PAYING: frozenset({_S.PAID, _S.REFUSED}),
    # Another payee makes it a draft again; and a refused payout that the provider makes after all is money gone.
    _S.REFUSED: frozenset({_S.APPROVED, _S.DRAFTED, _S.CANCELLED, _S.PAID}),
    _S.PAID: frozenset(),
    _S.CANCELLED: frozenset(),
}

# Somebody has agreed to it, and the money has not gone yet.
PROMISED = frozenset({_S.APPROVED, _S.PAYING})


def check_move(before: DisbursementState, after: DisbursementState) -> None:
    """Raise RuleBroken unless a disbursement may go from one state to the other."""
    if after not in MOVES[before]:
        raise RuleBroken("disbursement_state", before=before.value, after=after.value)


def check_four_eyes(approver: Hand, hands: Collection[Hand]) -> None:
    """Raise RuleBroken when the approver drafted the disbursement, chose its payee, or named the payee's account."""
    if any(approver.is_of(hand) for hand in hands):
        raise RuleBroken("own_disbursement", approver=approver.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the approver had before their eyes: the amount, and the last four digits of the account."""

    amount: Money
    last_four: str


def check_shown(shown: Shown, *, amount: Money, last_four: str) -> None:
    """Raise RuleBroken when the approver has agreed to something else than what would be paid."""
    if (shown.amount, shown.last_four) != (amount, last_four):
        raise RuleBroken("not_what_was_shown", amount=amount, last_four=last_four)


def check_owed(*, owed: Money, promised: Money, amount: Money) -> None:
    """Raise RuleBroken when the books owe less than this and what is promised already."""
    if amount + promised > owed:
        raise RuleBroken("more_than_is_owed", owed=owed, promised=promised, amount=amount)


def third_party_fees(terms: ProductTerms, deal: Deal) -> tuple[Fee, ...]:
    """The fees of a deal that are owed to somebody else, financed or paid at signing."""
    payees = {rule.kind: rule.payee for rule in terms.fees}
    return tuple(fee for fee in deal.fees if fee.amount and payees[fee.kind] is Payee.THIRD_PARTY)


class PayeeStanding(StrEnum):
    """Whether money still goes to a payee."""

    SERVING = "serving"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayeeView:
    """Where money for a dealer or a kind of fee goes, in a branch and those below it; the account by its last digits."""

    id: UUID
    branch_id: BranchId
    name: str
    channel_id: ChannelId | None
    fee_kind: str | None
    party_id: PartyId
    bank_account_id: BankAccountId
    bank_code: str
    last_four: str
    named_by: str
    named_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisbursementView:
    """A disbursement; without an account nobody has said yet where it goes."""

    id: UUID
    branch_id: BranchId
    contract_id: ContractId | None
    purpose: DisbursementPurpose
    vehicle_id: VehicleId | None
    fee_kind: str | None
    what_for: str
    payee: str
    payee_id: UUID | None
    bank_code: str | None
    last_four: str | None
    amount: Money
    state: DisbursementState
    drafted_by: str
    drafted_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    payout_id: PayoutId | None
    code: str | None
    paid_on: date | None
    cancelled_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unapproved:
    """A disbursement that waits for an approval; `is_own` when the reader had a hand in it or in its payee."""

    disbursement: DisbursementView
    asked_by: str
    is_own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelledDisbursementPaid(Fact):
    """A refused payout whose disbursement was cancelled meanwhile has been made after all: somebody must get it back."""

    disbursement_id: UUID
    branch_id: BranchId
    contract_id: ContractId | None
    money: Money
