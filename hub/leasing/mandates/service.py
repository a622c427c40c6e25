"""Ask for mandates and take them back, perform both through the executor, record what became of them.

Three steps each: `request_*` writes the wish, `perform_*` calls the provider with no transaction open, `record_*`
writes the answer. The wish's id is the idempotency key, so a step that is repeated after a crash repeats no effect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar, assert_never
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError

from hub.core.errors import Conflict, InvalidInput, NotFound, RuleBroken
from hub.core.ids import BankAccountId, BranchId, ContractId, MandateId, PartyId
from hub.core.money import Money
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.payments import Mandate, MandateRequest, MandateStatus, RevokeRequest
from hub.infra import audit, staff
from hub.infra.abreast import abreast
from hub.infra.access import system, visible
from hub.infra.database import Database, Tx
from hub.integrations.answers import Answer, Ask, CallOutcome
from hub.integrations.dispatch import AT_ONCE, CHUNK, CLAIM, News, as_it_stands, send_out
from hub.integrations.executor import Executor
from hub.integrations.facts import NewsAfterwards, OutcomeEscalated, OutcomeKnown
from hub.integrations.routing import RouteFacts
from hub.leasing.mandates.records import MandateRecord, RevocationRecord
from hub.leasing.mandates.rules import (
    REASON_LENGTH,
    MandateActivated,
    MandateRejected,
    MandateRevoked,
    MandateState,
    MandateView,
    RevocationRejected,
    RevocationState,
    mandate_may_move,
    mandate_state,
    revocation_may_move,
    revocation_state,
)
from hub.leasing.parties import service as parties
from hub.leasing.parties.documents import clean_text

PERFORM_MANDATES = "payments.perform_mandates"
PERFORM_REVOCATIONS = "payments.perform_revocations"
PERFORM_LOOKS = "payments.look_at_mandates"
ASK, REVOKE, STATUS = "payments_mandate", "payments_revoke_mandate", "payments_mandate_status"
# A provider whose own status has not caught up with its callback, or who does not answer, is asked again so much later.
_LOOK_AGAIN = (timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1), timedelta(hours=6))
_ACTOR = system("mandates")

_Record = TypeVar("_Record", MandateRecord, RevocationRecord)


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


async def request_revocation(
    tx: Tx,
    contract_id: ContractId,
    mandate_id: MandateId,
    *,
    reason: str,
    offered: Callable[[str | None, str], bool],
) -> None:
    """Ask the provider to take an active mandate of a contract back (解约); from now on nothing is debited under it.

    `offered` says whether an instance offers an operation. Raises NotFound for a mandate of another contract, or of a
    branch that the actor does not see, RuleBroken for one that is not active or that the provider cannot take back.
    """
    reason = clean_text("reason", reason, longest=REASON_LENGTH)
    wanted = select(MandateRecord).where(MandateRecord.id == mandate_id, MandateRecord.contract_id == contract_id)
    if await tx.scalar(visible(wanted, MandateRecord.branch_id, tx.actor)) is None:
        raise NotFound("mandate", mandate_id)
    mandate = await _held(tx, MandateRecord, mandate_id)
    if mandate.state != MandateState.ACTIVE:
        raise RuleBroken("mandate_not_active", state=mandate.state)
    if not offered(mandate.instance, REVOKE):
        raise RuleBroken("provider_does_not_revoke", provider=mandate.instance)
    mandate.state = MandateState.REVOKING
    revocation = RevocationRecord(
        id=tx.new_id(),
        mandate_id=mandate.id,
        contract_id=mandate.contract_id,
        reason=reason,
        requested_by=tx.actor.name,
        state=RevocationState.REQUESTED,
        requested_at=tx.now,
    )
    tx.add(revocation)
    try:
        await tx.flush()
    except IntegrityError as error:
        raise Conflict("revocation_under_way") from error
    await _audit(tx, "mandate.revocation_requested", mandate, {"reason": reason})
    await tx.jobs.enqueue(tx, PERFORM_REVOCATIONS, key=PERFORM_REVOCATIONS)


# Performing


async def perform_mandates(database: Database, executor: Executor, *, limit: int = CHUNK) -> int:
    """Send out the mandates that wait; returns how many."""
    return await send_out(database, executor, MandateRecord, _mandate_ask, record_mandate, actor=_ACTOR, limit=limit)


async def perform_revocations(database: Database, executor: Executor, *, limit: int = CHUNK) -> int:
    """Send out the wishes to take mandates back that wait; returns how many."""
    return await send_out(
        database, executor, RevocationRecord, _revocation_ask, record_revocation, actor=_ACTOR, limit=limit
    )


async def _mandate_ask(tx: Tx, mandate: MandateRecord) -> Ask:
    request = MandateRequest(
        payer_ref=str(mandate.party_id),
        account=await parties.payer_account(tx, BankAccountId(mandate.bank_account_id)),
        limit=mandate.limit_amount,
        contract_number=mandate.contract_number,
    )
    amount, code = mandate.limit_amount, await staff.branch_code(tx, mandate.branch_id)
    route = RouteFacts(branch=code, amount=amount, currency=amount.currency, lease_id=mandate.contract_id)
    return Ask(operation=ASK, request=request, key=str(mandate.id), lease_id=mandate.contract_id, route=route)


async def _revocation_ask(tx: Tx, revocation: RevocationRecord) -> Ask:
    mandate = await tx.get_one(MandateRecord, revocation.mandate_id)
    assert mandate.mandate_ref is not None, "an active mandate has the provider's reference"
    return Ask(
        operation=REVOKE,
        request=RevokeRequest(mandate_ref=mandate.mandate_ref, reason=revocation.reason),
        key=str(revocation.id),
        lease_id=mandate.contract_id,
        branch=await staff.branch_code(tx, mandate.branch_id),
        pin=mandate.instance,
    )


# Recording


async def record_mandate(tx: Tx, mandate_id: UUID, answer: Answer) -> None:
    """Write down what the provider said to a mandate request."""
    held = await _held(tx, MandateRecord, mandate_id)
    await _take_mandate(tx, held, await as_it_stands(tx, answer))


async def record_revocation(tx: Tx, revocation_id: UUID, answer: Answer) -> None:
    """Write down what the provider said to the wish to take a mandate back."""
    held = await _held(tx, RevocationRecord, revocation_id)
    await _take_revocation(tx, held, await as_it_stands(tx, answer))


async def record_outcome_known(tx: Tx, fact: OutcomeKnown) -> None:
    """Take late news of a call: from reconcile, a poll, or a callback."""
    if fact.operation == ASK:
        await _take_mandate(tx, await _held(tx, MandateRecord, UUID(fact.key)), News.late(fact))
    elif fact.operation == REVOKE:
        await _take_revocation(tx, await _held(tx, RevocationRecord, UUID(fact.key)), News.late(fact))


async def record_escalated(tx: Tx, fact: OutcomeEscalated) -> None:
    """A person must find out what became of a wish: it is unknown from now on."""
    if fact.operation == ASK:
        await _move_mandate(tx, await _held(tx, MandateRecord, UUID(fact.key)), MandateState.UNKNOWN)
    elif fact.operation == REVOKE:
        _move_revocation(tx, await _held(tx, RevocationRecord, UUID(fact.key)), RevocationState.UNKNOWN)


async def _take_mandate(tx: Tx, mandate: MandateRecord, news: News) -> None:
    mandate.instance = news.instance or mandate.instance
    match news.outcome:
        case CallOutcome.OK:
            assert isinstance(news.result, Mandate)
            after = mandate_state(news.result.status)
            if after is MandateState.PENDING and news.given_up:
                after = MandateState.UNKNOWN
            if await _move_mandate(tx, mandate, after):
                mandate.mandate_ref, mandate.hosted_url = news.result.mandate_ref, news.result.hosted_url
        case CallOutcome.UNKNOWN:
            await _move_mandate(tx, mandate, MandateState.UNKNOWN)
        case CallOutcome.REJECTED | CallOutcome.NOT_EXECUTED:
            if await _move_mandate(tx, mandate, MandateState.REJECTED):
                mandate.code = news.error_code
        case _:
            assert_never(news.outcome)


async def _move_mandate(tx: Tx, mandate: MandateRecord, after: MandateState) -> bool:
    """Move a mandate forward; False when the news is stale."""
    before = MandateState(mandate.state)
    if not mandate_may_move(before, after):
        return False
    mandate.state, mandate.answered_at = after, tx.now
    mandate_id, contract_id = MandateId(mandate.id), ContractId(mandate.contract_id)
    if after is MandateState.ACTIVE and before is not MandateState.REVOKING:
        tx.emit(MandateActivated(mandate_id=mandate_id, contract_id=contract_id))
    elif after is MandateState.REVOKED and before in (MandateState.ACTIVE, MandateState.REVOKING):
        mandate.look_at = None
        by_payer = before is MandateState.ACTIVE
        tx.emit(MandateRevoked(mandate_id=mandate_id, contract_id=contract_id, by_payer=by_payer))
        await _audit(tx, "mandate.revoked", mandate, {"by_payer": by_payer})
    elif after in (MandateState.REJECTED, MandateState.REVOKED):
        tx.emit(MandateRejected(mandate_id=mandate_id, contract_id=contract_id))
    return True


async def _take_revocation(tx: Tx, revocation: RevocationRecord, news: News) -> None:
    mandate = await tx.get_one(MandateRecord, revocation.mandate_id, with_for_update=True, populate_existing=True)
    match news.outcome:
        case CallOutcome.OK:
            assert isinstance(news.result, Mandate)
            after = revocation_state(news.result.status)
            if after is RevocationState.PENDING and news.given_up:
                after = RevocationState.UNKNOWN
            _move_revocation(tx, revocation, after)
            if after is RevocationState.DONE:
                await _move_mandate(tx, mandate, MandateState.REVOKED)
        case CallOutcome.UNKNOWN:
            _move_revocation(tx, revocation, RevocationState.UNKNOWN)
        case CallOutcome.REJECTED | CallOutcome.NOT_EXECUTED:
            if _move_revocation(tx, revocation, RevocationState.REJECTED):
                await _keep(tx, mandate, revocation, news.error_code or news.outcome.value)
        case _:
            assert_never(news.outcome)


async def _keep(tx: Tx, mandate: MandateRecord, revocation: RevocationRecord, code: str) -> None:
    """The provider has not taken it back: the mandate is as it was, and whoever asked hears why."""
    revocation.code = code
    if not await _move_mandate(tx, mandate, MandateState.ACTIVE):
        return
    await _audit(tx, "mandate.revocation_rejected", mandate, {"code": code})
    tx.emit(
        RevocationRejected(mandate_id=MandateId(mandate.id), contract_id=ContractId(mandate.contract_id), code=code)
    )


def _move_revocation(tx: Tx, revocation: RevocationRecord, after: RevocationState) -> bool:
    """Move the wish forward; False when the news is stale."""
    if not revocation_may_move(RevocationState(revocation.state), after):
        return False
    revocation.state, revocation.answered_at = after, tx.now
    return True


async def _held(tx: Tx, record: type[_Record], row_id: UUID) -> _Record:
    """The row, locked, after its contract: one lock order for everybody who moves a contract's money."""
    contract_id = await tx.scalar(select(record.contract_id).where(record.id == row_id))
    if contract_id is None:
        raise NotFound(record.__tablename__, row_id)
    await tx.hold(contract_id)
    return await tx.get_one(record, row_id, with_for_update=True, populate_existing=True)


async def _audit(tx: Tx, action: str, mandate: MandateRecord, detail: Mapping[str, str | bool]) -> None:
    more = {"mandate_id": str(mandate.id), **detail}
    await audit.record(
        tx, action=action, subject="contract", subject_id=mandate.contract_id, branch_id=mandate.branch_id, detail=more
    )


# A knock: something may have become of a mandate that is settled as far as we know


async def note_news(tx: Tx, fact: NewsAfterwards) -> None:
    """A callback tells of a mandate of ours: its provider is asked how it stands."""
    if fact.operation == ASK:
        await _knock(tx, select(MandateRecord).where(MandateRecord.id == UUID(fact.key)))


async def note_refusal(tx: Tx, contract_id: ContractId) -> None:
    """A debit was refused for want of a mandate: the provider is asked how those of the contract stand."""
    await _knock(tx, select(MandateRecord).where(MandateRecord.contract_id == contract_id))


async def _knock(tx: Tx, rows: Select[MandateRecord]) -> None:
    for mandate in await tx.scalars(rows.where(MandateRecord.state == MandateState.ACTIVE)):
        mandate.look_at, mandate.look_count = tx.now, 0
        await tx.jobs.enqueue(tx, PERFORM_LOOKS, key=PERFORM_LOOKS)


@dataclass(frozen=True, slots=True)
class _Look:
    """A mandate that is to be looked at, and the question."""

    id: UUID
    ask: Ask


async def perform_looks(database: Database, executor: Executor, *, limit: int = CHUNK) -> int:
    """Ask how the mandates stand of which something may have become; returns how many."""

    async def one(look: _Look) -> None:
        answer = await executor.inquire(look.ask)
        async with database.transaction(_ACTOR) as tx:
            await record_look(tx, look.id, answer)

    return await abreast(await _looks(database, limit), one, at_once=AT_ONCE)


async def _looks(database: Database, limit: int) -> list[_Look]:
    async with database.transaction(_ACTOR) as tx:
        due = select(MandateRecord).where(MandateRecord.look_at <= tx.now).order_by(MandateRecord.look_at).limit(limit)
        looks = []
        for mandate in (await tx.scalars(due.with_for_update(skip_locked=True))).all():
            ask = Ask(
                operation=STATUS,
                request=StatusQuery(provider_ref=mandate.mandate_ref),
                key=f"{mandate.id}:look:{mandate.look_count}",
                lease_id=mandate.contract_id,
                branch=await staff.branch_code(tx, mandate.branch_id),
                pin=mandate.instance,
            )
            mandate.look_at, mandate.look_count = tx.now + CLAIM, mandate.look_count + 1
            looks.append(_Look(mandate.id, ask))
        return looks


async def record_look(tx: Tx, mandate_id: UUID, answer: Answer) -> None:
    """Write down how a mandate stands; when that is nothing new, the provider is asked again for a while."""
    mandate = await _held(tx, MandateRecord, mandate_id)
    is_last = mandate.look_count > len(_LOOK_AGAIN)
    if answer.outcome is CallOutcome.OK and _says_revoked(answer.result, is_last=is_last):
        await _move_mandate(tx, mandate, MandateState.REVOKED)
    is_over = is_last or mandate.state != MandateState.ACTIVE
    mandate.look_at = None if is_over else tx.now + _LOOK_AGAIN[mandate.look_count - 1]


def _says_revoked(found: object, *, is_last: bool) -> bool:
    """Whether a mandate that was active is so no more; some vendors only deny that they know it, and keep to that."""
    if isinstance(found, Mandate):
        ended = found.status in (MandateStatus.REVOKED, MandateStatus.REJECTED)
        return ended or (is_last and found.status is MandateStatus.PENDING)
    return is_last and isinstance(found, NoRecord)


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
    return {ContractId(row.contract_id): _view(row) for row in await tx.scalars(rows)}


async def mandates_of(tx: Tx, contract_id: ContractId) -> list[MandateView]:
    """Every mandate of a contract that the actor may see, newest first."""
    rows = select(MandateRecord).where(MandateRecord.contract_id == contract_id).order_by(MandateRecord.id.desc())
    mandates = list(await tx.scalars(visible(rows, MandateRecord.branch_id, tx.actor)))
    wishes = select(RevocationRecord).where(RevocationRecord.contract_id == contract_id).order_by(RevocationRecord.id)
    last = {wish.mandate_id: wish for wish in await tx.scalars(wishes)}
    return [_view(row, last.get(row.id)) for row in mandates]


async def views_of(tx: Tx, mandate_ids: Sequence[MandateId]) -> Mapping[MandateId, MandateView]:
    """These mandates, by id; one that is not there is left out."""
    rows = select(MandateRecord).where(MandateRecord.id.in_(mandate_ids))
    return {MandateId(row.id): _view(row) for row in await tx.scalars(rows)}


def _view(row: MandateRecord, wish: RevocationRecord | None = None) -> MandateView:
    return MandateView(
        id=MandateId(row.id),
        branch_id=BranchId(row.branch_id),
        contract_id=ContractId(row.contract_id),
        contract_number=row.contract_number,
        state=MandateState(row.state),
        limit=row.limit_amount,
        instance=row.instance,
        mandate_ref=row.mandate_ref,
        hosted_url=row.hosted_url,
        code=(wish.code if wish else None) or row.code,
        revocation_reason=wish.reason if wish else None,
        requested_at=row.requested_at,
        revoked_at=row.answered_at if row.state == MandateState.REVOKED else None,
    )
