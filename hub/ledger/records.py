"""The three tables of the books. Entries and lines are only ever added: triggers of the migration refuse the rest.

An entry says how many lines it has; the trigger on `line` lets in only a whole, balanced set of them in one
statement, so nothing can be slipped into an entry later either.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.money import Money
from hub.infra.database import Base, one_of
from hub.ledger.chart import Account, AccountKind, Side
from hub.ledger.rules import MEMO_LENGTH, REF_LENGTH


class AccountRecord(Base):
    """An account of the chart."""

    __tablename__ = "account"
    __table_args__ = (
        one_of("kind", AccountKind),
        one_of("normal_side", Side),
    )

    code: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    name_zh: Mapped[str] = mapped_column(sa.String(60))
    name_en: Mapped[str] = mapped_column(sa.String(60))
    kind: Mapped[str] = mapped_column(sa.String(12))
    normal_side: Mapped[str] = mapped_column(sa.String(6))


class EntryRecord(Base):
    """One posted entry. `number` rises in the order of posting, with gaps where a posting was not kept."""

    __tablename__ = "entry"
    __table_args__ = (
        sa.CheckConstraint("line_count >= 2", name="line_count"),
        sa.Index(None, "contract_id", "number", postgresql_where=sa.text("contract_id is not null")),
        sa.Index(None, "posted_on"),
        sa.Index(None, "value_on"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), unique=True)
    ref: Mapped[str] = mapped_column(sa.String(REF_LENGTH), unique=True)
    kind: Mapped[str] = mapped_column(sa.String(40))
    value_on: Mapped[date]
    posted_on: Mapped[date]
    posted_at: Mapped[datetime]
    posted_by: Mapped[str] = mapped_column(sa.String(200))
    contract_id: Mapped[UUID | None]
    memo: Mapped[str] = mapped_column(sa.String(MEMO_LENGTH))
    reverses_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("entry.id"), unique=True)
    line_count: Mapped[int] = mapped_column(sa.SmallInteger)
    fingerprint: Mapped[str] = mapped_column(sa.String(64))


class LineRecord(Base):
    """One line of an entry: `amount` debit positive, credit negative."""

    __tablename__ = "line"
    __table_args__ = (
        sa.CheckConstraint("amount <> 0", name="amount"),
        sa.CheckConstraint("position >= 1", name="position"),
        sa.CheckConstraint(
            f"(account_code = '{Account.PROVIDER_CLEARING.value}') = (instance is not null)", name="instance"
        ),
        sa.Index(None, "account_code", "instance"),
    )

    entry_id: Mapped[UUID] = mapped_column(sa.ForeignKey("entry.id"), primary_key=True)
    position: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True)
    account_code: Mapped[str] = mapped_column(sa.ForeignKey("account.code"))
    amount: Mapped[Money]
    instance: Mapped[str | None] = mapped_column(sa.String(60))
