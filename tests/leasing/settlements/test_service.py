"""Early settlement from the quote to the title, and the deposit's way back; after every test the books balance."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from hub.core.errors import Conflict, InvalidInput, NotFound, RuleBroken, UnknownOutcome
from hub.core.money import Money
from hub.core.ports.payments import RejectionAdvice
from hub.infra.access import Actor
from hub.leasing.contracts import service as contracts
from hub.leasing.contracts.rules import ContractState
from hub.leasing.instalments.rules import InstalmentState
from hub.leasing.payments.rules import PayoutRejected
from hub.leasing.products.rules import EarlySettlementRule, InterestUntil
from hub.leasing.servicing.rules import AccountSettled, AccountState, MoneyUnallocated, RentOverdue
from hub.leasing.settlements import service
from hub.leasing.settlements.rules import DepositReturned, PayoffState, PayoffView
from hub.ledger import service as ledger
from hub.ledger.chart import Account
from tests.leasing.running import PENDING, TERMS, House, Lease, refused, settled, taken

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
async def books_balance(house: House) -> AsyncIterator[None]:
    yield
    for lease in house.leases:
        await lease.check()


async def quote(lease: Lease, as_of_on: date | None = None) -> PayoffView:
    async with lease.house.database.transaction(lease.house.seller) as tx:
        return await service.quote_payoff(tx, contract_id=lease.contract_id, as_of_on=as_of_on)


async def accept(lease: Lease, quoted: PayoffView) -> PayoffView:
    async with lease.house.database.transaction(lease.house.seller) as tx:
        return await service.accept_payoff(tx, contract_id=lease.contract_id, payoff_id=quoted.id)


async def state_of(lease: Lease, payoff_id: UUID) -> PayoffState:
    async with lease.house.database.transaction(lease.house.seller) as tx:
        found = {one.id: one.state for one in await service.payoffs_of(tx, lease.contract_id)}
    return found[payoff_id]


async def balance(lease: Lease, account: Account) -> Money:
    async with lease.house.database.transaction(lease.house.system) as tx:
        return await ledger.balance(tx, account, contract_id=lease.contract_id)


# From quote to title


async def test_a_lease_is_settled_early_end_to_end(lease: Lease) -> None:
    house = lease.house
    await house.live_until(await lease.due_on(2))
    await house.go_to(await lease.due_on(2) + 10 * DAY)
    quoted = await quote(lease)
    remaining = Money.total(one.principal for one in (await lease.account()).instalments[2:])
    assert (quoted.arrears, quoted.penalty, quoted.principal) == (Money.zero(), Money.zero(), remaining)
    third = (await lease.account()).instalments[2]
    days = ((third.due_on - await lease.due_on(2)).days, 10)
    assert quoted.interest == Money(round(third.interest.minor * days[1] / days[0]))
    assert (quoted.state, quoted.valid_until_on) == (PayoffState.OFFERED, house.today + 3 * DAY)
    assert (await lease.account()).state is AccountState.ACTIVE
    await accept(lease, quoted)
    assert (await lease.account()).state is AccountState.SETTLING
    await house.perform()
    account = await lease.account()
    assert account.state is AccountState.SETTLED
    assert [one.state for one in account.instalments[2:]] == [InstalmentState.CANCELLED] * 10
    assert await state_of(lease, quoted.id) is PayoffState.PAID
    [told] = house.told(AccountSettled)
    assert told.early
    assert await balance(lease, Account.SETTLEMENT_FEE_INCOME) == -quoted.fee
    for empty in (Account.LEASE_PRINCIPAL, Account.RENT_RECEIVABLE, Account.UNALLOCATED_RECEIPTS):
        assert await balance(lease, empty) == Money.zero()
    await house.perform()
    assert [fact.money for fact in house.told(DepositReturned)] == [Money.of("6000.00")]
    async with house.database.transaction(house.system) as tx:
        assert (await contracts.view(tx, lease.contract_id)).state is ContractState.CLOSED


async def test_arrears_and_their_penalty_are_part_of_it(lease: Lease) -> None:
    house = lease.house
    house.bank.steps["payments_collect"] = [refused(RejectionAdvice.DO_NOT_RETRY), settled()]
    await house.live_until(await lease.due_on(1))
    await house.go_to(await lease.due_on(1) + 8 * DAY)  # its nights have not run: the quote closes the days for itself
    quoted = await quote(lease)
    assert (quoted.arrears, quoted.penalty) == (Money.of("9018.15"), Money(451 * 5))
    assert (await lease.account()).instalments[0].penalty == Money.zero()
    await accept(lease, quoted)
    await house.perform()
    account = await lease.account()
    assert account.state is AccountState.SETTLED
    assert account.instalments[0].state is InstalmentState.PAID
    assert account.instalments[0].paid_penalty == quoted.penalty


async def test_penalties_between_the_quote_and_its_acceptance_are_given_up(lease: Lease) -> None:
    house = lease.house
    house.bank.steps["payments_collect"] = [refused(RejectionAdvice.DO_NOT_RETRY), settled()]
    await house.live_until(await lease.due_on(1) + 8 * DAY)
    quoted = await quote(lease)
    await house.live_until(house.today + 2 * DAY)
    await accept(lease, quoted)
    await house.perform()
    assert (await lease.account()).state is AccountState.SETTLED
    assert (await lease.account()).instalments[0].penalty == quoted.penalty
    assert not house.told(MoneyUnallocated)


async def test_nothing_falls_due_while_the_money_is_awaited(lease: Lease) -> None:
    house, second_on = lease.house, await lease.due_on(2)
    await house.live_until(await lease.due_on(1))
    await house.go_to(second_on - 2 * DAY)
    quoted = await quote(lease)
    assert quoted.valid_until_on == second_on - DAY
    house.bank.steps["payments_collect"] = [PENDING]
    await accept(lease, quoted)
    await house.perform()
    await house.live_until(second_on + 2 * DAY)
    assert (await lease.states())[1] is InstalmentState.SCHEDULED
    await house.news((await lease.charges())[-1], taken(quoted.total))
    assert (await lease.account()).state is AccountState.SETTLED
    assert not house.told(RentOverdue)
    assert not house.told(MoneyUnallocated)


async def test_interest_to_the_end_of_the_period_where_the_product_says_so(house: House) -> None:
    house.terms = replace(TERMS, early_settlement=EarlySettlementRule(interest_until=InterestUntil.PERIOD_END))
    lease = await house.begin()
    await house.live_until(await lease.due_on(1) + DAY)
    quoted = await quote(lease)
    assert (quoted.interest, quoted.fee) == ((await lease.account()).instalments[1].interest, Money.zero())
    await accept(lease, quoted)
    await house.perform()
    assert (await lease.account()).state is AccountState.SETTLED


# When it does not come about


async def test_a_refused_settlement_lets_the_lease_go_on_and_makes_good_the_days(lease: Lease) -> None:
    house, second_on = lease.house, await lease.due_on(2)
    await house.live_until(await lease.due_on(1))
    await house.go_to(second_on - DAY)
    quoted = await quote(lease)
    house.bank.steps["payments_collect"] = [PENDING]
    await accept(lease, quoted)
    await house.perform()
    await house.go_to(second_on + 5 * DAY)
    assert await house.night() == 0
    await house.news((await lease.charges())[-1], refused())
    assert await state_of(lease, quoted.id) is PayoffState.REFUSED
    account = await lease.account()
    assert (account.state, account.instalments[1].state) == (AccountState.ACTIVE, InstalmentState.SCHEDULED)
    house.bank.steps["payments_collect"] = [refused(RejectionAdvice.DO_NOT_RETRY)]
    assert await house.night() == 1
    assert (await lease.account()).instalments[1].penalty == Money(451 * 2)


async def test_a_settlement_that_was_refused_and_is_paid_after_all_is_money_like_any_other(lease: Lease) -> None:
    house = lease.house
    await house.live_until(await lease.due_on(1) + DAY)
    quoted = await quote(lease)
    house.bank.steps["payments_collect"] = [refused()]
    await accept(lease, quoted)
    await house.perform()
    charge = (await lease.charges())[-1]
    await house.news(charge, taken(quoted.total))
    assert (await lease.account()).state is AccountState.ACTIVE
    assert [fact.money for fact in house.told(MoneyUnallocated)] == [quoted.total]
    assert await state_of(lease, quoted.id) is PayoffState.REFUSED


async def test_a_settlement_in_doubt_waits_until_it_is_known(lease: Lease) -> None:
    house = lease.house
    await house.live_until(await lease.due_on(1) + DAY)
    quoted = await quote(lease)
    house.bank.steps["payments_collect"] = [UnknownOutcome("reset")]
    await accept(lease, quoted)
    await house.perform()
    account = await lease.account()
    assert (account.state, account.in_doubt) == (AccountState.SETTLING, True)
    with pytest.raises(RuleBroken, match="account_not_active"):
        await quote(lease)
    await house.news((await lease.charges())[-1], taken(quoted.total))
    assert (await lease.account()).state is AccountState.SETTLED


async def test_late_rent_that_comes_while_settling_leaves_its_share_over(lease: Lease) -> None:
    house = lease.house
    house.bank.steps["payments_collect"] = [refused(RejectionAdvice.DO_NOT_RETRY), PENDING]
    await house.live_until(await lease.due_on(1) + DAY)
    rent = (await lease.charges())[0]
    quoted = await quote(lease)
    await accept(lease, quoted)
    await house.perform()
    await house.news(rent, taken(rent.money))
    assert (await lease.account()).state is AccountState.SETTLING
    await house.news((await lease.charges())[-1], taken(quoted.total))
    assert (await lease.account()).state is AccountState.SETTLED
    assert [fact.money for fact in house.told(MoneyUnallocated)] == [rent.money]


# What may be quoted and taken


async def test_a_quote_lasts_three_days(lease: Lease) -> None:
    await lease.house.live_until(await lease.due_on(1) + DAY)
    quoted = await quote(lease)
    await lease.house.go_to(quoted.valid_until_on + DAY)
    with pytest.raises(RuleBroken, match="payoff_not_valid_today"):
        await accept(lease, quoted)
    coming = await quote(lease, lease.house.today + 2 * DAY)
    with pytest.raises(RuleBroken, match="payoff_not_valid_today"):
        await accept(lease, coming)
    for never in (lease.house.today - DAY, date.max):
        with pytest.raises(InvalidInput, match="as_of_on"):
            await quote(lease, never)


async def test_a_quote_is_taken_once_and_one_at_a_time(lease: Lease) -> None:
    await lease.house.live_until(await lease.due_on(1) + DAY)
    first, second = await quote(lease), await quote(lease)
    await accept(lease, first)
    with pytest.raises(Conflict):
        await accept(lease, first)
    with pytest.raises(RuleBroken, match="account_not_active"):
        await accept(lease, second)


async def test_a_quote_is_outdated_once_arrears_were_paid(lease: Lease) -> None:
    house = lease.house
    house.bank.steps["payments_collect"] = [refused(RejectionAdvice.DO_NOT_RETRY), settled()]
    await house.live_until(await lease.due_on(1) + DAY)
    quoted = await quote(lease)
    charge = (await lease.charges())[0]
    await house.news(charge, taken(charge.money, await lease.due_on(1)))
    with pytest.raises(RuleBroken, match="payoff_outdated"):
        await accept(lease, quoted)
    assert (await lease.account()).state is AccountState.ACTIVE


async def test_not_while_a_debit_is_under_way_or_in_doubt(lease: Lease) -> None:
    house = lease.house
    house.bank.steps["payments_collect"] = [PENDING]
    await house.live_until(await lease.due_on(1))
    quoted = await quote(lease)
    with pytest.raises(RuleBroken, match="charge_under_way"):
        await accept(lease, quoted)
    await house.news((await lease.charges())[0], taken(Money.of("1.00")))  # another amount
    with pytest.raises(RuleBroken, match="money_in_doubt"):
        await accept(lease, quoted)


async def test_a_quote_says_whether_money_was_in_doubt_when_it_was_asked_for(lease: Lease) -> None:
    house = lease.house
    house.bank.steps["payments_collect"] = [PENDING]
    await house.live_until(await lease.due_on(1))
    certain = await quote(lease)
    [debit] = await lease.charges()
    await house.news(debit, taken(debit.money + Money.of("1.00")))
    doubtful = await quote(lease)
    await house.news(debit, taken(debit.money))
    again = await quote(lease)
    assert [one.in_doubt for one in (certain, doubtful, again)] == [False, True, False]
    assert again.total == doubtful.total - debit.money
    async with house.database.transaction(house.seller) as tx:
        listed = [one.in_doubt for one in await service.payoffs_of(tx, lease.contract_id)]
    assert listed == [False, True, False]


async def test_the_lock_in_of_the_product_holds(house: House) -> None:
    house.terms = replace(TERMS, early_settlement=EarlySettlementRule(lock_in_months=3))
    lease = await house.begin()
    await house.live_until(await lease.due_on(1))
    with pytest.raises(RuleBroken, match="payoff_locked_in"):
        await quote(lease)
    assert (await quote(lease, await lease.due_on(3))).principal


async def test_nobody_outside_the_branch_quotes_or_takes(lease: Lease, outsider: Actor) -> None:
    await lease.house.live_until(await lease.due_on(1) + DAY)
    quoted = await quote(lease)
    async with lease.house.database.transaction(outsider) as tx:
        with pytest.raises(NotFound):
            await service.quote_payoff(tx, contract_id=lease.contract_id)
        with pytest.raises(NotFound):
            await service.accept_payoff(tx, contract_id=lease.contract_id, payoff_id=quoted.id)
    async with lease.house.database.transaction(lease.house.seller) as tx:
        with pytest.raises(NotFound):
            await service.accept_payoff(tx, contract_id=lease.contract_id, payoff_id=uuid4())


# The deposit


async def test_without_a_deposit_there_is_nothing_to_send(house: House) -> None:
    lease = await house.begin(deposit="0.00", term=2)
    await house.live_until(await lease.due_on(2))
    assert [fact.money for fact in house.told(DepositReturned)] == [Money.zero()]
    assert not house.bank.of("payments_payout")


async def test_a_deposit_that_did_not_arrive_is_sent_again_by_a_person(house: House) -> None:
    lease = await house.begin(term=2)
    house.bank.steps["payments_payout"] = [refused(), settled()]
    await house.live_until(await lease.due_on(2))
    assert len(house.told(PayoutRejected)) == 1
    assert await balance(lease, Account.SECURITY_DEPOSITS) == -Money.of("6000.00")
    async with house.database.transaction(house.seller) as tx:
        await service.return_deposit_again(tx, lease.contract_id)
    await house.perform()
    assert len(house.told(DepositReturned)) == 1
    assert await balance(lease, Account.SECURITY_DEPOSITS) == Money.zero()
    with pytest.raises(Conflict):
        async with house.database.transaction(house.seller) as tx:
            await service.return_deposit_again(tx, lease.contract_id)


async def test_a_running_lease_keeps_its_deposit(lease: Lease) -> None:
    with pytest.raises(RuleBroken, match="no_deposit_to_return"):
        async with lease.house.database.transaction(lease.house.seller) as tx:
            await service.return_deposit_again(tx, lease.contract_id)
