"""Bronze: the plugin's card is honest, and its settings keep strangers and secrets apart."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from pydantic import SecretBytes, SecretStr, ValidationError

from hub.core.effects import Effect
from hub.core.errors import AuthFailed
from hub.core.hookspecs import OPERATIONS, SPEC_CLASSES, OperationSpec
from hub.core.provider import CONTRACT, OperationFacts, PluginSettings
from hub.testing.kit.bench import Bench
from hub.testing.kit.catalogue import NotApplicable, Tier, check, require
from hub.testing.kit.line import Trouble

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,59}")
_SECRET_WORD = re.compile(r"secret|password|passphrase|private_key|api_key|access_key|sign_key|token", re.IGNORECASE)
_LONGEST_CALL_S = 120.0
_CANARY = "canary-4711"


@check(
    "card.shape",
    Tier.BRONZE,
    "The hub decides by the card alone whether a plugin may be imported, which calls it may get, and what an operator "
    "reads before it is allowed.",
)
async def shape(bench: Bench) -> None:
    """The descriptor has a usable name, a version, this hub's contract, the capability that is tested, and says which
    personal data leaves the house."""
    card = bench.rig.descriptor
    require(bool(_NAME.fullmatch(card.name)), f"name: {card.name!r} is not small letters, digits, - and _")
    require(bool(card.version), "version: is empty")
    require(card.contract.split(".")[0] == CONTRACT.split(".")[0], f"contract: {card.contract}, the hub has {CONTRACT}")
    require(bench.capability in card.capabilities, f"capabilities: {bench.capability.value} is not among them")
    require(issubclass(card.settings, PluginSettings), "settings: is not a subclass of PluginSettings")
    require(bool(card.data_categories), "data_categories: says of no personal data that it leaves the house")
    for what, words, form in (("countries", card.countries, "[A-Z]{2}"), ("currencies", card.currencies, "[A-Z]{3}")):
        wrong = [word for word in words if not re.fullmatch(form, word)]
        require(not wrong, f"{what}: {', '.join(wrong)} is not an ISO code in capitals")


@check(
    "card.operations",
    Tier.BRONZE,
    "An operation that is declared and not there fails when somebody needs it, at night, with money under way.",
)
async def operations(bench: Bench) -> None:
    """Every required operation is declared, and every declared one is an `async def` marked with `@hookimpl`."""
    there, declared = bench.implemented, bench.rig.descriptor.operations
    unknown = [name for name in declared if name not in OPERATIONS]
    require(not unknown, f"{', '.join(unknown)}: not an operation of the contract")
    for spec in OPERATIONS.values():
        wanted = spec.required and spec.capability in (None, bench.capability)
        if wanted:
            require(spec.name in declared or spec.capability is None, f"{spec.name}: required and not declared")
        if wanted or spec.name in declared:
            require(spec.name in there, f"{spec.name}: declared and not implemented; is it marked with @hookimpl?")
            require(inspect.iscoroutinefunction(there[spec.name]), f"{spec.name}: must be async def")


@check(
    "card.absent",
    Tier.BRONZE,
    "A stub that raises looks like a provider that fails: the hub would route to it, retry and open the breaker.",
)
async def absent(bench: Bench) -> None:
    """An optional operation that is not declared is really absent, not stubbed."""
    declared = bench.rig.descriptor.operations
    for spec in _own(bench):
        if spec.name not in declared:
            specified = getattr(SPEC_CLASSES[bench.capability], spec.name)
            found = getattr(type(bench.provider), spec.name, specified)
            require(found is specified, f"{spec.name}: there and not declared")


@check(
    "card.facts",
    Tier.BRONZE,
    "Whether an unknown outcome is asked after, sent again or given to a person follows from these facts alone.",
)
async def facts(bench: Bench) -> None:
    """Facts agree with each other: an idempotent effect names its key's length and lifetime, a settle window has a
    status operation and ends before the key does, time limits and rates are positive."""
    declared = bench.rig.descriptor.operations
    for spec in _own(bench):
        if spec.name in declared:
            _check_facts(spec, declared[spec.name], declared)


def _check_facts(spec: OperationSpec, said: OperationFacts, declared: Mapping[str, OperationFacts]) -> None:
    name = spec.name
    require(0 < said.max_timeout_s <= _LONGEST_CALL_S, f"{name}: max_timeout_s must lie in (0, {_LONGEST_CALL_S:g}]")
    require(said.rate_limit is None or said.rate_limit > 0, f"{name}: rate_limit must be positive")
    require(said.key_max_len is None or said.key_max_len >= 16, f"{name}: a key of {said.key_max_len} is soon repeated")
    if spec.effect is Effect.READ:
        return
    if said.idempotent:
        whole = said.key_max_len is not None and said.key_lifetime is not None
        require(whole, f"{name}: idempotent needs key_max_len and key_lifetime")
    if said.settle_window is not None and spec.status_by is not None:
        require(said.settle_window >= timedelta(0), f"{name}: settle_window is negative")
        require(spec.status_by in declared, f"{name}: settle_window without {spec.status_by} to ask")
        lasts = said.key_lifetime is None or said.key_lifetime > said.settle_window
        require(lasts, f"{name}: the key must outlive the settle_window")


def _own(bench: Bench) -> list[OperationSpec]:
    return [spec for spec in OPERATIONS.values() if spec.capability is bench.capability]


@check(
    "settings.unknown_field",
    Tier.BRONZE,
    "A typing mistake in the configuration must not become a default, and an error must not print what was typed.",
)
async def unknown_field(bench: Bench) -> None:
    """Settings refuse a field that they do not know, without showing its value, and cannot be changed afterwards."""
    kind = bench.rig.descriptor.settings
    try:
        kind.model_validate({**bench.rig.settings, "base_ulr_": _CANARY})
    except ValidationError as refusal:
        require(_CANARY not in str(refusal), "the refusal shows the value: keep hide_input_in_errors")
    else:
        raise AssertionError("an unknown field was taken: keep extra='forbid'")
    require(bool(kind.model_config.get("frozen")), "settings can be changed: keep frozen=True")


@check(
    "settings.environment",
    Tier.BRONZE,
    "Two instances of one plugin must never see each other's secrets: the hub reads the environment and hands in.",
)
async def environment(bench: Bench) -> None:
    """Settings read nothing on their own, neither from the environment nor from a file."""
    kind = bench.rig.descriptor.settings
    prefix = str(kind.model_config.get("env_prefix") or "")
    names = [f"{prefix}{name}" for name in kind.model_fields]
    with _variables({**{name.upper(): "7" for name in names}, **dict.fromkeys(names, "7")}):
        found = kind.model_validate(dict(bench.rig.settings))
        try:
            found_plain = kind(**dict(bench.rig.settings))
        except ValidationError:
            raise AssertionError("the environment is read") from None
    require(found == bench.settings and found_plain == bench.settings, "a variable of the environment changed them")


@contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@check(
    "settings.secret_types",
    Tier.BRONZE,
    "What is a SecretStr is refused in hub.toml, starred when printed and blotted out of every log; a str is not.",
)
async def secret_types(bench: Bench) -> None:
    """A field whose name speaks of a secret is a SecretStr or SecretBytes."""
    for name, info in bench.rig.descriptor.settings.model_fields.items():
        if _SECRET_WORD.search(name) and "url" not in name:
            shown = str(info.annotation)
            kept = SecretStr.__name__ in shown or SecretBytes.__name__ in shown
            require(kept, f"{name}: must be a SecretStr, not {shown}")


@check(
    "settings.secrets_shown",
    Tier.BRONZE,
    "Whoever prints a provider, by a log line or a debugger, must not print its credentials.",
)
async def secrets_shown(bench: Bench) -> None:
    """No secret stands in the repr of provider, settings, or anything that the provider holds."""
    secrets = bench.secrets()
    if not secrets:
        raise NotApplicable("the settings have no secret")
    held = getattr(bench.provider, "__dict__", {})
    shown = f"{bench.provider!r} {bench.provider!s} {bench.settings!r} {held!r}"
    require(not any(secret in shown for secret in secrets), "a secret can be read: keep it as SecretStr")


@check(
    "health.well",
    Tier.BRONZE,
    "At start and before a closed breaker opens again the hub asks this, and nothing else.",
)
async def health_well(bench: Bench) -> None:
    """`provider_health` says of a vendor that is well that it is healthy."""
    result = (await bench.attempt("provider_health")).result
    require(getattr(result, "healthy", None) is True, "a vendor that is well is not called healthy")


@check(
    "health.harmless",
    Tier.BRONZE,
    "It is asked again and again, by every process; an effect would be repeated as often.",
)
async def health_harmless(bench: Bench) -> None:
    """`provider_health` asks the vendor and leaves nothing in its books."""
    before = list(await bench.rig.books())
    attempt = await bench.attempt("provider_health")
    require(attempt.error is None, str(attempt))
    require(list(await bench.rig.books()) == before, "the vendor's books have changed")
    require(bool(bench.line.seen) or not bench.rig.on_a_line, "the vendor was not asked at all")


@check(
    "health.credentials",
    Tier.SILVER,
    "An instance whose credentials were revoked must show as AUTH_FAILED at start, not at the first rent.",
)
async def health_credentials(bench: Bench) -> None:
    """`provider_health` raises AuthFailed when the vendor refuses the credentials."""
    attempt = await bench.attempt("provider_health", Trouble.AUTH)
    require(isinstance(attempt.error, AuthFailed), str(attempt))
