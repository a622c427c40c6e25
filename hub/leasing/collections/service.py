"""Open dunning cases, contact late lessees decently, take promises, close what is paid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from hub.core.errors import InvalidInput, NotFound, RuleBroken
from hub.core.identity import mask_phone
from hub.core.ids import ContractId, PartyId
from hub.core.money import Money
from hub.core.ports.sms import MessageCategory, MessageChannel, MessageReceipt, MessageRequest
from hub.infra import audit, staff
from hub.infra.abreast import abreast
from hub.infra.access import system, visible
from hub.infra.clock import BUSINESS_ZONE
from hub.infra.database import Database, Tx
from hub.integrations.executor import Answer, Ask, CallOutcome, Executor
from hub.integrations.facts import OutcomeKnown
from hub.integrations.routing import RouteFacts
from hub.leasing.collections import listing
from hub.leasing.collections.records import CaseRecord, ContactRecord, PromiseRecord
from hub.leasing.collections.rules import (
    LOOK_AGAIN_AFTER,
    CaseState,
    CaseView,
    ContactState,
    ContactView,
    PromiseBroken,
    PromiseState,
    PromiseView,
    Template,
    may_send_at,
    promise_problem,
    text_of,
)
from hub.leasing.contracts import service as contracts
from hub.leasing.parties import service as parties
from hub.leasing.payments import service as payments
from hub.leasing.servicing import service as servicing
from hub.leasing.servicing.rules import RentOverdue, RentPaid

PERFORM_CONTACTS = "collections.perform_contacts"
CHUNK = 500
AT_ONCE = 16
CLAIM = timedelta(seconds=45)


async def open_case(tx: Tx, fact: RentOverdue) -> None:
    """A rent is overdue: open a case unless one is open, and have the lessee told."""
    case = await _open_case(tx, fact.contract_id)
    if case is None:
        contract = await contracts.view(tx, fact.contract_id)
        case = CaseRecord(
            id=tx.new_id(),
            branch_id=contract.branch_id,
            contract_id=fact.contract_id,
            state=CaseState.OPEN,
            opened_on=tx.today,
        )
        tx.add(case)
        await tx.flush()
        await audit.record(
            tx, action="case.opened", subject="contract", subject_id=fact.contract_id, branch_id=contract.branch_id
        )
    await _request_contact(
        tx, case, Template.RENT_OVERDUE, subject_id=fact.instalment_id, number=fact.number, money=fact.owed
    )


async def _request_contact(
    tx: Tx, case: CaseRecord, template: Template, *, subject_id: UUID, number: int, money: Money
) -> None:
    """Have a message sent in decent hours."""
    contract = await contracts.view(tx, ContractId(case.contract_id))
    to = await parties.contact_of(tx, contract.party_id)
    contact = insert(ContactRecord).values(
        id=tx.new_id(),
        case_id=case.id,
        party_id=contract.party_id,
        template=template,
        subject_id=subject_id,
        number=number,
        amount=money,
        channel=MessageChannel.SMS,
        masked_to=mask_phone(to.phone),
        state=ContactState.REQUESTED,
        send_after_at=may_send_at(tx.now, BUSINESS_ZONE),
    )
    await tx.execute(contact.on_conflict_do_nothing(index_elements=["template", "subject_id"]))
    await tx.jobs.enqueue(tx, PERFORM_CONTACTS, key=PERFORM_CONTACTS)


@dataclass(frozen=True, slots=True)
class _Errand:
    """A claimed contact, what to ask of the provider for it, and how long it is ours."""

    contact_id: UUID
    ask: Ask
    until_at: datetime


async def perform_contacts(database: Database, executor: Executor, *, limit: int = CHUNK) -> int:
    """Send the messages whose hour has come; returns how many. Outside decent hours there are none."""

    async def one(errand: _Errand) -> None:
        # A call that could outlive the claim would meet whoever takes the contact over: it is left to them.
        if database.clock.now() + timedelta(seconds=errand.ask.deadline_s) > errand.until_at:
            return
        answer = await executor.call(errand.ask)
        async with database.transaction(system("collections")) as tx:
            await record_contact(tx, errand.contact_id, answer)

    return await abreast(await _claim(database, limit), one, at_once=AT_ONCE)


async def _claim(database: Database, limit: int) -> list[_Errand]:
    async with database.transaction(system("collections")) as tx:
        if may_send_at(tx.now, BUSINESS_ZONE) > tx.now:
            return []
        free = or_(ContactRecord.claimed_until_at.is_(None), ContactRecord.claimed_until_at < tx.now)
        due = and_(ContactRecord.state == ContactState.REQUESTED, ContactRecord.send_after_at <= tx.now, free)
        waiting = (
            select(ContactRecord).where(due).order_by(ContactRecord.id).limit(limit).with_for_update(skip_locked=True)
        )
        errands = []
        for contact in (await tx.scalars(waiting)).all():
            contract_id = ContractId((await tx.get_one(CaseRecord, contact.case_id)).contract_id)
            if await _unsettled(tx, contract_id):
                contact.send_after_at = may_send_at(tx.now + LOOK_AGAIN_AFTER, BUSINESS_ZONE)
                continue
            contact.claimed_until_at = tx.now + CLAIM
            errands.append(_Errand(contact.id, await _ask(tx, contact, contract_id), contact.claimed_until_at))
        return errands


async def _unsettled(tx: Tx, contract_id: ContractId) -> bool:
    """Whether money of a lease is under way or in doubt: nobody is reminded of what they may have paid."""
    return await payments.in_doubt(tx, contract_id) or bool(await payments.under_way(tx, contract_id))


async def _ask(tx: Tx, contact: ContactRecord, contract_id: ContractId) -> Ask:
    contract = await contracts.view(tx, contract_id)
    to = await parties.contact_of(tx, PartyId(contact.party_id))
    body = text_of(
        Template(contact.template), to.locale, contract=contract.number, number=contact.number, amount=contact.amount
    )
    request = MessageRequest(
        channel=MessageChannel(contact.channel),
        to=to.phone,
        category=MessageCategory.COLLECTIONS,
        body=body,
        locale=to.locale,
    )
    branch = await staff.branch_code(tx, contract.branch_id)
    return Ask(
        operation="messaging_send",
        request=request,
        key=str(contact.id),
        lease_id=contract_id,
        branch=branch,
        route=RouteFacts(branch=branch, lease_id=contract_id),
    )


async def record_contact(tx: Tx, contact_id: UUID, answer: Answer) -> None:
    """Write down what the provider said to a message."""
    contact = await tx.get_one(ContactRecord, contact_id, with_for_update=True)
    contact.instance = answer.instance
    _settle_contact(tx, contact, answer.outcome, answer.result, answer.error_code)


async def record_outcome_known(tx: Tx, fact: OutcomeKnown) -> None:
    """Take late news of a message; one that is not of a late rent, whatever its key is like, is left alone."""
    if fact.operation != "messaging_send":
        return
    contact_id = _id_of(fact.key)
    contact = None if contact_id is None else await tx.get(ContactRecord, contact_id, with_for_update=True)
    if contact is not None:
        _settle_contact(tx, contact, fact.outcome, fact.result, fact.error_code)


def _id_of(key: str) -> UUID | None:
    """The contact whose message has this key; other rooms and plugins may send messages under keys of another shape."""
    try:
        return UUID(key)
    except ValueError:
        return None


def _settle_contact(
    tx: Tx, contact: ContactRecord, outcome: CallOutcome, result: object | None, error_code: str | None
) -> None:
    if contact.state == ContactState.SENT:
        return
    contact.error_code = error_code
    match outcome:
        case CallOutcome.OK:
            assert isinstance(result, MessageReceipt)
            contact.state, contact.sent_at, contact.message_ref = ContactState.SENT, tx.now, result.message_ref
        case CallOutcome.UNKNOWN:
            contact.state = ContactState.UNKNOWN
        case CallOutcome.REJECTED | CallOutcome.NOT_EXECUTED:
            contact.state = ContactState.FAILED


async def record_promise(tx: Tx, *, contract_id: ContractId, money: Money, promised_on: date) -> PromiseView:
    """Take a lessee's promise to pay; what is owed is debited on that day.

    Raises NotFound without an open case, InvalidInput for a day or an amount that cannot be promised.
    """
    await tx.hold(contract_id)
    account = await servicing.get_account(tx, contract_id)
    case = await _open_case(tx, contract_id)
    if case is None:
        raise NotFound("dunning_case", contract_id)
    if case.state == CaseState.PROMISED:
        raise RuleBroken("promise_open", contract=contract_id)
    if problem := promise_problem(promised_on, tx.today, money, account.owed):
        raise InvalidInput(*problem)
    promise = PromiseRecord(
        id=tx.new_id(),
        case_id=case.id,
        contract_id=contract_id,
        amount=money,
        promised_on=promised_on,
        state=PromiseState.OPEN,
        taken_at=tx.now,
    )
    tx.add(promise)
    case.state = CaseState.PROMISED
    await servicing.charge_again(tx, contract_id=contract_id, on=promised_on)
    await audit.record(
        tx,
        action="promise.taken",
        subject="contract",
        subject_id=contract_id,
        detail={"amount": str(money), "promised_on": promised_on.isoformat()},
        branch_id=account.branch_id,
    )
    await tx.flush()
    return _promise_view(promise)


async def record_rent_paid(tx: Tx, fact: RentPaid) -> None:
    """A rent is paid: nobody is reminded of it any more; with the last of the arrears the case closes.

    A promise is kept when that money's value date is not after the promised day.
    """
    case = await _open_case(tx, fact.contract_id)
    if case is None:
        return
    about = () if fact.arrears_left == Money.zero() else (ContactRecord.subject_id == fact.instalment_id,)
    await tx.execute(
        update(ContactRecord)
        .where(ContactRecord.case_id == case.id, ContactRecord.state == ContactState.REQUESTED, *about)
        .values(state=ContactState.WITHDRAWN)
    )
    if fact.arrears_left:
        return
    promise = await tx.scalar(
        select(PromiseRecord).where(PromiseRecord.case_id == case.id, PromiseRecord.state == PromiseState.OPEN)
    )
    if promise is not None:
        kept = fact.paid_on <= promise.promised_on
        promise.state = PromiseState.KEPT if kept else PromiseState.BROKEN
    case.state, case.closed_on = CaseState.CLOSED, tx.today
    await tx.flush()


async def break_promises(database: Database, *, limit: int = CHUNK) -> int:
    """Open promises whose day has passed are broken: the case is open again and the lessee is told.

    While money of the lease is under way or in doubt a promise is not broken. Returns how many were.
    """
    async with database.transaction(system("collections")) as tx:
        late = (
            select(PromiseRecord)
            .where(PromiseRecord.state == PromiseState.OPEN, PromiseRecord.promised_on < tx.today)
            .order_by(PromiseRecord.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        overdue = (await tx.scalars(late)).all()
        broken = [promise for promise in overdue if not await _unsettled(tx, ContractId(promise.contract_id))]
        for promise in broken:
            promise.state = PromiseState.BROKEN
            case = await tx.get_one(CaseRecord, promise.case_id)
            case.state = CaseState.OPEN
            contract_id = ContractId(promise.contract_id)
            tx.emit(PromiseBroken(contract_id=contract_id, promise_id=promise.id, money=promise.amount))
            await _request_contact(
                tx, case, Template.PROMISE_BROKEN, subject_id=promise.id, number=0, money=promise.amount
            )
    return len(broken)


async def next_contact_at(tx: Tx) -> datetime | None:
    """When the next message that waits may be sent; None when none waits."""
    return await tx.scalar(
        select(func.min(ContactRecord.send_after_at)).where(ContactRecord.state == ContactState.REQUESTED)
    )


async def list_cases(
    tx: Tx, *, state: CaseState | None = None, after: UUID | None = None, limit: int = 50
) -> list[CaseView]:
    """A page of cases by key, oldest first."""
    rows = select(CaseRecord).order_by(CaseRecord.id).limit(limit)
    if state is not None:
        rows = rows.where(CaseRecord.state == state)
    if after is not None:
        rows = rows.where(CaseRecord.id > after)
    return [listing.shown(row) for row in await tx.scalars(visible(rows, CaseRecord.branch_id, tx.actor))]


async def contacts_of(tx: Tx, contract_id: ContractId) -> list[ContactView]:
    """Every contact about a lease that the actor may see, oldest first."""
    rows = (
        select(ContactRecord)
        .join(CaseRecord, CaseRecord.id == ContactRecord.case_id)
        .where(CaseRecord.contract_id == contract_id)
        .order_by(ContactRecord.id)
    )
    return [_contact_view(row) for row in await tx.scalars(visible(rows, CaseRecord.branch_id, tx.actor))]


async def promises_of(tx: Tx, contract_id: ContractId) -> list[PromiseView]:
    """Every promise of a lease that the actor may see, oldest first."""
    rows = (
        select(PromiseRecord)
        .join(CaseRecord, CaseRecord.id == PromiseRecord.case_id)
        .where(PromiseRecord.contract_id == contract_id)
        .order_by(PromiseRecord.id)
    )
    return [_promise_view(row) for row in await tx.scalars(visible(rows, CaseRecord.branch_id, tx.actor))]


async def _open_case(tx: Tx, contract_id: ContractId) -> CaseRecord | None:
    return await tx.scalar(
        select(CaseRecord).where(CaseRecord.contract_id == contract_id, CaseRecord.state != CaseState.CLOSED)
    )


def _contact_view(row: ContactRecord) -> ContactView:
    return ContactView(
        id=row.id,
        template=Template(row.template),
        channel=row.channel,
        to=row.masked_to,
        state=ContactState(row.state),
        send_after_at=row.send_after_at,
        sent_at=row.sent_at,
    )


def _promise_view(row: PromiseRecord) -> PromiseView:
    return PromiseView(
        id=row.id,
        contract_id=ContractId(row.contract_id),
        money=row.amount,
        promised_on=row.promised_on,
        state=PromiseState(row.state),
    )
