"""Ask for mandates, charges and payouts, perform them through the executor, record what became of them.

Three steps each: `request_*` writes the wish, `perform_*` calls the provider with no transaction open, `record_*`
writes the answer. The row's id is the idempotency key, so a step that is repeated after a crash repeats no effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar, assert_never
from uuid import UUID

from sqlalchemy import and_, or_, select

from hub.core.errors import NotFound, RuleBroken
from hub.core.ids import BankAccountId, BranchId, ChargeId, ContractId, MandateId, PartyId, PayoutId
from hub.core.money import Money
from hub.core.ports.payments import CollectRequest, Mandate, MandateRequest, PaymentResult, PayoutRequest
from hub.infra import audit, staff
from hub.infra.access import system, visible
from hub.infra.clock import BUSINESS_ZONE
from hub.infra.crash import crash_point
from hub.infra.database import Database, Tx
from hub.integrations.executor import Answer, Ask, CallOutcome, Executor
from hub.integrations.facts import OutcomeEscalated, OutcomeKnown
from hub.integrations.routing import RouteFacts
from hub.leasing.parties import service as parties
from hub.leasing.payments.records import ChargeRecord, MandateRecord, PayoutRecord
from hub.leasing.payments.rules import (
    MANDATE_MOVES,
    ChargeInDoubt,
    ChargePurpose,
    ChargeRejected,
    ChargeSucceeded,
    MandateActivated,
    MandateRejected,
    MandateState,
    MandateView,
    MovementState,
    MovementView,
    PayoutPurpose,
    PayoutRejected,
    PayoutSucceeded,
    Verdict,
    judge,
    mandate_state,
    may_move,
    refused,
)

CHUNK = 500
AT_ONCE = 16
# A claim that outlives this belongs to a worker that has died; the same key makes taking it over safe.
CLAIM = timedelta(seconds=45)

PERFORM_MANDATES = "payments.perform_mandates"
PERFORM_CHARGES = "payments.perform_charges"
PERFORM_PAYOUTS = "payments.perform_payouts"

_Record = TypeVar("_Record", MandateRecord, ChargeRecord, PayoutRecord)
_Movement = TypeVar("_Movement", ChargeRecord, PayoutRecord)


# Asking


async def request_mandate(
    tx: Tx,
    *,
    contract_id: ContractId,
    branch_id: BranchId,
    party_id: PartyId,
    bank_account_id: BankAccountId,
    limit: Money,
    contract_number: str,
) -> MandateId:
    """Ask the payer for a direct-debit mandate; `limit` is the most that one debit may take."""
    mandate = MandateRecord(
        id=tx.new_id(),
        branch_id=branch_id,
        contract_id=contract_id,
        party_id=party_id,
        bank_account_id=bank_account_id,
        contract_number=contract_number,
        limit_amount=limit,
        state=MandateState.REQUESTED,
        requested_at=tx.now,
    )
    tx.add(mandate)
    await tx.flush()
    await audit.record(tx, action="mandate.requested", subject="contract", subject_id=contract_id)
    await tx.jobs.enqueue(tx, PERFORM_MANDATES, key=PERFORM_MANDATES)
    return MandateId(mandate.id)


async def request_charge(
    tx: Tx,
    *,
    contract_id: ContractId,
    mandate_id: MandateId,
    purpose: ChargePurpose,
    subject_id: UUID,
    money: Money,
    due_on: date,
) -> ChargeId:
    """Ask for one debit under an active mandate.

    Raises RuleBroken when the mandate is not active or the debit exceeds its limit, Conflict (by the database) when the
    subject has a live charge already.
    """
    mandate = await tx.get_one(MandateRecord, mandate_id)
    if mandate.state != MandateState.ACTIVE:
        raise RuleBroken("mandate_not_active", state=mandate.state)
    if money > mandate.limit_amount:
        raise RuleBroken("over_mandate_limit", asked=money, limit=mandate.limit_amount)
    charge = ChargeRecord(
        id=tx.new_id(),
        branch_id=mandate.branch_id,
        contract_id=contract_id,
        mandate_id=mandate_id,
        purpose=purpose,
        subject_id=subject_id,
        amount=money,
        due_on=due_on,
        state=MovementState.REQUESTED,
        requested_at=tx.now,
    )
    tx.add(charge)
    await tx.flush()
    await tx.jobs.enqueue(tx, PERFORM_CHARGES, key=PERFORM_CHARGES)
    return ChargeId(charge.id)


async def request_payout(
    tx: Tx,
    *,
    contract_id: ContractId,
    branch_id: BranchId,
    bank_account_id: BankAccountId,
    purpose: PayoutPurpose,
    subject_id: UUID,
    money: Money,
) -> PayoutId:
    """Ask for one payment to somebody's account; the database refuses a second one for the same subject."""
    payout = PayoutRecord(
        id=tx.new_id(),
        branch_id=branch_id,
        contract_id=contract_id,
        bank_account_id=bank_account_id,
        purpose=purpose,
        subject_id=subject_id,
        amount=money,
        state=MovementState.REQUESTED,
        requested_at=tx.now,
    )
    tx.add(payout)
    await tx.flush()
    await audit.record(tx, action="payout.requested", subject="contract", subject_id=contract_id)
    await tx.jobs.enqueue(tx, PERFORM_PAYOUTS, key=PERFORM_PAYOUTS)
    return PayoutId(payout.id)


# Performing: claim a chunk, call with no transaction open, record each answer in its own transaction


@dataclass(frozen=True, slots=True)
class _Errand:
    """A claimed row and what to ask of the provider for it."""

    id: UUID
    ask: Ask


async def _claim(
    database: Database, record: type[_Record], prepare: Callable[[Tx, _Record], Awaitable[Ask]], limit: int
) -> list[_Errand]:
    async with database.transaction(system("payments")) as tx:
        forsaken = and_(record.state == MovementState.SENT, record.claimed_until_at < tx.now)
        due = (
            select(record)
            .where(or_(record.state == MovementState.REQUESTED, forsaken))
            .order_by(record.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        rows = (await tx.scalars(due)).all()
        for row in rows:
            row.state, row.claimed_until_at = MovementState.SENT, tx.now + CLAIM
        return [_Errand(row.id, await prepare(tx, row)) for row in rows]


async def _run(
    database: Database,
    executor: Executor,
    errands: Sequence[_Errand],
    record: Callable[[Tx, UUID, Answer], Awaitable[None]],
) -> int:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(errand: _Errand) -> None:
        async with places:
            answer = await executor.call(errand.ask)
            crash_point("payments.before_record")
            async with database.transaction(system("payments")) as tx:
                await record(tx, errand.id, answer)

    async with asyncio.TaskGroup() as group:
        for errand in errands:
            group.create_task(one(errand))
    return len(errands)


async def perform_mandates(database: Database, executor: Executor, *, limit: int = CHUNK) -> int:
    """Send out the mandates that wait; returns how many."""
    return await _run(database, executor, await _claim(database, MandateRecord, _mandate_ask, limit), record_mandate)


async def perform_charges(database: Database, executor: Executor, *, limit: int = CHUNK) -> int:
    """Send out the charges that wait; returns how many."""
    return await _run(database, executor, await _claim(database, ChargeRecord, _charge_ask, limit), record_charge)


async def perform_payouts(database: Database, executor: Executor, *, limit: int = CHUNK) -> int:
    """Send out the payouts that wait; returns how many."""
    return await _run(database, executor, await _claim(database, PayoutRecord, _payout_ask, limit), record_payout)


async def _mandate_ask(tx: Tx, mandate: MandateRecord) -> Ask:
    request = MandateRequest(
        payer_ref=str(mandate.party_id),
        account=await parties.payer_account(tx, BankAccountId(mandate.bank_account_id)),
        limit=mandate.limit_amount,
        contract_number=mandate.contract_number,
    )
    return Ask(
        operation="payments_mandate",
        request=request,
        key=str(mandate.id),
        lease_id=mandate.contract_id,
        route=await _route(tx, mandate.branch_id, mandate.contract_id, mandate.limit_amount),
    )


async def _charge_ask(tx: Tx, charge: ChargeRecord) -> Ask:
    mandate = await tx.get_one(MandateRecord, charge.mandate_id)
    assert mandate.mandate_ref is not None, "an active mandate has the provider's reference"
    request = CollectRequest(
        money=charge.amount,
        mandate_ref=mandate.mandate_ref,
        due_on=charge.due_on,
        purpose=charge.purpose,
        contract_number=mandate.contract_number,
    )
    return Ask(
        operation="payments_collect",
        request=request,
        key=str(charge.id),
        lease_id=charge.contract_id,
        pin=mandate.instance,
        route=await _route(tx, charge.branch_id, charge.contract_id, charge.amount),
    )


async def _payout_ask(tx: Tx, payout: PayoutRecord) -> Ask:
    account = await parties.payer_account(tx, BankAccountId(payout.bank_account_id))
    return Ask(
        operation="payments_payout",
        request=PayoutRequest(money=payout.amount, account=account, purpose=payout.purpose),
        key=str(payout.id),
        lease_id=payout.contract_id,
        route=await _route(tx, payout.branch_id, payout.contract_id, payout.amount),
    )


async def _route(tx: Tx, branch_id: UUID, contract_id: UUID, amount: Money) -> RouteFacts:
    code = await staff.branch_code(tx, branch_id)
    return RouteFacts(branch=code, amount=amount, currency=amount.currency, lease_id=contract_id)


# Recording


async def record_mandate(tx: Tx, mandate_id: UUID, answer: Answer) -> None:
    """Write down what the provider said to a mandate request."""
    mandate = await tx.get_one(MandateRecord, mandate_id, with_for_update=True)
    mandate.instance = answer.instance or mandate.instance
    match answer.outcome:
        case CallOutcome.OK:
            assert isinstance(answer.result, Mandate)
            _settle_mandate(tx, mandate, answer.result)
        case CallOutcome.UNKNOWN:
            _move_mandate(tx, mandate, MandateState.UNKNOWN)
        case CallOutcome.REJECTED | CallOutcome.NOT_EXECUTED:
            mandate.code = answer.error_code
            _move_mandate(tx, mandate, MandateState.REJECTED)
        case _:
            assert_never(answer.outcome)


def _settle_mandate(tx: Tx, mandate: MandateRecord, result: Mandate) -> None:
    mandate.mandate_ref, mandate.hosted_url = result.mandate_ref, result.hosted_url
    _move_mandate(tx, mandate, mandate_state(result.status))


def _move_mandate(tx: Tx, mandate: MandateRecord, state: MandateState) -> None:
    if state not in MANDATE_MOVES[MandateState(mandate.state)]:
        return
    mandate.state, mandate.answered_at = state, tx.now
    ids = {"mandate_id": MandateId(mandate.id), "contract_id": ContractId(mandate.contract_id)}
    if state is MandateState.ACTIVE:
        tx.emit(MandateActivated(**ids))
    elif state is MandateState.REJECTED:
        tx.emit(MandateRejected(**ids))


async def record_charge(tx: Tx, charge_id: UUID, answer: Answer) -> None:
    """Write down what the provider said to a charge."""
    charge = await _held(tx, ChargeRecord, charge_id)
    charge.instance = answer.instance or charge.instance
    _move_charge(tx, charge, _verdict(charge.amount, answer.outcome, answer.result, answer.error_code, answer))


async def record_payout(tx: Tx, payout_id: UUID, answer: Answer) -> None:
    """Write down what the provider said to a payout."""
    payout = await _held(tx, PayoutRecord, payout_id)
    payout.instance = answer.instance or payout.instance
    _move_payout(tx, payout, _verdict(payout.amount, answer.outcome, answer.result, answer.error_code, answer))


async def record_outcome_known(tx: Tx, fact: OutcomeKnown) -> None:
    """Take late news of a call: from reconcile, a poll, or a callback."""
    match fact.operation:
        case "payments_mandate":
            mandate = await tx.get_one(MandateRecord, UUID(fact.key), with_for_update=True)
            if isinstance(fact.result, Mandate):
                _settle_mandate(tx, mandate, fact.result)
            elif fact.outcome in (CallOutcome.REJECTED, CallOutcome.NOT_EXECUTED):
                _move_mandate(tx, mandate, MandateState.REJECTED)
        case "payments_collect":
            charge = await _held(tx, ChargeRecord, UUID(fact.key))
            charge.instance = fact.instance or charge.instance
            _move_charge(tx, charge, _verdict(charge.amount, fact.outcome, fact.result, fact.error_code, None))
        case "payments_payout":
            payout = await _held(tx, PayoutRecord, UUID(fact.key))
            payout.instance = fact.instance or payout.instance
            _move_payout(tx, payout, _verdict(payout.amount, fact.outcome, fact.result, fact.error_code, None))
        case _:
            return


async def record_escalated(tx: Tx, fact: OutcomeEscalated) -> None:
    """A person must find out what became of a charge: say so once more, so that it is seen."""
    if fact.operation == "payments_collect":
        charge = await _held(tx, ChargeRecord, UUID(fact.key))
        tx.emit(_in_doubt(charge, disputed=False))


async def _held(tx: Tx, record: type[_Movement], row_id: UUID) -> _Movement:
    """The row, locked, after its contract: one lock order for everybody who moves a contract's money."""
    contract_id = await tx.scalar(select(record.contract_id).where(record.id == row_id))
    if contract_id is None:
        raise NotFound(record.__tablename__, row_id)
    await tx.hold(contract_id)
    return await tx.get_one(record, row_id, with_for_update=True, populate_existing=True)


def _verdict(
    asked: Money, outcome: CallOutcome, result: object | None, error_code: str | None, answer: Answer | None
) -> Verdict:
    match outcome:
        case CallOutcome.OK:
            assert isinstance(result, PaymentResult)
            return judge(asked, result)
        case CallOutcome.UNKNOWN:
            return Verdict(state=MovementState.UNKNOWN)
        case CallOutcome.REJECTED | CallOutcome.NOT_EXECUTED:
            return refused(error_code, answer.advice if answer else None)
        case _:
            assert_never(outcome)


def _apply(tx: Tx, row: ChargeRecord | PayoutRecord, verdict: Verdict) -> bool:
    """Move a row forward; False when the news is stale."""
    row.payment_ref = verdict.payment_ref or row.payment_ref
    if not may_move(MovementState(row.state), verdict.state):
        return False
    row.state, row.code, row.answered_at = verdict.state, verdict.code, tx.now
    if verdict.state is MovementState.SUCCEEDED:
        row.settled_on = (verdict.settled_at or tx.now).astimezone(BUSINESS_ZONE).date()
    return True


def _move_charge(tx: Tx, charge: ChargeRecord, verdict: Verdict) -> None:
    if not _apply(tx, charge, verdict):
        return
    match verdict.state:
        case MovementState.SUCCEEDED:
            assert charge.instance is not None
            assert charge.settled_on is not None
            tx.emit(
                ChargeSucceeded(
                    charge_id=ChargeId(charge.id),
                    contract_id=ContractId(charge.contract_id),
                    purpose=ChargePurpose(charge.purpose),
                    subject_id=charge.subject_id,
                    money=charge.amount,
                    instance=charge.instance,
                    settled_on=charge.settled_on,
                )
            )
        case MovementState.REJECTED:
            tx.emit(
                ChargeRejected(
                    charge_id=ChargeId(charge.id),
                    contract_id=ContractId(charge.contract_id),
                    purpose=ChargePurpose(charge.purpose),
                    subject_id=charge.subject_id,
                    code=charge.code or "rejected",
                    advice=verdict.advice,
                )
            )
        case MovementState.UNKNOWN | MovementState.DISPUTED:
            tx.emit(_in_doubt(charge, disputed=verdict.state is MovementState.DISPUTED))
        case _:
            pass


def _in_doubt(charge: ChargeRecord, *, disputed: bool) -> ChargeInDoubt:
    return ChargeInDoubt(
        charge_id=ChargeId(charge.id),
        contract_id=ContractId(charge.contract_id),
        purpose=ChargePurpose(charge.purpose),
        subject_id=charge.subject_id,
        disputed=disputed,
    )


def _move_payout(tx: Tx, payout: PayoutRecord, verdict: Verdict) -> None:
    if not _apply(tx, payout, verdict):
        return
    if verdict.state is MovementState.SUCCEEDED:
        assert payout.instance is not None
        assert payout.settled_on is not None
        tx.emit(
            PayoutSucceeded(
                payout_id=PayoutId(payout.id),
                contract_id=ContractId(payout.contract_id),
                purpose=PayoutPurpose(payout.purpose),
                subject_id=payout.subject_id,
                money=payout.amount,
                instance=payout.instance,
                settled_on=payout.settled_on,
            )
        )
    elif verdict.state is MovementState.REJECTED:
        tx.emit(
            PayoutRejected(
                payout_id=PayoutId(payout.id),
                contract_id=ContractId(payout.contract_id),
                purpose=PayoutPurpose(payout.purpose),
                subject_id=payout.subject_id,
                code=payout.code or "rejected",
            )
        )


# Looking


async def active_mandate(tx: Tx, contract_id: ContractId) -> MandateView | None:
    """The newest active mandate of a contract, or None."""
    row = await tx.scalar(
        select(MandateRecord)
        .where(MandateRecord.contract_id == contract_id, MandateRecord.state == MandateState.ACTIVE)
        .order_by(MandateRecord.id.desc())
        .limit(1)
    )
    return None if row is None else _mandate_view(row)


async def mandates_of(tx: Tx, contract_id: ContractId) -> list[MandateView]:
    """Every mandate of a contract that the actor may see, newest first."""
    rows = select(MandateRecord).where(MandateRecord.contract_id == contract_id).order_by(MandateRecord.id.desc())
    return [_mandate_view(row) for row in await tx.scalars(visible(rows, MandateRecord.branch_id, tx.actor))]


async def charges_of(tx: Tx, contract_id: ContractId) -> list[MovementView]:
    """Every charge of a contract that the actor may see, newest first."""
    rows = select(ChargeRecord).where(ChargeRecord.contract_id == contract_id).order_by(ChargeRecord.id.desc())
    return [_view(row, row.due_on) for row in await tx.scalars(visible(rows, ChargeRecord.branch_id, tx.actor))]


async def payouts_of(tx: Tx, contract_id: ContractId) -> list[MovementView]:
    """Every payout of a contract that the actor may see, newest first."""
    rows = select(PayoutRecord).where(PayoutRecord.contract_id == contract_id).order_by(PayoutRecord.id.desc())
    return [_view(row, None) for row in await tx.scalars(visible(rows, PayoutRecord.branch_id, tx.actor))]


async def list_charges(
    tx: Tx, *, state: MovementState | None = None, after: UUID | None = None, limit: int = 50
) -> list[MovementView]:
    """A page of charges by key, oldest first."""
    rows = select(ChargeRecord).order_by(ChargeRecord.id).limit(limit)
    if after is not None:
        rows = rows.where(ChargeRecord.id > after)
    if state is not None:
        rows = rows.where(ChargeRecord.state == state)
    return [_view(row, row.due_on) for row in await tx.scalars(visible(rows, ChargeRecord.branch_id, tx.actor))]


async def in_doubt(tx: Tx, contract_id: ContractId) -> bool:
    """Whether money of this contract has an unknown or disputed outcome; dunning pauses while it has."""
    doubtful = (MovementState.UNKNOWN, MovementState.DISPUTED)
    row = await tx.scalar(
        select(ChargeRecord.id)
        .where(ChargeRecord.contract_id == contract_id, ChargeRecord.state.in_(doubtful))
        .limit(1)
    )
    return row is not None


def _mandate_view(row: MandateRecord) -> MandateView:
    return MandateView(
        id=MandateId(row.id),
        contract_id=ContractId(row.contract_id),
        state=MandateState(row.state),
        instance=row.instance,
        hosted_url=row.hosted_url,
    )


def _view(row: ChargeRecord | PayoutRecord, due_on: date | None) -> MovementView:
    return MovementView(
        id=row.id,
        contract_id=ContractId(row.contract_id),
        purpose=row.purpose,
        subject_id=row.subject_id,
        money=row.amount,
        state=MovementState(row.state),
        instance=row.instance,
        payment_ref=row.payment_ref,
        code=row.code,
        due_on=due_on,
    )
