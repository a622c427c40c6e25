"""Accounts from their opening to the last rent, night by night; after every test the books balance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from hub.core.errors import InvalidInput, NotFound, RuleBroken, UnknownOutcome
from hub.core.money import Money
from hub.core.ports.payments import RejectionAdvice
from hub.infra.access import Actor
from hub.leasing.contracts import service as contracts
from hub.leasing.contracts.rules import ContractState
from hub.leasing.instalments.rules import Instalment, InstalmentState
from hub.leasing.mandates import service as mandates
from hub.leasing.mandates.rules import MandateActivated
from hub.leasing.payments.rules import MovementState
from hub.leasing.products.rules import Allocation, Method, PenaltyRule
from hub.leasing.servicing import service
from hub.leasing.servicing.rules import (
    AccountSettled,
    AccountState,
    MoneyUnallocated,
    RentOverdue,
    RentPaid,
    RentUncollectable,
)
from hub.ledger import service as ledger
from hub.ledger.chart import Account
from tests.leasing.running import PENDING, TERMS, House, Lease, refused, settled, taken

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
async def books_balance(house: House) -> AsyncIterator[None]:
    yield
    for lease in house.leases:
        await lease.check()


async def rent(lease: Lease, number: int = 1) -> Instalment:
    return (await lease.account()).instalments[number - 1]


# Opening


async def test_an_account_opens_with_its_schedule_and_its_first_entry(lease: Lease) -> None:
    account = await lease.account()
    assert (account.state, account.opened_on, len(account.instalments)) == (AccountState.ACTIVE, lease.house.today, 12)
    assert {one.state for one in account.instalments} == {InstalmentState.SCHEDULED}
    assert account.penalty_terms.grace_days == TERMS.penalty.grace_days
    async with lease.house.database.transaction(lease.house.system) as tx:
        assert await ledger.balance(tx, Account.LEASE_PRINCIPAL) == Money.of("101500.00")
        assert await ledger.balance(tx, Account.CUSTOMER_PREPAYMENTS) == Money.zero()
        assert await ledger.balance(tx, Account.DISPOSAL_RESULT) == -Money.of("10000.00")


async def test_nobody_outside_the_branch_sees_or_moves_an_account(lease: Lease, outsider: Actor) -> None:
    async with lease.house.database.transaction(outsider) as tx:
        with pytest.raises(NotFound):
            await service.get_account(tx, lease.contract_id)
        with pytest.raises(NotFound):
            await service.charge_again(tx, contract_id=lease.contract_id, on=tx.today)


# The night


async def test_a_rent_is_due_debited_and_paid_on_its_day(lease: Lease) -> None:
    due_on = await lease.due_on(1)
    await lease.house.live_until(due_on - DAY)
    assert (await rent(lease)).state is InstalmentState.SCHEDULED
    await lease.house.live_until(due_on)
    one = await rent(lease)
    assert (one.state, one.attempts) == (InstalmentState.PAID, 1)
    [told] = lease.house.told(RentPaid)
    assert (told.number, told.paid_on, told.arrears_left) == (1, due_on, Money.zero())
    assert not lease.house.told(RentOverdue)
    [sent] = lease.house.bank.of("payments_collect")
    assert (sent.request.money, sent.request.due_on) == (one.rent, due_on)


async def test_the_same_night_twice_changes_nothing(lease: Lease) -> None:
    await lease.house.go_to(await lease.due_on(1) + 9 * DAY)
    assert await lease.house.night() == 1
    before = await lease.account()
    assert await lease.house.night() == 0
    async with lease.house.database.transaction(lease.house.system) as tx:
        await service.charge_again(tx, contract_id=lease.contract_id, on=tx.today)
    assert await lease.house.night() == 1
    after = await lease.account()
    assert [replace(one, charge_on=None) for one in after.instalments] == [
        replace(one, charge_on=None) for one in before.instalments
    ]
    assert len(await lease.charges()) == 1
    assert len(lease.house.told(RentOverdue)) == 1


async def test_two_nights_at_once_close_an_account_once(lease: Lease) -> None:
    await lease.house.go_to(await lease.due_on(1) + 6 * DAY)
    done = await asyncio.gather(*(service.close_due_accounts(lease.house.database) for _ in range(4)))
    assert sum(done) == 1
    assert len(lease.house.told(RentOverdue)) == 1
    assert (await rent(lease)).penalty == Money.of("13.53")  # three days of 4.51


async def test_an_account_that_somebody_holds_is_left_for_later(lease: Lease) -> None:
    await lease.house.go_to(await lease.due_on(1))
    async with lease.house.database.transaction(lease.house.system) as tx:
        await tx.hold(lease.contract_id)
        assert await service.close_due_accounts(lease.house.database) == 0
    assert await service.close_due_accounts(lease.house.database) == 1


async def test_missed_nights_are_made_good_in_one(lease: Lease) -> None:
    lease.house.bank.steps["payments_collect"] = [refused(RejectionAdvice.DO_NOT_RETRY)]
    await lease.house.go_to(await lease.due_on(3) + 10 * DAY)
    await lease.house.night()
    account = await lease.account()
    assert [one.state for one in account.instalments[:4]] == [InstalmentState.OVERDUE] * 3 + [InstalmentState.SCHEDULED]
    assert [fact.number for fact in lease.house.told(RentOverdue)] == [1, 2, 3]
    assert account.days_past_due == (lease.house.today - await lease.due_on(1)).days
    expected = [(account.days_past_due - 3), (lease.house.today - await lease.due_on(2)).days - 3, 7]
    assert [one.penalty for one in account.instalments[:3]] == [Money(451 * days) for days in expected]


async def test_a_refused_debit_is_tried_four_times_more_and_then_a_person_is_told(lease: Lease) -> None:
    lease.house.bank.steps["payments_collect"] = [refused()]
    due_on = await lease.due_on(1)
    await lease.house.live_until(due_on + 25 * DAY)
    days = [charge.due_on for charge in await lease.charges()]
    assert days == [due_on] * 5
    assert (await rent(lease)).attempts == 5
    [told] = lease.house.told(RentUncollectable)
    assert told.code == "insufficient_funds"
    assert len(lease.house.told(RentOverdue)) == 1
    assert await lease.warnings() == ["rent_overdue", "rent_uncollectable"]


async def test_a_bank_that_says_never_again_is_not_asked_again(lease: Lease) -> None:
    lease.house.bank.steps["payments_collect"] = [refused(RejectionAdvice.NEW_MANDATE)]
    await lease.house.live_until(await lease.due_on(1) + 5 * DAY)
    assert len(await lease.charges()) == 1
    assert len(lease.house.told(RentUncollectable)) == 1


async def test_without_an_active_mandate_a_person_is_told_and_a_new_one_debits_what_is_owed(lease: Lease) -> None:
    house = lease.house
    house.bank.steps["payments_collect"] = [refused(RejectionAdvice.NEW_MANDATE), settled()]
    await house.live_until(await lease.due_on(1))
    async with house.database.transaction(house.system) as tx:
        contract = await contracts.view(tx, lease.contract_id)
        mandate_id = await mandates.request_mandate(
            tx,
            contract_id=lease.contract_id,
            branch_id=house.branch,
            party_id=contract.party_id,
            bank_account_id=await lease.bank_account(),
            limit=Money.of("20000.00"),
            contract_number=contract.number,
        )
    await house.perform()
    async with house.database.transaction(house.system) as tx:
        active = await mandates.active_mandate(tx, lease.contract_id)
        assert active is not None
        assert active.id == mandate_id
        await service.record_mandate(tx, MandateActivated(mandate_id=mandate_id, contract_id=lease.contract_id))
    await house.night()
    await house.perform()
    assert (await rent(lease)).state is InstalmentState.PAID


async def test_a_rent_above_the_limit_of_the_mandate_does_not_stop_the_night(lease: Lease) -> None:
    house = lease.house
    async with house.database.transaction(house.system) as tx:
        contract = await contracts.view(tx, lease.contract_id)
        await mandates.request_mandate(
            tx,
            contract_id=lease.contract_id,
            branch_id=house.branch,
            party_id=contract.party_id,
            bank_account_id=await lease.bank_account(),
            limit=Money.of("10.00"),
            contract_number=contract.number,
        )
    await house.perform()
    await house.live_until(await lease.due_on(1))
    assert [fact.code for fact in house.told(RentUncollectable)] == ["over_mandate_limit"]
    assert (await rent(lease)).state is InstalmentState.DUE


async def test_a_debit_that_is_under_way_is_not_made_twice(lease: Lease) -> None:
    house = lease.house
    house.bank.steps["payments_collect"] = [PENDING]
    due_on = await lease.due_on(1)
    await house.live_until(due_on)
    async with house.database.transaction(house.system) as tx:
        await service.charge_again(tx, contract_id=lease.contract_id, on=tx.today)
    await house.live_until(due_on + 3 * DAY)
    [charge] = await lease.charges()
    await house.news(charge, refused())
    assert (await rent(lease)).charge_on == due_on + DAY  # the day that was asked for stays
    house.bank.steps["payments_collect"] = [settled()]
    await house.live_until(house.today)
    assert (await rent(lease)).state is InstalmentState.PAID


async def test_while_money_is_in_doubt_nothing_is_debited(lease: Lease) -> None:
    house = lease.house
    house.bank.steps["payments_collect"] = [UnknownOutcome("read time-out"), settled()]
    await house.live_until(await lease.due_on(2) + DAY)
    account = await lease.account()
    assert account.in_doubt
    assert [one.state for one in account.instalments[:2]] == [InstalmentState.OVERDUE] * 2
    [charge] = await lease.charges()
    assert charge.state is MovementState.UNKNOWN
    await house.news(charge, taken(charge.money, await lease.due_on(1)))
    await house.live_until(house.today)
    assert (await lease.states())[:2] == [InstalmentState.PAID] * 2
    assert (await rent(lease)).penalty == Money.zero()


# Receipts


async def test_a_late_value_date_within_grace_takes_all_penalty_back(lease: Lease) -> None:
    house, due_on = lease.house, await lease.due_on(1)
    house.bank.steps["payments_collect"] = [PENDING]
    await house.live_until(due_on + 8 * DAY)
    assert (await rent(lease)).penalty == Money(451 * 5)
    [charge] = await lease.charges()
    await house.news(charge, taken(charge.money, due_on + 3 * DAY))
    one = await rent(lease)
    assert (one.state, one.penalty, one.paid_penalty) == (InstalmentState.PAID, Money.zero(), Money.zero())
    await lease.check()


async def test_a_late_value_date_after_grace_leaves_the_days_before_it(lease: Lease) -> None:
    house, due_on = lease.house, await lease.due_on(1)
    house.bank.steps["payments_collect"] = [PENDING]
    await house.live_until(due_on + 8 * DAY)
    [charge] = await lease.charges()
    await house.news(charge, taken(charge.money, due_on + 5 * DAY))
    one = await rent(lease)
    # two days of penalty are paid first, so that much of the principal is left and bears less from then on
    assert one.state is InstalmentState.OVERDUE
    assert one.paid_penalty == one.penalty == Money(451 * 2)
    assert one.rent_left == Money(451 * 2)
    assert one.charge_on == house.today + DAY
    house.bank.steps["payments_collect"] = [settled()]
    await house.live_until(house.today + DAY)
    assert (await rent(lease)).state is InstalmentState.PAID


async def test_a_part_payment_goes_on_bearing_penalty_on_the_rest_only(lease: Lease) -> None:
    house, due_on = lease.house, await lease.due_on(1)
    house.bank.steps["payments_collect"] = [PENDING]
    await house.go_to(due_on)
    await house.night()
    await house.perform()
    [first] = await lease.charges()
    await house.go_to(due_on + 13 * DAY)
    await house.night()  # ten days of penalty
    house.bank.steps["payments_collect"] = [refused(RejectionAdvice.DO_NOT_RETRY)]
    await house.news(first, taken(first.money))
    one = await rent(lease)
    assert one.rent_left == Money(4510)
    await house.go_to(due_on + 15 * DAY)
    await house.night()
    assert (await rent(lease)).penalty == Money(4510 + 2 * 2)  # 45.10 a day bears 0.02
    await house.perform()
    assert len(await lease.charges()) == 2


async def test_money_that_was_refused_and_comes_after_all_pays_once_and_the_second_waits(lease: Lease) -> None:
    house, due_on = lease.house, await lease.due_on(1)
    house.bank.steps["payments_collect"] = [refused(), settled()]
    await house.live_until(due_on + DAY)
    first, second = await lease.charges()
    assert (first.state, second.state) == (MovementState.REJECTED, MovementState.SUCCEEDED)
    await house.news(first, taken(first.money, due_on))
    assert (await lease.states())[:2] == [InstalmentState.PAID, InstalmentState.SCHEDULED]
    async with house.database.transaction(house.system) as tx:
        assert await ledger.balance(tx, Account.UNALLOCATED_RECEIPTS) == -first.money
    assert [(fact.charge_id, fact.money) for fact in house.told(MoneyUnallocated)] == [(first.id, first.money)]


async def test_an_old_value_date_does_not_forget_the_night_of_today(lease: Lease) -> None:
    house = lease.house
    house.bank.steps["payments_collect"] = [PENDING]
    await house.live_until(await lease.due_on(1) + DAY)
    [charge] = await lease.charges()
    second_on = await lease.due_on(2)
    await house.go_to(second_on)  # a month passes; tonight's close has not run when the old news comes
    await house.news(charge, taken(charge.money, await lease.due_on(1)))
    assert (await lease.states())[:2] == [InstalmentState.PAID, InstalmentState.SCHEDULED]
    house.bank.steps["payments_collect"] = [settled()]
    assert await house.night() == 1
    await house.perform()
    assert (await lease.states())[:2] == [InstalmentState.PAID, InstalmentState.PAID]
    assert not [fact for fact in house.told(RentOverdue) if fact.number == 2]


async def test_news_of_today_does_not_swallow_the_night_of_today(lease: Lease) -> None:
    house = lease.house
    house.bank.steps["payments_collect"] = [PENDING]
    await house.live_until(await lease.due_on(1))
    [charge] = await lease.charges()
    await house.go_to(await lease.due_on(2))
    await house.news(charge, taken(charge.money))
    assert (await lease.states())[1] is InstalmentState.DUE  # brought up to the day by the receipt
    assert await house.night() == 1
    assert (await rent(lease, 2)).attempts == 1
    assert not [fact for fact in house.told(RentOverdue) if fact.number == 2]


async def test_news_from_the_future_is_money_of_today(lease: Lease) -> None:
    house, due_on = lease.house, await lease.due_on(1)
    house.bank.steps["payments_collect"] = [settled(due_on + 20 * DAY)]
    await house.live_until(due_on)
    [paid] = house.told(RentPaid)
    assert paid.paid_on == due_on


async def test_the_last_rent_settles_the_lease_and_the_deposit_goes_back(lease: Lease) -> None:
    house = lease.house
    await house.live_until(await lease.due_on(12))
    account = await lease.account()
    assert (account.state, account.settled_on) == (AccountState.SETTLED, await lease.due_on(12))
    assert len(house.told(AccountSettled)) == 1
    [sent] = house.bank.of("payments_payout")
    assert sent.request.money == Money.of("6000.00")
    async with house.database.transaction(house.system) as tx:
        assert (await contracts.view(tx, lease.contract_id)).state is ContractState.CLOSED
        for nothing in (Account.LEASE_PRINCIPAL, Account.RENT_RECEIVABLE, Account.SECURITY_DEPOSITS):
            assert await ledger.balance(tx, nothing) == Money.zero()
    assert await house.night() == 0


async def test_money_for_a_lease_that_is_settled_is_still_written_down(lease: Lease) -> None:
    house = lease.house
    house.bank.steps["payments_collect"] = [refused(), settled()]
    await house.live_until(await lease.due_on(12))
    first = (await lease.charges())[0]
    await house.news(first, taken(first.money))
    async with house.database.transaction(house.system) as tx:
        assert await ledger.balance(tx, Account.UNALLOCATED_RECEIPTS) == -first.money
    assert len(house.told(AccountSettled)) == 1


# What an operator may wish


async def test_what_is_owed_can_be_debited_again_from_today_on(lease: Lease) -> None:
    house, due_on = lease.house, await lease.due_on(1)
    async with house.database.transaction(house.seller) as tx:
        with pytest.raises(RuleBroken, match="nothing_owed"):
            await service.charge_again(tx, contract_id=lease.contract_id, on=tx.today)
    house.bank.steps["payments_collect"] = [refused(RejectionAdvice.DO_NOT_RETRY), settled()]
    await house.live_until(due_on)
    async with house.database.transaction(house.seller) as tx:
        with pytest.raises(InvalidInput):
            await service.charge_again(tx, contract_id=lease.contract_id, on=tx.today - DAY)
        await service.charge_again(tx, contract_id=lease.contract_id, on=tx.today)
    await house.night()
    await house.perform()
    assert (await lease.states())[0] is InstalmentState.PAID


async def test_accounts_are_counted_by_state(lease: Lease) -> None:
    await lease.house.go_to(await lease.due_on(1) + DAY)
    await lease.house.night()
    async with lease.house.database.transaction(lease.house.seller) as tx:
        assert await service.count_by_state(tx) == {"active": 1, "settling": 0, "settled": 0, "overdue": 1}


# Products that differ


async def test_a_product_may_have_the_principal_paid_first(house: House) -> None:
    house.terms = replace(TERMS, allocation=(Allocation.PRINCIPAL, Allocation.INTEREST, Allocation.PENALTY))
    lease = await house.begin()
    due_on = await lease.due_on(1)
    house.bank.steps["payments_collect"] = [PENDING]
    await house.live_until(due_on + 13 * DAY)
    [charge] = await lease.charges()
    await house.news(charge, taken(charge.money))
    one = await rent(lease)
    # the rent is paid, its penalty is not: it stays overdue, bears no more, and the penalty is debited
    assert (one.state, one.rent_left, one.penalty_left) == (InstalmentState.OVERDUE, Money.zero(), Money(451 * 11))
    house.bank.steps["payments_collect"] = [settled()]
    await house.live_until(house.today + DAY)
    one = await rent(lease)
    assert (one.state, one.paid_penalty) == (InstalmentState.PAID, Money(451 * 11))


async def test_a_penalty_stops_at_its_cap(house: House) -> None:
    house.terms = replace(
        TERMS, penalty=PenaltyRule(daily_rate=Decimal("0.0005"), grace_days=0, cap_share=Decimal("0.002"))
    )
    lease = await house.begin()
    house.bank.steps["payments_collect"] = [refused(RejectionAdvice.DO_NOT_RETRY)]
    await house.live_until(await lease.due_on(1) + 20 * DAY)
    assert (await rent(lease)).penalty == Money(1804)  # 0.2 % of 9,018.15


async def test_a_rent_of_nothing_is_paid_from_the_start(house: House) -> None:
    house.terms = replace(TERMS, method=Method.INTEREST_FIRST)
    lease = await house.begin(rate="0", term=3)
    assert await lease.states() == [InstalmentState.PAID, InstalmentState.PAID, InstalmentState.SCHEDULED]
    await house.live_until(await lease.due_on(3))
    assert (await lease.account()).state is AccountState.SETTLED


async def test_rent_in_advance_is_debited_on_the_day_of_commencement(house: House) -> None:
    house.terms = replace(TERMS, in_advance=True)
    lease = await house.begin()
    assert await house.night() == 1
    await house.perform()
    assert (await lease.states())[:2] == [InstalmentState.PAID, InstalmentState.SCHEDULED]


# At the same time


async def test_a_receipt_and_the_night_at_once_come_to_the_same_in_any_order(house: House) -> None:
    lease = await house.begin()
    due_on = await lease.due_on(1)
    house.bank.steps["payments_collect"] = [PENDING]
    await house.live_until(due_on + 4 * DAY)
    [charge] = await lease.charges()
    await house.go_to(due_on + 8 * DAY)
    await asyncio.gather(
        house.news(charge, taken(charge.money, due_on + 2 * DAY)),
        service.close_due_accounts(house.database),
        service.close_due_accounts(house.database),
    )
    await house.night()
    one = await rent(lease)
    assert (one.state, one.penalty) == (InstalmentState.PAID, Money.zero())


async def test_the_same_news_many_times_at_once_is_one_receipt(house: House) -> None:
    lease = await house.begin()
    house.bank.steps["payments_collect"] = [PENDING]
    await house.live_until(await lease.due_on(1))
    [charge] = await lease.charges()
    await asyncio.gather(*(house.news(charge, taken(charge.money)) for _ in range(5)))
    assert len(house.told(RentPaid)) == 1
