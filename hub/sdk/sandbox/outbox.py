"""A vendor's callbacks: written in the transaction of what they tell, signed and posted afterwards, bounded in every way.

Callbacks about one subject go out in order, different subjects side by side. What is not taken with a 2xx is tried
again with growing pauses, then given up and kept to look at; `revive` puts it back.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from pydantic import SecretStr

from hub.core.provider import Clock
from hub.sdk.reading import JsonObject, json_bytes
from hub.sdk.sandbox.books import Books, stamp
from hub.sdk.sandbox.faults import WEBHOOK, Fault, FaultPlan
from hub.sdk.webhooks import standard_headers

Deliver = Callable[[str, Mapping[str, str], bytes], Awaitable[int]]

MAX_ATTEMPTS = 8
MAX_WAITING = 100_000
_BATCH = 64
_SIDE_BY_SIDE = 8
_STALE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """What a callback tells: its type (`charge.settled`), whom to tell, and the subject by the vendor's ref and the caller's key."""

    type: str
    url: str
    ref: str
    key: str
    status: str
    detail: Mapping[str, str] = field(default_factory=dict)


class Outbox:
    """The callbacks of one vendor."""

    def __init__(
        self, books: Books, clock: Clock, faults: FaultPlan, *, secret: SecretStr, deliver: Deliver
    ) -> None:
        self._books = books
        self._clock = clock
        self._faults = faults
        self._secret = secret
        self._deliver = deliver

    def tell(self, what: Occurrence) -> None:
        """Queue a callback inside the caller's transaction; nobody to tell is nothing to do."""
        if not what.url:
            return
        now = self._clock.now()
        row = self._books.one("select coalesce(max(seq), 0) + 1 as seq, count(*) as waiting from callback")
        seq = int(row["seq"]) if row else 1
        event_id = f"evt_{what.type}_{what.ref}_{seq}"
        data: JsonObject = {"ref": what.ref, "key": what.key, "status": what.status, "detail": dict(what.detail)}
        body: JsonObject = {"id": event_id, "type": what.type, "occurred_at": stamp(now), "data": data}
        struck = self._faults.meet(WEBHOOK, event_id, {"type": what.type, **data}, effect=True)
        flaw = struck.fault if struck else None
        delay = timedelta(seconds=struck.seconds) if struck and flaw is Fault.DELAY else timedelta()
        self._books.run(
            "insert into callback (seq, event_id, type, subject, url, body, due_at, place, flaw, state)"
            " values (:seq, :event_id, :type, :subject, :url, :body, :due_at, :place, :flaw, :state)",
            seq=seq,
            event_id=event_id,
            type=what.type,
            subject=what.ref,
            url=what.url,
            body=json_bytes(body),
            due_at=stamp(now + delay),
            place=None,
            flaw=flaw.value if flaw else "",
            state="dropped" if flaw is Fault.DROP else "waiting",
        )
