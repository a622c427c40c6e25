"""Quote and take early settlements, and give deposits back."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import select

from hub.core.errors import Conflict, InvalidInput, NotFound, RuleBroken
from hub.core.ids import ContractId
from hub.infra import audit
from hub.infra.database import Tx
from hub.leasing.payments import service as payments
from hub.leasing.payments.rules import ChargePurpose, ChargeRejected, ChargeSucceeded, PayoutPurpose, PayoutSucceeded
from hub.leasing.servicing import service as servicing
from hub.leasing.servicing.night import close_day
from hub.leasing.servicing.rules import AccountSettled, AccountState, AccountView
from hub.leasing.settlements.payoff import Payoff, last_valid_day, payoff
from hub.leasing.settlements.records import PayoffRecord
from hub.leasing.settlements.rules import DepositReturned, PayoffState, PayoffView
from hub.ledger import postings
from hub.ledger import service as ledger

PAYOFF_VALID = timedelta(days=3)


async def quote_payoff(tx: Tx, *, contract_id: ContractId, as_of_on: date | None = None) -> PayoffView:
    """What settles the lease early, part by part, valid for three days or until the next rent falls due.

    The account stays as it is. Raises InvalidInput for a day in the past or after the last rent, RuleBroken when the
    lease cannot be settled.
    """
    await tx.hold(contract_id)
    account = await servicing.get_account(tx, contract_id)
    day = as_of_on or tx.today
    if day < tx.today:
        raise InvalidInput("as_of_on", "lies in the past")
    if account.state is not AccountState.ACTIVE:
        raise RuleBroken("account_not_active", state=account.state)
    if day > max(one.due_on for one in account.instalments):
        raise InvalidInput("as_of_on", "lies after the last rent")
    brought_up = [
        close_day(one, account.penalty_terms, day, may_charge=False).instalment for one in account.instalments
    ]
    parts = payoff(brought_up, account.payoff_terms, account.opened_on, day)
    record = PayoffRecord(
        id=tx.new_id(),
        contract_id=contract_id,
        as_of_on=day,
        valid_until_on=last_valid_day(brought_up, day, PAYOFF_VALID),
        arrears_amount=parts.arrears,
        penalty_amount=parts.penalty,
        principal_amount=parts.principal,
        interest_amount=parts.interest,
        fee_amount=parts.fee,
        state=PayoffState.OFFERED,
    )
    tx.add(record)
    await audit.record(
        tx, action="payoff.quoted", subject="contract", subject_id=contract_id, branch_id=account.branch_id
    )
    await tx.flush()
    return _view(record)


async def accept_payoff(tx: Tx, *, contract_id: ContractId, payoff_id: UUID) -> PayoffView:
    """Take an offered early settlement: its whole sum is debited under the mandate; rent is not debited meanwhile."""
    await tx.hold(contract_id)
    account = await servicing.get_account(tx, contract_id)
    record = await tx.get(PayoffRecord, payoff_id, with_for_update=True, populate_existing=True)
    if record is None or record.contract_id != contract_id:
        raise NotFound("payoff_quote", payoff_id)
    if record.state != PayoffState.OFFERED:
        raise Conflict(f"this quote is {record.state}")
    if not record.as_of_on <= tx.today <= record.valid_until_on:
        raise RuleBroken("payoff_not_valid_today", valid_from=record.as_of_on, valid_until=record.valid_until_on)
    mandate = await payments.active_mandate(tx, contract_id)
    if mandate is None:
        raise RuleBroken("no_active_mandate", contract=contract_id)
    await servicing.pause_for_settlement(
        tx, contract_id, arrears=record.arrears_amount, principal=record.principal_amount
    )
    record.state = PayoffState.ACCEPTED
    await payments.request_charge(
        tx,
        contract_id=contract_id,
        mandate_id=mandate.id,
        purpose=ChargePurpose.SETTLEMENT,
        subject_id=record.id,
        money=_parts(record).total,
        due_on=tx.today,
    )
    await audit.record(
        tx, action="payoff.accepted", subject="contract", subject_id=contract_id, branch_id=account.branch_id
    )
    return _view(record)


async def record_settlement_charge(tx: Tx, fact: ChargeSucceeded) -> None:
    """The money of an early settlement has come.

    When that was refused before, the lease has gone on: then it is money like any other, and a person has the rest.
    """
    await tx.hold(fact.contract_id)
    record = await tx.get_one(PayoffRecord, fact.subject_id, with_for_update=True, populate_existing=True)
    if record.state != PayoffState.ACCEPTED:
        await servicing.record_rent_charge(tx, fact)
        return
    record.state = PayoffState.PAID
    parts = _parts(record)
    agreed = postings.Payoff(principal=parts.principal, interest=parts.interest, fee=parts.fee)
    await servicing.end_early(tx, fact=fact, agreed=agreed)


async def record_settlement_rejected(tx: Tx, fact: ChargeRejected) -> None:
    """The money of an early settlement did not come: the lease goes on as before."""
    await tx.hold(fact.contract_id)
    record = await tx.get_one(PayoffRecord, fact.subject_id, with_for_update=True, populate_existing=True)
    if record.state != PayoffState.ACCEPTED:
        return
    record.state = PayoffState.REFUSED
    await servicing.resume(tx, fact.contract_id)


async def return_deposit(tx: Tx, fact: AccountSettled) -> None:
    """Send the security deposit back to the account that the rent came from."""
    account = await servicing.get_account(tx, fact.contract_id)
    if not account.deposit:
        tx.emit(DepositReturned(contract_id=fact.contract_id, money=account.deposit))
        return
    await _send_deposit(tx, account)


async def return_deposit_again(tx: Tx, contract_id: ContractId) -> None:
    """Send the deposit of a settled lease once more, after the payout was refused.

    Raises RuleBroken when the lease is not settled or had no deposit, Conflict when a payout is under way or was made.
    """
    await tx.hold(contract_id)
    account = await servicing.get_account(tx, contract_id)
    if account.state is not AccountState.SETTLED or not account.deposit:
        raise RuleBroken("no_deposit_to_return", state=account.state, deposit=account.deposit)
    await _send_deposit(tx, account)


async def _send_deposit(tx: Tx, account: AccountView) -> None:
    await payments.request_payout(
        tx,
        contract_id=account.contract_id,
        branch_id=account.branch_id,
        bank_account_id=account.bank_account_id,
        purpose=PayoutPurpose.DEPOSIT_RETURN,
        subject_id=account.contract_id,
        money=account.deposit,
    )


async def record_deposit_returned(tx: Tx, fact: PayoutSucceeded) -> None:
    """The deposit is back with the lessee."""
    await ledger.post(
        tx,
        postings.deposit_returned(
            payout_id=fact.payout_id,
            contract_id=fact.contract_id,
            value_on=fact.settled_on,
            instance=fact.instance,
            amount=fact.money,
        ),
    )
    tx.emit(DepositReturned(contract_id=fact.contract_id, money=fact.money))


async def payoffs_of(tx: Tx, contract_id: ContractId) -> list[PayoffView]:
    """Every early-settlement quote of a lease, newest first."""
    await servicing.get_account(tx, contract_id)
    rows = select(PayoffRecord).where(PayoffRecord.contract_id == contract_id).order_by(PayoffRecord.id.desc())
    return [_view(row) for row in await tx.scalars(rows)]


def _parts(record: PayoffRecord) -> Payoff:
    return Payoff(
        arrears=record.arrears_amount,
        penalty=record.penalty_amount,
        principal=record.principal_amount,
        interest=record.interest_amount,
        fee=record.fee_amount,
    )


def _view(record: PayoffRecord) -> PayoffView:
    parts = _parts(record)
    return PayoffView(
        id=record.id,
        contract_id=ContractId(record.contract_id),
        as_of_on=record.as_of_on,
        valid_until_on=record.valid_until_on,
        arrears=parts.arrears,
        penalty=parts.penalty,
        principal=parts.principal,
        interest=parts.interest,
        fee=parts.fee,
        total=parts.total,
        state=PayoffState(record.state),
    )
