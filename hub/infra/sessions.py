"""Sessions of the console: begun by logging in, ended by leaving, by idling, by time, or with the account's tokens.

The cookie is 256 bits of chance, of which only the digest is kept. What protects a form from being sent by another
site is derived from the cookie, and is as secret.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update

from hub.infra import audit, sign_in, staff
from hub.infra.access import Actor, system
from hub.infra.database import Database, Tx
from hub.infra.records import Staff, WebSession

# NIST SP 800-63B, 4.2.3: at most 12 hours, and 30 minutes without a sign of life.
LONGEST = timedelta(hours=12)
IDLE = timedelta(minutes=30)
_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A live session: who acts in it, and the word that its forms must carry."""

    id: UUID
    staff_id: UUID
    display_name: str
    actor: Actor
    form_key: str = field(repr=False)


async def begin(database: Database, *, login: str, password: str, ip: str) -> str:
    """Log in; returns the cookie of a new session. Raises as `sign_in.enter` does."""
    return await sign_in.enter(database, login=login, password=password, ip=ip, entering=_begin)


async def _begin(tx: Tx, row: Staff) -> str:
    cookie = secrets.token_urlsafe(32)
    tx.add(
        WebSession(
            id=tx.new_id(),
            staff_id=row.id,
            secret_hash=_digest(cookie),
            created_at=tx.now,
            seen_at=tx.now,
            expires_at=tx.now + LONGEST,
        )
    )
    return cookie


AUTHENTICATION = system("authentication")  # who looks for a session: nobody is known yet


async def find(tx: Tx, cookie: str) -> Session | None:
    """The live session of a cookie; None when it is unknown, ended, idle for too long, or its owner is not active."""
    live = (
        WebSession.secret_hash == _digest(cookie),
        WebSession.ended_at.is_(None),
        WebSession.expires_at > tx.now,
        WebSession.seen_at > tx.now - IDLE,
    )
    found = (
        await tx.execute(
            select(WebSession.id, WebSession.staff_id, WebSession.seen_at, Staff.display_name)
            .join(Staff, Staff.id == WebSession.staff_id)
            .where(*live)
        )
    ).one_or_none()
    actor = None if found is None else await staff.find_actor(tx, found.staff_id)
    if found is None or actor is None:
        return None
    if found.seen_at <= tx.now - _NOTED_EVERY:
        await tx.execute(update(WebSession).where(WebSession.id == found.id).values(seen_at=tx.now))
    return Session(
        id=found.id,
        staff_id=found.staff_id,
        display_name=found.display_name,
        actor=actor,
        form_key=hmac.new(cookie.encode(), b"form", hashlib.sha256).hexdigest(),
    )


async def end(tx: Tx, session: Session) -> None:
    """Leave: the cookie is worth nothing any more."""
    await tx.execute(update(WebSession).where(WebSession.id == session.id).values(ended_at=tx.now))
    await audit.record(tx, action="staff.logged_out", subject="staff", subject_id=session.staff_id)


def _digest(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()
