"""Write contracts from approved applications, move them on, hand over their cars, put leases into force, close them.

How a contract is signed is told in `signatures`, how it is paid for in `funding`: both come later and tell this room.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from hub.core.errors import Conflict, InvalidInput, NotFound, RuleBroken
from hub.core.ids import (
    ApplicationId,
    BankAccountId,
    BranchId,
    ChannelId,
    ContractId,
    PartyId,
    VehicleId,
)
from hub.core.money import Money
from hub.infra import audit
from hub.infra.access import visible
from hub.infra.database import Tx
from hub.leasing.applications import service as applications
from hub.leasing.contracts.listing import shown
from hub.leasing.contracts.records import CONTRACT_NUMBERS, ContractRecord, EventRecord
from hub.leasing.contracts.rules import (
    CANCELLABLE,
    HOLDS_ITS_CAR,
    ContractCancelled,
    ContractDrafted,
    ContractFunded,
    ContractSigned,
    ContractState,
    ContractView,
    EventView,
    LeaseClosed,
    LeaseCommenced,
    LeaseTransitioned,
    check_commencement,
    check_move,
    contract_number,
    signing_payments,
)
from hub.leasing.inventory import service as inventory
from hub.leasing.inventory.rules import VehicleStatus
from hub.leasing.parties import service as parties
from hub.leasing.payments import service as payments
from hub.leasing.payments.rules import ChargePurpose, MovementState
from hub.leasing.products import service as products
from hub.leasing.quotes import service as quotes
from hub.leasing.tracking import service as tracking
from hub.ledger.postings import SigningPurpose

# Drafting


async def draft(tx: Tx, *, application_id: ApplicationId, bank_account_id: BankAccountId | None = None) -> ContractId:
    """Write the contract of an approved application; rents are debited from `bank_account_id`, by default the party's newest.

    Raises RuleBroken when the application is not approved or the approval has run out, Conflict when it has a contract.
    """
    application = await applications.approved(tx, application_id)
    quote = await quotes.get_quote(tx, application.quote_id)
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
    await _trace(tx, contract, None, f"from application {application.number}")
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
    contract = await _held(tx, contract_id)
    state = ContractState(contract.state)
    if state not in CANCELLABLE:
        raise RuleBroken("contract_not_cancellable", state=state)
    if await _money_moves(tx, contract_id):
        raise RuleBroken("signing_payment_under_way")
    contract.cancelled_reason = _reason(reason)
    await _move(tx, contract, ContractState.CANCELLED, contract.cancelled_reason)
    if contract.vehicle_id is not None:
        await inventory.release(
            tx, VehicleId(contract.vehicle_id), contract_id=contract_id, reason="contract cancelled"
        )
    tx.emit(ContractCancelled(contract_id=contract_id, reason=contract.cancelled_reason))


async def _money_moves(tx: Tx, contract_id: ContractId) -> bool:
    """Whether a debit at signing is under way or has come in: only a refused one leaves nothing to give back."""
    charges = await payments.charges_of(tx, contract_id)
    return any(
        charge.purpose == ChargePurpose.SIGNING and charge.state is not MovementState.REJECTED for charge in charges
    )


# What later chapters tell: the signature, and the money due at signing


async def send_out(tx: Tx, contract_id: ContractId) -> ContractView:
    """A draft goes out to be signed; returns it as it went. Raises RuleBroken for any other state."""
    contract = await _held(tx, contract_id)
    await _move(tx, contract, ContractState.OUT_FOR_SIGNATURE, "sent out for signature")
    return shown(contract)


async def return_to_draft(tx: Tx, contract_id: ContractId, *, note: str) -> None:
    """A signature has not come about: the contract is a draft again."""
    await _move(tx, await _held(tx, contract_id), ContractState.DRAFTED, note)


async def mark_signed(tx: Tx, contract_id: ContractId, *, signed_at: datetime) -> None:
    """Both sides have signed."""
    contract = await _held(tx, contract_id)
    contract.signed_at = signed_at
    await _move(tx, contract, ContractState.SIGNED, "signed by both sides")
    tx.emit(ContractSigned(contract_id=contract_id, party_id=PartyId(contract.party_id), signed_at=signed_at))


async def mark_funded(tx: Tx, contract_id: ContractId) -> None:
    """All that is due at signing has come in."""
    contract = await _held(tx, contract_id)
    contract.funded_at = tx.now
    await _move(tx, contract, ContractState.FUNDED, "all that is due at signing has come in")
    tx.emit(ContractFunded(contract_id=contract_id))


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
    contract = await _held(tx, contract_id)
    if contract.state not in (ContractState.SIGNED, ContractState.FUNDED):
        raise RuleBroken("contract_state", before=contract.state, after="car")
    if contract.vehicle_id is not None:
        raise Conflict("contract_has_vehicle")
    return contract


async def deliver(tx: Tx, contract_id: ContractId, *, delivered_on: date, mileage_km: int, paper_ref: str) -> VehicleId:
    """Hand the car to the lessee of a funded contract, against the delivery note."""
    contract = await _held(tx, contract_id)
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
    contract = await _held(tx, contract_id)
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
    await _move(tx, contract, ContractState.ACTIVE, f"commenced on {commenced_on}")
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
    contract = await _held(tx, contract_id)
    contract.settled_on = settled_on
    await _move(tx, contract, ContractState.SETTLED, f"settled on {settled_on}")


async def close(tx: Tx, contract_id: ContractId, *, closed_on: date, paper_ref: str | None = None) -> None:
    """Everything is paid: the title passes to the lessee, and the contract is closed; one that is closed stays so.

    `paper_ref` names the paper of the transfer; without one it passes by the contract itself, as its clauses say.
    """
    contract = await _held(tx, contract_id)
    if contract.state == ContractState.CLOSED:
        return
    await _move(tx, contract, ContractState.CLOSED, f"title transferred, closed on {closed_on}")
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
    return shown(await _held(tx, contract_id))


async def view(tx: Tx, contract_id: ContractId) -> ContractView:
    """A contract that the actor may see, with its terms and amounts; raises NotFound."""
    return shown(await _found(tx, contract_id))


async def list_contracts(
    tx: Tx, *, state: ContractState | None = None, after: UUID | None = None, limit: int = 50
) -> tuple[ContractView, ...]:
    """A page of contracts by key, newest first."""
    rows = visible(select(ContractRecord), ContractRecord.branch_id, tx.actor).order_by(ContractRecord.id.desc())
    if state is not None:
        rows = rows.where(ContractRecord.state == state)
    if after is not None:
        rows = rows.where(ContractRecord.id < after)
    return tuple(shown(row) for row in await tx.scalars(rows.limit(limit)))


async def find(tx: Tx, text: str, *, limit: int = 20) -> tuple[ContractView, ...]:
    """The contracts whose number begins so, newest first."""
    query = visible(select(ContractRecord), ContractRecord.branch_id, tx.actor)
    found = query.where(ContractRecord.number.startswith(text.strip().upper(), autoescape=True))
    return tuple(shown(row) for row in await tx.scalars(found.order_by(ContractRecord.id.desc()).limit(limit)))


async def of_party(tx: Tx, party_id: PartyId) -> tuple[ContractView, ...]:
    """The contracts of a customer, newest first."""
    query = visible(select(ContractRecord), ContractRecord.branch_id, tx.actor)
    found = query.where(ContractRecord.party_id == party_id).order_by(ContractRecord.id.desc())
    return tuple(shown(row) for row in await tx.scalars(found))


async def of_vehicle(tx: Tx, vehicle_id: VehicleId) -> ContractView | None:
    """The living contract that a car is under, or None."""
    rows = visible(select(ContractRecord), ContractRecord.branch_id, tx.actor)
    rows = rows.where(ContractRecord.vehicle_id == vehicle_id, ContractRecord.state.in_(HOLDS_ITS_CAR))
    contract = await tx.scalar(rows)
    return None if contract is None else shown(contract)


async def count_by_state(tx: Tx) -> dict[str, int]:
    """How many contracts there are in each state, every state named."""
    rows = visible(select(ContractRecord.state, func.count()), ContractRecord.branch_id, tx.actor)
    counted = dict((await tx.execute(rows.group_by(ContractRecord.state))).all())
    return {state.value: counted.get(state.value, 0) for state in ContractState}


async def timeline(tx: Tx, contract_id: ContractId) -> tuple[EventView, ...]:
    """Every change of state of a contract, first to last."""
    await _found(tx, contract_id)
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


# Holding a contract and moving it on: the lock, the one way in which its state changes, the trace that leaves


async def _found(tx: Tx, contract_id: ContractId) -> ContractRecord:
    """A contract that the actor may see, as it stands; raises NotFound."""
    return await _contract(tx, contract_id, lock=False)


async def _held(tx: Tx, contract_id: ContractId) -> ContractRecord:
    """The same, held until the transaction ends: for whoever moves it or its money."""
    await tx.hold(contract_id)
    return await _contract(tx, contract_id, lock=True)


async def _contract(tx: Tx, contract_id: ContractId, *, lock: bool) -> ContractRecord:
    query = visible(select(ContractRecord), ContractRecord.branch_id, tx.actor).where(ContractRecord.id == contract_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    contract = await tx.scalar(query)
    if contract is None:
        raise NotFound("contract", contract_id)
    return contract


async def _move(tx: Tx, contract: ContractRecord, after: ContractState, note: str) -> None:
    """Move a held contract on; raises RuleBroken when it cannot go there."""
    before = ContractState(contract.state)
    check_move(before, after)
    contract.state = after
    await _trace(tx, contract, before, note)


async def _trace(tx: Tx, contract: ContractRecord, before: ContractState | None, note: str) -> None:
    """Tell a change of state three times: in the contract's story, in the audit trail, and to whoever listens."""
    after = ContractState(contract.state)
    told = select(func.count()).where(EventRecord.contract_id == contract.id)
    tx.add(
        EventRecord(
            id=tx.new_id(),
            contract_id=contract.id,
            number=(await tx.scalar(told) or 0) + 1,
            at=tx.now,
            actor=tx.actor.name,
            before_state=before,
            after_state=after,
            note=note,
        )
    )
    await audit.record(
        tx,
        action=f"contract.{after.value}",
        subject="contract",
        subject_id=contract.id,
        detail={"before": before, "note": note},
        branch_id=contract.branch_id,
    )
    tx.emit(
        LeaseTransitioned(
            contract_id=ContractId(contract.id),
            contract_number=contract.number,
            before=before,
            after=after,
            occurred_at=tx.now,
        )
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
