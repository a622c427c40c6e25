"""Intent levels and their follow-up plans, the states of leads and tasks, and what each step may do.

Pure. The plan table is plain data: an operator's own table takes its place by being handed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from hub.core.errors import RuleBroken
from hub.core.events import Fact
from hub.core.ids import BranchId, ChannelId, LeadId, PartyId
from hub.core.ports import require


class LeadState(StrEnum):
    """Where a lead stands."""

    OPEN = "open"
    QUALIFIED = "qualified"
    CONVERTED = "converted"
    LOST = "lost"


class LeadSource(StrEnum):
    """How a lead found us."""

    WALK_IN = "walk_in"
    PHONE = "phone"
    WEB_FORM = "web_form"
    CHANNEL = "channel"
    REFERRAL = "referral"
    IMPORT = "import"


class IntentLevel(StrEnum):
    """How near a lead is to a lease."""

    NEW = "new"
    WITHIN_THREE_DAYS = "within_three_days"
    WITHIN_A_MONTH = "within_a_month"
    UNDECIDED = "undecided"
    APPLIED = "applied"
    NO_ANSWER = "no_answer"
    GAVE_UP = "gave_up"


class TaskState(StrEnum):
    """Where a follow-up task stands."""

    OPEN = "open"
    OVERDUE = "overdue"
    DONE = "done"
    CANCELLED = "cancelled"


class TaskPurpose(StrEnum):
    """What a follow-up is for."""

    FIRST_CALL = "first_call"
    OFFER = "offer"
    APPOINTMENT = "appointment"
    MATERIAL = "material"
    CALL_AGAIN = "call_again"
    WIN_BACK = "win_back"


class ContactMeans(StrEnum):
    """How somebody was in touch with a lead."""

    PHONE = "phone"
    MESSAGE = "message"
    VISIT = "visit"
    EMAIL = "email"


class ContactOutcome(StrEnum):
    """What a contact came to."""

    REACHED = "reached"
    NO_ANSWER = "no_answer"
    WRONG_NUMBER = "wrong_number"


class LossReason(StrEnum):
    """Why a lead came to nothing."""

    GAVE_UP = "gave_up"
    BOUGHT_ELSEWHERE = "bought_elsewhere"
    UNREACHABLE = "unreachable"
    NOT_ELIGIBLE = "not_eligible"
    DUPLICATE = "duplicate"


MOVES: dict[LeadState, frozenset[LeadState]] = {
    LeadState.OPEN: frozenset({LeadState.QUALIFIED, LeadState.CONVERTED, LeadState.LOST}),
    LeadState.QUALIFIED: frozenset({LeadState.CONVERTED, LeadState.LOST}),
    LeadState.CONVERTED: frozenset(),
    LeadState.LOST: frozenset(),
}

# A task that still waits for somebody.
WAITING = frozenset({TaskState.OPEN, TaskState.OVERDUE})


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpStep:
    """One planned follow-up: what for, and how long after the level was set."""

    purpose: TaskPurpose
    after: timedelta

    def __post_init__(self) -> None:
        require(self.after >= timedelta(0), "after", "must not be negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentPlan:
    """What a level means: whether it qualifies the lead, and the follow-ups that it asks for."""

    qualifies: bool
    steps: tuple[FollowUpStep, ...]


def _step(purpose: TaskPurpose, *, hours: int = 0, days: int = 0) -> FollowUpStep:
    return FollowUpStep(purpose=purpose, after=timedelta(hours=hours, days=days))


DEFAULT_PLANS: dict[IntentLevel, IntentPlan] = {
    IntentLevel.NEW: IntentPlan(qualifies=False, steps=(_step(TaskPurpose.FIRST_CALL, hours=2),)),
    IntentLevel.WITHIN_THREE_DAYS: IntentPlan(
        qualifies=True,
        steps=(_step(TaskPurpose.OFFER, hours=2), _step(TaskPurpose.APPOINTMENT, days=1)),
    ),
    IntentLevel.WITHIN_A_MONTH: IntentPlan(
        qualifies=True,
        steps=(
            _step(TaskPurpose.OFFER, days=1),
            _step(TaskPurpose.CALL_AGAIN, days=7),
            _step(TaskPurpose.APPOINTMENT, days=21),
        ),
    ),
    IntentLevel.UNDECIDED: IntentPlan(qualifies=False, steps=(_step(TaskPurpose.CALL_AGAIN, days=7),)),
    IntentLevel.APPLIED: IntentPlan(qualifies=True, steps=(_step(TaskPurpose.MATERIAL, days=1),)),
    IntentLevel.NO_ANSWER: IntentPlan(
        qualifies=False,
        steps=(_step(TaskPurpose.CALL_AGAIN, hours=4), _step(TaskPurpose.CALL_AGAIN, days=2)),
    ),
    IntentLevel.GAVE_UP: IntentPlan(qualifies=False, steps=(_step(TaskPurpose.WIN_BACK, days=30),)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTask:
    """A follow-up with its due time."""

    purpose: TaskPurpose
    due_at: datetime


def plan_follow_ups(
    level: IntentLevel, now: datetime, plans: Mapping[IntentLevel, IntentPlan] = DEFAULT_PLANS
) -> tuple[PlannedTask, ...]:
    """The follow-ups that a level asks for when it is set now, earliest first."""
    steps = sorted(plans[level].steps, key=lambda step: step.after)
    return tuple(PlannedTask(purpose=step.purpose, due_at=now + step.after) for step in steps)


def state_at_level(
    state: LeadState, level: IntentLevel, plans: Mapping[IntentLevel, IntentPlan] = DEFAULT_PLANS
) -> LeadState:
    """Where a lead stands once the level is set: a qualifying level qualifies it, and nothing takes that back."""
    check_alive(state)
    return LeadState.QUALIFIED if plans[level].qualifies else state


def check_alive(state: LeadState) -> None:
    """Raise RuleBroken for a lead that is converted or lost."""
    if not MOVES[state]:
        raise RuleBroken("lead_closed", state=state.value)


def check_move(before: LeadState, after: LeadState) -> None:
    """Raise RuleBroken unless a lead may go from one state to the other."""
    if after not in MOVES[before]:
        raise RuleBroken("lead_state", before=before.value, after=after.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpView:
    """A follow-up task."""

    purpose: TaskPurpose
    due_at: datetime
    state: TaskState
    done_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingFollowUp:
    """A follow-up that waits, with the lead it is about, masked."""

    lead_id: LeadId
    name: str
    purpose: TaskPurpose
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactLogView:
    """One contact with a lead."""

    at: datetime
    means: ContactMeans
    outcome: ContactOutcome
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadView:
    """A lead as everybody may see it: name and phone masked."""

    id: LeadId
    branch_id: BranchId
    name: str
    phone: str
    source: LeadSource
    channel_id: ChannelId | None
    wanted: str
    intent_level: IntentLevel
    state: LeadState
    opened_at: datetime
    closed_at: datetime | None
    converted_party_id: PartyId | None
    loss_reason: LossReason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadOpened(Fact):
    """A lead has come in."""

    lead_id: LeadId
    branch_id: BranchId
    channel_id: ChannelId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadConverted(Fact):
    """A lead has become a customer."""

    lead_id: LeadId
    party_id: PartyId
    channel_id: ChannelId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadLost(Fact):
    """A lead has come to nothing."""

    lead_id: LeadId
    reason: LossReason
