"""Setting up: from configuration to instances that are made, bound and have said how they are.

Each instance goes its own way to a state with a reason, and nothing that one does keeps another from being set up.
What is open afterwards (clients, observers) is handed over in a `Tenure`; holding and replacing it is `registry`.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol

import pluggy

from hub.core.errors import AuthFailed, Misconfigured, Rejected
from hub.core.provider import (
    CallContext,
    Clock,
    Health,
    Logger,
    PluginContext,
    PluginDescriptor,
    PluginSettings,
)
from hub.infra.destinations import Destinations
from hub.infra.masking import masked_text
from hub.integrations.configuration import Configuration, ProviderEntry
from hub.integrations.credentials import SecretSource, settle, shows_secret
from hub.integrations.custody import Driven
from hub.integrations.generation import Generation, Instance, PluginCard
from hub.integrations.observers import Observer
from hub.integrations.plugins import (
    HEALTH,
    Bound,
    BoundOperation,
    Found,
    PluginRefused,
    ProviderState,
    allowed,
    bind,
    contract_manager,
    guarded,
    load,
    shown,
)
from hub.integrations.provenance import setting_cards
from hub.integrations.routing import Orders, ordered


class HttpClient(Protocol):
    """What must be known of a client here: that it can be closed."""

    async def aclose(self) -> None:
        """Give its connections back."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a plugin's own code may take before it is left behind, in seconds."""

    import_s: float = 10.0
    setup_s: float = 10.0
    health_s: float = 10.0


@dataclass(kw_only=True)
class Tenure:
    """A generation with what it holds open, and how many calls are under way in it."""

    generation: Generation
    manager: pluggy.PluginManager = field(default_factory=contract_manager)
    clients: list[HttpClient] = field(default_factory=list)
    observers: list[Observer] = field(default_factory=list)
    under_way: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    async def close(self, logger: Logger) -> None:
        """Stop the observers and give back every client; one that will not close is logged."""
        for observer in self.observers:
            observer.stop()
        for client in self.clients:
            try:
                await client.aclose()
            except Exception as error:  # it is being thrown away: nothing depends on it any more
                logger.warning("client_not_closed", error=shown(error))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plugin:
    """What became of one line of the allow-list."""

    card: PluginCard
    descriptor: PluginDescriptor | None = None


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What it takes to set instances up. `make_client(instance, base_url, destinations)` makes one client for each."""

    make_client: Callable[[str, str | None, Destinations], HttpClient]
    clock: Clock
    logger: Callable[[str], Logger]
    secrets: SecretSource
    find: Callable[[], Sequence[Found]]
    webhook_base: str
    tenant: str
    limits: Limits

    async def fill(
        self, tenure: Tenure, configuration: Configuration, switched_off: frozenset[str], orders: Orders
    ) -> None:
        """Set up everything that is configured; what is opened on the way is the tenure's, even if this is cancelled."""
        plugins, strangers = await self._plugins(configuration)
        entries = configuration.providers.values()
        made = [await self._instance(tenure, entry, plugins[entry.plugin]) for entry in entries]
        stated = await asyncio.gather(*(self._stated(instance, switched_off) for instance in made))
        tenure.generation = dataclasses.replace(
            tenure.generation,
            instances=MappingProxyType({instance.name: instance for instance in stated}),
            routes=MappingProxyType(ordered(configuration.routes, orders)),
            configured=configuration.routes,
            plugins=(*(plugin.card for plugin in plugins.values()), *strangers),
        )

    async def _plugins(self, configuration: Configuration) -> tuple[dict[str, _Plugin], list[PluginCard]]:
        """Every allowed plugin, loaded or refused; and a card of each that is installed and not allowed."""
        found = await asyncio.to_thread(self.find)
        plugins: dict[str, _Plugin] = {}
        taken: list[Found] = []
        for entry in configuration.plugins.values():
            point = None
            try:
                point = allowed(entry, found)
                taken.append(point)
                descriptor = await load(point, self.limits.import_s)
                state, reason = ProviderState.LOADED, ""
            except PluginRefused as refusal:
                descriptor, state, reason = None, refusal.state, refusal.reason
            card = PluginCard(
                name=entry.name,
                distribution=entry.distribution,
                version=point.version if point else "",
                state=state,
                reason=reason,
            )
            plugins[entry.name] = _Plugin(card=card, descriptor=descriptor)
        return plugins, [_stranger(point) for point in found if point not in taken]

    async def _instance(self, tenure: Tenure, entry: ProviderEntry, plugin: _Plugin) -> Instance:
        """One instance, made and bound, not yet asked how it is; or the state in which it got stuck."""
        instance = Instance(
            name=entry.name,
            plugin=entry.plugin,
            distribution=plugin.card.distribution,
            version=plugin.card.version,
            mode=entry.mode,
            required=entry.required,
            enabled=entry.enabled,
            descriptor=plugin.descriptor,
            capabilities=plugin.descriptor.capabilities if plugin.descriptor else frozenset(),
            state=plugin.card.state,
            reason=plugin.card.reason,
        )
        if not entry.enabled:
            return dataclasses.replace(instance, state=ProviderState.DISABLED, reason="switched off in hub.toml")
        if plugin.descriptor is None:
            return instance
        cards = await asyncio.to_thread(setting_cards, entry, plugin.descriptor.settings, self.secrets)
        instance = dataclasses.replace(instance, settings=cards)
        try:
            bound = await self._made(tenure, entry, plugin.descriptor)
        except PluginRefused as refusal:
            return dataclasses.replace(instance, state=refusal.state, reason=refusal.reason)
        return dataclasses.replace(
            instance, operations=bound.operations, receive=bound.receive, credentials=bound.credentials
        )

    async def _made(self, tenure: Tenure, entry: ProviderEntry, descriptor: PluginDescriptor) -> Bound:
        """Settings, client, factory, hooks; raises PluginRefused."""
        limit_s = self.limits.setup_s
        settings = await guarded("settings", partial(settle, entry, descriptor.settings, self.secrets), limit_s)
        context = PluginContext(
            instance=entry.name,
            mode=entry.mode,
            clock=self.clock,
            logger=self.logger(entry.name),
            http=self._client(tenure, entry, settings),
            webhook_url=f"{self.webhook_base}/webhooks/{entry.name}",
        )
        bound = await guarded("factory", partial(_provided, tenure.manager, descriptor, settings, context), limit_s)
        if bound.observes:
            tenure.observers.append(Observer(entry.name, bound.observes, self.logger("observers")))
        return bound

    def _client(self, tenure: Tenure, entry: ProviderEntry, settings: PluginSettings) -> HttpClient:
        """The instance's own client, held to the vendor's address where the settings have one."""
        base_url = getattr(settings, "base_url", None)
        try:
            destinations = Destinations(allow_hosts=entry.allow_hosts)
            client = self.make_client(entry.name, None if base_url is None else str(base_url), destinations)
        except Exception as error:  # an address is the operator's input: it must not take the others down
            raise PluginRefused(ProviderState.SETUP_ERROR, f"no client for it: {shown(error)}") from None
        tenure.clients.append(client)
        return client

    async def _stated(self, instance: Instance, switched_off: frozenset[str]) -> Instance:
        """The instance in the state that it starts with."""
        if instance.name in switched_off:
            reason = "; ".join(filter(None, ("switched off by an operator", instance.reason)))
            return dataclasses.replace(instance, state=ProviderState.DISABLED, reason=reason)
        if instance.state is not ProviderState.LOADED:
            return instance
        return await self.with_health(instance)

    async def with_health(self, instance: Instance) -> Instance:
        """The instance in the state that its own word about itself puts it in."""
        health = instance.operations.get(HEALTH)
        if health is None:
            return instance
        limit_s = self.limits.health_s
        task = asyncio.create_task(_asked(health, self._health_context(instance), instance.name))
        try:
            await asyncio.wait({task}, timeout=limit_s)
        finally:
            task.cancel()  # without waiting for it: it may be one that does not listen
        if task.done() and not task.cancelled():
            state, reason = task.result()
        else:
            state, reason = ProviderState.SETUP_RETRY, f"{HEALTH} gave no answer within {limit_s:g} s"
        return dataclasses.replace(instance, state=state, reason=reason)

    def _health_context(self, instance: Instance) -> CallContext:
        return CallContext(
            tenant=self.tenant,
            branch=None,
            lease_id=None,
            correlation_id=f"health-{instance.name}",
            idempotency_key=f"health-{instance.name}",
            deadline=self.clock.now() + timedelta(seconds=self.limits.health_s),
            mode=instance.mode,
        )


def _provided(
    manager: pluggy.PluginManager, descriptor: PluginDescriptor, settings: PluginSettings, context: PluginContext
) -> Bound:
    """Make a provider object and bind it; raises PluginRefused, also when it would show a secret to whoever prints it."""
    provider = descriptor.factory(settings, context)
    if shows_secret(f"{provider!r} {settings!r}", settings):
        raise PluginRefused(ProviderState.SETUP_ERROR, "its repr shows a secret: keep secrets as SecretStr")
    return bind(manager, provider, descriptor, context.instance)


async def _asked(health: BoundOperation, ctx: CallContext, instance: str) -> tuple[ProviderState, str]:
    """What a provider says of itself, as a state; nothing that it raises gets out, for it runs as a task of its own."""
    try:
        answer: Any = await Driven(health.call(None, ctx), instance, HEALTH)
    except AuthFailed as error:
        return ProviderState.AUTH_FAILED, shown(error)
    except Misconfigured as error:
        return ProviderState.SETUP_ERROR, shown(error)
    except Rejected as error:
        return ProviderState.DEGRADED, shown(error)
    except Exception as error:
        return ProviderState.SETUP_RETRY, shown(error)
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        return ProviderState.SETUP_ERROR, f"{HEALTH} raised {shown(error)}"
    if not isinstance(answer, Health):
        return ProviderState.SETUP_ERROR, f"{HEALTH} must give a Health, not {type(answer).__name__}"
    return (ProviderState.LOADED, "") if answer.healthy else (ProviderState.DEGRADED, masked_text(answer.detail))


def _stranger(point: Found) -> PluginCard:
    """A plugin that is installed and that the configuration does not name: it is not imported."""
    return PluginCard(
        name=point.name,
        distribution=point.distribution,
        version=point.version,
        state=ProviderState.BLOCKED,
        reason="not in the allow-list [plugins]: nothing of it is imported",
    )
