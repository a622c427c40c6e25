"""Ask for charges and payouts, perform them through the executor, record what became of them.

Three steps each: `request_*` writes the wish, `perform_*` calls the provider with no transaction open, `record_*`
writes the answer. The row's id is the idempotency key, so a step that is repeated after a crash repeats no effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute

from hub.core.errors import Conflict, NotFound, RuleBroken
from hub.core.ids import BankAccountId, BranchId, ChargeId, ContractId, MandateId, PayoutId
from hub.core.money import Money
from hub.core.ports.payments import CollectRequest, PayoutRequest
from hub.infra import audit, staff
from hub.infra.access import system, visible
from hub.infra.database import Database, Tx
from hub.integrations.answers import Answer, Ask
from hub.integrations.dispatch import CHUNK, News, as_it_stands, send_out
from hub.integrations.executor import Executor
from hub.integrations.facts import OutcomeEscalated, OutcomeKnown
from hub.integrations.routing import RouteFacts
from hub.leasing.mandates import service as mandates
from hub.leasing.mandates.rules import MandateState, MandateView
from hub.leasing.parties import service as parties
from hub.leasing.payments import movements
from hub.leasing.payments.listing import shown
from hub.leasing.payments.records import ChargeRecord, PayoutRecord
from hub.leasing.payments.rules import (
    DOUBTFUL,
    LIVE,
    ChargePurpose,
    ChargeWish,
    MovementState,
    MovementView,
    PayoutPurpose,
)

PERFORM_CHARGES = "payments.perform_charges"
PERFORM_PAYOUTS = "payments.perform_payouts"

_ACTOR = system("payments")

_Record = TypeVar("_Record", ChargeRecord, PayoutRecord)


# Asking


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
    known = await mandates.views_of(tx, list({wish.mandate_id for wish in wishes}))
    charges = [_charge(tx, wish, known.get(wish.mandate_id)) for wish in wishes]
    tx.add_all(charges)
    await _flush(tx, "charge_under_way")
    await tx.jobs.enqueue(tx, PERFORM_CHARGES, key=PERFORM_CHARGES)
    return [ChargeId(charge.id) for charge in charges]


def _charge(tx: Tx, wish: ChargeWish, mandate: MandateView | None) -> ChargeRecord:
    if mandate is None or mandate.contract_id != wish.contract_id:
        raise NotFound("mandate", wish.mandate_id)
    if mandate.state != MandateState.ACTIVE:
        raise RuleBroken("mandate_not_active", state=mandate.state)
    if wish.money > mandate.limit:
        raise RuleBroken("over_mandate_limit", asked=wish.money, limit=mandate.limit)
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


# Performing


async def perform_charges(database: Database, executor: Executor, *, limit: int = CHUNK) -> int:
    """Send out the charges that wait; returns how many."""
    return await send_out(database, executor, ChargeRecord, _charge_ask, record_charge, actor=_ACTOR, limit=limit)


async def perform_payouts(database: Database, executor: Executor, *, limit: int = CHUNK) -> int:
    """Send out the payouts that wait; returns how many."""
    return await send_out(database, executor, PayoutRecord, _payout_ask, record_payout, actor=_ACTOR, limit=limit)


async def _charge_ask(tx: Tx, charge: ChargeRecord) -> Ask:
    mandate = (await mandates.views_of(tx, [MandateId(charge.mandate_id)]))[MandateId(charge.mandate_id)]
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


async def record_charge(tx: Tx, charge_id: UUID, answer: Answer) -> None:
    """Write down what the provider said to a charge."""
    held = await _held(tx, ChargeRecord, charge_id)
    movements.take_charge(tx, held, await as_it_stands(tx, answer))


async def record_payout(tx: Tx, payout_id: UUID, answer: Answer) -> None:
    """Write down what the provider said to a payout."""
    held = await _held(tx, PayoutRecord, payout_id)
    movements.take_payout(tx, held, await as_it_stands(tx, answer))


async def record_outcome_known(tx: Tx, fact: OutcomeKnown) -> None:
    """Take late news of a call: from reconcile, a poll, or a callback."""
    match fact.operation:
        case "payments_collect":
            movements.take_charge(tx, await _held(tx, ChargeRecord, UUID(fact.key)), News.late(fact))
        case "payments_payout":
            movements.take_payout(tx, await _held(tx, PayoutRecord, UUID(fact.key)), News.late(fact))
        case _:
            return


async def record_escalated(tx: Tx, fact: OutcomeEscalated) -> None:
    """A person must find out what became of a movement: it is in doubt from now on, if it was not, and that is told."""
    match fact.operation:
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
