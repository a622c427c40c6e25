"""The tables of envelopes and papers. One live envelope a contract is the database's business."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from hub.infra.database import Base, one_of
from hub.leasing.signatures.rules import DocumentKind, EnvelopeState, Language


class EnvelopeRecord(Base):
    """One try to have a contract signed, numbered from 1 a contract; its id is the idempotency key."""

    __tablename__ = "envelope"
    __table_args__ = (
        one_of("state", EnvelopeState),
        Index(
            "uq_envelope_live_contract",
            "contract_id",
            unique=True,
            postgresql_where=text("state in ('requested', 'sent', 'unknown')"),
        ),
        Index("ix_envelope_waiting", "claimed_until_at", postgresql_where=text("state = 'requested'")),
        Index(
            "ix_envelope_unvoided",
            "claimed_until_at",
            postgresql_where=text("state = 'sent' and void_reason is not null"),
        ),
        Index(
            "ix_envelope_unfetched",
            "claimed_until_at",
            postgresql_where=text("state = 'completed' and fetched_at is null"),
        ),
        UniqueConstraint("contract_id", "number"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branch.id"))
    contract_id: Mapped[UUID] = mapped_column(ForeignKey("contract.id"))
    number: Mapped[int] = mapped_column(SmallInteger)
    state: Mapped[str] = mapped_column(String(20))
    instance: Mapped[str | None] = mapped_column(String(60))
    envelope_ref: Mapped[str | None] = mapped_column(String(120))
    signing_urls: Mapped[list[str]] = mapped_column(ARRAY(String(2000)))
    reason: Mapped[str | None] = mapped_column(String(300))
    void_reason: Mapped[str | None] = mapped_column(String(300))
    requested_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    claimed_until_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    fetched_at: Mapped[datetime | None]


class DocumentRecord(Base):
    """A paper as it went out in an envelope, and as it came back signed, each under the digest of its content."""

    __tablename__ = "contract_document"
    __table_args__ = (
        one_of("kind", DocumentKind),
        one_of("language", Language),
        UniqueConstraint("envelope_id", "kind", "language"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        CheckConstraint("signed_sha256 ~ '^[0-9a-f]{64}$'", name="signed_sha256"),
        CheckConstraint("evidence_sha256 ~ '^[0-9a-f]{64}$'", name="evidence_sha256"),
        Index(None, "contract_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    contract_id: Mapped[UUID] = mapped_column(ForeignKey("contract.id"))
    envelope_id: Mapped[UUID] = mapped_column(ForeignKey("envelope.id"))
    kind: Mapped[str] = mapped_column(String(24))
    language: Mapped[str] = mapped_column(String(10))
    template_version: Mapped[str] = mapped_column(String(40))
    sha256: Mapped[str] = mapped_column(String(64))
    signed_sha256: Mapped[str | None] = mapped_column(String(64))
    evidence_sha256: Mapped[str | None] = mapped_column(String(64))
