"""What is due at signing: asked for, and looked at."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from hub.api.contracts import Reading, Writing
from hub.api.deps import AmountText
from hub.api.once import OnceRoute
from hub.core.ids import ContractId
from hub.leasing.funding import service
from hub.leasing.funding.rules import SigningPaymentState
from hub.ledger.postings import SigningPurpose

router = APIRouter(prefix="/contracts", tags=["funding"], route_class=OnceRoute)


class SigningPaymentOut(BaseModel):
    """One payment due at signing."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    purpose: SigningPurpose
    money: AmountText
    state: SigningPaymentState
    charge_id: UUID | None
    received_on: date | None


@router.post("/{contract_id}/signing-payments", status_code=202)
async def request_signing_payments(contract_id: UUID, tx: Writing) -> list[SigningPaymentOut]:
    """Ask for what is due at signing; what is under way or received is left alone."""
    await service.request_signing_payments(tx, ContractId(contract_id))
    found = await service.signing_payments_of(tx, ContractId(contract_id))
    return [SigningPaymentOut.model_validate(one) for one in found]


@router.get("/{contract_id}/signing-payments")
async def signing_payments(contract_id: UUID, tx: Reading) -> list[SigningPaymentOut]:
    """What is due at signing, and how far each payment has come."""
    found = await service.signing_payments_of(tx, ContractId(contract_id))
    return [SigningPaymentOut.model_validate(one) for one in found]
