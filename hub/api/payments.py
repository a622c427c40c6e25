"""Mandates, charges and payouts, as they stand."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from hub.api.deps import AmountText, Body, TheHouse, ThePage, acting
from hub.api.once import OnceRoute
from hub.core.ids import BankAccountId, ContractId, MandateId
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.leasing.contracts import service as contracts
from hub.leasing.mandates import service as mandates_room
from hub.leasing.mandates.rules import MandateState
from hub.leasing.payments import service
from hub.leasing.payments.rules import MovementState

router = APIRouter(tags=["payments"], route_class=OnceRoute)


class RequestMandate(Body):
    """A direct-debit mandate for a contract: from which account, and the most that one debit may take."""

    bank_account_id: UUID
    limit: AmountText


class RevokeMandate(Body):
    """Why a mandate is taken back."""

    reason: str


class MandateOut(BaseModel):
    """A mandate."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    contract_id: UUID
    state: MandateState
    instance: str | None
    hosted_url: str | None
    code: str | None
    revocation_reason: str | None
    revoked_at: datetime | None


class MovementOut(BaseModel):
    """A charge or a payout."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    contract_id: UUID
    purpose: str
    subject_id: UUID
    money: AmountText
    state: MovementState
    instance: str | None
    payment_ref: str | None
    code: str | None
    due_on: date | None


class MandateRequested(BaseModel):
    """The id of a mandate that has been asked for."""

    id: UUID


@router.post("/contracts/{contract_id}/mandates", status_code=201)
async def request_mandate(
    contract_id: UUID, body: RequestMandate, tx: Annotated[Tx, acting(P.PAYMENTS_WRITE)]
) -> MandateRequested:
    """Ask the lessee for a direct-debit mandate."""
    contract = await contracts.view(tx, ContractId(contract_id))
    mandate_id: MandateId = await mandates_room.request_mandate(
        tx,
        contract_id=contract.id,
        branch_id=contract.branch_id,
        party_id=contract.party_id,
        bank_account_id=BankAccountId(body.bank_account_id),
        limit=body.limit,
        contract_number=contract.number,
    )
    return MandateRequested(id=mandate_id)


@router.get("/contracts/{contract_id}/mandates")
async def mandates(contract_id: UUID, tx: Annotated[Tx, acting(P.PAYMENTS_READ)]) -> list[MandateOut]:
    """Every mandate of a contract, newest first."""
    contract = await contracts.view(tx, ContractId(contract_id))
    return [MandateOut.model_validate(one) for one in await mandates_room.mandates_of(tx, contract.id)]


@router.post("/contracts/{contract_id}/mandates/{mandate_id}/revocation", status_code=202)
async def revoke_mandate(
    contract_id: UUID,
    mandate_id: UUID,
    body: RevokeMandate,
    house: TheHouse,
    tx: Annotated[Tx, acting(P.PAYMENTS_WRITE)],
) -> MandateOut:
    """Ask the provider to take a mandate back; nothing is debited under it from now on."""
    contract = await contracts.view(tx, ContractId(contract_id))
    await mandates_room.request_revocation(
        tx, contract.id, MandateId(mandate_id), reason=body.reason, offered=house.executor.offers
    )
    found = await mandates_room.mandates_of(tx, contract.id)
    return MandateOut.model_validate(next(one for one in found if one.id == mandate_id))


@router.get("/contracts/{contract_id}/charges")
async def charges(contract_id: UUID, tx: Annotated[Tx, acting(P.PAYMENTS_READ)]) -> list[MovementOut]:
    """Every charge of a contract, newest first."""
    contract = await contracts.view(tx, ContractId(contract_id))
    return [MovementOut.model_validate(one) for one in await service.charges_of(tx, contract.id)]


@router.get("/contracts/{contract_id}/payouts")
async def payouts(contract_id: UUID, tx: Annotated[Tx, acting(P.PAYMENTS_READ)]) -> list[MovementOut]:
    """Every payout of a contract, newest first."""
    contract = await contracts.view(tx, ContractId(contract_id))
    return [MovementOut.model_validate(one) for one in await service.payouts_of(tx, contract.id)]


@router.get("/charges")
async def list_charges(
    page: ThePage, tx: Annotated[Tx, acting(P.PAYMENTS_READ)], state: MovementState | None = None
) -> list[MovementOut]:
    """Charges of every contract, by state, a page at a time."""
    found = await service.list_charges(tx, state=state, after=page.after, limit=page.limit)
    return [MovementOut.model_validate(one) for one in found]
