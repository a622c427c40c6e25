"""A whole paper to set in tests: one deal with financed and unfinanced fees, priced by the products room."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from hub.core.identity import DocumentKind
from hub.core.ids import ApplicationId, BankAccountId, BranchId, ContractId, PartyId, ProductVersionId, QuoteId
from hub.core.money import Money
from hub.leasing.contracts.document import Paper
from hub.leasing.contracts.rules import ContractState, ContractView
from hub.leasing.parties.rules import ClearParty, PartyKind
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


def contract_view(**changes: object) -> ContractView:
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
    return ContractView(**{**fields, **changes})  # type: ignore[arg-type]


def paper() -> Paper:
    return Paper(
        contract=contract_view(),
        lessor="远航汽车融资租赁有限公司",
        lessee=LESSEE,
        vin=None,
        deal=DEAL,
        price=PRICE,
        terms=TERMS,
        drafted_on=DRAFTED_ON,
    )
