"""What the registry seals: instances as they stand, the generation that holds them, and the cards that people read.

Frozen values only. How they come about is `setup`, when they are replaced is `registry`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.core.provider import Capability, Credential, Mode, PluginDescriptor
from hub.integrations.plugins import BoundOperation, ProviderState, Receive
from hub.integrations.provenance import SettingCard
from hub.integrations.routing import Routes, Standing

_USABLE = frozenset({ProviderState.LOADED, ProviderState.DEGRADED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A configured provider as it stands. `descriptor` is None when its plugin could not be loaded.

    `enabled` is what hub.toml says; an operator's switch shows in `state` alone.

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
    enabled: bool = True
    state: ProviderState
    reason: str = ""
    capabilities: frozenset[Capability] = frozenset()
    operations: Mapping[str, BoundOperation] = field(default_factory=dict)
    receive: Receive | None = None
    credentials: tuple[Credential, ...] = ()
    settings: tuple[SettingCard, ...] = ()

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
    """One sealed set of instances and routes; never changed, only replaced.

    `configured` are the routes as hub.toml has them, `routes` the same in the order that an operator wants.
    """

    number: int
    instances: Mapping[str, Instance] = field(default_factory=dict)
    routes: Mapping[Capability, Routes] = field(default_factory=dict)
    configured: Mapping[Capability, Routes] = field(default_factory=dict)
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
