"""Dunning: a case, decent contacts, promises kept and broken, and silence while money is under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest

from hub.core.errors import InvalidInput, NotFound, NotSent, RuleBroken, UnknownOutcome
from hub.core.money import Money
from hub.core.ports.payments import RejectionAdvice
from hub.core.ports.sms import MessageCategory
from hub.infra.access import Actor
from hub.integrations.answers import CallOutcome
from hub.integrations.facts import OutcomeKnown
from hub.leasing.collections import service
from hub.leasing.collections.rules import (
    CaseState,
    CaseView,
    ContactState,
    ContactView,
    PromiseBroken,
    PromiseState,
    PromiseView,
    Template,
)
from tests.integrations.fakes import Step
from tests.leasing.running import PENDING, House, Lease, refused, settled, taken

DAY = timedelta(days=1)
NEVER = refused(RejectionAdvice.DO_NOT_RETRY)


@pytest.fixture(autouse=True)
async def books_balance(house: House) -> AsyncIterator[None]:
    yield
    for lease in house.leases:
        await lease.check()


async def cases(lease: Lease, actor: Actor | None = None) -> list[CaseView]:
    async with lease.house.database.transaction(actor or lease.house.seller) as tx:
        return await service.list_cases(tx)


async def contacts(lease: Lease, actor: Actor | None = None) -> list[ContactView]:
    async with lease.house.database.transaction(actor or lease.house.seller) as tx:
        return await service.contacts_of(tx, lease.contract_id)


async def promises(lease: Lease, actor: Actor | None = None) -> list[PromiseView]:
    async with lease.house.database.transaction(actor or lease.house.seller) as tx:
        return await service.promises_of(tx, lease.contract_id)


async def send(lease: Lease) -> int:
    return await service.perform_contacts(lease.house.database, lease.house.executor)


async def promise(lease: Lease, days: int, money: Money | None = None) -> PromiseView:
    owed = (await lease.account()).owed
    async with lease.house.database.transaction(lease.house.seller) as tx:
        return await service.record_promise(
            tx, contract_id=lease.contract_id, money=money or owed, promised_on=tx.today + days * DAY
        )


@pytest.fixture
async def late(lease: Lease) -> Lease:
    """A lease whose first rent was refused for good and is one day overdue; it is midnight."""
    house = lease.house
    house.bank.steps["payments_collect"] = [NEVER]
    await house.live_until(await lease.due_on(1))
    await house.night()
    return lease


# Cases and contacts


async def test_an_overdue_rent_opens_one_case_and_is_told_in_the_morning(late: Lease) -> None:
    [case] = await cases(late)
    assert (case.state, case.opened_on) == (CaseState.OPEN, late.house.today)
    assert await send(late) == 0  # it is night
    await late.house.go_to(late.house.today, hour=8)
    assert await send(late) == 1
    assert await send(late) == 0
    [contact] = await contacts(late)
    assert (contact.template, contact.state) == (Template.RENT_OVERDUE, ContactState.SENT)
    assert contact.to == "+86138****5678"
    [message] = [sent.request for sent in late.house.messenger.of("messaging_send")]
    assert (message.to, message.category) == ("+8613812345678", MessageCategory.COLLECTIONS)
    assert "9,018.15" in message.body


async def test_a_second_overdue_rent_joins_the_case(late: Lease) -> None:
    await late.house.live_until(await late.due_on(2) + DAY)
    assert len(await cases(late)) == 1
    assert len(await contacts(late)) == 2


async def test_a_message_that_waited_into_the_night_waits_for_the_morning(late: Lease) -> None:
    await late.house.go_to(late.house.today, hour=22)
    assert await send(late) == 0
    await late.house.go_to(late.house.today + DAY, hour=8)
    assert await send(late) == 1


async def test_who_pays_before_the_morning_is_not_reminded(late: Lease) -> None:
    house = late.house
    [charge] = await late.charges()
    await house.news(charge, taken(charge.money))
    await house.go_to(house.today, hour=9)
    assert await send(late) == 0
    assert [contact.state for contact in await contacts(late)] == [ContactState.WITHDRAWN]
    assert [case.state for case in await cases(late)] == [CaseState.CLOSED]


async def test_only_the_rent_that_is_paid_is_not_reminded_of(late: Lease) -> None:
    house = late.house
    await house.go_to(await late.due_on(2) + DAY, hour=0)
    await house.night()
    await house.perform()
    first = (await late.charges())[0]
    await house.news(first, taken(first.money, await late.due_on(1)))
    await house.go_to(house.today, hour=9)
    assert await send(late) == 1
    assert sorted(contact.state for contact in await contacts(late)) == [ContactState.SENT, ContactState.WITHDRAWN]
    assert [case.state for case in await cases(late)] == [CaseState.OPEN]


async def test_nobody_is_reminded_while_their_debit_is_under_way_or_in_doubt(lease: Lease) -> None:
    house = lease.house
    house.bank.steps["payments_collect"] = [PENDING]
    await house.live_until(await lease.due_on(1) + DAY)
    await house.go_to(house.today, hour=10)
    assert await send(lease) == 0
    [charge] = await lease.charges()
    await house.news(charge, taken(Money.of("1.00")))  # another amount: in doubt
    await house.go_to(house.today, hour=12)
    assert await send(lease) == 0
    await house.go_to(house.today, hour=20)
    assert await send(lease) == 0
    assert [contact.state for contact in await contacts(lease)] == [ContactState.REQUESTED]
    await house.news(charge, taken(charge.money, await lease.due_on(1)))
    assert [contact.state for contact in await contacts(lease)] == [ContactState.WITHDRAWN]


@pytest.mark.parametrize(
    ("step", "state"),
    [(NotSent("refused"), ContactState.FAILED), (UnknownOutcome("reset"), ContactState.UNKNOWN)],
)
async def test_what_becomes_of_a_message_is_written_down(late: Lease, step: Step, state: ContactState) -> None:
    late.house.messenger.steps["messaging_send"] = [step]
    await late.house.go_to(late.house.today, hour=9)
    await send(late)
    [contact] = await contacts(late)
    assert contact.state is state


async def test_late_news_of_a_message(late: Lease) -> None:
    late.house.messenger.steps["messaging_send"] = [UnknownOutcome("reset")]
    await late.house.go_to(late.house.today, hour=9)
    await send(late)
    [contact] = await contacts(late)
    fact = OutcomeKnown(
        call_id=contact.id,
        operation="messaging_send",
        key=str(contact.id),
        instance="messenger",
        outcome=CallOutcome.REJECTED,
        error_code="number_unknown",
    )
    async with late.house.database.transaction(late.house.system) as tx:
        await service.record_outcome_known(tx, fact)
    assert (await contacts(late))[0].state is ContactState.FAILED


@pytest.mark.parametrize("key", ["reminder-7", "", "019b8bab-2d90-7660-8106-9f52d10e4fe7", "0" * 33])
async def test_news_of_somebody_elses_message_is_left_alone(late: Lease, key: str) -> None:
    await late.house.go_to(late.house.today, hour=9)
    await send(late)
    before = await contacts(late)
    fact = OutcomeKnown(
        call_id=uuid4(),
        operation="messaging_send",
        key=key,
        instance="messenger",
        outcome=CallOutcome.REJECTED,
        error_code="number_unknown",
    )
    async with late.house.database.transaction(late.house.system) as tx:
        await service.record_outcome_known(tx, fact)
    assert await contacts(late) == before


async def test_two_workers_send_a_message_once(late: Lease) -> None:
    await late.house.go_to(late.house.today, hour=9)
    assert sum(await asyncio.gather(*(send(late) for _ in range(4)))) == 1
    assert len(late.house.messenger.of("messaging_send")) == 1


# Promises


async def test_a_promise_that_is_kept_closes_the_case(late: Lease) -> None:
    house = late.house
    made = await promise(late, 5)
    assert [case.state for case in await cases(late)] == [CaseState.PROMISED]
    house.bank.steps["payments_collect"] = [settled()]
    await house.live_until(made.promised_on - DAY)
    assert len(await late.charges()) == 1
    await house.live_until(made.promised_on)
    assert [one.state for one in await promises(late)] == [PromiseState.KEPT]
    [case] = await cases(late)
    assert (case.state, case.closed_on) == (CaseState.CLOSED, made.promised_on)
    assert not house.told(PromiseBroken)


async def test_a_promise_that_is_broken_opens_the_case_again_and_is_told(late: Lease) -> None:
    house = late.house
    made = await promise(late, 2)
    await house.live_until(made.promised_on + DAY)
    assert [one.state for one in await promises(late)] == [PromiseState.BROKEN]
    assert [case.state for case in await cases(late)] == [CaseState.OPEN]
    assert len(house.told(PromiseBroken)) == 1
    await house.go_to(house.today, hour=10)
    await send(late)
    assert [contact.template for contact in await contacts(late)] == [Template.RENT_OVERDUE, Template.PROMISE_BROKEN]
    again = await promise(late, 3)
    assert again.state is PromiseState.OPEN


async def test_a_promise_is_not_broken_while_its_debit_is_under_way(late: Lease) -> None:
    house = late.house
    made = await promise(late, 2)
    house.bank.steps["payments_collect"] = [PENDING]
    await house.live_until(made.promised_on + 2 * DAY)
    assert [one.state for one in await promises(late)] == [PromiseState.OPEN]
    charge = (await late.charges())[-1]
    await house.news(charge, taken(charge.money, made.promised_on))
    assert [one.state for one in await promises(late)] == [PromiseState.KEPT]


async def test_money_after_the_promised_day_closes_the_case_and_breaks_the_promise(late: Lease) -> None:
    house = late.house
    made = await promise(late, 1)
    house.bank.steps["payments_collect"] = [PENDING]
    await house.live_until(made.promised_on + 3 * DAY)
    charge = (await late.charges())[-1]
    await house.news(charge, taken(charge.money, made.promised_on + DAY))  # within the grace of the rent
    assert [one.state for one in await promises(late)] == [PromiseState.BROKEN]
    assert [case.state for case in await cases(late)] == [CaseState.CLOSED]


@pytest.mark.parametrize(
    ("days", "amount", "field"), [(-1, "1.00", "promised_on"), (31, "1.00", "promised_on"), (1, "99999.00", "amount")]
)
async def test_what_cannot_be_promised(late: Lease, days: int, amount: str, field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        await promise(late, days, Money.of(amount))
    assert await promises(late) == []


async def test_one_promise_at_a_time_and_none_without_a_case(late: Lease) -> None:
    await promise(late, 3)
    with pytest.raises(RuleBroken, match="promise_open"):
        await promise(late, 4)


async def test_who_is_not_late_has_nothing_to_promise(lease: Lease) -> None:
    with pytest.raises(NotFound):
        await promise(lease, 3, Money.of("1.00"))


async def test_nobody_outside_the_branch_sees_or_takes_anything(late: Lease, outsider: Actor) -> None:
    await promise(late, 3)
    assert await cases(late, outsider) == []
    assert await contacts(late, outsider) == []
    assert await promises(late, outsider) == []
    async with late.house.database.transaction(outsider) as tx:
        with pytest.raises(NotFound):
            await service.record_promise(tx, contract_id=late.contract_id, money=Money.of("1.00"), promised_on=tx.today)
