"""Runs checks, each on a rig of its own and in an event loop of its own, and says what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from hub.core.provider import Capability
from hub.testing.kit.bench import bench
from hub.testing.kit.catalogue import Check, NotApplicable, Where
from hub.testing.kit.checks import ALL, BY_ID
from hub.testing.kit.rig import MakeRig
from hub.testing.kit.roads import IN_PROCESS, Road, roads


class Verdict(StrEnum):
    """What came of one check."""

    PASSED = "passed"
    FAILED = "failed"
    EXEMPT = "exempt"  # it does not hold, and the author says why
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """A check that this plugin need not pass, and why; shown in the report."""

    id: str
    reason: str


def exempt(id_: str, reason: str) -> Exemption:
    """Exempt a plugin from a check; raises ValueError for an id that is not there, or without a reason."""
    if id_ not in BY_ID:
        raise ValueError(f"id: there is no check {id_}")
    if not reason.strip():
        raise ValueError(f"reason: say why {id_} does not hold")
    return Exemption(id=id_, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check on one road, and what came of it; `reason` says why it is not passed."""

    plugin: str
    version: str
    capability: Capability
    check: Check
    road: str
    verdict: Verdict
    reason: str = ""


def roads_of(one: Check) -> tuple[str, ...]:
    """The roads on which a check is run."""
    match one.where:
        case Where.INSIDE:
            return (IN_PROCESS,)
        case Where.SOCKETS:
            return tuple(name for name in roads() if name != IN_PROCESS)
        case Where.EVERYWHERE:
            return tuple(roads())
        case _:
            assert_never(one.where)


def run(one: Check, capability: Capability, make: MakeRig, road: str, exemptions: Mapping[str, Exemption]) -> Finding:
    """Run one check. An exemption that is not needed is itself a failure: it would hide the next fault."""
    name, version, failure, skipped = asyncio.run(_outcome(one, capability, make, road, roads()[road]))
    exemption = exemptions.get(one.id)
    if skipped is not None:
        verdict, reason = Verdict.NOT_APPLICABLE, skipped
    elif failure is None and exemption and one.where is Where.INSIDE:
        verdict, reason = Verdict.FAILED, f"the exemption ({exemption.reason}) is not needed: take it away"
    elif failure is None:
        verdict, reason = Verdict.PASSED, ""
    elif exemption:
        verdict, reason = Verdict.EXEMPT, exemption.reason
    else:
        verdict, reason = Verdict.FAILED, failure
    return Finding(
        plugin=name, version=version, capability=capability, check=one, road=road, verdict=verdict, reason=reason
    )


def run_all(capability: Capability, make: MakeRig, exemptions: Iterable[Exemption] = ()) -> list[Finding]:
    """Run the whole kit."""
    by_id = {exemption.id: exemption for exemption in exemptions}
    return [run(one, capability, make, road, by_id) for one in ALL for road in roads_of(one)]


# What is tried by trouble on the line, by the beginnings of the checks' ids.
_ON_A_LINE = ("errors.", "health.credentials", "deadline.kept", "calls.no_retry")


async def _outcome(
    one: Check, capability: Capability, make: MakeRig, name: str, road: Road
) -> tuple[str, str, str | None, str | None]:
    """Name and version of the plugin, why the check failed, why it does not apply."""
    async with make() as rig:
        card = rig.descriptor
        if not rig.on_a_line and one.id.startswith(_ON_A_LINE):
            return card.name, card.version, None, "it speaks to nobody"
        try:
            async with bench(capability, rig, name, road) as made:
                await one.run(made)
        except NotApplicable as why:
            return card.name, card.version, None, str(why)
        except AssertionError as wrong:
            return card.name, card.version, str(wrong) or "an assertion failed", None
        except Exception as wrong:
            return card.name, card.version, f"{type(wrong).__name__}: {wrong}", None
    return card.name, card.version, None, None
