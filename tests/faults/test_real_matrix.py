"""Every operation of every real plugin under every fault of its vendor: nothing that may have happened is called a no.

The vendors' own books are the judge, and two laws: what the hub holds for refused has not happened, and nothing happens
twice. Which faults prove what stands in the table of the other matrix.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import NAMESPACE_URL, uuid5

import pytest
import sqlalchemy as sa

from hub.core.effects import Effect
from hub.core.hookspecs import OPERATIONS
from hub.core.ports.payments import CollectRequest, PaymentOutcome, PaymentResult, PayoutRequest, RefundRequest
from hub.infra.database import Database
from hub.integrations.answers import Answer, Ask
from hub.integrations.call_book import result_of
from hub.integrations.executor import Executor
from hub.integrations.reconcile import reconcile_due
from hub.integrations.records import ProviderCall
from hub.integrations.verdicts import effect_of
from hub.leasing.payments.rules import MovementState, judge
from hub.sdk.clock import VirtualClock
from hub.testing.kit.line import TRIED
from hub.testing.kit.samples import PERSONAL
from tests.faults.laboratory import HANGS, PATIENCE_S, REFUSED
from tests.faults.test_matrix import FAULTS, KINDS, UNDONE, Kind
from tests.faults.wires import CALM, OWN_LIMIT, OWN_NO, OWN_STRANGER, WireLane, exempted, lanes_of, rigs
from tests.integrations.fakes import FakeRegistry

OURS = (*FAULTS, OWN_NO, OWN_STRANGER, OWN_LIMIT, CALM)
NO_EFFECT_SHOWN = {"rejected", "not_executed"}
OPEN = {"intent", "unknown"}
# How the hub may hold a call while the fault lasts. A bare 402 or 404 carries no word of the vendor's own: it proves
# what its class of statuses proves, and is never "there is nothing".
EXPECTED = {
    Kind.NOTHING_SENT: {"not_executed"},
    Kind.REFUSED: {"rejected", "not_executed", "unknown"},
    Kind.NO_RECORD: {"rejected", "not_executed", "unknown"},
    Kind.IN_DOUBT: {"unknown"},
    Kind.NO_HARM: {"ok", "pending"},
    Kind.OTHER_MONEY: {"ok", "pending", "unknown"},
    Kind.OTHER_SUBJECT: {"ok", "pending", "unknown"},
}
OUR_KINDS = {
    **KINDS,
    OWN_NO: Kind.REFUSED,
    OWN_STRANGER: Kind.NOTHING_SENT,
    OWN_LIMIT: Kind.NOTHING_SENT,
    CALM: Kind.NO_HARM,
}
# All that moves money meets every fault in every run; of the rest each run takes a part, and a soak the whole.
ALWAYS = frozenset(name for name, spec in OPERATIONS.items() if spec.effect is Effect.MONEY)
ONE_IN = 4
A_WHILE_S = 240
STEPS = (31, 31, 300, 300, 300, 3600, 3600, 6 * 3600, 6 * 3600, 86400, 86400, 86400)


def sampled(plugin: str, operation: str, fault: str) -> bool:
    """Whether a case is in every run."""
    chance = zlib.crc32(f"{plugin} {operation} {fault}".encode()) % ONE_IN
    return fault == CALM or operation in ALWAYS or chance == 0


@dataclass(kw_only=True)
class Case:
    """One call of one operation of a plugin under one fault."""

    lane: WireLane
    operation: str
    request: object
    key: str

    def __str__(self) -> str:
        return f"{self.lane.plugin} {self.operation} x {self.lane.fault}"

    @property
    def effect(self) -> Effect:
        return effect_of(OPERATIONS[self.operation], self.request)

    @property
    def ask(self) -> Ask:
        """The wish, the same each time."""
        return Ask(
            operation=self.operation, request=self.request, key=self.key, pin=self.lane.instance.name, deadline_s=300
        )


class Trial:
    """All lanes, one hub, and what was found wrong."""

    def __init__(self, database: Database, clock: VirtualClock, lanes: list[WireLane]) -> None:
        self.database, self.clock, self.lanes = database, clock, lanes
        self.registry = FakeRegistry(*(lane.instance for lane in lanes))
        self.cases: list[Case] = []
        self.usual: dict[tuple[str, str], tuple[int, int]] = {}
        self.wrong: list[str] = []

    @property
    def executor(self) -> Executor:
        """One that has seen nothing yet, and that does not sleep between attempts."""
        return Executor(
            database=self.database,
            registry=self.registry,  # type: ignore[arg-type]
            tenant="demo",
            attempts=2,
            sleep=lambda seconds: asyncio.sleep(0),
        )

    def expect(self, what: object, found: object, wanted: object, *, holds: bool) -> None:
        """Note what is not as it must be."""
        if not holds:
            self.wrong.append(f"{what}: {found}, expected {wanted}")

    async def arrange(self, *, whole: bool) -> None:
        """Everything that the calls need, before any of them is made; then it is the same time everywhere."""
        for lane in self.lanes:
            for spec in lane.specs:
                if whole or sampled(lane.plugin, spec.name, lane.fault):
                    request = await lane.stage.request_for(spec.name)
                    key = str(uuid5(NAMESPACE_URL, f"{lane.name} {spec.name}"))
                    self.cases.append(Case(lane=lane, operation=spec.name, request=request, key=key))
        self.advance(A_WHILE_S)  # so that nothing arranged is mistaken for what is tried

    def advance(self, seconds: float) -> None:
        """Time passes for everybody."""
        clocks = [self.clock, *(lane.rig.clock for lane in self.lanes)]
        then = max(clock.now() for clock in clocks) + timedelta(seconds=seconds)
        for clock in clocks:
            clock.advance(then - clock.now())

    async def call(self, cases: Iterable[Case]) -> list[Answer]:
        """Every wish, those of one vendor one after the other."""
        made: dict[str, list[Case]] = {}
        for case in cases:
            made.setdefault(case.lane.name, []).append(case)

        async def one_lane(wishes: list[Case]) -> list[Answer]:
            waits = wishes[0].lane.fault in HANGS
            answers = [_asked(self.executor, case) for case in wishes]
            return await asyncio.gather(*answers) if waits else [await one for one in answers]

        return [one for lane in await asyncio.gather(*map(one_lane, made.values())) for one in lane]

    async def rows(self) -> dict[str, ProviderCall]:
        """The record of each case, by its key."""
        query = sa.select(ProviderCall.__table__)
        async with self.database.engine.connect() as connection:
            rows = [ProviderCall(**row) for row in (await connection.execute(query)).mappings()]
        found = Counter(row.idempotency_key for row in rows)
        for case in self.cases:
            self.expect(case, f"{found[case.key]} records", 1, holds=found[case.key] == 1)
        return {row.idempotency_key: row for row in rows}

    async def judge_states(self) -> None:
        """While the faults last."""
        rows = await self.rows()
        await self._learn_what_is_usual(rows)
        for case in self.cases:
            row, wanted = rows[case.key], self._wanted(case)
            shown = f"{row.state} ({row.error_code}: {row.detail})"
            self.expect(case, shown, wanted, holds=row.state in wanted)
            await self._judge_effect(case, row)
            self._judge_record(case, row)

    def _wanted(self, case: Case) -> set[str]:
        kind = OUR_KINDS[case.lane.fault]
        if case.operation in case.lane.unspoilt:  # there was nothing in the answer that the fault could change
            return EXPECTED[Kind.NO_HARM]
        more: set[str] = set()
        looks_first = self.usual[case.lane.plugin, case.operation][1] > 1
        if kind is Kind.OTHER_SUBJECT and (case.effect is Effect.READ or looks_first):
            more = {"rejected"}  # what was looked for first was not in the answer: then nothing was asked for
        if case.lane.fault == "wrong_type" and case.effect is Effect.LEGAL:
            more = {"ok"}  # vendors whose yes is the status alone
        return EXPECTED[kind] | more

    async def _judge_effect(self, case: Case, row: ProviderCall) -> None:
        """What the vendor has done, and how often it was asked to; who is asked in steps may have been lost at the first."""
        fault, (effects, sends) = case.lane.fault, self.usual[case.lane.plugin, case.operation]
        times, asked = (await case.lane.booked())[row.sent_key], case.lane.asked[case.operation]
        undone = fault in UNDONE or OUR_KINDS[fault] in (Kind.NOTHING_SENT, Kind.REFUSED)
        possible = {0} if undone else {effects} if sends == 1 or fault == CALM else {0, effects}
        self.expect(case, f"{times} effects", possible, holds=times in possible)
        once = row.state == "unknown" and case.effect is not Effect.READ
        self.expect(case, f"{asked} sends", f"{sends} at most", holds=not once or asked <= sends)

    async def _learn_what_is_usual(self, rows: dict[str, ProviderCall]) -> None:
        for case in self.cases:
            if case.lane.fault == CALM:
                times = (await case.lane.booked())[rows[case.key].sent_key]
                self.usual[case.lane.plugin, case.operation] = times, case.lane.asked[case.operation]

    def _judge_record(self, case: Case, row: ProviderCall) -> None:
        columns = [row.request_masked, row.result_masked, row.route, row.detail, row.error_code, row.provider_ref]
        shown = json.dumps(columns, ensure_ascii=False) + repr([log.lines for log in case.lane.logs])
        sealed = b"".join(filter(None, (row.request_sealed, row.result_sealed)))
        secrets = (*PERSONAL, *case.lane.stage.secrets())
        leaks = [one for one in secrets if one in shown or one.encode() in sealed]
        self.expect(case, f"{len(leaks)} secrets in its record or log", "none", holds=not leaks)
        told = OUR_KINDS[case.lane.fault] is Kind.OTHER_MONEY and row.state in ("ok", "pending")
        if told and isinstance(case.request, CollectRequest | PayoutRequest | RefundRequest):
            result = result_of(self.database.vault, row)
            assert isinstance(result, PaymentResult)
            asked = case.request.money
            believed = result.outcome is PaymentOutcome.SUCCEEDED and result.money not in (None, asked)
            state = judge(asked, result).state
            self.expect(case, state, "a dispute", holds=not believed or state is MovementState.DISPUTED)

    async def reconcile(self) -> None:
        """The faults are over; time passes, and each question is asked when its time has come."""
        for lane in self.lanes:
            lane.over = True
        for step in STEPS:
            self.advance(step)
            while await reconcile_due(self.database, self.executor):
                pass

    async def judge_ends(self) -> None:
        """What the hub holds for true is what stands in the vendor's books."""
        rows = await self.rows()
        for case in self.cases:
            row, (effects, _) = rows[case.key], self.usual[case.lane.plugin, case.operation]
            if case.effect is Effect.READ:
                continue
            times = (await case.lane.booked())[row.sent_key]
            self.expect(case, f"{times} effects in the end", "one at most", holds=times <= 1)
            self.expect(case, f"ends {row.state}", "not a no", holds=not times or row.state not in NO_EFFECT_SHOWN)
            done = row.state == "ok" and not _is_a_no(result_of(self.database.vault, row))
            self.expect(case, "ends ok", "not, for nothing was done", holds=not (effects and done and not times))
            status_by = OPERATIONS[case.operation].status_by
            asked = status_by in case.lane.instance.operations and "calls.found_again" not in exempted(case.lane.plugin)
            known = row.state not in (OPEN | {"escalated"} if times else OPEN)
            self.expect(case, f"ends {row.state}", "known", holds=known or not asked)

    async def ask_once_more(self) -> None:
        """The same wish again, now that all is well: it is done now, or was done before, and never twice."""
        rows = await self.rows()
        cases = [case for case in self.cases if case.effect is not Effect.READ]
        before = {lane.name: Counter(lane.asked) for lane in self.lanes}
        await self.call(cases)
        for case in cases:
            row = rows[case.key]
            sends = case.lane.asked[case.operation] - before[case.lane.name][case.operation]
            fresh = row.state == "not_executed" and not row.holds_key
            self.expect(case, f"{sends} sends when asked again", "none", holds=fresh or not sends)
            times = (await case.lane.booked())[row.sent_key]
            self.expect(case, f"{times} effects when asked again", "one at most", holds=times <= 1)


async def _asked(executor: Executor, case: Case) -> Answer:
    TRIED.set(case.operation)
    return await executor.call(case.ask)


def _is_a_no(result: object) -> bool:
    return isinstance(result, PaymentResult) and result.code is not None


async def _tried(database: Database, clock: VirtualClock, lanes: list[WireLane], *, whole: bool) -> None:
    if not lanes:
        pytest.skip("it speaks to nobody")
    trial = Trial(database, clock, lanes)
    await trial.arrange(whole=whole)
    await trial.call(trial.cases)
    await trial.judge_states()
    await trial.reconcile()
    await trial.judge_ends()
    await trial.ask_once_more()
    print(f"{len(trial.cases)} cases")
    assert not trial.wrong, "\n".join(trial.wrong)


def test_every_fault_is_in_the_table() -> None:
    assert set(OUR_KINDS) == set(OURS)
    assert REFUSED in OURS


EVERY_PLUGIN = pytest.mark.parametrize("plugin", sorted(rigs()))


@EVERY_PLUGIN
async def test_every_fault_leaves_the_truth(database: Database, clock: VirtualClock, plugin: str) -> None:
    async with lanes_of(plugin, OURS) as lanes:
        await _tried(database, clock, lanes, whole=False)


@pytest.mark.soak
@EVERY_PLUGIN
async def test_every_operation_under_every_fault_over_sockets(
    database: Database, clock: VirtualClock, plugin: str
) -> None:
    async with lanes_of(plugin, OURS, sockets=frozenset(OURS), patience_s=PATIENCE_S) as lanes:
        await _tried(database, clock, lanes, whole=True)
