"""Money that waits in suspense: previewed, applied, given back, never more than there is; the books balance after each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from hub.core.errors import Conflict, InvalidInput, NotFound, RuleBroken
from hub.core.ids import ContractId
from hub.core.money import Money
from hub.core.ports.payments import RejectionAdvice
from hub.infra.access import Actor
from hub.leasing.instalments.rules import InstalmentState
from hub.leasing.payments.rules import PayoutPurpose, PayoutSucceeded
from hub.leasing.servicing.rules import AccountSettled, AccountState, RentPaid
from hub.leasing.settlements import service as settlements
from hub.leasing.suspense import service
from hub.leasing.suspense.rules import RefundState, RefundView, SuspenseView
from hub.leasing.warnings.rules import WarningKind
from hub.ledger import service as ledger
from hub.ledger.chart import Account
from tests.integrations.fakes import Step
from tests.leasing.running import PENDING, House, Lease, refused, settled, taken

DAY = timedelta(days=1)
NO_MORE = refused(RejectionAdvice.DO_NOT_RETRY)
ALL = Money.of("9018.15")  # one rent
A_DAY = Money.of("4.51")  # its penalty


@pytest.fixture(autouse=True)
async def books_balance(house: House) -> AsyncIterator[None]:
    yield
    for lease in house.leases:
        await lease.check()


async def overpaid(house: House, *later: Step, term: int = 12) -> Lease:
    """A lease whose first rent was paid twice: a refused debit was settled after all, as was its second try."""
    lease = await house.begin(term=term)
    house.bank.steps["payments_collect"] = [refused(), PENDING, *(later or [NO_MORE])]
    await house.live_until(await lease.due_on(1) + DAY)
    for debit in await lease.charges():
        await house.news(debit, taken(debit.money))
    return lease


async def behind(house: House, *, days: int = 0, term: int = 12) -> Lease:
    """Such a lease, whose second rent is not paid."""
    lease = await overpaid(house, term=term)
    await house.live_until(await lease.due_on(2) + days * DAY)
    return lease


async def seen(lease: Lease, actor: Actor | None = None) -> SuspenseView:
    async with lease.house.database.transaction(actor or lease.house.seller) as tx:
        return await service.get_suspense(tx, lease.contract_id)


async def apply(lease: Lease, amount: Money, actor: Actor | None = None) -> SuspenseView:
    async with lease.house.database.transaction(actor or lease.house.seller) as tx:
        return await service.apply_suspense(tx, contract_id=lease.contract_id, amount=amount)


async def give_back(lease: Lease, amount: Money, actor: Actor | None = None) -> RefundView:
    async with lease.house.database.transaction(actor or lease.house.seller) as tx:
        return await service.refund_suspense(tx, contract_id=lease.contract_id, amount=amount)


async def send_again(lease: Lease, refund_id: UUID, actor: Actor | None = None) -> RefundView:
    async with lease.house.database.transaction(actor or lease.house.seller) as tx:
        return await service.send_refund_again(tx, contract_id=lease.contract_id, refund_id=refund_id)


async def balance(lease: Lease, account: Account) -> Money:
    async with lease.house.database.transaction(lease.house.system) as tx:
        return await ledger.balance(tx, account, contract_id=lease.contract_id)


async def audited(lease: Lease) -> list[str]:
    query = sa.text("select action from audit_entry where action ~ 'suspense|refund' order by id")
    async with lease.house.database.transaction(lease.house.system) as tx:
        return list(await tx.scalars(query))


async def raises(code: str, done: Awaitable[object]) -> None:
    with pytest.raises(RuleBroken, match=code):
        await done


# Looking


async def test_the_preview_says_what_waits_and_moves_nothing(house: House) -> None:
    lease = await overpaid(house)
    before = await lease.account()
    view = await seen(lease)
    assert (view.waiting, view.would_pay, view.would_remain) == (ALL, (), ALL)
    assert [(one.money, one.received_on) for one in view.receipts] == [(ALL, house.today)]
    assert await lease.account() == before


async def test_the_preview_is_what_is_applied(house: House) -> None:
    lease = await overpaid(house)
    await house.go_to(await lease.due_on(2) + 9 * DAY)  # no night has run: the preview closes the day for itself
    view = await seen(lease)
    assert view.would_remain == Money.zero()
    assert (await lease.account()).instalments[1].state is InstalmentState.SCHEDULED
    await apply(lease, view.waiting)
    second = (await lease.account()).instalments[1]
    assert second.paid_penalty.minor > 0
    paid = {"penalty": second.paid_penalty, "interest": second.paid_interest, "principal": second.paid_principal}
    assert {one.part.value: one.money for one in view.would_pay} == paid


# Applied


async def test_what_waits_pays_the_oldest_rent(house: House) -> None:
    lease = await behind(house)
    assert (await lease.account()).instalments[1].state is InstalmentState.DUE
    after = await apply(lease, ALL)
    assert (after.waiting, after.receipts, after.would_pay) == (Money.zero(), (), ())
    assert (await lease.account()).instalments[1].state is InstalmentState.PAID
    assert [(fact.number, fact.paid_on) for fact in house.told(RentPaid)][-1] == (2, house.today)
    assert await audited(lease) == ["suspense.applied"]


async def test_a_part_of_it_leaves_the_rest_of_both_and_plans_no_debit(house: House) -> None:
    lease = await behind(house)
    after = await apply(lease, Money.of("100.00"))
    assert after.waiting == ALL - Money.of("100.00")
    second = (await lease.account()).instalments[1]
    assert (second.left, second.charge_on) == (second.rent - Money.of("100.00"), None)
    await apply(lease, Money.of("50.00"))  # the same receipt pays the same part once more
    assert (await lease.account()).instalments[1].left == second.left - Money.of("50.00")


async def test_penalties_of_days_before_stand_and_later_days_bear_less(house: House) -> None:
    lease = await behind(house, days=9)
    assert (await lease.account()).instalments[1].penalty == A_DAY.times(6)
    await apply(lease, ALL)  # today's penalty included
    second = (await lease.account()).instalments[1]
    assert (second.penalty, second.paid_penalty, second.left) == (A_DAY.times(7), A_DAY.times(7), A_DAY.times(7))
    await house.live_until(house.today + 3 * DAY)
    assert Money.zero() < (await lease.account()).instalments[1].penalty - second.penalty < Money.of("0.10")


async def test_a_planned_debit_asks_only_for_what_is_left(house: House) -> None:
    lease = await overpaid(house, refused(), settled())
    await house.live_until(await lease.due_on(2))
    await apply(lease, Money.of("1000.00"))
    await house.live_until(house.today)
    second = (await lease.account()).instalments[1]
    assert (await lease.charges())[-1].money == second.rent - Money.of("1000.00")
    assert second.state is InstalmentState.PAID


async def test_the_last_rent_paid_so_ends_the_lease(house: House) -> None:
    lease = await behind(house, term=2)
    view = await seen(lease)
    await apply(lease, Money.total(one.money for one in view.would_pay))
    assert (await lease.account()).state is AccountState.SETTLED
    assert [fact.settled_on for fact in house.told(AccountSettled)] == [house.today]
    await house.perform()
    assert [sent.request.purpose for sent in house.bank.of("payments_payout")] == [PayoutPurpose.DEPOSIT_RETURN]


async def test_never_more_than_waits_or_is_owed(house: House) -> None:
    lease = await overpaid(house)
    await raises("more_than_owed", apply(lease, Money(1)))
    await house.live_until(await lease.due_on(2))
    for nothing in (Money.zero(), Money(-1)):
        with pytest.raises(InvalidInput, match="amount"):
            await apply(lease, nothing)
        with pytest.raises(InvalidInput, match="amount"):
            await give_back(lease, nothing)
    await raises("more_than_waits", apply(lease, ALL + Money(1)))
    await raises("more_than_waits", give_back(lease, ALL + Money(1)))
    assert (await seen(lease)).waiting == ALL
    assert await audited(lease) == []


async def test_not_while_a_debit_may_pay_the_same_rent(house: House) -> None:
    lease = await overpaid(house, PENDING)
    await house.live_until(await lease.due_on(2))
    await raises("charge_under_way", apply(lease, ALL))
    debit = (await lease.charges())[-1]
    await house.news(debit, taken(debit.money + Money(1)))
    await raises("money_in_doubt", apply(lease, ALL))
    assert (await give_back(lease, Money(1))).money == Money(1)  # that it waits is certain


async def test_not_while_an_early_settlement_is_paid(house: House) -> None:
    lease = await overpaid(house, PENDING)
    async with house.database.transaction(house.seller) as tx:
        quoted = await settlements.quote_payoff(tx, contract_id=lease.contract_id)
        await settlements.accept_payoff(tx, contract_id=lease.contract_id, payoff_id=quoted.id)
    assert (await seen(lease)).would_pay == ()
    await raises("account_not_active", apply(lease, ALL))


# Given back


async def test_a_refund_is_owed_and_then_paid(house: House) -> None:
    lease = await overpaid(house)
    owed = await give_back(lease, ALL)
    assert (owed.state, owed.owed_on, owed.paid_on) == (RefundState.OWED, house.today, None)
    assert await balance(lease, Account.REFUNDS_PAYABLE) == -ALL
    await house.perform()
    [sent] = house.bank.of("payments_payout")
    assert (sent.request.money, sent.request.purpose) == (ALL, PayoutPurpose.REFUND)
    view = await seen(lease)
    assert (view.waiting, [(one.state, one.paid_on) for one in view.refunds]) == (
        Money.zero(),
        [(RefundState.PAID, house.today)],
    )
    assert await balance(lease, Account.REFUNDS_PAYABLE) == Money.zero()
    with pytest.raises(Conflict, match="refund_paid"):
        await send_again(lease, owed.id)
    assert await audited(lease) == ["suspense.refunded"]


async def test_a_refused_refund_stays_owed_and_is_asked_for_again(house: House) -> None:
    house.bank.steps["payments_payout"] = [refused(), PENDING]
    lease = await overpaid(house)
    refund = await give_back(lease, Money.of("500.00"))
    await house.perform()
    assert WarningKind.PAYOUT_REJECTED in await lease.warnings()
    assert [one.state for one in (await seen(lease)).refunds] == [RefundState.OWED]
    assert (await seen(lease)).waiting == ALL - Money.of("500.00")
    await send_again(lease, refund.id)
    await house.perform()
    with pytest.raises(Conflict, match="payout_under_way"):
        await send_again(lease, refund.id)
    assert len(house.bank.of("payments_payout")) == 2


async def test_what_is_told_twice_is_booked_once(house: House) -> None:
    lease = await overpaid(house)
    await give_back(lease, ALL)
    await house.perform()
    async with house.database.transaction(house.system) as tx:
        for fact in house.told(PayoutSucceeded):
            tx.emit(fact)
    assert await balance(lease, Account.REFUNDS_PAYABLE) == Money.zero()


async def test_two_people_at_once_use_it_once(house: House) -> None:
    lease = await behind(house)
    done = await asyncio.gather(apply(lease, ALL), give_back(lease, ALL), give_back(lease, ALL), return_exceptions=True)
    assert [type(one) for one in done].count(RuleBroken) == 2
    assert (await seen(lease)).waiting == Money.zero()


async def test_money_that_waits_when_a_lease_is_settled_can_go_back(house: House) -> None:
    lease = await overpaid(house, settled(), term=2)
    await house.live_until(await lease.due_on(2))
    assert (await lease.account()).state is AccountState.SETTLED
    await raises("account_not_active", apply(lease, ALL))
    refund = await give_back(lease, (await seen(lease)).waiting)
    await house.perform()
    assert [one.id for one in (await seen(lease)).refunds if one.state is RefundState.PAID] == [refund.id]


@pytest.mark.parametrize("left", ["-0.01", "amount + 0.01"])
async def test_the_database_lets_nothing_wait_that_is_not_there(house: House, left: str) -> None:
    await overpaid(house)
    with pytest.raises(sa.exc.IntegrityError, match="ck_receipt_suspense"):
        async with house.database.transaction(house.system) as tx:
            await tx.execute(sa.text(f"update receipt set suspense_amount = {left}"))


async def test_nobody_outside_the_branch_sees_or_uses_it(house: House, outsider: Actor) -> None:
    lease = await overpaid(house)
    refund = await give_back(lease, Money(1))
    for asked in (
        seen(lease, outsider),
        apply(lease, Money(1), outsider),
        give_back(lease, Money(1), outsider),
        send_again(lease, refund.id, outsider),
    ):
        with pytest.raises(NotFound):
            await asked


async def test_a_refund_of_another_lease_is_not_there(house: House) -> None:
    lease = await overpaid(house)
    with pytest.raises(NotFound, match="refund"):
        await send_again(lease, UUID(int=7))
    other = Lease(house=house, contract_id=ContractId(UUID(int=7)))
    with pytest.raises(NotFound, match="lease_account"):
        await seen(other)
