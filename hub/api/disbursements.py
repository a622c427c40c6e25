"""Disbursements: drafted, approved by somebody else, asked for again or cancelled; and the payees that they go to."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from hub.api.deps import AmountText, Body, ThePage, acting
from hub.api.once import OnceRoute
from hub.core.ids import BankAccountId, BranchId, ChannelId, ContractId, PartyId
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.leasing.disbursements import payees, service
from hub.leasing.disbursements.rules import DisbursementPurpose, DisbursementState, Shown

router = APIRouter(tags=["disbursements"], route_class=OnceRoute)

Reading = Annotated[Tx, acting(P.DISBURSEMENTS_READ)]
Writing = Annotated[Tx, acting(P.DISBURSEMENTS_WRITE)]
Approving = Annotated[Tx, acting(P.DISBURSEMENTS_APPROVE)]


class NamePayee(Body):
    """Where money for a dealer, for a kind of fee, or for both goes: an account of a party."""

    branch_id: UUID
    name: str
    party_id: UUID
    bank_account_id: UUID
    channel_id: UUID | None = None
    fee_kind: str | None = None


class DraftDisbursement(Body):
    """A payment for a contract: of its car, or of the fee that `fee_kind` names."""

    contract_id: UUID
    payee_id: UUID
    amount: AmountText
    what_for: str
    fee_kind: str | None = None


class ChoosePayee(Body):
    """Whom it goes to."""

    payee_id: UUID


class Approve(Body):
    """What the approver has before their eyes: the amount, and the last four digits of the account."""

    amount: AmountText
    last_four: str


class Cancel(Body):
    """Why nothing is paid."""

    reason: str


class PayeeOut(BaseModel):
    """A payee; its account by bank and last four digits."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    branch_id: UUID
    name: str
    channel_id: UUID | None
    fee_kind: str | None
    party_id: UUID
    bank_account_id: UUID
    bank_code: str
    last_four: str
    named_by: str
    named_at: datetime
    ended_at: datetime | None


class DisbursementOut(BaseModel):
    """A disbursement; without `payee_id` nobody has said yet where it goes."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    branch_id: UUID
    contract_id: UUID | None
    purpose: DisbursementPurpose
    vehicle_id: UUID | None
    fee_kind: str | None
    what_for: str
    payee: str
    payee_id: UUID | None
    bank_code: str | None
    last_four: str | None
    amount: AmountText
    state: DisbursementState
    drafted_by: str
    drafted_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    payout_id: UUID | None
    code: str | None
    paid_on: date | None
    cancelled_reason: str | None


@router.post("/payees", status_code=201)
async def name_payee(body: NamePayee, tx: Writing) -> PayeeOut:
    """Say where money for a dealer or a kind of fee goes, in a branch and those below it."""
    payee = await payees.name_payee(
        tx,
        branch_id=BranchId(body.branch_id),
        name=body.name,
        party_id=PartyId(body.party_id),
        bank_account_id=BankAccountId(body.bank_account_id),
        channel_id=None if body.channel_id is None else ChannelId(body.channel_id),
        fee_kind=body.fee_kind,
    )
    return PayeeOut.model_validate(payee)


@router.get("/payees")
async def list_payees(page: ThePage, tx: Reading) -> list[PayeeOut]:
    """Payees, newest first, ended ones too."""
    return [PayeeOut.model_validate(one) for one in await payees.list_payees(tx, after=page.after, limit=page.limit)]


@router.post("/payees/{payee_id}/end")
async def end_payee(payee_id: UUID, tx: Writing) -> PayeeOut:
    """Nothing more is drafted for this payee."""
    return PayeeOut.model_validate(await payees.end_payee(tx, payee_id))


@router.post("/disbursements", status_code=201)
async def draft(body: DraftDisbursement, tx: Writing) -> DisbursementOut:
    """Draft a payment by hand."""
    drafted = await service.draft(
        tx,
        contract_id=ContractId(body.contract_id),
        payee_id=body.payee_id,
        amount=body.amount,
        what_for=body.what_for,
        fee_kind=body.fee_kind,
    )
    return DisbursementOut.model_validate(drafted)


@router.get("/disbursements")
async def list_disbursements(
    page: ThePage, tx: Reading, state: DisbursementState | None = None, contract_id: UUID | None = None
) -> list[DisbursementOut]:
    """Disbursements by state and contract, oldest first, a page at a time."""
    found = await service.list_disbursements(
        tx,
        state=state,
        contract_id=None if contract_id is None else ContractId(contract_id),
        after=page.after,
        limit=page.limit,
    )
    return [DisbursementOut.model_validate(one) for one in found]


@router.get("/disbursements/{disbursement_id}")
async def disbursement(disbursement_id: UUID, tx: Reading) -> DisbursementOut:
    """One disbursement."""
    return DisbursementOut.model_validate(await service.get(tx, disbursement_id))


@router.put("/disbursements/{disbursement_id}/payee")
async def choose_payee(disbursement_id: UUID, body: ChoosePayee, tx: Writing) -> DisbursementOut:
    """Say whom a draft, or one that was refused, goes to."""
    return DisbursementOut.model_validate(await service.choose_payee(tx, disbursement_id, body.payee_id))


@router.post("/disbursements/{disbursement_id}/approval")
async def approve(disbursement_id: UUID, body: Approve, tx: Approving) -> DisbursementOut:
    """Agree to a draft that others have made: it is paid."""
    shown = Shown(amount=body.amount, last_four=body.last_four)
    return DisbursementOut.model_validate(await service.approve(tx, disbursement_id, shown))


@router.post("/disbursements/{disbursement_id}/request")
async def ask_again(disbursement_id: UUID, body: Approve, tx: Approving) -> DisbursementOut:
    """Agree once more to one that was refused, and ask again."""
    shown = Shown(amount=body.amount, last_four=body.last_four)
    return DisbursementOut.model_validate(await service.ask_again(tx, disbursement_id, shown))


@router.post("/disbursements/{disbursement_id}/cancellation")
async def cancel(disbursement_id: UUID, body: Cancel, tx: Writing) -> DisbursementOut:
    """Nothing is paid on it."""
    return DisbursementOut.model_validate(await service.cancel(tx, disbursement_id, reason=body.reason))
