"""Bring a database to the newest revision, or say how: one process at a time, over every room's tables.

Most processes start on a database that is at the newest revision, and look no further: Alembic is imported only to
migrate, for it takes a third of a second and ten megabytes that a process would then keep.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, create_engine, pool, text
from sqlalchemy.exc import OperationalError

from hub.core.errors import InvalidInput, LeaseHubError
from hub.infra.masking import masked_text

if TYPE_CHECKING:
    from alembic.config import Config

_FOLDER = Path(__file__).resolve().parents[1] / "migrations"
_LONGEST_REASON = 300
_LOCK = 0x1EA5E  # any number, the same for every process that migrates
# The limits of daily work, where the server has them: one below PostgreSQL 17 does not.
_NO_LIMITS = """
select set_config(name, '0', false) from pg_settings
where name in ('transaction_timeout', 'idle_in_transaction_session_timeout', 'statement_timeout', 'lock_timeout')
"""


class DatabaseTooNew(LeaseHubError):
    """Somebody newer has migrated this database."""

    code = "database_too_new"


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database to `revision`; several processes that start at once wait for one another."""
    if revision == "head" and current(url) == head():
        return
    from alembic import command

    with _alone(url) as connection:
        _refuse_newer(_current(connection))
        connection.commit()
        command.upgrade(_config(connection), revision)


def _refuse_newer(found: str | None) -> None:
    if found is not None and found not in revisions():
        raise DatabaseTooNew(
            f"the database is at revision {found}, which this version does not know: start a newer one"
        )


def downgrade(url: str, revision: str) -> None:
    """Take the database back to `revision`; what newer tables held is lost."""
    from alembic import command

    with _alone(url) as connection:
        command.downgrade(_config(connection), revision)


def current(url: str) -> str | None:
    """The revision that the database is at, None for an empty one."""
    with _connected(url) as connection:
        return _current(connection)


def _current(connection: Connection) -> str | None:
    if connection.scalar(text("select to_regclass('alembic_version')")) is None:
        return None
    found: str | None = connection.scalar(text("select version_num from alembic_version"))
    return found


@cache
def _chain() -> dict[str, str | None]:
    """Every revision that this version of the hub knows, with the one before it, read off the files' own lines."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((_FOLDER / "versions").glob("[0-9]*.py"))]
    return {_said("revision", one) or "": _said("down_revision", one) for one in texts}


def _said(name: str, text: str) -> str | None:
    found = re.search(rf'^{name}(?:: [^=]+)? = (?:"([^"]+)"|None)$', text, re.MULTILINE)
    assert found is not None, name
    return found[1]


def revisions() -> frozenset[str]:
    """Every revision that this version of the hub knows."""
    return frozenset(_chain())


def head() -> str:
    """The newest revision that this version of the hub knows."""
    [newest] = set(_chain()) - set(_chain().values())
    return newest


def offline_sql() -> str:
    """Every statement of every revision, for an administrator who runs them by hand."""
    from alembic import command

    out = io.StringIO()
    config = _config(None, output=out)
    config.set_main_option("sqlalchemy.url", "postgresql+psycopg://")
    command.upgrade(config, "head", sql=True)
    return out.getvalue()


def draft(url: str, message: str) -> None:
    """Write a new revision from what the records say and the database lacks; a person checks it."""
    from alembic import command

    with _connected(url) as connection:
        command.revision(_config(connection), message=message, autogenerate=True)


@contextmanager
def _alone(url: str) -> Iterator[Connection]:
    """A connection whose process is the only one that migrates, with no limit on how long that takes."""
    with _connected(url) as connection:
        connection.execute(text(_NO_LIMITS))
        connection.commit()
        connection.execute(text("select pg_advisory_lock(:key)"), {"key": _LOCK})
        connection.commit()
        yield connection  # closing it, however this ends, gives the lock back


def _connected(url: str) -> Connection:
    """A connection; raises InvalidInput, and says what the server or the network said, when there is none to be had."""
    try:
        return _engine(url).connect()
    except OperationalError as error:
        said = masked_text(" ".join(str(error.orig).split()))[:_LONGEST_REASON]
        raise InvalidInput("DATABASE_URL", f"the database cannot be reached: {said}") from None


def _config(connection: Connection | None, *, output: io.StringIO | None = None) -> Config:
    from alembic.config import Config

    config = Config(output_buffer=output) if output else Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    return config


def _engine(url: str) -> Engine:
    return create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        poolclass=pool.NullPool,
        connect_args={"options": "-c search_path=public,jobs"},
    )
