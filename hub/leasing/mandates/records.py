"""The tables of mandates and of the wishes to take them back; one live wish a mandate is the database's business."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.money import Money
from hub.infra.database import Base, one_of
from hub.integrations.dispatch import WAITING, Wish
from hub.leasing.mandates.rules import LIVE_REVOCATIONS, REASON_LENGTH, MandateState, RevocationState

_LIVE = "state in (" + ", ".join(sorted(f"'{state.value}'" for state in LIVE_REVOCATIONS)) + ")"


class MandateRecord(Wish, Base):
    """A payer's permission to be debited, at one provider instance.

    `look_at`: a callback says that something has become of it, and the provider is to be asked what.
    """

    __tablename__ = "mandate"
    __table_args__ = (
        one_of("state", MandateState),
        Index("ix_mandate_waiting", "claimed_until_at", postgresql_where=text(WAITING)),
        Index("ix_mandate_contract_id", "contract_id"),
        Index("ix_mandate_look_at", "look_at", postgresql_where=text("look_at is not null")),
    )

    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branch.id"))
    contract_id: Mapped[UUID]
    party_id: Mapped[UUID] = mapped_column(ForeignKey("party.id"))
    bank_account_id: Mapped[UUID] = mapped_column(ForeignKey("bank_account.id"))
    contract_number: Mapped[str] = mapped_column(String(40))
    limit_amount: Mapped[Money]
    instance: Mapped[str | None] = mapped_column(String(64))
    mandate_ref: Mapped[str | None] = mapped_column(String(255))
    hosted_url: Mapped[str | None] = mapped_column(String(2000))
    code: Mapped[str | None] = mapped_column(String(120))
    requested_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    look_at: Mapped[datetime | None]
    look_count: Mapped[int] = mapped_column(SmallInteger, default=0, server_default=text("0"))


class RevocationRecord(Wish, Base):
    """The wish to take a mandate back: asked for once, under its own id as the key."""

    __tablename__ = "mandate_revocation"
    __table_args__ = (
        one_of("state", RevocationState),
        Index("ix_mandate_revocation_waiting", "claimed_until_at", postgresql_where=text(WAITING)),
        Index("uq_mandate_revocation_live", "mandate_id", unique=True, postgresql_where=text(_LIVE)),
        Index("ix_mandate_revocation_contract_id", "contract_id"),
    )

    mandate_id: Mapped[UUID] = mapped_column(ForeignKey("mandate.id"))
    contract_id: Mapped[UUID]
    reason: Mapped[str] = mapped_column(String(REASON_LENGTH))
    requested_by: Mapped[str] = mapped_column(String(200))
    code: Mapped[str | None] = mapped_column(String(120))
    requested_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
