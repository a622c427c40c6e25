"""Draft what is owed, have somebody else approve it, pay it through `payments`, write down what became of it.

What is owed is what the books say: it is drafted when the debt is booked, and no more than that is ever approved.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from hub.core.errors import Conflict, InvalidInput, NotFound, RuleBroken
from hub.core.ids import BankAccountId, BranchId, ContractId
from hub.core.money import Money
from hub.infra import audit
from hub.infra.access import visible
from hub.infra.database import Tx
from hub.leasing.applications.rules import Hand
from hub.leasing.contracts import service as contracts
from hub.leasing.contracts.rules import ContractCancelled, ContractFunded, ContractState, LeaseCommenced
from hub.leasing.disbursements import payees
from hub.leasing.disbursements.listing import PAYEE, view_of
from hub.leasing.disbursements.records import DisbursementRecord, PayeeRecord
from hub.leasing.disbursements.rules import (
    PROMISED,
    CancelledDisbursementPaid,
    DisbursementPurpose,
    DisbursementState,
    DisbursementView,
    Shown,
    check_four_eyes,
    check_move,
    check_owed,
    check_shown,
    third_party_fees,
)
from hub.leasing.inventory import service as inventory
from hub.leasing.inventory.rules import VehicleReceived
from hub.leasing.parties.documents import clean_text
from hub.leasing.payments import service as payments
from hub.leasing.payments.rules import PayoutPurpose, PayoutRejected, PayoutSucceeded
from hub.leasing.products import service as products
from hub.leasing.quotes import service as quotes
from hub.ledger import postings
from hub.ledger import service as ledger
from hub.ledger.chart import Account
from hub.ledger.rules import EntryDraft

_LONGEST_WHAT = 200
_LONGEST_REASON = 300


# Drafting


async def draft_for_vehicle(tx: Tx, fact: VehicleReceived) -> None:
    """A bought car has arrived and its price is owed: draft its payment to the dealer."""
    [order] = [one for one in await inventory.orders_of(tx, fact.vehicle_id) if one.id == fact.order_id]
    payee = None if order.channel_id is None else await payees.of_channel(tx, order.channel_id, order.branch_id)
    record = _new(tx, order.branch_id, fact.contract_id, fact.cost, f"car of order {order.number}")
    record.purpose, record.vehicle_id = DisbursementPurpose.VEHICLE, fact.vehicle_id
    await _add(tx, record, payee, order.dealer)


async def draft_for_fees(tx: Tx, fact: LeaseCommenced) -> None:
    """A lease has begun and its third parties are owed their fees: draft the payment of each."""
    contract = await contracts.view(tx, fact.contract_id)
    terms = (await products.get_version(tx, contract.product_version_id)).terms
    for fee in third_party_fees(terms, (await quotes.get_quote(tx, contract.quote_id)).deal):
        record = _new(tx, fact.branch_id, fact.contract_id, fee.amount, f"{fee.kind} of contract {contract.number}")
        record.purpose, record.fee_kind = DisbursementPurpose.THIRD_PARTY, fee.kind
        await _add(tx, record, await payees.of_fee(tx, fee.kind, fact.branch_id), fee.kind)


async def draft(
    tx: Tx, *, contract_id: ContractId, payee_id: UUID, amount: Money, what_for: str, fee_kind: str | None = None
) -> DisbursementView:
    """Draft by hand a payment for a contract: of its car, or of a fee when `fee_kind` names one.

    Raises InvalidInput for what cannot be paid, RuleBroken for a contract without a car, Conflict when the car or the
    fee has a disbursement that was not cancelled, or the payee is ended.
    """
    contract = await contracts.lock(tx, contract_id)
    payee = await payees.serving(tx, payee_id, contract.branch_id)
    if amount.minor <= 0:
        raise InvalidInput("amount", "must be more than nothing")
    record = _new(tx, contract.branch_id, contract_id, amount, clean_text("what_for", what_for, longest=_LONGEST_WHAT))
    if fee_kind is not None:
        record.purpose = DisbursementPurpose.THIRD_PARTY
        record.fee_kind = clean_text("fee_kind", fee_kind, longest=payees.LONGEST_KIND)
    elif contract.vehicle_id is not None:
        record.purpose, record.vehicle_id = DisbursementPurpose.VEHICLE, contract.vehicle_id
    else:
        raise RuleBroken("contract_has_no_vehicle")
    await _add(tx, record, payee, payees.name_of(tx, payee))
    return view_of(tx, record)


def _new(
    tx: Tx, branch_id: BranchId, contract_id: ContractId | None, amount: Money, what_for: str
) -> DisbursementRecord:
    return DisbursementRecord(
        id=tx.new_id(),
        branch_id=branch_id,
        contract_id=contract_id,
        what_for=what_for,
        amount=amount,
        state=DisbursementState.DRAFTED,
        drafted_by=tx.actor.name,
        drafted_by_id=tx.actor.staff_id,
        drafted_at=tx.now,
    )


async def _add(tx: Tx, record: DisbursementRecord, payee: PayeeRecord | None, called: str) -> None:
    """Write a draft; without a payee it bears the name that is known, and somebody has to choose one."""
    _direct(tx, record, payee, called)
    tx.add(record)
    try:
        await tx.flush()
    except IntegrityError as error:
        raise Conflict("disbursement_exists") from error
    await _trace(tx, record, "drafted")


def _direct(tx: Tx, record: DisbursementRecord, payee: PayeeRecord | None, called: str) -> None:
    name = called if payee is None else payees.name_of(tx, payee)
    record.payee_sealed = tx.vault.seal(name, column=PAYEE, row=record.id)
    if payee is not None:
        record.payee_id, record.bank_account_id = payee.id, payee.bank_account_id
        record.bank_code, record.last_four = payee.bank_code, payee.last_four


async def choose_payee(tx: Tx, disbursement_id: UUID, payee_id: UUID) -> DisbursementView:
    """Say whom a draft or a refused disbursement goes to; it has to be approved anew, by somebody else."""
    record = await _held(tx, disbursement_id)
    if record.state != DisbursementState.DRAFTED:
        _move(record, DisbursementState.DRAFTED)
    payee = await payees.serving(tx, payee_id, record.branch_id)
    _direct(tx, record, payee, "")
    record.chosen_by, record.chosen_by_id = tx.actor.name, tx.actor.staff_id
    await _trace(tx, record, "payee_chosen", bank_code=record.bank_code, last_four=record.last_four)
    return view_of(tx, record)


async def cancel(tx: Tx, disbursement_id: UUID, *, reason: str) -> DisbursementView:
    """Nothing is paid on this draft, approval or refusal; raises RuleBroken when a provider has been asked already."""
    record = await _held(tx, disbursement_id)
    reason = clean_text("reason", reason, longest=_LONGEST_REASON)
    _move(record, DisbursementState.CANCELLED)
    record.cancelled_reason = reason
    await _trace(tx, record, "cancelled", reason=reason)
    return view_of(tx, record)


# Approving and paying


async def approve(tx: Tx, disbursement_id: UUID, shown: Shown) -> DisbursementView:
    """Agree to a draft as it was shown: it is paid now, or once its contract is funded.

    Raises RuleBroken for whoever had a hand in it, another amount or account than would be paid, or more than is owed.
    """
    record = await _held(tx, disbursement_id)
    if record.state != DisbursementState.DRAFTED:
        raise RuleBroken("disbursement_state", before=record.state, after=DisbursementState.APPROVED)
    return await _approve(tx, record, shown)


async def ask_again(tx: Tx, disbursement_id: UUID, shown: Shown) -> DisbursementView:
    """Agree once more to a disbursement that was refused, and ask again; raises as `approve` does."""
    record = await _held(tx, disbursement_id)
    if record.state != DisbursementState.REFUSED:
        raise RuleBroken("disbursement_not_refused", state=record.state)
    return await _approve(tx, record, shown)


async def _approve(tx: Tx, record: DisbursementRecord, shown: Shown) -> DisbursementView:
    if record.payee_id is None or record.last_four is None:
        raise RuleBroken("disbursement_has_no_payee")
    payee = await tx.get_one(PayeeRecord, record.payee_id)
    approver = Hand(staff_id=tx.actor.staff_id, name=tx.actor.name)
    check_four_eyes(approver, _hands(record, payee))
    check_shown(shown, amount=record.amount, last_four=record.last_four)
    await _check_owed(tx, record)
    _move(record, DisbursementState.APPROVED)
    record.approved_by, record.approved_by_id, record.approved_at = approver.name, approver.staff_id, tx.now
    await tx.flush()
    await _trace(tx, record, "approved", amount=record.amount, last_four=record.last_four)
    await _pay(tx, record)
    return view_of(tx, record)


def _hands(record: DisbursementRecord, payee: PayeeRecord) -> list[Hand]:
    hands = [
        Hand(staff_id=record.drafted_by_id, name=record.drafted_by),
        Hand(staff_id=payee.named_by_id, name=payee.named_by),
    ]
    if record.chosen_by is not None:
        hands.append(Hand(staff_id=record.chosen_by_id, name=record.chosen_by))
    return hands


async def _check_owed(tx: Tx, record: DisbursementRecord) -> None:
    """Hold the amount against the books of its contract; a car for the stock is drafted at its cost, once."""
    if record.contract_id is None:
        return
    others = select(func.sum(DisbursementRecord.amount)).where(
        DisbursementRecord.contract_id == record.contract_id, DisbursementRecord.state.in_(sorted(PROMISED))
    )
    check_owed(
        owed=-await ledger.balance(tx, Account.PAYABLES, contract_id=record.contract_id),
        promised=await tx.scalar(others) or Money(0),
        amount=record.amount,
    )


async def pay_approved(tx: Tx, fact: ContractFunded | ContractCancelled) -> None:
    """A contract no longer waits for its money: pay what was approved meanwhile."""
    await tx.hold(fact.contract_id)
    waiting = select(DisbursementRecord).where(
        DisbursementRecord.contract_id == fact.contract_id, DisbursementRecord.state == DisbursementState.APPROVED
    )
    for record in await tx.scalars(waiting.with_for_update()):
        await _pay(tx, record)


async def _pay(tx: Tx, record: DisbursementRecord) -> None:
    """Ask for the payout, unless the lessee has signed and not paid yet: the company does not pay first."""
    contract_id = None if record.contract_id is None else ContractId(record.contract_id)
    if contract_id is not None and (await contracts.view(tx, contract_id)).state is ContractState.SIGNED:
        return
    assert record.bank_account_id is not None, "an approved disbursement has an account"
    record.payout_id = await payments.request_payout(
        tx,
        contract_id=contract_id,
        branch_id=BranchId(record.branch_id),
        bank_account_id=BankAccountId(record.bank_account_id),
        purpose=PayoutPurpose.DISBURSEMENT,
        subject_id=record.id,
        money=record.amount,
    )
    _move(record, DisbursementState.PAYING)
    record.code = None


# Recording


async def record_paid(tx: Tx, fact: PayoutSucceeded) -> None:
    """The money has gone: book it, whatever a person has made of the disbursement since it was refused."""
    record = await _of_payout(tx, fact)
    if record.state == DisbursementState.PAID:
        return
    await ledger.post(tx, _entry(record, fact))
    if record.state == DisbursementState.CANCELLED:
        _tell_of_cancelled(tx, record)
        return
    record.state, record.paid_on, record.payout_id = DisbursementState.PAID, fact.settled_on, fact.payout_id
    await _trace(tx, record, "paid", amount=fact.money)


async def record_refused(tx: Tx, fact: PayoutRejected) -> None:
    """A provider has refused the payout: a person decides what becomes of it. Stale news changes nothing."""
    record = await _of_payout(tx, fact)
    if record.state == DisbursementState.PAYING and record.payout_id == fact.payout_id:
        _move(record, DisbursementState.REFUSED)
        record.code = fact.code
        await _trace(tx, record, "refused", code=fact.code)


def _entry(record: DisbursementRecord, fact: PayoutSucceeded) -> EntryDraft:
    match DisbursementPurpose(record.purpose):
        case DisbursementPurpose.VEHICLE:
            return postings.vehicle_paid(
                payout_id=fact.payout_id,
                contract_id=fact.contract_id,
                value_on=fact.settled_on,
                instance=fact.instance,
                amount=fact.money,
            )
        case DisbursementPurpose.THIRD_PARTY:
            assert fact.contract_id is not None, "a fee is a contract's"
            return postings.third_party_paid(
                payout_id=fact.payout_id,
                contract_id=fact.contract_id,
                value_on=fact.settled_on,
                instance=fact.instance,
                amount=fact.money,
                payee=record.what_for,
            )


def _tell_of_cancelled(tx: Tx, record: DisbursementRecord) -> None:
    tx.emit(
        CancelledDisbursementPaid(
            disbursement_id=record.id,
            branch_id=BranchId(record.branch_id),
            contract_id=None if record.contract_id is None else ContractId(record.contract_id),
            money=record.amount,
        )
    )


# Looking


async def get(tx: Tx, disbursement_id: UUID) -> DisbursementView:
    """One disbursement that the actor may see; raises NotFound."""
    record = await tx.scalar(
        visible(select(DisbursementRecord), DisbursementRecord.branch_id, tx.actor).where(
            DisbursementRecord.id == disbursement_id
        )
    )
    if record is None:
        raise NotFound("disbursement", disbursement_id)
    return view_of(tx, record)


async def list_disbursements(
    tx: Tx,
    *,
    state: DisbursementState | None = None,
    contract_id: ContractId | None = None,
    after: UUID | None = None,
    limit: int = 50,
) -> tuple[DisbursementView, ...]:
    """A page of disbursements by key, oldest first: who has waited longest is paid first."""
    rows = visible(select(DisbursementRecord), DisbursementRecord.branch_id, tx.actor)
    rows = rows.order_by(DisbursementRecord.id).limit(limit)
    if state is not None:
        rows = rows.where(DisbursementRecord.state == state)
    if contract_id is not None:
        rows = rows.where(DisbursementRecord.contract_id == contract_id)
    if after is not None:
        rows = rows.where(DisbursementRecord.id > after)
    return tuple(view_of(tx, record) for record in await tx.scalars(rows))


# Holding a disbursement and moving it on


async def _held(tx: Tx, disbursement_id: UUID) -> DisbursementRecord:
    """A disbursement that the actor may see, after its contract: one lock order for everybody who moves money."""
    contract_id = (await get(tx, disbursement_id)).contract_id
    await tx.hold(contract_id or disbursement_id)
    return await _locked(tx, disbursement_id)


async def _of_payout(tx: Tx, fact: PayoutSucceeded | PayoutRejected) -> DisbursementRecord:
    await tx.hold(fact.contract_id or fact.subject_id)
    return await _locked(tx, fact.subject_id)


async def _locked(tx: Tx, disbursement_id: UUID) -> DisbursementRecord:
    return await tx.get_one(DisbursementRecord, disbursement_id, with_for_update=True, populate_existing=True)


def _move(record: DisbursementRecord, after: DisbursementState) -> None:
    check_move(DisbursementState(record.state), after)
    record.state = after


async def _trace(tx: Tx, record: DisbursementRecord, what: str, **detail: object) -> None:
    await audit.record(
        tx,
        action=f"disbursement.{what}",
        subject="disbursement",
        subject_id=record.id,
        detail=detail,
        branch_id=record.branch_id,
    )
