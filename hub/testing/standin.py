"""A vendor in memory, behind `httpx.MockTransport`: credentials, kept answers and books; its routes are the author's.

For the rig of a plugin whose vendor speaks JSON under a bearer token. A vendor who speaks otherwise is a handler of your
own: the kit wants nothing but a transport and books.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from hub.core.money import Money
from hub.sdk.reading import JsonObject, json_bytes
from hub.sdk.webhooks import standard_headers
from hub.testing.kit.rig import Booking, Callbacks

KEY_HEADER = "idempotency-key"


class Refused(Exception):
    """The vendor says no, with its own code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as a route sees it."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: JsonObject = field(repr=False)
    key: str


Run = Callable[[Asked], JsonObject]


def refusal(status: int, code: str) -> httpx.Response:
    """How this vendor says no."""
    return httpx.Response(status, json={"error": {"code": code, "message": code}})


class StandIn:
    """A vendor that keeps what it is told. Add routes with `effect` and `read`."""

    def __init__(self, api_key: str) -> None:
        self._api_key = api_key
        self._routes: list[tuple[str, re.Pattern[str], Run]] = []
        self._kept: dict[str, tuple[bytes, JsonObject]] = {}
        self.things: dict[str, JsonObject] = {}
        self.transport = httpx.MockTransport(self._answer)
        self.bookings: list[Booking] = []
        self.read("/v1/health", lambda asked: {"status": "up"})

    def effect(self, path: str, run: Run) -> None:
        """A route with an effect: posted under a key, had once for each."""
        self._routes.append(("POST", _pattern(path), run))

    def read(self, path: str, run: Run) -> None:
        """A route that only looks."""
        self._routes.append(("GET", _pattern(path), run))

    async def books(self) -> Sequence[Booking]:
        """Every effect that the vendor has had."""
        return tuple(self.bookings)

    def keep(self, asked: Asked, money: Money | None = None, **content: object) -> JsonObject:
        """Write something new into the books, under a reference that follows from the key; gives it back."""
        ref = f"ref_{hashlib.sha256(asked.key.encode()).hexdigest()[:16]}"
        self.things[ref] = {"ref": ref, "key": asked.key, **content}
        self.bookings.append(Booking(key=asked.key, money=money))
        return self.things[ref]

    def find(self, asked: Asked) -> JsonObject:
        """What the books have under a reference in the path or a key in the query; raises Refused when nothing."""
        ref, key = asked.path.get("ref"), asked.query.get("key")
        for thing in self.things.values():
            if ref == thing["ref"] or (key and key in (thing["key"], thing.get("other_key"))):
                return thing
        raise Refused(404, "not_found")

    def change(self, asked: Asked, **content: object) -> JsonObject:
        """Change what a path names, under a key of its own."""
        thing = self.find(asked)
        thing |= {**content, "other_key": asked.key}
        self.bookings.append(Booking(key=asked.key))
        return thing

    def turn(self, before: str, after: str, **content: object) -> None:
        """Move everything in one status on to another."""
        for thing in self.things.values():
            if thing.get("status") == before:
                thing |= {"status": after, **content}

    def _answer(self, request: httpx.Request) -> httpx.Response:
        try:
            return httpx.Response(200, json=self._run(request))
        except Refused as no:
            return refusal(no.status, no.code)

    def _run(self, request: httpx.Request) -> JsonObject:
        if request.headers.get("authorization") != f"Bearer {self._api_key}":
            raise Refused(401, "unauthorized")
        for method, pattern, run in self._routes:
            if request.method == method and (hit := pattern.fullmatch(request.url.path)):
                asked = Asked(
                    path=hit.groupdict(),
                    query=dict(request.url.params),
                    body=json.loads(request.content or b"{}"),
                    key=request.headers.get(KEY_HEADER, ""),
                )
                return self._once(asked, run, request.content) if method == "POST" else run(asked)
        raise Refused(404, "no_such_route")

    def _once(self, asked: Asked, run: Run, content: bytes) -> JsonObject:
        if not asked.key:
            raise Refused(422, "key_missing")
        if asked.key not in self._kept:
            self._kept[asked.key] = (content, dict(run(asked)))
        before, answer = self._kept[asked.key]
        if before != content:
            raise Refused(409, "key_reused")
        return answer


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))


def money_of(asked: Asked) -> Money:
    """The amount in a request's body."""
    amount = asked.body["amount"]
    assert isinstance(amount, dict)
    return Money(amount["minor"], amount["currency"])


def standard_callbacks(secret: str, events: Sequence[tuple[str, str]], at: datetime) -> Callbacks:
    """Callbacks by Standard Webhooks for events of these types and statuses, and for one that nobody knows."""

    def body(number: int, kind: str, status: str) -> bytes:
        told: JsonObject = {"ref": f"ref-{number}", "key": f"key-{number}", "status": status, "detail": {}}
        return json_bytes({"id": f"evt-{number}", "type": kind, "occurred_at": at.isoformat(), "data": told})

    def sign(with_secret: str, content: bytes, sent_at: datetime) -> Mapping[str, str]:
        event_id = f"evt-{hashlib.sha256(content).hexdigest()[:8]}"
        return standard_headers(with_secret, event_id, sent_at, content)

    return Callbacks(
        secret=secret,
        sign=sign,
        bodies=[body(number, kind, status) for number, (kind, status) in enumerate(events)],
        unmapped=body(99, "weather.changed", "sunny"),
    )
