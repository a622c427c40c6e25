"""States of contracts and envelopes, what is due at signing, when a lease may begin."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from hub.core.errors import RuleBroken
from hub.core.money import Money
from hub.core.ports.esign import EnvelopeStatus
from hub.leasing.contracts.document import Paper
from hub.leasing.contracts.rules import (
    ENVELOPE_LIVE,
    ENVELOPE_LOST,
    ENVELOPE_MOVES,
    MOVES,
    ContractState,
    EnvelopeState,
    check_commencement,
    check_move,
    envelope_may_move,
    envelope_state,
    mandate_limit,
    signing_payments,
)
from hub.ledger.postings import SigningPurpose

TODAY = date(2026, 1, 5)


@pytest.mark.parametrize("before", ContractState)
@pytest.mark.parametrize("after", ContractState)
def test_a_contract_moves_as_its_table_says(before: ContractState, after: ContractState) -> None:
    if after in MOVES[before]:
        check_move(before, after)
    else:
        with pytest.raises(RuleBroken, match="contract_state"):
            check_move(before, after)


def test_every_contract_can_come_to_an_end() -> None:
    ends = {state for state, after in MOVES.items() if not after}
    assert ends == {ContractState.CLOSED, ContractState.CANCELLED, ContractState.TERMINATED}
    for state in ContractState:
        reached, frontier = {state}, [state]
        while frontier:
            fresh = MOVES[frontier.pop()] - reached
            reached |= fresh
            frontier.extend(fresh)
        assert reached & ends


@pytest.mark.parametrize("state", EnvelopeState)
def test_an_envelope_is_out_or_over_and_what_is_over_stays_over(state: EnvelopeState) -> None:
    over = ENVELOPE_LOST | {EnvelopeState.COMPLETED}
    assert (state in ENVELOPE_LIVE) != (state in over)
    assert bool(ENVELOPE_MOVES[state]) == (state in ENVELOPE_LIVE)


@pytest.mark.parametrize("status", EnvelopeStatus)
def test_every_word_of_a_provider_has_a_state(status: EnvelopeStatus) -> None:
    assert envelope_may_move(EnvelopeState.UNKNOWN, envelope_state(status))


def test_what_is_due_at_signing_is_what_the_quote_said(paper: Paper) -> None:
    due = signing_payments(paper.terms, paper.deal)
    assert due == {
        SigningPurpose.DOWN_PAYMENT: Money.of("56940.00"),
        SigningPurpose.SECURITY_DEPOSIT: Money.of("9490.00"),
        SigningPurpose.SERVICE_FEE: Money.of("3280.00"),
        SigningPurpose.THIRD_PARTY_FEES: Money.of("500.00"),
    }
    assert Money.total(due.values()) == paper.price.due_at_signing.total


def test_the_mandate_covers_the_dearest_debit(paper: Paper) -> None:
    assert mandate_limit(paper.price) > paper.price.financed.times(Decimal("1.03"))


def _commence(**changes: object) -> None:
    facts: dict[str, object] = {
        "state": ContractState.FUNDED,
        "vehicle_delivered": True,
        "devices": 1,
        "commenced_on": TODAY,
        "today": TODAY,
    }
    check_commencement(**{**facts, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("contract_state", {"state": ContractState.SIGNED}),
        ("vehicle_not_delivered", {"vehicle_delivered": False}),
        ("device_not_bound", {"devices": 0}),
        ("commencement_in_future", {"commenced_on": date(2026, 1, 6)}),
    ],
)
def test_a_lease_begins_only_when_everything_is_there(rule: str, changes: dict[str, object]) -> None:
    _commence()
    with pytest.raises(RuleBroken) as broken:
        _commence(**changes)
    assert broken.value.rule == rule
