"""The plan table and the states of a lead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.errors import RuleBroken
from hub.leasing.leads.rules import (
    DEFAULT_PLANS,
    MOVES,
    FollowUpStep,
    IntentLevel,
    IntentPlan,
    LeadState,
    TaskPurpose,
    check_move,
    plan_follow_ups,
    state_at_level,
)

NOW = datetime(2026, 1, 5, 1, tzinfo=UTC)


def test_every_level_has_a_plan_with_something_to_do() -> None:
    assert set(DEFAULT_PLANS) == set(IntentLevel)
    assert all(plan.steps for plan in DEFAULT_PLANS.values())


steps = st.builds(
    FollowUpStep,
    purpose=st.sampled_from(TaskPurpose),
    after=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=365)),
)


@given(planned=st.lists(steps, max_size=6))
def test_a_plan_gives_one_task_a_step_in_order_and_none_in_the_past(planned: list[FollowUpStep]) -> None:
    plans = {IntentLevel.UNDECIDED: IntentPlan(qualifies=False, steps=tuple(planned))}
    tasks = plan_follow_ups(IntentLevel.UNDECIDED, NOW, plans)
    due = [task.due_at for task in tasks]
    assert due == sorted(NOW + step.after for step in planned)
    assert all(at >= NOW for at in due)


def test_a_step_cannot_lie_before_its_level() -> None:
    with pytest.raises(ValueError, match="after"):
        FollowUpStep(purpose=TaskPurpose.OFFER, after=timedelta(seconds=-1))


@pytest.mark.parametrize("level", IntentLevel)
def test_a_level_never_takes_a_qualification_back(level: IntentLevel) -> None:
    assert state_at_level(LeadState.QUALIFIED, level) is LeadState.QUALIFIED
    expected = LeadState.QUALIFIED if DEFAULT_PLANS[level].qualifies else LeadState.OPEN
    assert state_at_level(LeadState.OPEN, level) is expected


@pytest.mark.parametrize("state", [LeadState.CONVERTED, LeadState.LOST])
@pytest.mark.parametrize("level", IntentLevel)
def test_a_closed_lead_has_no_level(state: LeadState, level: IntentLevel) -> None:
    with pytest.raises(RuleBroken, match="lead_closed"):
        state_at_level(state, level)


@pytest.mark.parametrize("after", LeadState)
@pytest.mark.parametrize("before", LeadState)
def test_only_the_listed_moves_are_allowed(before: LeadState, after: LeadState) -> None:
    if after in MOVES[before]:
        check_move(before, after)
    else:
        with pytest.raises(RuleBroken, match="lead_state"):
            check_move(before, after)
