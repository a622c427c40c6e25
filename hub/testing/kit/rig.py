"""What a plugin's author brings to the kit: how an instance is configured, and a vendor to speak to.

The vendor is any httpx transport: `httpx.MockTransport`, `respx.MockRouter().async_handler` inside one,
`httpx.ASGITransport`, or a plain transport to a server that really listens. The kit makes all trouble itself, on the
line; the vendor only has to behave, and to keep books.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import httpx

from hub.core.money import Money
from hub.core.provider import PluginDescriptor
from hub.sdk.clock import VirtualClock

RETRY_AFTER_S = 7.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """One effect that the vendor has really had: under which key, and how much money it moved, if any."""

    key: str
    money: Money | None = None


class Stage(Protocol):
    """What arranging a request may use: calls that go well, and time that passes."""

    async def call(self, operation: str, request: object) -> object:
        """Call an operation of the plugin without any trouble, under a key of its own."""
        ...

    async def pass_time(self) -> None:
        """Let what waits at the vendor come to its end."""
        ...


Arrange = Callable[[Stage], Awaitable[object]]
MakeAnswer = Callable[[], httpx.Response]
Sign = Callable[[str, bytes, datetime], Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Callbacks:
    """How this vendor calls back. `sign(secret, body, sent_at)` gives the headers that a genuine callback carries.

    A vendor who posts forms that carry their own signature names its field as `signature_field`; `sign` then gives the
    fields that are added to the form, by name. `bodies` are at least two different genuine ones; `unmapped` is one of a type that the plugin does not know.
    `signature_header` in lower case; `dated`: the signature covers the time of sending. `other_secret` signs forgeries.
    `in_query`: what proves the vendor is no header, but a parameter of that name in the address that it was given.
    """

    secret: str = field(repr=False)
    sign: Sign
    bodies: Sequence[bytes] = field(repr=False)
    unmapped: bytes = field(repr=False)
    signature_header: str = "webhook-signature"
    signature_field: str | None = None
    dated: bool = True
    in_query: bool = False
    other_secret: str = field(default="another secret altogether", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """What this vendor answers when it says no: for its business's reasons, to a wrong credential, to too many calls.

    A rate limit names the wait in seconds that the plugin must pass on; None when this vendor never says.
    """

    rejected: MakeAnswer
    auth: MakeAnswer = lambda: httpx.Response(401)
    rate_limited: MakeAnswer = lambda: httpx.Response(429, headers={"retry-after": f"{RETRY_AFTER_S:.0f}"})
    retry_after_s: float | None = RETRY_AFTER_S


async def _nothing() -> None:
    """Nothing waits at this vendor."""


def _every(request: httpx.Request) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """A plugin and the vendor behind it, ready to be tried; one is made for every check.

    `settings` configure an instance; give every secret field a value of its own, the kit looks for it everywhere.
    `books` tells every effect that the vendor has had, in order. `requests` replaces the kit's own request for an
    operation, by a request or by an async function that arranges one. `status_field` is the dotted place of the status
    in the vendor's JSON answers (a number is a place in a list), None when there is none. `carries` says which HTTP
    requests carry the operation itself at a vendor who wants others first (a token, an upload, a look); the header
    `x-kit-operation` names the operation that is tried. `until_agreed` are operations that leave nothing at the vendor
    until a person agrees, a page to sign on say: nothing of them is counted in the books, or can be found again.
    `on_a_line` is false for a plugin that speaks to nobody and reads a folder, say: then nothing may come over the line,
    and what would be tried on it does not apply.
    """

    descriptor: PluginDescriptor
    settings: Mapping[str, object] = field(repr=False)
    vendor: httpx.AsyncBaseTransport
    clock: VirtualClock
    books: Callable[[], Awaitable[Sequence[Booking]]]
    refusals: Refusals
    pass_time: Callable[[], Awaitable[None]] = _nothing
    requests: Mapping[str, object | Arrange] = field(default_factory=dict)
    callbacks: Callbacks | None = None
    status_field: str | None = "status"
    carries: Callable[[httpx.Request], bool] = _every
    until_agreed: frozenset[str] = frozenset()
    on_a_line: bool = True


MakeRig = Callable[[], AbstractAsyncContextManager[Rig]]
