"""The contract register as a list: by state, branch, number and model, in the order that the reader wants."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Date, Select, func, literal_column, select

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
from hub.infra.access import visible
from hub.infra.database import Tx
from hub.infra.paging import Count, Order, Slice, Tabs, Window, count_by, sliced
from hub.leasing.contracts.records import ContractRecord
from hub.leasing.contracts.rules import ContractState, ContractView
from hub.leasing.products.rules import LeaseType, Method

_ORDER = Order(
    key=ContractRecord.id,
    columns={
        "drafted": ContractRecord.id,  # ids rise with time
        "number": ContractRecord.number,
        "financed": ContractRecord.financed_amount,
        # As its index has it, to the letter.
        "commenced": func.coalesce(ContractRecord.commenced_on, literal_column("'0001-01-01'::date", Date)),
    },
    standard="drafted",
)
_TABS = Tabs(name="state", column=ContractRecord.state, words=ContractState, of_branch=True)


async def page(tx: Tx, window: Window) -> Slice[ContractView]:
    """Contracts in a window; filters `state`, and `text` for the beginning of a number."""
    return await sliced(tx, _wanted(tx, window), _ORDER, window, shown, _TABS)


async def counts(tx: Tx, window: Window) -> Mapping[str, Count]:
    """How many contracts there are in each state, under the other filters."""
    return await count_by(tx, _wanted(tx, window), _TABS)


async def numbers_of(tx: Tx, contract_ids: Collection[ContractId]) -> Mapping[ContractId, str]:
    """The numbers of these contracts, in one query."""
    if not contract_ids:
        return {}
    rows = select(ContractRecord.id, ContractRecord.number).where(ContractRecord.id.in_(contract_ids))
    return {ContractId(contract_id): number for contract_id, number in await tx.execute(rows)}


async def views_of(tx: Tx, contract_ids: Collection[ContractId]) -> Mapping[ContractId, ContractView]:
    """These contracts, as far as the actor may see them, in one query."""
    rows = visible(select(ContractRecord), ContractRecord.branch_id, tx.actor)
    found = await tx.scalars(rows.where(ContractRecord.id.in_(contract_ids)))
    return {ContractId(row.id): shown(row) for row in found}


def _wanted(tx: Tx, window: Window) -> Select[ContractRecord]:
    query = visible(select(ContractRecord), ContractRecord.branch_id, tx.actor)
    if text := window.filters.get("text"):
        query = query.where(ContractRecord.number.startswith(text.upper(), autoescape=True))
    return query


def shown(contract: ContractRecord) -> ContractView:
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
