"""Alembic's entry: sees every room's records, runs on the connection or URL that it is given."""

from __future__ import annotations

import importlib
import pkgutil

from alembic import context
from sqlalchemy import Connection, create_engine, pool

import hub
from hub.infra.database import Base


def _see_every_record() -> None:
    """Import every module that declares tables, wherever it stands in the house."""
    for module in pkgutil.walk_packages(hub.__path__, "hub."):
        if module.name.rsplit(".", 1)[-1] in {"records", "staff", "audit", "jobs", "idempotency"}:
            importlib.import_module(module.name)


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=False)
    with context.begin_transaction():
        context.run_migrations()


def _main() -> None:
    _see_every_record()
    if context.is_offline_mode():
        context.configure(
            url=context.config.get_main_option("sqlalchemy.url"),
            target_metadata=Base.metadata,
            literal_binds=True,
            # Nobody fills in parameters here: a per cent sign is one, and is not doubled.
            dialect_opts={"paramstyle": "named"},
        )
        with context.begin_transaction():
            context.run_migrations()
        return
    given: Connection | None = context.config.attributes.get("connection")
    if given is not None:
        _run(given)
        return
    url = str(context.config.get_main_option("sqlalchemy.url")).replace("postgresql://", "postgresql+psycopg://", 1)
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        _run(connection)


_main()
