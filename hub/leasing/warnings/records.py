"""The tables of risk warnings: one that is not closed stands once for its kind and subject, with each time it was raised."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.json import JsonValue
from hub.infra.database import Base, one_of
from hub.leasing.warnings.rules import LONGEST, WarningKind, WarningState


class WarningRecord(Base):
    """Something that a person should look at."""

    __tablename__ = "risk_warning"
    __table_args__ = (
        one_of("kind", WarningKind),
        one_of("state", WarningState),
        Index("uq_risk_warning_open", "kind", "subject", unique=True, postgresql_where=text("state <> 'closed'")),
        Index(None, "branch_id", "state", "id"),
        Index(None, "state", "id"),
        Index(None, "kind", "state", "id", postgresql_include=["branch_id"]),
        Index("ix_risk_warning_contract_id", "contract_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branch.id"))
    contract_id: Mapped[UUID | None] = mapped_column(ForeignKey("contract.id"))
    kind: Mapped[str] = mapped_column(String(30))
    subject: Mapped[str] = mapped_column(String(120))
    code: Mapped[str] = mapped_column(String(40))
    facts: Mapped[dict[str, JsonValue]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(String(20))
    raised_at: Mapped[datetime]
    times: Mapped[int]
    last_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    result: Mapped[str | None] = mapped_column(String(LONGEST))


class OccurrenceRecord(Base):
    """One time that a warning was raised while nobody had closed it."""

    __tablename__ = "risk_warning_occurrence"
    __table_args__ = (Index("ix_risk_warning_occurrence_warning_id", "warning_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    warning_id: Mapped[UUID] = mapped_column(ForeignKey("risk_warning.id"))
    code: Mapped[str] = mapped_column(String(40))
    facts: Mapped[dict[str, JsonValue]] = mapped_column(JSONB)
    raised_at: Mapped[datetime]
