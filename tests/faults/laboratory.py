"""Every stand-in vendor once for each fault, on real loopback HTTP, with an instance of its plugin for the executor.

One lane is one vendor under one fault. The vendor has a clock of its own while its cases are arranged, so that lanes do
not disturb each other; afterwards time passes for all of them and for the hub alike.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.core.hookspecs import OPERATIONS, OperationSpec
from hub.core.provider import Capability, Mode, PluginDescriptor
from hub.infra.transport import make_client
from hub.integrations.generation import Instance
from hub.integrations.plugins import ProviderState, bind, contract_manager
from hub.sdk.clock import VirtualClock
from hub.sdk.sandbox.app import CreateApp, SandboxApp, SandboxSettings
from hub.sdk.sandbox.client import KEY_HEADER
from hub.sdk.sandbox.transport import InProcessTransport
from hub.testing.contexts import call_context, plugin_context
from hub.testing.kit.samples import DEVICE
from hub.testing.loopback import loopback

REFUSED = "refused"  # the one fault that no vendor can script: nobody listens
HANGS = frozenset({"timeout_before_effect", "timeout_after_effect", "endless_body"})
# How long a silent vendor is waited for: long enough for a request to get there on a slow machine.
PATIENCE_S, NO_HURRY_S = 6.0, 60.0
_A_WHILE = timedelta(minutes=2)
_DISTRIBUTIONS = {capability: f"sandbox_{capability.value}" for capability in Capability}


class Door:
    """Counts what arrives at a vendor, by key, before anything is done about it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.seen: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        self.seen[headers.get(KEY_HEADER.encode(), b"").decode()] += 1
        await self._app(scope, receive, send)


@dataclass(kw_only=True)
class Lane:
    """One vendor under one fault: `arranging` is its plugin on a line of its own, `instance` is what the hub calls."""

    fault: str
    capability: Capability
    app: SandboxApp
    door: Door
    clock: VirtualClock
    control: httpx.AsyncClient
    arranging: Any
    instance: Instance
    shut: socket.socket
    arranged: list[str] = field(default_factory=list)

    @property
    def specs(self) -> list[OperationSpec]:
        """The operations of this vendor, from the contract's own list."""
        return [spec for spec in OPERATIONS.values() if spec.capability is self.capability]

    def key(self, operation: str) -> str:
        """The key of the one case of an operation."""
        return f"{self.fault}:{operation}"

    async def tell(self, path: str, **body: object) -> None:
        """Tell the vendor how to behave."""
        (await self.control.post(f"/_sandbox/{path}", json=body)).raise_for_status()

    async def script(self) -> None:
        """From now on every case meets the fault, and nothing that is arranged does."""
        if self.capability is Capability.GPS_TRACKER:
            await self.tell(f"devices/{DEVICE}/place", latitude="31.2", longitude="121.4")
        if self.fault == REFUSED:
            return
        rules = [
            {"operation": short(spec.name), "fault": self.fault, "times": None, "seconds": 0.02}
            | ({"match": {"key": self.key(spec.name)}} if spec.effect.value != "read" else {})
            for spec in self.specs
        ]
        health = {"operation": "health", "fault": self.fault, "times": None, "seconds": 0.02}
        await self.tell("faults", faults=[*rules, health])

    async def struck(self, operation: str) -> None:
        """Until the fault has met somebody in this operation."""
        while not self.app.faults.struck[f"{short(operation)}:{self.fault}"]:  # noqa: ASYNC110 - a count has no event
            await asyncio.sleep(0.005)

    async def call(self, operation: str, request: object) -> object:
        """Have something done without any trouble, as what is to be tried needs it."""
        key = f"arranged:{len(self.arranged)}:{operation}"
        self.arranged.append(key)
        return await getattr(self.arranging, operation)(request, call_context(self.clock, key, limit_s=NO_HURRY_S))

    async def pass_time(self) -> None:
        """Let what waits at this vendor come to its end."""
        self.clock.advance(_A_WHILE)

    def kept(self) -> list[str]:
        """The keys under which this vendor has done anything."""
        return [str(row["key"]) for row in self.app.books.all("select key from kept_answer order by key")]


def short(operation: str) -> str:
    """An operation in the words of the stand-in vendors."""
    return operation.partition("_")[2]


@asynccontextmanager
async def laboratory(faults: Iterable[str], folder: Path, clock: VirtualClock) -> AsyncIterator[list[Lane]]:
    """Every vendor for every fault."""
    vendors: dict[str, CreateApp] = {point.name: point.load() for point in entry_points(group="leasehub.sandboxes")}
    plugins = {point.name: point for point in entry_points(group="leasehub.plugins")}
    async with AsyncExitStack() as stack:
        lanes = []
        for fault in faults:
            for capability in Capability:
                descriptor: PluginDescriptor = plugins[_DISTRIBUTIONS[capability]].load()
                books = folder / fault / capability.value
                lanes.append(await _lane(stack, vendors[capability.value], descriptor, fault, books, clock))
        yield lanes


async def _lane(
    stack: AsyncExitStack,
    create_app: CreateApp,
    descriptor: PluginDescriptor,
    fault: str,
    books: Path,
    clock: VirtualClock,
) -> Lane:
    own_clock = VirtualClock(clock.now())
    app = create_app(books, own_clock, SandboxSettings(pump=False))
    stack.push_async_callback(app.close)
    door = Door(app)
    open_at = await stack.enter_async_context(loopback(door))
    shut = stack.enter_context(socket.socket())
    shut.bind(("127.0.0.1", 0))  # and does not listen: whoever connects is refused
    timeout_s = PATIENCE_S if fault in HANGS else NO_HURRY_S
    client = await stack.enter_async_context(make_client(timeout_s=timeout_s))
    address = f"http://127.0.0.1:{shut.getsockname()[1]}" if fault == REFUSED else open_at
    [capability] = descriptor.capabilities
    inside = await stack.enter_async_context(
        httpx.AsyncClient(transport=InProcessTransport(app), base_url="http://vendor.test")
    )
    return Lane(
        fault=fault,
        capability=capability,
        app=app,
        door=door,
        clock=own_clock,
        control=inside,
        arranging=_provider(descriptor, inside, "http://vendor.test", own_clock, NO_HURRY_S),
        instance=instance_of(
            descriptor, _provider(descriptor, client, address, clock, timeout_s), f"{capability.value}.{fault}"
        ),
        shut=shut,
    )


def _provider(
    descriptor: PluginDescriptor, http: httpx.AsyncClient, address: str, clock: VirtualClock, timeout_s: float
) -> object:
    settings = descriptor.settings.model_validate({"base_url": address, "timeout_s": timeout_s})
    return descriptor.factory(settings, plugin_context(http, clock))


def instance_of(descriptor: PluginDescriptor, provider: object, name: str, *, limit_s: float = NO_HURRY_S) -> Instance:
    """An instance bound for real, as the registry does it; a call of its may last `limit_s`."""
    bound = bind(contract_manager(), provider, descriptor, name)
    operations = {
        operation: replace(one, facts=replace(one.facts, max_timeout_s=limit_s))
        for operation, one in bound.operations.items()
    }
    return Instance(
        name=name,
        plugin=descriptor.name,
        distribution=name,
        descriptor=descriptor,
        mode=Mode.SANDBOX,
        state=ProviderState.LOADED,
        capabilities=descriptor.capabilities,
        operations=operations,
        receive=bound.receive,
    )
