"""What came of the kit, for machines as JSON and for people as lines: which tier a plugin has reached, and what it owes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hub.sdk.reading import JsonObject
from hub.testing.kit.catalogue import Tier
from hub.testing.kit.runner import Finding, Verdict

_TIERS = tuple(Tier)


def as_json(finding: Finding) -> JsonObject:
    """One finding as it stands in the report."""
    return {
        "plugin": finding.plugin,
        "version": finding.version,
        "capability": finding.capability.value,
        "id": finding.check.id,
        "tier": finding.check.tier.value,
        "road": finding.road,
        "verdict": finding.verdict.value,
        "reason": finding.reason,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far one plugin has come with one capability: the tier, None when not even bronze, and the counts."""

    plugin: str
    version: str
    capability: str
    tier: Tier | None
    counts: dict[str, int]
    exemptions: dict[str, str]

    def __str__(self) -> str:
        counted = ", ".join(f"{number} {verdict}" for verdict, number in self.counts.items())
        tier = self.tier.value if self.tier else "no tier"
        return f"{self.plugin} {self.version}, {self.capability}: {tier} ({counted})"


def standings(findings: Iterable[JsonObject]) -> list[Standing]:
    """Where each plugin stands, by what was found of it."""
    grouped: dict[tuple[str, str, str], list[JsonObject]] = {}
    for found in findings:
        grouped.setdefault((str(found["plugin"]), str(found["version"]), str(found["capability"])), []).append(found)
    return [_standing(*who, found) for who, found in sorted(grouped.items())]


def _standing(plugin: str, version: str, capability: str, findings: Sequence[JsonObject]) -> Standing:
    failed = {str(found["tier"]) for found in findings if found["verdict"] == Verdict.FAILED}
    tier = None
    for step in _TIERS:
        if step in failed:
            break
        tier = step
    exempted = {str(found["id"]): str(found["reason"]) for found in findings if found["verdict"] == Verdict.EXEMPT}
    counts = Counter(str(found["verdict"]) for found in findings)
    return Standing(
        plugin=plugin, version=version, capability=capability, tier=tier, counts=dict(counts), exemptions=exempted
    )


def write(path: Path, findings: Sequence[JsonObject]) -> None:
    """Write the report: where each plugin stands, and every finding."""
    standing = [
        {
            "plugin": one.plugin,
            "version": one.version,
            "capability": one.capability,
            "tier": one.tier.value if one.tier else None,
            "counts": one.counts,
            "exemptions": one.exemptions,
        }
        for one in standings(findings)
    ]
    text = json.dumps({"standings": standing, "findings": list(findings)}, ensure_ascii=False, indent=2)
    path.write_text(f"{text}\n", encoding="utf-8")
