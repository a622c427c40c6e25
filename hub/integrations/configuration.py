"""hub.toml, pure: which plugins are allowed, which instances there are, and how calls are routed among them.

Text in, frozen values or InvalidInput out. An instance's own settings stay raw here: only its plugin knows what they
must be (`credentials`). Nothing is read from disk, and no value ever stands in an error, only its place.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from hub.core.errors import InvalidInput
from hub.core.money import Money
from hub.core.provider import Capability, Mode
from hub.integrations.routing import Condition, Routes, Rule, Strategy

ENVIRONMENT_PREFIX = "LEASEHUB_P__"
_INSTANCE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_PLUGIN = re.compile(r"[a-z][a-z0-9_-]*")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:[0-9]{1,5})?")
_LONGEST_NAME = 60
_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginEntry:
    """A line of the allow-list: this entry point, from this distribution and no other."""

    name: str
    distribution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEntry:
    """An instance as configured. `settings` may hold secret references; `overrides` are its environment variables.

    `allow_hosts` are the hosts that it may reach although they are not public, or without https.
    """

    name: str
    plugin: str
    mode: Mode
    required: bool = False
    enabled: bool = True
    settings: Mapping[str, object] = field(default_factory=dict, repr=False)
    overrides: Mapping[str, str] = field(default_factory=dict, repr=False)
    allow_hosts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The whole of hub.toml, in the order in which it was written."""

    plugins: Mapping[str, PluginEntry] = field(default_factory=dict)
    providers: Mapping[str, ProviderEntry] = field(default_factory=dict)
    routes: Mapping[Capability, Routes] = field(default_factory=dict)
    # Hosts that outgoing webhooks may reach although they are not public, or without https.
    webhook_hosts: frozenset[str] = frozenset()


def parse(text: str, environment: Mapping[str, str]) -> Configuration:
    """Read hub.toml and the variables that override it; raises InvalidInput with the place and the reason."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput("hub.toml", f"is not TOML: {error}") from None
    top = _Table("", document)
    overrides = _overrides(environment)
    plugins = {name: _plugin(name, table) for name, table in top.tables("plugins")}
    providers = {
        name: _provider(name, table, plugins, overrides.pop(name, {})) for name, table in top.tables("providers")
    }
    routes = dict(_routes(name, table, providers) for name, table in top.tables("routes"))
    webhooks = _Table("webhooks", top.take("webhooks") or {})
    webhook_hosts = webhooks.hosts("allow_hosts")
    webhooks.close()
    top.close()
    for stranger, variables in overrides.items():
        _refuse_variable(stranger, next(iter(variables)), providers)
    return Configuration(
        plugins=MappingProxyType(plugins),
        providers=MappingProxyType(providers),
        routes=MappingProxyType(routes),
        webhook_hosts=webhook_hosts,
    )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of an error text: the known word closest to `word`, or nothing when none is close."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


class _Table:
    """A TOML table that is read key by key and knows its own place; `close` refuses what nobody asked for."""

    def __init__(self, path: str, raw: object) -> None:
        if not isinstance(raw, dict):
            raise InvalidInput(path, "must be a table")
        self.path = path
        self._raw: dict[str, object] = dict(raw)
        self._known: list[str] = []

    def at(self, key: object) -> str:
        """The place of a key, for an error."""
        return f"{self.path}.{key}".removeprefix(".")

    def take(self, key: str) -> object | None:
        """The raw value of a key, once."""
        self._known.append(key)
        return self._raw.pop(key, None)

    def text(self, key: str) -> str | None:
        """A non-empty text, or None when the key is absent."""
        value = self.take(key)
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise InvalidInput(self.at(key), "must be a text that says something")
        return value

    def needed(self, key: str) -> str:
        """A text that must be there."""
        value = self.text(key)
        if value is None:
            raise InvalidInput(self.at(key), "is missing")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self.take(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise InvalidInput(self.at(key), "must be true or false")
        return value

    def choice(self, key: str, words: type[_Choice], *, default: _Choice | None = None) -> _Choice:
        """One of the words of an enum."""
        value = self.text(key)
        if value is None and default is not None:
            return default
        listed = ", ".join(words)
        if value is None:
            raise InvalidInput(self.at(key), f"is missing; one of {listed}")
        if value not in list(words):
            raise InvalidInput(self.at(key), f"must be one of {listed}{did_you_mean(value, words)}")
        return words(value)

    def amount(self, key: str, currency: str) -> Money | None:
        """Money as a text in major units."""
        value = self.text(key)
        try:
            return None if value is None else Money.of(value, currency)
        except ValueError:
            raise InvalidInput(self.at(key), f'must be an amount of {currency} as a text, like "50000.00"') from None

    def names(self, key: str, known: Mapping[str, ProviderEntry]) -> tuple[str, ...]:
        """A list of different instances, at least one."""
        value = self.take(key)
        if not isinstance(value, list) or not value:
            raise InvalidInput(self.at(key), "must be a list of at least one instance")
        for index, name in enumerate(value):
            place = f"{self.at(key)}[{index}]"
            if not isinstance(name, str) or name not in known:
                raise InvalidInput(place, f"{name} is not in [providers]{did_you_mean(str(name), known)}")
            if name in value[:index]:
                raise InvalidInput(place, f"{name} is already in the list")
        return tuple(value)

    def hosts(self, key: str) -> frozenset[str]:
        """A list of hosts, each with or without a port; none when the key is absent."""
        value = self.take(key)
        if value is None:
            return frozenset()
        if not isinstance(value, list):
            raise InvalidInput(self.at(key), "must be a list of hosts")
        for index, host in enumerate(value):
            if not isinstance(host, str) or not _HOST.fullmatch(host):
                reason = 'must be a host in small letters, with or without a port: "psp.internal", "127.0.0.1:8800"'
                raise InvalidInput(f"{self.at(key)}[{index}]", reason)
        return frozenset(value)

    def tables(self, key: str) -> list[tuple[str, _Table]]:
        """The tables below a key, by name; none when the key is absent."""
        parent = _Table(self.at(key), self.take(key) or {})
        return [(name, _Table(parent.at(name), raw)) for name, raw in parent._raw.items()]

    def close(self) -> None:
        """Refuse a key that nobody has asked for."""
        for key in self._raw:
            raise InvalidInput(self.at(key), f"is not known{did_you_mean(key, self._known)}")

    def by_instance(self, known: Mapping[str, ProviderEntry]) -> Iterable[tuple[str, object]]:
        """Key and raw value of a table whose keys are instances."""
        for name, value in self._raw.items():
            if name not in known:
                raise InvalidInput(self.at(name), f"is not in [providers]{did_you_mean(name, known)}")
            yield name, value


def _name(table: _Table, name: str, shape: re.Pattern[str]) -> str:
    if not shape.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise InvalidInput(table.path, "the name must be small letters, digits and single underscores")
    return name


def _plugin(name: str, table: _Table) -> PluginEntry:
    entry = PluginEntry(name=_name(table, name, _PLUGIN), distribution=table.needed("distribution"))
    table.close()
    return entry


def _provider(
    name: str, table: _Table, plugins: Mapping[str, PluginEntry], overrides: Mapping[str, str]
) -> ProviderEntry:
    plugin = table.needed("plugin")
    if plugin not in plugins:
        raise InvalidInput(table.at("plugin"), f"{plugin} is not allowed in [plugins]{did_you_mean(plugin, plugins)}")
    settings = table.take("settings") or {}
    if not isinstance(settings, dict):
        raise InvalidInput(table.at("settings"), "must be a table")
    entry = ProviderEntry(
        name=_name(table, name, _INSTANCE),
        plugin=plugin,
        mode=table.choice("mode", Mode),
        required=table.flag("required", default=False),
        enabled=table.flag("enabled", default=True),
        settings=MappingProxyType(settings),
        overrides=MappingProxyType(dict(overrides)),
        allow_hosts=table.hosts("allow_hosts"),
    )
    table.close()
    if entry.required and not entry.enabled:
        raise InvalidInput(table.at("enabled"), "an instance that is required cannot be switched off")
    return entry


def _routes(name: str, table: _Table, providers: Mapping[str, ProviderEntry]) -> tuple[Capability, Routes]:
    if name not in list(Capability):
        raise InvalidInput(table.path, f"is not a capability{did_you_mean(name, Capability)}")
    routes = Routes(
        default=table.names("default", providers),
        rules=_rules(table, providers),
        strategy=table.choice("strategy", Strategy, default=Strategy.PRIORITY),
        weights=MappingProxyType(_weights(_Table(table.at("weights"), table.take("weights") or {}), providers)),
        costs=MappingProxyType(_costs(_Table(table.at("costs"), table.take("costs") or {}), providers)),
    )
    table.close()
    _check_strategy(table, routes)
    return Capability(name), routes


def _rules(table: _Table, providers: Mapping[str, ProviderEntry]) -> tuple[Rule, ...]:
    raw = table.take("rules") or []
    if not isinstance(raw, list):
        raise InvalidInput(table.at("rules"), f"must be a list: write [[{table.path}.rules]]")
    rules = []
    for index, item in enumerate(raw):
        rule = _Table(f"{table.at('rules')}[{index}]", item)
        condition = _condition(_Table(rule.at("when"), rule.take("when") or {}))
        rules.append(Rule(when=condition, use=rule.names("use", providers)))
        rule.close()
    return tuple(rules)


def _condition(table: _Table) -> Condition:
    currency = table.text("currency")
    if currency is not None and not re.fullmatch("[A-Z]{3}", currency):
        raise InvalidInput(table.at("currency"), "must be three capital letters, like CNY")
    band_currency = currency or Money.zero().currency
    condition = Condition(
        branch=table.text("branch"),
        product=table.text("product"),
        min_amount=table.amount("min_amount", band_currency),
        max_amount=table.amount("max_amount", band_currency),
        channel=table.text("channel"),
        country=table.text("country"),
        currency=currency,
    )
    table.close()
    if condition == Condition():
        raise InvalidInput(table.path, "says nothing; what always holds belongs into default")
    least, most = condition.min_amount, condition.max_amount
    if least is not None and most is not None and most < least:
        raise InvalidInput(table.at("max_amount"), "is below min_amount")
    return condition


def _weights(table: _Table, providers: Mapping[str, ProviderEntry]) -> dict[str, int]:
    weights = {}
    for name, value in table.by_instance(providers):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 1_000_000:
            raise InvalidInput(table.at(name), "must be a whole number of shares, 0 or more")
        weights[name] = value
    return weights


def _costs(table: _Table, providers: Mapping[str, ProviderEntry]) -> dict[str, Decimal]:
    costs = {}
    for name, value in table.by_instance(providers):
        try:
            cost = Decimal(value) if isinstance(value, str) else Decimal("NaN")
        except InvalidOperation:
            cost = Decimal("NaN")
        if not cost.is_finite() or cost < 0:
            raise InvalidInput(table.at(name), 'must be the cost of one call as a text, like "0.045"')
        costs[name] = cost
    return costs


def _check_strategy(table: _Table, routes: Routes) -> None:
    """A strategy without its figures would quietly be another one."""
    if routes.strategy is Strategy.WEIGHTED:
        for listed in (routes.default, *(rule.use for rule in routes.rules)):
            if not any(routes.weights.get(name) for name in listed):
                raise InvalidInput(table.at("weights"), f"gives no share to any of {', '.join(listed)}")
    if routes.strategy is Strategy.CHEAPEST and not routes.costs:
        raise InvalidInput(table.at("costs"), "is missing; the strategy cheapest needs it")


def _overrides(environment: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The variables LEASEHUB_P__<INSTANCE>__<FIELD>, by instance and field in small letters."""
    found: dict[str, dict[str, str]] = {}
    for variable, value in sorted(environment.items()):
        if not variable.startswith(ENVIRONMENT_PREFIX):
            continue
        instance, parted, setting = variable.removeprefix(ENVIRONMENT_PREFIX).partition("__")
        if not (instance and parted and setting):
            raise InvalidInput(variable, f"must read {ENVIRONMENT_PREFIX}<INSTANCE>__<FIELD>")
        found.setdefault(instance.lower(), {})[setting.lower()] = value
    return found


def _refuse_variable(instance: str, setting: str, providers: Mapping[str, ProviderEntry]) -> None:
    variable = f"{ENVIRONMENT_PREFIX}{instance.upper()}__{setting.upper()}"
    close = difflib.get_close_matches(instance, list(providers), n=1)
    advice = f"; did you mean {ENVIRONMENT_PREFIX}{close[0].upper()}__{setting.upper()}?" if close else ""
    raise InvalidInput(variable, f"no instance {instance} in [providers]{advice}")
