"""What becomes of a mandate and of the wish to take it back, and which news is stale."""

from __future__ import annotations

import pytest

from hub.core.ports.payments import MandateStatus
from hub.leasing.mandates.rules import (
    MANDATE_MOVES,
    REVOCATION_MOVES,
    MandateState,
    RevocationState,
    mandate_may_move,
    mandate_state,
    revocation_may_move,
    revocation_state,
)


@pytest.mark.parametrize("status", list(MandateStatus))
def test_every_word_of_a_provider_for_a_mandate_has_a_state(status: MandateStatus) -> None:
    assert mandate_state(status).value == status.value
    assert mandate_may_move(MandateState.SENT, mandate_state(status))


@pytest.mark.parametrize("before", list(MandateState))
def test_a_mandate_never_goes_back(before: MandateState) -> None:
    order = list(MANDATE_MOVES)
    for after in MANDATE_MOVES[before]:
        back = {
            (MandateState.UNKNOWN, MandateState.PENDING),
            (MandateState.REVOKING, MandateState.ACTIVE),  # the provider has not taken it back
        }
        assert order.index(after) > order.index(before) or (before, after) in back


def test_a_mandate_that_has_ended_stays_so() -> None:
    assert {state for state, moves in MANDATE_MOVES.items() if not moves} == {
        MandateState.REJECTED,
        MandateState.REVOKED,
    }


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (MandateStatus.REVOKED, RevocationState.DONE),
        (MandateStatus.REJECTED, RevocationState.DONE),
        (MandateStatus.ACTIVE, RevocationState.PENDING),
        (MandateStatus.PENDING, RevocationState.PENDING),
    ],
)
def test_a_mandate_that_is_active_has_not_been_taken_back(status: MandateStatus, state: RevocationState) -> None:
    assert revocation_state(status) is state
    assert revocation_may_move(RevocationState.SENT, state)


@pytest.mark.parametrize("before", list(RevocationState))
def test_a_wish_that_has_come_to_its_end_stays_so(before: RevocationState) -> None:
    ended = before in (RevocationState.DONE, RevocationState.REJECTED)
    assert (not REVOCATION_MOVES[before]) is ended
