"""Dunning cases, contacts and promises."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from hub.api.deps import AmountText, Body, ThePage, acting
from hub.api.once import OnceRoute
from hub.core.ids import ContractId
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.leasing.collections import service
from hub.leasing.collections.rules import CaseState, ContactState, PromiseState, Template
from hub.leasing.contracts import service as contracts

router = APIRouter(tags=["collections"], route_class=OnceRoute)


class CaseOut(BaseModel):
    """A dunning case."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    contract_id: UUID
    state: CaseState
    opened_on: date
    closed_on: date | None


class ContactOut(BaseModel):
    """A contact with a lessee; `to` is masked."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    template: Template
    channel: str
    to: str
    state: ContactState
    send_after_at: datetime
    sent_at: datetime | None


class PromiseOut(BaseModel):
    """A promise to pay."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    contract_id: UUID
    money: AmountText
    promised_on: date
    state: PromiseState


class TakePromise(Body):
    """How much the lessee promises to pay, and by when."""

    amount: AmountText
    promised_on: date


@router.get("/dunning-cases")
async def cases(
    page: ThePage, tx: Annotated[Tx, acting(P.COLLECTIONS_READ)], state: CaseState | None = None
) -> list[CaseOut]:
    """Dunning cases by state, a page at a time."""
    found = await service.list_cases(tx, state=state, after=page.after, limit=page.limit)
    return [CaseOut.model_validate(one) for one in found]


@router.get("/contracts/{contract_id}/contacts")
async def contacts(contract_id: UUID, tx: Annotated[Tx, acting(P.COLLECTIONS_READ)]) -> list[ContactOut]:
    """Every contact about a lease, oldest first."""
    contract = await contracts.view(tx, ContractId(contract_id))
    return [ContactOut.model_validate(one) for one in await service.contacts_of(tx, contract.id)]


@router.get("/contracts/{contract_id}/promises")
async def promises(contract_id: UUID, tx: Annotated[Tx, acting(P.COLLECTIONS_READ)]) -> list[PromiseOut]:
    """Every promise of a lease, oldest first."""
    contract = await contracts.view(tx, ContractId(contract_id))
    return [PromiseOut.model_validate(one) for one in await service.promises_of(tx, contract.id)]


@router.post("/contracts/{contract_id}/promises", status_code=201)
async def take_promise(
    contract_id: UUID, body: TakePromise, tx: Annotated[Tx, acting(P.COLLECTIONS_WRITE)]
) -> PromiseOut:
    """Take a lessee's promise; what is owed is debited on the promised day."""
    taken = await service.record_promise(
        tx, contract_id=ContractId(contract_id), money=body.amount, promised_on=body.promised_on
    )
    return PromiseOut.model_validate(taken)
