"""States of contracts, what is due at signing, when a lease may begin."""

from __future__ import annotations

from datetime import date

import pytest

from hub.core.errors import RuleBroken
from hub.core.money import Money
from hub.leasing.contracts.rules import MOVES, ContractState, check_commencement, check_move, signing_payments
from hub.ledger.postings import SigningPurpose
from tests.leasing.writing import DEAL, PRICE, TERMS

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


def test_what_is_due_at_signing_is_what_the_quote_said() -> None:
    due = signing_payments(TERMS, DEAL)
    assert due == {
        SigningPurpose.DOWN_PAYMENT: Money.of("56940.00"),
        SigningPurpose.SECURITY_DEPOSIT: Money.of("9490.00"),
        SigningPurpose.SERVICE_FEE: Money.of("3280.00"),
        SigningPurpose.THIRD_PARTY_FEES: Money.of("500.00"),
    }
    assert Money.total(due.values()) == PRICE.due_at_signing.total


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
