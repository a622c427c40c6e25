"""The registry: the current generation of instances, replaced whole or not at all.

A reload sets up every configured instance anew beside the running generation, swaps one reference, and lets the old
one end its calls before its clients are closed. Who is called is decided elsewhere (`routing`, the executor), and
nothing here is stored.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType

from hub.core.errors import NotFound, RuleBroken
from hub.core.provider import Clock, Logger
from hub.infra import logs
from hub.infra.destinations import Destinations
from hub.integrations.configuration import Configuration
from hub.integrations.credentials import SecretSource
from hub.integrations.generation import Generation, Instance, InstanceCard, PluginCard, describe
from hub.integrations.observers import Tally
from hub.integrations.plugins import HEALTH, OBSERVER_HOOKS, BoundOperation, Found, ProviderState, installed
from hub.integrations.routing import Orders
from hub.integrations.setup import HttpClient, Limits, Setup, Tenure

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


class Registry:
    """Holds the current generation. Lives on one event loop; only `observe`'s listeners run elsewhere."""

    def __init__(
        self,
        *,
        make_client: Callable[[str, str | None, Destinations], HttpClient],
        clock: Clock,
        secrets: SecretSource,
        find: Callable[[], Sequence[Found]] = installed,
        logger: Callable[[str], Logger] = logs.logger,
        webhook_base: str = "http://localhost:8000",
        tenant: str = "",
        limits: Limits | None = None,
    ) -> None:
        """`make_client(instance, base_url, destinations)` makes an instance's own HTTP client; `base_url` may be None.

        Callbacks of an instance arrive at `webhook_base`/webhooks/<instance>.
        """
        self._setup = Setup(
            make_client=make_client,
            clock=clock,
            logger=logger,
            secrets=secrets,
            find=find,
            webhook_base=webhook_base.rstrip("/"),
            tenant=tenant,
            limits=limits or Limits(),
        )
        self._logger = logger("registry")
        self._tenure = Tenure(generation=Generation(number=0))
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
        self,
        configuration: Configuration,
        *,
        switched_off: frozenset[str] = frozenset(),
        orders: Orders = MappingProxyType({}),
        insist: bool = True,
    ) -> Generation:
        """Build a new generation and make it the current one; the old one ends its calls and is closed.

        `switched_off` are the instances that an operator has disabled, `orders` those in which they are to be tried. With `insist`, a required instance that is not
        usable keeps the old generation and raises RuleBroken with every such reason; a hub that starts passes False,
        for half a hub serves better than none.
        """
        async with self._changing:
            tenure = Tenure(generation=Generation(number=self.current.number + 1))
            try:
                await self._setup.fill(tenure, configuration, switched_off, orders)
                if insist:
                    _insist(tenure.generation)
            except BaseException:
                await tenure.close(self._logger)
                raise
            self._swap(tenure)
            return tenure.generation

    async def retry_setup(self) -> Generation:
        """Ask those again that could not be reached when they were set up; the generation keeps its number."""
        async with self._changing:
            tenure = self._tenure
            waiting = [i for i in tenure.generation.instances.values() if i.state is ProviderState.SETUP_RETRY]
            asked = await asyncio.gather(*(self._setup.with_health(instance) for instance in waiting))
            return _with(tenure, asked)

    async def ask_health(self, name: str) -> Instance:
        """Ask one instance how it is, now, also one that is switched off; returns it as its answer would have it stand.

        A good answer counts: who could not be reached before takes calls from here on. A bad one is only told, for
        one refusal of a question is no reason to stop those who are served.
        """
        async with self._changing:
            tenure = self._tenure
            instance = tenure.generation.instances.get(name)
            if instance is None:
                raise NotFound("provider", name)
            if HEALTH not in instance.operations:
                raise RuleBroken("no_health_question", provider=name)
            asked = await self._setup.with_health(instance)
            if asked.usable and instance.state is not ProviderState.DISABLED:
                _with(tenure, [asked])
            return asked

    @property
    def secrets(self) -> SecretSource:
        """Where the secrets of instances come from."""
        return self._setup.secrets

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
            last, self._tenure = self._tenure, Tenure(generation=Generation(number=self.current.number))
            self._retire(last)
            if self._retiring:
                _, late = await asyncio.wait(self._retiring, timeout=limit_s)
                for task in late:
                    task.cancel()
                await asyncio.gather(*late, return_exceptions=True)

    def _swap(self, tenure: Tenure) -> None:
        """The one moment at which everything changes."""
        old, self._tenure = self._tenure, tenure
        self._retire(old)

    def _retire(self, tenure: Tenure) -> None:
        task = asyncio.create_task(self._drain(tenure))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _drain(self, tenure: Tenure) -> None:
        try:
            if tenure.under_way:
                await tenure.idle.wait()
        finally:
            await tenure.close(self._logger)


def _with(tenure: Tenure, instances: Sequence[Instance]) -> Generation:
    """The tenure's generation with these instances as they stand now; it keeps its number."""
    known = {**tenure.generation.instances, **{instance.name: instance for instance in instances}}
    tenure.generation = dataclasses.replace(tenure.generation, instances=MappingProxyType(known))
    return tenure.generation


def _insist(generation: Generation) -> None:
    """Raise RuleBroken when a required instance cannot be used; one that an operator switched off was meant to be."""
    missing = {
        instance.name: f"{instance.state.value}, {instance.reason}"
        for instance in generation.instances.values()
        if instance.required and not instance.usable and instance.state is not ProviderState.DISABLED
    }
    if missing:
        raise RuleBroken("required_provider_unusable", **missing)
