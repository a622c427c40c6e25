"""The executor on a real database, with providers that do as they are told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from hub.core.errors import (
    AuthFailed,
    Conflict,
    InvalidInput,
    Misconfigured,
    NotSent,
    ProviderError,
    RateLimited,
    Rejected,
    RetryAdvice,
    UnknownOutcome,
)
from hub.core.identity import DocumentKind
from hub.core.money import Money
from hub.core.ports.credit_bureau import Applicant, CreditPullRequest, Inquiry
from hub.core.ports.gps_tracker import LocateRequest
from hub.core.ports.payments import CollectRequest, PaymentOutcome, PaymentResult
from hub.core.ports.sms import MessageCategory, MessageChannel, MessageRequest
from hub.infra.database import Database
from hub.infra.pipeline import Pipeline, Statement
from hub.infra.scribe import Scribe
from hub.integrations.answers import Ask, CallOutcome
from hub.integrations.executor import Executor
from hub.integrations.plugins import ProviderState
from hub.integrations.records import ProviderCall
from hub.sdk.clock import VirtualClock
from tests.integrations.fakes import (
    Credit,
    FakeRegistry,
    FakeTime,
    Gps,
    Messages,
    Payments,
    Script,
    instance,
    paid,
    pending,
    power_cut,
)

COLLECT = CollectRequest(
    money=Money(100_00), mandate_ref="m-1", due_on=date(2026, 1, 31), purpose="rent", contract_number="C-1"
)
OTHER = replace(COLLECT, money=Money(200_00))


class Bench:
    """Two payment providers, one message sender, one bureau, one tracker, and an executor over them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.first, self.second, self.sms, self.bureau, self.gps = (Script() for _ in range(5))
        self.time = FakeTime()
        self.registry = FakeRegistry(
            instance("psp_main", Payments, self.first),
            instance("psp_backup", Payments, self.second),
            instance("sms_main", Messages, self.sms),
            instance("bureau", Credit, self.bureau),
            instance("gps", Gps, self.gps),
        )
        self.executor = self.another()

    def another(self, **settings: Any) -> Executor:
        given = {"timer": self.time.timer, "sleep": self.time.sleep, **settings}
        return Executor(database=self.database, registry=self.registry, tenant="demo", **given)  # type: ignore[arg-type]

    def facts(self, name: str, **facts: Any) -> None:
        """Let an instance promise something else."""
        bound = self.registry.current.instances[name].operations
        changed = {key: replace(one, facts=replace(one.facts, **facts)) for key, one in bound.items()}
        self.registry.change(name, operations=changed)

    async def rows(self) -> list[ProviderCall]:
        async with self.database.engine.connect() as connection:
            found = await connection.execute(sa.select(ProviderCall.__table__))
            rows = [ProviderCall(**row) for row in found.mappings()]
        return sorted(rows, key=lambda row: (row.holds_key, row.idempotency_key))


@pytest.fixture
def bench(database: Database) -> Bench:
    return Bench(database)


async def until(happened: Callable[[], bool]) -> None:
    """Let other tasks go on until something has happened."""
    async with asyncio.timeout(120):
        while not happened():  # noqa: ASYNC110 - what happens has no event of its own
            await asyncio.sleep(0.001)


def collect(key: str = "charge-1", request: CollectRequest = COLLECT, **more: Any) -> Ask:
    return Ask(operation="payments_collect", request=request, key=key, **more)


def locate(**more: Any) -> Ask:
    return Ask(operation="gps_locate", request=LocateRequest(device_ref="d"), key="where", **more)


# The good way, and the same again


async def test_a_call_is_made_recorded_and_answered(bench: Bench) -> None:
    answer = await bench.executor.call(collect())
    assert answer.outcome is CallOutcome.OK
    assert answer.instance == "psp_main"
    assert answer.value(PaymentResult) == paid()
    [row] = await bench.rows()
    assert (row.id, row.state, row.attempt, row.provider_ref) == (answer.call_id, "ok", 1, "p-1")
    assert row.holds_key
    assert row.request_masked["mandate_ref"] == "m-1"  # type: ignore[index,call-overload]
    assert row.route["ground"] == "default"  # type: ignore[index,call-overload]
    assert row.request_sealed is None  # not needed any more
    assert row.reconcile_at is None
    [sent] = bench.first.sent
    assert sent.ctx.idempotency_key == "charge-1"
    assert sent.ctx.tenant == "demo"
    assert [hook for hook, _ in bench.registry.told] == ["provider_call_finished"]


async def test_the_same_key_gives_the_stored_answer_and_sends_nothing(bench: Bench) -> None:
    first = await bench.executor.call(collect())
    again = await bench.another().call(collect())  # another process
    assert again == first
    assert len(bench.first.sent) == 1
    assert len(await bench.rows()) == 1


async def test_the_same_key_with_another_request_is_a_conflict(bench: Bench) -> None:
    await bench.executor.call(collect())
    with pytest.raises(Conflict):
        await bench.executor.call(collect(request=OTHER))
    assert len(bench.first.sent) == 1


async def test_many_at_once_under_one_key_send_once(bench: Bench) -> None:
    answers = await asyncio.gather(*(bench.executor.call(collect()) for _ in range(8)))
    assert len(bench.first.sent) == 1
    assert {answer.outcome for answer in answers} <= {CallOutcome.OK, CallOutcome.UNKNOWN}
    assert (await bench.executor.call(collect())).outcome is CallOutcome.OK
    assert len(await bench.rows()) == 1


async def test_an_intent_without_an_end_is_unknown_and_not_sent_again(bench: Bench) -> None:
    with power_cut(bench.database), pytest.raises(ConnectionError):
        await bench.executor.call(collect())
    [row] = await bench.rows()
    assert row.state == "intent"
    answer = await bench.executor.call(collect())
    assert answer.outcome is CallOutcome.UNKNOWN
    assert answer.call_id == row.id
    assert len(bench.first.sent) == 1


async def test_a_pending_result_is_an_answer_and_is_asked_after(bench: Bench, clock: VirtualClock) -> None:
    bench.first.steps["payments_collect"] = [pending()]
    answer = await bench.executor.call(collect())
    assert answer.outcome is CallOutcome.OK
    assert answer.value(PaymentResult).outcome is PaymentOutcome.PENDING
    [row] = await bench.rows()
    assert row.state == "pending"
    assert row.reconcile_at == clock.now() + timedelta(seconds=30)


async def test_a_provider_that_does_not_know_itself_leaves_it_unknown(bench: Bench) -> None:
    bench.first.steps["payments_collect"] = [PaymentResult(outcome=PaymentOutcome.UNKNOWN, payment_ref="p-9")]
    answer = await bench.executor.call(collect())
    assert answer.outcome is CallOutcome.UNKNOWN
    [row] = await bench.rows()
    assert (row.state, row.provider_ref) == ("unknown", "p-9")


async def test_a_rejection_that_came_as_a_result_is_an_answer(bench: Bench) -> None:
    bench.first.steps["payments_collect"] = [PaymentResult(outcome=PaymentOutcome.REJECTED, code="insufficient_funds")]
    answer = await bench.executor.call(collect())
    assert answer.outcome is CallOutcome.OK
    assert answer.error_code == "insufficient_funds"
    assert not bench.second.sent
    assert await bench.executor.call(collect()) == answer


# The table of the contract, for money: error, sends to the first, sends to the second, outcome, state, code

TABLE = [
    (NotSent("refused"), 3, 1, CallOutcome.OK, "ok", None),
    (RateLimited(retry_after_s=2), 3, 1, CallOutcome.OK, "ok", None),
    (Rejected("no_such_account"), 1, 0, CallOutcome.REJECTED, "rejected", "no_such_account"),
    (Rejected("not_here", advice=RetryAdvice.OTHER_PROVIDER), 1, 1, CallOutcome.OK, "ok", None),
    (AuthFailed("401"), 1, 1, CallOutcome.OK, "ok", None),
    (Misconfigured("no contract"), 1, 1, CallOutcome.OK, "ok", None),
    (UnknownOutcome("reset"), 1, 0, CallOutcome.UNKNOWN, "unknown", "unknown_outcome"),
    (ValueError("a bug"), 1, 0, CallOutcome.UNKNOWN, "unknown", "unknown_outcome"),
    (SystemExit(1), 1, 0, CallOutcome.UNKNOWN, "unknown", "unknown_outcome"),
    (asyncio.CancelledError(), 1, 0, CallOutcome.UNKNOWN, "unknown", "unknown_outcome"),
    (TimeoutError(), 1, 0, CallOutcome.UNKNOWN, "unknown", "unknown_outcome"),
]


@pytest.mark.parametrize(("error", "firsts", "seconds", "outcome", "state", "code"), TABLE)
async def test_money_by_the_table(
    bench: Bench,
    error: BaseException,
    firsts: int,
    seconds: int,
    outcome: CallOutcome,
    state: str,
    code: str | None,
) -> None:
    bench.first.steps["payments_collect"] = [error]
    answer = await bench.executor.call(collect())
    assert (len(bench.first.sent), len(bench.second.sent)) == (firsts, seconds)
    assert answer.outcome is outcome
    assert answer.error_code == code
    rows = await bench.rows()
    assert rows[-1].state == state
    assert [row.holds_key for row in rows] == [False] * (len(rows) - 1) + [True]
    assert {sent.ctx.idempotency_key for sent in bench.first.sent} == {"charge-1"}
    assert [sent.ctx.attempt for sent in bench.first.sent] == list(range(1, firsts + 1))


@pytest.mark.parametrize("wrong", [None, {"outcome": "succeeded"}, PaymentResult(outcome="succeeded")])  # type: ignore[arg-type]
async def test_a_result_of_the_wrong_type_is_an_unknown_outcome(bench: Bench, wrong: object) -> None:
    bench.first.steps["payments_collect"] = [lambda request, ctx: wrong]
    assert (await bench.executor.call(collect())).outcome is CallOutcome.UNKNOWN
    assert not bench.second.sent


async def test_unknown_stays_unknown_until_it_is_reconciled(bench: Bench) -> None:
    bench.first.steps["payments_collect"] = [UnknownOutcome("reset"), paid()]
    await bench.executor.call(collect())
    assert (await bench.executor.call(collect())).outcome is CallOutcome.UNKNOWN
    assert len(bench.first.sent) == 1


async def test_what_was_proven_not_executed_anywhere_may_be_asked_again(bench: Bench) -> None:
    bench.first.steps["payments_collect"] = bench.second.steps["payments_collect"] = [NotSent("refused")]
    answer = await bench.executor.call(collect())
    assert answer.outcome is CallOutcome.NOT_EXECUTED
    assert answer.error_code == "not_sent"
    bench.first.steps.clear()
    assert (await bench.another().call(collect())).outcome is CallOutcome.OK


async def test_a_pinned_call_never_moves(bench: Bench) -> None:
    bench.second.steps["payments_collect"] = [NotSent("refused")]
    answer = await bench.executor.call(collect(pin="psp_backup"))
    assert (answer.outcome, answer.instance) == (CallOutcome.NOT_EXECUTED, "psp_backup")
    assert not bench.first.sent


async def test_a_read_is_repeated_when_nobody_knows_and_recorded_once(bench: Bench) -> None:
    bench.gps.steps["gps_locate"] = [UnknownOutcome("reset"), UnknownOutcome("reset"), lambda request, ctx: _fix(ctx)]
    answer = await bench.executor.call(locate())
    assert answer.outcome is CallOutcome.OK
    [row] = await bench.rows()
    assert (row.state, row.attempt, row.holds_key, row.result_sealed) == ("ok", 3, False, None)
    assert row.request_hash == b"", "there is no key that another request could take"


def _fix(ctx: Any) -> Any:
    from tests.integrations.fakes import Datum, Fix, dec

    return Fix(latitude=dec("1"), longitude=dec("2"), datum=Datum.WGS84, fixed_at=ctx.deadline)


async def test_a_read_is_read_anew_each_time(bench: Bench) -> None:
    await bench.executor.call(locate())
    await bench.executor.call(locate())
    assert len(bench.gps.of("gps_locate")) == 2
    assert len(await bench.rows()) == 2


async def test_a_read_that_fails_everywhere_says_where_it_was(bench: Bench) -> None:
    bench.gps.steps["gps_locate"] = [UnknownOutcome("reset")]
    answer = await bench.executor.call(locate())
    assert answer.outcome is CallOutcome.UNKNOWN
    [row] = await bench.rows()
    assert (row.state, row.reconcile_at) == ("unknown", None)  # nothing was changed: nobody looks for it


def _pull(inquiry: Inquiry) -> Ask:
    applicant = Applicant(name="张三", document_kind=DocumentKind.PASSPORT, document_number="E12345678")
    request = CreditPullRequest(applicant=applicant, inquiry=inquiry, purpose="lease", consent_ref="c")
    return Ask(operation="credit_pull", request=request, key=f"check-{inquiry}")


async def test_a_hard_inquiry_is_never_repeated_and_a_soft_one_is(bench: Bench) -> None:
    bench.bureau.steps["credit_pull"] = [UnknownOutcome("reset")]
    assert (await bench.executor.call(_pull(Inquiry.HARD))).outcome is CallOutcome.UNKNOWN
    assert len(bench.bureau.sent) == 1
    bench.bureau.sent.clear()
    assert (await bench.executor.call(_pull(Inquiry.SOFT))).outcome is CallOutcome.UNKNOWN
    assert len(bench.bureau.sent) == 3


async def test_nothing_personal_is_readable_in_the_record(bench: Bench) -> None:
    bench.sms.steps["messaging_send"] = [UnknownOutcome("no answer for 13812345678")]
    request = MessageRequest(
        channel=MessageChannel.SMS, to="13812345678", category=MessageCategory.TRANSACTIONAL, body="张三, hello"
    )
    answer = await bench.executor.call(Ask(operation="messaging_send", request=request, key="sms-1"))
    assert "13812345678" not in answer.detail
    async with bench.database.engine.connect() as connection:
        [text] = (await connection.execute(sa.text("select provider_call::text from provider_call"))).scalars()
    assert "13812345678" not in text
    assert "张三" not in text


# Times


async def test_backoff_grows_and_what_the_provider_asks_for_is_kept(bench: Bench) -> None:
    bench.first.steps["payments_collect"] = [NotSent("refused"), RateLimited(retry_after_s=3), paid()]
    assert (await bench.executor.call(collect())).outcome is CallOutcome.OK
    assert bench.time.slept == [0.2, pytest.approx(3.01)]


async def test_a_wait_past_the_deadline_is_not_begun(bench: Bench) -> None:
    bench.first.steps["payments_collect"] = [RateLimited(retry_after_s=60)]
    answer = await bench.executor.call(collect(deadline_s=10))
    assert bench.time.slept == []
    assert answer.instance == "psp_backup"


async def test_a_provider_that_hangs_is_left_at_the_deadline(bench: Bench) -> None:
    async def hang(request: object, ctx: object) -> None:
        await asyncio.Event().wait()

    bench.first.steps["payments_collect"] = [hang]
    executor = bench.another(timer=time.monotonic)
    started = time.monotonic()
    answer = await executor.call(collect(deadline_s=0.1))
    assert time.monotonic() - started < 2
    assert answer.outcome is CallOutcome.UNKNOWN
    assert "no answer within" in answer.detail
    assert not bench.second.sent


async def test_the_vendors_own_limit_is_kept_when_it_is_shorter(bench: Bench) -> None:
    bench.facts("psp_main", max_timeout_s=2.0)
    await bench.executor.call(collect(deadline_s=10))
    [sent] = bench.first.sent
    assert sent.ctx.deadline == bench.database.clock.now() + timedelta(seconds=2)


async def test_a_call_that_is_cancelled_after_the_send_is_unknown_and_recorded(bench: Bench) -> None:
    reached = asyncio.Event()

    async def hang(request: object, ctx: object) -> None:
        reached.set()
        await asyncio.Event().wait()

    bench.first.steps["payments_collect"] = [hang]
    call = asyncio.create_task(bench.executor.call(collect()))
    await reached.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    [row] = await bench.rows()
    assert (row.state, row.detail) == ("unknown", "cancelled after it was sent")
    assert row.reconcile_at is not None


async def test_a_call_that_is_cancelled_while_it_waits_for_a_place_was_not_executed(bench: Bench) -> None:
    executor, gate = bench.another(places=1), asyncio.Event()

    async def wait(request: object, ctx: object) -> PaymentResult:
        await gate.wait()
        return paid()

    bench.first.steps["payments_collect"] = [wait]
    holding = asyncio.create_task(executor.call(collect("one")))
    await until(lambda: bool(bench.first.sent))
    waiting = asyncio.create_task(executor.call(collect("two")))
    await until(lambda: bool(executor._courier.bulkheads._waiting.get("psp_main")))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    gate.set()
    await holding
    states = {row.idempotency_key: (row.state, row.holds_key) for row in await bench.rows()}
    assert states == {"one": ("ok", True), "two": ("not_executed", False)}


async def test_a_slow_provider_does_not_delay_another(bench: Bench) -> None:
    executor, gate = bench.another(places=2, timer=time.monotonic), asyncio.Event()

    async def slow(request: object, ctx: object) -> PaymentResult:
        await gate.wait()
        return paid()

    bench.first.steps["payments_collect"] = [slow]
    slow_calls = [asyncio.create_task(executor.call(collect(f"slow-{number}"))) for number in range(20)]
    await until(lambda: len(bench.first.sent) == 2)
    took = []
    for number in range(10):
        started = time.monotonic()
        await executor.call(collect(f"fast-{number}", pin="psp_backup"))
        took.append(time.monotonic() - started)
    assert sorted(took)[8] < 0.5
    assert len(bench.first.sent) == 2  # the bulkhead held the others back
    gate.set()
    await asyncio.gather(*slow_calls)


# Breakers


async def test_an_open_breaker_sends_calls_elsewhere_and_health_closes_it(bench: Bench) -> None:
    bench.first.steps["payments_collect"] = [NotSent("refused")]
    for number in range(2):
        await bench.executor.call(collect(f"charge-{number}"))
    tried = len(bench.first.sent)
    answer = await bench.executor.call(collect("charge-x"))
    assert answer.instance == "psp_backup"
    assert len(bench.first.sent) == tried
    [row] = [row for row in await bench.rows() if row.idempotency_key == "charge-x"]
    assert row.route["skipped"] == [{"instance": "psp_main", "reason": "the breaker is open"}]  # type: ignore[index,call-overload]

    bench.time.now += 31
    bench.first.healthy = False
    assert (await bench.executor.call(collect("charge-y"))).instance == "psp_backup"
    assert bench.first.sent[-1].operation == "provider_health"
    bench.time.now += 31
    bench.first.healthy = True
    bench.first.steps.clear()
    assert (await bench.executor.call(collect("charge-z"))).instance == "psp_main"
    assert "breaker_changed" in {hook for hook, _ in bench.registry.told}


async def test_wrong_credentials_lock_the_breaker_until_the_settings_change(bench: Bench) -> None:
    bench.first.steps["payments_collect"] = [AuthFailed("401"), paid()]
    await bench.executor.call(collect("a"))
    bench.time.now += 1e6
    assert (await bench.executor.call(collect("b"))).instance == "psp_backup"
    bench.registry.change("psp_main")
    assert (await bench.executor.call(collect("c"))).instance == "psp_main"


async def test_a_business_no_never_opens_a_breaker(bench: Bench) -> None:
    bench.first.steps["payments_collect"] = [Rejected("no")]
    for number in range(30):
        await bench.executor.call(collect(f"charge-{number}"))
    assert len(bench.first.sent) == 30


# Routes, keys, input


async def test_nobody_can_take_it(bench: Bench) -> None:
    for name in ("psp_main", "psp_backup"):
        bench.registry.change(name, state=ProviderState.DISABLED, reason="switched off")
    answer = await bench.executor.call(collect())
    assert (answer.outcome, answer.error_code, answer.instance) == (CallOutcome.NOT_EXECUTED, "no_route", None)
    with pytest.raises(NotSent):
        answer.value(PaymentResult)
    [row] = await bench.rows()
    assert len(row.route["skipped"]) == 2  # type: ignore[index,call-overload,arg-type]


async def test_a_stored_answer_outlives_the_provider(bench: Bench) -> None:
    first = await bench.executor.call(collect())
    for name in ("psp_main", "psp_backup"):
        bench.registry.change(name, state=ProviderState.DISABLED, reason="switched off")
    assert await bench.executor.call(collect()) == first


async def test_a_key_that_is_too_long_for_the_vendor_is_shortened_for_ever_the_same(bench: Bench) -> None:
    bench.facts("psp_main", key_max_len=20)
    long = "a" * 40
    await bench.executor.call(collect(long))
    [row] = await bench.rows()
    assert len(row.sent_key) == 20
    assert bench.first.sent[0].ctx.idempotency_key == row.sent_key
    assert row.idempotency_key == long


async def test_the_request_is_kept_sealed_only_while_it_may_be_sent_again(bench: Bench) -> None:
    bench.first.steps["payments_collect"] = [UnknownOutcome("reset")]
    await bench.executor.call(collect("kept"))
    bench.facts("psp_main", idempotent=False)
    await bench.executor.call(collect("not-kept"))
    kept = {row.idempotency_key: row.request_sealed is not None for row in await bench.rows()}
    assert kept == {"kept": True, "not-kept": False}


@pytest.mark.parametrize(
    ("field", "ask"),
    [
        ("operation", Ask(operation="payments_steal", request=COLLECT, key="k")),
        ("operation", Ask(operation="provider_health", request=COLLECT, key="k")),
        ("request", Ask(operation="payments_payout", request=COLLECT, key="k")),
        ("key", collect("")),
        ("key", collect("k" * 256)),
        ("deadline_s", collect(deadline_s=0)),
    ],
)
async def test_what_cannot_be_asked_is_refused_before_anything_is_written(bench: Bench, field: str, ask: Ask) -> None:
    with pytest.raises(InvalidInput) as refused:
        await bench.executor.call(ask)
    assert refused.value.field == field
    assert await bench.rows() == []


@pytest.mark.parametrize(
    ("error", "kind"),
    [(Rejected("no"), Rejected), (UnknownOutcome(""), UnknownOutcome), (AuthFailed(""), AuthFailed)],
)
async def test_an_answer_turns_back_into_its_error(bench: Bench, error: ProviderError, kind: type[Exception]) -> None:
    bench.second.steps["payments_collect"] = [error]
    answer = await bench.executor.call(collect(pin="psp_backup"))
    with pytest.raises(kind):
        answer.value(PaymentResult)


# What it costs


async def test_money_costs_two_statements_and_a_read_one(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    statements: list[str] = []
    commit = Pipeline.commit

    async def counted(self: Pipeline, batch: Sequence[Statement]) -> list[int]:
        statements.extend(text.split()[0] for text, _ in batch)
        return await commit(self, batch)

    monkeypatch.setattr(Pipeline, "commit", counted)
    await bench.executor.call(collect())
    assert statements == ["INSERT", "UPDATE"]
    statements.clear()
    await bench.executor.call(locate())
    assert statements == ["INSERT"]


async def test_a_crowd_shares_its_commits_and_one_bad_entry_spoils_no_other(bench: Bench) -> None:
    scribe = Scribe(bench.database.engine)
    good = "insert into provider_switch values (%(name)s, true, now(), 'x', 'x')"
    written = await asyncio.gather(
        scribe.write(good, {"name": "a"}),
        scribe.write("insert into provider_switch values (null)", {}),
        scribe.write(good, {"name": "b"}),
        scribe.write(good + " on conflict do nothing", {"name": "a"}),
        return_exceptions=True,
    )
    assert [one if isinstance(one, int) else "failed" for one in written] == [1, "failed", 1, 0]
