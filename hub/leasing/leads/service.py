"""Open leads, set how near they are, follow them up, and bring each to an end: a customer, or lost for a reason."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select, update

from hub.core.errors import NotFound
from hub.core.identity import mask_name
from hub.core.ids import BranchId, ChannelId, LeadId, PartyId
from hub.infra import audit, staff
from hub.infra.access import visible
from hub.infra.database import Tx
from hub.leasing.channels import service as channels
from hub.leasing.leads.listing import NAME, PHONE, shown
from hub.leasing.leads.records import WAITS, ContactLogRecord, FollowUpTaskRecord, LeadRecord
from hub.leasing.leads.rules import (
    WAITING,
    ContactLogView,
    ContactMeans,
    ContactOutcome,
    FollowUpView,
    IntentLevel,
    LeadConverted,
    LeadLost,
    LeadOpened,
    LeadSource,
    LeadState,
    LeadView,
    LossReason,
    TaskPurpose,
    TaskState,
    WaitingFollowUp,
    check_alive,
    check_move,
    plan_follow_ups,
    state_at_level,
)
from hub.leasing.parties import service as parties
from hub.leasing.parties.documents import clean_text, phone_number

_NOTE = "contact_log.note"


async def open_lead(
    tx: Tx,
    *,
    branch_id: BranchId,
    name: str,
    phone: str,
    source: LeadSource,
    wanted: str = "",
    channel_id: ChannelId | None = None,
) -> LeadId:
    """Take down a lead; it starts as new, with a first call to make. Raises InvalidInput, NotFound for branch or channel."""
    name, phone = clean_text("name", name), phone_number(phone)
    wanted = clean_text("wanted", wanted, longest=200) if wanted else ""
    await staff.check_branch(tx, branch_id)
    if channel_id is not None:
        await channels.get_partner(tx, channel_id)
    lead_id = LeadId(tx.new_id())
    lead = LeadRecord(
        id=lead_id,
        branch_id=branch_id,
        name_sealed=tx.vault.seal(name, column=NAME, row=lead_id),
        phone_sealed=tx.vault.seal(phone, column=PHONE, row=lead_id),
        phone_index=tx.vault.blind_index("phone", phone),
        source=source,
        channel_id=channel_id,
        wanted=wanted,
        intent_level=IntentLevel.NEW,
        state=LeadState.OPEN,
        opened_at=tx.now,
    )
    tx.add(lead)
    await tx.flush()
    _plan(tx, lead_id, IntentLevel.NEW)
    await audit.record(tx, action="lead.opened", subject="lead", subject_id=lead_id, detail={"source": source})
    tx.emit(LeadOpened(lead_id=lead_id, branch_id=branch_id, channel_id=channel_id))
    return lead_id


async def set_intent(tx: Tx, *, lead_id: LeadId, level: IntentLevel) -> None:
    """Set how near a lead is; the level's follow-up plan takes the place of what was planned before."""
    lead = await _lead(tx, lead_id, lock=True)
    lead.state = state_at_level(LeadState(lead.state), level)
    lead.intent_level = level
    await _cancel_waiting(tx, lead_id)
    _plan(tx, lead_id, level)
    await audit.record(tx, action="lead.intent_set", subject="lead", subject_id=lead_id, detail={"level": level})


async def log_contact(tx: Tx, *, lead_id: LeadId, means: ContactMeans, outcome: ContactOutcome, note: str = "") -> None:
    """Write down a contact; it does the follow-up that was due first."""
    note = clean_text("note", note, longest=1000) if note else ""
    lead = await _lead(tx, lead_id, lock=True)
    check_alive(LeadState(lead.state))
    contact_id = tx.new_id()
    tx.add(
        ContactLogRecord(
            id=contact_id,
            lead_id=lead_id,
            at=tx.now,
            means=means,
            outcome=outcome,
            note_sealed=tx.vault.seal(note, column=_NOTE, row=contact_id) if note else None,
            by=tx.actor.name,
        )
    )
    await _do_first_due(tx, lead_id)
    detail = {"means": means, "outcome": outcome}
    await audit.record(tx, action="lead.contacted", subject="lead", subject_id=lead_id, detail=detail)


async def convert(tx: Tx, *, lead_id: LeadId, party_id: PartyId) -> None:
    """A lead becomes a customer; converting it again to the same one changes nothing."""
    lead = await _lead(tx, lead_id, lock=True)
    if lead.converted_party_id == party_id:
        return
    check_move(LeadState(lead.state), LeadState.CONVERTED)
    await parties.get_party(tx, party_id)
    lead.state, lead.converted_party_id, lead.closed_at = LeadState.CONVERTED, party_id, tx.now
    await _cancel_waiting(tx, lead_id)
    await audit.record(tx, action="lead.converted", subject="lead", subject_id=lead_id, detail={"party_id": party_id})
    channel_id = None if lead.channel_id is None else ChannelId(lead.channel_id)
    tx.emit(LeadConverted(lead_id=lead_id, party_id=party_id, channel_id=channel_id))


async def lose(tx: Tx, *, lead_id: LeadId, reason: LossReason) -> None:
    """A lead comes to nothing, for a reason."""
    lead = await _lead(tx, lead_id, lock=True)
    check_move(LeadState(lead.state), LeadState.LOST)
    lead.state, lead.loss_reason, lead.closed_at = LeadState.LOST, reason, tx.now
    await _cancel_waiting(tx, lead_id)
    await audit.record(tx, action="lead.lost", subject="lead", subject_id=lead_id, detail={"reason": reason})
    tx.emit(LeadLost(lead_id=lead_id, reason=reason))


async def mark_overdue(tx: Tx) -> int:
    """Mark every open task whose time has passed; returns how many. For the clock, over all branches."""
    late = (
        update(FollowUpTaskRecord)
        .where(FollowUpTaskRecord.state == TaskState.OPEN, FollowUpTaskRecord.due_at < tx.now)
        .values(state=TaskState.OVERDUE)
        .returning(FollowUpTaskRecord.id)
    )
    return len((await tx.scalars(late)).all())


async def get_lead(tx: Tx, lead_id: LeadId) -> LeadView:
    """A lead, masked."""
    return shown(tx, await _lead(tx, lead_id))


async def list_leads(
    tx: Tx, *, state: LeadState | None = None, after: UUID | None = None, limit: int = 50
) -> tuple[LeadView, ...]:
    """Leads of the actor's branches, newest first, from behind `after`."""
    query = visible(select(LeadRecord), LeadRecord.branch_id, tx.actor).order_by(LeadRecord.id.desc()).limit(limit)
    if state is not None:
        query = query.where(LeadRecord.state == state)
    if after is not None:
        query = query.where(LeadRecord.id < after)
    return tuple(shown(tx, lead) for lead in await tx.scalars(query))


async def find_by_phone(tx: Tx, *, phone: str) -> tuple[LeadView, ...]:
    """The leads that gave this phone, as far as the actor may see them, newest first."""
    index = tx.vault.blind_index("phone", phone_number(phone))
    query = visible(select(LeadRecord), LeadRecord.branch_id, tx.actor).where(LeadRecord.phone_index == index)
    return tuple(shown(tx, lead) for lead in await tx.scalars(query.order_by(LeadRecord.id.desc())))


async def list_follow_ups(tx: Tx, lead_id: LeadId) -> tuple[FollowUpView, ...]:
    """Every follow-up of a lead, by due time."""
    await _lead(tx, lead_id)
    query = select(FollowUpTaskRecord).where(FollowUpTaskRecord.lead_id == lead_id)
    ordered = query.order_by(FollowUpTaskRecord.due_at, FollowUpTaskRecord.id)
    return tuple(
        FollowUpView(
            purpose=TaskPurpose(task.purpose), due_at=task.due_at, state=TaskState(task.state), done_at=task.done_at
        )
        for task in await tx.scalars(ordered)
    )


async def waiting_follow_ups(tx: Tx, *, limit: int = 50) -> tuple[WaitingFollowUp, ...]:
    """What is to be done next with the leads of the actor's branches, the most urgent first."""
    query = (
        visible(select(LeadRecord, FollowUpTaskRecord), LeadRecord.branch_id, tx.actor)
        .join(FollowUpTaskRecord, FollowUpTaskRecord.lead_id == LeadRecord.id)
        .where(WAITS)
        .order_by(FollowUpTaskRecord.due_at, FollowUpTaskRecord.id)
        .limit(limit)
    )
    return tuple(
        WaitingFollowUp(
            lead_id=LeadId(lead.id),
            name=mask_name(tx.vault.open(lead.name_sealed, column=NAME, row=lead.id)),
            purpose=TaskPurpose(task.purpose),
            due_at=task.due_at,
        )
        for lead, task in await tx.execute(query)
    )


async def list_contacts(tx: Tx, lead_id: LeadId) -> tuple[ContactLogView, ...]:
    """Every contact with a lead, oldest first; notes stay sealed."""
    await _lead(tx, lead_id)
    query = select(ContactLogRecord).where(ContactLogRecord.lead_id == lead_id).order_by(ContactLogRecord.at)
    return tuple(
        ContactLogView(
            at=contact.at,
            means=ContactMeans(contact.means),
            outcome=ContactOutcome(contact.outcome),
            by=contact.by,
        )
        for contact in await tx.scalars(query)
    )


async def _lead(tx: Tx, lead_id: LeadId, *, lock: bool = False) -> LeadRecord:
    query = visible(select(LeadRecord), LeadRecord.branch_id, tx.actor).where(LeadRecord.id == lead_id)
    lead = await tx.scalar(query.with_for_update() if lock else query)
    if lead is None:
        raise NotFound("lead", lead_id)
    return lead


def _plan(tx: Tx, lead_id: LeadId, level: IntentLevel) -> None:
    tx.add_all(
        FollowUpTaskRecord(
            id=tx.new_id(), lead_id=lead_id, purpose=task.purpose, due_at=task.due_at, state=TaskState.OPEN
        )
        for task in plan_follow_ups(level, tx.now)
    )


async def _cancel_waiting(tx: Tx, lead_id: LeadId) -> None:
    await tx.execute(
        update(FollowUpTaskRecord)
        .where(FollowUpTaskRecord.lead_id == lead_id, FollowUpTaskRecord.state.in_(WAITING))
        .values(state=TaskState.CANCELLED)
    )


async def _do_first_due(tx: Tx, lead_id: LeadId) -> None:
    waiting = select(FollowUpTaskRecord).where(
        FollowUpTaskRecord.lead_id == lead_id, FollowUpTaskRecord.state.in_(WAITING)
    )
    first = await tx.scalar(waiting.order_by(FollowUpTaskRecord.due_at, FollowUpTaskRecord.id).limit(1))
    if first is not None:
        first.state, first.done_at = TaskState.DONE, tx.now
