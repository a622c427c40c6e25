"""Bring a database to the newest revision, or say how: one process at a time, over every room's tables."""

from __future__ import annotations

import io
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, pool, text

_FOLDER = Path(__file__).resolve().parents[1] / "migrations"
_LOCK = 0x1EA5E  # any number, the same for every process that migrates


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database to `revision`; several processes that start at once wait for one another."""
    with _engine(url).connect() as connection:
        connection.execute(text("select pg_advisory_lock(:key)"), {"key": _LOCK})
        connection.commit()
        try:
            command.upgrade(_config(connection), revision)
        finally:
            connection.rollback()
            connection.execute(text("select pg_advisory_unlock(:key)"), {"key": _LOCK})
            connection.commit()


def downgrade(url: str, revision: str) -> None:
    """Take the database back to `revision`; what newer tables held is lost."""
    with _engine(url).connect() as connection:
        command.downgrade(_config(connection), revision)


def current(url: str) -> str | None:
    """The revision that the database is at, None for an empty one."""
    with _engine(url).connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def offline_sql() -> str:
    """Every statement of every revision, for an administrator who runs them by hand."""
    out = io.StringIO()
    config = _config(None, output=out)
    config.set_main_option("sqlalchemy.url", "postgresql+psycopg://")
    command.upgrade(config, "head", sql=True)
    return out.getvalue()


def draft(url: str, message: str) -> None:
    """Write a new revision from what the records say and the database lacks; a person checks it."""
    with _engine(url).connect() as connection:
        command.revision(_config(connection), message=message, autogenerate=True)


def _config(connection: Connection | None, *, output: io.StringIO | None = None) -> Config:
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
