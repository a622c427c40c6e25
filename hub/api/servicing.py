"""The lease account, early settlement, and a debit tried again."""

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
from hub.leasing.instalments.rules import InstalmentState
from hub.leasing.servicing import service
from hub.leasing.servicing.rules import AccountState
from hub.leasing.settlements import service as settlements
from hub.leasing.settlements.rules import PayoffState

router = APIRouter(prefix="/contracts/{contract_id}", tags=["servicing"], route_class=OnceRoute)


class InstalmentOut(BaseModel):
    """One rent: what is due, what it bears, what is paid."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: int
    due_on: date
    rent: AmountText
    principal: AmountText
    interest: AmountText
    penalty: AmountText
    paid_principal: AmountText
    paid_interest: AmountText
    paid_penalty: AmountText
    left: AmountText
    state: InstalmentState


class AccountOut(BaseModel):
    """The account of a lease with its schedule."""

    model_config = ConfigDict(from_attributes=True)

    contract_id: UUID
    state: AccountState
    opened_on: date
    settled_on: date | None
    deposit: AmountText
    owed: AmountText
    days_past_due: int
    in_doubt: bool
    instalments: list[InstalmentOut]


class PayoffOut(BaseModel):
    """What settles the lease, part by part; `in_doubt` when money of it had no known outcome as it was quoted."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    as_of_on: date
    valid_until_on: date
    arrears: AmountText
    penalty: AmountText
    principal: AmountText
    interest: AmountText
    fee: AmountText
    total: AmountText
    in_doubt: bool
    state: PayoffState


class QuotePayoff(Body):
    """The day of the early settlement; today when it is left out."""

    as_of_on: date | None = None


class ChargeAgain(Body):
    """The day on which everything overdue is debited again."""

    on: date


@router.get("/account")
async def account(contract_id: UUID, tx: Annotated[Tx, acting(P.SERVICING_READ)]) -> AccountOut:
    """The account of a lease: its schedule, what is owed, whether money is in doubt."""
    return AccountOut.model_validate(await service.get_account(tx, ContractId(contract_id)))


@router.post("/payoffs", status_code=201)
async def quote_payoff(contract_id: UUID, body: QuotePayoff, tx: Annotated[Tx, acting(P.SERVICING_WRITE)]) -> PayoffOut:
    """Preview an early settlement; nothing moves until it is accepted."""
    quoted = await settlements.quote_payoff(tx, contract_id=ContractId(contract_id), as_of_on=body.as_of_on)
    return PayoffOut.model_validate(quoted)


@router.get("/payoffs")
async def payoffs(contract_id: UUID, tx: Annotated[Tx, acting(P.SERVICING_READ)]) -> list[PayoffOut]:
    """Every early-settlement quote of a lease, newest first."""
    return [PayoffOut.model_validate(one) for one in await settlements.payoffs_of(tx, ContractId(contract_id))]


@router.post("/payoffs/{payoff_id}/acceptance")
async def accept_payoff(contract_id: UUID, payoff_id: UUID, tx: Annotated[Tx, acting(P.SERVICING_WRITE)]) -> PayoffOut:
    """Take an offered early settlement: its sum is debited under the mandate."""
    accepted = await settlements.accept_payoff(tx, contract_id=ContractId(contract_id), payoff_id=payoff_id)
    return PayoffOut.model_validate(accepted)


@router.post("/charge-again", status_code=202)
async def charge_again(
    contract_id: UUID, body: ChargeAgain, tx: Annotated[Tx, acting(P.SERVICING_WRITE)]
) -> AccountOut:
    """Have everything overdue debited again on a day."""
    await service.charge_again(tx, contract_id=ContractId(contract_id), on=body.on)
    return AccountOut.model_validate(await service.get_account(tx, ContractId(contract_id)))


@router.post("/deposit-return", status_code=202)
async def return_deposit_again(contract_id: UUID, tx: Annotated[Tx, acting(P.SERVICING_WRITE)]) -> AccountOut:
    """Send the deposit of a settled lease once more, after the payout was refused."""
    await settlements.return_deposit_again(tx, ContractId(contract_id))
    return AccountOut.model_validate(await service.get_account(tx, ContractId(contract_id)))


@router.post("/purchase-option", status_code=202)
async def charge_option_again(contract_id: UUID, tx: Annotated[Tx, acting(P.SERVICING_WRITE)]) -> AccountOut:
    """Debit the price of a settled lease's purchase option once more, after it was refused."""
    await settlements.charge_option_again(tx, ContractId(contract_id))
    return AccountOut.model_validate(await service.get_account(tx, ContractId(contract_id)))
