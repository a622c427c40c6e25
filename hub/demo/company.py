"""The stage of the demo: a company with branches, people who each do their part, partners, and a product."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from sqlalchemy import select
from stdnum.cn import uscc

from hub.core.ids import BranchId, ChannelId, ProductVersionId
from hub.core.money import Money
from hub.demo.applicants import FEES, Applicant
from hub.infra import staff
from hub.infra.access import Actor, Role, system
from hub.infra.database import Database, Tx
from hub.infra.durable import create_whole
from hub.infra.records import Branch, BranchKind, Staff
from hub.leasing.channels import service as channels
from hub.leasing.channels.rules import PartnerKind
from hub.leasing.disbursements import payees
from hub.leasing.parties import service as parties
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

# Who sells the car when no partner has brought the deal.
HOUSE_DEALER = "Demo Dealer"

PEOPLE: dict[str, frozenset[Role]] = {
    "admin": frozenset({Role.ADMINISTRATOR}),
    "sales": frozenset({Role.SALES}),
    "credit": frozenset({Role.CREDIT_OFFICER}),
    "approver": frozenset({Role.APPROVER}),
    "operations": frozenset({Role.OPERATIONS}),
    "collector": frozenset({Role.COLLECTOR}),
    "accountant": frozenset({Role.ACCOUNTANT}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """Who and what is there when the curtain rises."""

    branches: dict[str, BranchId]
    actors: dict[str, Actor]
    partners: dict[str, ChannelId]
    versions: dict[Method, ProductVersionId]


async def open_company(database: Database, applicants: Iterable[Applicant], passwords: Path) -> Company:
    """Set the stage, or find it as it was left; new passwords are written to `passwords`, which only its owner reads."""
    applicants = list(applicants)
    async with database.transaction(system("demo")) as tx:
        branches = await _branches(tx, sorted({one.branch for one in applicants}))
        made = await _people(tx, branches["headquarters"])
        names = sorted({(one.branch, one.channel) for one in applicants if one.channel})
        partners = await _partners(tx, branches, [("headquarters", HOUSE_DEALER), *names])
        await _payees(tx, branches["headquarters"], partners)
        versions = await _products(tx)
        actors = await _actors(tx)
    if made:
        create_whole(passwords, "".join(f"{login} {password}\n" for login, password in made.items()).encode())
    return Company(branches=branches, actors=actors, partners=partners, versions=versions)


async def _branches(tx: Tx, codes: list[str]) -> dict[str, BranchId]:
    known = {row.code: BranchId(row.id) for row in await tx.scalars(select(Branch))}
    if "headquarters" not in known:
        known["headquarters"] = await staff.add_branch(
            tx, code="headquarters", name="Headquarters", kind=BranchKind.HEADQUARTERS
        )
    for code in codes:
        if code not in known:
            known[code] = await staff.add_branch(tx, code=code, name=code.capitalize(), parent_id=known["headquarters"])
    return known


async def _people(tx: Tx, headquarters: UUID) -> dict[str, str]:
    known = set(await tx.scalars(select(Staff.login)))
    made = {login: secrets.token_urlsafe(12) for login in PEOPLE if login not in known}
    for login, password in made.items():
        await staff.add_staff(
            tx,
            login=login,
            display_name=login.capitalize(),
            branch_id=headquarters,
            roles=PEOPLE[login],
            password=password,
        )
    return made


async def _actors(tx: Tx) -> dict[str, Actor]:
    rows = await tx.scalars(select(Staff).where(Staff.login.in_(PEOPLE)))
    return {row.login: await staff.actor_of(tx, row.id) for row in rows}


async def _partners(tx: Tx, branches: dict[str, BranchId], wanted: list[tuple[str, str]]) -> dict[str, ChannelId]:
    known = {partner.name: partner.id for partner in await channels.list_partners(tx, limit=200)}
    for branch, name in wanted:
        if name not in known:
            known[name] = await channels.add_partner(
                tx, branch_id=branches[branch], kind=PartnerKind.DEALER, name=name, commission_rate=Decimal("0.01")
            )
    return known


async def _payees(tx: Tx, headquarters: BranchId, partners: dict[str, ChannelId]) -> None:
    """Give every dealer and third party that has none a company of its own with a bank account, for all branches."""
    named = await payees.list_payees(tx, limit=200)
    known = {one.channel_id for one in named} | {one.fee_kind for one in named}
    wanted: list[tuple[str, ChannelId | None, str | None]] = [
        *((name, channel_id, None) for name, channel_id in sorted(partners.items())),
        *((f"Demo {fee.replace('_', ' ')}", None, fee) for fee in FEES),
    ]
    missing = [one for one in wanted if (one[1] or one[2]) not in known]
    for serial, (name, channel_id, fee_kind) in enumerate(missing, len(named) + 1):
        party_id = await parties.register_company(
            tx, branch_id=headquarters, name=name, company_code=_company_code(serial), phone=f"139{serial:08d}"
        )
        account_id = await parties.add_bank_account(
            tx, party_id=party_id, bank_code="ICBC", number=f"62220200{serial:08d}"
        )
        await payees.name_payee(
            tx,
            branch_id=headquarters,
            name=name,
            party_id=party_id,
            bank_account_id=account_id,
            channel_id=channel_id,
            fee_kind=fee_kind,
        )


def _company_code(serial: int) -> str:
    """A made-up unified social credit code with its check character."""
    body = f"91110108MA{serial:07d}"
    return body + uscc.calc_check_digit(body)


async def _products(tx: Tx) -> dict[Method, ProductVersionId]:
    """A product for each method, published once."""
    on_offer = {one.code: one.published_version_id for one in await products.list_products(tx, limit=200)}
    found: dict[Method, ProductVersionId] = {}
    for method in Method:
        code = f"DEMO-{method.value.upper().replace('_', '-')}"
        version_id = on_offer.get(code)
        if version_id is None:
            drafted = await products.create_product(
                tx, code=code, name=f"Demo {method.value.replace('_', ' ')}", terms=_terms(method)
            )
            version_id = (await products.publish(tx, drafted.id)).id
        found[method] = version_id
    return found


def _terms(method: Method) -> ProductTerms:
    return ProductTerms(
        lease_type=LeaseType.DIRECT,
        method=method,
        term=TermRange(least=3, most=60),
        financed_amount=AmountRange(least=Money.of("10000.00"), most=Money.of("800000.00")),
        annual_rate=ShareRange(least=Decimal("0.04"), most=Decimal("0.14")),
        down_payment=ShareRange(least=Decimal("0.10"), most=Decimal("0.60")),
        deposit=ShareRange(least=Decimal(0), most=Decimal("0.10")),
        fees=(
            *(FeeRule(kind=fee, payee=Payee.THIRD_PARTY) for fee in FEES),
            FeeRule(kind="service_fee", payee=Payee.LESSOR, may_be_financed=False),
        ),
        penalty=PenaltyRule(daily_rate=Decimal("0.0003"), grace_days=3, cap_share=Decimal("0.2")),
        early_settlement=EarlySettlementRule(lock_in_months=3, fee_share=Decimal("0.02")),
        purchase_option=Money(0),
    )
