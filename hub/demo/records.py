"""How far each applicant of a demo has come, and where the demo's clock stands."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from hub.infra.database import Base


class DemoApplicant(Base):
    """One line of the file and what it has become; written in the transaction of each step."""

    __tablename__ = "demo_applicant"

    reference: Mapped[str] = mapped_column(String(200), primary_key=True)
    step: Mapped[str] = mapped_column(String(40))
    lead_id: Mapped[UUID | None]
    party_id: Mapped[UUID | None]
    quote_id: Mapped[UUID | None]
    application_id: Mapped[UUID | None]
    contract_id: Mapped[UUID | None]
    vehicle_id: Mapped[UUID | None]
    device_id: Mapped[UUID | None]
    refusal: Mapped[str | None] = mapped_column(String(400))


class DemoClock(Base):
    """Where the demo's clock stands, so that time never runs back after a restart; one row."""

    __tablename__ = "demo_clock"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    stands_at: Mapped[datetime]
