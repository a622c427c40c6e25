"""States of envelopes, and what a provider's words for them mean."""

from __future__ import annotations

import pytest

from hub.core.ports.esign import EnvelopeStatus
from hub.leasing.signatures.rules import (
    ENVELOPE_LIVE,
    ENVELOPE_LOST,
    ENVELOPE_MOVES,
    EnvelopeState,
    envelope_may_move,
    envelope_state,
)


@pytest.mark.parametrize("state", EnvelopeState)
def test_an_envelope_is_out_or_over_and_what_is_over_stays_over(state: EnvelopeState) -> None:
    over = ENVELOPE_LOST | {EnvelopeState.COMPLETED}
    assert (state in ENVELOPE_LIVE) != (state in over)
    assert bool(ENVELOPE_MOVES[state]) == (state in ENVELOPE_LIVE)


@pytest.mark.parametrize("status", EnvelopeStatus)
def test_every_word_of_a_provider_has_a_state(status: EnvelopeStatus) -> None:
    assert envelope_may_move(EnvelopeState.UNKNOWN, envelope_state(status))
