"""Run lease accounts: open them, close their days, take what comes in, end them when nothing is owed.

Whoever changes an account holds its contract first. The nightly close, a receipt and an early settlement all bring
the account up to their day by the same pure rules, so the order in which they come does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import func, select

from hub.core.errors import NotFound, RuleBroken
from hub.core.ids import BankAccountId, BranchId, ContractId, InstalmentId
from hub.core.money import Money
from hub.infra import audit
from hub.infra.access import system, visible
from hub.infra.crash import crash_point
from hub.infra.database import Database, Tx
from hub.leasing.contracts import service as contracts
from hub.leasing.inventory import service as inventory
from hub.leasing.payments import service as payments
from hub.leasing.payments.rules import ChargePurpose, ChargeRejected, ChargeSucceeded
from hub.leasing.products import service as products
from hub.leasing.servicing.night import Closed, close_day, next_event_on
from hub.leasing.servicing.penalty import Accrual, undue
from hub.leasing.servicing.records import (
    AccountRecord,
    AllocationRecord,
    InstalmentRecord,
    PenaltyRecord,
    ReceiptRecord,
)
from hub.leasing.servicing.rules import (
    OPEN,
    OWED,
    AccountOpened,
    AccountSettled,
    AccountState,
    AccountView,
    Instalment,
    InstalmentState,
    PayoffTerms,
    PenaltyTerms,
    RentOverdue,
    RentPaid,
    RentUncollectable,
    days_past_due,
    retry_on,
)
from hub.leasing.servicing.waterfall import Allocation, Part, allocate
from hub.ledger import postings
from hub.ledger import service as ledger

CLOSE_DAY = "servicing.close_day"
NIGHT_CHUNK = 200


# Opening


async def open_account(tx: Tx, *, contract_id: ContractId, bank_account_id: BankAccountId) -> None:
    """Open the account of a lease that has commenced: its schedule from the terms, its first entry in the books."""
    contract = await contracts.view(tx, contract_id)
    assert contract.commenced_on is not None, "only a commenced lease has an account"
    terms = (await products.get_version(tx, contract.product_version_id)).terms
    schedule = await products.schedule_of(tx, contract.quote_id, starts_on=contract.commenced_on)
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
        next_event_on=schedule[0].due_on,
    )
    tx.add(account)
    await tx.flush()
    nothing = Money.zero(contract.financed_amount.currency)
    tx.add_all(
        InstalmentRecord(
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
            state=InstalmentState.SCHEDULED,
            charge_on=row.due_on,
            attempts=0,
        )
        for row in schedule
    )
    await tx.flush()
    await _book_commencement(tx, contract)
    tx.emit(AccountOpened(contract_id=contract_id, instalments=len(schedule)))


async def _book_commencement(tx: Tx, contract: contracts.ContractView) -> None:
    assert contract.vehicle_id is not None
    assert contract.commenced_on is not None
    quote = await products.get_quote(tx, contract.quote_id)
    vehicle = await inventory.get(tx, contract.vehicle_id)
    start = postings.Commencement(
        financed=contract.financed_amount,
        down_payment=contract.down_payment_amount,
        car_price=contract.car_price,
        car_cost=vehicle.cost,
        third_party_fees=quote.financed_third_party_fees,
        service_fees=quote.financed_service_fees,
    )
    await ledger.post(
        tx, postings.lease_commenced(contract_id=contract.id, value_on=contract.commenced_on, start=start)
    )


# The night


async def close_due_accounts(database: Database, *, limit: int = NIGHT_CHUNK) -> int:
    """Close the business day for a chunk of accounts that have something to close; returns how many were done.

    Run again until it returns 0. An account that somebody else holds is left for the next chunk.
    """
    async with database.transaction(system("night")) as tx:
        waiting = (
            select(AccountRecord.contract_id)
            .where(AccountRecord.next_event_on <= tx.today)
            .order_by(AccountRecord.next_event_on, AccountRecord.contract_id)
            .limit(limit)
        )
        held = await tx.try_hold((await tx.scalars(waiting)).all())
        for contract_id in held:
            await _close_account(tx, ContractId(contract_id))
        crash_point("servicing.before_night_commit")
    return len(held)


async def _close_account(tx: Tx, contract_id: ContractId) -> None:
    account, rows = await _account(tx, contract_id)
    if account.next_event_on is None or account.next_event_on > tx.today:
        return
    await _bring_to(tx, account, rows, tx.today, charge=True)


async def _bring_to(
    tx: Tx, account: AccountRecord, rows: Sequence[InstalmentRecord], day: date, *, charge: bool
) -> None:
    """Bring an account to the end of `day`; with `charge`, debit what is owed unless money is in doubt."""
    contract_id = ContractId(account.contract_id)
    may_charge = charge and account.state == AccountState.ACTIVE and not await payments.in_doubt(tx, contract_id)
    terms = _penalty_terms(account)
    closed = [(row, close_day(_instalment(row), terms, day, may_charge=may_charge)) for row in rows if _is_open(row)]
    for row, result in closed:
        _write(row, result.instalment)
    await _book_night(tx, contract_id, [result for _, result in closed])
    await _charge(tx, contract_id, [row for row, result in closed if result.to_charge])
    account.next_event_on = next_event_on([_instalment(row) for row in rows], day)
    await tx.flush()


async def _book_night(tx: Tx, contract_id: ContractId, closed: Sequence[Closed]) -> None:
    drafts = []
    for result in closed:
        one = result.instalment
        if result.fell_due:
            drafts.append(
                postings.rent_fell_due(
                    instalment_id=one.id,
                    contract_id=contract_id,
                    value_on=one.due_on,
                    principal=one.principal,
                    interest=one.interest,
                )
            )
        for row in result.accrued:
            await _accrue(tx, one.id, row)
            drafts.append(
                postings.penalty_accrued(
                    instalment_id=one.id, contract_id=contract_id, value_on=row.accrued_on, amount=row.money
                )
            )
        if result.became_overdue:
            tx.emit(
                RentOverdue(
                    contract_id=contract_id,
                    instalment_id=one.id,
                    number=one.number,
                    due_on=one.due_on,
                    owed=one.left,
                )
            )
    await ledger.post_many(tx, drafts)


async def _accrue(tx: Tx, instalment_id: InstalmentId, row: Accrual) -> None:
    tx.add(PenaltyRecord(id=tx.new_id(), instalment_id=instalment_id, accrued_on=row.accrued_on, amount=row.money))


async def _charge(tx: Tx, contract_id: ContractId, rows: Sequence[InstalmentRecord]) -> None:
    """Debit what is owed under the active mandate; without one a person is told."""
    if not rows:
        return
    mandate = await payments.active_mandate(tx, contract_id)
    for row in rows:
        row.charge_on = None
        if mandate is None:
            tx.emit(
                RentUncollectable(contract_id=contract_id, instalment_id=InstalmentId(row.id), code="no_active_mandate")
            )
            continue
        row.attempts += 1
        await payments.request_charge(
            tx,
            contract_id=contract_id,
            mandate_id=mandate.id,
            purpose=ChargePurpose.RENT,
            subject_id=row.id,
            money=_instalment(row).left,
            due_on=row.due_on,
        )


# What comes in


async def record_rent_rejected(tx: Tx, fact: ChargeRejected) -> None:
    """A rent debit was refused: set the day of the next try, or say that a machine has none."""
    await tx.hold(fact.contract_id)
    row = await tx.get_one(InstalmentRecord, fact.subject_id)
    if InstalmentState(row.state) not in OWED:
        return
    row.charge_on = retry_on(tx.today, row.attempts, fact.advice)
    if row.charge_on is None:
        tx.emit(RentUncollectable(contract_id=fact.contract_id, instalment_id=InstalmentId(row.id), code=fact.code))


async def charge_again(tx: Tx, *, contract_id: ContractId, on: date) -> None:
    """Have everything overdue debited again on a day: a promise to pay, or an operator's wish."""
    await tx.hold(contract_id)
    account, rows = await _account(tx, contract_id)
    overdue = [row for row in rows if InstalmentState(row.state) in OWED]
    if not overdue:
        raise RuleBroken("nothing_owed", contract=contract_id)
    for row in overdue:
        row.charge_on = on
    account.next_event_on = min(account.next_event_on or on, on)
    await audit.record(
        tx, action="rent.charge_scheduled", subject="contract", subject_id=contract_id, detail={"on": on.isoformat()}
    )


async def record_rent_charge(tx: Tx, fact: ChargeSucceeded) -> None:
    """Take the money of a rent debit: allocate it, and see whether an instalment or the lease is done."""
    await tx.hold(fact.contract_id)
    account, rows = await _account(tx, fact.contract_id)
    received_on = fact.settled_on
    await _bring_to(tx, account, rows, max(received_on, account.opened_on), charge=False)
    await _take_back_undue(tx, account, rows, fact.money, received_on)
    owed = [_instalment(row) for row in rows if InstalmentState(row.state) in OWED]
    allocations, left = allocate(fact.money, owed)
    await _book_receipt(tx, _receipt(tx, fact, left), allocations)
    _pay(tx, rows, allocations, received_on)
    account.next_event_on = next_event_on([_instalment(row) for row in rows], received_on)
    await tx.flush()
    await _settle_if_done(tx, account, rows, received_on)


def _receipt(tx: Tx, fact: ChargeSucceeded, suspense: Money) -> ReceiptRecord:
    return ReceiptRecord(
        id=tx.new_id(),
        contract_id=fact.contract_id,
        charge_id=fact.charge_id,
        instance=fact.instance,
        amount=fact.money,
        suspense_amount=suspense,
        received_on=fact.settled_on,
        booked_at=tx.now,
    )


async def _book_receipt(
    tx: Tx, receipt: ReceiptRecord, allocations: Sequence[Allocation], agreed: Money = postings.NOTHING
) -> None:
    """Write a receipt with its allocations and its entry; `agreed` is what of it pays a payoff beyond instalments."""
    tx.add(receipt)
    await tx.flush()
    tx.add_all(
        AllocationRecord(
            id=tx.new_id(), receipt_id=receipt.id, instalment_id=one.instalment_id, part=one.part, amount=one.money
        )
        for one in allocations
    )
    penalty = Money.total(one.money for one in allocations if one.part is Part.PENALTY)
    rent = agreed + Money.total(one.money for one in allocations if one.part is not Part.PENALTY)
    assert receipt.charge_id is not None
    await ledger.post(
        tx,
        postings.receipt_from_provider(
            charge_id=receipt.charge_id,
            contract_id=receipt.contract_id,
            value_on=receipt.received_on,
            instance=receipt.instance,
            parts=postings.ReceiptParts(rent=rent, penalty=penalty, unallocated=receipt.suspense_amount),
        ),
    )


def _pay(tx: Tx, rows: Sequence[InstalmentRecord], allocations: Iterable[Allocation], paid_on: date) -> None:
    by_id = {row.id: row for row in rows}
    for one in allocations:
        row = by_id[one.instalment_id]
        match one.part:
            case Part.PENALTY:
                row.paid_penalty_amount = row.paid_penalty_amount + one.money
            case Part.INTEREST:
                row.paid_interest_amount = row.paid_interest_amount + one.money
            case Part.PRINCIPAL:
                row.paid_principal_amount = row.paid_principal_amount + one.money
    arrears = Money.total(_instalment(row).left for row in rows if InstalmentState(row.state) in OWED)
    for row in rows:
        if InstalmentState(row.state) in OWED and not _instalment(row).left:
            row.state, row.paid_on, row.charge_on = InstalmentState.PAID, paid_on, None
            tx.emit(
                RentPaid(
                    contract_id=ContractId(row.contract_id),
                    instalment_id=InstalmentId(row.id),
                    number=row.number,
                    paid_on=paid_on,
                    arrears_left=arrears,
                )
            )


async def _take_back_undue(
    tx: Tx, account: AccountRecord, rows: Sequence[InstalmentRecord], money: Money, received_on: date
) -> None:
    """Take back penalties of days after the money had come: the value date decides, not the day we heard of it."""
    terms = _penalty_terms(account)
    left = money
    for row in sorted(rows, key=lambda one: one.due_on):
        one = _instalment(row)
        if one.state is not InstalmentState.OVERDUE or one.rent_left > left:
            continue
        left = left - one.rent_left
        back = min(undue(await _accruals(tx, one.id), received_on, one.due_on, terms), one.penalty_left)
        if not back:
            continue
        waiver_id = tx.new_id()
        tx.add(PenaltyRecord(id=waiver_id, instalment_id=one.id, accrued_on=received_on, amount=-back))
        row.penalty_amount = row.penalty_amount - back
        await ledger.post(
            tx,
            postings.penalty_waived(
                waiver_id=waiver_id,
                contract_id=account.contract_id,
                value_on=received_on,
                amount=back,
                reason="paid before these days",
            ),
        )


async def _accruals(tx: Tx, instalment_id: InstalmentId) -> tuple[Accrual, ...]:
    rows = await tx.scalars(
        select(PenaltyRecord).where(PenaltyRecord.instalment_id == instalment_id).order_by(PenaltyRecord.accrued_on)
    )
    return tuple(Accrual(accrued_on=row.accrued_on, money=row.amount) for row in rows)


# Ending


async def pause_for_settlement(tx: Tx, contract_id: ContractId) -> None:
    """Debit no rent while an early settlement is being paid; raises RuleBroken unless the account is active."""
    account, _ = await _account(tx, contract_id)
    if account.state != AccountState.ACTIVE or await payments.in_doubt(tx, contract_id):
        raise RuleBroken("money_in_doubt", state=account.state)
    account.state = AccountState.SETTLING


async def resume(tx: Tx, contract_id: ContractId) -> None:
    """The early settlement was not paid: the lease goes on as before."""
    account, rows = await _account(tx, contract_id)
    account.state = AccountState.ACTIVE
    account.next_event_on = next_event_on([_instalment(row) for row in rows], tx.today)


async def end_early(tx: Tx, *, fact: ChargeSucceeded, agreed: postings.Payoff) -> None:
    """The schedule ends here: what was agreed is booked and paid, and with it all arrears."""
    account, rows = await _account(tx, fact.contract_id)
    owed = [_instalment(row) for row in rows if InstalmentState(row.state) in OWED]
    for row in rows:
        if row.state == InstalmentState.SCHEDULED:
            row.state, row.charge_on = InstalmentState.CANCELLED, None
    await ledger.post(
        tx,
        postings.payoff_agreed(
            settlement_id=fact.subject_id, contract_id=fact.contract_id, value_on=fact.settled_on, payoff=agreed
        ),
    )
    allocations, left = allocate(fact.money - agreed.total, owed)
    await _book_receipt(tx, _receipt(tx, fact, left), allocations, agreed.total)
    _pay(tx, rows, allocations, fact.settled_on)
    await tx.flush()
    await _settle_if_done(tx, account, rows, fact.settled_on, early=True)


async def _settle_if_done(
    tx: Tx, account: AccountRecord, rows: Sequence[InstalmentRecord], settled_on: date, *, early: bool = False
) -> None:
    if any(_is_open(row) for row in rows):
        return
    contract_id = ContractId(account.contract_id)
    account.state, account.settled_on, account.next_event_on = AccountState.SETTLED, settled_on, None
    await contracts.mark_settled(tx, contract_id, settled_on=settled_on)
    tx.emit(AccountSettled(contract_id=contract_id, settled_on=settled_on, early=early))


# Looking


async def get_account(tx: Tx, contract_id: ContractId) -> AccountView:
    """The account of a lease with its schedule, as far as the actor may see it."""
    account, rows = await _account(tx, contract_id, scoped=True)
    instalments = tuple(_instalment(row) for row in rows)
    owed = [one for one in instalments if one.state in OWED]
    return AccountView(
        contract_id=contract_id,
        branch_id=BranchId(account.branch_id),
        state=AccountState(account.state),
        opened_on=account.opened_on,
        bank_account_id=BankAccountId(account.bank_account_id),
        deposit=account.deposit_amount,
        penalty_terms=_penalty_terms(account),
        payoff_terms=PayoffTerms(lock_in_months=account.payoff_lock_in_months, fee_share=account.payoff_fee_share),
        instalments=instalments,
        owed=Money.total(one.left for one in owed),
        days_past_due=max((days_past_due(one.due_on, tx.today) for one in owed), default=0),
        in_doubt=await payments.in_doubt(tx, contract_id),
        settled_on=account.settled_on,
    )


async def first_event_on(tx: Tx) -> date | None:
    """The next day on which any account has something to close; None when none ever has."""
    return await tx.scalar(select(func.min(AccountRecord.next_event_on)))


async def count_by_state(tx: Tx) -> dict[str, int]:
    """How many accounts the actor sees in each state, and `overdue` among the active ones."""
    counted = select(AccountRecord.state, func.count()).group_by(AccountRecord.state)
    found = dict((await tx.execute(visible(counted, AccountRecord.branch_id, tx.actor))).tuples().all())
    late = (
        select(func.count(func.distinct(InstalmentRecord.contract_id)))
        .join(AccountRecord, AccountRecord.contract_id == InstalmentRecord.contract_id)
        .where(InstalmentRecord.state == InstalmentState.OVERDUE)
    )
    found["overdue"] = await tx.scalar(visible(late, AccountRecord.branch_id, tx.actor)) or 0
    return found


async def _account(
    tx: Tx, contract_id: ContractId, *, scoped: bool = False
) -> tuple[AccountRecord, Sequence[InstalmentRecord]]:
    """An account with its instalments in order; with `scoped`, only one that the actor may see."""
    account = await tx.get(AccountRecord, contract_id, populate_existing=True)
    if account is None or (scoped and not tx.actor.sees(account.branch_id)):
        raise NotFound("lease_account", contract_id)
    rows = await tx.scalars(
        select(InstalmentRecord)
        .where(InstalmentRecord.contract_id == contract_id)
        .order_by(InstalmentRecord.number)
        .execution_options(populate_existing=True)
    )
    return account, rows.all()


def _is_open(row: InstalmentRecord) -> bool:
    return InstalmentState(row.state) in OPEN


def _penalty_terms(account: AccountRecord) -> PenaltyTerms:
    return PenaltyTerms(
        daily_rate=account.penalty_daily_rate,
        grace_days=account.penalty_grace_days,
        cap_share=account.penalty_cap_share,
    )


def _instalment(row: InstalmentRecord) -> Instalment:
    return Instalment(
        id=InstalmentId(row.id),
        number=row.number,
        due_on=row.due_on,
        principal=row.principal_amount,
        interest=row.interest_amount,
        penalty=row.penalty_amount,
        paid_principal=row.paid_principal_amount,
        paid_interest=row.paid_interest_amount,
        paid_penalty=row.paid_penalty_amount,
        state=InstalmentState(row.state),
        charge_on=row.charge_on,
        attempts=row.attempts,
        penalty_through_on=row.penalty_through_on,
    )


def _write(row: InstalmentRecord, one: Instalment) -> None:
    row.state, row.penalty_amount, row.penalty_through_on = one.state, one.penalty, one.penalty_through_on
