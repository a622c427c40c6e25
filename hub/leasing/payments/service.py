"""Ask for mandates, charges and payouts, perform them through the executor, record what became of them.

Three steps each: `request_*` writes the wish, `perform_*` calls the provider with no transaction open, `record_*`
writes the answer. The row's id is the idempotency key, so a step that is repeated after a crash repeats no effect.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute

from hub.core.errors import Conflict, InvalidInput, NotFound, RuleBroken
from hub.core.ids import BankAccountId, BranchId, ChargeId, ContractId, MandateId, PartyId, PayoutId
from hub.core.money import Money
from hub.core.ports.payments import CollectRequest, MandateRequest, PayoutRequest
from hub.infra import audit, staff
from hub.infra.abreast import abreast
from hub.infra.access import system, visible
from hub.infra.crash import crash_point
from hub.infra.database import Database, Tx
from hub.integrations import call_log
from hub.integrations.executor import Answer, Ask, Executor
from hub.integrations.facts import OutcomeEscalated, OutcomeKnown
from hub.integrations.routing import RouteFacts
from hub.leasing.parties import service as parties
from hub.leasing.payments import movements
from hub.leasing.payments.listing import shown
from hub.leasing.payments.movements import News
from hub.leasing.payments.records import ChargeRecord, MandateRecord, PayoutRecord
from hub.leasing.payments.rules import (
    DOUBTFUL,
    LIVE,
    ChargePurpose,
    ChargeWish,
    MandateState,
    MandateView,
    MovementState,
    MovementView,
    PayoutPurpose,
)

CHUNK = 500
AT_ONCE = 16
# A claim that outlives this belongs to a worker that has died; the same key makes taking it over safe.
CLAIM = timedelta(seconds=45)

PERFORM_MANDATES = "payments.perform_mandates"
PERFORM_CHARGES = "payments.perform_charges"
PERFORM_PAYOUTS = "payments.perform_payouts"

_Record = TypeVar("_Record", MandateRecord, ChargeRecord, PayoutRecord)


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
    """Ask the payer for a direct-debit mandate; `limit` is the most that one debit may take.

    Raises InvalidInput for an account that is not the payer's, or a limit of nothing.
    """
    if limit.minor <= 0:
        raise InvalidInput("limit", "must be more than nothing")
    if bank_account_id not in {account.id for account in await parties.list_bank_accounts(tx, party_id)}:
        raise InvalidInput("bank_account_id", "is not an account of the payer")
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
    await audit.record(tx, action="mandate.requested", subject="contract", subject_id=contract_id, branch_id=branch_id)
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
    """Ask for one debit under an active mandate; raises as `request_charges` does."""
    wish = ChargeWish(
        contract_id=contract_id,
        mandate_id=mandate_id,
        purpose=purpose,
        subject_id=subject_id,
        money=money,
        due_on=due_on,
    )
    return (await request_charges(tx, [wish]))[0]


async def request_charges(tx: Tx, wishes: Sequence[ChargeWish]) -> list[ChargeId]:
    """Ask for debits under active mandates, all of them or none.

    Raises NotFound for a mandate of another contract, RuleBroken when one is not active or a debit exceeds its limit,
    Conflict when a subject has a live charge already.
    """
    if not wishes:
        return []
    wanted = select(MandateRecord).where(MandateRecord.id.in_({wish.mandate_id for wish in wishes}))
    mandates = {mandate.id: mandate for mandate in await tx.scalars(wanted)}
    charges = [_charge(tx, wish, mandates.get(wish.mandate_id)) for wish in wishes]
    tx.add_all(charges)
    await _flush(tx, "charge_under_way")
    await tx.jobs.enqueue(tx, PERFORM_CHARGES, key=PERFORM_CHARGES)
    return [ChargeId(charge.id) for charge in charges]


def _charge(tx: Tx, wish: ChargeWish, mandate: MandateRecord | None) -> ChargeRecord:
    if mandate is None or mandate.contract_id != wish.contract_id:
        raise NotFound("mandate", wish.mandate_id)
    if mandate.state != MandateState.ACTIVE:
        raise RuleBroken("mandate_not_active", state=mandate.state)
    if wish.money > mandate.limit_amount:
        raise RuleBroken("over_mandate_limit", asked=wish.money, limit=mandate.limit_amount)
    return ChargeRecord(
        id=tx.new_id(),
        branch_id=mandate.branch_id,
        contract_id=wish.contract_id,
        mandate_id=mandate.id,
        purpose=wish.purpose,
        subject_id=wish.subject_id,
        amount=wish.money,
        due_on=wish.due_on,
        state=MovementState.REQUESTED,
        requested_at=tx.now,
    )


async def request_payout(
    tx: Tx,
    *,
    contract_id: ContractId | None,
    branch_id: BranchId,
    bank_account_id: BankAccountId,
    purpose: PayoutPurpose,
    subject_id: UUID,
    money: Money,
) -> PayoutId:
    """Ask for one payment to somebody's account; raises Conflict when the subject has one that was not refused.

    What is paid for no contract, a car for the stock say, has none.
    """
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
    await _flush(tx, "payout_under_way")
    subject, about = ("payout", payout.id) if contract_id is None else ("contract", contract_id)
    await audit.record(tx, action="payout.requested", subject=subject, subject_id=about, branch_id=branch_id)
    await tx.jobs.enqueue(tx, PERFORM_PAYOUTS, key=PERFORM_PAYOUTS)
    return PayoutId(payout.id)


async def _flush(tx: Tx, reason: str) -> None:
    """Write now; a subject that is held already is a Conflict of that reason."""
    try:
        await tx.flush()
    except IntegrityError as error:
        raise Conflict(reason) from error


# Performing: claim a chunk, call with no transaction open, record each answer in its own transaction


@dataclass(frozen=True, slots=True)
class _Errand:
    """A claimed row, what to ask of the provider for it, and how long it is ours."""

    id: UUID
    ask: Ask
    until_at: datetime


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
        rows, until_at = (await tx.scalars(due)).all(), tx.now + CLAIM
        for row in rows:
            row.state, row.claimed_until_at = MovementState.SENT, until_at
        return [_Errand(row.id, await prepare(tx, row), until_at) for row in rows]


async def _run(
    database: Database,
    executor: Executor,
    errands: Sequence[_Errand],
    record: Callable[[Tx, UUID, Answer], Awaitable[None]],
) -> int:
    async def one(errand: _Errand) -> None:
        # A call that could outlive the claim would meet whoever takes the row over: it is left to them.
        if database.clock.now() + timedelta(seconds=errand.ask.deadline_s) > errand.until_at:
            return
        answer = await executor.call(errand.ask)
        crash_point("payments.before_record")
        async with database.transaction(system("payments")) as tx:
            await record(tx, errand.id, answer)

    return await abreast(errands, one, at_once=AT_ONCE)


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


async def _route(tx: Tx, branch_id: UUID, contract_id: UUID | None, amount: Money) -> RouteFacts:
    code = await staff.branch_code(tx, branch_id)
    return RouteFacts(branch=code, amount=amount, currency=amount.currency, lease_id=contract_id)


# Recording


async def record_mandate(tx: Tx, mandate_id: UUID, answer: Answer) -> None:
    """Write down what the provider said to a mandate request."""
    held = await _held(tx, MandateRecord, mandate_id)
    movements.take_mandate(tx, held, await _as_it_stands(tx, answer))


async def record_charge(tx: Tx, charge_id: UUID, answer: Answer) -> None:
    """Write down what the provider said to a charge."""
    held = await _held(tx, ChargeRecord, charge_id)
    movements.take_charge(tx, held, await _as_it_stands(tx, answer))


async def record_payout(tx: Tx, payout_id: UUID, answer: Answer) -> None:
    """Write down what the provider said to a payout."""
    held = await _held(tx, PayoutRecord, payout_id)
    movements.take_payout(tx, held, await _as_it_stands(tx, answer))


async def _as_it_stands(tx: Tx, answer: Answer) -> News:
    """What the provider has said, read again under the lock: whoever asked may have been slower than the pursuit."""
    return News.of(answer, given_up=await call_log.is_escalated(tx, answer.call_id))


async def record_outcome_known(tx: Tx, fact: OutcomeKnown) -> None:
    """Take late news of a call: from reconcile, a poll, or a callback."""
    match fact.operation:
        case "payments_mandate":
            movements.take_mandate(tx, await _held(tx, MandateRecord, UUID(fact.key)), News.late(fact))
        case "payments_collect":
            movements.take_charge(tx, await _held(tx, ChargeRecord, UUID(fact.key)), News.late(fact))
        case "payments_payout":
            movements.take_payout(tx, await _held(tx, PayoutRecord, UUID(fact.key)), News.late(fact))
        case _:
            return


async def record_escalated(tx: Tx, fact: OutcomeEscalated) -> None:
    """A person must find out what became of a movement: it is in doubt from now on, if it was not, and that is told."""
    match fact.operation:
        case "payments_mandate":
            movements.doubt_mandate(tx, await _held(tx, MandateRecord, UUID(fact.key)))
        case "payments_collect":
            movements.doubt_charge(tx, await _held(tx, ChargeRecord, UUID(fact.key)))
        case "payments_payout":
            movements.doubt_payout(tx, await _held(tx, PayoutRecord, UUID(fact.key)))
        case _:
            return


async def _held(tx: Tx, record: type[_Record], row_id: UUID) -> _Record:
    """The row, locked, after its contract: one lock order for everybody who moves a contract's money."""
    found = (await tx.execute(select(record.contract_id).where(record.id == row_id))).one_or_none()
    if found is None:
        raise NotFound(record.__tablename__, row_id)
    await tx.hold(found[0] or row_id)
    return await tx.get_one(record, row_id, with_for_update=True, populate_existing=True)


# Looking


async def active_mandate(tx: Tx, contract_id: ContractId) -> MandateView | None:
    """The newest active mandate of a contract, or None."""
    return (await active_mandates(tx, [contract_id])).get(contract_id)


async def active_mandates(tx: Tx, contract_ids: Sequence[ContractId]) -> Mapping[ContractId, MandateView]:
    """The newest active mandate of each of these contracts that has one."""
    rows = (
        select(MandateRecord)
        .where(MandateRecord.contract_id.in_(contract_ids), MandateRecord.state == MandateState.ACTIVE)
        .order_by(MandateRecord.id)
    )
    return {ContractId(row.contract_id): _mandate_view(row) for row in await tx.scalars(rows)}


async def mandates_of(tx: Tx, contract_id: ContractId) -> list[MandateView]:
    """Every mandate of a contract that the actor may see, newest first."""
    rows = select(MandateRecord).where(MandateRecord.contract_id == contract_id).order_by(MandateRecord.id.desc())
    return [_mandate_view(row) for row in await tx.scalars(visible(rows, MandateRecord.branch_id, tx.actor))]


async def charges_of(tx: Tx, contract_id: ContractId) -> list[MovementView]:
    """Every charge of a contract that the actor may see, newest first."""
    rows = select(ChargeRecord).where(ChargeRecord.contract_id == contract_id).order_by(ChargeRecord.id.desc())
    return [shown(row) for row in await tx.scalars(visible(rows, ChargeRecord.branch_id, tx.actor))]


async def payouts_of(tx: Tx, contract_id: ContractId) -> list[MovementView]:
    """Every payout of a contract that the actor may see, newest first."""
    rows = select(PayoutRecord).where(PayoutRecord.contract_id == contract_id).order_by(PayoutRecord.id.desc())
    return [shown(row) for row in await tx.scalars(visible(rows, PayoutRecord.branch_id, tx.actor))]


async def list_charges(
    tx: Tx, *, state: MovementState | None = None, after: UUID | None = None, limit: int = 50
) -> list[MovementView]:
    """A page of charges by key, oldest first."""
    rows = select(ChargeRecord).order_by(ChargeRecord.id).limit(limit)
    if after is not None:
        rows = rows.where(ChargeRecord.id > after)
    if state is not None:
        rows = rows.where(ChargeRecord.state == state)
    return [shown(row) for row in await tx.scalars(visible(rows, ChargeRecord.branch_id, tx.actor))]


async def in_doubt(tx: Tx, contract_id: ContractId) -> bool:
    """Whether money of this contract has an unknown or disputed outcome; dunning pauses while it has."""
    return bool(await doubtful(tx, [contract_id]))


async def doubtful(tx: Tx, contract_ids: Sequence[ContractId]) -> frozenset[UUID]:
    """Which of these contracts have money with an unknown or disputed outcome."""
    return await _charged(tx, ChargeRecord.contract_id, contract_ids, DOUBTFUL)


async def under_way(tx: Tx, *contract_ids: ContractId) -> frozenset[UUID]:
    """What of these contracts has a charge that is neither settled nor refused, by the charge's subject."""
    return await _charged(tx, ChargeRecord.subject_id, contract_ids, LIVE)


async def _charged(
    tx: Tx,
    column: InstrumentedAttribute[UUID],
    contract_ids: Sequence[ContractId],
    states: frozenset[MovementState],
) -> frozenset[UUID]:
    rows = select(column).where(ChargeRecord.contract_id.in_(contract_ids), ChargeRecord.state.in_(sorted(states)))
    return frozenset(await tx.scalars(rows))


def _mandate_view(row: MandateRecord) -> MandateView:
    return MandateView(
        id=MandateId(row.id),
        contract_id=ContractId(row.contract_id),
        state=MandateState(row.state),
        limit=row.limit_amount,
        instance=row.instance,
        hosted_url=row.hosted_url,
    )
