"""Show what waits in suspense, have it pay what is owed, give it back."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from hub.core.errors import Conflict, NotFound
from hub.core.ids import ContractId
from hub.core.money import Money
from hub.infra import audit
from hub.infra.database import Tx
from hub.leasing.instalments.night import close_day
from hub.leasing.instalments.rules import OWED
from hub.leasing.instalments.waterfall import allocate
from hub.leasing.payments import service as payments
from hub.leasing.payments.rules import PayoutPurpose, PayoutSucceeded
from hub.leasing.receipts import service as receipts
from hub.leasing.servicing import service as servicing
from hub.leasing.servicing.rules import AccountState, AccountView
from hub.leasing.suspense.records import RefundRecord
from hub.leasing.suspense.rules import RefundState, RefundView, SuspenseView
from hub.ledger import postings
from hub.ledger import service as ledger


async def get_suspense(tx: Tx, contract_id: ContractId) -> SuspenseView:
    """What waits in suspense, what it would pay today if it were applied, and what is given back; nothing moves."""
    account = await servicing.get_account(tx, contract_id)
    there = await receipts.waiting(tx, contract_id)
    total = Money.total(one.money for one in there)
    rents = account.instalments if account.state is AccountState.ACTIVE else ()
    today = [close_day(one, account.penalty_terms, tx.today, may_charge=False).instalment for one in rents]
    owed = [one for one in today if one.state in OWED]
    would_pay, would_remain = allocate(total, owed, account.allocation_order)
    return SuspenseView(
        contract_id=contract_id,
        waiting=total,
        receipts=tuple(there),
        would_pay=would_pay,
        would_remain=would_remain,
        refunds=tuple(await _refunds_of(tx, contract_id)),
    )


async def apply_suspense(tx: Tx, *, contract_id: ContractId, amount: Money) -> SuspenseView:
    """Let so much of what waits pay what is owed today; raises as `servicing.apply_suspense` does."""
    await servicing.apply_suspense(tx, contract_id=contract_id, amount=amount)
    return await get_suspense(tx, contract_id)


async def refund_suspense(tx: Tx, *, contract_id: ContractId, amount: Money) -> RefundView:
    """Give so much of what waits back to the account that the rent came from.

    Raises InvalidInput for nothing, RuleBroken for more than waits.
    """
    await tx.hold(contract_id)
    account = await servicing.get_account(tx, contract_id)
    await receipts.take_out(tx, contract_id, amount)
    row = RefundRecord(
        id=tx.new_id(), contract_id=contract_id, amount=amount, state=RefundState.OWED, owed_on=tx.today, paid_on=None
    )
    tx.add(row)
    await tx.flush()
    await ledger.post(
        tx, postings.refund_owed(refund_id=row.id, contract_id=contract_id, value_on=tx.today, amount=amount)
    )
    await _send(tx, row, account)
    await _audit(tx, account, "suspense.refunded", amount=str(amount), refund=str(row.id))
    return _view(row)


async def send_refund_again(tx: Tx, *, contract_id: ContractId, refund_id: UUID) -> RefundView:
    """Ask for the payout of a refund once more, after it was refused.

    Raises NotFound for a refund of another lease, Conflict when it is paid or its payout is under way.
    """
    await tx.hold(contract_id)
    account = await servicing.get_account(tx, contract_id)
    row = await tx.get(RefundRecord, refund_id, with_for_update=True, populate_existing=True)
    if row is None or row.contract_id != contract_id:
        raise NotFound("refund", refund_id)
    if row.state == RefundState.PAID:
        raise Conflict("refund_paid")
    await _send(tx, row, account)
    await _audit(tx, account, "refund.sent_again", refund=str(refund_id))
    return _view(row)


async def _send(tx: Tx, row: RefundRecord, account: AccountView) -> None:
    await payments.request_payout(
        tx,
        contract_id=account.contract_id,
        branch_id=account.branch_id,
        bank_account_id=account.bank_account_id,
        purpose=PayoutPurpose.REFUND,
        subject_id=row.id,
        money=row.amount,
    )


async def record_refund_paid(tx: Tx, fact: PayoutSucceeded) -> None:
    """A refund has reached the lessee."""
    assert fact.contract_id is not None, "a refund is a lease's"
    await tx.hold(fact.contract_id)
    row = await tx.get_one(RefundRecord, fact.subject_id, with_for_update=True, populate_existing=True)
    if row.state == RefundState.PAID:
        return
    row.state, row.paid_on = RefundState.PAID, fact.settled_on
    await ledger.post(
        tx,
        postings.refund_paid(
            refund_id=row.id,
            contract_id=fact.contract_id,
            value_on=fact.settled_on,
            instance=fact.instance,
            amount=fact.money,
        ),
    )


async def _refunds_of(tx: Tx, contract_id: ContractId) -> list[RefundView]:
    rows = select(RefundRecord).where(RefundRecord.contract_id == contract_id).order_by(RefundRecord.id.desc())
    return [_view(row) for row in await tx.scalars(rows)]


async def _audit(tx: Tx, account: AccountView, action: str, **detail: str) -> None:
    await audit.record(
        tx,
        action=action,
        subject="contract",
        subject_id=account.contract_id,
        detail=detail,
        branch_id=account.branch_id,
    )


def _view(row: RefundRecord) -> RefundView:
    return RefundView(
        id=row.id,
        contract_id=ContractId(row.contract_id),
        money=row.amount,
        state=RefundState(row.state),
        owed_on=row.owed_on,
        paid_on=row.paid_on,
    )
