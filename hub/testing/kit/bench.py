"""Rig, line and provider set up for one check, and the ways in which a check calls the plugin."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr

from hub.core.hookspecs import OPERATIONS, PROJECT, Contract, OperationSpec
from hub.core.provider import Capability, PluginSettings
from hub.testing.contexts import KeptLog, call_context, plugin_context
from hub.testing.kit.line import TRIED, Line, Trouble
from hub.testing.kit.rig import Booking, Rig
from hub.testing.kit.roads import IN_PROCESS, Road
from hub.testing.kit.samples import samples

HANGING_S = 0.5  # how long a call to a silent vendor may take
GRACE_S = 1.5  # how much longer the kit waits before it gives a call up
CALM_S = 5.0
_KEY_LENGTH = 36  # the hub's keys are UUIDs
_HEALTH = "provider_health"
_LAST = (
    "payments_cancel",
    "payments_revoke_mandate",
    "esign_void",
)  # arranged last: what they would stop must not come to its end meanwhile
# The one operation of each capability that is tried on every transport.
_LEADING = {
    Capability.CREDIT_BUREAU: "credit_pull",
    Capability.GPS_TRACKER: "gps_locate",
    Capability.ESIGN: "esign_create",
    Capability.PAYMENTS: "payments_collect",
    Capability.SMS: "messaging_send",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of one call: a result or an error, how many requests carried it, and how long it took in seconds."""

    operation: str
    key: str
    result: object = None
    error: BaseException | None = None
    sent: int = 0
    took_s: float = 0.0

    def __str__(self) -> str:
        shown = f"a {type(self.result).__name__}" if self.error is None else type(self.error).__name__
        return f"{self.operation} ended in {shown}"


@dataclass(kw_only=True)
class Bench:
    """One check's own plugin instance and vendor."""

    capability: Capability
    rig: Rig
    line: Line
    road: str
    provider: Any
    settings: PluginSettings
    log: KeptLog
    _made: int = field(default=0)

    @property
    def operations(self) -> tuple[OperationSpec, ...]:
        """The operations of this capability that the plugin declares; on a real transport the leading one alone."""
        declared = self.rig.descriptor.operations
        own = [spec for spec in OPERATIONS.values() if spec.capability is self.capability and spec.name in declared]
        if self.road != IN_PROCESS:
            own = [spec for spec in own if spec.name == _LEADING[self.capability]]
        return tuple(own)

    @property
    def implemented(self) -> dict[str, Callable[..., Any]]:
        """Each hook that the provider implements, by the hook's name."""
        return implementations(self.provider)

    def new_key(self) -> str:
        """A key as the hub makes them, never the same twice; a digest of it where the vendor takes none so long."""
        self._made += 1
        limits = [facts.key_max_len for facts in self.rig.descriptor.operations.values() if facts.key_max_len]
        key = f"{self._made:08x}-0000-7000-8000-{self._made:012x}"
        longest = min([_KEY_LENGTH, *limits])
        return key if longest == _KEY_LENGTH else hashlib.sha256(key.encode()).hexdigest()[:longest]

    async def request_for(self, operation: str) -> Any:
        """The request for an operation, arranged at the vendor where it needs something first."""
        given = self.rig.requests.get(operation) or samples(self.rig.clock)[operation]
        with self.during(None):
            return await given(self) if callable(given) else given

    async def call(self, operation: str, request: object, *, key: str | None = None, limit_s: float = CALM_S) -> object:
        """Call an operation; raises whatever the plugin raises."""
        ctx = call_context(self.rig.clock, key or self.new_key(), limit_s=limit_s)
        subject = next((name for name in _parameters(_specified(operation)) if name not in ("self", "ctx")), "request")
        offered = {subject: request, "ctx": ctx}
        implementation = self.implemented.get(operation)
        if implementation is None:
            raise AssertionError(f"{operation} is declared and not implemented")
        taken = {name: offered[name] for name in _parameters(implementation) if name in offered}
        async with asyncio.timeout(limit_s + GRACE_S):
            return await implementation(**taken)

    async def pass_time(self) -> None:
        """Let what waits at the vendor come to its end."""
        await self.rig.pass_time()

    async def attempt(
        self,
        operation: str,
        trouble: Trouble | None = None,
        *,
        request: object = None,
        key: str | None = None,
        limit_s: float = CALM_S,
    ) -> Attempt:
        """Call an operation while `trouble` is on the line; nothing is raised."""
        asked = await self.request_for(operation) if request is None and operation != _HEALTH else request
        with self.during(trouble):
            return await self._tried(operation, asked, key or self.new_key(), limit_s)

    async def attempt_all(self, trouble: Trouble, *, limit_s: float = CALM_S) -> list[Attempt]:
        """Call every operation side by side while `trouble` is on the line; nothing is raised."""
        arranged = [(name, await self.request_for(name)) for name in sorted(self._names, key=_LAST.__contains__)]
        with self.during(trouble):
            return await asyncio.gather(*(self._tried(name, it, self.new_key(), limit_s) for name, it in arranged))

    @property
    def _names(self) -> list[str]:
        return [spec.name for spec in self.operations]

    async def _tried(self, operation: str, asked: object, key: str, limit_s: float) -> Attempt:
        before, began = len(self.line.carried), asyncio.get_running_loop().time()
        result, error, tried = None, None, TRIED.set(operation)
        try:
            result = await self.call(operation, asked, key=key, limit_s=limit_s)
        except (Exception, asyncio.CancelledError) as raised:
            error = raised
        finally:
            TRIED.reset(tried)
        return Attempt(
            operation=operation,
            key=key,
            result=result,
            error=error,
            sent=len(self.line.carried) - before,
            took_s=asyncio.get_running_loop().time() - began,
        )

    async def booked(self, key: str) -> Sequence[Booking]:
        """The effects that the vendor has had under a key."""
        return [booking for booking in await self.rig.books() if booking.key == key]

    @contextmanager
    def during(self, trouble: Trouble | None) -> Iterator[None]:
        """This trouble on the line, or none, for a while."""
        before, self.line.trouble = self.line.trouble, trouble
        try:
            yield
        finally:
            self.line.trouble = before

    def secrets(self) -> tuple[str, ...]:
        """Every secret in the settings, in the clear."""
        return tuple(secrets_in(self.settings))


@asynccontextmanager
async def bench(capability: Capability, rig: Rig, name: str, road: Road) -> AsyncIterator[Bench]:
    """A bench on one road, for as long as one check takes."""
    line = Line(rig=rig)
    settings = rig.descriptor.settings.model_validate(dict(rig.settings))
    async with road(line) as client:
        context = plugin_context(client, rig.clock)
        assert isinstance(context.logger, KeptLog)
        provider = rig.descriptor.factory(settings, context)
        yield Bench(
            capability=capability,
            rig=rig,
            line=line,
            road=name,
            provider=provider,
            settings=settings,
            log=context.logger,
        )


def implementations(provider: object) -> dict[str, Callable[..., Any]]:
    """Each hook that an object marks as implemented, by the hook's name."""
    found: dict[str, Callable[..., Any]] = {}
    for name in dir(type(provider)):
        options = getattr(getattr(type(provider), name), f"{PROJECT}_impl", None)
        if isinstance(options, dict):
            found[options.get("specname") or name] = getattr(provider, name)
    return found


def _specified(operation: str) -> Callable[..., Any]:
    specified: Callable[..., Any] = getattr(Contract, operation)
    return specified


def _parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def secrets_in(value: object) -> Iterator[str]:
    """Every secret in settings, in the clear, at whatever depth."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, SecretBytes):
        yield value.get_secret_value().decode(errors="replace")
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_in(getattr(value, name))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from secrets_in(item)
