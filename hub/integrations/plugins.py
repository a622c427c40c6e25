"""Plugins: found by entry point, allowed by name and distribution, checked against the contract before anything runs.

Every refusal is a state with a reason that says what to do; none of them stops the hub or another plugin. What an
instance is made of is resolved here to exactly one hook implementation an operation; who calls it is not decided here.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeVar

import pluggy

from hub.core.errors import InvalidInput, Misconfigured
from hub.core.hookspecs import OPERATIONS, PROJECT, Contract, ObserverV1, OperationSpec
from hub.core.ports.webhooks import WebhookDelivery, WebhookRequest
from hub.core.provider import (
    CONTRACT,
    ENTRY_POINT_GROUP,
    CallContext,
    Capability,
    Credential,
    OperationFacts,
    PluginDescriptor,
    PluginSettings,
)
from hub.infra.masking import masked_text
from hub.integrations.configuration import PluginEntry, did_you_mean
from hub.integrations.guard import Done, Overran, Raised, within

_T = TypeVar("_T")
Call = Callable[[object, CallContext], Coroutine[Any, Any, object]]
Receive = Callable[[WebhookRequest], WebhookDelivery]

_LONGEST_TEXT = 400
_LONGEST_READ = 10_000
HEALTH = "provider_health"
WEBHOOK = "webhook_receive"
CREDENTIALS = "provider_credentials"
OBSERVER_HOOKS = frozenset(name for name, hook in vars(ObserverV1).items() if inspect.isfunction(hook))


class ProviderState(StrEnum):
    """How an instance stands; only the first two take calls."""

    LOADED = "loaded"
    DEGRADED = "degraded"
    SETUP_RETRY = "setup_retry"
    AUTH_FAILED = "auth_failed"
    SETUP_ERROR = "setup_error"
    INCOMPATIBLE = "incompatible"
    BLOCKED = "blocked"
    DISABLED = "disabled"


class PluginRefused(Misconfigured):
    """A plugin or an instance that cannot be used: the state that it is in, and why."""

    def __init__(self, state: ProviderState, reason: str) -> None:
        super().__init__(reason)
        self.state = state
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An entry point of the group as installed; nothing of it is imported before `load` is called."""

    name: str
    distribution: str
    version: str
    load: Callable[[], object] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundOperation:
    """One operation of one instance, resolved to the one implementation that is awaited.

    `call(request, ctx)` hands over only the arguments that the implementation declares.
    """

    spec: OperationSpec
    facts: OperationFacts
    call: Call = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Everything that a provider object offers, checked: operations, callback door, credentials, observer hooks."""

    operations: Mapping[str, BoundOperation]
    receive: Receive | None
    credentials: tuple[Credential, ...]
    observes: Mapping[str, Callable[[object], object]]


def installed() -> tuple[Found, ...]:
    """Every entry point of the group on this machine, by metadata alone: nothing is imported."""
    importlib.invalidate_caches()
    found: dict[tuple[str, str], Found] = {}
    for distribution in importlib.metadata.distributions():
        for point in _points(distribution):
            found.setdefault((point.name, _normal(point.distribution)), point)
    return tuple(found.values())


def _points(distribution: importlib.metadata.Distribution) -> list[Found]:
    """What one distribution offers; broken metadata of one must not hide the plugins of all others."""
    try:
        return [
            Found(
                name=point.name,
                distribution=distribution.name or "",
                version=distribution.version or "",
                load=point.load,
            )
            for point in distribution.entry_points.select(group=ENTRY_POINT_GROUP)
        ]
    except Exception:
        return []


def _normal(distribution: str) -> str:
    """A distribution's name as it is compared. Source: packaging.python.org, name normalization (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def allowed(entry: PluginEntry, found: Sequence[Found]) -> Found:
    """The entry point that the allow-list means, by name and by distribution; raises PluginRefused."""
    same_name = [point for point in found if point.name == entry.name]
    for point in same_name:
        if _normal(point.distribution) == _normal(entry.distribution):
            return point
    if same_name:
        others = ", ".join(sorted(point.distribution for point in same_name))
        raise PluginRefused(
            ProviderState.BLOCKED,
            f"the entry point {entry.name} comes from {others}, the configuration allows only {entry.distribution}",
        )
    hint = did_you_mean(entry.name, [point.name for point in found])
    raise PluginRefused(
        ProviderState.SETUP_ERROR, f"no entry point {entry.name} is installed: install {entry.distribution}{hint}"
    )


async def load(point: Found, limit_s: float) -> PluginDescriptor:
    """Import an allowed plugin and check its descriptor; raises PluginRefused, whatever the import does."""
    return await guarded("import", lambda: checked(point.load(), point), limit_s)


async def guarded(doing: str, call: Callable[[], _T], limit_s: float) -> _T:
    """What a plugin's own code gives back; raises PluginRefused for whatever else it does, or for being late."""
    match await within(limit_s, call, name=f"leasehub-{doing}"):
        case Done(value=value):
            return value
        case Overran():
            raise _error(f"{doing} took longer than {limit_s:g} s")
        case Raised(error=PluginRefused() as refusal):
            raise refusal
        case Raised(error=InvalidInput() as wrong):
            raise _error(masked_text(str(wrong)))
        case Raised(error=error):
            raise _error(f"{doing} raised {shown(error)}")


def shown(error: BaseException) -> str:
    """An error as an operator may read it: its kind, and its text without secrets and personal data."""
    try:
        said = str(error)
    except BaseException:  # a plugin's exception is its own code too
        said = ""
    text = masked_text(" ".join(said[:_LONGEST_READ].split()))[:_LONGEST_TEXT]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def checked(loaded: object, point: Found) -> PluginDescriptor:
    """The loaded object, if it is a descriptor that keeps the contract; raises PluginRefused."""
    if not isinstance(loaded, PluginDescriptor):
        raise _error(f"the entry point must be a PluginDescriptor, not {type(loaded).__name__}")
    if loaded.name != point.name:
        raise _error(f"the descriptor is called {loaded.name}, its entry point {point.name}")
    _check_contract(loaded.contract, point)
    _check_parts(loaded)
    _check_operations(loaded)
    return loaded


def _error(reason: str) -> PluginRefused:
    return PluginRefused(ProviderState.SETUP_ERROR, reason)


def _check_contract(version: str, point: Found) -> None:
    shape = re.fullmatch(r"(\d{1,4})\.(\d{1,4})", str(version))
    if shape is None:
        raise PluginRefused(ProviderState.INCOMPATIBLE, "its contract is not a version like 1.0: ask its author")
    major, minor = int(shape[1]), int(shape[2])
    our_major, our_minor = (int(part) for part in CONTRACT.split("."))
    if (major, minor) > (our_major, our_minor):
        advice = f"upgrade the hub, or install an older {point.distribution}"
    elif major < our_major:
        advice = f"install a newer {point.distribution}"
    else:
        return
    raise PluginRefused(
        ProviderState.INCOMPATIBLE, f"made for contract {major}.{minor}, this hub speaks {CONTRACT}: {advice}"
    )


def _check_parts(descriptor: PluginDescriptor) -> None:
    """What the types promise; a plugin need not have been type-checked."""
    settings = descriptor.settings
    if not (inspect.isclass(settings) and issubclass(settings, PluginSettings)):
        raise _error("settings must be a subclass of PluginSettings")
    if not callable(descriptor.factory):
        raise _error("factory must be callable")
    if not isinstance(descriptor.capabilities, frozenset) or not all(
        isinstance(capability, Capability) for capability in descriptor.capabilities
    ):
        raise _error(f"capabilities must be of {', '.join(Capability)}")
    if not isinstance(descriptor.operations, Mapping):
        raise _error("operations must be a mapping of operation to OperationFacts")
    for name, facts in descriptor.operations.items():
        if not isinstance(facts, OperationFacts):
            raise _error(f"{name}: its facts must be OperationFacts, not {type(facts).__name__}")


def _check_operations(descriptor: PluginDescriptor) -> None:
    for name in descriptor.operations:
        spec = OPERATIONS.get(name)
        if spec is None:
            raise _error(f"{name} is not an operation of the contract{did_you_mean(name, OPERATIONS)}")
        if spec.capability is not None and spec.capability not in descriptor.capabilities:
            raise _error(f"{name} belongs to {spec.capability.value}, which the descriptor does not claim")
    for spec in OPERATIONS.values():
        wanted = spec.required and spec.capability in descriptor.capabilities
        if wanted and spec.name not in descriptor.operations:
            raise _error(f"{spec.name} is required of {spec.capability} and not declared")


def contract_manager() -> pluggy.PluginManager:
    """A pluggy manager that knows every hook of the contract and no plugin."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Contract)
    return manager


def bind(manager: pluggy.PluginManager, provider: object, descriptor: PluginDescriptor, name: str) -> Bound:
    """Register a provider object and resolve what it implements, hook by hook.

    Raises PluginRefused where it breaks the contract, and leaves nothing of it in the manager.
    """
    try:
        manager.register(provider, name)
    except ValueError:
        raise _error("its factory gave an object that another instance already is") from None
    except Exception as error:
        raise _error(f"pluggy refuses it: {shown(error)}") from None
    try:
        return _bound(manager, descriptor, name)
    except PluginRefused:
        manager.unregister(name=name)
        raise


def _bound(manager: pluggy.PluginManager, descriptor: PluginDescriptor, name: str) -> Bound:
    _check_names(manager)
    found = {
        hook: _only(hook, caller, own)
        for hook, caller in _callers(manager)
        if caller.has_spec()  # an unknown one left by now is marked optional, for a hub to come
        and (own := [each for each in caller.get_hookimpls() if each.plugin_name == name])
    }
    offered = {hook: found[hook] for hook in found if hook in OPERATIONS}
    facts = dict(descriptor.operations)
    if descriptor.capabilities or HEALTH in offered:
        facts.setdefault(HEALTH, OperationFacts())  # every provider has it, whether it has facts to tell or not
    _check_declared(offered.keys(), facts.keys())
    operations = {hook: _operation(OPERATIONS[hook], facts[hook], impl) for hook, impl in offered.items()}
    receive = _synchronous(WEBHOOK, found[WEBHOOK]) if WEBHOOK in found else None
    observes = {hook: _synchronous(hook, found[hook]) for hook in found if hook in OBSERVER_HOOKS}
    return Bound(
        operations=MappingProxyType(operations),
        receive=receive,
        credentials=_credentials(found.get(CREDENTIALS)),
        observes=MappingProxyType(observes),
    )


def _credentials(named: _Implementation | None) -> tuple[Credential, ...]:
    """What a provider is known by, by its own word; a plugin that has nothing to name leaves the hook out."""
    if named is None:
        return ()
    if inspect.iscoroutinefunction(named.function):
        raise _error(f"{CREDENTIALS} must be a plain def: it computes and does not wait")
    told = named.function()
    if not isinstance(told, tuple) or not all(isinstance(one, Credential) for one in told):
        raise _error(f"{CREDENTIALS} must give a tuple of Credential")
    if any(one.not_after is not None and one.not_after.tzinfo is None for one in told):
        raise _error(f"{CREDENTIALS} gives an instant without a time zone")
    return told


@dataclass(frozen=True, slots=True, kw_only=True)
class _Implementation:
    """One hook function, the arguments of the specification, and those of them that it takes."""

    function: Callable[..., Any]
    specified: tuple[str, ...]
    taken: frozenset[str]


def _callers(manager: pluggy.PluginManager) -> list[tuple[str, pluggy.HookCaller]]:
    return [(hook, caller) for hook, caller in vars(manager.hook).items() if isinstance(caller, pluggy.HookCaller)]


def _check_names(manager: pluggy.PluginManager) -> None:
    """A mistyped hook is silent in pluggy until somebody asks."""
    try:
        manager.check_pending()
    except pluggy.PluginValidationError:
        known = [hook for hook, caller in _callers(manager) if caller.has_spec()]
        strange = next(hook for hook, caller in _callers(manager) if not caller.has_spec() and caller.get_hookimpls())
        raise _error(f"{strange} is not a hook of the contract{did_you_mean(strange, known)}") from None


def _only(hook: str, caller: pluggy.HookCaller, own: Sequence[pluggy.HookImpl]) -> _Implementation:
    """The one plain implementation of a hook by one provider."""
    if len(own) != 1:
        raise _error(f"{hook} is implemented {len(own)} times: one function must answer for it")
    [implementation] = own
    if implementation.wrapper or implementation.hookwrapper:
        raise _error(f"{hook} is marked as a wrapper: an operation answers for itself alone")
    assert caller.spec is not None
    specified = caller.spec.argnames
    return _Implementation(
        function=implementation.function,
        specified=specified,
        taken=_taken(hook, implementation.function, specified),
    )


def _taken(hook: str, function: Callable[..., Any], specified: Sequence[str]) -> frozenset[str]:
    """The arguments of the specification that a function takes: fewer are fine, others are not."""
    taken = set()
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise _error(f"{hook} takes {parameter.name} by position only: arguments are handed over by name")
        if parameter.name in specified:
            taken.add(parameter.name)
        elif parameter.default is parameter.empty:
            raise _error(f"{hook} wants {parameter.name}; the contract offers {', '.join(specified)}")
    return frozenset(taken)


def _check_declared(offered: Any, declared: Any) -> None:
    for hook in sorted(declared - offered):
        raise _error(f"{hook} is declared and not there: is it marked with @hookimpl?")
    for hook in sorted(offered - declared):
        raise _error(f"{hook} is there and not declared: name it in the descriptor's operations")


def _operation(spec: OperationSpec, facts: OperationFacts, implementation: _Implementation) -> BoundOperation:
    function, taken = implementation.function, implementation.taken
    if not inspect.iscoroutinefunction(function):
        raise _error(f"{spec.name} must be async def: a plain function would stop every other call")
    subject = next((name for name in implementation.specified if name != "ctx"), None)

    async def call(request: object, ctx: CallContext) -> object:
        arguments = {"ctx": ctx} if subject is None else {subject: request, "ctx": ctx}
        return await function(**{name: value for name, value in arguments.items() if name in taken})

    return BoundOperation(spec=spec, facts=facts, call=call)


def _synchronous(hook: str, implementation: _Implementation) -> Callable[[Any], Any]:
    function = implementation.function
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise _error(f"{hook} must be a plain def: it computes and does not wait")
    [subject] = implementation.specified
    if subject in implementation.taken:
        return lambda value: function(**{subject: value})
    return lambda value: function()
