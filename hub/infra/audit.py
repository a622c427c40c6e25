"""The audit trail: who did what to which subject, when, in which transaction; written once, never changed.

An entry is written in the transaction of the change that it tells of, so neither exists without the other. The
database refuses to update or delete an entry. Details are masked before they are stored: the trail says that a phone
number was changed, not what it was. What providers were asked is in the integrations' call records, not here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Select, String, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.json import JsonValue
from hub.infra.access import visible
from hub.infra.database import Base, Tx
from hub.infra.logs import correlation_id
from hub.infra.masking import masked
from hub.infra.paging import Order, Slice, Window, sliced


class AuditEntry(Base):
    """One line of the trail. `xid` orders committed lines: a cursor by (xid, id) below the snapshot horizon misses none."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index(None, "subject", "subject_id", "id"),
        Index(None, "staff_id", "id"),
        Index(None, "xid", "id"),
        Index(None, "branch_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    xid: Mapped[int] = mapped_column(BigInteger, server_default=text("pg_current_xact_id()::text::bigint"))
    actor: Mapped[str] = mapped_column(String(200))
    staff_id: Mapped[UUID | None]
    action: Mapped[str] = mapped_column(String(80))
    subject: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[str] = mapped_column(String(80))
    branch_id: Mapped[UUID | None]
    correlation_id: Mapped[str | None] = mapped_column(String(80))
    detail: Mapped[dict[str, JsonValue]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))


class AuditSeal(Base):
    """The seal of one entry: its digest, and the chain of all digests up to it. Written once, never changed."""

    __tablename__ = "audit_seal"
    __table_args__ = (
        CheckConstraint("number >= 1", name="number"),
        CheckConstraint("length(digest) = 32 and length(chain) = 32", name="sha256"),
    )

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    entry_id: Mapped[UUID] = mapped_column(unique=True)
    xid: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[bytes]
    chain: Mapped[bytes]


_ORDER = Order(key=AuditEntry.id, columns={"at": AuditEntry.id}, standard="at")  # ids rise with time


async def record(
    tx: Tx,
    *,
    action: str,
    subject: str,
    subject_id: UUID | str,
    detail: Mapping[str, object] | None = None,
    branch_id: UUID | None = None,
) -> None:
    """Write that the transaction's actor has done `action` ("lead.opened") to a subject; details are masked first."""
    tx.add(
        AuditEntry(
            id=tx.new_id(),
            at=tx.now,
            actor=tx.actor.name,
            staff_id=tx.actor.staff_id,
            action=action,
            subject=subject,
            subject_id=str(subject_id),
            branch_id=branch_id,
            correlation_id=correlation_id(),
            detail=masked(detail or {}),
        )
    )


async def entries(
    tx: Tx,
    *,
    subject: str | None = None,
    subject_id: UUID | str | None = None,
    after: UUID | None = None,
    limit: int = 50,
) -> Sequence[AuditEntry]:
    """The trail in order of time, from after the entry `after`, at most `limit` lines.

    Who does not see the whole company sees what was done in their branches, and nothing that belongs to none.
    """
    query = visible(select(AuditEntry), AuditEntry.branch_id, tx.actor).order_by(AuditEntry.id).limit(limit)
    if subject is not None:
        query = query.where(AuditEntry.subject == subject)
    if subject_id is not None:
        query = query.where(AuditEntry.subject_id == str(subject_id))
    if after is not None:
        query = query.where(AuditEntry.id > after)
    return (await tx.scalars(query)).all()


async def page(tx: Tx, window: Window) -> Slice[AuditEntry]:
    """The trail as a list, the newest first, within the actor's branches.

    Filters: `actor`, `action` and `subject` for the beginning of each, `subject_id` for exactly one.
    """
    query: Select[AuditEntry] = visible(select(AuditEntry), AuditEntry.branch_id, tx.actor)
    for name in ("actor", "action", "subject"):
        if text := window.filters.get(name):
            query = query.where(getattr(AuditEntry, name).startswith(text, autoescape=True))
    if subject_id := window.filters.get("subject_id"):
        query = query.where(AuditEntry.subject_id == subject_id)
    return await sliced(tx, query, _ORDER, window, lambda entry: entry)
