"""Money of a lease that nothing was owed for: what waits, what it would pay, and what a person makes of it."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from hub.api.deps import AmountText, Body, acting
from hub.api.once import OnceRoute
from hub.core.ids import ContractId
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.leasing.instalments.waterfall import Part
from hub.leasing.suspense import service
from hub.leasing.suspense.rules import RefundState

router = APIRouter(prefix="/contracts/{contract_id}/suspense", tags=["servicing"], route_class=OnceRoute)


class WaitingOut(BaseModel):
    """So much of a receipt has paid nothing yet."""

    model_config = ConfigDict(from_attributes=True)

    receipt_id: UUID
    received_on: date
    money: AmountText


class WouldPayOut(BaseModel):
    """This part of a rent would be paid, so much of it."""

    model_config = ConfigDict(from_attributes=True)

    instalment_id: UUID
    part: Part
    money: AmountText


class RefundOut(BaseModel):
    """Money that is given back to the lessee."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    money: AmountText
    state: RefundState
    owed_on: date
    paid_on: date | None


class SuspenseOut(BaseModel):
    """What waits, receipt by receipt; what all of it would pay today, and what would remain; what is given back."""

    model_config = ConfigDict(from_attributes=True)

    waiting: AmountText
    receipts: list[WaitingOut]
    would_pay: list[WouldPayOut]
    would_remain: AmountText
    refunds: list[RefundOut]


class UseSuspense(Body):
    """How much of what waits is used."""

    amount: AmountText


@router.get("")
async def suspense(contract_id: UUID, tx: Annotated[Tx, acting(P.SERVICING_READ)]) -> SuspenseOut:
    """What waits in suspense, and a preview of what it would pay today; nothing moves."""
    return SuspenseOut.model_validate(await service.get_suspense(tx, ContractId(contract_id)))


@router.post("/applications")
async def apply(contract_id: UUID, body: UseSuspense, tx: Annotated[Tx, acting(P.SERVICING_WRITE)]) -> SuspenseOut:
    """Let so much of what waits pay what is owed today, the oldest rent first."""
    applied = await service.apply_suspense(tx, contract_id=ContractId(contract_id), amount=body.amount)
    return SuspenseOut.model_validate(applied)


@router.post("/refunds", status_code=202)
async def refund(contract_id: UUID, body: UseSuspense, tx: Annotated[Tx, acting(P.PAYMENTS_WRITE)]) -> RefundOut:
    """Give so much of what waits back to the account that the rent came from."""
    owed = await service.refund_suspense(tx, contract_id=ContractId(contract_id), amount=body.amount)
    return RefundOut.model_validate(owed)


@router.post("/refunds/{refund_id}/payout", status_code=202)
async def send_refund_again(
    contract_id: UUID, refund_id: UUID, tx: Annotated[Tx, acting(P.PAYMENTS_WRITE)]
) -> RefundOut:
    """Ask for the payout of a refund once more, after it was refused."""
    sent = await service.send_refund_again(tx, contract_id=ContractId(contract_id), refund_id=refund_id)
    return RefundOut.model_validate(sent)
