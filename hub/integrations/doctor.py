"""What is wrong with plugins and their instances, in plain words, each with what to do about it. Nothing is changed.

It looks the way the hub does when it sets up (allow-list, import, contract, settings, secrets), one thing after the
other, and goes on where the hub would stop. Only plugins that the configuration allows are imported.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import site
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from hub.core.errors import InvalidInput
from hub.core.provider import Capability, PluginDescriptor, PluginSettings
from hub.infra.destinations import Destinations
from hub.integrations.configuration import Configuration, ProviderEntry
from hub.integrations.credentials import SecretSource, settle
from hub.integrations.plugins import Found, PluginRefused, ProviderState, allowed, guarded, load

_LIMIT_S = 10.0
_REACH_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong (`serious`) or worth knowing: about what, why, and what to do."""

    subject: str
    reason: str
    advice: str
    serious: bool = True


async def examine(
    configuration: Configuration, found: Sequence[Found], secrets: SecretSource
) -> AsyncIterator[Finding]:
    """Everything that there is to say, plugins first."""
    descriptors: dict[str, PluginDescriptor] = {}
    taken: list[Found] = []
    for entry in configuration.plugins.values():
        try:
            point = allowed(entry, found)
            taken.append(point)
            descriptors[entry.name] = await load(point, _LIMIT_S)
        except PluginRefused as refusal:
            advice = _ADVICE[refusal.state].format(name=entry.name, distribution=entry.distribution)
            yield Finding(subject=f"plugin {entry.name}", reason=refusal.reason, advice=advice)
    for point in found:
        if point not in taken:
            yield _stranger(point, configuration)
    for provider in configuration.providers.values():
        if provider.enabled and provider.plugin in descriptors:
            async for finding in _instance(provider, descriptors[provider.plugin], secrets):
                yield finding
    for finding in _routes(configuration, descriptors):
        yield finding
    for finding in started_code(_site_folders()):
        yield finding


_ADVICE = {
    ProviderState.BLOCKED: "find out who made that package; allow it by its own name in [plugins.{name}], or uninstall it",
    ProviderState.SETUP_ERROR: "pip install {distribution} into the hub's environment, or tell its author what it says here",
    ProviderState.INCOMPATIBLE: "install a version of {distribution} that speaks this hub's contract, or upgrade the hub",
}


def _stranger(point: Found, configuration: Configuration) -> Finding:
    known = configuration.plugins.get(point.name)
    return Finding(
        subject=f"plugin {point.name}",
        reason=f"installed from {point.distribution} and not allowed: nothing of it is imported",
        advice=f'to use it, write [plugins.{point.name}] with distribution = "{point.distribution}" into hub.toml; '
        f"otherwise pip uninstall {point.distribution}",
        serious=known is not None,
    )


async def _instance(
    entry: ProviderEntry, descriptor: PluginDescriptor, secrets: SecretSource
) -> AsyncIterator[Finding]:
    subject = f"instance {entry.name}"
    try:
        settings = await _settled(entry, descriptor, secrets)
    except PluginRefused as refusal:
        yield Finding(subject=subject, reason=refusal.reason, advice=_settings_advice(refusal.reason, entry))
        return
    if secrets.development:
        strict = SecretSource(folder=secrets.folder, environment=secrets.environment)
        try:
            await _settled(entry, descriptor, strict)
        except PluginRefused as refusal:
            advice, reason = _settings_advice(refusal.reason, entry), f"in production: {refusal.reason}"
            yield Finding(subject=subject, reason=reason, advice=advice, serious=False)
    address = str(getattr(settings, "base_url", "") or "")
    if not address:
        return
    try:
        Destinations(allow_hosts=entry.allow_hosts).check(address, "base_url")
    except InvalidInput as refused:
        advice = f"change it, or list its host in allow_hosts of [providers.{entry.name}] if it is meant to be inside"
        yield Finding(subject=subject, reason=str(refused), advice=advice)
        return
    if reason := await _unreachable(address):
        advice = "is the vendor up, the address right, and this machine let out to it?"
        yield Finding(subject=subject, reason=reason, advice=advice)


async def _settled(entry: ProviderEntry, descriptor: PluginDescriptor, secrets: SecretSource) -> PluginSettings:
    return await guarded("settings", partial(settle, entry, descriptor.settings, secrets), _LIMIT_S)


def _settings_advice(reason: str, entry: ProviderEntry) -> str:
    if "chmod 600" in reason:
        return "chmod 600 the file, and change the secret if others may have read it"
    if "cannot be read" in reason or "is empty" in reason:
        return "put the secret into a file of that name in the folder of secrets beside hub.toml, mode 0600"
    if "is not set" in reason:
        return "set the variable where the hub is started, or keep the secret in a file"
    return f"mend [providers.{entry.name}] in hub.toml, or its variables LEASEHUB_P__{entry.name.upper()}__…"


async def _unreachable(address: str) -> str:
    """Why nobody can be reached at an address; nothing when somebody listens there."""
    parts = urlsplit(address)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        async with asyncio.timeout(_REACH_S):
            _, writer = await asyncio.open_connection(parts.hostname, port)
        writer.close()
    except (OSError, TimeoutError, ValueError) as error:
        return f"nobody can be reached at {parts.hostname}, port {parts.port or parts.scheme}: {type(error).__name__}"
    return ""


def _routes(configuration: Configuration, descriptors: dict[str, PluginDescriptor]) -> Iterator[Finding]:
    """A capability that somebody is configured for and nobody is routed to."""
    offered: set[Capability] = set()
    for entry in configuration.providers.values():
        if entry.plugin in descriptors:
            offered |= descriptors[entry.plugin].capabilities
    for capability in sorted(offered - set(configuration.routes)):
        yield Finding(
            subject=f"routes.{capability.value}",
            reason="there are instances for it, and no route: they get no calls",
            advice=f'write [routes.{capability.value}] with default = ["…"] into hub.toml',
        )


def started_code(folders: Iterable[Path]) -> Iterator[Finding]:
    """Every .pth file that runs code whenever any Python of this environment starts, and whom it belongs to."""
    owners = _owners()
    for folder in folders:
        for file in sorted(folder.glob("*.pth")):
            with suppress(OSError):
                lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
                if any(line.startswith(("import ", "import\t")) for line in lines):
                    owner = owners.get(file.resolve())
                    yield Finding(
                        subject=f"file {file.name}",
                        reason="runs code at every start of Python, before any allow-list: "
                        + (f"it belongs to {owner}" if owner else "no installed package owns it"),
                        advice="look into it, and uninstall what you do not know",
                        serious=owner is None and not file.name.startswith("_virtualenv"),
                    )


def _owners() -> dict[Path, str]:
    found: dict[Path, str] = {}
    for distribution in importlib.metadata.distributions():
        for file in distribution.files or ():
            if file.suffix == ".pth":
                found[Path(str(distribution.locate_file(file))).resolve()] = distribution.name
    return found


def _site_folders() -> list[Path]:
    known = [*site.getsitepackages(), *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])]
    return [Path(folder) for folder in known if folder in sys.path and Path(folder).is_dir()]
