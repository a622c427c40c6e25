"""The contract holds together: every operation has an effect, types of the contract only, and a way to be asked after."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import typing
from enum import Enum
from types import UnionType

import pluggy
import pytest

import hub.core.ports
from hub.core.effects import RULES, Effect
from hub.core.hookspecs import OPERATIONS, PROJECT, SPEC_CLASSES, Contract, ObserverV1, OperationSpec, ProviderV1
from hub.core.ports import NoRecord, StatusQuery
from hub.core.provider import CallContext, Capability

_PORTS = [
    hub.core.ports,
    *(
        importlib.import_module(f"hub.core.ports.{found.name}")
        for found in pkgutil.iter_modules(hub.core.ports.__path__)
    ),
]
PORT_TYPES = sorted(
    {
        thing
        for port in _PORTS
        for thing in vars(port).values()
        if inspect.isclass(thing) and thing.__module__ == port.__name__ and not issubclass(thing, Enum)
    },
    key=lambda port_type: port_type.__qualname__,
)
SPECS = sorted(OPERATIONS.values(), key=lambda spec: spec.name)
by_name = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)


def _function(spec: OperationSpec) -> typing.Any:
    return getattr(SPEC_CLASSES[spec.capability] if spec.capability else ProviderV1, spec.name)


def _hints(spec: OperationSpec) -> dict[str, typing.Any]:
    return typing.get_type_hints(_function(spec))


def test_every_hook_is_an_operation_an_observer_or_the_callback() -> None:
    hooks = {
        name
        for owner in (ProviderV1, *SPEC_CLASSES.values())
        for name, made in vars(owner).items()
        if hasattr(made, f"{PROJECT}_spec")
    }
    assert hooks == set(OPERATIONS) | {"webhook_receive", "provider_credentials"}


def test_every_capability_has_its_class() -> None:
    assert set(SPEC_CLASSES) == set(Capability)
    assert {spec.capability for spec in SPECS} == {None, *Capability}


@by_name
def test_an_operation_has_an_effect_with_rules(spec: OperationSpec) -> None:
    assert isinstance(spec.effect, Effect)
    assert spec.effect in RULES


@by_name
def test_an_operation_is_awaited_and_takes_its_context(spec: OperationSpec) -> None:
    assert inspect.iscoroutinefunction(_function(spec))
    assert _hints(spec)["ctx"] is CallContext
    assert inspect.getdoc(_function(spec))


@by_name
def test_an_operation_speaks_the_contracts_types(spec: OperationSpec) -> None:
    hints = {name: hint for name, hint in _hints(spec).items() if name != "ctx"}
    for name, hint in hints.items():
        for one in typing.get_args(hint) if isinstance(hint, UnionType) else (hint,):
            assert dataclasses.is_dataclass(one), f"{spec.name}: {name} is {one}"


@by_name
def test_what_may_stay_unknown_can_be_asked_after(spec: OperationSpec) -> None:
    if spec.status_by is None:
        return
    status = OPERATIONS[spec.status_by]
    assert (status.effect, status.capability) == (Effect.READ, spec.capability)
    assert _hints(status)["query"] is StatusQuery
    assert set(typing.get_args(_hints(status)["return"])) == {_hints(spec)["return"], NoRecord}


@pytest.mark.parametrize(
    "spec", [spec for spec in SPECS if spec.effect in {Effect.MONEY, Effect.LEGAL}], ids=lambda spec: spec.name
)
def test_money_and_signatures_always_have_a_way_to_be_asked_after(spec: OperationSpec) -> None:
    assert spec.status_by


@pytest.mark.parametrize("capability", Capability)
def test_no_capability_is_without_a_required_operation(capability: Capability) -> None:
    assert any(spec.required for spec in SPECS if spec.capability is capability)


@pytest.mark.parametrize("port_type", PORT_TYPES, ids=lambda port_type: port_type.__name__)
def test_a_port_type_is_a_frozen_slotted_keyword_only_dataclass(port_type: type) -> None:
    assert dataclasses.is_dataclass(port_type)
    parameters = port_type.__dataclass_params__  # type: ignore[attr-defined]
    assert parameters.frozen
    assert "__slots__" in vars(port_type)
    assert all(field.kw_only for field in dataclasses.fields(port_type))
    assert inspect.getdoc(port_type) != f"{port_type.__name__}{inspect.signature(port_type)}"  # somebody wrote one


_PERSONAL = {"to", "name", "phone", "email", "document_number", "account_number", "holder", "plate", "body", "params"}
# A document's own name, and the raw reply that we send ourselves, say nothing about a person.
_PUBLIC = {("EsignDocument", "name"), ("WebhookReply", "body")}


@pytest.mark.parametrize("port_type", PORT_TYPES, ids=lambda port_type: port_type.__name__)
def test_personal_data_never_shows_in_a_repr(port_type: type) -> None:
    for field in dataclasses.fields(port_type):
        if field.name in _PERSONAL and (port_type.__name__, field.name) not in _PUBLIC:
            assert not field.repr, f"{port_type.__name__}.{field.name}"


def test_observers_only_watch() -> None:
    watched = {name: made for name, made in vars(ObserverV1).items() if not name.startswith("_")}
    for name, function in watched.items():
        assert not inspect.iscoroutinefunction(function), name
        assert typing.get_type_hints(function)["return"] is type(None), name


def test_pluggy_takes_every_specification() -> None:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Contract)
    known = {name for name in vars(manager.hook) if not name.startswith("_")}
    assert known == {
        *OPERATIONS,
        "webhook_receive",
        "provider_credentials",
        *(name for name in vars(ObserverV1) if not name.startswith("_")),
    }
