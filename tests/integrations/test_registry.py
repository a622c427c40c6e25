"""The registry: good and bad plugins from real distributions, generations, draining, switches."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from hub.core.errors import NotFound, RuleBroken
from hub.core.events import HubStarted
from hub.core.ports.sms import MessageCategory, MessageChannel, MessageReceipt, MessageRequest
from hub.core.provider import CallContext, Capability, Mode
from hub.infra.destinations import Destinations
from hub.integrations.configuration import Configuration, PluginEntry, ProviderEntry
from hub.integrations.credentials import SecretSource
from hub.integrations.registry import Generation, Limits, ProviderState, Registry, describe
from hub.integrations.routing import RouteFacts, Routes, decide
from hub.sdk.clock import VirtualClock
from tests.integrations.bad_plugins import packages
from tests.integrations.bad_plugins.packages import FAULTS, GOOD, Fault, distribution_of, write

NOW = datetime(2026, 1, 5, 1, tzinfo=UTC)
SECRET = "canary-secret-7f3a"


class Client:
    """Stands in for an HTTP client: it knows for whom it was made and whether it is closed."""

    def __init__(self, instance: str, base_url: str | None) -> None:
        self.instance, self.base_url, self.closed = instance, base_url, False

    async def aclose(self) -> None:
        self.closed = True


class Log:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, event: str, **fields: object) -> None:
        self.lines.append(f"{event} {fields}")

    warning = info


class House:
    """A registry with what it was given, and configurations of what lies in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clients: list[Client] = []
        self.log = Log()
        self.limits = Limits()
        self.client_made = asyncio.Event()

    def client(self, instance: str, base_url: str | None, destinations: Destinations) -> Client:
        if base_url == "no address":
            raise ValueError("unusable address")
        self.clients.append(Client(instance, base_url))
        self.client_made.set()
        return self.clients[-1]

    def registry(self) -> Registry:
        return Registry(
            make_client=self.client,
            clock=VirtualClock(NOW),
            logger=lambda name: self.log,
            secrets=SecretSource(folder=self.folder, environment={"KEY": SECRET}),
            webhook_base="https://hub.example/",
            limits=self.limits,
        )

    def add(self, plugin: str, source: str = GOOD, *, distribution: str | None = None) -> None:
        write(self.folder, plugin, source, distribution=distribution)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with packages.on_path(tmp_path):
        yield House(tmp_path)


def entry(name: str, plugin: str | None = None, **changes: object) -> ProviderEntry:
    settings = {"api_key": {"env": "KEY"}}
    base = ProviderEntry(name=name, plugin=plugin or name, mode=Mode.SANDBOX, settings=settings)
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def configured(*entries: ProviderEntry, routes: dict[Capability, Routes] | None = None) -> Configuration:
    plugins = {
        each.plugin: PluginEntry(name=each.plugin, distribution=distribution_of(each.plugin)) for each in entries
    }
    return Configuration(plugins=plugins, providers={each.name: each for each in entries}, routes=routes or {})


def context(key: str = "key-1") -> CallContext:
    return CallContext(
        tenant="t",
        branch=None,
        lease_id=None,
        correlation_id="c",
        idempotency_key=key,
        deadline=NOW,
        mode=Mode.SANDBOX,
    )


MESSAGE = MessageRequest(
    channel=MessageChannel.SMS, to="13800138000", category=MessageCategory.TRANSACTIONAL, body="hello"
)


def states(generation: Generation) -> dict[str, ProviderState]:
    return {name: instance.state for name, instance in generation.instances.items()}


async def test_an_instance_is_made_with_its_own_client_and_can_be_called(house: House) -> None:
    house.add("acme")
    registry = house.registry()
    assert registry.current.number == 0
    generation = await registry.reload(configured(entry("sms_a", "acme"), entry("sms_b", "acme")))
    assert generation is registry.current
    assert generation.number == 1
    assert states(generation) == {"sms_a": ProviderState.LOADED, "sms_b": ProviderState.LOADED}
    assert [(client.instance, client.base_url) for client in house.clients] == [
        ("sms_a", "https://vendor.example"),
        ("sms_b", "https://vendor.example"),
    ]
    answer = await generation.instances["sms_b"].operations["messaging_send"].call(MESSAGE, context())
    assert isinstance(answer, MessageReceipt)
    assert answer.message_ref == "key-1"


async def test_a_card_shows_everything_but_secrets(house: House) -> None:
    house.add("acme")
    generation = await house.registry().reload(configured(entry("sms_a", "acme", required=True)))
    [card] = describe(generation)
    assert (card.name, card.plugin, card.distribution, card.version) == ("sms_a", "acme", "dist-acme", "1.2.3")
    assert (card.state, card.reason, card.mode, card.required) == (ProviderState.LOADED, "", Mode.SANDBOX, True)
    assert card.contract == "1.0"
    assert card.capabilities == ("sms",)
    assert card.operations == ("messaging_send", "provider_health")
    assert SECRET not in repr(generation) + repr(card) + repr(generation.standings)


@pytest.mark.parametrize("name", FAULTS)
async def test_a_bad_plugin_is_a_state_with_a_reason_and_harms_nobody(house: House, name: str) -> None:
    fault: Fault = FAULTS[name]
    house.add(name, fault.source)
    house.add("good")
    generation = await house.registry().reload(configured(entry(name), entry("good")))
    bad, good = generation.instances[name], generation.instances["good"]
    assert bad.state is fault.state
    assert fault.reason in bad.reason
    assert SECRET not in bad.reason
    assert good.state is ProviderState.LOADED
    assert await good.operations["messaging_send"].call(MESSAGE, context())


async def test_all_bad_plugins_at_once_harm_nobody(house: House) -> None:
    for name, fault in FAULTS.items():
        house.add(name, fault.source)
    house.add("zz_good")
    generation = await house.registry().reload(configured(*(entry(name) for name in FAULTS), entry("zz_good")))
    wanted = {name: fault.state for name, fault in FAULTS.items()}
    assert states(generation) == {**wanted, "zz_good": ProviderState.LOADED}


@pytest.mark.parametrize(
    ("source", "limits", "state", "reason"),
    [
        (packages.HANGS_ON_IMPORT, Limits(import_s=1.0), ProviderState.SETUP_ERROR, "import took longer than 1 s"),
        (packages.HANGS_IN_FACTORY, Limits(setup_s=0.5), ProviderState.SETUP_ERROR, "factory took longer than 0.5 s"),
        (packages.HANGS_IN_HEALTH, Limits(health_s=0.5), ProviderState.SETUP_RETRY, "no answer within 0.5 s"),
    ],
)
async def test_a_plugin_that_never_comes_back_is_left_behind(
    house: House, source: str, limits: Limits, state: ProviderState, reason: str
) -> None:
    name = f"slow_{limits.import_s:g}_{limits.setup_s:g}".replace(".", "_")  # a hanging import keeps its module's lock
    house.add(name, source)
    house.add("good")
    house.limits = limits
    generation = await house.registry().reload(configured(entry(name), entry("good")))
    slow = generation.instances[name]
    assert (slow.state, generation.instances["good"].state) == (state, ProviderState.LOADED)
    assert reason in slow.reason


async def test_another_distribution_under_an_allowed_name_is_blocked_and_not_imported(house: House) -> None:
    house.add("acme", distribution="evil-acme")
    generation = await house.registry().reload(configured(entry("acme")))
    assert generation.instances["acme"].state is ProviderState.BLOCKED
    assert generation.instances["acme"].reason.startswith("the entry point acme comes from evil-acme")
    assert not packages.imported("acme")


async def test_a_plugin_that_is_not_allowed_is_shown_and_not_imported(house: House) -> None:
    house.add("good")
    house.add("stranger", "raise SystemExit")
    generation = await house.registry().reload(configured(entry("good")))
    cards = {card.name: card for card in generation.plugins}
    assert cards["good"].state is ProviderState.LOADED
    assert cards["stranger"].state is ProviderState.BLOCKED
    assert "allow-list" in cards["stranger"].reason
    assert packages.imported("good")
    assert not packages.imported("stranger")


async def test_a_plugin_that_is_not_installed_says_what_to_install(house: House) -> None:
    house.add("acme_pay")
    generation = await house.registry().reload(configured(entry("acme_pey")))
    instance = generation.instances["acme_pey"]
    assert instance.state is ProviderState.SETUP_ERROR
    assert instance.reason == ("no entry point acme_pey is installed: install dist-acme-pey; did you mean acme_pay?")


async def test_an_address_that_no_client_takes_is_a_state(house: House) -> None:
    house.add("acme")
    generation = await house.registry().reload(configured(entry("acme", settings={"base_url": "no address"})))
    assert generation.instances["acme"].reason == "no client for it: ValueError: unusable address"


async def test_wrong_settings_are_a_state_without_values(house: House) -> None:
    house.add("acme")
    generation = await house.registry().reload(configured(entry("acme", settings={"api_key": SECRET})))
    assert generation.instances["acme"].state is ProviderState.SETUP_ERROR
    assert generation.instances["acme"].reason.startswith("providers.acme.settings.api_key: a secret does not belong")
    assert SECRET not in repr(generation)


async def test_a_required_instance_that_fails_keeps_the_old_generation(house: House) -> None:
    house.add("good")
    registry = house.registry()
    old = await registry.reload(configured(entry("good")))
    bad = configured(entry("good", required=True), entry("gone", required=True), entry("lost", required=True))
    with pytest.raises(RuleBroken) as broken:
        await registry.reload(bad)
    assert broken.value.facts.keys() == {"gone", "lost"}
    assert registry.current is old
    assert [client.closed for client in house.clients] == [False, True]


async def test_a_hub_that_starts_takes_what_it_can_get(house: House) -> None:
    house.add("good")
    generation = await house.registry().reload(configured(entry("good"), entry("gone", required=True)), insist=False)
    assert states(generation) == {"good": ProviderState.LOADED, "gone": ProviderState.SETUP_ERROR}


async def test_the_old_generation_ends_its_calls_before_its_clients_are_closed(house: House) -> None:
    house.add("good")
    registry = house.registry()
    await registry.reload(configured(entry("good")))
    with registry.using() as first, registry.using():
        second = await registry.reload(configured(entry("good")))
        assert (first.number, second.number, registry.current.number) == (1, 2, 2)
        await asyncio.sleep(0)
        assert [client.closed for client in house.clients] == [False, False]
        with registry.using() as now:
            assert now is second
    await registry.close()
    assert [client.closed for client in house.clients] == [True, True]


async def test_closing_does_not_wait_for_ever(house: House) -> None:
    house.add("good")
    registry = house.registry()
    await registry.reload(configured(entry("good")))
    with registry.using():
        await registry.close(limit_s=0.01)
        assert [client.closed for client in house.clients] == [True]
    assert registry.current.instances == {}


async def test_a_client_that_will_not_close_keeps_no_other_open(house: House) -> None:
    house.add("good")
    registry = house.registry()
    await registry.reload(configured(entry("one", "good"), entry("two", "good")))

    async def stuck() -> None:
        raise OSError(f"no more {SECRET}")

    house.clients[0].aclose = stuck  # type: ignore[method-assign]
    await registry.close()
    assert house.clients[1].closed
    assert house.log.lines == ["client_not_closed {'error': 'OSError: no more ***'}"]


async def test_a_cancelled_reload_leaves_nothing_open(house: House) -> None:
    house.add("slow", packages.HANGS_IN_HEALTH)
    registry = house.registry()
    task = asyncio.create_task(registry.reload(configured(entry("slow"))))
    await house.client_made.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert registry.current.number == 0
    assert house.clients[0].closed


async def test_setup_is_tried_again(house: House) -> None:
    flaky = FAULTS["health_not_sent"].source.replace("raise NotSent", "raise NotSent if DOWN else Misconfigured")
    house.add("flaky", flaky.replace("import NotSent", "import NotSent, Misconfigured") + "\nDOWN = True\n")
    house.add("good")
    registry = house.registry()
    before = await registry.reload(configured(entry("flaky"), entry("good")))
    assert before.instances["flaky"].state is ProviderState.SETUP_RETRY
    assert not before.instances["flaky"].usable
    sys.modules[packages.PREFIX + "flaky"].DOWN = False  # type: ignore[attr-defined]
    after = await registry.retry_setup()
    assert after.number == before.number
    assert after.instances["flaky"].state is ProviderState.SETUP_ERROR
    assert after.instances["good"] is before.instances["good"]
    assert registry.current is after


_MOODY = GOOD.replace("return Health", "return 1 / 0 if DOWN else Health")


async def test_one_that_is_asked_how_it_is_takes_calls_once_it_is_well(house: House) -> None:
    house.add("moody", f"{_MOODY}\nDOWN = True\n")
    registry = house.registry()
    await registry.reload(configured(entry("moody")))
    assert (await registry.ask_health("moody")).state is ProviderState.SETUP_RETRY
    sys.modules[packages.PREFIX + "moody"].DOWN = False  # type: ignore[attr-defined]
    assert (await registry.ask_health("moody")).usable
    assert registry.current.instances["moody"].usable
    with pytest.raises(NotFound):
        await registry.ask_health("nobody")


async def test_one_bad_answer_takes_nobody_out_of_service(house: House) -> None:
    house.add("moody", f"{_MOODY}\nDOWN = False\n")
    registry = house.registry()
    await registry.reload(configured(entry("moody")))
    sys.modules[packages.PREFIX + "moody"].DOWN = True  # type: ignore[attr-defined]
    assert not (await registry.ask_health("moody")).usable
    assert registry.current.instances["moody"].usable


async def test_an_operator_switches_an_instance_off_and_it_still_answers_for_what_was_begun(house: House) -> None:
    house.add("good")
    registry = house.registry()
    plan = configured(entry("good", required=True))
    off = await registry.reload(plan, switched_off=frozenset({"good", "long_gone"}))
    assert off.instances["good"].state is ProviderState.DISABLED
    assert not off.instances["good"].usable
    assert "messaging_send" in off.instances["good"].operations
    on = await registry.reload(plan)
    assert on.instances["good"].usable


async def test_an_instance_switched_off_in_the_file_is_not_made(house: House) -> None:
    house.add("good")
    generation = await house.registry().reload(configured(entry("good", enabled=False)))
    assert generation.instances["good"].state is ProviderState.DISABLED
    assert not house.clients


async def test_standings_route_calls(house: House) -> None:
    house.add("good")
    house.add("contract_2_0", FAULTS["contract_2_0"].source)
    routes = {Capability.SMS: Routes(default=("contract_2_0", "good"))}
    generation = await house.registry().reload(configured(entry("good"), entry("contract_2_0"), routes=routes))
    decision = decide(
        operation="messaging_send",
        facts=RouteFacts(lease_id=UUID(int=1)),
        routes=generation.routes[Capability.SMS],
        standings=generation.standings,
    )
    assert decision.candidates == ("good",)
    assert decision.skipped[0].reason.startswith("incompatible: made for contract 2.0")


async def test_observers_are_told_by_the_registry(house: House) -> None:
    house.add("watcher", packages.OBSERVER)
    registry = house.registry()
    generation = await registry.reload(configured(entry("watcher")))
    assert generation.instances["watcher"].state is ProviderState.LOADED
    event = HubStarted(generation=1, instances=("watcher",))
    registry.observe("hub_started", event)
    seen = await asyncio.to_thread(sys.modules[packages.PREFIX + "watcher"].SEEN.get, timeout=120)
    assert seen == event
    await registry.close()
    assert registry.observed() == {}
