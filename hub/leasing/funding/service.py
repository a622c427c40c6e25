"""Ask for what is due at signing, write down what comes and what is refused, and tell the contract when all is there.

The money itself is moved by `payments`; here it is known what it was for.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from hub.core.errors import RuleBroken
from hub.core.ids import ChargeId, ContractId, MandateId
from hub.infra.database import Tx
from hub.leasing.contracts import service as contracts
from hub.leasing.contracts.rules import ContractState, ContractView
from hub.leasing.funding.records import SigningPaymentRecord
from hub.leasing.funding.rules import (
    SigningPaymentReceived,
    SigningPaymentRejected,
    SigningPaymentState,
    SigningPaymentView,
    mandate_limit,
)
from hub.leasing.mandates import service as mandates
from hub.leasing.mandates.rules import MANDATE_ON_ITS_WAY, MandateActivated
from hub.leasing.payments import service as payments
from hub.leasing.payments.rules import (
    ChargePurpose,
    ChargeRejected,
    ChargeSucceeded,
)
from hub.leasing.quotes import service as quotes
from hub.ledger import postings
from hub.ledger import service as ledger
from hub.ledger.postings import SigningPurpose

# Asking


async def request_signing_payments(tx: Tx, contract_id: ContractId) -> None:
    """Ask for what is due at signing: by the lessee's mandate, which is asked for first when there is none.

    May be repeated: what is under way or received is left alone. Raises RuleBroken unless the contract is signed.
    """
    contract = await contracts.lock(tx, contract_id)
    if contract.state is not ContractState.SIGNED:
        raise RuleBroken("contract_state", before=contract.state, after="signing payments")
    await _owe(tx, contract)
    mandate = await mandates.active_mandate(tx, contract_id)
    if mandate is not None:
        await _charge(tx, contract, mandate.id)
    elif not await _mandate_under_way(tx, contract_id):
        await _request_mandate(tx, contract)
    await _fund_if_paid(tx, contract)


async def charge_signing_payments(tx: Tx, fact: MandateActivated) -> None:
    """The mandate stands: debit what is due at signing. A mandate for anything else changes nothing here."""
    contract = await contracts.lock(tx, fact.contract_id)
    if contract.state is ContractState.SIGNED:
        await _charge(tx, contract, fact.mandate_id)


async def _owe(tx: Tx, contract: ContractView) -> None:
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


async def _charge(tx: Tx, contract: ContractView, mandate_id: MandateId) -> None:
    for payment in await _payments(tx, contract.id):
        if payment.state != SigningPaymentState.DUE:
            continue
        payment.charge_id = await payments.request_charge(
            tx,
            contract_id=contract.id,
            mandate_id=mandate_id,
            purpose=ChargePurpose.SIGNING,
            subject_id=payment.id,
            money=payment.amount,
            due_on=tx.today,
        )
        payment.state = SigningPaymentState.REQUESTED
    await tx.flush()


async def _mandate_under_way(tx: Tx, contract_id: ContractId) -> bool:
    return any(mandate.state in MANDATE_ON_ITS_WAY for mandate in await mandates.mandates_of(tx, contract_id))


async def _request_mandate(tx: Tx, contract: ContractView) -> None:
    if contract.bank_account_id is None:
        raise RuleBroken("bank_account_missing")
    quote = await quotes.get_quote(tx, contract.quote_id)
    await mandates.request_mandate(
        tx,
        contract_id=contract.id,
        branch_id=contract.branch_id,
        party_id=contract.party_id,
        bank_account_id=contract.bank_account_id,
        limit=mandate_limit(quote.price),
        contract_number=contract.number,
    )


# Recording


async def record_signing_payment(tx: Tx, fact: ChargeSucceeded) -> None:
    """Money due at signing has come in: book it, and with the last of it the contract is funded."""
    if fact.purpose is not ChargePurpose.SIGNING:
        return
    contract = await contracts.lock(tx, fact.contract_id)
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
    await contracts.lock(tx, fact.contract_id)
    payment = await tx.get_one(SigningPaymentRecord, fact.subject_id, with_for_update=True)
    if payment.state == SigningPaymentState.REQUESTED and payment.charge_id == fact.charge_id:
        payment.state = SigningPaymentState.DUE
        purpose = SigningPurpose(payment.purpose)
        tx.emit(SigningPaymentRejected(contract_id=fact.contract_id, purpose=purpose, code=fact.code))


async def _fund_if_paid(tx: Tx, contract: ContractView) -> None:
    if contract.state is not ContractState.SIGNED:
        return
    if all(payment.state == SigningPaymentState.RECEIVED for payment in await _payments(tx, contract.id)):
        await contracts.mark_funded(tx, contract.id)


# Looking


async def _payments(tx: Tx, contract_id: ContractId) -> list[SigningPaymentRecord]:
    rows = select(SigningPaymentRecord).where(SigningPaymentRecord.contract_id == contract_id)
    return list(await tx.scalars(rows.order_by(SigningPaymentRecord.purpose)))


async def signing_payments_of(tx: Tx, contract_id: ContractId) -> tuple[SigningPaymentView, ...]:
    """What is due at signing, and how far each payment has come."""
    await contracts.view(tx, contract_id)
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
