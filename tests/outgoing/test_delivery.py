"""Webhooks from the fact to the receiver: signed, retried, given up, replayed; sent outside any transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from starlette.responses import Response

from hub.core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from hub.infra.access import Actor, Permission, system
from hub.infra.database import Database
from hub.infra.destinations import Destinations
from hub.outgoing import delivery, service
from hub.outgoing.delivery import Postman
from hub.outgoing.rules import (
    DELIVER,
    RETRY_AFTER,
    AttemptView,
    DispatchState,
    DispatchView,
    EventType,
    SubscriptionState,
)
from hub.sdk.clock import VirtualClock
from tests.outgoing.receiving import Receiver, receiving

HERE = Destinations(allow_hosts=frozenset({"127.0.0.1"}))
BOSS = system("test")
PAID = {"contract_id": str(UUID(int=7)), "money": {"amount": "1.00", "currency": "CNY"}}


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as one:
        yield one


@pytest.fixture
async def postman(database: Database) -> AsyncIterator[Postman]:
    one = Postman(database=database, destinations=HERE)

    async def deliver(_: object) -> None:
        while await one.deliver_due():
            pass

    database.jobs.register(DELIVER, deliver)  # type: ignore[attr-defined]
    yield one
    await one.close()


async def subscribed(database: Database, receiver: Receiver, *types: EventType) -> tuple[UUID, str]:
    async with database.transaction(BOSS) as tx:
        return await service.subscribe(tx, HERE, url=receiver.url, event_types=types)


async def tell(database: Database, event: EventType = EventType.RENT_PAID, **more: Any) -> None:
    fail = more.pop("then", None)
    async with database.transaction(BOSS) as tx:
        await service.publish(tx, event, PAID | more)
        if fail is not None:
            raise fail


async def all_of(postman: Postman) -> None:
    while await postman.deliver_due():
        pass


async def dispatches(database: Database, **which: Any) -> list[DispatchView]:
    async with database.transaction(BOSS) as tx:
        return await service.dispatches(tx, **which)


async def attempts(database: Database, dispatch: DispatchView) -> list[AttemptView]:
    async with database.transaction(BOSS) as tx:
        return await service.attempts(tx, dispatch.id)


async def test_an_event_is_sent_signed_and_once(database: Database, postman: Postman, receiver: Receiver) -> None:
    _, secret = await subscribed(database, receiver)
    await tell(database)
    await all_of(postman)
    await all_of(postman)
    [(headers, body)], [dispatch] = receiver.came, await dispatches(database)
    assert receiver.signed_with(secret)
    assert body.decode() == dispatch.payload
    assert headers["webhook-id"] == str(dispatch.event_id) == receiver.bodies()[0]["id"]
    assert headers["content-type"] == "application/json"
    assert receiver.bodies()[0]["data"] == PAID
    assert (dispatch.state, dispatch.tries, dispatch.next_at) == (DispatchState.DELIVERED, 1, None)
    [attempt] = await attempts(database, dispatch)
    assert (attempt.number, attempt.status, attempt.error) == (1, 204, "")


async def test_another_implementation_takes_what_is_sent(
    database: Database, postman: Postman, receiver: Receiver, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = pytest.importorskip("standardwebhooks")
    _, secret = await subscribed(database, receiver)
    await tell(database)
    await all_of(postman)
    [(headers, body)] = receiver.came
    webhook = other.Webhook(secret)
    monkeypatch.setattr(type(webhook), "_Webhook__verify_timestamp", lambda self, value: clock.now())
    assert webhook.verify(body, headers)["type"] == "rent.paid"
    with pytest.raises(other.WebhookVerificationError):
        webhook.verify(body + b" ", headers)


async def test_the_commit_wakes_the_job(database: Database, postman: Postman, receiver: Receiver, drain: Any) -> None:
    await subscribed(database, receiver)
    await tell(database)
    await drain()
    assert receiver.types() == ["rent.paid"]


async def test_what_is_rolled_back_is_not_told(database: Database, postman: Postman, receiver: Receiver) -> None:
    await subscribed(database, receiver)
    with pytest.raises(ZeroDivisionError):
        await tell(database, then=ZeroDivisionError())
    await all_of(postman)
    assert (receiver.came, await dispatches(database)) == ([], [])


async def test_everybody_gets_what_they_asked_for(database: Database, postman: Postman, receiver: Receiver) -> None:
    async with receiving() as other:
        await subscribed(database, receiver, EventType.RENT_OVERDUE)
        await subscribed(database, other)
        await tell(database, EventType.RENT_PAID)
        await tell(database, EventType.RENT_OVERDUE)
        await all_of(postman)
        assert receiver.types() == ["rent.overdue"]
        assert sorted(other.types()) == ["rent.overdue", "rent.paid"]
        ids = {body["id"] for body in other.bodies() if body["type"] == "rent.overdue"}
        assert {body["id"] for body in receiver.bodies()} == ids, "one event, one id, whoever hears it"


async def test_the_schedule_of_the_standard_then_dead(
    database: Database, postman: Postman, receiver: Receiver, clock: VirtualClock
) -> None:
    await subscribed(database, receiver)
    await tell(database)
    receiver.answers = [Response("no", status_code=500) for _ in range(20)]
    for number, pause in enumerate(RETRY_AFTER, start=1):
        await all_of(postman)
        assert len(receiver.came) == number
        clock.advance(pause - timedelta(seconds=1))
        await all_of(postman)
        assert len(receiver.came) == number, f"nothing earlier than {pause}"
        clock.advance(timedelta(seconds=1))
    await all_of(postman)
    clock.advance(timedelta(days=9))
    await all_of(postman)
    [dispatch] = await dispatches(database, state=DispatchState.DEAD)
    assert (len(receiver.came), dispatch.tries, dispatch.next_at) == (10, 10, None)
    made = await attempts(database, dispatch)
    assert [one.number for one in made] == list(range(1, 11))
    assert {(one.status, one.answer) for one in made} == {(500, "no")}
    assert len({headers["webhook-id"] for headers, _ in receiver.came}) == 1
    assert len({headers["webhook-timestamp"] for headers, _ in receiver.came}) == 10


@pytest.mark.parametrize("status", [199 + 101, 301, 302, 307, 400, 401, 404, 429, 500, 503])
async def test_only_2xx_is_a_yes(database: Database, postman: Postman, receiver: Receiver, status: int) -> None:
    await subscribed(database, receiver)
    await tell(database)
    receiver.answers = [Response(status_code=status, headers={"location": receiver.url})]
    await all_of(postman)
    [dispatch] = await dispatches(database)
    assert (dispatch.state, dispatch.tries, len(receiver.came)) == (DispatchState.WAITING, 1, 1)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_every_2xx_is_a_yes(database: Database, postman: Postman, receiver: Receiver, status: int) -> None:
    await subscribed(database, receiver)
    await tell(database)
    receiver.answers = [Response(status_code=status)]
    await all_of(postman)
    assert [one.state for one in await dispatches(database)] == [DispatchState.DELIVERED]


async def test_a_receiver_that_is_gone_is_told_nothing_more(
    database: Database, postman: Postman, receiver: Receiver
) -> None:
    subscription_id, _ = await subscribed(database, receiver)
    await tell(database)
    receiver.answers = [Response(status_code=410)]
    await all_of(postman)
    await tell(database)
    await all_of(postman)
    async with database.transaction(BOSS) as tx:
        found = await service.get_subscription(tx, subscription_id)
    assert (found.state, found.reason) == (SubscriptionState.DISABLED, "its receiver answered 410 Gone")
    assert [one.state for one in await dispatches(database)] == [DispatchState.DEAD]
    assert len(receiver.came) == 1
    async with database.transaction(BOSS) as tx:
        await service.set_state(tx, subscription_id=subscription_id, state=SubscriptionState.ACTIVE)
        assert await service.replay_since(tx, subscription_id=subscription_id, since=tx.now) == 1
    await all_of(postman)
    assert len(receiver.came) == 2


async def test_silence_and_nobody_there_are_outcomes(
    database: Database, postman: Postman, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "TIMEOUT_S", 0.3)
    await subscribed(database, receiver)
    async with database.transaction(BOSS) as tx:
        await service.subscribe(tx, HERE, url="http://127.0.0.1:1/in?token=canary-of-the-url", event_types=())
    await tell(database)
    receiver.wait = asyncio.Event()
    await all_of(postman)
    receiver.wait.set()
    made = [await attempts(database, one) for one in await dispatches(database)]
    assert sorted((one.status, one.error.split(":")[0]) for [one] in made) == [
        (None, "ConnectError"),
        (None, "no answer within 0.3 s"),
    ]
    assert "canary" not in str(made)


async def test_what_a_receiver_says_is_kept_short_and_masked(
    database: Database, postman: Postman, receiver: Receiver
) -> None:
    await subscribed(database, receiver)
    await tell(database)
    said = "phone 13812345678 \x00\x1b[31m token=secretsecret " + "x" * 100_000
    receiver.answers = [Response(said, status_code=400)]
    await all_of(postman)
    [dispatch] = await dispatches(database)
    [attempt] = await attempts(database, dispatch)
    assert "13812345678" not in attempt.answer
    assert "secretsecret" not in attempt.answer
    assert len(attempt.answer) <= 500
    assert attempt.answer.isprintable()


async def test_a_slow_receiver_keeps_nobody_else_waiting(
    database: Database, postman: Postman, receiver: Receiver
) -> None:
    async with receiving() as quick:
        await subscribed(database, receiver, EventType.RENT_PAID)
        await subscribed(database, quick, EventType.RENT_OVERDUE)
        receiver.wait = asyncio.Event()
        await tell(database, EventType.RENT_PAID)
        slow = asyncio.create_task(all_of(postman))
        await asyncio.wait_for(receiver.arrived.wait(), 120)
        await tell(database, EventType.RENT_OVERDUE)
        await tell(database, EventType.RENT_PAID)
        await asyncio.wait_for(all_of(postman), 120)
        assert quick.types() == ["rent.overdue"]
        assert len(receiver.came) == 1, "one job at a time sends to one receiver"
        receiver.wait.set()
        await slow
        assert len(receiver.came) == 2


async def test_several_postmen_send_nothing_twice(database: Database, postman: Postman, receiver: Receiver) -> None:
    await subscribed(database, receiver)
    for number in range(100):
        await tell(database, number=number)
    await asyncio.gather(*(all_of(postman) for _ in range(5)))
    await all_of(postman)
    assert sorted(body["data"]["number"] for body in receiver.bodies()) == list(range(100))


async def test_killed_after_sending_it_is_sent_again_and_not_lost(
    database: Database, postman: Postman, receiver: Receiver, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await subscribed(database, receiver)
    await tell(database)

    def killed(name: str) -> None:
        raise RuntimeError(name)

    monkeypatch.setattr(delivery, "crash_point", killed)
    with pytest.raises(RuntimeError, match="before_record"):
        await postman.deliver_due()
    monkeypatch.undo()
    await all_of(postman)
    assert len(receiver.came) == 1, "leased to the one that was killed"
    clock.advance(timedelta(seconds=61))
    await all_of(postman)
    assert len({headers["webhook-id"] for headers, _ in receiver.came}) == 1
    assert [one.state for one in await dispatches(database)] == [DispatchState.DELIVERED]


async def test_a_paused_one_collects(database: Database, postman: Postman, receiver: Receiver) -> None:
    subscription_id, _ = await subscribed(database, receiver)
    async with database.transaction(BOSS) as tx:
        await service.set_state(tx, subscription_id=subscription_id, state=SubscriptionState.PAUSED)
    await tell(database)
    await all_of(postman)
    assert receiver.came == []
    async with database.transaction(BOSS) as tx:
        await service.set_state(tx, subscription_id=subscription_id, state=SubscriptionState.ACTIVE)
    await all_of(postman)
    assert receiver.types() == ["rent.paid"]


async def test_a_closed_one_hears_nothing_and_stays_closed(
    database: Database, postman: Postman, receiver: Receiver
) -> None:
    subscription_id, _ = await subscribed(database, receiver)
    await tell(database)
    async with database.transaction(BOSS) as tx:
        await service.set_state(tx, subscription_id=subscription_id, state=SubscriptionState.CLOSED)
    await tell(database)
    await all_of(postman)
    assert receiver.came == []
    [dispatch] = await dispatches(database)
    assert dispatch.state is DispatchState.DEAD
    async with database.transaction(BOSS) as tx:
        with pytest.raises(Conflict):
            await service.set_state(tx, subscription_id=subscription_id, state=SubscriptionState.ACTIVE)
        with pytest.raises(Conflict):
            await service.replay(tx, dispatch_id=dispatch.id)


async def test_both_secrets_sign_while_one_replaces_the_other(
    database: Database, postman: Postman, receiver: Receiver, clock: VirtualClock
) -> None:
    subscription_id, old = await subscribed(database, receiver)
    async with database.transaction(BOSS) as tx:
        new = await service.rotate_secret(tx, subscription_id=subscription_id, overlap_hours=24)
    await tell(database)
    await all_of(postman)
    assert receiver.signed_with(old)
    assert receiver.signed_with(new)
    clock.advance(timedelta(hours=24))
    await tell(database)
    await all_of(postman)
    assert receiver.signed_with(new)
    assert not receiver.signed_with(old)


async def test_the_dead_rise_one_by_one_or_all_since(
    database: Database, postman: Postman, receiver: Receiver, clock: VirtualClock
) -> None:
    subscription_id, _ = await subscribed(database, receiver)
    for day in range(3):
        await tell(database, day=day)
        receiver.answers = [Response(status_code=410)]
        await all_of(postman)
        async with database.transaction(BOSS) as tx:
            await service.set_state(tx, subscription_id=subscription_id, state=SubscriptionState.ACTIVE)
        clock.advance(timedelta(days=1))
    receiver.came.clear()
    [_, _, oldest] = await dispatches(database, state=DispatchState.DEAD)
    async with database.transaction(BOSS) as tx:
        await service.replay(tx, dispatch_id=oldest.id)
    await all_of(postman)
    assert [body["data"]["day"] for body in receiver.bodies()] == [0]
    async with database.transaction(BOSS) as tx:
        since = clock.now() - timedelta(days=1)
        assert await service.replay_since(tx, subscription_id=subscription_id, since=since) == 1
    await all_of(postman)
    assert [body["data"]["day"] for body in receiver.bodies()] == [0, 2]
    assert [one.number for one in await attempts(database, oldest)] == [1, 1]


async def test_addresses_that_lead_inwards_are_refused_and_never_connected_to(
    database: Database, receiver: Receiver
) -> None:
    async with database.transaction(BOSS) as tx:
        with pytest.raises(InvalidInput) as caught:
            await service.subscribe(tx, Destinations(), url=receiver.url, event_types=())
        assert caught.value.field == "url"
    # Taken while its host was listed, sent when it is no more.
    await subscribed(database, receiver)
    await tell(database)
    strict = Postman(database=database, destinations=Destinations())
    await strict.deliver_due()
    await strict.close()
    [dispatch] = await dispatches(database)
    [attempt] = await attempts(database, dispatch)
    assert (receiver.came, attempt.status) == ([], None)
    assert "not connected" in attempt.error


async def test_it_belongs_to_the_whole_company(database: Database, receiver: Receiver) -> None:
    subscription_id, _ = await subscribed(database, receiver)
    clerk = Actor(name="clerk", staff_id=None, permissions=frozenset(Permission), branches=frozenset())
    async with database.transaction(clerk) as tx:
        for doing in (
            service.subscriptions(tx),
            service.get_subscription(tx, subscription_id),
            service.dispatches(tx),
            service.rotate_secret(tx, subscription_id=subscription_id),
            service.subscribe(tx, HERE, url=receiver.url, event_types=()),
        ):
            with pytest.raises(NotAllowed):
                await doing
    async with database.transaction(BOSS) as tx:
        for missing in (
            service.get_subscription(tx, UUID(int=1)),
            service.attempts(tx, UUID(int=1)),
            service.replay(tx, dispatch_id=UUID(int=1)),
        ):
            with pytest.raises(NotFound):
                await missing


async def test_what_was_told_while_a_subscription_closed_does_not_wait_for_ever(
    database: Database, postman: Postman, receiver: Receiver
) -> None:
    subscription_id, _ = await subscribed(database, receiver)
    async with database.transaction(BOSS) as tx:
        await service.publish(tx, EventType.RENT_PAID, PAID)
        await tx.execute(text("update webhook_subscription set state = 'closed'"))  # by somebody else, meanwhile
    await all_of(postman)
    await delivery.forget(database)
    found = await dispatches(database, subscription_id=subscription_id)
    assert [one.state for one in found] == [DispatchState.DEAD]


async def test_old_ones_are_forgotten_and_dead_ones_later(
    database: Database, postman: Postman, receiver: Receiver, clock: VirtualClock
) -> None:
    await subscribed(database, receiver)
    await tell(database)
    await all_of(postman)
    receiver.answers = [Response(status_code=410)]
    await tell(database)
    await all_of(postman)
    clock.advance(timedelta(days=31))
    assert await delivery.forget(database) == 1
    assert [one.state for one in await dispatches(database)] == [DispatchState.DEAD]
    clock.advance(timedelta(days=60))
    assert await delivery.forget(database) == 1
    assert await dispatches(database) == []


async def test_secrets_are_sealed(database: Database, receiver: Receiver) -> None:
    _, secret = await subscribed(database, receiver)
    async with database.transaction(BOSS) as tx:
        stored = str((await tx.execute(text("select s::text from webhook_subscription s"))).all())
        audit = str((await tx.execute(text("select a::text from audit_entry a"))).all())
    for canary in (secret, secret.removeprefix("whsec_"), secret.encode().hex()):
        assert canary not in stored + audit
