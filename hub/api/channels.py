"""Channel partners and what they have earned."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from hub.api.deps import AmountText, Body, ThePage, acting
from hub.api.once import OnceRoute
from hub.core.ids import BranchId, ChannelId
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.leasing.channels import service
from hub.leasing.channels.rules import AccrualState, CommissionRule, PartnerKind, PartnerState

router = APIRouter(prefix="/channels", tags=["channels"], route_class=OnceRoute)

Reading = Annotated[Tx, acting(P.CHANNELS_READ)]
Writing = Annotated[Tx, acting(P.CHANNELS_WRITE)]


class AddPartner(Body):
    """Who brings deals; `commission_rate` is a fraction of the financed amount."""

    branch_id: UUID
    kind: PartnerKind
    name: str
    commission_rate: Annotated[Decimal, Field(max_digits=12, decimal_places=8)] = Decimal(0)


class SetPartnerState(Body):
    """Whether the partner may bring deals."""

    state: PartnerState


class PartnerOut(BaseModel):
    """A channel partner."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    branch_id: UUID
    kind: PartnerKind
    name: str
    commission_rate: Decimal
    state: PartnerState


class AccrualOut(BaseModel):
    """A commission."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    contract_id: UUID
    rule: CommissionRule
    amount: AmountText
    state: AccrualState
    accrued_at: datetime


@router.post("", status_code=201)
async def add_partner(body: AddPartner, tx: Writing) -> PartnerOut:
    """Add a partner."""
    partner_id = await service.add_partner(
        tx,
        branch_id=BranchId(body.branch_id),
        kind=body.kind,
        name=body.name,
        commission_rate=body.commission_rate,
    )
    return PartnerOut.model_validate(await service.get_partner(tx, partner_id))


@router.get("")
async def list_partners(page: ThePage, tx: Reading) -> list[PartnerOut]:
    """Partners, newest first."""
    found = await service.list_partners(tx, after=page.after, limit=page.limit)
    return [PartnerOut.model_validate(partner) for partner in found]


@router.get("/{partner_id}")
async def get_partner(partner_id: UUID, tx: Reading) -> PartnerOut:
    """One partner."""
    return PartnerOut.model_validate(await service.get_partner(tx, ChannelId(partner_id)))


@router.post("/{partner_id}/state")
async def set_partner_state(partner_id: UUID, body: SetPartnerState, tx: Writing) -> PartnerOut:
    """Suspend, end or take back a partner."""
    await service.set_partner_state(tx, partner_id=ChannelId(partner_id), state=body.state)
    return PartnerOut.model_validate(await service.get_partner(tx, ChannelId(partner_id)))


@router.get("/{partner_id}/commissions")
async def list_commissions(partner_id: UUID, page: ThePage, tx: Reading) -> list[AccrualOut]:
    """What a partner has earned, newest first."""
    found = await service.list_accruals(tx, ChannelId(partner_id), after=page.after, limit=page.limit)
    return [AccrualOut.model_validate(accrual) for accrual in found]
