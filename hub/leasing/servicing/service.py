"""Run lease accounts: open them, close their days, take what comes in, end them when nothing is owed.

Whoever changes an account holds its contract first. The nightly close, a receipt and an early settlement all bring
the account up to their day by the same pure rules, so the order in which they come does not matter. What a receipt
pays is told in `allocation`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from sqlalchemy import func, select

from hub.core.errors import InvalidInput, RuleBroken
from hub.core.ids import BankAccountId, BranchId, ContractId, InstalmentId
from hub.core.money import Money
from hub.infra import audit
from hub.infra.access import system, visible
from hub.infra.crash import crash_point
from hub.infra.database import Database, Tx
from hub.leasing.contracts import service as contracts
from hub.leasing.contracts.rules import ContractView
from hub.leasing.instalments.debits import day_problem, retry_on
from hub.leasing.instalments.night import Closed, close_day, entries, next_event_on
from hub.leasing.instalments.rules import OWED, InstalmentState, days_past_due
from hub.leasing.inventory import service as inventory
from hub.leasing.mandates import service as mandates
from hub.leasing.mandates.rules import MandateActivated, MandateView
from hub.leasing.payments import service as payments
from hub.leasing.payments.rules import (
    ChargePurpose,
    ChargeRejected,
    ChargeSucceeded,
    ChargeWish,
)
from hub.leasing.products import service as products
from hub.leasing.quotes import service as quotes
from hub.leasing.receipts import service as receipts
from hub.leasing.receipts.rules import require_waiting
from hub.leasing.schedules.rules import ScheduledInstalment
from hub.leasing.servicing import accounts, allocation
from hub.leasing.servicing.accounts import Account, instalment_of
from hub.leasing.servicing.records import AccountRecord, InstalmentRecord, PenaltyRecord
from hub.leasing.servicing.rules import AccountOpened, AccountState, AccountView, RentOverdue, RentUncollectable
from hub.ledger import postings
from hub.ledger import service as ledger
from hub.ledger.rules import EntryDraft

CLOSE_DAY = "servicing.close_day"
NIGHT_CHUNK = 200


# Opening


async def open_account(tx: Tx, *, contract_id: ContractId, bank_account_id: BankAccountId) -> None:
    """Open the account of a lease that has commenced: its schedule from the terms, its first entry in the books."""
    contract = await contracts.view(tx, contract_id)
    assert contract.commenced_on is not None, "only a commenced lease has an account"
    terms = (await products.get_version(tx, contract.product_version_id)).terms
    schedule = await quotes.schedule_of(tx, contract.quote_id, starts_on=contract.commenced_on)
    account = AccountRecord(
        contract_id=contract_id,
        branch_id=contract.branch_id,
        bank_account_id=bank_account_id,
        state=AccountState.ACTIVE,
        opened_on=contract.commenced_on,
        financed_amount=contract.financed_amount,
        deposit_amount=contract.deposit_amount,
        penalty_daily_rate=terms.penalty.daily_rate,
        penalty_grace_days=terms.penalty.grace_days,
        penalty_cap_share=terms.penalty.cap_share,
        payoff_lock_in_months=terms.early_settlement.lock_in_months,
        payoff_fee_share=terms.early_settlement.fee_share,
        payoff_interest_until=terms.early_settlement.interest_until,
        allocation_order=[part.value for part in terms.allocation],
        next_event_on=schedule[0].due_on,
    )
    tx.add(account)
    await tx.flush()
    tx.add_all(_rent(tx, contract_id, row) for row in schedule)
    await tx.flush()
    await _book_commencement(tx, contract)
    await audit.record(
        tx, action="account.opened", subject="contract", subject_id=contract_id, branch_id=contract.branch_id
    )
    tx.emit(AccountOpened(contract_id=contract_id, instalments=len(schedule)))


def _rent(tx: Tx, contract_id: ContractId, row: ScheduledInstalment) -> InstalmentRecord:
    """A rent that waits for its day; one of nothing (interest alone, at no interest) is paid from the start."""
    nothing = Money.zero(row.currency)
    return InstalmentRecord(
        id=tx.new_id(),
        contract_id=contract_id,
        number=row.number,
        due_on=row.due_on,
        principal_amount=row.principal,
        interest_amount=row.interest,
        penalty_amount=nothing,
        paid_principal_amount=nothing,
        paid_interest_amount=nothing,
        paid_penalty_amount=nothing,
        state=InstalmentState.SCHEDULED if row.rent else InstalmentState.PAID,
        charge_on=row.due_on if row.rent else None,
        attempts=0,
    )


async def _book_commencement(tx: Tx, contract: ContractView) -> None:
    assert contract.vehicle_id is not None
    assert contract.commenced_on is not None
    quote = await quotes.get_quote(tx, contract.quote_id)
    vehicle = await inventory.get(tx, contract.vehicle_id)
    start = postings.Commencement(
        financed=contract.financed_amount,
        down_payment=contract.down_payment_amount,
        car_price=contract.car_price,
        car_cost=vehicle.cost,
        third_party_fees=quote.price.financed_third_party,
        service_fees=quote.price.financed_lessor,
    )
    await ledger.post(
        tx, postings.lease_commenced(contract_id=contract.id, value_on=contract.commenced_on, start=start)
    )


# The night


async def close_due_accounts(database: Database, *, limit: int = NIGHT_CHUNK) -> int:
    """Close the business day for a chunk of accounts that have something to close; returns how many were done.

    Run again until it returns 0. An account that somebody else holds is left for the next chunk, one that is being
    settled early until that is decided.
    """
    async with database.transaction(system("night")) as tx:
        waiting = (
            select(AccountRecord.contract_id)
            .where(AccountRecord.state == AccountState.ACTIVE, AccountRecord.next_event_on <= tx.today)
            .order_by(AccountRecord.next_event_on, AccountRecord.contract_id)
            .limit(limit)
        )
        held = [ContractId(contract_id) for contract_id in await tx.try_hold((await tx.scalars(waiting)).all())]
        await _close(tx, await accounts.load_for_night(tx, held, tx.today))
        crash_point("servicing.before_night_commit")
    return len(held)


async def night_left(tx: Tx) -> int:
    """How many accounts have something to close for the business date still."""
    due = (AccountRecord.state == AccountState.ACTIVE, AccountRecord.next_event_on <= tx.today)
    return await tx.scalar(select(func.count()).select_from(AccountRecord).where(*due)) or 0


async def _close(tx: Tx, held: Sequence[Account]) -> None:
    """Close the day of accounts that are held, unless somebody has done so before they were."""
    waiting = [account for account in held if account.waits_on(tx.today)]
    doubtful = await payments.doubtful(tx, [account.contract_id for account in waiting])
    results = [
        (account, _bring_to(account, tx.today, may_charge=account.contract_id not in doubtful)) for account in waiting
    ]
    await _book(tx, results)
    await _charge(tx, results)
    for account in waiting:
        account.row.next_event_on = next_event_on(account.instalments, tx.today)
    await tx.flush()


def _bring_to(account: Account, day: date, *, may_charge: bool = False) -> list[Closed]:
    """Bring an account to the end of `day`; what that makes of each rent is still to be booked."""
    closed = []
    for rent in account.open_rents:
        result = close_day(instalment_of(rent), account.penalty_terms, day, may_charge=may_charge)
        accounts.write(rent, result.instalment)
        closed.append(result)
    return closed


_Results = Sequence[tuple[Account, Sequence[Closed]]]


async def _book(tx: Tx, results: _Results) -> None:
    """Book what a day's close has brought, and tell what is overdue."""
    drafts: list[EntryDraft] = []
    for account, closed in results:
        for result in closed:
            one = result.instalment
            drafts.extend(entries(account.contract_id, result))
            tx.add_all(
                PenaltyRecord(id=tx.new_id(), instalment_id=one.id, accrued_on=row.accrued_on, amount=row.money)
                for row in result.accrued
            )
            if result.became_overdue:
                tx.emit(
                    RentOverdue(
                        contract_id=account.contract_id,
                        instalment_id=one.id,
                        number=one.number,
                        due_on=one.due_on,
                        owed=one.left,
                    )
                )
    await ledger.post_many(tx, drafts)


async def _charge(tx: Tx, results: _Results) -> None:
    """Debit what wants to be debited under the active mandates; where that cannot be, a person is told.

    A rent that has a debit under way is looked at again the next day.
    """
    wanted = {
        account.contract_id: {one.instalment.id for one in closed if one.to_charge} for account, closed in results
    }
    ids = [contract_id for contract_id, rents in wanted.items() if rents]
    if not ids:
        return
    active, under_way = await mandates.active_mandates(tx, ids), await payments.under_way(tx, *ids)
    wishes: list[ChargeWish] = []
    for account, _ in results:
        for rent in account.owed_rents:
            if rent.id in wanted[account.contract_id] - under_way:
                wishes.extend(_wish(tx, rent, active.get(account.contract_id)))
    await payments.request_charges(tx, wishes)


def _wish(tx: Tx, rent: InstalmentRecord, mandate: MandateView | None) -> Iterator[ChargeWish]:
    contract_id, money, rent.charge_on = ContractId(rent.contract_id), instalment_of(rent).left, None
    if mandate is None or money > mandate.limit:
        code = "no_active_mandate" if mandate is None else "over_mandate_limit"
        tx.emit(RentUncollectable(contract_id=contract_id, instalment_id=InstalmentId(rent.id), code=code))
        return
    rent.attempts += 1
    yield ChargeWish(
        contract_id=contract_id,
        mandate_id=mandate.id,
        purpose=ChargePurpose.RENT,
        subject_id=rent.id,
        money=money,
        due_on=rent.due_on,
    )


# What comes in, and what does not


async def record_rent_charge(tx: Tx, fact: ChargeSucceeded) -> None:
    """Take the money of a debit, whatever it was asked for: it pays what is owed, and the rest waits in suspense.

    The day of the account is not closed by it: a night that has not run yet still runs.
    """
    await tx.hold(fact.contract_id)
    account = await accounts.load(tx, fact.contract_id)
    if account.state is AccountState.ACTIVE:
        await _book(tx, [(account, _bring_to(account, fact.settled_on))])
    await allocation.take(tx, account, fact)
    await _await_next(tx, account)
    await allocation.settle_if_done(tx, account, fact.settled_on)


async def _await_next(tx: Tx, account: Account) -> None:
    """The next day to close: as before when that is still to come, else what the rents say."""
    next_on = account.row.next_event_on
    if next_on is None or next_on > tx.today:
        account.row.next_event_on = next_event_on(account.instalments, tx.today)
    await tx.flush()


async def record_rent_rejected(tx: Tx, fact: ChargeRejected) -> None:
    """A rent debit was refused: set the day of the next try, or say that a machine has none.

    A day that somebody has set meanwhile, by a promise say, stays.
    """
    await tx.hold(fact.contract_id)
    rent = await tx.get(InstalmentRecord, fact.subject_id, populate_existing=True)
    if rent is None or rent.state not in OWED or rent.charge_on is not None:
        return
    rent.charge_on = retry_on(tx.today, rent.attempts, fact.advice)
    if rent.charge_on is None:
        tx.emit(RentUncollectable(contract_id=fact.contract_id, instalment_id=InstalmentId(rent.id), code=fact.code))


async def charge_again(tx: Tx, *, contract_id: ContractId, on: date) -> None:
    """Have everything owed debited again on a day: a promise to pay, or an operator's wish.

    Raises InvalidInput for a day in the past or too far away, RuleBroken when nothing is owed.
    """
    if problem := day_problem(on, tx.today):
        raise InvalidInput("on", problem)
    await tx.hold(contract_id)
    account = await accounts.load(tx, contract_id, scoped=True)
    if not account.owed_rents:
        raise RuleBroken("nothing_owed", contract=contract_id)
    _debit_on(account, on)
    await _audit(tx, account, "rent.charge_scheduled", on=on.isoformat())
    await tx.flush()


async def record_mandate(tx: Tx, fact: MandateActivated) -> None:
    """A mandate is active, perhaps in place of one that failed: debit today what no debit is planned for any more."""
    await tx.hold(fact.contract_id)
    account = await accounts.find(tx, fact.contract_id)
    if account is None:
        return
    under_way = await payments.under_way(tx, fact.contract_id)
    stranded = [rent for rent in account.owed_rents if rent.charge_on is None and rent.id not in under_way]
    for rent in stranded:
        rent.charge_on, rent.attempts = tx.today, 0
    if stranded:
        account.row.next_event_on = min(account.row.next_event_on or tx.today, tx.today)
    await tx.flush()


def _debit_on(account: Account, on: date) -> None:
    for rent in account.owed_rents:
        rent.charge_on = on
    account.row.next_event_on = min(account.row.next_event_on or on, on)


# Money in suspense


async def apply_suspense(tx: Tx, *, contract_id: ContractId, amount: Money) -> None:
    """Let so much of what waits in suspense pay what is owed today, the oldest rent first.

    A person decides that. Raises InvalidInput for nothing; RuleBroken for more than waits or is owed, for an account that is not active, and
    while a debit is under way or in doubt, which may pay the same rent.
    """
    await tx.hold(contract_id)
    account = await _undisturbed(tx, contract_id)
    require_waiting(await receipts.waiting(tx, contract_id), amount)
    await _book(tx, [(account, _bring_to(account, tx.today))])
    await allocation.apply_suspense(tx, account, amount)
    await _await_next(tx, account)
    await _audit(tx, account, "suspense.applied", amount=str(amount))
    await allocation.settle_if_done(tx, account, tx.today)


async def _undisturbed(tx: Tx, contract_id: ContractId) -> Account:
    """An active account no money of which is under way or in doubt; raises RuleBroken for another."""
    account = await accounts.load(tx, contract_id, scoped=True)
    if account.state is not AccountState.ACTIVE:
        raise RuleBroken("account_not_active", state=account.state)
    if await payments.in_doubt(tx, contract_id):
        raise RuleBroken("money_in_doubt", contract=contract_id)
    if await payments.under_way(tx, contract_id):
        raise RuleBroken("charge_under_way", contract=contract_id)
    return account


# Early settlement


async def pause_for_settlement(tx: Tx, contract_id: ContractId, *, arrears: Money, principal: Money) -> None:
    """Let the account stand still while its early settlement is paid: no rent falls due, no penalty runs, no debit.

    Raises RuleBroken unless the account is active, no money of it is under way or in doubt, and the overdue rent and
    the remaining principal are still those of the quote.
    """
    account = await _undisturbed(tx, contract_id)
    await _book(tx, [(account, _bring_to(account, tx.today))])
    remaining = [rent for rent in account.rents if rent.state == InstalmentState.SCHEDULED]
    if (
        Money.total(instalment_of(rent).rent_left for rent in account.owed_rents) != arrears
        or Money.total(rent.principal_amount for rent in remaining) != principal
    ):
        raise RuleBroken("payoff_outdated", arrears=arrears, principal=principal)
    account.row.state = AccountState.SETTLING
    await tx.flush()


async def resume(tx: Tx, contract_id: ContractId) -> None:
    """The early settlement was not paid: the lease goes on, and the next night makes good the days in between."""
    account = await accounts.load(tx, contract_id)
    if account.state is AccountState.SETTLING:
        account.row.state = AccountState.ACTIVE
    await tx.flush()


async def end_early(tx: Tx, *, fact: ChargeSucceeded, agreed: postings.Payoff) -> None:
    """The schedule ends here: what was agreed is booked and paid, and with it all arrears.

    Penalties that ran between the quote and its acceptance are given up.
    """
    account = await accounts.load(tx, fact.contract_id)
    for rent in account.rents:
        if rent.state == InstalmentState.SCHEDULED:
            rent.state, rent.charge_on = InstalmentState.CANCELLED, None
    await ledger.post(
        tx,
        postings.payoff_agreed(
            settlement_id=fact.subject_id, contract_id=fact.contract_id, value_on=fact.settled_on, payoff=agreed
        ),
    )
    missing = Money.total(instalment_of(rent).left for rent in account.owed_rents) - (fact.money - agreed.total)
    if missing.minor > 0:
        await allocation.waive(tx, account, missing, on=fact.settled_on, reason="settled early at the sum quoted")
    await allocation.take(tx, account, fact, agreed=agreed.total)
    account.row.state = AccountState.ACTIVE
    await allocation.settle_if_done(tx, account, fact.settled_on, early=True)


async def _audit(tx: Tx, account: Account, action: str, **detail: str) -> None:
    await audit.record(
        tx,
        action=action,
        subject="contract",
        subject_id=account.contract_id,
        detail=detail,
        branch_id=account.row.branch_id,
    )


# Looking


async def get_account(tx: Tx, contract_id: ContractId) -> AccountView:
    """The account of a lease with its schedule, as far as the actor may see it."""
    account = await accounts.load(tx, contract_id, scoped=True)
    row, owed = account.row, [one for one in account.instalments if one.state in OWED]
    return AccountView(
        contract_id=contract_id,
        branch_id=BranchId(row.branch_id),
        state=account.state,
        opened_on=row.opened_on,
        bank_account_id=BankAccountId(row.bank_account_id),
        deposit=row.deposit_amount,
        penalty_terms=account.penalty_terms,
        payoff_terms=account.payoff_terms,
        allocation_order=account.allocation_order,
        instalments=account.instalments,
        owed=Money.total(one.left for one in owed),
        days_past_due=max((days_past_due(one.due_on, tx.today) for one in owed), default=0),
        in_doubt=await payments.in_doubt(tx, contract_id),
        settled_on=row.settled_on,
    )


async def first_event_on(tx: Tx) -> date | None:
    """The next day on which any account has something to close, penalties included; None when none ever has."""
    return await tx.scalar(select(func.min(AccountRecord.next_event_on)))


async def next_movement_on(tx: Tx) -> date | None:
    """The next day on which a rent falls due or is debited, None when none will be.

    Between two such days the night has nothing but penalties to accrue, and it makes good the days it was not run.
    """
    falls_due = select(func.min(InstalmentRecord.due_on)).where(InstalmentRecord.state == InstalmentState.SCHEDULED)
    is_debited = select(func.min(InstalmentRecord.charge_on)).where(InstalmentRecord.state.in_(OWED))
    days = [await tx.scalar(falls_due), await tx.scalar(is_debited)]
    return min((day for day in days if day is not None), default=None)


async def count_by_state(tx: Tx) -> dict[str, int]:
    """How many accounts the actor sees in each state, every state named, and how many of them are `overdue`."""
    rows = visible(select(AccountRecord.state, func.count()), AccountRecord.branch_id, tx.actor)
    counted = dict((await tx.execute(rows.group_by(AccountRecord.state))).all())
    found = {state.value: counted.get(state.value, 0) for state in AccountState}
    late = (
        select(func.count(func.distinct(InstalmentRecord.contract_id)))
        .join(AccountRecord, AccountRecord.contract_id == InstalmentRecord.contract_id)
        .where(InstalmentRecord.state == InstalmentState.OVERDUE)
    )
    found["overdue"] = await tx.scalar(visible(late, AccountRecord.branch_id, tx.actor)) or 0
    return found
