"""How leads, their follow-up tasks and the log of contacts are stored."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.infra.database import Base, one_of
from hub.leasing.leads.rules import (
    ContactMeans,
    ContactOutcome,
    IntentLevel,
    LeadSource,
    LeadState,
    LossReason,
    TaskPurpose,
    TaskState,
)

_WAITS = "state in ('open', 'overdue')"
WAITS = text(f"follow_up_task.{_WAITS}")  # as the index has it, to the letter


class LeadRecord(Base):
    """Somebody who may want a car."""

    __tablename__ = "lead"
    __table_args__ = (
        one_of("source", LeadSource),
        one_of("intent_level", IntentLevel),
        one_of("state", LeadState),
        one_of("loss_reason", LossReason),
        CheckConstraint("(state = 'converted') = (converted_party_id is not null)", name="converted_to_a_party"),
        CheckConstraint("(state = 'lost') = (loss_reason is not null)", name="lost_for_a_reason"),
        Index(None, "branch_id", "id"),
        Index(None, "branch_id", "state", "id"),
        Index(None, "state", "id"),
        Index(None, "source", "state", "id", postgresql_include=["branch_id"]),
        Index(None, "intent_level", "state", "id", postgresql_include=["branch_id"]),
        Index(None, "phone_index"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branch.id"))
    name_sealed: Mapped[bytes]
    phone_sealed: Mapped[bytes]
    phone_index: Mapped[bytes]
    source: Mapped[str] = mapped_column(String(16))
    channel_id: Mapped[UUID | None] = mapped_column(ForeignKey("channel_partner.id"))
    wanted: Mapped[str] = mapped_column(String(200))
    intent_level: Mapped[str] = mapped_column(String(24))
    state: Mapped[str] = mapped_column(String(16))
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    converted_party_id: Mapped[UUID | None] = mapped_column(ForeignKey("party.id"))
    loss_reason: Mapped[str | None] = mapped_column(String(24))


class FollowUpTaskRecord(Base):
    """Something to do about a lead by a certain time."""

    __tablename__ = "follow_up_task"
    __table_args__ = (
        one_of("purpose", TaskPurpose),
        one_of("state", TaskState),
        CheckConstraint("(state = 'done') = (done_at is not null)", name="done_at_a_time"),
        Index(None, "lead_id", "due_at"),
        Index("ix_follow_up_task_open", "due_at", postgresql_where=text("state = 'open'")),
        Index("ix_follow_up_task_waiting", "due_at", "id", postgresql_where=text(_WAITS)),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    lead_id: Mapped[UUID] = mapped_column(ForeignKey("lead.id"))
    purpose: Mapped[str] = mapped_column(String(24))
    due_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16))
    done_at: Mapped[datetime | None]


class ContactLogRecord(Base):
    """One contact with a lead: by whom, how, and what came of it. The note is what somebody said: sealed."""

    __tablename__ = "contact_log"
    __table_args__ = (one_of("means", ContactMeans), one_of("outcome", ContactOutcome), Index(None, "lead_id", "id"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    lead_id: Mapped[UUID] = mapped_column(ForeignKey("lead.id"))
    at: Mapped[datetime]
    means: Mapped[str] = mapped_column(String(16))
    outcome: Mapped[str] = mapped_column(String(16))
    note_sealed: Mapped[bytes | None]
    by: Mapped[str] = mapped_column(String(200))
