"""How a contract is held and moved on: the lock, the one way in which its state changes, and the trace that leaves."""

from __future__ import annotations

from sqlalchemy import func, select

from hub.core.errors import NotFound
from hub.core.ids import (
    ApplicationId,
    BankAccountId,
    BranchId,
    ContractId,
    PartyId,
    ProductVersionId,
    QuoteId,
    VehicleId,
)
from hub.infra import audit
from hub.infra.access import visible
from hub.infra.database import Tx
from hub.leasing.contracts.records import ContractRecord, EventRecord
from hub.leasing.contracts.rules import ContractState, ContractView, LeaseTransitioned, check_move
from hub.leasing.products.rules import LeaseType, Method


async def found(tx: Tx, contract_id: ContractId) -> ContractRecord:
    """A contract that the actor may see, as it stands; raises NotFound."""
    return await _contract(tx, contract_id, lock=False)


async def held(tx: Tx, contract_id: ContractId) -> ContractRecord:
    """The same, held until the transaction ends: for whoever moves it or its money."""
    await tx.hold(contract_id)
    return await _contract(tx, contract_id, lock=True)


async def _contract(tx: Tx, contract_id: ContractId, *, lock: bool) -> ContractRecord:
    query = visible(select(ContractRecord), ContractRecord.branch_id, tx.actor).where(ContractRecord.id == contract_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    contract = await tx.scalar(query)
    if contract is None:
        raise NotFound("contract", contract_id)
    return contract


async def move(tx: Tx, contract: ContractRecord, after: ContractState, note: str) -> None:
    """Move a held contract on; raises RuleBroken when it cannot go there."""
    before = ContractState(contract.state)
    check_move(before, after)
    contract.state = after
    await trace(tx, contract, before, note)


async def trace(tx: Tx, contract: ContractRecord, before: ContractState | None, note: str) -> None:
    """Tell a change of state three times: in the contract's story, in the audit trail, and to whoever listens."""
    after = ContractState(contract.state)
    told = select(func.count()).where(EventRecord.contract_id == contract.id)
    tx.add(
        EventRecord(
            id=tx.new_id(),
            contract_id=contract.id,
            number=(await tx.scalar(told) or 0) + 1,
            at=tx.now,
            actor=tx.actor.name,
            before_state=before,
            after_state=after,
            note=note,
        )
    )
    await audit.record(
        tx,
        action=f"contract.{after.value}",
        subject="contract",
        subject_id=contract.id,
        detail={"before": before, "note": note},
        branch_id=contract.branch_id,
    )
    tx.emit(
        LeaseTransitioned(
            contract_id=ContractId(contract.id),
            contract_number=contract.number,
            before=before,
            after=after,
            occurred_at=tx.now,
        )
    )


def view_of(contract: ContractRecord) -> ContractView:
    """A contract as other rooms see it."""
    return ContractView(
        id=ContractId(contract.id),
        number=contract.number,
        branch_id=BranchId(contract.branch_id),
        application_id=ApplicationId(contract.application_id),
        party_id=PartyId(contract.party_id),
        bank_account_id=None if contract.bank_account_id is None else BankAccountId(contract.bank_account_id),
        product_version_id=ProductVersionId(contract.product_version_id),
        quote_id=QuoteId(contract.quote_id),
        lease_type=LeaseType(contract.lease_type),
        state=ContractState(contract.state),
        vehicle_id=None if contract.vehicle_id is None else VehicleId(contract.vehicle_id),
        car_model=contract.car_model,
        car_price=contract.car_price,
        financed_amount=contract.financed_amount,
        down_payment_amount=contract.down_payment_amount,
        deposit_amount=contract.deposit_amount,
        service_fee_amount=contract.service_fee_amount,
        third_party_fees_amount=contract.third_party_fees_amount,
        balloon_amount=contract.balloon_amount,
        purchase_option_amount=contract.purchase_option_amount,
        total_rent_amount=contract.total_rent_amount,
        instalment_count=contract.instalment_count,
        term_months=contract.term_months,
        annual_rate=contract.annual_rate,
        method=Method(contract.method),
        in_advance=contract.in_advance,
        drafted_at=contract.drafted_at,
        signed_at=contract.signed_at,
        funded_at=contract.funded_at,
        commenced_on=contract.commenced_on,
        settled_on=contract.settled_on,
        closed_on=contract.closed_on,
        cancelled_reason=contract.cancelled_reason,
    )
