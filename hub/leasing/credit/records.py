"""How credit checks and the blacklist are stored; a report's facts are sealed."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.ports.credit_bureau import Inquiry
from hub.infra.database import Base, one_of
from hub.leasing.applications.rules import CreditOutcome
from hub.leasing.credit.rules import LIVE, CheckState

LIVE_CHECK = text("state in (" + ", ".join(sorted(repr(state.value) for state in LIVE)) + ")")


class CreditCheckRecord(Base):
    """One inquiry about one applicant. Its id is the idempotency key; the cost is in whole minor units as billed."""

    __tablename__ = "credit_check"
    __table_args__ = (
        one_of("state", CheckState),
        one_of("inquiry", Inquiry),
        one_of("outcome", CreditOutcome),
        CheckConstraint("state = 'skipped' or consent_id is not null", name="consent_before_inquiry"),
        CheckConstraint("(cost_minor is null) = (cost_currency is null)", name="cost_with_currency"),
        Index("uq_credit_check_live", "application_id", "inquiry", unique=True, postgresql_where=LIVE_CHECK),
        Index("ix_credit_check_requested", "id", postgresql_where=text("state = 'requested'")),
        Index(None, "application_id", "id"),
        Index(None, "branch_id", "id"),
        Index(
            "uq_credit_check_file",
            "application_id",
            "file_sha256",
            unique=True,
            postgresql_where=text("file_sha256 is not null"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branch.id"))
    application_id: Mapped[UUID] = mapped_column(ForeignKey("application.id"))
    party_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    consent_id: Mapped[UUID | None] = mapped_column(ForeignKey("consent.id"))
    inquiry: Mapped[str] = mapped_column(String(8))
    state: Mapped[str] = mapped_column(String(16))
    claimed_until_at: Mapped[datetime | None]
    requested_at: Mapped[datetime]
    instance: Mapped[str | None] = mapped_column(String(60))
    call_id: Mapped[UUID | None]
    answered_at: Mapped[datetime | None]
    error_code: Mapped[str | None] = mapped_column(String(80))
    report_ref: Mapped[str | None] = mapped_column(String(200))
    score: Mapped[int | None]
    model: Mapped[str | None] = mapped_column(String(80))
    reasons: Mapped[list[str]] = mapped_column(JSONB)
    facts_sealed: Mapped[bytes | None]
    cost_minor: Mapped[int | None] = mapped_column(BigInteger)
    cost_currency: Mapped[str | None] = mapped_column(String(3))
    valid_until_on: Mapped[date | None]
    outcome: Mapped[str | None] = mapped_column(String(16))
    outcome_reasons: Mapped[list[str]] = mapped_column(JSONB)
    rules_version: Mapped[str | None] = mapped_column(String(40))
    file_sha256: Mapped[str | None] = mapped_column(String(64))


class BlacklistRecord(Base):
    """A document that the whole company does not lease to, by blind index; one standing entry for each."""

    __tablename__ = "blacklist_entry"
    __table_args__ = (
        Index(
            "uq_blacklist_entry_standing", "document_index", unique=True, postgresql_where=text("removed_at is null")
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    document_index: Mapped[bytes]
    reason: Mapped[str] = mapped_column(String(500))
    added_by: Mapped[str] = mapped_column(String(200))
    added_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
