"""Every operation of the contract under every fault of a provider: each case ends in the one state that is true.

Both lists are taken from where they are declared, so that a new operation and a new fault are in it by themselves; a new
fault without its line in the table below fails. The table knows nothing of the executor.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

import pytest
import sqlalchemy as sa

from hub.core.effects import Effect
from hub.core.hookspecs import OPERATIONS
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.payments import CollectRequest, PaymentResult, PayoutRequest, RefundRequest
from hub.infra.database import Database
from hub.integrations.answers import Ask
from hub.integrations.call_book import result_of
from hub.integrations.executor import Executor
from hub.integrations.plugins import HEALTH, ProviderState
from hub.integrations.reconcile import reconcile_due
from hub.integrations.records import ProviderCall
from hub.integrations.setup import Limits, Setup
from hub.leasing.payments.rules import MovementState, judge
from hub.sdk.clock import VirtualClock
from hub.sdk.sandbox.client import DEFAULT_API_KEY, DEFAULT_WEBHOOK_SECRET
from hub.sdk.sandbox.faults import CALLBACK, Fault
from hub.testing.contexts import call_context
from hub.testing.kit.samples import PERSONAL, samples
from hub.testing.loopback import loopback
from tests.faults.laboratory import HANGS, REFUSED, Lane, laboratory
from tests.integrations.fakes import FakeRegistry

FAULTS = (REFUSED, *(fault.value for fault in Fault if fault not in CALLBACK))
# No stand-in's secret, and nothing that names a person, may stand in a record in the clear.
SECRETS = (*PERSONAL, DEFAULT_API_KEY.get_secret_value(), DEFAULT_WEBHOOK_SECRET.get_secret_value())


class Kind(StrEnum):
    """What a fault lets anybody know."""

    NOTHING_SENT = "nothing_sent"  # proven: nobody did anything
    REFUSED = "refused"  # the vendor's own no
    IN_DOUBT = "in_doubt"  # nobody can tell
    NO_HARM = "no_harm"  # the answer can be read and is true
    OTHER_MONEY = "other_money"  # the answer can be read, and names money that nobody asked for
    OTHER_SUBJECT = "other_subject"  # the answer can be read, and is about something else
    NO_RECORD = "no_record"  # the vendor says that there is nothing


KINDS: Mapping[str, Kind] = {
    REFUSED: Kind.NOTHING_SENT,
    "rate_limited": Kind.NOTHING_SENT,
    "auth_401": Kind.NOTHING_SENT,
    "payment_402": Kind.REFUSED,
    "connection_drop_before": Kind.IN_DOUBT,
    "connection_drop_after": Kind.IN_DOUBT,
    "timeout_before_effect": Kind.IN_DOUBT,
    "timeout_after_effect": Kind.IN_DOUBT,
    "http_500_before": Kind.IN_DOUBT,
    "http_500_after": Kind.IN_DOUBT,
    "redirect_3xx": Kind.IN_DOUBT,
    "garbage_body": Kind.IN_DOUBT,
    "wrong_type": Kind.IN_DOUBT,
    "huge_body": Kind.IN_DOUBT,
    "empty_body": Kind.IN_DOUBT,
    "truncated_body": Kind.IN_DOUBT,
    "endless_body": Kind.IN_DOUBT,
    "slow": Kind.NO_HARM,
    "wrong_currency": Kind.OTHER_MONEY,
    "wrong_amount": Kind.OTHER_MONEY,
    "other_ref": Kind.OTHER_SUBJECT,
    "not_found_yet": Kind.NO_RECORD,
}
# Of these the vendor must not have executed anything when the fault is over; of the other faults it has.
UNDONE = frozenset(
    {
        REFUSED,
        "rate_limited",
        "auth_401",
        "payment_402",
        "connection_drop_before",
        "timeout_before_effect",
        "http_500_before",
        "redirect_3xx",
        "not_found_yet",
    }
)
DONE = {"ok", "pending"}
# Only what has not come to its end is stopped or taken back; signers who wait do so until somebody tells them.
AT_ONCE = {"settle_s": 0, "auto_sign_after_s": 60}
WAITS = {"payments_cancel": {"settle_s": 60}, "esign_void": {"auto_sign_after_s": -1}}
# What is asked about something that the vendor has named already: an answer about something else proves nothing.
ABOUT_A_SUBJECT = frozenset(
    {
        "credit_status",
        "gps_geofence_put",
        "gps_geofence_delete",
        "esign_void",
        "esign_status",
        "esign_fetch",
        "payments_mandate_status",
        "payments_revoke_mandate",
        "payments_cancel",
        "payments_status",
        "messaging_status",
    }
)
# Where "there is nothing" is one of the answers.
MAY_FIND_NOTHING = frozenset(
    {"credit_status", "gps_locate", "esign_status", "payments_mandate_status", "payments_status", "messaging_status"}
)
HEALTH_STATES: Mapping[Kind, set[ProviderState]] = {
    Kind.NOTHING_SENT: {ProviderState.SETUP_RETRY, ProviderState.AUTH_FAILED},
    Kind.REFUSED: {ProviderState.DEGRADED},
    Kind.IN_DOUBT: {ProviderState.SETUP_RETRY},
    Kind.NO_RECORD: {ProviderState.DEGRADED},
}


def expected(operation: str, fault: str) -> set[str]:
    """The states that a call of an operation may be in while the fault lasts."""
    match KINDS[fault]:
        case Kind.NOTHING_SENT:
            return {"not_executed"}
        case Kind.REFUSED:
            return {"rejected"}
        case Kind.IN_DOUBT:
            return {"unknown"}
        case Kind.OTHER_SUBJECT:
            return {"unknown"} if operation in ABOUT_A_SUBJECT else DONE
        case Kind.NO_RECORD:
            return {"ok"} if operation in MAY_FIND_NOTHING else {"rejected"}
        case Kind.NO_HARM | Kind.OTHER_MONEY:
            return DONE


@dataclass(kw_only=True)
class Case:
    """One call of one operation at a vendor under one fault."""

    lane: Lane
    operation: str
    request: object

    def __str__(self) -> str:
        return f"{self.operation} x {self.lane.fault}"

    @property
    def key(self) -> str:
        return self.lane.key(self.operation)

    @property
    def effect(self) -> Effect:
        return OPERATIONS[self.operation].effect

    def ask(self) -> Ask:
        """The wish, the same each time."""
        return Ask(
            operation=self.operation, request=self.request, key=self.key, pin=self.lane.instance.name, deadline_s=300
        )


class Trial:
    """All lanes, one hub, and what was found wrong."""

    def __init__(self, database: Database, lanes: list[Lane]) -> None:
        self.database = database
        self.lanes = lanes
        self.registry = FakeRegistry(*(lane.instance for lane in lanes))
        self.cases: list[Case] = []
        self.wrong: list[str] = []

    def executor(self, *, attempts: int = 2) -> Executor:
        """One that has seen nothing yet: breakers are tried elsewhere."""
        return Executor(database=self.database, registry=self.registry, tenant="demo", attempts=attempts)  # type: ignore[arg-type]

    def expect(self, what: object, found: object, wanted: object, *, holds: bool) -> None:
        """Note what is not as it must be."""
        if not holds:
            self.wrong.append(f"{what}: {found}, expected {wanted}")

    async def run(self, lane: Lane) -> None:
        """One case after the other; the next is arranged as soon as the last hangs or is over."""
        await lane.script()
        calls = []
        for spec in lane.specs:
            await lane.tell("script", **WAITS.get(spec.name, AT_ONCE))
            request = samples(lane.clock)[spec.name]
            case = Case(lane=lane, operation=spec.name, request=await request(lane) if callable(request) else request)
            self.cases.append(case)
            executor = self.executor(attempts=1 if lane.fault in HANGS else 2)
            calls.append(asyncio.create_task(executor.call(case.ask())))
            hanging = [asyncio.create_task(lane.struck(spec.name))] if lane.fault in HANGS else []
            await asyncio.wait([calls[-1], *hanging], return_when=asyncio.FIRST_COMPLETED)
        calls.append(asyncio.create_task(self._health(lane)))
        for call in calls:
            await call

    async def _health(self, lane: Lane) -> None:
        asked = await health_setup(self.database.clock).with_health(lane.instance)
        wanted, what = HEALTH_STATES.get(KINDS[lane.fault], {ProviderState.LOADED}), f"{HEALTH} of {lane.instance.name}"
        self.expect(what, asked.state, wanted, holds=asked.state in wanted)
        well = asked.state is ProviderState.LOADED
        self.expect(what, asked.reason, "a reason unless it is well", holds=bool(asked.reason) != well)

    async def rows(self) -> dict[tuple[str, str], list[ProviderCall]]:
        """The records of the cases, by operation and key."""
        async with self.database.engine.connect() as connection:
            rows = [
                ProviderCall(**row) for row in (await connection.execute(sa.select(ProviderCall.__table__))).mappings()
            ]
        found: dict[tuple[str, str], list[ProviderCall]] = {}
        for row in rows:
            found.setdefault((row.operation, row.idempotency_key), []).append(row)
        return found

    async def judge_states(self) -> None:
        """While the faults last: the state of each case, one record of it, and nothing in it that should not be."""
        rows = await self.rows()
        for case in self.cases:
            found = rows.get((case.operation, case.key), [])
            self.expect(case, f"{len(found)} records", 1, holds=len(found) == 1)
            for row in found:
                wanted = expected(case.operation, case.lane.fault)
                self.expect(case, f"{row.state} ({row.error_code}: {row.detail})", wanted, holds=row.state in wanted)
                self._judge_record(case, row)
            done = case.key in case.lane.kept()
            undone = case.effect is Effect.READ or case.lane.fault in UNDONE
            self.expect(case, f"executed {done}", not undone, holds=done != undone)
            if expected(case.operation, case.lane.fault) == {"unknown"} and case.effect is not Effect.READ:
                sends = case.lane.door.seen[case.key]
                self.expect(case, f"{sends} sends", "one, for its outcome is unknown", holds=sends == 1)

    def _judge_record(self, case: Case, row: ProviderCall) -> None:
        shown = json.dumps(
            [row.request_masked, row.result_masked, row.route, row.detail, row.error_code, row.provider_ref],
            ensure_ascii=False,
        )
        sealed = b"".join(filter(None, (row.request_sealed, row.result_sealed)))
        leaks = [secret for secret in SECRETS if secret in shown or secret.encode() in sealed]
        self.expect(case, f"its record shows {leaks}", "nothing of that", holds=not leaks)
        plain = case.effect is Effect.READ
        self.expect(
            case, "asked after", "a read is not", holds=not (plain and row.reconcile_at and row.state != "pending")
        )
        searched = row.state in ("unknown", "pending")
        self.expect(case, row.reconcile_at, "a time", holds=plain or (row.reconcile_at is not None) == searched)
        if case.lane.fault in ("wrong_currency", "wrong_amount") and isinstance(
            case.request, CollectRequest | PayoutRequest | RefundRequest
        ):
            result = result_of(self.database.vault, row)
            assert isinstance(result, PaymentResult)
            state = judge(case.request.money, result).state
            self.expect(case, state, "a dispute", holds=state is MovementState.DISPUTED)

    async def end_faults(self, stack: AsyncExitStack) -> None:
        """Every vendor behaves from here on, and those who were away are back."""
        for lane in self.lanes:
            await lane.tell("faults", faults=[])
            if lane.fault == REFUSED:
                await stack.enter_async_context(loopback(lane.door, bound=lane.shut))

    async def reconcile(self, clock: VirtualClock) -> None:
        """Time passes for everybody, and each question is asked when its time has come."""
        executor = self.executor()
        for step in (31, 31, 300, 300, 300, 3600, 3600, 6 * 3600, 6 * 3600):
            for each in (clock, *(lane.clock for lane in self.lanes)):
                each.advance(timedelta(seconds=step))
            while await reconcile_due(self.database, executor):
                pass

    async def judge_ends(self) -> None:
        """When the faults are over: what the hub holds for true is what the vendor says."""
        rows = await self.rows()
        for case in self.cases:
            if case.effect is Effect.READ:
                continue
            for row in rows[case.operation, case.key]:
                await self._judge_end(case, row)

    async def _judge_end(self, case: Case, row: ProviderCall) -> None:
        status_by = OPERATIONS[case.operation].status_by
        if status_by is None:
            wanted = (
                {"escalated"}
                if expected(case.operation, case.lane.fault) == {"unknown"}
                else {"ok", "rejected", "not_executed"}
            )
            self.expect(case, f"ends {row.state}", wanted, holds=row.state in wanted)
            return
        query = StatusQuery(idempotency_key=case.key)
        truth = await getattr(case.lane.arranging, status_by)(query, call_context(case.lane.clock, "truth"))
        if isinstance(truth, NoRecord):
            wanted = {"rejected", "not_executed"}
            self.expect(case, f"ends {row.state}", wanted, holds=row.state in wanted)
            return
        self.expect(case, f"ends {row.state}", "ok", holds=row.state == "ok")
        told = case.lane.fault in (
            "wrong_currency",
            "wrong_amount",
            "other_ref",
        )  # once and for all, by the vendor itself
        known = result_of(self.database.vault, row)
        self.expect(case, known, truth, holds=known == truth or told)

    async def ask_once_more(self) -> None:
        """The same wish again, now that all is well: it has its effect now, or had it before, and never twice."""
        before = {lane.instance.name: Counter(lane.door.seen) for lane in self.lanes}
        rows = await self.rows()
        executor = self.executor()
        answers = await asyncio.gather(
            *(executor.call(case.ask()) for case in self.cases if case.effect is not Effect.READ)
        )
        for case, answer in zip((case for case in self.cases if case.effect is not Effect.READ), answers, strict=True):
            [row] = rows[case.operation, case.key]
            sent = case.lane.door.seen[case.key] - before[case.lane.instance.name][case.key]
            fresh = row.state == "not_executed" and not row.holds_key
            self.expect(case, f"{sent} sends when asked again", int(fresh), holds=sent == int(fresh))
            self.expect(case, answer.outcome, "that of its record", holds=fresh or answer.call_id == row.id)
        for lane in self.lanes:
            kept = Counter(lane.kept())
            wanted = {*lane.arranged, *(lane.key(spec.name) for spec in lane.specs)}
            self.expect(lane.instance.name, kept, "one effect for each key of ours", holds=set(kept) <= wanted)
            self.expect(lane.instance.name, kept, "each once", holds=set(kept.values()) <= {1})


def health_setup(clock: object, limits: Limits = Limits(health_s=60)) -> Setup:
    """What asks an instance how it is; none of the rest is used."""

    def nothing(*_: object) -> None:
        raise AssertionError("nothing else is set up here")

    unused: dict[str, object] = dict.fromkeys(("make_client", "logger", "find"), nothing)
    return Setup(clock=clock, secrets=None, webhook_base="", tenant="demo", limits=limits, **unused)  # type: ignore[arg-type]


def test_every_fault_has_its_line() -> None:
    assert set(KINDS) == set(FAULTS)
    assert set(FAULTS) >= UNDONE | HANGS
    assert len(FAULTS) >= 12
    assert OPERATIONS.keys() >= ABOUT_A_SUBJECT | MAY_FIND_NOTHING


@pytest.mark.long
async def test_every_operation_under_every_fault_ends_in_the_truth(
    database: Database, clock: VirtualClock, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        trial = Trial(database, await stack.enter_async_context(laboratory(FAULTS, tmp_path, clock)))
        hanging = [asyncio.create_task(trial.run(lane)) for lane in trial.lanes if lane.fault in HANGS]
        await asyncio.gather(*(trial.run(lane) for lane in trial.lanes if lane.fault not in HANGS))
        await asyncio.gather(*hanging)
        await trial.judge_states()
        await trial.end_faults(stack)
        await trial.reconcile(clock)
        await trial.judge_ends()
        await trial.ask_once_more()
        print(f"{len(trial.cases)} cases and {len(trial.lanes)} questions of health")
        assert not trial.wrong, "\n".join(trial.wrong)
    assert len(trial.cases) == len(FAULTS) * sum(1 for spec in OPERATIONS.values() if spec.capability)
