"""Plugins: found by metadata alone, allowed by two names, bound to exactly one implementation an operation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.core.hookspecs import OPERATIONS, MessagingV1, ObserverV1, hookimpl
from hub.core.ports import StatusQuery
from hub.core.ports.sms import MessageReceipt, MessageRequest, MessageStatus
from hub.core.ports.webhooks import WebhookDelivery, WebhookRequest
from hub.core.provider import (
    CallContext,
    Capability,
    Health,
    Mode,
    OperationFacts,
    PluginDescriptor,
    PluginSettings,
)
from hub.integrations.configuration import PluginEntry
from hub.integrations.plugins import (
    Bound,
    Found,
    PluginRefused,
    ProviderState,
    allowed,
    bind,
    contract_manager,
    installed,
    load,
)
from tests.integrations.bad_plugins import packages

NOW = datetime(2026, 1, 5, 1, tzinfo=UTC)
FACTS = OperationFacts(idempotent=True, max_timeout_s=3)
CTX = CallContext(
    tenant="t",
    branch=None,
    lease_id=None,
    correlation_id="c",
    idempotency_key="key-1",
    deadline=NOW,
    mode=Mode.SANDBOX,
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with packages.on_path(tmp_path):
        yield tmp_path


def found(name: str, distribution: str) -> Found:
    return Found(name=name, distribution=distribution, version="1", load=lambda: None)


def test_plugins_are_found_without_being_imported(folder: Path) -> None:
    packages.write(folder, "acme", "raise SystemExit")
    [point] = [point for point in installed() if point.name == "acme"]
    assert (point.distribution, point.version) == ("dist-acme", "1.2.3")
    assert not packages.imported("acme")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("entry_points.txt", "[leasehub.plugins]\nno equals sign here\n"),
        ("entry_points.txt", "[leasehub.plugins\n"),
        ("METADATA", ""),
        ("METADATA", "\0\0\0"),
    ],
)
def test_broken_metadata_hides_nobody_else(folder: Path, file: str, content: str) -> None:
    packages.write(folder, "broken", packages.GOOD)
    (folder / "dist_broken-1.2.3.dist-info" / file).write_text(content)
    packages.write(folder, "acme", packages.GOOD)
    assert "acme" in [point.name for point in installed()]


def test_the_first_of_two_copies_on_the_path_counts(folder: Path) -> None:
    packages.write(folder, "acme", packages.GOOD)
    (folder / "again").mkdir()
    packages.write(folder / "again", "acme", packages.GOOD)
    with packages.on_path(folder / "again"):
        assert [point.name for point in installed()].count("acme") == 1


@pytest.mark.parametrize("written", ["leasehub-payments-acme", "LeaseHub_Payments.Acme", "leasehub--payments_acme"])
def test_a_distribution_is_compared_by_its_normal_name(written: str) -> None:
    point = found("acme", "leasehub_payments_acme")
    assert allowed(PluginEntry(name="acme", distribution=written), [point]) is point


def test_the_allowed_one_is_taken_beside_an_impostor() -> None:
    impostor, genuine = found("acme", "evil-acme"), found("acme", "good-acme")
    assert allowed(PluginEntry(name="acme", distribution="good-acme"), [impostor, genuine]) is genuine


def test_an_impostor_alone_is_blocked() -> None:
    with pytest.raises(PluginRefused) as refused:
        allowed(PluginEntry(name="acme", distribution="good-acme"), [found("acme", "evil-acme")])
    assert refused.value.state is ProviderState.BLOCKED
    assert refused.value.reason == (
        "the entry point acme comes from evil-acme, the configuration allows only good-acme"
    )


async def test_a_good_plugin_loads(folder: Path) -> None:
    packages.write(folder, "acme", packages.GOOD)
    [point] = [point for point in installed() if point.name == "acme"]
    descriptor = await load(point, 10)
    assert descriptor.name == "acme"


class Provider(MessagingV1):
    """Sends nothing, says what it was given."""

    @hookimpl
    async def provider_health(self, ctx: CallContext) -> Health:
        return Health(healthy=True, detail=ctx.correlation_id)

    @hookimpl
    async def messaging_send(self, request: MessageRequest, ctx: CallContext) -> MessageReceipt:
        return MessageReceipt(message_ref=f"{request}/{ctx.idempotency_key}", status=MessageStatus.ACCEPTED)


DESCRIPTOR = PluginDescriptor(
    name="acme",
    version="1",
    capabilities=frozenset({Capability.SMS}),
    settings=PluginSettings,
    factory=lambda settings, context: Provider(),
    operations={"messaging_send": FACTS},
)


def bound(provider: object, descriptor: PluginDescriptor = DESCRIPTOR) -> Bound:
    return bind(contract_manager(), provider, descriptor, "acme_1")


def declaring(*operations: str) -> PluginDescriptor:
    return replace(DESCRIPTOR, operations=dict.fromkeys(operations, FACTS))


async def test_an_operation_is_bound_with_its_spec_and_its_facts() -> None:
    operations = bound(Provider()).operations
    assert operations.keys() == {"messaging_send", "provider_health"}
    send = operations["messaging_send"]
    assert send.spec is OPERATIONS["messaging_send"]
    assert send.facts is FACTS
    assert operations["provider_health"].facts == OperationFacts()
    answer = await send.call("hello", CTX)
    assert isinstance(answer, MessageReceipt)
    assert answer.message_ref == "hello/key-1"
    assert await operations["provider_health"].call(None, CTX) == Health(healthy=True, detail="c")


class Sparing(MessagingV1):
    """Written before the call context existed, so to speak: it takes fewer arguments, or has its own defaults."""

    @hookimpl
    async def provider_health(self) -> Health:  # type: ignore[override]
        return Health(healthy=True)

    @hookimpl
    async def messaging_send(self, request: MessageRequest) -> MessageReceipt:  # type: ignore[override]
        return MessageReceipt(message_ref=f"{request}", status=MessageStatus.ACCEPTED)

    @hookimpl
    async def messaging_status(self, *, ctx: CallContext | None = None, tries: int = 3) -> MessageReceipt:  # type: ignore[override]
        return MessageReceipt(message_ref=f"{ctx is CTX} {tries}", status=MessageStatus.ACCEPTED)


async def test_arguments_are_opt_in_by_name() -> None:
    operations = bound(Sparing(), declaring("messaging_send", "messaging_status")).operations
    assert await operations["provider_health"].call(None, CTX) == Health(healthy=True)
    sent = await operations["messaging_send"].call("hello", CTX)
    asked = await operations["messaging_status"].call(StatusQuery(provider_ref="r"), CTX)
    assert isinstance(sent, MessageReceipt)
    assert isinstance(asked, MessageReceipt)
    assert (sent.message_ref, asked.message_ref) == ("hello", "True 3")


class WithDoor(Provider):
    """Takes callbacks, and watches on the side."""

    @hookimpl
    def webhook_receive(self, request: WebhookRequest) -> WebhookDelivery:
        return WebhookDelivery(verified=request.body == b"signed")

    @hookimpl
    def hub_started(self) -> None:
        """Takes no event at all."""


def test_the_callback_door_and_observer_hooks_are_bound() -> None:
    own = bound(WithDoor())
    assert own.receive is not None
    request = WebhookRequest(method="POST", path="/", query={}, headers={}, body=b"signed", received_at=NOW)
    assert own.receive(request).verified
    assert own.observes.keys() == {"hub_started"}
    assert own.observes["hub_started"](None) is None
    assert bound(Provider()).receive is None


def test_an_observer_needs_no_health() -> None:
    class Watcher(ObserverV1):
        @hookimpl
        def hub_started(self, event: object) -> None: ...

    own = bound(Watcher(), replace(DESCRIPTOR, capabilities=frozenset(), operations={}))
    assert own.operations == {}
    assert own.observes.keys() == {"hub_started"}


def test_a_hook_for_a_hub_to_come_is_passed_over_when_marked_optional() -> None:
    class Early(Provider):
        @hookimpl(optionalhook=True)
        async def messaging_recall(self, request: object) -> None: ...

    assert bound(Early()).operations.keys() == {"messaging_send", "provider_health"}


def test_an_argument_by_position_only_is_refused() -> None:
    class Positional(Provider):
        @hookimpl
        async def messaging_send(self, request: MessageRequest, /) -> MessageReceipt:  # type: ignore[override]
            raise NotImplementedError

    with pytest.raises(PluginRefused, match="by position only"):
        bound(Positional())


def test_one_object_for_two_instances_is_refused() -> None:
    manager, provider = contract_manager(), Provider()
    bind(manager, provider, DESCRIPTOR, "first")
    with pytest.raises(PluginRefused, match="another instance already is"):
        bind(manager, provider, DESCRIPTOR, "second")


def test_a_refused_provider_leaves_nothing_in_the_manager_and_blames_nobody_else() -> None:
    class Mistyped(Provider):
        @hookimpl
        async def messaging_statsu(self, query: StatusQuery) -> None: ...

    manager = contract_manager()
    with pytest.raises(PluginRefused, match="did you mean messaging_status"):
        bind(manager, Mistyped(), DESCRIPTOR, "first")
    assert manager.list_name_plugin() == []
    assert bind(manager, Provider(), DESCRIPTOR, "second").operations.keys() == {"messaging_send", "provider_health"}


async def test_each_instance_answers_for_itself_whatever_the_order() -> None:
    class Named(Provider):
        def __init__(self, name: str) -> None:
            self.name = name

        @hookimpl
        async def provider_health(self) -> Health:  # type: ignore[override]
            return Health(healthy=True, detail=self.name)

    manager = contract_manager()
    own = {name: bind(manager, Named(name), DESCRIPTOR, name).operations for name in ("first", "second", "third")}
    for name, operations in own.items():
        assert await operations["provider_health"].call(None, CTX) == Health(healthy=True, detail=name)
