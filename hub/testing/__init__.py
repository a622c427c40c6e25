"""What helps to test a plugin: the conformance kit, contexts made by hand, a loopback server, and stand-in vendors in rigs.

    from hub.testing import Rig, conformance
    TestConformance = conformance(PaymentsV1, make=make)

The names below are loaded when they are first asked for: pytest imports this package at every start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hub.testing.kit.rig import Booking, Callbacks, Refusals, Rig
    from hub.testing.kit.runner import Exemption, exempt
    from hub.testing.kit.suite import conformance

__all__ = ["Booking", "Callbacks", "Exemption", "Refusals", "Rig", "conformance", "exempt"]

_WHERE = {
    "Booking": "rig",
    "Callbacks": "rig",
    "Exemption": "runner",
    "Refusals": "rig",
    "Rig": "rig",
    "conformance": "suite",
    "exempt": "runner",
}


def __getattr__(name: str) -> Any:
    """A name of the kit."""
    from importlib import import_module

    if name not in _WHERE:
        raise AttributeError(f"hub.testing has no {name}")
    return getattr(import_module(f"hub.testing.kit.{_WHERE[name]}"), name)
