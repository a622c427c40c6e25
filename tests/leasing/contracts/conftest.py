"""One deal with financed and unfinanced fees: as a paper to set, and as an approved application to write a contract on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from hub.core.events import Fact
from hub.core.identity import DocumentKind
from hub.core.ids import ApplicationId, BankAccountId, BranchId, ContractId, PartyId, ProductVersionId, QuoteId
from hub.core.money import Money
from hub.infra.access import Actor
from hub.infra.database import Database, Tx
from hub.infra.files import Files
from hub.infra.jobs import ProcrastinateJobs
from hub.infra.vault import KeyVault
from hub.integrations.executor import Answer, Ask, CallOutcome
from hub.leasing.applications import service as applications
from hub.leasing.applications.rules import CreditOutcome, Decision, MaterialKind
from hub.leasing.contracts import signature
from hub.leasing.contracts.document import Paper
from hub.leasing.contracts.rules import ContractState, ContractView
from hub.leasing.parties import service as parties
from hub.leasing.parties.rules import AddressKind, ClearParty, ConsentMethod, ConsentPurpose, PartyKind
from hub.leasing.payments import service as payments
from hub.leasing.products import service as products
from hub.leasing.products.pricing import Deal, Fee, price
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
LESSEE = ClearParty(
    id=PartyId(UUID(int=4)),
    kind=PartyKind.PERSON,
    name="欧阳晓峰",
    document_kind=DocumentKind.CN_IDENTITY_CARD,
    document_number="11010519491231002X",
    phone="+8613812345678",
    email=None,
    addresses=("北京市朝阳区建国路 88 号 3 号楼 1204 室",),
)


def _contract() -> ContractView:
    nothing = Money(0)
    fields: dict[str, object] = {
        "id": ContractId(UUID(int=1)),
        "number": "LC20260105-000001",
        "branch_id": BranchId(UUID(int=2)),
        "application_id": ApplicationId(UUID(int=3)),
        "party_id": LESSEE.id,
        "bank_account_id": BankAccountId(UUID(int=5)),
        "product_version_id": ProductVersionId(UUID(int=6)),
        "quote_id": QuoteId(UUID(int=7)),
        "lease_type": TERMS.lease_type,
        "state": ContractState.OUT_FOR_SIGNATURE,
        "vehicle_id": None,
        "car_model": DEAL.car_model,
        "car_price": DEAL.car_price,
        "financed_amount": PRICE.financed,
        "down_payment_amount": DEAL.down_payment,
        "deposit_amount": DEAL.deposit,
        "service_fee_amount": DEAL.service_fee + Money.of("1280.00"),
        "third_party_fees_amount": Money.of("500.00"),
        "balloon_amount": nothing,
        "purchase_option_amount": TERMS.purchase_option,
        "total_rent_amount": PRICE.total_rent,
        "instalment_count": len(PRICE.schedule),
        "term_months": DEAL.term_months,
        "annual_rate": DEAL.annual_rate,
        "method": TERMS.method,
        "in_advance": False,
        "drafted_at": datetime(2026, 1, 5, 1, tzinfo=UTC),
        "signed_at": None,
        "funded_at": None,
        "commenced_on": None,
        "settled_on": None,
        "closed_on": None,
        "cancelled_reason": None,
    }
    return ContractView(**fields)  # type: ignore[arg-type]


@pytest.fixture
def paper() -> Paper:
    """The deal as a paper."""
    return Paper(
        contract=_contract(),
        lessor="远航汽车融资租赁有限公司",
        lessee=LESSEE,
        vin=None,
        deal=DEAL,
        price=PRICE,
        terms=TERMS,
        drafted_on=DRAFTED_ON,
    )


class Provider:
    """An e-signature provider by script: answers each ask by the next line, and remembers what it was asked."""

    def __init__(self, *script: object) -> None:
        self.asked: list[Ask] = []
        self._script = list(script)

    async def call(self, ask: Ask) -> Answer:
        """Say the next line; an outcome stands for an answer without a result."""
        self.asked.append(ask)
        line = self._script.pop(0)
        outcome, result = (line, None) if isinstance(line, CallOutcome) else (CallOutcome.OK, line)
        return Answer(
            call_id=UUID(int=1), instance="esign_main", outcome=outcome, result=result, error_code=outcome.value
        )


@pytest.fixture
def provider() -> Callable[..., Provider]:
    """Makes a provider with a script."""
    return Provider


@pytest.fixture
def files(tmp_path: Path, vault: KeyVault) -> Files:
    """A store of files."""
    return Files(tmp_path / "files", vault)


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
        signature.PERFORM_SIGNATURES,
        signature.PERFORM_VOIDS,
        signature.FETCH_SIGNED,
        payments.PERFORM_MANDATES,
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
        quote = await products.make_quote(tx, product_version_id=version.id, branch_id=branch, **fields)
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
