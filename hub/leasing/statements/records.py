"""The tables of statements, their lines, and what was found to differ; one statement an instance and day."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.money import Money
from hub.core.ports.payments import SettlementKind
from hub.infra.database import Base, one_of
from hub.leasing.statements.rules import REASON_LENGTH, DifferenceKind, DifferenceState, StatementState


class StatementRecord(Base):
    """The statement of one instance and day. `fetch_at`: when it is fetched next, None when it has been."""

    __tablename__ = "provider_statement"
    __table_args__ = (
        one_of("state", StatementState),
        UniqueConstraint("instance", "day_on"),
        Index(None, "fetch_at", postgresql_where=text("fetch_at is not null")),
        Index(None, "day_on", "id"),
        Index(None, "state", "day_on"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    instance: Mapped[str] = mapped_column(String(64))
    day_on: Mapped[date]
    state: Mapped[str] = mapped_column(String(20))
    fetch_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(SmallInteger)
    fetched_at: Mapped[datetime | None]
    compared_at: Mapped[datetime | None]
    code: Mapped[str | None] = mapped_column(String(120))
    covers: Mapped[list[str]] = mapped_column(JSONB)
    line_count: Mapped[int]
    matched_count: Mapped[int]
    named_count: Mapped[int]
    open_count: Mapped[int]
    stated_amount: Mapped[Money]
    booked_amount: Mapped[Money]


class StatementLineRecord(Base):
    """One line of a statement, as the provider's plugin has read it: in the provider's own currency."""

    __tablename__ = "provider_statement_line"
    __table_args__ = (one_of("kind", SettlementKind), Index(None, "payment_ref"))

    statement_id: Mapped[UUID] = mapped_column(ForeignKey("provider_statement.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    payment_ref: Mapped[str] = mapped_column(String(255))
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    settled_at: Mapped[datetime]


class DifferenceRecord(Base):
    """Something that does not agree on a day; `subject` names it within its statement, so that it is found again."""

    __tablename__ = "statement_difference"
    __table_args__ = (
        one_of("kind", DifferenceKind),
        one_of("state", DifferenceState),
        UniqueConstraint("statement_id", "subject"),
        Index(None, "day_on", "id"),
        Index(None, "state", "day_on"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    statement_id: Mapped[UUID] = mapped_column(ForeignKey("provider_statement.id"))
    instance: Mapped[str] = mapped_column(String(64))
    day_on: Mapped[date]
    subject: Mapped[str] = mapped_column(String(300))
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    stated_amount: Mapped[Money]
    booked_amount: Mapped[Money]
    ref: Mapped[str] = mapped_column(String(255))
    note: Mapped[str] = mapped_column(String(120))
    movement_id: Mapped[UUID | None]
    is_payout: Mapped[bool]
    contract_id: Mapped[UUID | None]
    other_on: Mapped[date | None]
    reason: Mapped[str | None] = mapped_column(String(REASON_LENGTH))
    found_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(200))
