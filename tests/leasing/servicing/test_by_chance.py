"""Whole leases by chance: answers, value dates and the order of news are drawn; the books agree after every step.

Two phases, as in a simulation: first anything may come; then the bank behaves, and the lease must come to its end.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from hub.core.errors import UnknownOutcome
from hub.core.money import Money
from hub.core.ports.payments import RejectionAdvice
from hub.leasing.instalments.rules import InstalmentState
from hub.leasing.payments.rules import MovementState, MovementView
from hub.leasing.products.rules import Allocation, PenaltyRule
from hub.leasing.servicing import service
from hub.leasing.servicing.rules import AccountSettled, AccountState, RentOverdue, RentPaid
from hub.ledger import service as ledger
from hub.ledger.chart import Account
from tests.integrations.fakes import Step
from tests.leasing.running import PENDING, TERMS, House, Lease, refused, settled, taken

DAY = timedelta(days=1)
OPEN = (MovementState.PENDING, MovementState.UNKNOWN)
TERM = 4


def answers(chance: random.Random) -> list[Step]:
    """What the bank says to the next debits."""
    kinds: tuple[Step, ...] = (settled(), refused(), PENDING, UnknownOutcome("reset"), refused())
    return [*(chance.choice(kinds) for _ in range(6)), settled()]


async def some_news(house: House, lease: Lease, chance: random.Random) -> None:
    """The bank decides one of the charges that are open, or settles a refused one after all, with an older value date."""
    charges = [one for one in await lease.charges() if one.state in (*OPEN, MovementState.REJECTED)]
    if not charges:
        return
    charge = chance.choice(charges)
    if charge.state in OPEN and chance.random() < 0.4:
        await house.news(charge, refused(chance.choice(list(RejectionAdvice))))
    elif charge.state in OPEN or chance.random() < 0.2:
        await house.news(charge, taken(charge.money, house.today - chance.randrange(12) * DAY))


async def behave(house: House, lease: Lease) -> None:
    """Everything open is decided, and what is owed is debited again."""
    house.bank.steps["payments_collect"] = [settled()]
    for charge in await lease.charges():
        if charge.state in OPEN:
            await house.news(charge, taken(charge.money))
    account = await lease.account()
    if account.owed:
        async with house.database.transaction(house.seller) as tx:
            await service.charge_again(tx, contract_id=lease.contract_id, on=tx.today)
    await house.live_until(house.today + DAY)


def came(charges: list[MovementView]) -> Money:
    """What the bank has taken, by its own word."""
    return Money.total(charge.money for charge in charges if charge.state is MovementState.SUCCEEDED)


async def books(lease: Lease) -> Mapping[Account, Money]:
    """What every account of the ledger holds for the lease."""
    async with lease.house.database.transaction(lease.house.system) as tx:
        return {account: await ledger.balance(tx, account, contract_id=lease.contract_id) for account in Account}


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_comes_in_whatever_order_the_books_agree_and_the_lease_ends(house: House, seed: int) -> None:
    chance = random.Random(seed)
    order = list(Allocation)
    chance.shuffle(order)
    cap = chance.choice([None, Decimal("0.01")])
    rule = PenaltyRule(daily_rate=Decimal("0.0006"), grace_days=chance.randrange(4), cap_share=cap)
    house.terms = replace(TERMS, allocation=tuple(order), penalty=rule)
    lease = await house.begin(term=TERM, deposit="0.00")
    last_on = await lease.due_on(TERM)
    while house.today < last_on + 20 * DAY and (await lease.account()).state is AccountState.ACTIVE:
        house.bank.steps["payments_collect"] = answers(chance)
        await house.live_until(house.today + chance.randrange(1, 15) * DAY)
        await some_news(house, lease, chance)
        await lease.check()
    for _ in range(4 * TERM):
        if (await lease.account()).state is AccountState.SETTLED:
            break
        await behave(house, lease)
        await lease.check()
    account = await lease.account()
    assert account.state is AccountState.SETTLED
    assert {one.state for one in account.instalments} == {InstalmentState.PAID}
    assert len(house.told(AccountSettled)) == 1
    assert len(house.told(RentPaid)) == TERM
    late = [fact.number for fact in house.told(RentOverdue)]
    assert len(late) == len(set(late))
    owed = Money.total(one.rent + one.penalty for one in account.instalments)
    assert came(await lease.charges()) == owed - (await books(lease))[Account.UNALLOCATED_RECEIPTS]
