"""A stand-in vendor, an instance of its plugin, and the callbacks it sends, in one rig: inside the process or over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from hub.core.ports.webhooks import WebhookDelivery, WebhookRequest
from hub.core.provider import CallContext, PluginDescriptor
from hub.sdk.clock import VirtualClock
from hub.sdk.sandbox.app import CreateApp, SandboxApp, SandboxSettings
from hub.sdk.sandbox.transport import InProcessTransport
from hub.testing.contexts import call_context, plugin_context, webhook_request
from hub.testing.loopback import loopback


@dataclass(slots=True, kw_only=True)
class Rig:
    """`provider` speaks to `app` as it would to any vendor; `callbacks` is what the vendor posted."""

    app: SandboxApp
    provider: Any
    http: httpx.AsyncClient
    base_url: str
    clock: VirtualClock
    callbacks: list[WebhookRequest] = field(default_factory=list)

    def ctx(self, key: str = "key-1", *, limit_s: float = 15.0) -> CallContext:
        """A call under this key."""
        return call_context(self.clock, key, limit_s=limit_s)

    async def control(self, path: str, **body: object) -> dict[str, Any]:
        """Ask a `/_sandbox` route."""
        answer = await self.http.post(f"{self.base_url}/_sandbox/{path}", json=body)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    async def fault(self, operation: str, fault: str, **more: object) -> None:
        """Script one fault; it replaces the ones before."""
        await self.control("faults", faults=[{"operation": operation, "fault": fault, **more}])

    async def books(self) -> dict[str, Any]:
        """The vendor's own books."""
        answer = await self.http.get(f"{self.base_url}/_sandbox/books")
        found: dict[str, Any] = answer.json()
        return found

    async def flush(self) -> list[WebhookDelivery]:
        """Have every callback posted; gives what the plugin makes of each that came."""
        self.callbacks.clear()
        await self.control("flush")
        return [self.provider.webhook_receive(callback) for callback in self.callbacks]


def _vendor(create_app: CreateApp, books_dir: Path, clock: VirtualClock, callbacks: list[WebhookRequest]) -> SandboxApp:
    async def deliver(url: str, headers: Mapping[str, str], body: bytes) -> int:
        callbacks.append(webhook_request(headers, body, clock))
        return 200

    return create_app(books_dir, clock, SandboxSettings(pump=False), deliver)


@asynccontextmanager
async def rig_in_process(
    create_app: CreateApp, descriptor: PluginDescriptor, books_dir: Path, clock: VirtualClock, **settings: object
) -> AsyncIterator[Rig]:
    """The vendor inside the process: nothing is sent over any network."""
    callbacks: list[WebhookRequest] = []
    app = _vendor(create_app, books_dir, clock, callbacks)
    async with httpx.AsyncClient(transport=InProcessTransport(app)) as http:
        yield _rig(app, descriptor, http, "http://vendor.test", clock, callbacks, settings)
    await app.close()


@asynccontextmanager
async def rig_over_http(
    create_app: CreateApp, descriptor: PluginDescriptor, books_dir: Path, clock: VirtualClock, **settings: object
) -> AsyncIterator[Rig]:
    """The vendor behind a real server on the loopback address, reached by the transport that the hub uses."""
    callbacks: list[WebhookRequest] = []
    app = _vendor(create_app, books_dir, clock, callbacks)
    async with loopback(app) as base_url, httpx.AsyncClient(transport=httpx.AsyncHTTPTransport()) as http:
        yield _rig(app, descriptor, http, base_url, clock, callbacks, settings)
    await app.close()


def _rig(
    app: SandboxApp,
    descriptor: PluginDescriptor,
    http: httpx.AsyncClient,
    base_url: str,
    clock: VirtualClock,
    callbacks: list[WebhookRequest],
    settings: Mapping[str, object],
) -> Rig:
    chosen = descriptor.settings.model_validate({"base_url": base_url, **settings})
    provider = descriptor.factory(chosen, plugin_context(http, clock))
    return Rig(app=app, provider=provider, http=http, base_url=base_url, clock=clock, callbacks=callbacks)
