"""Quote and take early settlements, give deposits back, and take the price of the purchase option."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import func, select

from hub.core.errors import Conflict, InvalidInput, NotFound, RuleBroken
from hub.core.ids import ContractId
from hub.core.money import Money
from hub.infra import audit
from hub.infra.access import system
from hub.infra.database import Database, Tx
from hub.leasing.contracts import service as contracts
from hub.leasing.instalments.debits import retry_on
from hub.leasing.instalments.night import close_day
from hub.leasing.mandates import service as mandates
from hub.leasing.mandates.rules import MandateActivated
from hub.leasing.payments import service as payments
from hub.leasing.payments.rules import (
    ChargePurpose,
    ChargeRejected,
    ChargeSucceeded,
    PayoutPurpose,
    PayoutSucceeded,
)
from hub.leasing.servicing import service as servicing
from hub.leasing.servicing.rules import AccountSettled, AccountState, AccountView
from hub.leasing.settlements.payoff import Payoff, last_valid_day, payoff
from hub.leasing.settlements.records import LeaseEndRecord, PayoffRecord
from hub.leasing.settlements.rules import (
    DepositReturned,
    LeaseEndReached,
    PayoffState,
    PayoffView,
    PurchaseOptionUncollectable,
    end_reached,
)
from hub.ledger import postings
from hub.ledger import service as ledger

PAYOFF_VALID = timedelta(days=3)
OPTION_CHUNK = 50
# While money is in doubt or under way nothing is debited, and it is looked at again on the next day.
_LOOK_AGAIN_AFTER = timedelta(days=1)


# Early settlement


async def quote_payoff(tx: Tx, *, contract_id: ContractId, as_of_on: date | None = None) -> PayoffView:
    """What settles the lease early, part by part, valid for three days or until the next rent falls due.

    The account stays as it is. The quote says whether money of the lease is in doubt; while it is, none is accepted. Raises InvalidInput for a day in the past or after the last rent, RuleBroken when the
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
        in_doubt=account.in_doubt,
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
    mandate = await mandates.active_mandate(tx, contract_id)
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


async def payoffs_of(tx: Tx, contract_id: ContractId) -> list[PayoffView]:
    """Every early-settlement quote of a lease, newest first."""
    await servicing.get_account(tx, contract_id)
    rows = select(PayoffRecord).where(PayoffRecord.contract_id == contract_id).order_by(PayoffRecord.id.desc())
    return [_view(row) for row in await tx.scalars(rows)]


# The end: the deposit goes back, the price of the purchase option comes in, in whichever order


async def begin_end(tx: Tx, fact: AccountSettled) -> None:
    """Nothing is owed any more: send the deposit back and debit the price of the purchase option, where there are any.

    The deposit goes to the account that the rent came from. An end that has begun is not begun again.
    """
    await tx.hold(fact.contract_id)
    if await _end(tx, fact.contract_id) is not None:
        return
    contract = await contracts.view(tx, fact.contract_id)
    account = await servicing.get_account(tx, fact.contract_id)
    option = contract.purchase_option_amount
    end = LeaseEndRecord(contract_id=fact.contract_id, option_amount=option, option_attempts=0)
    tx.add(end)
    await tx.flush()
    if end.option_amount:
        await _charge_planned(tx, end, account)
    if account.deposit:
        await _send_deposit(tx, account)
    else:
        _note_deposit(tx, end, account.deposit, returned_on=fact.settled_on)


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
    assert fact.contract_id is not None, "a deposit is a contract's"
    await tx.hold(fact.contract_id)
    end = await _end(tx, fact.contract_id)
    assert end is not None, "the deposit of a lease goes back once its end has begun"
    if end.deposit_returned_on is not None:
        return
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
    _note_deposit(tx, end, fact.money, returned_on=fact.settled_on)


def _note_deposit(tx: Tx, end: LeaseEndRecord, money: Money, *, returned_on: date) -> None:
    end.deposit_returned_on = returned_on
    tx.emit(DepositReturned(contract_id=ContractId(end.contract_id), money=money))
    _tell_when_reached(tx, end)


# The price of the purchase option


async def charge_due_options(database: Database, *, limit: int = OPTION_CHUNK) -> int:
    """Debit the purchase options whose day has come, after a refusal say; returns how many were looked at.

    Run again until it returns 0. One whose contract somebody else holds is left for the next time.
    """
    async with database.transaction(system("night")) as tx:
        due = (
            select(LeaseEndRecord.contract_id)
            .where(LeaseEndRecord.option_charge_on <= tx.today)
            .order_by(LeaseEndRecord.option_charge_on, LeaseEndRecord.contract_id)
            .limit(limit)
        )
        held = [ContractId(contract_id) for contract_id in await tx.try_hold((await tx.scalars(due)).all())]
        for contract_id in held:
            end = await _end(tx, contract_id)
            # Somebody may have debited it before its contract was held.
            if end is not None and end.option_charge_on is not None and end.option_charge_on <= tx.today:
                await _charge_planned(tx, end, await servicing.get_account(tx, contract_id))
        await tx.flush()
    return len(held)


async def _charge_planned(tx: Tx, end: LeaseEndRecord, account: AccountView) -> None:
    """Debit the price now; tomorrow while money is in doubt or under way; where that cannot be, a person is told."""
    if account.in_doubt or account.contract_id in await payments.under_way(tx, account.contract_id):
        end.option_charge_on = tx.today + _LOOK_AGAIN_AFTER
        return
    end.option_charge_on = None
    if code := await _charge_option(tx, end, account):
        tx.emit(PurchaseOptionUncollectable(contract_id=account.contract_id, code=code))


async def next_option_on(tx: Tx) -> date | None:
    """The next day on which the price of a purchase option is debited by machine, None when none will be."""
    return await tx.scalar(select(func.min(LeaseEndRecord.option_charge_on)))


async def charge_option_again(tx: Tx, contract_id: ContractId) -> None:
    """Debit the price of the purchase option once more, after it was refused or could not be asked for.

    Raises RuleBroken when the lease is not settled, has no purchase option, or cannot be debited now; Conflict when a
    debit is under way or the price is paid.
    """
    await tx.hold(contract_id)
    account = await servicing.get_account(tx, contract_id)
    end = await _end(tx, contract_id)
    if end is None or not end.option_amount:
        raise RuleBroken("no_purchase_option_owed", state=account.state)
    if end.option_paid_on is not None:
        raise Conflict("purchase_option_paid")
    if contract_id in await payments.under_way(tx, contract_id):
        raise Conflict("charge_under_way")
    if code := await _charge_option(tx, end, account):
        raise RuleBroken(code, contract=contract_id)


async def _charge_option(tx: Tx, end: LeaseEndRecord, account: AccountView) -> str | None:
    """Ask for the price of the purchase option; gives the reason when it cannot be debited now."""
    mandate = await mandates.active_mandate(tx, account.contract_id)
    if mandate is None:
        return "no_active_mandate"
    if end.option_amount > mandate.limit:
        return "over_mandate_limit"
    if account.in_doubt:
        return "money_in_doubt"
    await payments.request_charge(
        tx,
        contract_id=account.contract_id,
        mandate_id=mandate.id,
        purpose=ChargePurpose.PURCHASE_OPTION,
        subject_id=account.contract_id,
        money=end.option_amount,
        due_on=tx.today,
    )
    end.option_charged_at, end.option_charge_on = tx.now, None
    end.option_attempts += 1
    await audit.record(
        tx,
        action="purchase_option.charged",
        subject="contract",
        subject_id=account.contract_id,
        branch_id=account.branch_id,
    )
    return None


async def record_option_charge(tx: Tx, fact: ChargeSucceeded) -> None:
    """The price of the purchase option has come.

    When another debit has paid it before, a refused one that was settled after all say, it is money like any other.
    """
    await tx.hold(fact.contract_id)
    end = await _end(tx, fact.contract_id)
    assert end is not None, "a purchase option is charged once the end has begun"
    if end.option_charge_id == fact.charge_id:
        return
    if end.option_paid_on is not None:
        await servicing.record_rent_charge(tx, fact)
        return
    await _book_option(tx, fact)
    end.option_paid_on, end.option_charge_id, end.option_charge_on = fact.settled_on, fact.charge_id, None
    _tell_when_reached(tx, end)


async def _book_option(tx: Tx, fact: ChargeSucceeded) -> None:
    """The price becomes receivable and is received, on the day on which it came."""
    await ledger.post_many(
        tx,
        [
            postings.title_transferred(contract_id=fact.contract_id, value_on=fact.settled_on, price=fact.money),
            postings.receipt_from_provider(
                charge_id=fact.charge_id,
                contract_id=fact.contract_id,
                value_on=fact.settled_on,
                instance=fact.instance,
                parts=postings.ReceiptParts(rent=fact.money),
            ),
        ],
    )


async def record_option_rejected(tx: Tx, fact: ChargeRejected) -> None:
    """The price of the purchase option did not come: set the day of the next try, or say that a machine has none.

    The title stays with us meanwhile.
    """
    await tx.hold(fact.contract_id)
    end = await _end(tx, fact.contract_id)
    if end is None or end.option_paid_on is not None or end.option_charge_on is not None:
        return
    end.option_charge_on = retry_on(tx.today, end.option_attempts, fact.advice)
    if end.option_charge_on is None:
        tx.emit(PurchaseOptionUncollectable(contract_id=fact.contract_id, code=fact.code))


async def record_mandate(tx: Tx, fact: MandateActivated) -> None:
    """A mandate is active, perhaps in place of one that failed: debit today the price that nothing is planned for."""
    await tx.hold(fact.contract_id)
    end = await _end(tx, fact.contract_id)
    if end is None or not end.option_amount or end.option_paid_on is not None or end.option_charge_on is not None:
        return
    if fact.contract_id not in await payments.under_way(tx, fact.contract_id):
        end.option_charge_on, end.option_attempts = tx.today, 0


def _tell_when_reached(tx: Tx, end: LeaseEndRecord) -> None:
    if end_reached(
        deposit_returned_on=end.deposit_returned_on, option=end.option_amount, option_paid_on=end.option_paid_on
    ):
        tx.emit(LeaseEndReached(contract_id=ContractId(end.contract_id)))


async def _end(tx: Tx, contract_id: ContractId) -> LeaseEndRecord | None:
    return await tx.get(LeaseEndRecord, contract_id, with_for_update=True, populate_existing=True)


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
        in_doubt=record.in_doubt,
        state=PayoffState(record.state),
    )
