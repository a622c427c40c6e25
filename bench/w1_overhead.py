"""W1: what the hub adds to one call of a provider: the same request by the bare client, and by the executor.

The executor's side has everything: plugin, breaker, places, deadline, checks, masks, and the durable record. A debit
is the dearest call (its intent is committed before it is sent, its end after), a look the cheapest.
"""

from __future__ import annotations

import asyncio
import time
from datetime import date
from itertools import count

import httpx

from bench.ground import Ground, answering, free_port
from bench.measure import Pair, Report, abreast, by_turns
from hub.commands.serving import at_rest
from hub.core.money import Money
from hub.core.ports import StatusQuery
from hub.core.ports.payments import CollectRequest
from hub.infra.database import Database
from hub.infra.transport import make_client
from hub.integrations.answers import Ask, CallOutcome
from hub.integrations.executor import Executor
from hub.sdk.reading import json_bytes, json_object
from hub.wiring import HTTP_TIMEOUT_S

AT_ONCE = 32
_GIVEN_BACK_S = (
    0.5  # until a connection that nothing was written on is back in its pool, and until its backend has ended
)
# What the sandbox vendors themselves take for a debit on a quiet machine is a little more than this.
VENDORS_MS = 5
_COLLECT = CollectRequest(
    money=Money(100_00), mandate_ref="m-1", due_on=date(2026, 1, 31), purpose="rent", contract_number="LC-1"
)
_BODY = {
    "amount": {"minor": 100_00, "currency": "CNY"},
    "mandate": "m-1",
    "due_on": "2026-01-31",
    "purpose": "rent",
    "agreement": "LC-1",
}
_INSTANCES = {"at_once": 0, "after_a_while": VENDORS_MS}


def _configuration(port: int) -> str:
    lines = ['[plugins.sandbox_payments]\ndistribution = "leasehub-payments-sandbox"']
    for name, pause in _INSTANCES.items():
        address = f"http://127.0.0.1:{port}/{pause}ms"
        lines += [f'[providers.{name}]\nplugin = "sandbox_payments"\nmode = "sandbox"']
        lines += ['allow_hosts = ["127.0.0.1"]', f'settings = {{ base_url = "{address}", timeout_s = 8 }}']
    return "\n".join([*lines, '[routes.payments]\ndefault = ["at_once"]'])


class _Both:
    """The bare client and the executor, asking the same of the same vendor."""

    def __init__(self, executor: Executor, client: httpx.AsyncClient, address: str) -> None:
        self._executor = executor
        self._client = client
        self._address = address
        self._serials = count(1)
        self.made = self.failed = 0

    async def bare(self, pause: int) -> None:
        """One debit by the bare client, its answer read."""
        headers = {
            "authorization": "Bearer sandbox-api-key",
            "content-type": "application/json",
            "idempotency-key": f"bare-{next(self._serials)}",
            "webhook-url": f"{self._address}/webhooks/at_once",
        }
        url = f"{self._address}/{pause}ms/v1/charges"
        answer = await self._client.post(url, content=json_bytes(_BODY), headers=headers)
        assert json_object(answer.content)["status"] == "settled"

    async def debit(self, instance: str) -> None:
        """One debit by the executor."""
        await self._ask("payments_collect", _COLLECT, instance)

    async def look(self, instance: str) -> None:
        """One look by the executor."""
        await self._ask("payments_status", StatusQuery(provider_ref="mv-1"), instance)

    async def _ask(self, operation: str, request: object, instance: str) -> None:
        key = f"w1-{next(self._serials)}"
        answer = await self._executor.call(Ask(operation=operation, request=request, key=key, pin=instance))
        self.made += 1
        self.failed += answer.outcome is not CallOutcome.OK


async def run(ground: Ground) -> Report:
    """Measure, and prove that every call of it is in the book of calls."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with ground.process("bench.vendor", str(port)) as vendor:
        await answering(f"{address}/0ms/v1/health", vendor)
        client = make_client(timeout_s=HTTP_TIMEOUT_S)
        async with ground.hub(_configuration(port)) as hub, client:
            both = _Both(hub.house.executor, client, address)
            at_rest()
            report = Report(workload="W1 overhead of a call")
            await _one_by_one(ground, both, report)
            await _many_at_once(ground, both, report)
            await _round_trips(ground, hub.house.database, both, report)
        _prove(ground, both, report)
    return report


async def _one_by_one(ground: Ground, both: _Both, report: Report) -> None:
    number = ground.size(20, 400)

    async def times(what: str, pause: int) -> float:
        work = {
            "bare": lambda: both.bare(pause),
            "debit": lambda: both.debit(_of(pause)),
            "look": lambda: both.look(_of(pause)),
        }
        started = time.perf_counter()
        for _ in range(number):
            await work[what]()
        return time.perf_counter() - started

    for pause in _INSTANCES.values():
        for what in ("debit", "look"):
            pair = await by_turns(lambda p=pause: times("bare", p), lambda w=what, p=pause: times(w, p))  # type: ignore[misc]
            goal = pause == VENDORS_MS
            report.line(
                f"{what} after another, vendor takes {pause} ms",
                f"{pair.ratio:.2f}x (best {pair.best:.2f}x), {_us(pair.subject, number)} against {_us(pair.baseline, number)}",
                "<= 1.35x" if goal else "",
                pair.ratio <= 1.35 if goal else None,
            )


async def _many_at_once(ground: Ground, both: _Both, report: Report) -> None:
    number = ground.size(64, 3000)
    cpu: dict[str, list[float]] = {"bare": [], "debit": [], "look": []}

    async def times(what: str) -> float:
        work = {
            "bare": lambda _: both.bare(0),
            "debit": lambda _: both.debit("at_once"),
            "look": lambda _: both.look("at_once"),
        }
        before = time.process_time()
        seconds = await abreast(number, AT_ONCE, work[what])
        cpu[what].append((time.process_time() - before) / number)
        return seconds

    for what in ("debit", "look"):
        pair = await by_turns(lambda: times("bare"), lambda w=what: times(w))  # type: ignore[misc]
        rate = number / min(pair.subject)
        report.line(
            f"{what}s, {AT_ONCE} at once",
            f"{rate:,.0f}/s best, {1 / pair.ratio:.2f}x the client's rate ({number / min(pair.baseline):,.0f}/s)",
            ">= 2,000/s",
            rate >= 2000,
        )
        added = (min(cpu[what]) - min(cpu["bare"])) * 1e6
        report.line(f"CPU added to a {what}", f"{added:.0f} us", "<= 300 us", added <= 300)


async def _round_trips(ground: Ground, database: Database, both: _Both, report: Report) -> None:
    number = ground.size(50, 200)
    for what, ask in (("debit", both.debit), ("look", both.look)):
        before = await _commits(ground, database)
        for _ in range(number):
            await ask("at_once")
        trips = (await _commits(ground, database) - before) / number
        report.line(f"database transactions of a {what}", f"{trips:.2f}", "<= 2", trips <= 2.1)


async def _commits(ground: Ground, database: Database) -> int:
    """Transactions of this database so far. A backend tells its counts for certain only when it ends, so all of ours do."""
    await asyncio.sleep(_GIVEN_BACK_S)
    await database.engine.dispose()
    await asyncio.sleep(_GIVEN_BACK_S)
    return ground.count("select xact_commit from pg_stat_database where datname = current_database()")


def _prove(ground: Ground, both: _Both, report: Report) -> None:
    kept = ground.count("select count(*) from provider_call where idempotency_key like 'w1-%'")
    whole = ground.count("select count(*) from provider_call where state = 'ok' and finished_at is not null")
    report.counts = {"calls": both.made, "provider_call": kept}
    report.invariants = {
        "every call was answered well": both.failed == 0,
        "every call is recorded once": kept == both.made,
        "every record has its end": whole == both.made,
    }


def _of(pause: int) -> str:
    return next(name for name, its in _INSTANCES.items() if its == pause)


def _us(times: Pair | object, number: int) -> str:
    return f"{min(times) / number * 1e6:,.0f} us"  # type: ignore[call-overload]
