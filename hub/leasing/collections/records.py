"""The tables of dunning: cases, contacts, promises. One open case a contract, one open promise a case."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.money import Money
from hub.infra.database import Base, one_of
from hub.leasing.collections.rules import CaseState, ContactState, PromiseState


class CaseRecord(Base):
    """A late lease in the hands of dunning."""

    __tablename__ = "dunning_case"
    __table_args__ = (
        one_of("state", CaseState),
        Index("uq_dunning_case_open", "contract_id", unique=True, postgresql_where=text("state <> 'closed'")),
        Index(None, "branch_id", "state", "opened_on", "id"),
        Index(None, "state", "opened_on", "id"),
        Index(None, "opened_on", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branch.id"))
    contract_id: Mapped[UUID] = mapped_column(ForeignKey("contract.id"))
    state: Mapped[str] = mapped_column(String(20))
    opened_on: Mapped[date]
    closed_on: Mapped[date | None]


class ContactRecord(Base):
    """One message about one thing: a second of the same kind for the same thing cannot be."""

    __tablename__ = "dunning_contact"
    __table_args__ = (
        one_of("state", ContactState),
        UniqueConstraint("template", "subject_id"),
        Index("ix_dunning_contact_waiting", "send_after_at", postgresql_where=text("state = 'requested'")),
        Index("ix_dunning_contact_case_id", "case_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("dunning_case.id"))
    party_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    template: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[UUID]
    number: Mapped[int]
    amount: Mapped[Money]
    channel: Mapped[str] = mapped_column(String(10))
    masked_to: Mapped[str] = mapped_column(String(120))
    state: Mapped[str] = mapped_column(String(20))
    send_after_at: Mapped[datetime]
    claimed_until_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    instance: Mapped[str | None] = mapped_column(String(64))
    message_ref: Mapped[str | None] = mapped_column(String(255))
    error_code: Mapped[str | None] = mapped_column(String(120))


class PromiseRecord(Base):
    """A promise to pay so much by a day."""

    __tablename__ = "promise"
    __table_args__ = (
        one_of("state", PromiseState),
        Index("uq_promise_open", "case_id", unique=True, postgresql_where=text("state = 'open'")),
        Index("ix_promise_due", "promised_on", postgresql_where=text("state = 'open'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("dunning_case.id"))
    contract_id: Mapped[UUID] = mapped_column(ForeignKey("contract.id"))
    amount: Mapped[Money]
    promised_on: Mapped[date]
    state: Mapped[str] = mapped_column(String(20))
    taken_at: Mapped[datetime]
