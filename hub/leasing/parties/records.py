"""How parties are stored: names, numbers and addresses sealed, a blind index beside each that is looked up by."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.identity import DocumentKind
from hub.core.money import Money
from hub.infra.database import Base, one_of
from hub.leasing.parties.rules import AddressKind, ConsentMethod, ConsentPurpose, PartyKind, PhoneKind


class PartyRecord(Base):
    """A person or a company, under one document in the whole company."""

    __tablename__ = "party"
    __table_args__ = (
        one_of("kind", PartyKind),
        one_of("document_kind", DocumentKind),
        UniqueConstraint("document_index"),
        Index(None, "branch_id", "id"),
        Index(None, "branch_id", "kind", "id"),
        Index(None, "kind", "id"),
        Index(None, "name_index"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branch.id"))
    kind: Mapped[str] = mapped_column(String(16))
    name_sealed: Mapped[bytes]
    name_index: Mapped[bytes | None]  # None until it is made, for parties from before there was one
    document_kind: Mapped[str] = mapped_column(String(24))
    document_number_sealed: Mapped[bytes]
    document_index: Mapped[bytes]
    email_sealed: Mapped[bytes | None]
    created_at: Mapped[datetime]


class PartyPhoneRecord(Base):
    """A phone of a party; one of them is the primary one."""

    __tablename__ = "party_phone"
    __table_args__ = (
        one_of("kind", PhoneKind),
        Index("uq_party_phone_primary", "party_id", unique=True, postgresql_where=text("is_primary")),
        UniqueConstraint("party_id", "phone_index"),
        Index(None, "phone_index"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    party_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    kind: Mapped[str] = mapped_column(String(16))
    phone_sealed: Mapped[bytes]
    phone_index: Mapped[bytes]
    is_primary: Mapped[bool]


class PartyAddressRecord(Base):
    """Where a party is registered, lives or works."""

    __tablename__ = "party_address"
    __table_args__ = (one_of("kind", AddressKind), Index(None, "party_id"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    party_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    kind: Mapped[str] = mapped_column(String(16))
    text_sealed: Mapped[bytes]


class EmploymentRecord(Base):
    """Where a person earns their living, and how much a month, as they say."""

    __tablename__ = "employment"
    __table_args__ = (CheckConstraint("monthly_income_amount >= 0", name="income"), Index(None, "party_id"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    party_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    employer_sealed: Mapped[bytes]
    monthly_income_amount: Mapped[Money]
    recorded_at: Mapped[datetime]


class BankAccountRecord(Base):
    """An account that a party pays from or is paid to."""

    __tablename__ = "bank_account"
    __table_args__ = (UniqueConstraint("party_id", "number_index"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    party_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    bank_code: Mapped[str] = mapped_column(String(14))
    number_sealed: Mapped[bytes]
    number_index: Mapped[bytes]
    last_four: Mapped[str] = mapped_column(String(4))
    added_at: Mapped[datetime]


class ConsentRecord(Base):
    """A consent as it was given; the database lets nothing of it change but its withdrawal, once."""

    __tablename__ = "consent"
    __table_args__ = (
        one_of("purpose", ConsentPurpose),
        one_of("method", ConsentMethod),
        CheckConstraint("withdrawn_at >= given_at", name="withdrawn_after_given"),
        Index(None, "party_id", "purpose"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    party_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    purpose: Mapped[str] = mapped_column(String(24))
    text_version: Mapped[str] = mapped_column(String(40))
    method: Mapped[str] = mapped_column(String(24))
    given_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
