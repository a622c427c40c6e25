"""The kit as a pytest class: a test for every check, and for every transport where that matters."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from hub.core.hookspecs import SPEC_CLASSES, ProviderV1
from hub.core.provider import Capability
from hub.testing.kit.catalogue import Check
from hub.testing.kit.checks import ALL
from hub.testing.kit.report import as_json
from hub.testing.kit.rig import MakeRig
from hub.testing.kit.runner import Exemption, Verdict, roads_of, run

PROPERTY = "leasehub.conformance"


def conformance(
    spec: type[ProviderV1], *, make: MakeRig, exemptions: Iterable[Exemption] = (), checks: Iterable[Check] = ALL
) -> type:
    """A class of tests for a capability: assign it to a name that begins with `Test`.

    `make` gives an asynchronous context manager of a fresh rig; it is called for every test. `checks`: those of the
    kit that are to be run, all unless something else is asked for.
    """
    capability = capability_of(spec)
    by_id = {exemption.id: exemption for exemption in exemptions}
    tests = {f"test_{one.id.replace('.', '_')}": _test(one, capability, make, by_id) for one in checks}
    return type(f"Test{spec.__name__}Conformance", (), {"__doc__": f"{spec.__name__} keeps the contract.", **tests})


def capability_of(spec: type[ProviderV1]) -> Capability:
    """The capability of a specification class; raises ValueError for any other class."""
    for capability, known in SPEC_CLASSES.items():
        if known is spec:
            return capability
    raise ValueError(f"spec: {spec.__name__} is none of {', '.join(known.__name__ for known in SPEC_CLASSES.values())}")


def _test(one: Check, capability: Capability, make: MakeRig, exemptions: dict[str, Exemption]) -> Callable[..., None]:
    @pytest.mark.parametrize("road", roads_of(one))
    def test(self: object, road: str, request: pytest.FixtureRequest) -> None:
        finding = run(one, capability, make, road, exemptions)
        request.node.user_properties.append((PROPERTY, as_json(finding)))
        match finding.verdict:
            case Verdict.FAILED:
                pytest.fail(
                    f"{one.id} [{one.tier.value}]: {finding.reason}\n{one.sentence}\n{one.reason}", pytrace=False
                )
            case Verdict.EXEMPT:
                pytest.xfail(finding.reason)
            case Verdict.NOT_APPLICABLE:
                pytest.skip(finding.reason)

    test.__doc__ = one.sentence
    return test
