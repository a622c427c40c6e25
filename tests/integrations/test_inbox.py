"""Callbacks on a real database: stored once before the yes, applied later, and only as a reason to ask."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from hub.core.errors import NotFound, Rejected, UnknownOutcome
from hub.core.events import Fact
from hub.core.money import Money
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.payments import BankAccount, CollectRequest, Mandate, MandateRequest, MandateStatus, PaymentResult
from hub.core.ports.webhooks import WebhookDelivery, WebhookKind, WebhookReply, WebhookRequest
from hub.infra.access import system
from hub.infra.database import Database, Tx
from hub.integrations.answers import Ask
from hub.integrations.executor import Executor
from hub.integrations.facts import NewsAfterwards, OutcomeKnown, ProviderEventReceived
from hub.integrations.inbox import INBOX_APPLY, LONGEST_BODY, apply_due, receive, replay
from hub.integrations.records import InboxDelivery
from hub.sdk.clock import VirtualClock
from tests.integrations.fakes import FakeRegistry, FakeTime, Gps, Payments, Script, instance, paid, pending, signed

COLLECT = CollectRequest(
    money=Money(100_00), mandate_ref="m-1", due_on=date(2026, 1, 31), purpose="rent", contract_number="C-1"
)

MANDATE = MandateRequest(
    payer_ref="party-1",
    account=BankAccount(holder="张三丰", number="6222020200112233445", bank_code="ICBC"),
    limit=Money(500_00),
    contract_number="C-1",
)


def payment(event_id: str | None = "e-1", ref: str = "p-1", status: str = "succeeded", **more: Any) -> dict[str, Any]:
    return {"event_id": event_id, "kind": "payment", "subject_ref": ref, "status": status, **more}


class Bench:
    """A payment provider and a tracker that call back, and what rooms are told."""

    def __init__(self, database: Database, clock: VirtualClock) -> None:
        self.database, self.clock, self.script = database, clock, Script()
        self.registry = FakeRegistry(instance("psp", Payments, self.script), instance("gps", Gps, Script()))
        time = FakeTime()
        self.executor = Executor(
            database=database,
            registry=self.registry,  # type: ignore[arg-type]
            tenant="demo",
            timer=time.timer,
            sleep=time.sleep,
        )
        self.facts: list[Fact] = []
        database.listener = self._hear

    async def _hear(self, tx: Tx, fact: Fact) -> None:
        self.facts.append(fact)

    def request(self, body: bytes, headers: Mapping[str, str], **more: Any) -> WebhookRequest:
        given = {"method": "POST", "path": "/webhooks/psp", "query": {}, "received_at": self.clock.now(), **more}
        return WebhookRequest(body=body, headers=headers, **given)

    async def deliver(self, *events: dict[str, Any], to: str = "psp", **more: Any) -> WebhookReply:
        request = self.request(*signed({"events": list(events)}), **more)
        return await receive(self.database, self.registry, instance=to, request=request)  # type: ignore[arg-type]

    async def collect(self, *steps: object, key: str = "charge-1") -> UUID:
        self.script.steps["payments_collect"] = list(steps)
        return (await self.executor.call(Ask(operation="payments_collect", request=COLLECT, key=key))).call_id

    def say(self, *steps: object) -> None:
        self.script.steps["payments_status"] = list(steps)

    async def apply(self) -> int:
        return await apply_due(self.database, self.executor)

    async def rows(self) -> list[InboxDelivery]:
        async with self.database.engine.connect() as connection:
            query = sa.select(InboxDelivery.__table__).order_by(InboxDelivery.event_key)
            return [InboxDelivery(**row) for row in (await connection.execute(query)).mappings()]

    async def states(self) -> dict[str, str]:
        return {row.event_key: row.state for row in await self.rows()}


@pytest.fixture
def bench(database: Database, clock: VirtualClock) -> Bench:
    return Bench(database, clock)


# The door


async def test_a_callback_is_stored_before_it_is_answered_and_answered_as_the_vendor_likes(bench: Bench) -> None:
    reply = await bench.deliver(payment())
    assert (reply.status, reply.body) == (200, b"success")
    [row] = await bench.rows()
    assert (row.instance, row.event_key, row.state, row.verified) == ("psp", "e-1", "received", True)
    assert row.headers["x-signature"] == "***"  # type: ignore[index,call-overload]
    assert b"p-1" not in row.request_sealed
    async with bench.database.engine.connect() as connection:
        jobs = (await connection.execute(sa.text("select task_name from procrastinate_jobs"))).scalars().all()
    assert jobs == [INBOX_APPLY]


async def test_a_database_that_does_not_commit_gives_no_yes(bench: Bench) -> None:
    def fail(point: str) -> None:
        if point == "commit":
            raise ConnectionError("gone")

    bench.database.fault = fail
    with pytest.raises(ConnectionError):
        await bench.deliver(payment())
    assert await bench.rows() == []


async def test_five_at_once_are_one_row_and_five_yeses(bench: Bench) -> None:
    replies = await asyncio.gather(*(bench.deliver(payment()) for _ in range(5)))
    assert {reply.body for reply in replies} == {b"success"}
    assert len(await bench.rows()) == 1


async def test_without_event_ids_the_bytes_within_a_day_are_the_key(bench: Bench) -> None:
    await bench.deliver(payment(None))
    await bench.deliver(payment(None))
    await bench.deliver(payment(None, status="pending"))
    assert len(await bench.rows()) == 2
    bench.clock.advance(timedelta(days=1))
    await bench.deliver(payment(None))
    assert len(await bench.rows()) == 3


async def test_the_same_event_id_of_two_instances_is_two_callbacks(bench: Bench) -> None:
    await bench.deliver(payment())
    await bench.deliver(payment(), to="gps")
    assert len(await bench.rows()) == 2


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-signature": ""},
        {"x-signature": "0" * 64},
        {"X-Signature": "right, but not in lower case as promised"},
    ],
)
async def test_what_is_forged_is_refused_and_nothing_is_kept(bench: Bench, headers: dict[str, str]) -> None:
    body, _ = signed({"events": [payment()]})
    request = bench.request(body, headers)
    reply = await receive(bench.database, bench.registry, instance="psp", request=request)  # type: ignore[arg-type]
    assert reply.status == 401
    assert await bench.rows() == []


async def test_a_changed_body_and_a_prefix_of_the_signature_are_refused(bench: Bench) -> None:
    body, headers = signed({"events": [payment()]})
    for request in (
        bench.request(body + b" ", headers),
        bench.request(body, {"x-signature": headers["x-signature"][:32]}),
    ):
        reply = await receive(bench.database, bench.registry, instance="psp", request=request)  # type: ignore[arg-type]
        assert reply.status == 401
    assert await bench.rows() == []


async def test_a_plugin_that_breaks_over_a_callback_is_a_refusal(bench: Bench) -> None:
    request = bench.request(*signed("break"))
    reply = await receive(bench.database, bench.registry, instance="psp", request=request)  # type: ignore[arg-type]
    assert reply.status == 401


@pytest.mark.parametrize("answer", [None, True, WebhookDelivery(verified="yes")])  # type: ignore[arg-type]
async def test_a_plugin_that_answers_anything_else_has_not_verified(bench: Bench, answer: object) -> None:
    bench.registry.change("psp", receive=lambda request: answer)
    assert (await bench.deliver(payment())).status == 401


async def test_too_large_and_unknown_instances_are_refused(bench: Bench) -> None:
    request = bench.request(b"x" * (LONGEST_BODY + 1), {})
    too_large = await receive(bench.database, bench.registry, instance="psp", request=request)  # type: ignore[arg-type]
    assert too_large.status == 413
    assert (await bench.deliver(payment(), to="nobody")).status == 404
    assert await bench.rows() == []


# Applying


async def test_an_event_only_wakes_a_question(bench: Bench) -> None:
    await bench.collect(UnknownOutcome("reset"))
    bench.say(paid(cents=99_99))  # the event says succeeded; what the status says is what counts
    await bench.deliver(payment(subject_key="charge-1"))
    assert await bench.apply() == 1
    [fact] = bench.facts
    assert isinstance(fact, OutcomeKnown)
    assert fact.result == paid(cents=99_99)
    assert await bench.states() == {"e-1": "applied"}
    assert [hook for hook, _ in bench.registry.told if hook == "webhook_applied"]


async def test_a_pending_call_is_found_by_the_providers_reference(bench: Bench) -> None:
    await bench.collect(pending("p-1"))
    bench.say(paid())
    await bench.deliver(payment())
    await bench.apply()
    assert len(bench.facts) == 1


async def test_events_out_of_order_and_twice_tell_once(bench: Bench) -> None:
    await bench.collect(pending("p-1"))
    bench.say(paid())
    await bench.deliver(payment("e-2", status="succeeded"))
    await bench.deliver(payment("e-1", status="pending"))
    await bench.apply()
    await bench.deliver(payment("e-3", status="succeeded"))
    await bench.apply()
    assert len(bench.facts) == 1
    assert len(bench.script.of("payments_status")) == 1
    assert await bench.states() == {"e-1": "applied", "e-2": "applied", "e-3": "stale"}


async def test_an_event_that_is_here_before_our_calls_answer_is_not_lost(bench: Bench) -> None:
    gate, sent = asyncio.Event(), asyncio.Event()

    async def slow(request: object, ctx: object) -> PaymentResult:
        sent.set()
        await gate.wait()
        return pending("p-1")

    call = asyncio.create_task(bench.collect(slow))
    await sent.wait()
    await bench.deliver(payment("by-ref"))
    await bench.deliver(payment("by-key", ref="p-1", subject_key="charge-1"))
    await bench.apply()
    assert await bench.states() == {"by-ref": "received", "by-key": "received"}
    assert not bench.script.of("payments_status")  # the answer is on its way: nobody asks behind its back
    gate.set()
    await call
    bench.say(paid())
    bench.clock.advance(timedelta(seconds=5))
    await bench.apply()
    assert await bench.states() == {"by-ref": "applied", "by-key": "applied"}
    assert len(bench.facts) == 1


async def test_who_cannot_be_asked_by_our_key_is_asked_by_the_name_that_an_event_gives(bench: Bench) -> None:
    await bench.collect(UnknownOutcome("reset"))
    bench.say(Rejected("reference_needed"), paid(ref="p-7"))
    await bench.deliver(payment("named", ref="p-7", subject_key="charge-1"))
    await bench.apply()
    assert await bench.states() == {"named": "applied"}
    asked = [sent.request for sent in bench.script.of("payments_status")]
    assert [(query.provider_ref, query.idempotency_key is not None) for query in asked] == [(None, True), ("p-7", True)]
    assert len(bench.facts) == 1


async def test_no_record_under_the_name_that_an_event_gives_proves_nothing(bench: Bench) -> None:
    await bench.collect(UnknownOutcome("reset"))
    for _ in range(3):
        bench.clock.advance(timedelta(hours=7))
        bench.say(Rejected("reference_needed"), NoRecord(query=StatusQuery(provider_ref="p-7")))
        await bench.deliver(payment(f"named-{bench.clock.now()}", ref="p-7", subject_key="charge-1"))
        await bench.apply()
    assert not bench.facts
    assert len(bench.script.of("payments_collect")) == 1


async def test_an_event_before_the_providers_own_status_waits_for_it(bench: Bench) -> None:
    await bench.collect(pending("p-1"))
    bench.say(pending("p-1"), paid())
    await bench.deliver(payment())
    await bench.apply()
    assert await bench.states() == {"e-1": "received"}
    assert await bench.apply() == 0
    bench.clock.advance(timedelta(seconds=5))
    await bench.apply()
    assert await bench.states() == {"e-1": "applied"}


async def test_an_event_that_says_what_we_know_is_stale_at_once(bench: Bench) -> None:
    await bench.collect(pending("p-1"))
    bench.say(pending("p-1"))
    await bench.deliver(payment(status="pending"))
    await bench.apply()
    assert await bench.states() == {"e-1": "stale"}


async def test_what_a_callback_makes_doubtful_is_told_as_a_reason_to_ask(bench: Bench) -> None:
    """A mandate is active as far as its call knows: that a callback says otherwise is passed on, and not believed."""
    ask = Ask(operation="payments_mandate", request=MANDATE, key="mandate-1")
    assert (await bench.executor.call(ask)).result == Mandate(mandate_ref="m-1", status=MandateStatus.ACTIVE)
    told = {"kind": "mandate", "subject_ref": "m-1", "subject_key": "mandate-1"}
    await bench.deliver({**told, "event_id": "e-1", "status": "active"})
    await bench.deliver({**told, "event_id": "e-2", "status": "revoked"})
    await bench.apply()
    assert await bench.states() == {"e-1": "stale", "e-2": "applied"}
    assert bench.facts == [
        NewsAfterwards(
            operation="payments_mandate", key="mandate-1", instance="psp", kind=WebhookKind.MANDATE, status="revoked"
        )
    ]


async def test_what_belongs_to_no_call_is_kept_visible_after_a_while(bench: Bench) -> None:
    await bench.deliver(payment(ref="somebody-else"))
    await bench.deliver({"event_id": "e-2", "kind": "unmapped", "subject_ref": ""})
    await bench.apply()
    assert await bench.states() == {"e-1": "received", "e-2": "unmapped"}
    for _ in range(4):
        bench.clock.advance(timedelta(hours=1))
        await bench.apply()
    assert await bench.states() == {"e-1": "unmapped", "e-2": "unmapped"}


async def test_what_nobody_asked_for_is_told_to_the_rooms_once(bench: Bench) -> None:
    alarm = {
        "event_id": "a-1",
        "kind": "device_alarm",
        "subject_ref": "device-1",
        "status": "power_cut",
        "detail": {"voltage": "0.0"},
    }
    await bench.deliver(alarm, to="gps")
    await bench.apply()
    await bench.apply()
    assert bench.facts == [
        ProviderEventReceived(
            instance="gps",
            kind=WebhookKind.DEVICE_ALARM,
            subject_ref="device-1",
            status="power_cut",
            detail={"voltage": "0.0"},
            occurred_at=bench.clock.now(),
        )
    ]
    assert await bench.states() == {"a-1": "applied"}


async def test_one_event_that_a_room_stumbles_over_stops_no_other(bench: Bench) -> None:
    async def hear(tx: Tx, fact: Fact) -> None:
        assert isinstance(fact, ProviderEventReceived)
        if fact.subject_ref == "bad":
            raise ValueError("a bug in a room")
        bench.facts.append(fact)

    bench.database.listener = hear
    for device in ("good-1", "bad", "good-2"):
        await bench.deliver({"event_id": device, "kind": "position", "subject_ref": device}, to="gps")
    await bench.apply()
    assert await bench.states() == {"bad": "failed", "good-1": "applied", "good-2": "applied"}
    [bad] = [row for row in await bench.rows() if row.state == "failed"]
    assert bad.error.startswith("ValueError")


async def test_a_call_that_cannot_be_asked_after_makes_its_event_wait_and_then_fail(bench: Bench) -> None:
    await bench.collect(UnknownOutcome("reset"))

    async def hear(tx: Tx, fact: Fact) -> None:
        raise ValueError("a bug in a room")

    bench.database.listener = hear
    bench.say(paid())
    await bench.deliver(payment(subject_key="charge-1"))
    await bench.apply()
    assert await bench.states() == {"e-1": "received"}
    for _ in range(4):
        bench.clock.advance(timedelta(hours=1))
        await bench.apply()
    assert await bench.states() == {"e-1": "failed"}


async def test_two_workers_apply_each_callback_once(bench: Bench) -> None:
    for number in range(20):
        await bench.deliver({"event_id": str(number), "kind": "position", "subject_ref": "d"}, to="gps")
    counts = await asyncio.gather(*(bench.apply() for _ in range(3)))
    assert sum(counts) == 20
    assert len(bench.facts) == 20


# Replay


async def test_a_replay_reads_the_callback_anew_and_applies_it_again(bench: Bench) -> None:
    await bench.deliver({"event_id": "e-1", "kind": "unmapped", "subject_ref": ""})
    await bench.apply()
    [row] = await bench.rows()
    old = bench.registry.current.instances["psp"].receive
    assert old is not None

    def mapped(request: WebhookRequest) -> WebhookDelivery:
        """The plugin after an upgrade: it understands more."""
        delivery = old(request)
        events = tuple(dataclasses.replace(event, kind=WebhookKind.POSITION) for event in delivery.events)
        return dataclasses.replace(delivery, events=events)

    bench.registry.change("psp", receive=mapped)
    async with bench.database.transaction(system("operator")) as tx:
        await replay(tx, bench.registry, inbox_id=row.id)  # type: ignore[arg-type]
    await bench.apply()
    [row] = await bench.rows()
    assert (row.state, row.replayed_count) == ("applied", 1)
    assert isinstance(bench.facts[0], ProviderEventReceived)


async def test_a_replay_of_nothing_is_not_found(bench: Bench) -> None:
    with pytest.raises(NotFound):
        async with bench.database.transaction(system("operator")) as tx:
            await replay(tx, bench.registry, inbox_id=uuid4())  # type: ignore[arg-type]
