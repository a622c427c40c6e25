"""`hub plugins`: what is installed, whether it keeps the contract, what is wrong, a new one, and switching one off.

Nothing here needs a database but `disable`. Only allowed plugins are imported, and the one that `check` names.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hub.commands import desk, scaffold
from hub.core.errors import InvalidInput, NotFound
from hub.core.provider import Capability, PluginDescriptor
from hub.infra.settings import load_settings
from hub.integrations import doctor as examination
from hub.integrations.configuration import Configuration, did_you_mean
from hub.integrations.plugins import Found, PluginRefused, allowed, installed, load
from hub.testing.kit import report
from hub.testing.kit.runner import Exemption, Finding, Verdict, run_all
from hub.wiring import configured, secrets_of

CONFORMANCE = "leasehub.conformance"
_IMPORT_S = 10.0


async def show() -> int:
    """Print every installed plugin: where it comes from, whether it is allowed, and the contract that it speaks."""
    configuration, found = _configuration(), installed()
    table = Table("plugin", "distribution", "version", "allowed", "contract", "capability", "why")
    for column in table.columns[:-1]:
        column.no_wrap = True
    for point in sorted(found, key=lambda one: (one.name, one.distribution)):
        entry = configuration.plugins.get(point.name)
        allow, contract, capabilities, why = "no", "", "", "not in [plugins] of hub.toml"
        try:
            if entry is not None:
                why = f"only {entry.distribution} is allowed under this name"
            if entry is not None and allowed(entry, found) == point:
                allow, why = "yes", ""
                descriptor = await load(point, _IMPORT_S)
                contract, capabilities = descriptor.contract, ", ".join(sorted(descriptor.capabilities))
        except PluginRefused as refusal:
            why = refusal.reason
        row = (point.name, point.distribution, point.version, allow, contract, capabilities, why)
        table.add_row(*(escape(cell) for cell in row))
    Console().print(table)
    return 0


async def check(name: str, file: Path | None) -> int:
    """Load one plugin and run the conformance kit if it ships its rig; fails when a check does."""
    point = _named(name, installed())
    try:
        descriptor = await load(point, _IMPORT_S)
    except PluginRefused as refusal:
        print(f"{name} cannot be used ({refusal.state.value}): {refusal.reason}", file=sys.stderr)
        return 1
    rig = _rig_of(point)
    if rig is None:
        print(
            f"{name} keeps the contract as far as its card shows. It ships no rig (entry point {CONFORMANCE}), "
            "so nothing was called: ask its author for the report of the conformance kit."
        )
        return 0
    findings = await asyncio.to_thread(_findings, descriptor, rig)
    return _told(findings, file)


def _findings(descriptor: PluginDescriptor, rig: EntryPoint) -> list[Finding]:
    make = rig.load()
    exemptions: Sequence[Exemption] = getattr(importlib.import_module(rig.module), "EXEMPTIONS", ())
    return [one for capability in sorted(descriptor.capabilities) for one in run_all(capability, make, exemptions)]


def _told(findings: Sequence[Finding], file: Path | None) -> int:
    failed = [one for one in findings if one.verdict is Verdict.FAILED]
    for one in failed:
        print(f"{one.check.id} [{one.check.tier.value}, {one.road}]: {one.reason}", file=sys.stderr)
        print(f"    {one.check.sentence} {one.check.reason}", file=sys.stderr)
    shown = [report.as_json(one) for one in findings]
    for standing in report.standings(shown):
        print(standing)
        for id_, reason in standing.exemptions.items():
            print(f"    exempt from {id_}: {reason}")
    if file is not None:
        report.write(file, shown)
    return 1 if failed else 0


def _named(name: str, found: Sequence[Found]) -> Found:
    """The one installed plugin of this name; the allow-list decides when two distributions claim it."""
    same = [point for point in found if point.name == name]
    if not same:
        raise NotFound("plugin", f"{name}{did_you_mean(name, [point.name for point in found])}")
    if len(same) == 1:
        return same[0]
    entry = _configuration().plugins.get(name)
    if entry is None:
        raise InvalidInput("name", f"{' and '.join(point.distribution for point in same)} both claim {name}: allow one")
    return allowed(entry, found)


def _rig_of(point: Found) -> EntryPoint | None:
    """The rig that a plugin ships, from its own distribution and no other."""
    for one in entry_points(group=CONFORMANCE, name=point.name):
        if one.dist is not None and one.dist.name == point.distribution:
            return one
    return None


async def doctor() -> int:
    """Say what is wrong with plugins and instances, and what to do; fails when something is."""
    settings = load_settings()
    if not settings.config.exists():
        print(f"{settings.config}: is not there: no plugin is allowed. LEASEHUB_CONFIG names the file.")
    try:
        configuration = configured(settings, os.environ)
    except InvalidInput as wrong:
        print(f"{settings.config}: {wrong}\n    mend the file: until then no plugin can be used", file=sys.stderr)
        return 1
    serious = 0
    async for finding in examination.examine(configuration, installed(), secrets_of(settings)):
        serious += finding.serious
        print(f"{'!' if finding.serious else '-'} {finding.subject}: {finding.reason}\n    {finding.advice}")
    print(f"{serious} thing{'' if serious == 1 else 's'} to mend" if serious else "nothing is wrong")
    return 1 if serious else 0


async def new(name: str, capability: str, into: Path | None) -> int:
    """Write a new plugin from the template, and say what comes next."""
    if capability not in list(Capability):
        raise InvalidInput(
            "capability", f"must be one of {', '.join(Capability)}{did_you_mean(capability, Capability)}"
        )
    wanted = Capability(capability)
    folder = scaffold.write_plugin(name, wanted, into or Path(scaffold.distribution_name(name, wanted)))
    print(f"{folder} is a plugin that keeps the contract. Next:\n")
    print(f"    pip install -e '{folder}[dev]'\n    pytest {folder}\n    hub plugins check {name}_{capability}\n")
    print(f"Then make it speak your vendor's words: {folder / 'README.md'} says which file does what.")
    return 0


async def disable(name: str, reason: str) -> int:
    """Give the instances of a plugin no new calls; callbacks and questions about what they began go on."""
    instances = [one.name for one in _configuration().providers.values() if one.plugin == name]
    if not instances:
        raise NotFound("instance of the plugin", name)
    return await desk.switch(instances, enabled=False, reason=reason)


def _configuration() -> Configuration:
    return configured(load_settings(), os.environ)
