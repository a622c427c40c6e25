"""A lease that runs: made through the services, on the hub's own wiring, with a bank and a messenger that obey a script."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

import pytest
import sqlalchemy as sa

from hub import wiring
from hub.core.events import Fact
from hub.core.ids import ApplicationId, BankAccountId, BranchId, ContractId, PartyId
from hub.core.money import Money
from hub.core.ports.esign import Envelope, EnvelopeStatus
from hub.core.ports.payments import CollectRequest, PaymentOutcome, PaymentResult, RejectionAdvice
from hub.infra.access import Actor, system
from hub.infra.clock import BUSINESS_ZONE
from hub.infra.database import Database, Tx
from hub.integrations.answers import Answer, CallOutcome
from hub.integrations.executor import Executor
from hub.integrations.facts import OutcomeKnown
from hub.leasing.applications import service as applications
from hub.leasing.applications.rules import CreditOutcome, Decision, MaterialKind
from hub.leasing.collections import service as collections
from hub.leasing.contracts import service as contracts
from hub.leasing.funding import service as funding
from hub.leasing.instalments.rules import OWED, InstalmentState
from hub.leasing.inventory import service as inventory
from hub.leasing.inventory.rules import Inspection
from hub.leasing.mandates import service as mandates
from hub.leasing.parties import service as parties
from hub.leasing.parties.rules import ConsentMethod, ConsentPurpose
from hub.leasing.payments import service as payments
from hub.leasing.payments.rules import ChargePurpose, MovementView
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
from hub.leasing.quotes.rules import Fee
from hub.leasing.servicing import service as servicing
from hub.leasing.servicing.rules import AccountView
from hub.leasing.settlements import service as settlements
from hub.leasing.signatures import service as signatures
from hub.leasing.tracking import service as tracking
from hub.leasing.warnings import service as warnings
from hub.leasing.warnings.rules import WarningKind
from hub.ledger import service as ledger
from hub.ledger.chart import Account
from hub.sdk.clock import VirtualClock
from tests.integrations.fakes import AskablePayments, FakeRegistry, Messages, Script, Step, instance

_FactT = TypeVar("_FactT", bound=Fact)

TERMS = ProductTerms(
    lease_type=LeaseType.DIRECT,
    method=Method.EQUAL_INSTALMENTS,
    term=TermRange(least=2, most=60),
    financed_amount=AmountRange(least=Money.of("1000"), most=Money.of("2000000")),
    annual_rate=ShareRange(least=Decimal(0), most=Decimal("0.18")),
    down_payment=ShareRange(least=Decimal(0), most=Decimal("0.5")),
    deposit=ShareRange(least=Decimal(0), most=Decimal("0.2")),
    fees=(FeeRule(kind="insurance", payee=Payee.THIRD_PARTY), FeeRule(kind="gps_fee", payee=Payee.LESSOR)),
    penalty=PenaltyRule(daily_rate=Decimal("0.0005"), grace_days=3),
    early_settlement=EarlySettlementRule(fee_share=Decimal("0.03")),
    purchase_option=Money.zero(),
)


def taken(money: Money, day: date | None = None) -> PaymentResult:
    """The bank has taken so much, with that value date (today when there is none)."""
    at = None if day is None else datetime.combine(day, time(12), BUSINESS_ZONE)
    return PaymentResult(outcome=PaymentOutcome.SUCCEEDED, payment_ref="p", money=money, settled_at=at)


def settled(day: date | None = None, *, more: str = "0.00") -> Step:
    """The bank takes what it is asked for, with that value date, and perhaps more."""

    def step(request: CollectRequest, _: object) -> PaymentResult:
        return taken(request.money + Money.of(more), day)

    return step


def refused(advice: RejectionAdvice = RejectionAdvice.RETRY_LATER) -> PaymentResult:
    """The bank says no."""
    return PaymentResult(outcome=PaymentOutcome.REJECTED, payment_ref="p", code="insufficient_funds", advice=advice)


PENDING = PaymentResult(outcome=PaymentOutcome.PENDING, payment_ref="p")


@dataclass(kw_only=True)
class House:
    """Everything that a lease runs in: the wired database, the providers, and what was told."""

    database: Database
    clock: VirtualClock
    branch: BranchId
    seller: Actor
    approver: Actor
    register: Callable[[Tx], Awaitable[PartyId]]
    bank: Script = field(default_factory=Script)
    messenger: Script = field(default_factory=Script)
    heard: list[Fact] = field(default_factory=list)
    terms: ProductTerms = TERMS
    table: Mapping[type[Fact], tuple[Callable[..., Awaitable[None]], ...]] = field(default_factory=lambda: wiring.FACTS)
    leases: list[Lease] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.registry = FakeRegistry(
            instance("bank", AskablePayments, self.bank), instance("messenger", Messages, self.messenger)
        )
        self.executor = Executor(database=self.database, registry=self.registry, tenant="test")  # type: ignore[arg-type]
        self.database.listener = self._hear
        self.system = system("test")

    async def _hear(self, tx: Tx, fact: Fact) -> None:
        self.heard.append(fact)
        for act in self.table.get(type(fact), ()):
            await act(tx, fact)

    def told(self, kind: type[_FactT]) -> list[_FactT]:
        """The facts of a kind, in order."""
        return [fact for fact in self.heard if isinstance(fact, kind)]

    @property
    def today(self) -> date:
        """The business date."""
        return self.clock.now().astimezone(BUSINESS_ZONE).date()

    async def perform(self) -> None:
        """Send out everything that waits, and ask after what nobody knows when its time has come."""
        takes = (mandates.perform_mandates, payments.perform_charges, payments.perform_payouts)
        while any([await take(self.database, self.executor) for take in takes]):
            pass

    async def night(self) -> int:
        """Close the day; returns how many accounts had something to close or to debit."""
        await collections.break_promises(self.database)
        closed = 0
        while done := await servicing.close_due_accounts(self.database):
            closed += done
        while done := await settlements.charge_due_options(self.database):
            closed += done
        return closed

    async def go_to(self, day: date, hour: int = 9) -> None:
        """Move the clock to that hour of a day, and nothing else."""
        self.clock.move_to(datetime.combine(day, time(hour), BUSINESS_ZONE))

    async def live_until(self, day: date) -> None:
        """Live until midnight of that day: every day that has something to close has its night and its debits."""
        while self.today <= day:
            await self.night()
            await self.perform()
            async with self.database.transaction(self.system) as tx:
                events = (await servicing.first_event_on(tx), await settlements.next_option_on(tx))
            coming = min([day + timedelta(days=1), *(event_on for event_on in events if event_on is not None)])
            await self.go_to(max(self.today + timedelta(days=1), coming), hour=0)

    async def news(self, charge: MovementView, result: PaymentResult) -> None:
        """The bank tells late what became of a charge."""
        fact = OutcomeKnown(
            call_id=UUID(int=1),
            operation="payments_collect",
            key=str(charge.id),
            instance="bank",
            outcome=CallOutcome.OK,
            result=result,
        )
        async with self.database.transaction(self.system) as tx:
            await payments.record_outcome_known(tx, fact)

    async def begin(self, *, deposit: str = "6000.00", term: int = 12, rate: str = "0.12") -> Lease:
        """A lease that commences today: signed, paid for at signing, delivered, with a device in the car."""
        contract_id = await self._signed(deposit=deposit, term=term, rate=rate)
        async with self.database.transaction(self.seller) as tx:
            await funding.request_signing_payments(tx, contract_id)
        await self.perform()
        async with self.database.transaction(self.seller) as tx:
            vehicle_id = await contracts.order_vehicle(
                tx, contract_id, vin="LVSHCAMB1CE054249", cost=Money.of("110000.00"), dealer="North Cars"
            )
            await inventory.confirm(tx, vehicle_id)
            await inventory.receive(tx, vehicle_id, inspection=Inspection.OK)
            device_id = await tracking.register_device(
                tx, branch_id=self.branch, terminal_id="138000000001", instance="gps"
            )
            await tracking.bind(tx, device_id, vehicle_id)
            await contracts.deliver(tx, contract_id, delivered_on=self.today, mileage_km=3, paper_ref="DN-1")
            await contracts.commence(tx, contract_id, commenced_on=self.today)
        self.heard.clear()
        self.bank.sent.clear()
        self.leases.append(Lease(house=self, contract_id=contract_id))
        return self.leases[-1]

    async def _signed(self, *, deposit: str, term: int, rate: str) -> ContractId:
        application_id = await self._approved(deposit=deposit, term=term, rate=rate)
        async with self.database.transaction(self.seller) as tx:
            contract_id = await contracts.draft(tx, application_id=application_id)
            envelope_id = await signatures.request_signature(tx, contract_id)
            signed = Envelope(envelope_ref="E1", status=EnvelopeStatus.COMPLETED, completed_at=tx.now)
            answer = Answer(call_id=UUID(int=1), instance="esign", outcome=CallOutcome.OK, result=signed)
            await signatures.record_envelope(tx, envelope_id, answer)
            await signatures.record_signed(tx, envelope_id, signed_sha256="a" * 64, evidence_sha256=None)
        return contract_id

    async def _approved(self, *, deposit: str, term: int, rate: str) -> ApplicationId:
        async with self.database.transaction(self.seller) as tx:
            party_id = await self.register(tx)
            await parties.add_bank_account(tx, party_id=party_id, bank_code="ICBC", number="6222021234567890128")
            await parties.record_consent(
                tx,
                party_id=party_id,
                purpose=ConsentPurpose.CREDIT_CHECK,
                text_version="1",
                method=ConsentMethod.SIGNATURE,
            )
            version = await products.create_product(tx, code="RUNNING", name="Running", terms=self.terms)
            await products.publish(tx, version.id)
            quote = await quotes.make_quote(
                tx,
                product_version_id=version.id,
                branch_id=self.branch,
                car_model="Sedan 1.5T",
                car_price=Money.of("120000.00"),
                fees=(
                    Fee(kind="insurance", amount=Money.of("4000.00"), financed=True),
                    Fee(kind="gps_fee", amount=Money.of("1500.00"), financed=True),
                ),
                down_payment=Money.of("24000.00"),
                deposit=Money.of(deposit),
                service_fee=Money.of("1200.00"),
                term_months=term,
                annual_rate=Decimal(rate),
                starts_on=tx.today,
            )
            application_id = await applications.draft(tx, party_id=party_id, quote_id=quote.id)
            for kind in (MaterialKind.IDENTITY_DOCUMENT, MaterialKind.INCOME_PROOF):
                await applications.add_material(tx, application_id=application_id, kind=kind, file_sha256="0" * 64)
            await applications.submit(tx, application_id=application_id)
        async with self.database.transaction(self.approver) as tx:
            await applications.record_credit_outcome(
                tx, application_id=application_id, outcome=CreditOutcome.PASS, reasons=[]
            )
        async with self.database.transaction(self.approver) as tx:
            await applications.decide(tx, application_id=application_id, decision=Decision.APPROVE)
        return application_id


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A lease in its house."""

    house: House
    contract_id: ContractId

    async def account(self, actor: Actor | None = None) -> AccountView:
        """The account as it stands."""
        async with self.house.database.transaction(actor or self.house.system) as tx:
            return await servicing.get_account(tx, self.contract_id)

    async def states(self) -> list[InstalmentState]:
        """Where each rent stands."""
        return [one.state for one in (await self.account()).instalments]

    async def charges(self) -> list[MovementView]:
        """What was debited for it or is to be, first to last; without what was due at signing."""
        async with self.house.database.transaction(self.house.system) as tx:
            charges = await payments.charges_of(tx, self.contract_id)
        return [charge for charge in reversed(charges) if charge.purpose != ChargePurpose.SIGNING]

    async def warnings(self) -> list[WarningKind]:
        """What somebody should look at."""
        async with self.house.database.transaction(self.house.system) as tx:
            return [warning.kind for warning in await warnings.list_warnings(tx)]

    async def bank_account(self) -> BankAccountId:
        """The account that rents are debited from."""
        return (await self.account()).bank_account_id

    async def due_on(self, number: int) -> date:
        """When a rent falls due."""
        return (await self.account()).instalments[number - 1].due_on

    async def check(self) -> None:
        """The books balance and agree with the account to the cent."""
        view = await self.account()
        async with self.house.database.transaction(self.house.system) as tx:
            assert await ledger.check(tx) == ()
            financed = (await contracts.view(tx, self.contract_id)).financed_amount
            books = {account: await ledger.balance(tx, account, contract_id=self.contract_id) for account in Account}
            suspense = await tx.scalar(sa.text("select coalesce(sum(suspense_amount), 0) from receipt"))
            to_give_back = await tx.scalar(sa.text("select coalesce(sum(amount), 0) from refund where state = 'owed'"))
            accrued = await tx.execute(sa.text("select instalment_id, sum(amount) from penalty_accrual group by 1"))
            borne = {row[0]: Money.of(row[1]) for row in accrued}
        rents = view.instalments
        assert Money.total(one.principal for one in rents) == financed
        waiting = [one for one in rents if one.state is InstalmentState.SCHEDULED]
        owed = [one for one in rents if one.state in OWED]
        cancelled = Money.total(one.principal for one in rents if one.state is InstalmentState.CANCELLED)
        paid = Money.total(one.paid_principal for one in rents)
        still_open = Money.total(one.principal - one.paid_principal for one in [*waiting, *owed])
        assert paid + still_open + cancelled == financed
        assert books[Account.LEASE_PRINCIPAL] == Money.total(one.principal for one in waiting)
        assert books[Account.RENT_RECEIVABLE] == Money.total(one.rent_left for one in owed)
        assert books[Account.PENALTY_RECEIVABLE] == Money.total(one.penalty_left for one in rents)
        assert books[Account.UNALLOCATED_RECEIPTS] == -Money.of(suspense)
        assert books[Account.REFUNDS_PAYABLE] == -Money.of(to_give_back)
        assert all(one.penalty == borne.get(one.id, Money.zero()) for one in rents)


@pytest.fixture
def house(
    database: Database,
    clock: VirtualClock,
    branch: BranchId,
    seller: Actor,
    approver: Actor,
    register: Callable[[Tx], Awaitable[PartyId]],
) -> House:
    """A house with a bank and a messenger that do as they are told."""
    return House(database=database, clock=clock, branch=branch, seller=seller, approver=approver, register=register)


@pytest.fixture
async def lease(house: House) -> Lease:
    """A lease that commences today."""
    return await house.begin()
