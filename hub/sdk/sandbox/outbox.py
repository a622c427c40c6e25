"""A vendor's callbacks: written in the transaction of what they tell, signed and posted afterwards, bounded in every way.

Callbacks about one subject go out in order, different subjects side by side. What is not taken with a 2xx is tried
again with growing pauses, then given up and kept to look at; `revive` puts it back.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
from pydantic import SecretStr

from hub.core.provider import Clock
from hub.sdk.reading import JsonObject, json_bytes
from hub.sdk.sandbox.books import Books, stamp
from hub.sdk.sandbox.faults import WEBHOOK, Fault, FaultPlan
from hub.sdk.webhooks import standard_headers

Deliver = Callable[[str, Mapping[str, str], bytes], Awaitable[int]]

MAX_ATTEMPTS = 8
_BATCH = 64
_SIDE_BY_SIDE = 8
_STALE = timedelta(hours=1)

_QUEUE = """
insert into callback (seq, event_id, type, subject, url, body, due_at, place, flaw, state)
values (:seq, :event_id, :type, :subject, :url, :body, :due_at, :place, :flaw, :state)
"""
# A reordered callback has its place behind the next one and is held until there is a next one.
_DUE = """
select seq, event_id, subject, url, body, flaw from callback
where state = 'waiting' and due_at <= :now and (:held or place <= 2 * (select max(seq) from callback))
order by place limit :limit
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """What a callback tells: its type (`charge.settled`), whom to tell, and the subject by the vendor's ref and the caller's key."""

    type: str
    url: str
    ref: str
    key: str
    status: str
    detail: Mapping[str, str] = field(default_factory=dict)


class HttpPoster:
    """Posts callbacks over HTTP with one client, made at the first post; redirects are not followed."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """Post one callback; gives the status."""
        if self._client is None:
            self._client = httpx.AsyncClient(trust_env=False, timeout=10.0)
        return (await self._client.post(url, headers=headers, content=body)).status_code

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


class Outbox:
    """The callbacks of one vendor."""

    def __init__(self, books: Books, clock: Clock, faults: FaultPlan, *, secret: SecretStr, deliver: Deliver) -> None:
        self._books = books
        self._clock = clock
        self._faults = faults
        self._secret = secret
        self._deliver = deliver

    def tell(self, what: Occurrence) -> None:
        """Queue a callback inside the caller's transaction; nobody to tell is nothing to do."""
        if not what.url:
            return
        row = self._books.one("select coalesce(max(seq), 0) + 1 as seq from callback")
        seq = int(row["seq"]) if row else 1
        event_id = f"evt_{what.ref}_{what.type}_{seq}"
        data: JsonObject = {"ref": what.ref, "key": what.key, "status": what.status, "detail": dict(what.detail)}
        struck = self._faults.meet(WEBHOOK, f"{what.type}|{what.ref}", {"type": what.type, **data}, effect=True)
        flaw = struck.fault if struck else None
        now = self._clock.now()
        late = timedelta(seconds=struck.seconds if struck and flaw is Fault.DELAY else 0)
        body: JsonObject = {"id": event_id, "type": what.type, "occurred_at": stamp(now), "data": data}
        self._books.run(
            _QUEUE,
            seq=seq,
            event_id=event_id,
            type=what.type,
            subject=what.ref,
            url=what.url,
            body=json_bytes(body),
            due_at=stamp(now + late),
            place=2 * seq + (3 if flaw is Fault.REORDER else 0),
            flaw=flaw.value if flaw else "",
            state="dropped" if flaw is Fault.DROP else "waiting",
        )

    def waiting(self) -> int:
        """How many callbacks are still to be taken, those that are held back or delayed included."""
        row = self._books.one("select count(*) as waiting from callback where state = 'waiting'")
        return int(row["waiting"]) if row else 0

    def history(self) -> list[JsonObject]:
        """Every callback with its state, oldest first."""
        return self._books.dump(
            "select seq, event_id, type, subject, due_at, flaw, state, attempts from callback order by seq"
        )

    def revive(self, event_id: str | None) -> int:
        """Queue a callback again whatever became of it, or every one that was given up or dropped."""
        return self._books.run(
            "update callback set state = 'waiting', attempts = 0, flaw = ''"
            " where event_id = :event_id or (:event_id is null and state in ('given_up', 'dropped'))",
            event_id=event_id,
        )

    async def post_due(self, *, held: bool = False) -> tuple[int, int]:
        """Post one batch of what is due; `held` includes those that wait for a later one to overtake them.

        Returns how many were taken and how many were not.
        """
        rows = self._books.all(_DUE, now=stamp(self._clock.now()), held=int(held), limit=_BATCH)
        by_subject: dict[str, list[sqlite3.Row]] = {}
        for row in rows:
            by_subject.setdefault(row["subject"], []).append(row)
        places = asyncio.Semaphore(_SIDE_BY_SIDE)
        posted = await asyncio.gather(*(self._post_in_order(group, places) for group in by_subject.values()))
        taken = sum(posted)
        return taken, len(rows) - taken

    async def flush(self) -> int:
        """Post until nothing due is left or nobody takes anything; returns how many are still waiting."""
        while (await self.post_due(held=True))[0]:
            pass
        return self.waiting()

    async def _post_in_order(self, rows: Sequence[sqlite3.Row], places: asyncio.Semaphore) -> int:
        async with places:
            for done, row in enumerate(rows):
                if not await self._post(row):
                    return done
            return len(rows)

    async def _post(self, row: sqlite3.Row) -> bool:
        body = bytes(row["body"])
        headers = {"content-type": "application/json", **self._signature(row, body)}
        taken = await self._answered_yes(row["url"], headers, body)
        if taken and row["flaw"] == Fault.DUPLICATE:
            await self._answered_yes(row["url"], headers, body)
        self._books.run(
            "update callback set attempts = attempts + 1, state = case when :taken then 'delivered'"
            " when attempts + 1 >= :most then 'given_up' else state end where seq = :seq",
            taken=int(taken),
            most=MAX_ATTEMPTS,
            seq=row["seq"],
        )
        return taken

    def _signature(self, row: sqlite3.Row, body: bytes) -> dict[str, str]:
        secret = self._secret.get_secret_value()
        if row["flaw"] == Fault.BAD_SIGNATURE:
            secret = f"not {secret}"
        sent_at = self._clock.now() - (_STALE if row["flaw"] == Fault.STALE_TIMESTAMP else timedelta())
        return standard_headers(secret, row["event_id"], sent_at, body)

    async def _answered_yes(self, url: str, headers: Mapping[str, str], body: bytes) -> bool:
        try:
            return 200 <= await self._deliver(url, headers, body) < 300
        except (httpx.HTTPError, OSError, TimeoutError):
            return False
