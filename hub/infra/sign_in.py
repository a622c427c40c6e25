"""Logging in: tries are counted before the password is looked at, and nobody learns which logins exist.

Accounts and tokens are in `staff`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update

from hub.core.errors import NotAllowed, NotAuthenticated
from hub.infra import audit, passwords, staff
from hub.infra.access import system
from hub.infra.database import Database, Tx
from hub.infra.records import LoginAttempt, Staff, StaffState

# NIST SP 800-63B, 5.2.2 asks for a limit, at most a hundred in a row; these let a person mistype and a machine give up.
WINDOW = timedelta(minutes=15)
MOST_FAILURES_OF_A_LOGIN = 5
MOST_FAILURES_OF_AN_ADDRESS = 20
SESSION = timedelta(hours=12)

_Entry = TypeVar("_Entry")
_LOGIN_LOCK, _ADDRESS_LOCK = 0x106, 0x107  # advisory locks, always taken in this order


async def log_in(database: Database, *, login: str, password: str, ip: str) -> staff.IssuedToken:
    """A token for twelve hours in return for login and password; raises as `enter` does."""
    return await enter(database, login=login, password=password, ip=ip, entering=_issue)


async def _issue(tx: Tx, row: Staff) -> staff.IssuedToken:
    return await staff.issue(tx, row=row, name="log-in", valid_for=SESSION)


async def enter(
    database: Database, *, login: str, password: str, ip: str, entering: Callable[[Tx, Staff], Awaitable[_Entry]]
) -> _Entry:
    """Whatever `entering` gives to somebody who has shown login and password: a token, or a session.

    Raises NotAuthenticated for a wrong login, a wrong password and an account that is not active alike, and NotAllowed
    after too many failures of this login or from this address.
    """
    login, ip = login.strip().lower()[:64], ip[:45]
    async with database.transaction(system("login")) as tx:
        attempt_id = await _count_the_attempt(tx, login, ip)
        query = select(Staff.id, Staff.password_hash).where(Staff.login == login)
        known = (await tx.execute(query)).one_or_none() if staff.is_login(login) else None
    valid, better_hash = await passwords.matches(password, known.password_hash if known else None)
    if not valid or known is None:
        raise NotAuthenticated("login or password is wrong")
    async with database.transaction(system("login")) as tx:
        return await entering(tx, await _let_in(tx, known.id, attempt_id, better_hash))


async def _count_the_attempt(tx: Tx, login: str, ip: str) -> UUID:
    """Write the attempt down as failed until it succeeds, so that tries made at once are counted too."""
    index = tx.vault.blind_index("login", login)
    await tx.execute(select(func.pg_advisory_xact_lock(_LOGIN_LOCK, func.hashtext(index.hex()))))
    await tx.execute(select(func.pg_advisory_xact_lock(_ADDRESS_LOCK, func.hashtext(ip))))
    since = max(tx.now - WINDOW, await _last_success(tx, index) or tx.now - WINDOW)
    await _refuse_after(tx, MOST_FAILURES_OF_A_LOGIN, LoginAttempt.login_index == index, LoginAttempt.at > since)
    await _refuse_after(tx, MOST_FAILURES_OF_AN_ADDRESS, LoginAttempt.ip == ip, LoginAttempt.at > tx.now - WINDOW)
    attempt = LoginAttempt(id=tx.new_id(), at=tx.now, login_index=index, ip=ip, succeeded=False)
    tx.add(attempt)
    return attempt.id


async def _last_success(tx: Tx, index: bytes) -> datetime | None:
    query = select(func.max(LoginAttempt.at)).where(LoginAttempt.login_index == index, LoginAttempt.succeeded)
    return await tx.scalar(query)


async def _refuse_after(tx: Tx, most: int, *which: ColumnElement[bool]) -> None:
    """Raise NotAllowed when there are `most` failures already, with the minutes until one of them is forgotten."""
    failed = select(LoginAttempt.at).where(LoginAttempt.succeeded.is_(False), *which)
    oldest_first = (await tx.scalars(failed.order_by(LoginAttempt.at.desc()).limit(most))).all()[::-1]
    if len(oldest_first) == most:
        minutes = -(-(oldest_first[0] + WINDOW - tx.now) // timedelta(minutes=1))
        raise NotAllowed("login", f"too many failed tries; try again in {max(minutes, 1)} minutes")


async def _let_in(tx: Tx, staff_id: UUID, attempt_id: UUID, better_hash: str | None) -> Staff:
    row = await tx.get_one(Staff, staff_id, with_for_update=True)
    if row.state != StaffState.ACTIVE:
        raise NotAuthenticated("login or password is wrong")
    row.password_hash = better_hash or row.password_hash
    await tx.execute(update(LoginAttempt).where(LoginAttempt.id == attempt_id).values(succeeded=True))
    await audit.record(tx, action="staff.logged_in", subject="staff", subject_id=staff_id, branch_id=row.branch_id)
    return row
