"""People, products and applications for the rooms' tests: each made through the services, none by hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import date
from decimal import Decimal
from itertools import count

import pytest
from stdnum.cn import ric

from hub.core.identity import DocumentKind
from hub.core.ids import ApplicationId, BranchId, PartyId, QuoteId
from hub.core.money import Money
from hub.infra import staff
from hub.infra.access import Actor, Permission
from hub.infra.database import Database, Tx
from hub.leasing.applications import service as applications
from hub.leasing.applications.rules import MaterialKind
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

A_FILE = "0" * 63 + "1"


def identity_number(serial: int, *, born: date = date(1990, 3, 7)) -> str:
    """A well-formed identity number of somebody registered in Dongcheng, Beijing."""
    body = f"110101{born:%Y%m%d}{serial:03d}"
    return body + ric.calc_check_digit(body + "0")


def actor_in(name: str, *branches: BranchId) -> Actor:
    """Somebody who may do everything, in these branches."""
    return Actor(name=name, staff_id=None, permissions=frozenset(Permission), branches=frozenset(branches))


@pytest.fixture
def new_identity() -> Callable[[], str]:
    """Gives out identity numbers, each once."""
    serials: Iterator[int] = count(1)
    return lambda: identity_number(next(serials))


@pytest.fixture
def seller(branch: BranchId) -> Actor:
    """Somebody of the branch who opens things."""
    return actor_in("seller", branch)


@pytest.fixture
def approver(branch: BranchId) -> Actor:
    """Somebody else of the branch, who decides."""
    return actor_in("approver", branch)


@pytest.fixture
async def outsider(database: Database, system_actor: Actor) -> Actor:
    """Somebody of another branch."""
    async with database.transaction(system_actor) as tx:
        return actor_in("outsider", await staff.add_branch(tx, code="ELSEWHERE", name="Elsewhere"))


Register = Callable[[Tx], Awaitable[PartyId]]


@pytest.fixture
def register(branch: BranchId, new_identity: Callable[[], str]) -> Register:
    """Registers a further person in the branch."""

    async def person(tx: Tx) -> PartyId:
        return await parties.register_person(
            tx,
            branch_id=branch,
            name="张伟",
            document_kind=DocumentKind.CN_IDENTITY_CARD,
            document_number=new_identity(),
            phone="13812345678",
        )

    return person


def terms(lease_type: LeaseType = LeaseType.DIRECT) -> ProductTerms:
    """A plain monthly product."""
    return ProductTerms(
        lease_type=lease_type,
        method=Method.EQUAL_INSTALMENTS,
        term=TermRange(least=12, most=60),
        financed_amount=AmountRange(least=Money.of("10000"), most=Money.of("2000000")),
        annual_rate=ShareRange(least=Decimal("0.03"), most=Decimal("0.18")),
        down_payment=ShareRange(least=Decimal(0), most=Decimal("0.5")),
        deposit=ShareRange(least=Decimal(0), most=Decimal("0.2")),
        fees=(),
        penalty=PenaltyRule(daily_rate=Decimal("0.0005")),
        early_settlement=EarlySettlementRule(),
        purchase_option=Money.of("100"),
    )


Quote = Callable[..., Awaitable[QuoteId]]


@pytest.fixture
def make_quote(branch: BranchId) -> Quote:
    """Quotes a car in the branch, on a new product each time."""
    serials = count(1)

    async def quote(tx: Tx, *, lease_type: LeaseType = LeaseType.DIRECT, price: str = "128000.00") -> QuoteId:
        version = await products.create_product(
            tx, code=f"T{next(serials)}-{lease_type.value[:2].upper()}", name="Test", terms=terms(lease_type)
        )
        await products.publish(tx, version.id)
        quoted = await quotes.make_quote(
            tx,
            product_version_id=version.id,
            branch_id=branch,
            car_model="Sedan 1.5T",
            car_price=Money.of(price),
            fees=(),
            down_payment=Money.zero(),
            deposit=Money.zero(),
            service_fee=Money.zero(),
            term_months=24,
            annual_rate=Decimal("0.08"),
            starts_on=tx.today,
        )
        return quoted.id

    return quote


Apply = Callable[..., Awaitable[ApplicationId]]


@pytest.fixture
def apply(register: Register, make_quote: Quote) -> Apply:
    """Submits a further complete application of a further person, with their consent to the credit check."""

    async def submitted(tx: Tx, *, price: str = "128000.00") -> ApplicationId:
        party_id = await register(tx)
        await parties.record_consent(
            tx,
            party_id=party_id,
            purpose=ConsentPurpose.CREDIT_CHECK,
            text_version="2026-1",
            method=ConsentMethod.SIGNATURE,
        )
        application_id = await applications.draft(tx, party_id=party_id, quote_id=await make_quote(tx, price=price))
        for kind in (MaterialKind.IDENTITY_DOCUMENT, MaterialKind.INCOME_PROOF):
            await applications.add_material(tx, application_id=application_id, kind=kind, file_sha256=A_FILE)
        await applications.submit(tx, application_id=application_id)
        return application_id

    return submitted
