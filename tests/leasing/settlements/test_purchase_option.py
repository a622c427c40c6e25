"""The end of a lease with a purchase option: no title without its price; after every test the books balance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from hub.core.errors import Conflict, NotFound, RuleBroken
from hub.core.events import Fact
from hub.core.ids import ChargeId, MandateId, VehicleId
from hub.core.money import Money
from hub.core.ports.payments import MandateStatus, RejectionAdvice
from hub.infra.access import Actor
from hub.leasing.contracts import service as contracts
from hub.leasing.contracts.rules import ContractState
from hub.leasing.instalments.debits import RETRY_AFTER_DAYS
from hub.leasing.inventory import service as inventory
from hub.leasing.inventory.rules import TitleHolder
from hub.leasing.mandates.rules import MandateActivated
from hub.leasing.payments.rules import (
    ChargePurpose,
    ChargeRejected,
    ChargeSucceeded,
    MovementState,
    MovementView,
    PayoutSucceeded,
)
from hub.leasing.servicing.rules import AccountSettled, AccountState, MoneyUnallocated
from hub.leasing.settlements import service
from hub.leasing.settlements.rules import DepositReturned, LeaseEndReached, PurchaseOptionUncollectable, end_reached
from hub.leasing.warnings.rules import WarningKind
from hub.ledger import service as ledger
from hub.ledger.chart import Account
from tests.integrations.fakes import Step
from tests.leasing.running import PENDING, TERMS, House, Lease, refused, settled, taken

DAY = timedelta(days=1)
PRICE = Money.of("100.00")
CAR_MARGIN = Money.of("10000.00")  # the car's price less its cost, booked when the lease commences
DEPOSIT = Money.of("6000.00")
RENT = settled()


@pytest.fixture(autouse=True)
async def books_balance(house: House) -> AsyncIterator[None]:
    house.terms = replace(TERMS, purchase_option=PRICE)
    yield
    for lease in house.leases:
        await lease.check()


async def ended(house: House, *debits: Step, deposit: str = "6000.00") -> Lease:
    """A lease of two rents that are paid; `debits` is what the bank says to those of the option, which are performed."""
    lease = await house.begin(term=2, deposit=deposit)
    house.bank.steps["payments_collect"] = [RENT, RENT, *(debits or [settled()])]
    await house.live_until(await lease.due_on(2))
    assert (await lease.account()).state is AccountState.SETTLED
    return lease


async def option_charges(lease: Lease) -> list[MovementView]:
    return [charge for charge in await lease.charges() if charge.purpose == ChargePurpose.PURCHASE_OPTION]


async def ask_again(lease: Lease, actor: Actor | None = None) -> None:
    async with lease.house.database.transaction(actor or lease.house.seller) as tx:
        await service.charge_option_again(tx, lease.contract_id)
    await lease.house.perform()


async def repeat(house: House, *facts: Fact) -> None:
    async with house.database.transaction(house.system) as tx:
        for fact in facts:
            tx.emit(fact)


async def assert_closed(lease: Lease, *, closed: bool = True) -> None:
    """The contract is closed and the title passed, or neither."""
    async with lease.house.database.transaction(lease.house.system) as tx:
        contract = await contracts.view(tx, lease.contract_id)
        assert contract.vehicle_id is not None
        car = await inventory.get(tx, VehicleId(contract.vehicle_id))
    assert contract.state is (ContractState.CLOSED if closed else ContractState.SETTLED)
    assert (car.title_holder is TitleHolder.LESSEE) is closed
    assert len(lease.house.told(LeaseEndReached)) == int(closed)


async def balance(lease: Lease, account: Account) -> Money:
    async with lease.house.database.transaction(lease.house.system) as tx:
        return await ledger.balance(tx, account, contract_id=lease.contract_id)


async def booked(lease: Lease) -> Money:
    """What the purchase option has brought."""
    return -await balance(lease, Account.DISPOSAL_RESULT) - CAR_MARGIN


@pytest.mark.parametrize(
    ("returned_on", "option", "paid_on", "reached"),
    [
        (date(2026, 3, 1), Money.zero(), None, True),
        (date(2026, 3, 1), PRICE, date(2026, 3, 1), True),
        (date(2026, 3, 1), PRICE, None, False),
        (None, PRICE, date(2026, 3, 1), False),
        (None, Money.zero(), None, False),
    ],
)
def test_an_end_is_reached_when_both_are_done(
    returned_on: date | None, option: Money, paid_on: date | None, reached: bool
) -> None:
    assert end_reached(deposit_returned_on=returned_on, option=option, option_paid_on=paid_on) is reached


# Paid


async def test_the_price_is_debited_booked_and_the_title_passes(house: House) -> None:
    lease = await ended(house)
    [charge] = await option_charges(lease)
    assert (charge.money, charge.subject_id, charge.state) == (PRICE, lease.contract_id, MovementState.SUCCEEDED)
    assert await booked(lease) == PRICE
    for empty in (Account.RENT_RECEIVABLE, Account.SECURITY_DEPOSITS, Account.LEASE_PRINCIPAL):
        assert await balance(lease, empty) == Money.zero()
    assert await lease.warnings() == []
    await assert_closed(lease)


async def test_after_an_early_settlement_too(house: House) -> None:
    lease = await house.begin()
    await house.live_until(await lease.due_on(1) + DAY)
    async with house.database.transaction(house.seller) as tx:
        quoted = await service.quote_payoff(tx, contract_id=lease.contract_id)
        await service.accept_payoff(tx, contract_id=lease.contract_id, payoff_id=quoted.id)
    await house.perform()
    assert [charge.money for charge in await option_charges(lease)] == [PRICE]
    assert await booked(lease) == PRICE
    await assert_closed(lease)


async def test_without_an_option_the_deposit_alone_ends_it(house: House) -> None:
    house.terms = TERMS
    lease = await ended(house)
    assert await option_charges(lease) == []
    assert await booked(lease) == Money.zero()
    await assert_closed(lease)
    with pytest.raises(RuleBroken, match="no_purchase_option_owed"):
        await ask_again(lease)


async def test_without_a_deposit_the_price_alone_ends_it(house: House) -> None:
    lease = await ended(house, PENDING, deposit="0.00")
    await assert_closed(lease, closed=False)
    await house.news((await option_charges(lease))[0], taken(PRICE))
    await assert_closed(lease)
    assert [fact.money for fact in house.told(DepositReturned)] == [Money.zero()]


# In whichever order


async def test_the_deposit_first_and_the_price_later(house: House) -> None:
    lease = await ended(house, PENDING)
    assert [fact.money for fact in house.told(DepositReturned)] == [DEPOSIT]
    await assert_closed(lease, closed=False)
    await house.news((await option_charges(lease))[0], taken(PRICE))
    await assert_closed(lease)


async def test_the_price_first_and_the_deposit_later(house: House) -> None:
    house.bank.steps["payments_payout"] = [refused(), settled()]
    lease = await ended(house)
    assert await booked(lease) == PRICE
    assert not house.told(DepositReturned)
    await assert_closed(lease, closed=False)
    async with house.database.transaction(house.seller) as tx:
        await service.return_deposit_again(tx, lease.contract_id)
    await house.perform()
    await assert_closed(lease)


async def test_what_is_told_twice_happens_once(house: House) -> None:
    lease = await ended(house)
    [paid] = [one for one in house.told(ChargeSucceeded) if one.purpose is ChargePurpose.PURCHASE_OPTION]
    await repeat(house, *house.told(AccountSettled), paid, *house.told(PayoutSucceeded))
    await house.perform()
    assert len(await option_charges(lease)) == 1
    assert await booked(lease) == PRICE
    assert not house.told(MoneyUnallocated)
    await assert_closed(lease)


# Tried again by machine


async def next_on(house: House) -> date | None:
    async with house.database.transaction(house.system) as tx:
        return await service.next_option_on(tx)


async def test_a_refused_price_is_debited_again_on_the_next_day(house: House) -> None:
    lease = await ended(house, refused(), settled())
    assert await next_on(house) == house.today
    assert await option_charges(lease) != []
    await assert_closed(lease, closed=False)
    await house.live_until(house.today)
    assert [charge.state for charge in await option_charges(lease)] == [MovementState.REJECTED, MovementState.SUCCEEDED]
    assert await next_on(house) is None
    assert await lease.warnings() == []
    await assert_closed(lease)


async def test_a_person_is_told_once_the_machine_has_no_further_try(house: House) -> None:
    lease = await ended(house, *[refused() for _ in range(len(RETRY_AFTER_DAYS) + 1)])
    first_on = house.today - DAY
    await house.live_until(first_on + (sum(RETRY_AFTER_DAYS) - 1) * DAY)
    assert not house.told(PurchaseOptionUncollectable)
    await house.live_until(first_on + 40 * DAY)
    assert [charge.due_on for charge in await option_charges(lease)] == [
        first_on + sum(RETRY_AFTER_DAYS[:number]) * DAY for number in range(len(RETRY_AFTER_DAYS) + 1)
    ]
    assert [fact.code for fact in house.told(PurchaseOptionUncollectable)] == ["insufficient_funds"]
    assert await lease.warnings() == [WarningKind.RENT_UNCOLLECTABLE]
    assert await next_on(house) is None


async def test_two_nights_at_once_debit_it_once(house: House) -> None:
    lease = await ended(house, refused(), PENDING)
    done = await asyncio.gather(*(service.charge_due_options(house.database) for _ in range(4)))
    assert sum(done) == 1
    await house.perform()
    assert len(await option_charges(lease)) == 2


async def test_nothing_is_debited_while_it_is_in_doubt_and_the_day_is_not_forgotten(house: House) -> None:
    lease = await ended(house, refused())
    [first] = await option_charges(lease)
    await house.news(first, taken(PRICE + PRICE))
    await house.live_until(house.today + 2 * DAY)
    assert len(await option_charges(lease)) == 1
    assert not house.told(PurchaseOptionUncollectable)
    assert await next_on(house) == house.today
    await house.news(first, taken(PRICE))
    assert await next_on(house) is None
    await assert_closed(lease)


async def test_a_new_mandate_has_the_price_debited_that_nobody_tries_any_more(house: House) -> None:
    lease = await ended(house, refused(RejectionAdvice.NEW_MANDATE), settled())
    assert await next_on(house) is None
    renewed = MandateActivated(mandate_id=MandateId(lease.contract_id), contract_id=lease.contract_id)
    await repeat(house, renewed)
    await house.night()
    await house.perform()
    await assert_closed(lease)
    await repeat(house, renewed)
    assert await next_on(house) is None


async def test_the_database_plans_no_debit_of_what_is_paid(house: House) -> None:
    await ended(house)
    with pytest.raises(sa.exc.IntegrityError, match="option_paid_is_not_charged"):
        async with house.database.transaction(house.system) as tx:
            await tx.execute(sa.text("update lease_end set option_charge_on = option_paid_on"))


# Not paid


async def test_a_refused_price_keeps_the_title_until_it_is_asked_for_again(house: House) -> None:
    lease = await ended(house, refused(RejectionAdvice.DO_NOT_RETRY), settled())
    await house.live_until(house.today + 10 * DAY)
    assert [fact.code for fact in house.told(PurchaseOptionUncollectable)] == ["insufficient_funds"]
    assert await lease.warnings() == [WarningKind.RENT_UNCOLLECTABLE]
    assert await booked(lease) == Money.zero()
    assert [fact.money for fact in house.told(DepositReturned)] == [DEPOSIT]
    await assert_closed(lease, closed=False)
    await ask_again(lease)
    assert await booked(lease) == PRICE
    await assert_closed(lease)
    with pytest.raises(Conflict, match="purchase_option_paid"):
        await ask_again(lease)


async def test_no_second_debit_while_one_is_under_way(house: House) -> None:
    lease = await ended(house, PENDING)
    with pytest.raises(Conflict, match="charge_under_way"):
        await ask_again(lease)


async def test_no_second_debit_while_the_first_is_disputed(house: House) -> None:
    lease = await ended(house, settled(more="1.00"))
    assert await lease.warnings() == [WarningKind.MONEY_IN_DOUBT]
    with pytest.raises(RuleBroken, match="money_in_doubt"):
        await ask_again(lease)
    await assert_closed(lease, closed=False)


async def test_a_refused_debit_that_is_settled_after_all_pays_it_and_the_other_waits_in_suspense(house: House) -> None:
    lease = await ended(house, refused(), PENDING)
    await ask_again(lease)
    first, second = await option_charges(lease)
    await house.news(first, taken(PRICE))
    await assert_closed(lease)
    await house.news(second, taken(PRICE))
    assert [fact.money for fact in house.told(MoneyUnallocated)] == [PRICE]
    assert await booked(lease) == PRICE
    await assert_closed(lease)


async def test_a_refusal_after_the_price_has_come_is_nothing_to_warn_of(house: House) -> None:
    lease = await ended(house)
    late = ChargeRejected(
        charge_id=ChargeId(lease.contract_id),
        contract_id=lease.contract_id,
        purpose=ChargePurpose.PURCHASE_OPTION,
        subject_id=lease.contract_id,
        code="insufficient_funds",
        advice=None,
    )
    await repeat(house, late)
    assert await lease.warnings() == []


@pytest.mark.parametrize(
    ("change", "code"),
    [("state = 'revoked'", "no_active_mandate"), ("limit_amount = 99.99", "over_mandate_limit")],
)
async def test_a_price_that_cannot_be_debited_is_told_and_the_rest_goes_on(
    house: House, change: str, code: str
) -> None:
    lease = await house.begin(term=2)
    house.bank.steps["payments_collect"] = [RENT, PENDING]
    await house.live_until(await lease.due_on(2))
    await change_mandate(house, change)
    rent = (await lease.charges())[-1]
    await house.news(rent, taken(rent.money))
    await house.perform()
    assert [fact.code for fact in house.told(PurchaseOptionUncollectable)] == [code]
    assert [fact.money for fact in house.told(DepositReturned)] == [DEPOSIT]
    with pytest.raises(RuleBroken, match=code):
        await ask_again(lease)
    await change_mandate(house, f"state = '{MandateStatus.ACTIVE}', limit_amount = 100.00")
    house.bank.steps["payments_collect"] = [settled()]
    await ask_again(lease)
    await assert_closed(lease)


async def change_mandate(house: House, change: str) -> None:
    async with house.database.transaction(house.system) as tx:
        await tx.execute(sa.text(f"update mandate set {change}"))


async def test_nobody_asks_too_early_or_from_outside_the_branch(house: House, outsider: Actor) -> None:
    lease = await house.begin(term=2)
    with pytest.raises(RuleBroken, match="no_purchase_option_owed"):
        await ask_again(lease)
    with pytest.raises(NotFound):
        await ask_again(lease, outsider)
