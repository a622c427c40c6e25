"""Write contracts from approved applications, take what is due at signing, put leases into force, close them, show them.

How a contract is signed is told in `signature`; how its state changes and what trace that leaves, in `story`.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from hub.core.errors import Conflict, InvalidInput, NotFound, RuleBroken
from hub.core.ids import (
    ApplicationId,
    BankAccountId,
    BranchId,
    ChannelId,
    ChargeId,
    ContractId,
    MandateId,
    PartyId,
    VehicleId,
)
from hub.core.money import Money
from hub.infra import audit
from hub.infra.access import visible
from hub.infra.database import Tx
from hub.leasing.applications import service as applications
from hub.leasing.contracts import story
from hub.leasing.contracts.records import (
    CONTRACT_NUMBERS,
    ContractRecord,
    DocumentRecord,
    EnvelopeRecord,
    EventRecord,
    SigningPaymentRecord,
)
from hub.leasing.contracts.rules import (
    CANCELLABLE,
    HOLDS_ITS_CAR,
    ContractCancelled,
    ContractDrafted,
    ContractFunded,
    ContractState,
    ContractView,
    DocumentKind,
    DocumentView,
    EnvelopeState,
    EnvelopeView,
    EventView,
    Language,
    LeaseClosed,
    LeaseCommenced,
    PaperFile,
    SigningPaymentReceived,
    SigningPaymentRejected,
    SigningPaymentState,
    SigningPaymentView,
    check_commencement,
    contract_number,
    mandate_limit,
    signing_payments,
)
from hub.leasing.inventory import service as inventory
from hub.leasing.inventory.rules import VehicleStatus
from hub.leasing.parties import service as parties
from hub.leasing.payments import service as payments
from hub.leasing.payments.rules import (
    ChargePurpose,
    ChargeRejected,
    ChargeSucceeded,
    MandateActivated,
    MandateState,
)
from hub.leasing.products import service as products
from hub.leasing.tracking import service as tracking
from hub.ledger import postings
from hub.ledger import service as ledger
from hub.ledger.postings import SigningPurpose

# Drafting


async def draft(tx: Tx, *, application_id: ApplicationId, bank_account_id: BankAccountId | None = None) -> ContractId:
    """Write the contract of an approved application; rents are debited from `bank_account_id`, by default the party's newest.

    Raises RuleBroken when the application is not approved or the approval has run out, Conflict when it has a contract.
    """
    application = await applications.approved(tx, application_id)
    quote = await products.get_quote(tx, application.quote_id)
    terms = (await products.get_version(tx, application.product_version_id)).terms
    due = signing_payments(terms, quote.deal)
    nothing = Money.zero(quote.price.financed.currency)
    contract = ContractRecord(
        id=tx.new_id(),
        number=contract_number(tx.today, await tx.scalar(select(CONTRACT_NUMBERS.next_value())) or 0),
        branch_id=application.branch_id,
        application_id=application_id,
        party_id=application.party_id,
        bank_account_id=await _account(tx, application.party_id, bank_account_id),
        product_version_id=application.product_version_id,
        quote_id=application.quote_id,
        lease_type=application.lease_type,
        state=ContractState.DRAFTED,
        car_model=application.car.model,
        car_price=quote.deal.car_price,
        financed_amount=quote.price.financed,
        down_payment_amount=due.get(SigningPurpose.DOWN_PAYMENT, nothing),
        deposit_amount=due.get(SigningPurpose.SECURITY_DEPOSIT, nothing),
        service_fee_amount=due.get(SigningPurpose.SERVICE_FEE, nothing),
        third_party_fees_amount=due.get(SigningPurpose.THIRD_PARTY_FEES, nothing),
        balloon_amount=quote.deal.balloon,
        purchase_option_amount=quote.price.purchase_option,
        total_rent_amount=quote.price.total_rent,
        instalment_count=len(quote.price.schedule),
        term_months=quote.deal.term_months,
        annual_rate=quote.deal.annual_rate,
        method=terms.method,
        in_advance=terms.in_advance,
        drafted_at=tx.now,
    )
    tx.add(contract)
    await _flush(tx, "application_has_contract")
    await story.trace(tx, contract, None, f"from application {application.number}")
    contract_id = ContractId(contract.id)
    tx.emit(ContractDrafted(contract_id=contract_id, application_id=application_id, party_id=application.party_id))
    return contract_id


async def _account(tx: Tx, party_id: PartyId, chosen: BankAccountId | None) -> BankAccountId | None:
    accounts = [account.id for account in await parties.list_bank_accounts(tx, party_id)]
    if chosen is None:
        return accounts[-1] if accounts else None
    if chosen not in accounts:
        raise InvalidInput("bank_account_id", "is not an account of the lessee")
    return chosen


async def cancel(tx: Tx, contract_id: ContractId, *, reason: str) -> None:
    """The lease does not come about, before anything has been paid; its car is let go.

    Raises RuleBroken in any other state: a signature that is out is withdrawn first, money that has come refunded.
    """
    contract = await story.held(tx, contract_id)
    state = ContractState(contract.state)
    if state not in CANCELLABLE:
        raise RuleBroken("contract_not_cancellable", state=state)
    if await _any_payment(tx, contract_id):
        raise RuleBroken("signing_payment_under_way")
    contract.cancelled_reason = _reason(reason)
    await story.move(tx, contract, ContractState.CANCELLED, contract.cancelled_reason)
    if contract.vehicle_id is not None:
        await inventory.release(
            tx, VehicleId(contract.vehicle_id), contract_id=contract_id, reason="contract cancelled"
        )
    tx.emit(ContractCancelled(contract_id=contract_id, reason=contract.cancelled_reason))


async def _any_payment(tx: Tx, contract_id: ContractId) -> bool:
    moved = (SigningPaymentState.REQUESTED, SigningPaymentState.RECEIVED)
    payments_moved = select(SigningPaymentRecord.id).where(
        SigningPaymentRecord.contract_id == contract_id, SigningPaymentRecord.state.in_(moved)
    )
    return await tx.scalar(payments_moved.limit(1)) is not None


# What is due at signing


async def request_signing_payments(tx: Tx, contract_id: ContractId) -> None:
    """Ask for what is due at signing: by the lessee's mandate, which is asked for first when there is none.

    May be repeated: what is under way or received is left alone. Raises RuleBroken unless the contract is signed.
    """
    contract = await story.held(tx, contract_id)
    if contract.state != ContractState.SIGNED:
        raise RuleBroken("contract_state", before=contract.state, after="signing payments")
    await _owe(tx, contract)
    mandate = await payments.active_mandate(tx, contract_id)
    if mandate is not None:
        await _charge(tx, contract, mandate.id)
    elif not await _mandate_under_way(tx, contract_id):
        await _request_mandate(tx, contract)
    await _fund_if_paid(tx, contract)


async def charge_signing_payments(tx: Tx, fact: MandateActivated) -> None:
    """The mandate stands: debit what is due at signing. A mandate for anything else changes nothing here."""
    contract = await story.held(tx, fact.contract_id)
    if contract.state == ContractState.SIGNED:
        await _charge(tx, contract, fact.mandate_id)


async def _owe(tx: Tx, contract: ContractRecord) -> None:
    """Write down, once, what is due at signing."""
    amounts = {
        SigningPurpose.DOWN_PAYMENT: contract.down_payment_amount,
        SigningPurpose.SECURITY_DEPOSIT: contract.deposit_amount,
        SigningPurpose.SERVICE_FEE: contract.service_fee_amount,
        SigningPurpose.THIRD_PARTY_FEES: contract.third_party_fees_amount,
    }
    for purpose, amount in amounts.items():
        if amount:
            row = {"id": tx.new_id(), "contract_id": contract.id, "purpose": purpose, "amount": amount}
            due = insert(SigningPaymentRecord).values(**row, state=SigningPaymentState.DUE)
            await tx.execute(due.on_conflict_do_nothing())


async def _charge(tx: Tx, contract: ContractRecord, mandate_id: MandateId) -> None:
    for payment in await _payments(tx, ContractId(contract.id)):
        if payment.state != SigningPaymentState.DUE:
            continue
        payment.charge_id = await payments.request_charge(
            tx,
            contract_id=ContractId(contract.id),
            mandate_id=mandate_id,
            purpose=ChargePurpose.SIGNING,
            subject_id=payment.id,
            money=payment.amount,
            due_on=tx.today,
        )
        payment.state = SigningPaymentState.REQUESTED
    await tx.flush()


_MANDATE_ON_ITS_WAY = frozenset({MandateState.REQUESTED, MandateState.SENT, MandateState.PENDING, MandateState.UNKNOWN})


async def _mandate_under_way(tx: Tx, contract_id: ContractId) -> bool:
    return any(mandate.state in _MANDATE_ON_ITS_WAY for mandate in await payments.mandates_of(tx, contract_id))


async def _request_mandate(tx: Tx, contract: ContractRecord) -> None:
    if contract.bank_account_id is None:
        raise RuleBroken("bank_account_missing")
    quote = await products.get_quote(tx, story.view_of(contract).quote_id)
    await payments.request_mandate(
        tx,
        contract_id=ContractId(contract.id),
        branch_id=BranchId(contract.branch_id),
        party_id=PartyId(contract.party_id),
        bank_account_id=BankAccountId(contract.bank_account_id),
        limit=mandate_limit(quote.price),
        contract_number=contract.number,
    )


async def record_signing_payment(tx: Tx, fact: ChargeSucceeded) -> None:
    """Money due at signing has come in: book it, and with the last of it the contract is funded."""
    if fact.purpose is not ChargePurpose.SIGNING:
        return
    contract = await story.held(tx, fact.contract_id)
    payment = await tx.get_one(SigningPaymentRecord, fact.subject_id, with_for_update=True)
    payment.state, payment.charge_id, payment.received_on = (
        SigningPaymentState.RECEIVED,
        fact.charge_id,
        fact.settled_on,
    )
    await tx.flush()
    purpose = SigningPurpose(payment.purpose)
    await ledger.post(
        tx,
        postings.signing_payment_received(
            charge_id=fact.charge_id,
            contract_id=fact.contract_id,
            value_on=fact.settled_on,
            instance=fact.instance,
            purpose=purpose,
            amount=fact.money,
        ),
    )
    tx.emit(SigningPaymentReceived(contract_id=fact.contract_id, purpose=purpose, money=fact.money))
    await _fund_if_paid(tx, contract)


async def record_signing_payment_rejected(tx: Tx, fact: ChargeRejected) -> None:
    """A debit at signing was refused: it is due again until somebody asks for it anew."""
    if fact.purpose is not ChargePurpose.SIGNING:
        return
    await story.held(tx, fact.contract_id)
    payment = await tx.get_one(SigningPaymentRecord, fact.subject_id, with_for_update=True)
    if payment.state == SigningPaymentState.REQUESTED and payment.charge_id == fact.charge_id:
        payment.state = SigningPaymentState.DUE
        purpose = SigningPurpose(payment.purpose)
        tx.emit(SigningPaymentRejected(contract_id=fact.contract_id, purpose=purpose, code=fact.code))


async def _fund_if_paid(tx: Tx, contract: ContractRecord) -> None:
    contract_id = ContractId(contract.id)
    if contract.state != ContractState.SIGNED:
        return
    if any(payment.state != SigningPaymentState.RECEIVED for payment in await _payments(tx, contract_id)):
        return
    contract.funded_at = tx.now
    await story.move(tx, contract, ContractState.FUNDED, "all that is due at signing has come in")
    tx.emit(ContractFunded(contract_id=contract_id))


async def _payments(tx: Tx, contract_id: ContractId) -> list[SigningPaymentRecord]:
    rows = select(SigningPaymentRecord).where(SigningPaymentRecord.contract_id == contract_id)
    return list(await tx.scalars(rows.order_by(SigningPaymentRecord.purpose)))


# The car


async def order_vehicle(
    tx: Tx,
    contract_id: ContractId,
    *,
    vin: str,
    cost: Money,
    dealer: str,
    channel_id: ChannelId | None = None,
    colour: str | None = None,
    engine_number: str | None = None,
) -> VehicleId:
    """Order the car of a signed contract from the dealer, and keep it for this contract."""
    contract = await _awaiting_its_car(tx, contract_id)
    vehicle_id = await inventory.order_for_contract(
        tx,
        contract_id=contract_id,
        vin=vin,
        model=contract.car_model,
        cost=cost,
        branch_id=BranchId(contract.branch_id),
        dealer=dealer,
        channel_id=channel_id,
        colour=colour,
        engine_number=engine_number,
    )
    contract.vehicle_id = vehicle_id
    await _flush(tx, "vehicle_has_contract")
    return vehicle_id


async def assign_vehicle(tx: Tx, contract_id: ContractId, vehicle_id: VehicleId) -> None:
    """Take a car from stock, or from those on order, for a signed contract."""
    contract = await _awaiting_its_car(tx, contract_id)
    await inventory.reserve(tx, vehicle_id, contract_id=contract_id)
    contract.vehicle_id = vehicle_id
    await _flush(tx, "vehicle_has_contract")


async def _awaiting_its_car(tx: Tx, contract_id: ContractId) -> ContractRecord:
    contract = await story.held(tx, contract_id)
    if contract.state not in (ContractState.SIGNED, ContractState.FUNDED):
        raise RuleBroken("contract_state", before=contract.state, after="car")
    if contract.vehicle_id is not None:
        raise Conflict("contract_has_vehicle")
    return contract


async def deliver(tx: Tx, contract_id: ContractId, *, delivered_on: date, mileage_km: int, paper_ref: str) -> VehicleId:
    """Hand the car to the lessee of a funded contract, against the delivery note."""
    contract = await story.held(tx, contract_id)
    if contract.state != ContractState.FUNDED:
        raise RuleBroken("contract_state", before=contract.state, after="delivery")
    vehicle_id = _car(contract)
    await inventory.deliver(
        tx,
        vehicle_id,
        contract_id=contract_id,
        delivered_on=delivered_on,
        mileage_km=mileage_km,
        paper_ref=paper_ref,
    )
    return vehicle_id


def _car(contract: ContractRecord) -> VehicleId:
    if contract.vehicle_id is None:
        raise RuleBroken("contract_has_no_vehicle")
    return VehicleId(contract.vehicle_id)


# The life of the lease


async def commence(tx: Tx, contract_id: ContractId, *, commenced_on: date) -> None:
    """Put the lease into force: everything at signing is paid, the car is with the lessee, and a device is in it."""
    contract = await story.held(tx, contract_id)
    vehicle = await inventory.get(tx, _car(contract))
    check_commencement(
        state=ContractState(contract.state),
        vehicle_delivered=vehicle.status is VehicleStatus.LEASED and vehicle.held_for == contract_id,
        devices=len(await tracking.devices_in(tx, vehicle.id)),
        commenced_on=commenced_on,
        today=tx.today,
    )
    if contract.bank_account_id is None:
        raise RuleBroken("bank_account_missing")
    contract.commenced_on = commenced_on
    await story.move(tx, contract, ContractState.ACTIVE, f"commenced on {commenced_on}")
    tx.emit(
        LeaseCommenced(
            contract_id=contract_id,
            branch_id=BranchId(contract.branch_id),
            party_id=PartyId(contract.party_id),
            vehicle_id=vehicle.id,
            bank_account_id=BankAccountId(contract.bank_account_id),
            commenced_on=commenced_on,
        )
    )


async def mark_settled(tx: Tx, contract_id: ContractId, *, settled_on: date) -> None:
    """Everything that the lessee owed is paid; the title still has to pass."""
    contract = await story.held(tx, contract_id)
    contract.settled_on = settled_on
    await story.move(tx, contract, ContractState.SETTLED, f"settled on {settled_on}")


async def close(tx: Tx, contract_id: ContractId, *, closed_on: date, paper_ref: str | None = None) -> None:
    """Everything is paid: the title passes to the lessee, and the contract is closed; one that is closed stays so.

    `paper_ref` names the paper of the transfer; without one it passes by the contract itself, as its clauses say.
    """
    contract = await story.held(tx, contract_id)
    if contract.state == ContractState.CLOSED:
        return
    await story.move(tx, contract, ContractState.CLOSED, f"title transferred, closed on {closed_on}")
    contract.closed_on = closed_on
    await inventory.transfer_title(
        tx,
        _car(contract),
        contract_id=contract_id,
        transferred_on=closed_on,
        paper_ref=paper_ref or contract.number,
    )
    tx.emit(LeaseClosed(contract_id=contract_id, closed_on=closed_on))


# Looking


async def lock(tx: Tx, contract_id: ContractId) -> ContractView:
    """Hold a contract until the transaction ends, and show it: first thing for whoever changes its money."""
    return story.view_of(await story.held(tx, contract_id))


async def view(tx: Tx, contract_id: ContractId) -> ContractView:
    """A contract that the actor may see, with its terms and amounts; raises NotFound."""
    return story.view_of(await story.found(tx, contract_id))


async def list_contracts(
    tx: Tx, *, state: ContractState | None = None, after: UUID | None = None, limit: int = 50
) -> tuple[ContractView, ...]:
    """A page of contracts by key, newest first."""
    rows = visible(select(ContractRecord), ContractRecord.branch_id, tx.actor).order_by(ContractRecord.id.desc())
    if state is not None:
        rows = rows.where(ContractRecord.state == state)
    if after is not None:
        rows = rows.where(ContractRecord.id < after)
    return tuple(story.view_of(row) for row in await tx.scalars(rows.limit(limit)))


async def of_vehicle(tx: Tx, vehicle_id: VehicleId) -> ContractView | None:
    """The living contract that a car is under, or None."""
    rows = visible(select(ContractRecord), ContractRecord.branch_id, tx.actor)
    rows = rows.where(ContractRecord.vehicle_id == vehicle_id, ContractRecord.state.in_(HOLDS_ITS_CAR))
    contract = await tx.scalar(rows)
    return None if contract is None else story.view_of(contract)


async def count_by_state(tx: Tx) -> dict[str, int]:
    """How many contracts there are in each state, every state named."""
    rows = visible(select(ContractRecord.state, func.count()), ContractRecord.branch_id, tx.actor)
    counted = dict((await tx.execute(rows.group_by(ContractRecord.state))).all())
    return {state.value: counted.get(state.value, 0) for state in ContractState}


async def timeline(tx: Tx, contract_id: ContractId) -> tuple[EventView, ...]:
    """Every change of state of a contract, first to last."""
    await story.found(tx, contract_id)
    rows = select(EventRecord).where(EventRecord.contract_id == contract_id).order_by(EventRecord.number)
    return tuple(
        EventView(
            at=row.at,
            actor=row.actor,
            before=ContractState(row.before_state) if row.before_state else None,
            after=ContractState(row.after_state),
            note=row.note,
        )
        for row in await tx.scalars(rows)
    )


async def documents(tx: Tx, contract_id: ContractId) -> tuple[DocumentView, ...]:
    """The papers of a contract, newest envelope first."""
    await story.found(tx, contract_id)
    rows = select(DocumentRecord).join(EnvelopeRecord, EnvelopeRecord.id == DocumentRecord.envelope_id)
    rows = rows.where(DocumentRecord.contract_id == contract_id)
    return tuple(
        DocumentView(
            id=row.id,
            kind=DocumentKind(row.kind),
            language=Language(row.language),
            template_version=row.template_version,
            sha256=row.sha256,
            signed_sha256=row.signed_sha256,
            evidence_sha256=row.evidence_sha256,
        )
        for row in await tx.scalars(rows.order_by(EnvelopeRecord.number.desc(), DocumentRecord.language.desc()))
    )


async def paper(tx: Tx, contract_id: ContractId, language: Language, *, signed: bool = False) -> PaperFile:
    """The file of the newest lease contract in a language, as sent out or as signed; looking is audited.

    Raises NotFound before there is one.
    """
    contract = await story.found(tx, contract_id)
    papers = [document for document in await documents(tx, contract_id) if document.language is language]
    sha256 = (papers[0].signed_sha256 if signed else papers[0].sha256) if papers else None
    if sha256 is None:
        raise NotFound("contract_document", language.value)
    await audit.record(
        tx,
        action="contract.paper_viewed",
        subject="contract",
        subject_id=contract_id,
        detail={"language": language, "signed": signed},
        branch_id=contract.branch_id,
    )
    return PaperFile(name=f"{contract.number}.{language.value}.pdf", sha256=sha256)


async def envelopes(tx: Tx, contract_id: ContractId) -> tuple[EnvelopeView, ...]:
    """Every try to have a contract signed, newest first."""
    await story.found(tx, contract_id)
    rows = (
        select(EnvelopeRecord).where(EnvelopeRecord.contract_id == contract_id).order_by(EnvelopeRecord.number.desc())
    )
    return tuple(
        EnvelopeView(
            id=row.id,
            state=EnvelopeState(row.state),
            instance=row.instance,
            requested_at=row.requested_at,
            completed_at=row.completed_at,
            reason=row.reason,
            signing_urls=tuple(row.signing_urls),
        )
        for row in await tx.scalars(rows)
    )


async def signing_payments_of(tx: Tx, contract_id: ContractId) -> tuple[SigningPaymentView, ...]:
    """What is due at signing, and how far each payment has come."""
    await story.found(tx, contract_id)
    return tuple(
        SigningPaymentView(
            id=row.id,
            purpose=SigningPurpose(row.purpose),
            money=row.amount,
            state=SigningPaymentState(row.state),
            charge_id=None if row.charge_id is None else ChargeId(row.charge_id),
            received_on=row.received_on,
        )
        for row in await _payments(tx, contract_id)
    )


async def _flush(tx: Tx, reason: str) -> None:
    """Write now; somebody who was first is a Conflict of that reason."""
    try:
        await tx.flush()
    except IntegrityError as error:
        raise Conflict(reason) from error


def _reason(text: str) -> str:
    text = " ".join(text.split())
    if not 0 < len(text) <= 300:
        raise InvalidInput("reason", "must have 1 to 300 characters")
    return text
