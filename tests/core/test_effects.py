"""What the executor may do follows from the effect: whatever touches the world is written down first and never guessed at."""

from __future__ import annotations

import pytest

from hub.core.effects import RULES, Effect

ACTS = sorted(set(Effect) - {Effect.READ})


def test_every_effect_has_its_rules() -> None:
    assert set(RULES) == set(Effect)


def test_only_a_plain_read_may_be_asked_again_at_will() -> None:
    assert RULES[Effect.READ].repeat_unknown
    assert not RULES[Effect.READ].intent_first


@pytest.mark.parametrize("effect", ACTS)
def test_an_act_is_written_down_before_it_is_sent(effect: Effect) -> None:
    assert RULES[effect].intent_first


@pytest.mark.parametrize("effect", ACTS)
def test_an_act_of_unknown_outcome_is_asked_after_and_never_repeated(effect: Effect) -> None:
    assert RULES[effect].reconciled
    assert not RULES[effect].repeat_unknown
