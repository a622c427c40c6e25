"""The tables of contracts: the contract with what was agreed, its papers, envelopes, payments at signing, and its story.

The database holds the allowed changes of state, one living contract a car, one live envelope a contract; the story is
never changed.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Numeric,
    Sequence,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.money import Money
from hub.infra.database import Base
from hub.leasing.contracts.rules import ContractState, DocumentKind, EnvelopeState, Language, SigningPaymentState
from hub.leasing.products.rules import LeaseType, Method
from hub.ledger.postings import SigningPurpose

CONTRACT_NUMBERS = Sequence("contract_number", metadata=Base.metadata)


def _one_of(column: str, words: type[StrEnum]) -> CheckConstraint:
    """The column holds one of these words, and the constraint is called after it."""
    return CheckConstraint(f"{column} in ({', '.join(repr(word.value) for word in words)})", name=column)


class ContractRecord(Base):
    """One contract: who, on which quote of which product version, for how much, and the dates of its life."""

    __tablename__ = "contract"
    __table_args__ = (
        _one_of("state", ContractState),
        _one_of("lease_type", LeaseType),
        _one_of("method", Method),
        CheckConstraint("financed_amount > 0", name="financed_positive"),
        CheckConstraint("term_months > 0 and instalment_count > 0", name="term_positive"),
        CheckConstraint(
            "state not in ('active', 'settled', 'closed', 'terminated')"
            " or (commenced_on is not null and vehicle_id is not null)",
            name="commenced_with_its_car",
        ),
        Index(
            "uq_contract_vehicle",
            "vehicle_id",
            unique=True,
            postgresql_where=text("state not in ('closed', 'cancelled', 'terminated')"),
        ),
        Index(None, "branch_id", "state", "id"),
        Index(None, "party_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branch.id"))
    application_id: Mapped[UUID] = mapped_column(ForeignKey("application.id"), unique=True)
    party_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    bank_account_id: Mapped[UUID | None] = mapped_column(ForeignKey("bank_account.id"))
    product_version_id: Mapped[UUID] = mapped_column(ForeignKey("product_version.id"))
    quote_id: Mapped[UUID] = mapped_column(ForeignKey("quote.id"))
    lease_type: Mapped[str] = mapped_column(String(24))
    state: Mapped[str] = mapped_column(String(20))
    vehicle_id: Mapped[UUID | None] = mapped_column(ForeignKey("vehicle.id"))
    car_model: Mapped[str] = mapped_column(String(200))
    car_price: Mapped[Money]
    financed_amount: Mapped[Money]
    down_payment_amount: Mapped[Money]
    deposit_amount: Mapped[Money]
    service_fee_amount: Mapped[Money]
    third_party_fees_amount: Mapped[Money]
    balloon_amount: Mapped[Money]
    purchase_option_amount: Mapped[Money]
    total_rent_amount: Mapped[Money]
    instalment_count: Mapped[int] = mapped_column(SmallInteger)
    term_months: Mapped[int] = mapped_column(SmallInteger)
    annual_rate: Mapped[Decimal] = mapped_column(Numeric(12, 8))
    method: Mapped[str] = mapped_column(String(24))
    in_advance: Mapped[bool]
    drafted_at: Mapped[datetime]
    signed_at: Mapped[datetime | None]
    funded_at: Mapped[datetime | None]
    commenced_on: Mapped[date | None]
    settled_on: Mapped[date | None]
    closed_on: Mapped[date | None]
    cancelled_reason: Mapped[str | None] = mapped_column(String(300))


class EventRecord(Base):
    """One change of state in a contract's story, numbered from 1; written once."""

    __tablename__ = "contract_event"
    __table_args__ = (_one_of("after_state", ContractState), UniqueConstraint("contract_id", "number"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    contract_id: Mapped[UUID] = mapped_column(ForeignKey("contract.id"))
    number: Mapped[int] = mapped_column(SmallInteger)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(200))
    before_state: Mapped[str | None] = mapped_column(String(20))
    after_state: Mapped[str] = mapped_column(String(20))
    note: Mapped[str] = mapped_column(String(300))


class EnvelopeRecord(Base):
    """One try to have a contract signed, numbered from 1 a contract; its id is the idempotency key."""

    __tablename__ = "envelope"
    __table_args__ = (
        _one_of("state", EnvelopeState),
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
        _one_of("kind", DocumentKind),
        _one_of("language", Language),
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


class SigningPaymentRecord(Base):
    """One payment due at signing; each purpose once a contract."""

    __tablename__ = "signing_payment"
    __table_args__ = (
        _one_of("purpose", SigningPurpose),
        _one_of("state", SigningPaymentState),
        UniqueConstraint("contract_id", "purpose"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("state <> 'received' or (charge_id is not null and received_on is not null)", name="received"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    contract_id: Mapped[UUID] = mapped_column(ForeignKey("contract.id"))
    purpose: Mapped[str] = mapped_column(String(24))
    amount: Mapped[Money]
    state: Mapped[str] = mapped_column(String(20))
    charge_id: Mapped[UUID | None]
    received_on: Mapped[date | None]
