"""The page of what each installed provider can do, capability by capability, as their descriptors say.

`python -m hub.testing.matrix FILE` writes it from what is installed. A provider that came later is not missed on it: a
test wants every line that stands there to be true, and nothing of whoever does not stand there.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from importlib.metadata import entry_points
from pathlib import Path

from hub.core.effects import Effect
from hub.core.hookspecs import OPERATIONS, SPEC_CLASSES, OperationSpec
from hub.core.provider import ENTRY_POINT_GROUP, Capability, OperationFacts, PluginDescriptor

_WRITTEN = "<!-- Written by `make docs` from the descriptors; edit those instead. -->"
_HEAD = "| provider | {} | countries | currencies | callbacks | personal data that leaves the house |"
_ABSENT = "–"


def descriptors() -> dict[str, PluginDescriptor]:
    """Every installed plugin by its name."""
    found = {point.name: point.load() for point in entry_points(group=ENTRY_POINT_GROUP)}
    return {name: one for name, one in sorted(found.items()) if isinstance(one, PluginDescriptor)}


def page(installed: Mapping[str, PluginDescriptor]) -> str:
    """The whole page."""
    lines = ["# What each provider can do", "", _WRITTEN, ""]
    lines += [
        "An operation that a provider lacks is marked with –. Behind one that has an effect stands what follows from it",
        "for an outcome that nobody knows: *key* and for how long the vendor executes one key once, *asked* and after",
        "which time a request that cannot be found was never taken. With neither, a person finds out.",
    ]
    for capability in Capability:
        rows = [row(one, capability) for one in installed.values() if capability in one.capabilities]
        if rows:
            lines += ["", f"## {capability.value}", "", *head(capability), *rows]
    return "\n".join(lines) + "\n"


def head(capability: Capability) -> list[str]:
    """The head of a capability's table."""
    names = " | ".join(f"`{spec.name}`" for spec in _operations(capability))
    line = _HEAD.format(names)
    return [line, "|---" * (line.count("|") - 1) + "|"]


def row(one: PluginDescriptor, capability: Capability) -> str:
    """What one provider can do of a capability."""
    cells = [_cell(spec, one.operations.get(spec.name)) for spec in _operations(capability)]
    cells += [_words(one.countries) or "all", _words(one.currencies) or "all"]
    cells += ["yes" if _takes_callbacks(one, capability) else _ABSENT, _words(one.data_categories)]
    return f"| **{one.name}** {one.version} | {' | '.join(cells)} |"


def _operations(capability: Capability) -> list[OperationSpec]:
    return [spec for spec in OPERATIONS.values() if spec.capability is capability]


def _cell(spec: OperationSpec, facts: OperationFacts | None) -> str:
    if facts is None:
        return _ABSENT
    told = []
    if spec.effect is not Effect.READ:
        if facts.idempotent:
            told.append(f"key {_span(facts.key_lifetime)}" if facts.key_lifetime else "key")
        if facts.settle_window is not None:
            told.append(f"asked {_span(facts.settle_window)}")
    return f"yes ({', '.join(told)})" if told else "yes"


def _takes_callbacks(one: PluginDescriptor, capability: Capability) -> bool:
    """Whether the class that makes its instances reads callbacks; a factory that is no class is not looked into."""
    specified = getattr(SPEC_CLASSES[capability], "webhook_receive", None)
    return isinstance(one.factory, type) and getattr(one.factory, "webhook_receive", specified) is not specified


def _span(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _words(words: frozenset[str] | Sequence[str]) -> str:
    return ", ".join(sorted(words))


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(descriptors()), encoding="utf-8")
