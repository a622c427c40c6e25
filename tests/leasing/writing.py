"""A lease while it is written: one deal with financed and unfinanced fees, approved, drafted, signed, paid at signing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import text

from hub.core.events import Fact
from hub.core.ids import ApplicationId, BranchId, ContractId, PartyId
from hub.core.money import Money
from hub.infra.access import Actor
from hub.infra.database import Database, Tx
from hub.infra.jobs import ProcrastinateJobs
from hub.leasing.applications import service as applications
from hub.leasing.applications.rules import CreditOutcome, Decision, MaterialKind
from hub.leasing.contracts import service as contracts
from hub.leasing.funding import service as funding
from hub.leasing.funding.rules import SigningPaymentView
from hub.leasing.mandates import service as mandates
from hub.leasing.mandates.records import MandateRecord
from hub.leasing.mandates.rules import MandateActivated, MandateState
from hub.leasing.parties import service as parties
from hub.leasing.parties.rules import AddressKind, ConsentMethod, ConsentPurpose
from hub.leasing.payments import service as payments
from hub.leasing.payments.rules import ChargePurpose, ChargeSucceeded
from hub.leasing.products import service as products
from hub.leasing.products.rules import (
    AmountRange,
    EarlySettlementRule,
    FeeRule,
    LeaseType,
    Method,
    Payee,
    PenaltyRule,
    ProductTerms,
    ShareRange,
    TermRange,
)
from hub.leasing.quotes import service as quotes
from hub.leasing.quotes.pricing import price
from hub.leasing.quotes.rules import Deal, Fee
from hub.leasing.signatures import service as signatures

DRAFTED_ON = date(2026, 1, 5)
TERMS = ProductTerms(
    lease_type=LeaseType.DIRECT,
    method=Method.EQUAL_INSTALMENTS,
    term=TermRange(least=12, most=60, step=12),
    financed_amount=AmountRange(least=Money.of("10000"), most=Money.of("800000")),
    annual_rate=ShareRange(least=Decimal("0.03"), most=Decimal("0.18")),
    down_payment=ShareRange(least=Decimal("0.1"), most=Decimal("0.6")),
    deposit=ShareRange(least=Decimal(0), most=Decimal("0.2")),
    fees=(
        FeeRule(kind="insurance", payee=Payee.THIRD_PARTY),
        FeeRule(kind="purchase_tax", payee=Payee.THIRD_PARTY),
        FeeRule(kind="gps_fee", payee=Payee.LESSOR),
        FeeRule(kind="plate_registration", payee=Payee.THIRD_PARTY),
    ),
    penalty=PenaltyRule(daily_rate=Decimal("0.0005"), grace_days=3, cap_share=Decimal("0.24")),
    early_settlement=EarlySettlementRule(lock_in_months=6, fee_share=Decimal("0.03")),
    purchase_option=Money.of("100.00"),
)
DEAL = Deal(
    car_model="比亚迪 汉 DM-i 2026款 121km 尊贵型",
    car_price=Money.of("189800.00"),
    fees=(
        Fee(kind="insurance", amount=Money.of("6230.50"), financed=True),
        Fee(kind="purchase_tax", amount=Money.of("8398.23"), financed=True),
        Fee(kind="gps_fee", amount=Money.of("1280.00"), financed=False),
        Fee(kind="plate_registration", amount=Money.of("500.00"), financed=False),
    ),
    down_payment=Money.of("56940.00"),
    deposit=Money.of("9490.00"),
    service_fee=Money.of("2000.00"),
    term_months=36,
    annual_rate=Decimal("0.0888"),
    starts_on=date(2026, 1, 31),
)
PRICE = price(TERMS, DEAL, today=DRAFTED_ON)


@pytest.fixture
def facts(database: Database, jobs: ProcrastinateJobs) -> list[Fact]:
    """Every fact told, in order; jobs are left to the test."""
    heard: list[Fact] = []

    async def listen(tx: Tx, fact: Fact) -> None:
        heard.append(fact)

    async def left_to_the_test(payload: object) -> None:
        pass

    database.listener = listen
    names = (
        signatures.PERFORM_ENVELOPES,
        signatures.PERFORM_VOIDS,
        signatures.FETCH_SIGNED,
        mandates.PERFORM_MANDATES,
        payments.PERFORM_CHARGES,
    )
    for name in names:
        jobs.register(name, left_to_the_test)
    return heard


@pytest.fixture
async def approved(
    database: Database,
    facts: list[Fact],
    seller: Actor,
    approver: Actor,
    branch: BranchId,
    register: Callable[[Tx], Awaitable[PartyId]],
) -> ApplicationId:
    """The deal as an approved application of a person with a bank account."""
    async with database.transaction(seller) as tx:
        party_id = await register(tx)
        await parties.add_address(tx, party_id=party_id, kind=AddressKind.HOME, text="北京市东城区东直门内大街 5 号")
        await parties.add_bank_account(tx, party_id=party_id, bank_code="ICBC", number="6222021234567890128")
        await parties.record_consent(
            tx,
            party_id=party_id,
            purpose=ConsentPurpose.CREDIT_CHECK,
            text_version="1",
            method=ConsentMethod.SIGNATURE,
        )
        version = await products.create_product(tx, code="NEWCAR", name="新车直租", terms=TERMS)
        await products.publish(tx, version.id)
        fields = {name: getattr(DEAL, name) for name in DEAL.__dataclass_fields__}
        quote = await quotes.make_quote(tx, product_version_id=version.id, branch_id=branch, **fields)
        application_id = await applications.draft(tx, party_id=party_id, quote_id=quote.id)
        for kind in (MaterialKind.IDENTITY_DOCUMENT, MaterialKind.INCOME_PROOF):
            await applications.add_material(tx, application_id=application_id, kind=kind, file_sha256="0" * 64)
        await applications.submit(tx, application_id=application_id)
    async with database.transaction(approver) as tx:
        await applications.record_credit_outcome(
            tx, application_id=application_id, outcome=CreditOutcome.PASS, reasons=[]
        )
    async with database.transaction(approver) as tx:
        await applications.decide(tx, application_id=application_id, decision=Decision.APPROVE)
    return application_id


@pytest.fixture
async def contract_id(database: Database, seller: Actor, approved: ApplicationId) -> ContractId:
    """The contract of the approved application."""
    async with database.transaction(seller) as tx:
        return await contracts.draft(tx, application_id=approved)


async def sign(tx: Tx, contract_id: ContractId) -> None:
    """As if it had gone out and come back; how it does is told in the tests of signatures."""
    for state in ("out_for_signature", "signed"):
        await tx.execute(text("update contract set state = :state where id = :id"), {"state": state, "id": contract_id})


async def agree(tx: Tx, contract_id: ContractId) -> MandateActivated:
    """The mandate that was asked for, as if its payer had agreed."""
    (mandate,) = await mandates.mandates_of(tx, contract_id)
    row = await tx.get_one(MandateRecord, mandate.id)
    row.state, row.instance, row.mandate_ref = MandateState.ACTIVE, "psp_main", "M1"
    await tx.flush()
    return MandateActivated(mandate_id=mandate.id, contract_id=contract_id)


def succeeded(contract_id: ContractId, payment: SigningPaymentView) -> ChargeSucceeded:
    """The news that a payment at signing has come in."""
    assert payment.charge_id is not None
    return ChargeSucceeded(
        charge_id=payment.charge_id,
        contract_id=contract_id,
        purpose=ChargePurpose.SIGNING,
        subject_id=payment.id,
        money=payment.money,
        instance="psp_main",
        settled_on=DRAFTED_ON,
    )


async def charge(tx: Tx, contract_id: ContractId) -> tuple[SigningPaymentView, ...]:
    """Signed, and everything due at signing is asked for."""
    await sign(tx, contract_id)
    await funding.request_signing_payments(tx, contract_id)
    await funding.charge_signing_payments(tx, await agree(tx, contract_id))
    return await funding.signing_payments_of(tx, contract_id)


async def fund(tx: Tx, contract_id: ContractId) -> None:
    """Signed, and everything due at signing has come in."""
    for payment in await charge(tx, contract_id):
        await funding.record_signing_payment(tx, succeeded(contract_id, payment))
