"""The page of what each provider can do says what the descriptors say."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

from hub.core.provider import Capability, OperationFacts
from hub.testing.matrix import descriptors, head, page, row

PAGE = Path(__file__).parents[2] / "docs" / "plugin-authors" / "providers.md"
INSTALLED = descriptors()
PAYMENTS = INSTALLED["sandbox_payments"]


def _written() -> dict[str, set[str]]:
    """The lines about providers on the page, by the name of each."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| **")]
    found: dict[str, set[str]] = {}
    for line in lines:
        found.setdefault(line.split("**")[1], set()).add(line)
    return found


def test_every_line_that_stands_there_is_true() -> None:
    for name, lines in _written().items():
        told = {row(INSTALLED[name], capability) for capability in INSTALLED[name].capabilities}
        assert lines == told, f"{name}: run `make docs`"


def test_every_capability_has_a_provider_on_the_page_under_its_own_head() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for capability in Capability:
        assert "\n".join(head(capability)) in text
    assert {f"sandbox_{capability.value}" for capability in Capability} <= _written().keys()


def test_an_operation_that_is_lacking_is_marked_and_facts_stand_behind_the_others() -> None:
    facts = {name: one for name, one in PAYMENTS.operations.items() if name != "payments_payout"}
    facts["payments_refund"] = OperationFacts(settle_window=timedelta(minutes=90))
    told = row(dataclasses.replace(PAYMENTS, operations=facts), Capability.PAYMENTS).split(" | ")
    cells = dict(zip(head(Capability.PAYMENTS)[0].split(" | "), told, strict=True))
    assert cells["`payments_payout`"] == "–"
    assert cells["`payments_refund`"] == "yes (asked 90 min)"
    assert cells["`payments_collect`"] == "yes (key 1 d, asked 30 s)"
    assert cells["`payments_status`"] == "yes"
    assert cells["callbacks"] == "yes"


def test_the_page_holds_whatever_is_installed() -> None:
    assert page({"sandbox_payments": PAYMENTS}).count("| **") == 1
