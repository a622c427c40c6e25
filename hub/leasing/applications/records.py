"""How applications are stored, with their checklist of material, their approvals, and the day's running number."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.money import Money
from hub.infra.database import Base, one_of
from hub.leasing.applications.rules import ENDED, ApplicationState, ApprovalStep, CreditOutcome, Decision, MaterialKind
from hub.leasing.products.rules import LeaseType

LIVE_APPLICATION = text("state not in (" + ", ".join(sorted(repr(state.value) for state in ENDED)) + ")")


class ApplicationRecord(Base):
    """One application. Whoever opened and submitted it stays on record, for the second pair of eyes."""

    __tablename__ = "application"
    __table_args__ = (
        one_of("state", ApplicationState),
        one_of("lease_type", LeaseType),
        one_of("credit_outcome", CreditOutcome),
        CheckConstraint("financed_amount > 0", name="financed_amount"),
        CheckConstraint("state not in ('approved', 'declined') or decided_at is not null", name="decided_at_a_time"),
        CheckConstraint(
            "state <> 'approved' or coalesce(credit_outcome, '') in ('pass', 'refer')", name="approved_on_credit"
        ),
        UniqueConstraint("number"),
        Index(None, "branch_id", "id"),
        Index(None, "branch_id", "state", "id"),
        Index(None, "state", "id"),
        Index(None, "party_id"),
        # With all that tells whose they are: they are counted for every page.
        Index(
            "ix_application_undecided",
            "submitted_at",
            "id",
            postgresql_where=text("state = 'under_review'"),
            postgresql_include=["branch_id", "opened_by", "opened_by_id", "submitted_by", "submitted_by_id"],
        ),
        Index(None, "state", "number", postgresql_include=["branch_id"], postgresql_ops={"number": "text_pattern_ops"}),
        Index("uq_application_live", "quote_id", unique=True, postgresql_where=LIVE_APPLICATION),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(20))
    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branch.id"))
    party_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    quote_id: Mapped[UUID] = mapped_column(ForeignKey("quote.id"))
    product_version_id: Mapped[UUID] = mapped_column(ForeignKey("product_version.id"))
    lease_type: Mapped[str] = mapped_column(String(24))
    channel_id: Mapped[UUID | None] = mapped_column(ForeignKey("channel_partner.id"))
    car_model: Mapped[str] = mapped_column(String(200))
    vin: Mapped[str | None] = mapped_column(String(17))
    price_amount: Mapped[Money]
    financed_amount: Mapped[Money]
    state: Mapped[str] = mapped_column(String(16))
    round: Mapped[int]
    opened_by: Mapped[str] = mapped_column(String(200))
    opened_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    opened_at: Mapped[datetime]
    submitted_by: Mapped[str | None] = mapped_column(String(200))
    submitted_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    submitted_at: Mapped[datetime | None]
    credit_outcome: Mapped[str | None] = mapped_column(String(16))
    credit_reasons: Mapped[list[str]] = mapped_column(JSONB)
    credit_valid_until_on: Mapped[date | None]
    decided_at: Mapped[datetime | None]
    valid_until_on: Mapped[date | None]


class ApplicationMaterialRecord(Base):
    """A line of the checklist: what is needed, and the file once it is there."""

    __tablename__ = "application_material"
    __table_args__ = (
        one_of("kind", MaterialKind),
        CheckConstraint("file_sha256 ~ '^[0-9a-f]{64}$'", name="file_sha256"),
        CheckConstraint("(file_sha256 is null) = (added_at is null)", name="added_with_its_file"),
    )

    application_id: Mapped[UUID] = mapped_column(ForeignKey("application.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    required: Mapped[bool]
    file_sha256: Mapped[str | None] = mapped_column(String(64))
    added_at: Mapped[datetime | None]


class ApprovalRecord(Base):
    """What an approver said: once for each step of each round."""

    __tablename__ = "approval"
    __table_args__ = (
        one_of("step", ApprovalStep),
        one_of("decision", Decision),
        UniqueConstraint("application_id", "round", "step"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    application_id: Mapped[UUID] = mapped_column(ForeignKey("application.id"))
    round: Mapped[int]
    step: Mapped[str] = mapped_column(String(24))
    decision: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(500))
    actor: Mapped[str] = mapped_column(String(200))
    staff_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime]


class ApplicationDayRecord(Base):
    """How many applications a business day has had: the row that gives out the running number."""

    __tablename__ = "application_day"

    day_on: Mapped[date] = mapped_column(primary_key=True)
    last_sequence: Mapped[int]
