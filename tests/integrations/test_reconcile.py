"""Reconcile on a real database: what becomes of calls that nobody knew the outcome of."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from hub.core.errors import Conflict, InvalidInput, NotFound, NotSent, Rejected, RetryAdvice, UnknownOutcome
from hub.core.events import Fact
from hub.core.money import Money
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.gps_tracker import ImmobilizeRequest
from hub.core.ports.payments import CancelRequest, CollectRequest, PaymentOutcome, PaymentResult
from hub.core.ports.sms import MessageCategory, MessageChannel, MessageReceipt, MessageRequest, MessageStatus
from hub.core.provider import OperationFacts
from hub.infra.access import Actor
from hub.infra.database import Database, Tx
from hub.integrations.answers import Ask, CallOutcome
from hub.integrations.call_log import open_unknowns
from hub.integrations.executor import Executor
from hub.integrations.facts import OutcomeEscalated, OutcomeKnown
from hub.integrations.plugins import ProviderState
from hub.integrations.reconcile import Learned, decide_by_hand, reconcile_due, reconcile_lease, reconcile_now
from hub.integrations.records import ProviderCall
from hub.sdk.clock import VirtualClock
from tests.integrations.fakes import (
    PROMISES,
    FakeRegistry,
    FakeTime,
    Gps,
    Messages,
    Payments,
    Script,
    TracedMessages,
    instance,
    paid,
    pending,
    power_cut,
)

LEASE = uuid4()
COLLECT = CollectRequest(
    money=Money(100_00), mandate_ref="m-1", due_on=date(2026, 1, 31), purpose="rent", contract_number="C-1"
)
NOTHING = NoRecord(query=StatusQuery(idempotency_key="x"))


class Bench:
    """One payment provider in trouble, and everything that rooms are told."""

    def __init__(self, database: Database, clock: VirtualClock, facts: OperationFacts = PROMISES) -> None:
        self.database, self.clock = database, clock
        self.script, self.sms, self.gps = Script(), Script(), Script()
        self.registry = FakeRegistry(
            instance("psp", Payments, self.script, facts),
            instance("sms", Messages, self.sms),
            instance("gps", Gps, self.gps),
        )
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

    def say(self, *steps: object) -> None:
        """What the status query will say, call by call."""
        self.script.steps["payments_status"] = list(steps)

    async def collect(self, *steps: object, key: str = "charge-1") -> UUID:
        """A collection that goes as told; returns the call."""
        self.script.steps["payments_collect"] = list(steps)
        ask = Ask(operation="payments_collect", request=COLLECT, key=key, lease_id=LEASE)
        return (await self.executor.call(ask)).call_id

    async def after(self, wait: timedelta) -> int:
        """Let time pass, then let reconcile look."""
        self.clock.advance(wait)
        return await reconcile_due(self.database, self.executor)

    async def row(self, call_id: UUID) -> ProviderCall:
        async with self.database.engine.connect() as connection:
            query = sa.select(ProviderCall.__table__).where(ProviderCall.id == call_id)
            return ProviderCall(**(await connection.execute(query)).mappings().one())


@pytest.fixture
def bench(database: Database, clock: VirtualClock) -> Bench:
    return Bench(database, clock)


S, M = timedelta(seconds=1), timedelta(minutes=1)


async def test_an_unknown_collection_that_took_effect_becomes_known(bench: Bench) -> None:
    call_id = await bench.collect(UnknownOutcome("reset"))
    bench.say(paid(ref="p-7"))
    assert await bench.after(29 * S) == 0
    assert await bench.after(1 * S) == 1
    [fact] = bench.facts
    assert fact == OutcomeKnown(
        call_id=call_id,
        operation="payments_collect",
        key="charge-1",
        instance="psp",
        outcome=CallOutcome.OK,
        result=paid(ref="p-7"),
    )
    row = await bench.row(call_id)
    assert (row.state, row.provider_ref, row.reconcile_at, row.request_sealed) == ("ok", "p-7", None, None)
    [asked] = bench.script.of("payments_status")
    assert asked.request == StatusQuery(idempotency_key="charge-1")
    answer = await bench.executor.call(Ask(operation="payments_collect", request=COLLECT, key="charge-1"))
    assert answer.value(PaymentResult) == paid(ref="p-7")
    assert len(bench.script.of("payments_collect")) == 1


async def test_what_is_not_known_by_its_reference_is_asked_for_by_our_key(bench: Bench) -> None:
    call_id = await bench.collect(pending(ref="p-of-somebody-else"))
    bench.say(NOTHING, paid(ref="p-7"))
    await bench.after(30 * S)
    by_ref, by_key = (sent.request for sent in bench.script.of("payments_status"))
    assert by_ref == StatusQuery(provider_ref="p-of-somebody-else", idempotency_key="charge-1")
    assert by_key == StatusQuery(idempotency_key="charge-1")
    row = await bench.row(call_id)
    assert (row.state, row.provider_ref) == ("ok", "p-7")


async def test_an_answer_about_another_payment_settles_nothing(bench: Bench) -> None:
    call_id = await bench.collect(pending(ref="p-1"))
    bench.say(paid(ref="p-2"), paid(ref="p-2"), paid(ref="p-2"), paid(ref="p-1"))
    await bench.after(30 * S)
    assert ((await bench.row(call_id)).state, bench.facts) == ("pending", [])
    await bench.after(5 * M)
    assert (await bench.row(call_id)).state == "ok"


async def test_a_collection_that_the_provider_rejected_becomes_known(bench: Bench) -> None:
    await bench.collect(UnknownOutcome("reset"))
    bench.say(PaymentResult(outcome=PaymentOutcome.REJECTED, code="insufficient_funds"))
    await bench.after(30 * S)
    [fact] = bench.facts
    assert isinstance(fact, OutcomeKnown)
    assert (fact.outcome, fact.error_code) == (CallOutcome.OK, "insufficient_funds")


async def test_the_turns_are_30_s_5_min_1_h_6_h_and_daily(bench: Bench) -> None:
    await bench.collect(pending())
    bench.say(pending())
    for wait in (30 * S, 5 * M, 60 * M, 360 * M, 1440 * M, 1440 * M):
        assert await bench.after(wait - S) == 0
        assert await bench.after(S) == 1
    assert bench.facts == []


async def test_unknown_then_pending_then_paid_is_told_step_by_step(bench: Bench) -> None:
    call_id = await bench.collect(UnknownOutcome("reset"))
    bench.say(pending("p-3"), pending("p-3"), paid(ref="p-3"))
    for _ in range(4):
        await bench.after(6 * M)
    assert [fact.result for fact in bench.facts if isinstance(fact, OutcomeKnown)] == [pending("p-3"), paid(ref="p-3")]
    assert bench.script.of("payments_status")[1].request == StatusQuery(provider_ref="p-3", idempotency_key="charge-1")
    assert (await bench.row(call_id)).state == "ok"


async def test_no_record_counts_after_the_settle_window_and_twice_in_a_row(bench: Bench) -> None:
    call_id = await bench.collect(UnknownOutcome("reset"), paid(ref="p-2"))
    bench.say(NOTHING)
    await bench.after(30 * S)  # within the settle window
    assert (await bench.row(call_id)).no_record_count == 0
    await bench.after(5 * M)
    assert (await bench.row(call_id)).no_record_count == 1
    assert len(bench.script.of("payments_collect")) == 1
    await bench.after(60 * M)  # the second: proven, so the same key goes out once more
    first, second = bench.script.of("payments_collect")
    assert first.ctx.idempotency_key == second.ctx.idempotency_key == "charge-1"
    assert first.request == second.request
    [fact] = bench.facts
    assert isinstance(fact, OutcomeKnown)
    assert fact.result == paid(ref="p-2")
    assert (await bench.row(call_id)).attempt == 2


async def test_two_no_records_at_the_same_moment_are_one(bench: Bench) -> None:
    call_id = await bench.collect(UnknownOutcome("reset"))
    bench.say(NOTHING)
    bench.clock.advance(10 * M)
    for _ in range(3):
        assert await reconcile_now(bench.database, bench.executor, call_id) is Learned.NOTHING
    assert (await bench.row(call_id)).no_record_count == 1


async def test_a_record_in_between_starts_the_count_anew(bench: Bench) -> None:
    call_id = await bench.collect(UnknownOutcome("reset"))
    bench.say(NOTHING, PaymentResult(outcome=PaymentOutcome.UNKNOWN, payment_ref="p"), NOTHING)
    bench.clock.advance(10 * M)
    for _ in range(3):
        await reconcile_now(bench.database, bench.executor, call_id)
        bench.clock.advance(M)
    assert len(bench.script.of("payments_collect")) == 1
    assert (await bench.row(call_id)).no_record_count == 1


@pytest.mark.parametrize("again", [UnknownOutcome("reset"), NotSent("refused")])
async def test_a_resend_that_brings_nothing_leaves_it_unknown(bench: Bench, again: Exception) -> None:
    call_id = await bench.collect(UnknownOutcome("reset"), again)
    bench.say(NOTHING)
    for wait in (5 * M, 5 * M):
        await bench.after(wait)
    row = await bench.row(call_id)
    assert row.state == "unknown"
    assert row.no_record_count == 0  # and it must be proven twice again before another
    assert bench.facts == []


@pytest.mark.parametrize(
    "facts",
    [
        OperationFacts(idempotent=True, key_lifetime=timedelta(days=1)),
        OperationFacts(idempotent=True, settle_window=timedelta(minutes=1)),
        OperationFacts(settle_window=timedelta(minutes=1), key_lifetime=timedelta(days=1)),
    ],
)
async def test_without_the_vendors_promises_a_person_decides(
    database: Database, clock: VirtualClock, facts: OperationFacts
) -> None:
    bench = Bench(database, clock, facts)
    call_id = await bench.collect(UnknownOutcome("reset"))
    bench.say(NOTHING)
    for wait in (5 * M, 5 * M):
        await bench.after(wait)
    [fact] = bench.facts
    assert isinstance(fact, OutcomeEscalated)
    assert len(bench.script.of("payments_collect")) == 1
    assert (await bench.row(call_id)).state == "escalated"


async def test_after_the_keys_lifetime_nothing_is_sent_and_a_person_decides(bench: Bench) -> None:
    await bench.collect(UnknownOutcome("reset"))
    bench.say(NOTHING)
    await bench.after(timedelta(hours=24))
    assert isinstance(bench.facts[0], OutcomeEscalated)
    assert len(bench.script.of("payments_collect")) == 1


async def test_a_provider_that_is_down_is_asked_later_and_then_a_person(bench: Bench) -> None:
    call_id = await bench.collect(UnknownOutcome("reset"))
    bench.say(UnknownOutcome("still down"))
    for wait in (30 * S, 5 * M, 60 * M, 360 * M):
        assert await bench.after(wait) == 1
    assert (await bench.row(call_id)).state == "unknown"
    await bench.after(timedelta(days=1))
    assert isinstance(bench.facts[0], OutcomeEscalated)


async def test_what_cannot_be_asked_after_goes_to_a_person_at_once(bench: Bench) -> None:
    bench.gps.steps["gps_immobilize"] = [UnknownOutcome("reset")]
    request = ImmobilizeRequest(device_ref="d", approval_token="t-12345", reason="arrears")
    await bench.executor.call(Ask(operation="gps_immobilize", request=request, key="stop-1"))
    await bench.after(30 * S)
    [fact] = bench.facts
    assert isinstance(fact, OutcomeEscalated)
    assert fact.reason == "it cannot be asked after"
    assert len(bench.gps.of("gps_immobilize")) == 1


async def test_a_message_is_waited_for_politely_and_let_go(bench: Bench) -> None:
    bench.sms.steps["messaging_send"] = [MessageReceipt(message_ref="s", status=MessageStatus.ACCEPTED)]
    request = MessageRequest(channel=MessageChannel.SMS, to="1", category=MessageCategory.MARKETING, body="hi")
    call_id = (await bench.executor.call(Ask(operation="messaging_send", request=request, key="s"))).call_id
    for _ in range(5):
        await bench.after(timedelta(days=1))
    assert (await bench.row(call_id)).state == "ok"
    assert bench.facts == []


# Found by whom it was for


TRACED = OperationFacts(by_receiver=True)
HELLO = MessageRequest(channel=MessageChannel.SMS, to="+8613800000001", category=MessageCategory.MARKETING, body="hi")


async def _sent(bench: Bench, first: object, *later: object) -> UUID:
    bench.registry.change("sms", operations=instance("sms", TracedMessages, bench.sms, TRACED).operations)
    bench.sms.steps["messaging_send"], bench.sms.steps["messaging_status"] = [first], list(later)
    return (await bench.executor.call(Ask(operation="messaging_send", request=HELLO, key="s"))).call_id


async def test_a_message_without_an_answer_is_asked_after_by_its_receiver_until_it_is_settled(bench: Bench) -> None:
    waits = MessageReceipt(message_ref="s-7", status=MessageStatus.ACCEPTED)
    there = MessageReceipt(message_ref="s-7", status=MessageStatus.DELIVERED)
    call_id = await _sent(bench, UnknownOutcome("reset"), waits, there)
    sent_at = (await bench.row(call_id)).started_at
    await bench.after(30 * S)
    assert (await bench.row(call_id)).state == "pending"
    await bench.after(6 * M)
    first, second = [call.request for call in bench.sms.of("messaging_status")]
    assert first == StatusQuery(idempotency_key="s", to="+8613800000001", sent_at=sent_at)
    assert second == StatusQuery(provider_ref="s-7", idempotency_key="s", to="+8613800000001", sent_at=sent_at)
    assert "+8613800000001" not in repr(first)
    row = await bench.row(call_id)
    assert (row.state, row.request_sealed) == ("ok", None)


async def test_the_receiver_is_kept_only_as_long_as_the_message_is_waited_for(bench: Bench) -> None:
    waits = MessageReceipt(message_ref="s-7", status=MessageStatus.ACCEPTED)
    call_id = await _sent(bench, waits, waits)
    assert (await bench.row(call_id)).request_sealed is not None
    for _ in range(5):
        await bench.after(timedelta(days=1))
    row = await bench.row(call_id)
    assert (row.state, row.request_sealed) == ("ok", None)


async def test_a_message_that_is_found_otherwise_is_asked_after_without_its_receiver(bench: Bench) -> None:
    bench.registry.change("sms", operations=instance("sms", TracedMessages, bench.sms).operations)
    bench.sms.steps["messaging_send"] = [MessageReceipt(message_ref="s-7", status=MessageStatus.ACCEPTED)]
    call_id = (await bench.executor.call(Ask(operation="messaging_send", request=HELLO, key="s"))).call_id
    assert (await bench.row(call_id)).request_sealed is None
    await bench.after(6 * M)
    assert bench.sms.of("messaging_status")[0].request == StatusQuery(provider_ref="s-7", idempotency_key="s")


# Crashes and races


async def _crashed(bench: Bench) -> UUID:
    with power_cut(bench.database), pytest.raises(ConnectionError):
        await bench.executor.call(Ask(operation="payments_collect", request=COLLECT, key="charge-1", deadline_s=10))
    async with bench.database.engine.connect() as connection:
        call_id: UUID = (await connection.execute(sa.select(ProviderCall.id))).scalar_one()
    return call_id


async def test_an_intent_without_an_end_is_found_after_its_deadline(bench: Bench) -> None:
    call_id = await _crashed(bench)
    bench.say(paid())
    assert await bench.after(39 * S) == 0
    assert await bench.after(S) == 1
    assert isinstance(bench.facts[0], OutcomeKnown)
    assert (await bench.row(call_id)).state == "ok"


async def test_an_intent_that_may_be_on_its_way_is_left_alone(bench: Bench) -> None:
    call_id = await _crashed(bench)
    assert await reconcile_now(bench.database, bench.executor, call_id) is Learned.NOTHING
    assert not bench.script.of("payments_status")


async def test_an_intent_that_was_never_sent_is_sent_after_all_once_that_is_proven(bench: Bench) -> None:
    call_id = await _crashed(bench)  # whether before or after the send, nobody knows
    bench.script.steps["payments_collect"] = [paid()]
    bench.say(NOTHING)
    for _ in range(3):
        await bench.after(10 * M)
    assert (await bench.row(call_id)).state == "ok"


async def test_news_only_move_forward(bench: Bench) -> None:
    call_id = await bench.collect(UnknownOutcome("reset"))
    bench.say(paid())
    await reconcile_now(bench.database, bench.executor, call_id)
    bench.say(pending())
    assert await reconcile_now(bench.database, bench.executor, call_id) is Learned.CLOSED
    assert (await bench.row(call_id)).state == "ok"
    assert len(bench.facts) == 1


async def test_several_that_ask_at_once_tell_it_once(bench: Bench) -> None:
    call_id = await bench.collect(UnknownOutcome("reset"))
    bench.say(paid())
    learned = await asyncio.gather(*(reconcile_now(bench.database, bench.executor, call_id) for _ in range(5)))
    assert sorted(learned) == [Learned.CLOSED] * 4 + [Learned.SETTLED]
    assert len(bench.facts) == 1


async def test_two_ticks_at_once_take_each_call_once(bench: Bench) -> None:
    for number in range(10):
        await bench.collect(pending(), key=f"charge-{number}")
    bench.say(pending())
    bench.clock.advance(30 * S)
    counts = await asyncio.gather(*(reconcile_due(bench.database, bench.executor) for _ in range(3)))
    assert sum(counts) == 10
    assert len(bench.script.of("payments_status")) == 10


async def test_one_listener_that_stumbles_stops_no_other_call(bench: Bench) -> None:
    bad = await bench.collect(UnknownOutcome("reset"), key="bad")
    good = await bench.collect(UnknownOutcome("reset"), key="good")

    async def hear(tx: Tx, fact: Fact) -> None:
        assert isinstance(fact, OutcomeKnown)
        if fact.key == "bad":
            raise ValueError("a bug in a room")

    bench.database.listener = hear
    bench.say(paid())
    await bench.after(30 * S)
    assert (await bench.row(good)).state == "ok"
    row = await bench.row(bad)
    assert row.state == "unknown"  # what the room did not take is not written either
    assert row.reconcile_at == bench.clock.now() + 5 * M


async def test_an_instance_that_was_switched_off_is_still_asked(bench: Bench) -> None:
    call_id = await bench.collect(UnknownOutcome("reset"))
    bench.registry.change("psp", state=ProviderState.DISABLED, reason="switched off")
    bench.say(paid())
    await bench.after(30 * S)
    assert (await bench.row(call_id)).state == "ok"


async def test_an_instance_that_is_not_set_up_just_now_is_asked_later(bench: Bench) -> None:
    call_id = await bench.collect(UnknownOutcome("reset"))
    bench.registry.change("psp", state=ProviderState.SETUP_ERROR, reason="a secret is missing", operations={})
    await bench.after(30 * S)
    assert (await bench.row(call_id)).state == "unknown"
    assert bench.facts == []


async def test_opening_a_lease_asks_after_what_is_unknown_there(bench: Bench) -> None:
    await bench.collect(UnknownOutcome("reset"))
    bench.say(paid())
    assert await reconcile_lease(bench.database, bench.executor, uuid4()) == 0
    assert await reconcile_lease(bench.database, bench.executor, LEASE) == 1
    assert len(bench.facts) == 1


async def test_a_look_that_failed_leaves_nothing_open_and_is_no_persons_case(bench: Bench) -> None:
    """A status query whose answer got lost is of the lease too; there is nothing to find out about it."""
    bench.say(*[UnknownOutcome("reset")] * 3)
    query = StatusQuery(idempotency_key="charge-1")
    looked = await bench.executor.call(Ask(operation="payments_status", request=query, key="look", lease_id=LEASE))
    assert looked.outcome is CallOutcome.UNKNOWN
    assert await reconcile_lease(bench.database, bench.executor, LEASE) == 0
    assert (await bench.row(looked.call_id)).state == "unknown"
    async with bench.database.transaction(CLERK) as tx:
        assert await open_unknowns(tx) == 0
    await bench.collect(UnknownOutcome("reset"))
    async with bench.database.transaction(CLERK) as tx:
        assert await open_unknowns(tx) == 1
    assert bench.facts == []


async def test_what_is_sent_again_is_asked_after_as_soon_as_at_first(bench: Bench) -> None:
    """The key is honoured for a day: a second send that gets lost must not wait for the turn of an old call."""
    call_id = await bench.collect(UnknownOutcome("reset"), UnknownOutcome("reset"))
    bench.say(NOTHING, NOTHING, NOTHING, paid())
    for wait in (30 * S, 5 * M, 60 * M):
        await bench.after(wait)
    assert len(bench.script.of("payments_collect")) == 2
    assert await bench.after(29 * S) == 0
    assert await bench.after(S) == 1
    assert (await bench.row(call_id)).state == "ok"


@pytest.mark.parametrize(
    ("found", "state", "code"),
    [(NOTHING, "rejected", "limit_exceeded"), (paid(), "ok", None)],
    ids=["nowhere", "there"],
)
async def test_a_second_send_that_is_refused_waits_for_a_word_on_the_first(
    bench: Bench, found: object, state: str, code: str | None
) -> None:
    """Its answer may have got lost with the process that asked, so that two in a row were not the last two."""
    refusal = Rejected("limit_exceeded", advice=RetryAdvice.LATER)
    call_id = await bench.collect(UnknownOutcome("reset"), refusal)
    bench.say(NOTHING, NOTHING, NOTHING, found, found, found)
    for wait in (30 * S, 5 * M, 60 * M):
        await bench.after(wait)
    assert len(bench.script.of("payments_collect")) == 2
    row = await bench.row(call_id)
    assert (row.state, row.error_code, row.advice) == ("unknown", "limit_exceeded", "later")
    assert bench.facts == []
    for wait in (30 * S, 5 * M, 60 * M):
        await bench.after(wait)
    row = await bench.row(call_id)
    assert (row.state, row.error_code) == (state, code)
    assert len(bench.script.of("payments_collect")) == 2
    [known] = bench.facts
    assert isinstance(known, OutcomeKnown)


async def test_an_escalated_call_may_still_settle_by_itself(bench: Bench) -> None:
    call_id = await bench.collect(UnknownOutcome("reset"))
    bench.say(NOTHING)
    await bench.after(timedelta(days=2))
    assert await bench.after(timedelta(days=2)) == 0  # nobody asks of their own accord any more
    assert await reconcile_now(bench.database, bench.executor, call_id) is Learned.NOTHING
    bench.say(paid())
    assert await reconcile_now(bench.database, bench.executor, call_id) is Learned.SETTLED
    assert [type(fact) for fact in bench.facts] == [OutcomeEscalated, OutcomeKnown]


async def test_what_is_not_there_cannot_be_asked_after(bench: Bench) -> None:
    with pytest.raises(NotFound):
        await reconcile_now(bench.database, bench.executor, uuid4())


# By hand

CLERK = Actor(name="clerk", staff_id=None, permissions=frozenset(), branches=None)


async def _decide(bench: Bench, call_id: UUID, outcome: CallOutcome, **more: Any) -> None:
    async with bench.database.transaction(CLERK) as tx:
        await decide_by_hand(tx, call_id=call_id, outcome=outcome, **{"reason": "they sent a letter", **more})


@pytest.mark.parametrize(
    ("outcome", "result", "state"),
    [
        (CallOutcome.OK, paid(), "ok"),
        (CallOutcome.REJECTED, None, "rejected"),
        (CallOutcome.NOT_EXECUTED, None, "not_executed"),
    ],
)
async def test_a_person_decides_and_nothing_is_ever_sent_again(
    bench: Bench, outcome: CallOutcome, result: object, state: str
) -> None:
    call_id = await bench.collect(UnknownOutcome("reset"))
    await _decide(bench, call_id, outcome, result=result)
    [fact] = bench.facts
    assert isinstance(fact, OutcomeKnown)
    assert (fact.outcome, fact.result) == (outcome, result)
    assert (await bench.row(call_id)).state == state
    answer = await bench.executor.call(Ask(operation="payments_collect", request=COLLECT, key="charge-1"))
    assert answer.outcome is outcome
    assert len(bench.script.of("payments_collect")) == 1
    with pytest.raises(Conflict):
        await _decide(bench, call_id, CallOutcome.REJECTED)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("result", {"outcome": CallOutcome.OK}),
        ("result", {"outcome": CallOutcome.OK, "result": "paid"}),
        ("outcome", {"outcome": CallOutcome.UNKNOWN}),
        ("reason", {"outcome": CallOutcome.REJECTED, "reason": " "}),
    ],
)
async def test_half_a_decision_is_refused(bench: Bench, field: str, given: dict[str, Any]) -> None:
    call_id = await bench.collect(UnknownOutcome("reset"))
    with pytest.raises(InvalidInput) as refused:
        await _decide(bench, call_id, **given)
    assert refused.value.field == field
    assert (await bench.row(call_id)).state == "unknown"


# A debit in two steps: announced, and sent once more when the provider takes it


def announced(at: datetime) -> PaymentResult:
    return PaymentResult(outcome=PaymentOutcome.PENDING, payment_ref="p-1", send_again_at=at)


async def test_an_announced_collection_goes_out_once_more_under_its_key_and_is_then_followed(
    database: Database, clock: VirtualClock
) -> None:
    bench = Bench(database, clock, replace(PROMISES, key_lifetime=timedelta(days=30)))
    window_at = bench.clock.now() + timedelta(days=2)
    call_id = await bench.collect(announced(window_at), pending())
    assert (await bench.row(call_id)).request_sealed is not None
    bench.say(announced(window_at))
    for wait in (30 * S, 5 * M, 60 * M, 360 * M, 1440 * M):
        await bench.after(wait)
    assert len(bench.script.of("payments_collect")) == 1
    assert await bench.after(window_at - bench.clock.now() - 1 * S) == 0
    assert await bench.after(1 * S) == 1
    first, second = bench.script.of("payments_collect")
    assert (second.request, second.ctx.idempotency_key) == (first.request, first.ctx.idempotency_key)
    row = await bench.row(call_id)
    assert (row.state, row.attempt, row.request_sealed) == ("pending", 2, None)
    bench.say(paid())
    await bench.after(30 * S)
    assert (await bench.row(call_id)).state == "ok"
    assert len(bench.script.of("payments_collect")) == 2


async def test_a_missed_window_ends_as_a_refusal_that_rooms_hear(bench: Bench) -> None:
    await bench.collect(announced(bench.clock.now() + timedelta(days=2)))
    missed = PaymentResult(outcome=PaymentOutcome.REJECTED, payment_ref="p-1", code="charge_window_missed")
    bench.say(missed)
    await bench.after(timedelta(days=10))
    fact = bench.facts[-1]
    assert isinstance(fact, OutcomeKnown)
    assert (fact.result, fact.error_code) == (missed, "charge_window_missed")
    assert len(bench.script.of("payments_collect")) == 1


async def test_the_second_send_of_a_silent_provider_is_repeated_only_after_the_question(bench: Bench) -> None:
    now = bench.clock.now()
    call_id = await bench.collect(announced(now), UnknownOutcome("reset"), pending())
    bench.say(announced(now))
    await bench.after(30 * S)
    assert len(bench.script.of("payments_collect")) == 2
    await bench.after(30 * S)  # still to be seen: not sent
    assert len(bench.script.of("payments_collect")) == 2
    bench.say(pending())
    await bench.after(60 * M)
    assert len(bench.script.of("payments_collect")) == 2
    assert (await bench.row(call_id)).state == "pending"


async def test_what_should_go_out_once_more_and_is_not_kept_is_for_a_person(bench: Bench) -> None:
    call_id = await bench.collect(pending())
    bench.say(announced(bench.clock.now()))
    await bench.after(30 * S)
    assert (await bench.row(call_id)).state == "escalated"
    assert isinstance(bench.facts[-1], OutcomeEscalated)
    assert len(bench.script.of("payments_collect")) == 1


async def test_a_cancellation_without_an_answer_is_asked_after_by_what_it_stops(bench: Bench) -> None:
    bench.script.steps["payments_cancel"] = [UnknownOutcome("reset")]
    request = CancelRequest(payment_ref="p-9", reason="paid in cash")
    await bench.executor.call(Ask(operation="payments_cancel", request=request, key="cancel-1", lease_id=LEASE))
    await bench.after(30 * S)
    asked = bench.script.of("payments_status")[0]
    assert asked.request == StatusQuery(provider_ref="p-9", idempotency_key="cancel-1")
