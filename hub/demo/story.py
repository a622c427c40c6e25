"""One applicant's story, a step at a time: each step is done by whoever's part it is, in one transaction with its note.

A step that has to wait for somebody outside (a report, a signature, money) says so by returning False and is tried
again later; a step that the business refuses ends the story with the reason.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from hub.core.errors import InvalidInput, LeaseHubError, RuleBroken
from hub.core.identity import DocumentKind
from hub.core.ids import (
    ApplicationId,
    ContractId,
    DeviceId,
    LeadId,
    PartyId,
    QuoteId,
    VehicleId,
)
from hub.demo.applicants import Applicant, Conduct
from hub.demo.company import HOUSE_DEALER, Company
from hub.demo.records import DemoApplicant
from hub.demo.world import World
from hub.infra.database import Database, Tx
from hub.infra.files import Files
from hub.leasing.applications import service as applications
from hub.leasing.applications.rules import ApplicationState, Decision
from hub.leasing.collections import service as collections
from hub.leasing.contracts import service as contracts
from hub.leasing.contracts.rules import ContractState
from hub.leasing.credit import service as credit
from hub.leasing.disbursements import service as disbursements
from hub.leasing.disbursements.rules import DisbursementPurpose, DisbursementState, Shown
from hub.leasing.funding import service as funding
from hub.leasing.instalments.rules import InstalmentState
from hub.leasing.inventory import service as inventory
from hub.leasing.inventory.rules import Inspection
from hub.leasing.leads import service as leads
from hub.leasing.leads.rules import LeadSource
from hub.leasing.parties import service as parties
from hub.leasing.parties.rules import ConsentMethod, ConsentPurpose
from hub.leasing.quotes import service as quotes
from hub.leasing.quotes.rules import Fee
from hub.leasing.servicing import service as servicing
from hub.leasing.servicing.rules import AccountState, AccountView
from hub.leasing.settlements import service as settlements
from hub.leasing.signatures import service as signatures
from hub.leasing.tracking import service as tracking


class Step(StrEnum):
    """Where an applicant stands; the order is the story's."""

    LEAD = "lead"
    CUSTOMER = "customer"
    QUOTE = "quote"
    APPLICATION = "application"
    CREDIT = "credit"
    APPROVAL = "approval"
    CONTRACT = "contract"
    SIGNATURE = "signature"
    SIGNING_PAYMENTS = "signing_payments"
    PURCHASE = "purchase"
    DEALER = "dealer"
    DELIVERY = "delivery"
    THIRD_PARTIES = "third_parties"
    RENT = "rent"
    LAST_WISH = "last_wish"
    DONE = "done"
    REFUSED = "refused"


ENDED = frozenset({Step.DONE, Step.REFUSED})
_NEXT = dict(zip(Step, [*list(Step)[1:], Step.REFUSED], strict=True))
# The rent that goes wrong, or after which the lessee settles early.
TURNING_POINT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything that the steps need."""

    database: Database
    files: Files
    company: Company
    world: World


@dataclass(frozen=True, slots=True)
class _Part:
    """Who does a step, and what it is."""

    actor: str
    act: Callable[[Tx, Stage, Applicant, DemoApplicant], Awaitable[bool]]


async def advance(stage: Stage, applicant: Applicant) -> bool:
    """Take an applicant as far as it goes now; returns whether anything happened."""
    moved = False
    while await _one_step(stage, applicant):
        moved = True
    return moved


async def _one_step(stage: Stage, applicant: Applicant) -> bool:
    try:
        return await _try_step(stage, applicant)
    except LeaseHubError as error:
        async with stage.database.transaction(stage.company.actors["admin"]) as tx:
            note = await _note(tx, applicant)
            note.step, note.refusal = Step.REFUSED, f"{note.step}: {error}"[:400]
        return False


async def _try_step(stage: Stage, applicant: Applicant) -> bool:
    async with stage.database.transaction(stage.company.actors["admin"]) as tx:
        step = Step((await _note(tx, applicant)).step)
    if step in ENDED:
        return False
    part = _PARTS[step]
    async with stage.database.transaction(stage.company.actors[part.actor]) as tx:
        note = await _note(tx, applicant)
        if note.step != step or not await part.act(tx, stage, applicant, note):
            return False
        note.step = _NEXT[step]
    return True


async def _note(tx: Tx, applicant: Applicant) -> DemoApplicant:
    note = await tx.get(DemoApplicant, applicant.reference, with_for_update=True)
    if note is None:
        note = DemoApplicant(reference=applicant.reference, step=Step.LEAD)
        tx.add(note)
        await tx.flush()
    return note


# The steps, in order


async def _lead(tx: Tx, stage: Stage, who: Applicant, note: DemoApplicant) -> bool:
    note.lead_id = await leads.open_lead(
        tx,
        branch_id=stage.company.branches[who.branch],
        name=who.name,
        phone=who.phone,
        source=LeadSource.CHANNEL if who.channel else LeadSource.WALK_IN,
        wanted=who.car_model,
        channel_id=stage.company.partners[who.channel] if who.channel else None,
    )
    return True


async def _customer(tx: Tx, stage: Stage, who: Applicant, note: DemoApplicant) -> bool:
    assert note.lead_id is not None
    party_id = await parties.register_person(
        tx,
        branch_id=stage.company.branches[who.branch],
        name=who.name,
        document_kind=DocumentKind.CN_IDENTITY_CARD,
        document_number=who.identity_number,
        phone=who.phone,
    )
    note.party_id = party_id
    await parties.record_employment(tx, party_id=party_id, employer="Demo Works", monthly_income=who.monthly_income)
    await parties.add_bank_account(tx, party_id=party_id, bank_code=who.bank_code, number=who.account_number)
    for purpose in (ConsentPurpose.CREDIT_CHECK, ConsentPurpose.LOCATION, ConsentPurpose.CONTACT):
        await parties.record_consent(
            tx, party_id=party_id, purpose=purpose, text_version="demo-1", method=ConsentMethod.SIGNATURE
        )
    await leads.convert(tx, lead_id=LeadId(note.lead_id), party_id=party_id)
    return True


async def _quote(tx: Tx, stage: Stage, who: Applicant, note: DemoApplicant) -> bool:
    assert note.lead_id is not None
    quote = await quotes.make_quote(
        tx,
        product_version_id=stage.company.versions[who.method],
        branch_id=stage.company.branches[who.branch],
        lead_id=LeadId(note.lead_id),
        car_model=who.car_model,
        car_price=who.car_price,
        fees=[Fee(kind=fee.kind, amount=fee.money, financed=fee.financed) for fee in who.fees if fee.money],
        down_payment=who.down_payment,
        deposit=who.deposit,
        service_fee=who.service_fee,
        term_months=who.term_months,
        annual_rate=who.annual_rate,
        starts_on=tx.today,
    )
    note.quote_id = quote.id
    return True


async def _application(tx: Tx, stage: Stage, who: Applicant, note: DemoApplicant) -> bool:
    assert note.party_id is not None
    assert note.quote_id is not None
    application_id = await applications.draft(
        tx,
        party_id=PartyId(note.party_id),
        quote_id=QuoteId(note.quote_id),
        vin=who.vin,
        channel_id=stage.company.partners[who.channel] if who.channel else None,
    )
    for material in await applications.list_materials(tx, application_id):
        if material.required:
            digest = stage.files.put(f"demo {material.kind} of {who.reference}".encode())
            await applications.add_material(tx, application_id=application_id, kind=material.kind, file_sha256=digest)
    await applications.submit(tx, application_id=application_id)
    note.application_id = application_id
    if who.conduct is Conduct.WEAK_CREDIT:
        await stage.world.weaken_credit(identity_number=who.identity_number)
    return True


async def _credit(tx: Tx, stage: Stage, who: Applicant, note: DemoApplicant) -> bool:
    assert note.application_id is not None
    await credit.request_check(tx, ApplicationId(note.application_id))
    return True


async def _approval(tx: Tx, stage: Stage, who: Applicant, note: DemoApplicant) -> bool:
    assert note.application_id is not None
    application_id = ApplicationId(note.application_id)
    application = await applications.get_application(tx, application_id)
    if application.state is ApplicationState.DECLINED:
        raise RuleBroken("application_declined", reasons=", ".join(application.credit_reasons))
    if application.credit_outcome is None:
        return False
    decline = application.credit_outcome.value == "decline"
    await applications.decide(
        tx,
        application_id=application_id,
        decision=Decision.DECLINE if decline else Decision.APPROVE,
        reason="credit" if decline else "",
    )
    return not decline


async def _contract(tx: Tx, stage: Stage, who: Applicant, note: DemoApplicant) -> bool:
    assert note.application_id is not None
    contract_id = await contracts.draft(tx, application_id=ApplicationId(note.application_id))
    await signatures.request_signature(tx, contract_id)
    note.contract_id = contract_id
    return True


async def _signature(tx: Tx, stage: Stage, who: Applicant, note: DemoApplicant) -> bool:
    contract_id = _contract_of(note)
    if (await contracts.view(tx, contract_id)).state is not ContractState.SIGNED:
        return False
    await funding.request_signing_payments(tx, contract_id)
    return True


async def _signing_payments(tx: Tx, stage: Stage, who: Applicant, note: DemoApplicant) -> bool:
    return (await contracts.view(tx, _contract_of(note))).state is ContractState.FUNDED


async def _purchase(tx: Tx, stage: Stage, who: Applicant, note: DemoApplicant) -> bool:
    dealer = who.channel or HOUSE_DEALER
    vehicle_id = await contracts.order_vehicle(
        tx,
        _contract_of(note),
        vin=who.vin,
        cost=who.car_price,
        dealer=dealer,
        channel_id=stage.company.partners[dealer],
    )
    await inventory.confirm(tx, vehicle_id, paper_ref=f"PO-{who.reference}")
    await inventory.receive(tx, vehicle_id, inspection=Inspection.OK, paper_ref=f"GR-{who.reference}", mileage_km=8)
    note.vehicle_id = vehicle_id
    note.device_id = await tracking.register_device(
        tx, branch_id=stage.company.branches[who.branch], terminal_id=f"DEMO-{who.reference}", instance="gps_main"
    )
    return True


async def _disburse(tx: Tx, stage: Stage, who: Applicant, note: DemoApplicant) -> bool:
    """Agree to what others have drafted, as it is shown: the dealer's money, and later that of third parties."""
    for one in await disbursements.list_disbursements(tx, contract_id=_contract_of(note)):
        if one.state is DisbursementState.DRAFTED and one.last_four is not None:
            await disbursements.approve(tx, one.id, Shown(amount=one.amount, last_four=one.last_four))
    return True


async def _delivery(tx: Tx, stage: Stage, who: Applicant, note: DemoApplicant) -> bool:
    """Hand the car over, once its dealer has been paid."""
    assert note.vehicle_id is not None
    assert note.device_id is not None
    contract_id = _contract_of(note)
    owed = await disbursements.list_disbursements(tx, contract_id=contract_id)
    if any(one.purpose is DisbursementPurpose.VEHICLE and one.state is not DisbursementState.PAID for one in owed):
        return False
    await tracking.bind(tx, DeviceId(note.device_id), VehicleId(note.vehicle_id))
    await contracts.deliver(tx, contract_id, delivered_on=tx.today, mileage_km=8, paper_ref=f"DN-{who.reference}")
    await contracts.commence(tx, contract_id, commenced_on=tx.today)
    return True


async def _rent(tx: Tx, stage: Stage, who: Applicant, note: DemoApplicant) -> bool:
    """Tell the world how this lessee will behave; nothing when they simply pay."""
    contract_id = _contract_of(note)
    account = await servicing.get_account(tx, contract_id)
    number = (await contracts.view(tx, contract_id)).number
    turn = account.instalments[min(TURNING_POINT, len(account.instalments)) - 1]
    match who.conduct:
        case Conduct.PAYS_LATE_ONCE:
            await stage.world.refuse_rent(contract_number=number, due_on=turn.due_on, times=3)
        case Conduct.PROMISES_THEN_PAYS:
            await stage.world.refuse_rent(contract_number=number, due_on=turn.due_on, times=2)
        case Conduct.UNKNOWN_ONCE:
            await stage.world.lose_answer(contract_number=number, due_on=turn.due_on)
        case Conduct.STOPS_PAYING:
            for rent in account.instalments[TURNING_POINT - 1 :]:
                await stage.world.refuse_rent(contract_number=number, due_on=rent.due_on, times=None)
        case Conduct.PAYS_ON_TIME | Conduct.SETTLES_EARLY | Conduct.WEAK_CREDIT:
            pass
    return True


async def _last_wish(tx: Tx, stage: Stage, who: Applicant, note: DemoApplicant) -> bool:
    """What a lessee still does by themselves: promise to pay when late, or settle early."""
    account = await servicing.get_account(tx, _contract_of(note))
    if account.state is AccountState.SETTLED:
        return True
    match who.conduct:
        case Conduct.PROMISES_THEN_PAYS:
            return await _promise(tx, account)
        case Conduct.SETTLES_EARLY:
            return await _settle(tx, account)
        case _:
            return True


async def _promise(tx: Tx, account: AccountView) -> bool:
    if not any(one.state is InstalmentState.OVERDUE for one in account.instalments) or account.in_doubt:
        return False
    await collections.record_promise(
        tx, contract_id=account.contract_id, money=account.owed, promised_on=tx.today + timedelta(days=2)
    )
    return True


async def _settle(tx: Tx, account: AccountView) -> bool:
    paid = sum(one.state is InstalmentState.PAID for one in account.instalments)
    if paid < TURNING_POINT or account.owed or account.in_doubt:
        return False
    quoted = await settlements.quote_payoff(tx, contract_id=account.contract_id)
    await settlements.accept_payoff(tx, contract_id=account.contract_id, payoff_id=quoted.id)
    return True


def _contract_of(note: DemoApplicant) -> ContractId:
    if note.contract_id is None:
        raise InvalidInput("contract_id", f"{note.reference} has no contract")
    return ContractId(note.contract_id)


_PARTS: dict[Step, _Part] = {
    Step.LEAD: _Part("sales", _lead),
    Step.CUSTOMER: _Part("sales", _customer),
    Step.QUOTE: _Part("sales", _quote),
    Step.APPLICATION: _Part("sales", _application),
    Step.CREDIT: _Part("credit", _credit),
    Step.APPROVAL: _Part("approver", _approval),
    Step.CONTRACT: _Part("operations", _contract),
    Step.SIGNATURE: _Part("operations", _signature),
    Step.SIGNING_PAYMENTS: _Part("operations", _signing_payments),
    Step.PURCHASE: _Part("operations", _purchase),
    Step.DEALER: _Part("accountant", _disburse),
    Step.DELIVERY: _Part("operations", _delivery),
    Step.THIRD_PARTIES: _Part("accountant", _disburse),
    Step.RENT: _Part("operations", _rent),
    Step.LAST_WISH: _Part("accountant", _last_wish),
}
