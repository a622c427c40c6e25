"""The tables of contracts: the contract with what was agreed, and its story.

The database holds the allowed changes of state and one living contract a car; the story is never changed.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
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
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.money import Money
from hub.infra.database import Base, one_of
from hub.leasing.contracts.rules import ContractState
from hub.leasing.products.rules import LeaseType, Method

# What a contract is sorted by that has not commenced, or not yet.
COMMENCED = text("coalesce(commenced_on, '0001-01-01'::date)")

CONTRACT_NUMBERS = Sequence("contract_number", metadata=Base.metadata)


class ContractRecord(Base):
    """One contract: who, on which quote of which product version, for how much, and the dates of its life."""

    __tablename__ = "contract"
    __table_args__ = (
        one_of("state", ContractState),
        one_of("lease_type", LeaseType),
        one_of("method", Method),
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
        Index("ix_contract_financed", "financed_amount", "id", postgresql_include=["state", "branch_id"]),
        Index(None, "state", "number", postgresql_include=["branch_id"], postgresql_ops={"number": "text_pattern_ops"}),
        Index("ix_contract_commenced", COMMENCED, "id", postgresql_include=["state", "branch_id"]),
        Index(None, "state", "id"),
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
    __table_args__ = (one_of("after_state", ContractState), UniqueConstraint("contract_id", "number"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    contract_id: Mapped[UUID] = mapped_column(ForeignKey("contract.id"))
    number: Mapped[int] = mapped_column(SmallInteger)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(200))
    before_state: Mapped[str | None] = mapped_column(String(20))
    after_state: Mapped[str] = mapped_column(String(20))
    note: Mapped[str] = mapped_column(String(300))
