"""Every real plugin that is installed, before the stand-in that speaks its vendor's protocol, once for each fault.

Plugins are found by their entry points: a further one is in every list by itself. One lane is one plugin under one
fault. Its requests are arranged through another instance of the plugin, which meets no fault.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

import httpx
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from hub.core.hookspecs import OperationSpec
from hub.infra.transport import make_client, over_aiohttp
from hub.integrations.generation import Instance
from hub.sdk.sandbox.faults import Fault
from hub.sdk.sandbox.transport import InProcessTransport
from hub.testing.contexts import KeptLog, plugin_context
from hub.testing.kit.bench import Bench, bench
from hub.testing.kit.line import OPERATION, TRIED
from hub.testing.kit.rig import MakeRig, Rig
from hub.testing.kit.roads import IN_PROCESS, roads
from hub.testing.loopback import loopback
from hub.testing.mishaps import Mishap
from hub.testing.wire import Received, WireVendor
from tests.faults.laboratory import HANGS, NO_HURRY_S, REFUSED, instance_of

CONFORMANCE = "leasehub.conformance"
# What only the vendor himself can say: that he will not, that he does not know us, that it is too much for now.
OWN_NO, OWN_STRANGER, OWN_LIMIT = "own_no", "own_stranger", "own_limit"
CALM = "calm"
_LANE = "x-lane"
_LAST = ("payments_cancel", "esign_void")  # what they stop must not come to its end while others are arranged
# Faults that are another thing on a real connection than inside a process.
ON_A_SOCKET = frozenset({"connection_drop_before", "connection_drop_after", "truncated_body", "huge_body", REFUSED})


@cache
def rigs() -> dict[str, MakeRig]:
    """The rig that each real plugin ships, by the plugin's name."""
    return {
        point.name: point.load()
        for point in sorted(entry_points(group=CONFORMANCE), key=lambda one: one.name)
        if not point.name.startswith("sandbox_")
    }


@cache
def exempted(plugin: str) -> frozenset[str]:
    """The checks of the conformance kit that a plugin says its vendor cannot keep."""
    [point] = [one for one in entry_points(group=CONFORMANCE) if one.name == plugin]
    return frozenset(one.id for one in getattr(import_module(point.module), "EXEMPTIONS", ()))


def vendor_of(rig: Rig) -> WireVendor:
    """The stand-in behind a rig, which is reached inside the process."""
    vendor = getattr(getattr(rig.vendor, "app", None), "__self__", None)
    assert isinstance(vendor, WireVendor), (
        f"{rig.descriptor.name}: its stand-in must be a WireVendor behind an ASGITransport"
    )
    return vendor


@dataclass(slots=True)
class Gate:
    """Where an answer is held on its way: `reached` when one is, which goes on when it is `opened`."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def hold(self) -> None:
        """Wait here until it is opened."""
        self.reached.set()
        await self.opened.wait()


class Led(httpx.AsyncBaseTransport):
    """Says on each request which operation it is for; whatever host it names, it goes to the port that `where` gives."""

    def __init__(self, inner: httpx.AsyncBaseTransport, lane: WireLane, where: Callable[[], int | None]) -> None:
        self._inner, self._lane, self._where = inner, lane, where

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers = [*request.headers.multi_items(), (OPERATION, TRIED.get()), (_LANE, self._lane.name)]
        url, port = request.url, self._where()
        if port is not None:
            url = url.copy_with(scheme="http", host="127.0.0.1", port=port)
        led = httpx.Request(request.method, url, headers=headers, stream=request.stream, extensions=request.extensions)
        answer = await self._inner.handle_async_request(led)
        if (gate := self._lane.gates.get(TRIED.get())) and self._lane.rig.carries(led):
            await gate.hold()
        return answer

    async def aclose(self) -> None:
        await self._inner.aclose()


class Street:
    """One server for all lanes."""

    def __init__(self) -> None:
        self.vendors: dict[str, WireVendor] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        lane = dict(scope["headers"])[_LANE.encode()].decode()
        await self.vendors[lane].app(scope, receive, send)


@dataclass(kw_only=True)
class WireLane:
    """One real plugin under one fault; `instance` is what the hub calls, `stage` arranges what that needs."""

    plugin: str
    fault: str
    said: str
    rig: Rig
    vendor: WireVendor
    stage: Bench
    instance: Instance = field(init=False)
    asked: Counter[str] = field(default_factory=Counter)
    logs: list[KeptLog] = field(default_factory=list)
    over: bool = False
    lost: set[str] = field(default_factory=set)  # operations whose answers are lost, whatever the lane's fault is
    gates: dict[str, Gate] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.plugin}.{self.fault}{self.said}"

    @property
    def specs(self) -> list[OperationSpec]:
        """The operations that the plugin declares, those last that would stop what others need."""
        return sorted(self.stage.operations, key=lambda spec: spec.name in _LAST)

    def meets(self, received: Received) -> Mishap | None:
        """The lane's fault, for a request that carries an operation that is tried."""
        operation = received.headers.get(OPERATION, "")
        if not operation or not self.rig.carries(_as_request(received)):
            return None
        self.asked[operation] += 1
        if operation in self.lost:
            return Mishap(fault=Fault.CONNECTION_DROP_AFTER)
        if self.over or self.fault in (CALM, REFUSED):
            return None
        return _mishap(self.fault, self.rig)

    @property
    def unspoilt(self) -> frozenset[str]:
        """The operations whose answers held nothing that the fault could change."""
        return frozenset(one.headers.get(OPERATION, "") for one in self.vendor.unspoilt)

    async def booked(self) -> Counter[str]:
        """How often the vendor has done anything, by the key that it was given."""
        return Counter(one.key for one in await self.rig.books())


def _as_request(received: Received) -> httpx.Request:
    url = f"http://{received.headers.get('host', 'vendor.test')}{received.target}"
    return httpx.Request(received.method, url, headers=dict(received.headers), content=received.body)


def _mishap(fault: str, rig: Rig) -> Mishap:
    own = {
        OWN_NO: rig.refusals.rejected,
        OWN_STRANGER: rig.refusals.auth,
        OWN_LIMIT: rig.refusals.rate_limited,
    }
    if fault not in own:
        return Mishap(fault=Fault(fault))
    said = own[fault]()
    headers = {name: value for name, value in said.headers.items() if name != "content-length"}
    return Mishap(fault=Fault.PAYMENT_402, instead=Response(said.content, said.status_code, headers))


@dataclass(kw_only=True)
class Ground:
    """Where lanes are laid: the server of all vendors, its port, and one at which nobody listens."""

    stack: AsyncExitStack
    street: Street
    port: int
    shut: int
    sockets: frozenset[str]
    patience_s: float

    async def lane(self, plugin: str, fault: str, said: str) -> WireLane | None:
        """One plugin under one fault; none where it speaks to nobody."""
        rig = await self.stack.enter_async_context(rigs()[plugin]())
        if not rig.on_a_line:
            return None
        [capability] = rig.descriptor.capabilities
        stage = await self.stack.enter_async_context(bench(capability, rig, IN_PROCESS, roads()[IN_PROCESS]))
        lane = WireLane(plugin=plugin, fault=fault, said=said, rig=rig, vendor=vendor_of(rig), stage=stage)
        self.street.vendors[lane.name], lane.vendor.meets = lane.vendor, lane.meets
        client = await self.stack.enter_async_context(make_client(timeout_s=NO_HURRY_S, transport=self._way(lane)))
        context = plugin_context(client, rig.clock)
        assert isinstance(context.logger, KeptLog)
        lane.logs = [context.logger, stage.log]
        limit_s = self.patience_s if fault in HANGS & self.sockets else NO_HURRY_S
        provider = rig.descriptor.factory(stage.settings, context)
        lane.instance = instance_of(rig.descriptor, provider, lane.name, limit_s=limit_s)
        return lane

    def _way(self, lane: WireLane) -> httpx.AsyncBaseTransport:
        if lane.fault not in self.sockets:
            return Led(InProcessTransport(lane.vendor.app), lane, lambda: None)
        return Led(over_aiohttp(), lane, lambda: self.shut if lane.fault == REFUSED and not lane.over else self.port)


@asynccontextmanager
async def lanes_of(
    plugin: str,
    faults: Iterable[str],
    *,
    said: str = "",
    sockets: frozenset[str] = ON_A_SOCKET,
    patience_s: float = NO_HURRY_S,
) -> AsyncIterator[list[WireLane]]:
    """A lane for every fault, named after what is `said`, or none for a plugin that speaks to nobody; who waits for a vendor that is silent on a socket does so for `patience_s`."""
    street = Street()
    async with AsyncExitStack() as stack:
        shut = stack.enter_context(socket.socket())
        shut.bind(("127.0.0.1", 0))  # and does not listen: whoever connects is refused
        address = await stack.enter_async_context(loopback(street))
        ground = Ground(
            stack=stack,
            street=street,
            port=int(address.rpartition(":")[2]),
            shut=shut.getsockname()[1],
            sockets=sockets | {REFUSED},
            patience_s=patience_s,
        )
        made = [await ground.lane(plugin, fault, said) for fault in faults]
        yield [lane for lane in made if lane is not None]
