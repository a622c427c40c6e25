"""W5: callbacks in. One API process takes signed callbacks of a provider; beside them a route of the same server that does nothing.

Every yes must stand for a committed row: what was answered is counted against what is stored, also after the process is
killed in the middle. Then the stored callbacks are applied in batches.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import random
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime

import aiohttp

from bench.ground import Ground, answering, free_port
from bench.measure import Report, abreast, by_turns, percentile

AT_ONCE = 32
_SECRET = "sandbox-webhook-secret"
_CONFIGURATION = """
[plugins.sandbox_payments]
distribution = "leasehub-payments-sandbox"
[providers.psp_main]
plugin = "sandbox_payments"
mode = "sandbox"
allow_hosts = ["127.0.0.1"]
settings = { base_url = "http://127.0.0.1:9", timeout_s = 1 }
[routes.payments]
default = ["psp_main"]
"""


class _Posts:
    """Somebody who posts callbacks, and remembers what was answered and how fast."""

    def __init__(self, session: aiohttp.ClientSession, address: str, chance: random.Random) -> None:
        self._session = session
        self._address = address
        self._run = f"{chance.getrandbits(32):08x}"
        self.taken: set[str] = set()
        self.refused = 0
        self.times: list[float] = []

    async def callback(self, number: int) -> None:
        """A callback that is like no other."""
        event = f"evt-{self._run}-{number}"
        body = json.dumps(
            {
                "id": event,
                "type": "charge.settled",
                "occurred_at": "2026-01-31T01:00:00+00:00",
                "data": {"ref": f"mv-{event}", "key": f"key-{event}", "status": "settled"},
            }
        ).encode()
        started = time.perf_counter()
        async with self._session.post(
            f"{self._address}/webhooks/psp_main", data=body, headers=_signed(event, body)
        ) as answer:
            await answer.read()
        self.times.append(time.perf_counter() - started)
        if answer.status == 200:
            self.taken.add(event)
        else:
            self.refused += 1

    async def nothing(self, _: int) -> None:
        """The route that does nothing."""
        await self._post("/nothing")

    async def nothing_last(self, _: int) -> None:
        """The same, behind all others."""
        await self._post("/nothing-last")

    async def _post(self, path: str) -> None:
        async with self._session.post(self._address + path, data=b"{}") as answer:
            await answer.read()
            assert answer.status == 200


def _signed(event: str, body: bytes) -> dict[str, str]:
    """Headers of Standard Webhooks 1.0.0."""
    sent_at = str(int(datetime.now(UTC).timestamp()))
    digest = hmac.digest(_SECRET.encode(), f"{event}.{sent_at}.".encode() + body, hashlib.sha256)
    return {
        "content-type": "application/json",
        "webhook-id": event,
        "webhook-timestamp": sent_at,
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }


async def run(ground: Ground) -> Report:
    """Measure one process, kill it under load, and apply what it has stored."""
    ground.settings(_CONFIGURATION)
    report = Report(workload="W5 callbacks in")
    posts = await _take(ground, report)
    await _apply(ground, report)
    stored = {str(one) for (one,) in ground.ask("select event_key from webhook_inbox")}
    open_rows = ground.count("select count(*) from webhook_inbox where apply_at is not null and tries = 0")
    report.counts |= {"callbacks answered": len(posts.taken), "webhook_inbox": len(stored)}
    report.invariants = {
        "whatever was answered is stored": posts.taken <= stored,
        "nothing was refused": posts.refused == 0,
        "nothing was left unlooked at": open_rows == 0,
    }
    return report


async def _take(ground: Ground, report: Report) -> _Posts:
    number, port = ground.size(64, 4000), free_port()
    address = f"http://127.0.0.1:{port}"
    with ground.process("bench.server", str(port)) as server:
        await answering(f"{address}/health/live", server)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:
            posts = _Posts(session, address, random.Random(ground.seed))
            turn = iter(range(10**9))
            pair = await by_turns(
                lambda: abreast(number, AT_ONCE, posts.nothing),
                lambda: abreast(number, AT_ONCE, lambda _: posts.callback(next(turn))),
            )
            last = await by_turns(
                lambda: abreast(number, AT_ONCE, posts.nothing_last),
                lambda: abreast(number, AT_ONCE, lambda _: posts.callback(next(turn))),
            )
            share, rate = 1 / pair.ratio, number / min(pair.subject)
            report.line("against one that is declared last, as new routes are", f"{1 / last.ratio:.2f}x")
            report.line(
                f"callbacks, {AT_ONCE} at once",
                f"{share:.2f}x a route that does nothing (best {1 / pair.best:.2f}x), {rate:,.0f}/s against"
                f" {number / min(pair.baseline):,.0f}/s",
                ">= 0.5x",
                share >= 0.5,
            )
            p99 = percentile(posts.times[number:], 0.99) * 1000
            report.line("p99 of a callback, a closed crowd", f"{p99:.1f} ms", "<= 50 ms", p99 <= 50)
            await _until_killed(posts, server.kill, ground.size(64, 2000), turn.__next__)
        server.wait()
        assert server.returncode == -signal.SIGKILL
    return posts


async def _until_killed(posts: _Posts, kill: Callable[[], None], number: int, turn: Callable[[], int]) -> None:
    """A crowd in whose middle the process is killed: connections break, and no yes may be a lie."""
    refused = posts.refused

    async def one(count: int) -> None:
        if count == number // 2:
            kill()
        try:
            await posts.callback(turn())
        except aiohttp.ClientError:
            await asyncio.sleep(0)

    await abreast(number, AT_ONCE, one)
    assert posts.refused == refused


async def _apply(ground: Ground, report: Report) -> None:
    """What was stored, applied by the task that the hub runs; none belongs to a call, so each is looked at once."""
    from hub.integrations import inbox

    waiting = ground.count("select count(*) from webhook_inbox where apply_at is not null")
    async with ground.hub(_CONFIGURATION) as hub:
        started = time.perf_counter()
        while await inbox.apply_due(hub.house.database, hub.house.executor):
            pass
        rate = waiting / (time.perf_counter() - started)
    report.counts["callbacks applied"] = waiting
    report.line("applied in batches of 500", f"{rate:,.0f}/s", ">= 2,000/s", rate >= 2000)
