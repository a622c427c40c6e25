"""Many running leases soon: one is written through the services, the others are its copies, made in the database.

A copy is a contract in force with its car, application and quote; its account and its mandate are then opened through
the services like any other's. Only tests may do this: it goes past the story of how a contract comes about.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import text

from hub.core.identity import DocumentKind
from hub.core.ids import ApplicationId, BankAccountId, BranchId, ContractId, PartyId
from hub.core.money import Money
from hub.infra import staff
from hub.infra.access import system
from hub.infra.database import Database, Tx
from hub.leasing.applications import service as applications
from hub.leasing.applications.rules import CreditOutcome, Decision, MaterialKind
from hub.leasing.contracts import service as contracts
from hub.leasing.mandates import service as mandates
from hub.leasing.parties import service as parties
from hub.leasing.parties.rules import ConsentMethod, ConsentPurpose
from hub.leasing.products import service as products
from hub.leasing.products.rules import (
    AmountRange,
    EarlySettlementRule,
    LeaseType,
    Method,
    PenaltyRule,
    ProductTerms,
    ShareRange,
    TermRange,
)
from hub.leasing.quotes import service as quotes
from hub.leasing.servicing import service as servicing

_TERMS = ProductTerms(
    lease_type=LeaseType.DIRECT,
    method=Method.EQUAL_INSTALMENTS,
    term=TermRange(least=3, most=60),
    financed_amount=AmountRange(least=Money.of("1000"), most=Money.of("2000000")),
    annual_rate=ShareRange(least=Decimal(0), most=Decimal("0.18")),
    down_payment=ShareRange(least=Decimal(0), most=Decimal("0.5")),
    deposit=ShareRange(least=Decimal(0), most=Decimal("0.2")),
    fees=(),
    penalty=PenaltyRule(daily_rate=Decimal("0.0005"), grace_days=3),
    early_settlement=EarlySettlementRule(fee_share=Decimal("0.03")),
    purchase_option=Money.zero(),
)
_SELLER, _APPROVER, _OPERATIONS = system("seller"), system("approver"), system("operations")


@dataclass(frozen=True, slots=True, kw_only=True)
class _First:
    """The lease that the others are copies of, and the account that its rents come from."""

    contract_id: ContractId
    bank_account_id: BankAccountId


async def open_portfolio(database: Database, number: int, *, commenced_on: date, term: int) -> list[ContractId]:
    """So many leases of `term` months in force since that day; their mandates are asked for and not yet sent."""
    first = await _first(database, term)
    copies = [ContractId(database.ids.new()) for _ in range(number)]
    await _copy(database, first, copies, commenced_on)
    for contract_id in copies:
        async with database.transaction(_OPERATIONS) as tx:
            await servicing.open_account(tx, contract_id=contract_id, bank_account_id=first.bank_account_id)
            await _request_mandate(tx, contract_id)
    return copies


async def renew_mandates(database: Database, contract_ids: list[ContractId]) -> int:
    """Ask for a mandate again where none is active, as a person would; returns for how many."""
    renewed = 0
    for contract_id in contract_ids:
        async with database.transaction(_OPERATIONS) as tx:
            if await mandates.active_mandate(tx, contract_id) is None:
                await _request_mandate(tx, contract_id)
                renewed += 1
    return renewed


async def _request_mandate(tx: Tx, contract_id: ContractId) -> None:
    contract = await contracts.view(tx, contract_id)
    assert contract.bank_account_id is not None
    await mandates.request_mandate(
        tx,
        contract_id=contract_id,
        branch_id=contract.branch_id,
        party_id=contract.party_id,
        bank_account_id=contract.bank_account_id,
        limit=contract.financed_amount,
        contract_number=contract.number,
    )


async def _first(database: Database, term: int) -> _First:
    async with database.transaction(_SELLER) as tx:
        branch_id = await staff.add_branch(tx, code="north", name="North")
        party_id, bank_account_id = await _lessee(tx, branch_id)
        application_id = await _application(tx, branch_id, party_id, term)
    async with database.transaction(_APPROVER) as tx:
        passed = CreditOutcome.PASS
        await applications.record_credit_outcome(tx, application_id=application_id, outcome=passed, reasons=[])
    async with database.transaction(_APPROVER) as tx:
        await applications.decide(tx, application_id=application_id, decision=Decision.APPROVE)
    async with database.transaction(_OPERATIONS) as tx:
        contract_id = await contracts.draft(tx, application_id=application_id)
    return _First(contract_id=contract_id, bank_account_id=bank_account_id)


async def _lessee(tx: Tx, branch_id: BranchId) -> tuple[PartyId, BankAccountId]:
    party_id = await parties.register_person(
        tx,
        branch_id=branch_id,
        name="张伟",
        document_kind=DocumentKind.CN_IDENTITY_CARD,
        document_number="11010519491231002X",
        phone="13812345678",
    )
    await parties.add_bank_account(tx, party_id=party_id, bank_code="ICBC", number="6222021234567890128")
    signed = ConsentMethod.SIGNATURE
    await parties.record_consent(
        tx, party_id=party_id, purpose=ConsentPurpose.CREDIT_CHECK, text_version="1", method=signed
    )
    [account] = await parties.list_bank_accounts(tx, party_id)
    return party_id, account.id


async def _application(tx: Tx, branch_id: BranchId, party_id: PartyId, term: int) -> ApplicationId:
    version = await products.create_product(tx, code="FAULTS", name="Faults", terms=_TERMS)
    await products.publish(tx, version.id)
    quote = await quotes.make_quote(
        tx,
        product_version_id=version.id,
        branch_id=branch_id,
        car_model="Sedan 1.5T",
        car_price=Money.of("120000.00"),
        fees=(),
        down_payment=Money.zero(),
        deposit=Money.zero(),
        service_fee=Money.zero(),
        term_months=term,
        annual_rate=Decimal("0.0888"),
        starts_on=tx.today,
    )
    application_id = await applications.draft(tx, party_id=party_id, quote_id=quote.id)
    for kind in (MaterialKind.IDENTITY_DOCUMENT, MaterialKind.INCOME_PROOF):
        await applications.add_material(tx, application_id=application_id, kind=kind, file_sha256="0" * 64)
    await applications.submit(tx, application_id=application_id)
    return application_id


# One row a copy: its own ids and numbers; whatever else it has is the first lease's.
_NEW = """
jsonb_to_recordset(cast(:copies as jsonb))
    as new (contract uuid, vehicle uuid, quote uuid, application uuid, serial text, commenced_on date)
"""
_STATEMENTS = (
    f"""
insert into vehicle (id, branch_id, location_id, vin, model, cost_amount, status, movement_count, title_holder)
select new.vehicle, c.branch_id, c.branch_id, 'LVSHCAMB1CE' || new.serial, c.car_model, 100000, 'leased', 1, 'lessor'
from contract c, {_NEW} where c.id = :first
""",
    f"""
insert into quote select (jsonb_populate_record(q,
    jsonb_build_object('id', new.quote, 'number', 'Q-' || new.serial))).*
from contract c join quote q on q.id = c.quote_id, {_NEW} where c.id = :first
""",
    f"""
insert into application select (jsonb_populate_record(a,
    jsonb_build_object('id', new.application, 'number', 'A-' || new.serial, 'quote_id', new.quote))).*
from contract c join application a on a.id = c.application_id, {_NEW} where c.id = :first
""",
    f"""
insert into contract select (jsonb_populate_record(c, jsonb_build_object('id', new.contract,
    'number', 'LC-' || new.serial, 'application_id', new.application, 'quote_id', new.quote,
    'vehicle_id', new.vehicle, 'state', 'active', 'commenced_on', new.commenced_on))).*
from contract c, {_NEW} where c.id = :first
""",
)


async def _copy(database: Database, first: _First, copies: list[ContractId], commenced_on: date) -> None:
    new = [
        {
            "contract": str(contract_id),
            "serial": f"{serial:06}",
            "commenced_on": commenced_on.isoformat(),
            **{name: str(database.ids.new()) for name in ("vehicle", "quote", "application")},
        }
        for serial, contract_id in enumerate(copies, start=1)
    ]
    async with database.transaction(_OPERATIONS) as tx:
        # No triggers: they hold the story of contracts and cars, which the copies have not lived.
        await tx.execute(text("set local session_replication_role = replica"))
        for statement in _STATEMENTS:
            await tx.execute(text(statement), {"first": first.contract_id, "copies": json.dumps(new)})
