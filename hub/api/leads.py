"""Leads: taken down, followed up, converted or lost."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from hub.api.deps import Body, ThePage, acting
from hub.api.once import OnceRoute
from hub.core.ids import BranchId, ChannelId, LeadId, PartyId
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.leasing.leads import service
from hub.leasing.leads.rules import (
    ContactMeans,
    ContactOutcome,
    IntentLevel,
    LeadSource,
    LeadState,
    LossReason,
    TaskPurpose,
    TaskState,
)

router = APIRouter(prefix="/leads", tags=["leads"], route_class=OnceRoute)

Reading = Annotated[Tx, acting(P.LEADS_READ)]
Writing = Annotated[Tx, acting(P.LEADS_WRITE)]


class OpenLead(Body):
    """Somebody who may want a car: who, how to reach them, how they found us, what they want."""

    branch_id: UUID
    name: str
    phone: str
    source: LeadSource
    wanted: str = ""
    channel_id: UUID | None = None


class FindLead(Body):
    """Whom to look for. It stands in the body, since addresses end up in logs."""

    phone: str


class SetIntent(Body):
    """How near the lead is."""

    level: IntentLevel


class LogContact(Body):
    """How somebody was in touch, and what came of it."""

    means: ContactMeans
    outcome: ContactOutcome
    note: str = ""


class ConvertLead(Body):
    """The customer that the lead has become."""

    party_id: UUID


class LoseLead(Body):
    """Why it came to nothing."""

    reason: LossReason


class LeadOut(BaseModel):
    """A lead, masked."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    branch_id: UUID
    name: str
    phone: str
    source: LeadSource
    channel_id: UUID | None
    wanted: str
    intent_level: IntentLevel
    state: LeadState
    opened_at: datetime
    closed_at: datetime | None
    converted_party_id: UUID | None
    loss_reason: LossReason | None


class FollowUpOut(BaseModel):
    """A follow-up task."""

    model_config = ConfigDict(from_attributes=True)

    purpose: TaskPurpose
    due_at: datetime
    state: TaskState
    done_at: datetime | None


class ContactOut(BaseModel):
    """A contact with a lead."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    means: ContactMeans
    outcome: ContactOutcome
    by: str


async def _shown(tx: Tx, lead_id: LeadId) -> LeadOut:
    return LeadOut.model_validate(await service.get_lead(tx, lead_id))


@router.post("", status_code=201)
async def open_lead(body: OpenLead, tx: Writing) -> LeadOut:
    """Take down a lead."""
    lead_id = await service.open_lead(
        tx,
        branch_id=BranchId(body.branch_id),
        name=body.name,
        phone=body.phone,
        source=body.source,
        wanted=body.wanted,
        channel_id=None if body.channel_id is None else ChannelId(body.channel_id),
    )
    return await _shown(tx, lead_id)


@router.get("")
async def list_leads(page: ThePage, tx: Reading, state: LeadState | None = None) -> list[LeadOut]:
    """Leads, newest first."""
    found = await service.list_leads(tx, state=state, after=page.after, limit=page.limit)
    return [LeadOut.model_validate(lead) for lead in found]


@router.post("/search")
async def find_leads(body: FindLead, tx: Reading) -> list[LeadOut]:
    """The leads that gave this phone."""
    return [LeadOut.model_validate(lead) for lead in await service.find_by_phone(tx, phone=body.phone)]


@router.get("/{lead_id}")
async def get_lead(lead_id: UUID, tx: Reading) -> LeadOut:
    """One lead."""
    return await _shown(tx, LeadId(lead_id))


@router.post("/{lead_id}/intent")
async def set_intent(lead_id: UUID, body: SetIntent, tx: Writing) -> LeadOut:
    """Set how near the lead is; its follow-up plan changes with it."""
    await service.set_intent(tx, lead_id=LeadId(lead_id), level=body.level)
    return await _shown(tx, LeadId(lead_id))


@router.post("/{lead_id}/contacts", status_code=204)
async def log_contact(lead_id: UUID, body: LogContact, tx: Writing) -> None:
    """Write down a contact."""
    await service.log_contact(tx, lead_id=LeadId(lead_id), means=body.means, outcome=body.outcome, note=body.note)


@router.get("/{lead_id}/contacts")
async def list_contacts(lead_id: UUID, tx: Reading) -> list[ContactOut]:
    """Every contact with a lead."""
    return [ContactOut.model_validate(contact) for contact in await service.list_contacts(tx, LeadId(lead_id))]


@router.get("/{lead_id}/follow-ups")
async def list_follow_ups(lead_id: UUID, tx: Reading) -> list[FollowUpOut]:
    """Every follow-up of a lead."""
    return [FollowUpOut.model_validate(task) for task in await service.list_follow_ups(tx, LeadId(lead_id))]


@router.post("/{lead_id}/convert")
async def convert(lead_id: UUID, body: ConvertLead, tx: Writing) -> LeadOut:
    """The lead has become a customer."""
    await service.convert(tx, lead_id=LeadId(lead_id), party_id=PartyId(body.party_id))
    return await _shown(tx, LeadId(lead_id))


@router.post("/{lead_id}/lose")
async def lose(lead_id: UUID, body: LoseLead, tx: Writing) -> LeadOut:
    """The lead has come to nothing."""
    await service.lose(tx, lead_id=LeadId(lead_id), reason=body.reason)
    return await _shown(tx, LeadId(lead_id))
