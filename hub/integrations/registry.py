"""The registry: which instances there are, sealed into a generation that is replaced whole or not at all.

A reload finds, checks, makes and asks every configured instance anew beside the running generation, swaps one
reference, and lets the old one end its calls before its clients are closed. A broken instance is a state with a
reason. Who is called is decided elsewhere (`routing`, the executor); nothing here is stored.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol

import pluggy

from hub.core.errors import AuthFailed, LeaseHubError, Misconfigured, Rejected, RuleBroken
from hub.core.provider import (
    CallContext,
    Capability,
    Clock,
    Health,
    Logger,
    Mode,
    PluginContext,
    PluginDescriptor,
    PluginSettings,
)
from hub.integrations.configuration import Configuration, ProviderEntry
from hub.integrations.credentials import SecretSource, settle, shows_secret
from hub.integrations.observers import Observer, Tally
from hub.integrations.plugins import (
    HEALTH,
    OBSERVER_HOOKS,
    Bound,
    BoundOperation,
    Found,
    PluginRefused,
    ProviderState,
    Receive,
    allowed,
    bind,
    contract_manager,
    guarded,
    installed,
    load,
    shown,
)
from hub.integrations.routing import Routes, Standing

__all__ = [
    "BoundOperation",
    "Generation",
    "HttpClient",
    "Instance",
    "InstanceCard",
    "Limits",
    "PluginCard",
    "ProviderState",
    "Registry",
    "describe",
]

_USABLE = frozenset({ProviderState.LOADED, ProviderState.DEGRADED})


class HttpClient(Protocol):
    """What the registry must know of a client: that it can be closed."""

    async def aclose(self) -> None:
        """Give its connections back."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a plugin's own code may take, in seconds, and a client's closing at the end."""

    import_s: float = 10.0
    setup_s: float = 10.0
    health_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A configured provider as it stands. `descriptor` is None when its plugin could not be loaded.

    One that an operator has switched off keeps its operations and its callback door: what was begun is still asked
    after, nothing new is given to it.
    """

    name: str
    plugin: str
    distribution: str
    version: str = ""
    descriptor: PluginDescriptor | None = None
    mode: Mode
    required: bool = False
    state: ProviderState
    reason: str = ""
    capabilities: frozenset[Capability] = frozenset()
    operations: Mapping[str, BoundOperation] = field(default_factory=dict)
    receive: Receive | None = None

    @property
    def usable(self) -> bool:
        """Whether it takes calls."""
        return self.state in _USABLE

    @property
    def standing(self) -> Standing:
        """What routing must know of it."""
        described = self.descriptor
        return Standing(
            usable=self.usable,
            reason=f"{self.state.value}: {self.reason}" if self.reason else self.state.value,
            mode=self.mode,
            operations=frozenset(self.operations),
            countries=described.countries if described else frozenset(),
            currencies=described.currencies if described else frozenset(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginCard:
    """An installed or an allowed plugin as an operator sees it."""

    name: str
    distribution: str
    version: str
    state: ProviderState
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One sealed set of instances and routes; never changed, only replaced."""

    number: int
    instances: Mapping[str, Instance] = field(default_factory=dict)
    routes: Mapping[Capability, Routes] = field(default_factory=dict)
    plugins: tuple[PluginCard, ...] = ()

    @property
    def standings(self) -> Mapping[str, Standing]:
        """What routing must know of every instance."""
        return {name: instance.standing for name, instance in self.instances.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceCard:
    """An instance as an operator sees it: nothing in it is secret."""

    name: str
    plugin: str
    distribution: str
    version: str
    contract: str
    state: ProviderState
    reason: str
    mode: Mode
    required: bool
    capabilities: tuple[str, ...]
    operations: tuple[str, ...]


def describe(generation: Generation) -> list[InstanceCard]:
    """A card for each instance, in the order of the configuration."""
    return [
        InstanceCard(
            name=instance.name,
            plugin=instance.plugin,
            distribution=instance.distribution,
            version=instance.version,
            contract=instance.descriptor.contract if instance.descriptor else "",
            state=instance.state,
            reason=instance.reason,
            mode=instance.mode,
            required=instance.required,
            capabilities=tuple(sorted(instance.capabilities)),
            operations=tuple(sorted(instance.operations)),
        )
        for instance in generation.instances.values()
    ]


@dataclass(kw_only=True)
class _Tenure:
    """A generation with what it holds open, and how many calls are under way in it."""

    generation: Generation
    manager: pluggy.PluginManager = field(default_factory=contract_manager)
    clients: list[HttpClient] = field(default_factory=list)
    observers: list[Observer] = field(default_factory=list)
    under_way: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plugin:
    """What became of one line of the allow-list."""

    card: PluginCard
    descriptor: PluginDescriptor | None = None


class Registry:
    """Holds the current generation. Lives on one event loop; only `observe`'s listeners run elsewhere."""

    def __init__(
        self,
        *,
        make_client: Callable[[str, str | None], HttpClient],
        clock: Clock,
        logger: Callable[[str], Logger],
        secrets: SecretSource,
        find: Callable[[], Sequence[Found]] = installed,
        webhook_base: str = "http://localhost:8000",
        tenant: str = "",
        limits: Limits | None = None,
    ) -> None:
        """`make_client(instance, base_url)` makes an instance's own HTTP client; `base_url` is None if it has none.

        Callbacks of an instance arrive at `webhook_base`/webhooks/<instance>.
        """
        self._make_client = make_client
        self._clock = clock
        self._logger = logger
        self._secrets = secrets
        self._find = find
        self._webhook_base = webhook_base.rstrip("/")
        self._tenant = tenant
        self._limits = limits or Limits()
        self._tenure = _Tenure(generation=Generation(number=0))
        self._changing = asyncio.Lock()
        self._retiring: set[asyncio.Task[None]] = set()

    @property
    def current(self) -> Generation:
        """The generation that new calls use."""
        return self._tenure.generation

    @contextmanager
    def using(self) -> Iterator[Generation]:
        """The current generation for the length of one call: its clients stay open until the block ends."""
        tenure = self._tenure
        tenure.under_way += 1
        tenure.idle.clear()
        try:
            yield tenure.generation
        finally:
            tenure.under_way -= 1
            if not tenure.under_way:
                tenure.idle.set()

    async def reload(
        self, configuration: Configuration, *, switched_off: frozenset[str] = frozenset(), insist: bool = True
    ) -> Generation:
        """Build a new generation and make it the current one; the old one ends its calls and is closed.

        `switched_off` are the instances that an operator has disabled. With `insist`, a required instance that is not
        usable keeps the old generation and raises RuleBroken with every such reason; a hub that starts passes False,
        for half a hub serves better than none.
        """
        async with self._changing:
            tenure = _Tenure(generation=Generation(number=self.current.number + 1))
            try:
                await self._build(tenure, configuration, switched_off)
                if insist:
                    _insist(tenure.generation)
            except BaseException:
                await self._close(tenure)
                raise
            self._swap(tenure)
            return tenure.generation

    async def retry_setup(self) -> Generation:
        """Ask those again that could not be reached when they were set up; the generation keeps its number."""
        async with self._changing:
            tenure = self._tenure
            waiting = [i for i in tenure.generation.instances.values() if i.state is ProviderState.SETUP_RETRY]
            asked = await asyncio.gather(*(self._with_health(instance) for instance in waiting))
            known = {**tenure.generation.instances, **{instance.name: instance for instance in asked}}
            tenure.generation = dataclasses.replace(tenure.generation, instances=MappingProxyType(known))
            return tenure.generation

    def observe(self, hook_name: str, event: object) -> None:
        """Tell every observer; returns at once, whatever they do."""
        assert hook_name in OBSERVER_HOOKS, hook_name
        for observer in self._tenure.observers:
            observer.tell(hook_name, event)

    def observed(self) -> Mapping[str, Tally]:
        """How the observers of the current generation are doing."""
        return {observer.name: observer.tally() for observer in self._tenure.observers}

    async def close(self, *, limit_s: float = 30.0) -> None:
        """Let the calls under way end, for at most `limit_s` seconds, and close every client."""
        async with self._changing:
            last, self._tenure = self._tenure, _Tenure(generation=Generation(number=self.current.number))
            self._retire(last)
            if self._retiring:
                _, late = await asyncio.wait(self._retiring, timeout=limit_s)
                for task in late:
                    task.cancel()
                await asyncio.gather(*late, return_exceptions=True)

    def _swap(self, tenure: _Tenure) -> None:
        """The one moment at which everything changes."""
        old, self._tenure = self._tenure, tenure
        self._retire(old)

    def _retire(self, tenure: _Tenure) -> None:
        task = asyncio.create_task(self._drain(tenure))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _drain(self, tenure: _Tenure) -> None:
        try:
            if tenure.under_way:
                await tenure.idle.wait()
        finally:
            await self._close(tenure)

    async def _close(self, tenure: _Tenure) -> None:
        for observer in tenure.observers:
            observer.stop()
        for client in tenure.clients:
            await self._close_client(client)

    async def _close_client(self, client: HttpClient) -> None:
        try:
            await client.aclose()
        except Exception as error:  # it is being thrown away: nothing depends on it any more
            self._logger("registry").warning("client_not_closed", error=shown(error))

    async def _build(self, tenure: _Tenure, configuration: Configuration, switched_off: frozenset[str]) -> None:
        plugins, strangers = await self._plugins(configuration)
        entries = configuration.providers.values()
        made = [await self._instance(tenure, entry, plugins[entry.plugin]) for entry in entries]
        stated = await asyncio.gather(*(self._stated(instance, switched_off) for instance in made))
        tenure.generation = dataclasses.replace(
            tenure.generation,
            instances=MappingProxyType({instance.name: instance for instance in stated}),
            routes=configuration.routes,
            plugins=(*(plugin.card for plugin in plugins.values()), *strangers),
        )

    async def _plugins(self, configuration: Configuration) -> tuple[dict[str, _Plugin], list[PluginCard]]:
        """Every allowed plugin, loaded or refused; and a card of each that is installed and not allowed."""
        found = self._find()
        plugins: dict[str, _Plugin] = {}
        taken: list[Found] = []
        for entry in configuration.plugins.values():
            point = None
            try:
                point = allowed(entry, found)
                taken.append(point)
                descriptor = await load(point, self._limits.import_s)
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

    async def _instance(self, tenure: _Tenure, entry: ProviderEntry, plugin: _Plugin) -> Instance:
        """One instance, made and bound, not yet asked how it is; or the state in which it got stuck."""
        instance = Instance(
            name=entry.name,
            plugin=entry.plugin,
            distribution=plugin.card.distribution,
            version=plugin.card.version,
            mode=entry.mode,
            required=entry.required,
            descriptor=plugin.descriptor,
            capabilities=plugin.descriptor.capabilities if plugin.descriptor else frozenset(),
            state=plugin.card.state,
            reason=plugin.card.reason,
        )
        if not entry.enabled:
            return dataclasses.replace(instance, state=ProviderState.DISABLED, reason="switched off in hub.toml")
        if plugin.descriptor is None:
            return instance
        try:
            bound = await self._made(tenure, entry, plugin.descriptor)
        except LeaseHubError as error:
            state = error.state if isinstance(error, PluginRefused) else ProviderState.SETUP_ERROR
            return dataclasses.replace(instance, state=state, reason=str(error))
        return dataclasses.replace(instance, operations=bound.operations, receive=bound.receive)

    async def _made(self, tenure: _Tenure, entry: ProviderEntry, descriptor: PluginDescriptor) -> Bound:
        """Settings, client, factory, hooks; raises PluginRefused or InvalidInput and leaves nothing open."""
        limit_s = self._limits.setup_s
        settings = await guarded("settings", partial(settle, entry, descriptor.settings, self._secrets), limit_s)
        client = self._make_client(entry.name, _base_url(settings))
        context = PluginContext(
            instance=entry.name,
            mode=entry.mode,
            clock=self._clock,
            logger=self._logger(entry.name),
            http=client,
            webhook_url=f"{self._webhook_base}/webhooks/{entry.name}",
        )
        try:
            provider, bound = await guarded("factory", partial(_provider, descriptor, settings, context), limit_s)
        except LeaseHubError:
            await self._close_client(client)
            raise
        tenure.clients.append(client)
        tenure.manager.register(provider, entry.name)
        if bound.observes:
            tenure.observers.append(Observer(entry.name, bound.observes, self._logger("observers")))
        return bound

    async def _stated(self, instance: Instance, switched_off: frozenset[str]) -> Instance:
        """The instance in the state that it starts with."""
        if instance.name in switched_off:
            reason = "; ".join(filter(None, ("switched off by an operator", instance.reason)))
            return dataclasses.replace(instance, state=ProviderState.DISABLED, reason=reason)
        if instance.state is not ProviderState.LOADED:
            return instance
        return await self._with_health(instance)

    async def _with_health(self, instance: Instance) -> Instance:
        """The instance in the state that its own word about itself puts it in."""
        health = instance.operations.get(HEALTH)
        if health is None:
            return instance
        limit_s = self._limits.health_s
        task = asyncio.create_task(_asked(health, self._health_context(instance)))
        done, _ = await asyncio.wait({task}, timeout=limit_s)
        if done:
            state, reason = task.result()
        else:
            task.cancel()  # without waiting for it: it may be one that does not listen
            state, reason = ProviderState.SETUP_RETRY, f"{HEALTH} took longer than {limit_s:g} s"
        return dataclasses.replace(instance, state=state, reason=reason)

    def _health_context(self, instance: Instance) -> CallContext:
        return CallContext(
            tenant=self._tenant,
            branch=None,
            lease_id=None,
            correlation_id=f"health-{instance.name}",
            idempotency_key=f"health-{instance.name}",
            deadline=self._clock.now() + timedelta(seconds=self._limits.health_s),
            mode=instance.mode,
        )


def _base_url(settings: PluginSettings) -> str | None:
    """The vendor's address, where the settings have one: the client may be held to it."""
    base_url = getattr(settings, "base_url", None)
    return None if base_url is None else str(base_url)


def _provider(
    descriptor: PluginDescriptor, settings: PluginSettings, context: PluginContext
) -> tuple[object, Bound]:
    """Make a provider object and bind it; raises PluginRefused."""
    provider = descriptor.factory(settings, context)
    if shows_secret(f"{provider!r} {settings!r}", settings):
        raise PluginRefused(ProviderState.SETUP_ERROR, "its repr shows a secret: keep secrets as SecretStr")
    return provider, bind(provider, descriptor, context.instance)


async def _asked(health: BoundOperation, ctx: CallContext) -> tuple[ProviderState, str]:
    """What a provider says of itself, as a state; nothing that it raises gets out, for it runs as a task of its own."""
    try:
        answer: Any = await health.call(None, ctx)
    except AuthFailed as error:
        return ProviderState.AUTH_FAILED, shown(error)
    except Misconfigured as error:
        return ProviderState.SETUP_ERROR, shown(error)
    except Rejected as error:
        return ProviderState.DEGRADED, shown(error)
    except Exception as error:
        return ProviderState.SETUP_RETRY, shown(error)
    except (SystemExit, GeneratorExit) as error:
        return ProviderState.SETUP_ERROR, f"{HEALTH} raised {shown(error)}"
    if not isinstance(answer, Health):
        return ProviderState.SETUP_ERROR, f"{HEALTH} must give a Health, not {type(answer).__name__}"
    return (ProviderState.LOADED, "") if answer.healthy else (ProviderState.DEGRADED, masked(answer.detail))


def _insist(generation: Generation) -> None:
    """Raise RuleBroken when a required instance cannot be used; one that an operator switched off was meant to be."""
    missing = {
        instance.name: f"{instance.state.value}, {instance.reason}"
        for instance in generation.instances.values()
        if instance.required and not instance.usable and instance.state is not ProviderState.DISABLED
    }
    if missing:
        raise RuleBroken("required_provider_unusable", **missing)


def _stranger(point: Found) -> PluginCard:
    """A plugin that is installed and that the configuration does not name: it is not imported."""
    return PluginCard(
        name=point.name,
        distribution=point.distribution,
        version=point.version,
        state=ProviderState.BLOCKED,
        reason="not in the allow-list [plugins]: nothing of it is imported",
    )
