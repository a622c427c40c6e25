"""The tables of the company's people: branches, staff and their roles, tokens, tries to log in. Services are in `staff`."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from hub.infra.access import Role
from hub.infra.database import Base, one_of


class BranchKind(StrEnum):
    """Where a branch stands in the company."""

    HEADQUARTERS = "headquarters"
    BRANCH = "branch"
    STORE = "store"


class StaffState(StrEnum):
    """Whether somebody works here: only the active get in; who has left does not come back under the same account."""

    ACTIVE = "active"
    LOCKED = "locked"
    LEFT = "left"


class Branch(Base):
    """A part of the company; the tree of branches is the scope of what people see."""

    __tablename__ = "branch"
    __table_args__ = (
        one_of("kind", BranchKind),
        CheckConstraint("kind <> 'headquarters' or parent_id is null", name="headquarters_on_top"),
        CheckConstraint("parent_id <> id", name="not_its_own_parent"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(16))
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("branch.id"), index=True)


class Staff(Base):
    """Somebody's account. `login` is in lower case."""

    __tablename__ = "staff"
    __table_args__ = (
        one_of("state", StaffState),
        CheckConstraint("login = lower(login)", name="login_lower_case"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(64), unique=True)
    display_name: Mapped[str] = mapped_column(String(120))
    branch_id: Mapped[UUID] = mapped_column(ForeignKey("branch.id"), index=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]


class StaffRole(Base):
    """One role of one person."""

    __tablename__ = "staff_role"
    __table_args__ = (one_of("role", Role),)

    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(32), primary_key=True)


class ApiToken(Base):
    """A token that speaks for somebody; only its digest is kept."""

    __tablename__ = "api_token"
    __table_args__ = (
        CheckConstraint("octet_length(token_hash) = 32", name="token_hash_length"),
        CheckConstraint("expires_at > created_at", name="validity"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    last4: Mapped[str] = mapped_column(String(4))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class LoginAttempt(Base):
    """One try to log in, by blind index: people type passwords into the login field."""

    __tablename__ = "login_attempt"
    __table_args__ = (Index(None, "login_index", "at"), Index(None, "ip", "at"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    login_index: Mapped[bytes]
    ip: Mapped[str] = mapped_column(String(45))
    succeeded: Mapped[bool]


class WebSession(Base):
    """Somebody's session in the console; only the digest of its cookie is kept."""

    __tablename__ = "web_session"
    __table_args__ = (
        CheckConstraint("octet_length(secret_hash) = 32", name="secret_hash_length"),
        CheckConstraint("expires_at > created_at", name="validity"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
