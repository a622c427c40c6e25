"""Migrations on a real server: repeated, raced, undone and redone, and held against what the records say."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql
from sqlalchemy import Connection, create_engine

import hub
from hub.infra import migrate
from hub.infra.database import Base

Fresh = Callable[[], str]
_SERIAL = count(1)


@pytest.fixture
def fresh(server_url: Callable[[str], str], worker_name: str) -> Iterator[Fresh]:
    """Makes empty databases, and drops them afterwards."""
    made: list[str] = []

    def make() -> str:
        made.append(f"migrate_{worker_name}_{next(_SERIAL)}")
        with psycopg.connect(server_url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(made[-1])))
        return server_url(made[-1])

    yield make
    with psycopg.connect(server_url("postgres"), autocommit=True) as connection:
        for name in made:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _see_every_record() -> None:
    for module in pkgutil.walk_packages(hub.__path__, "hub."):
        if module.name.endswith((".records", ".idempotency")):
            importlib.import_module(module.name)


def _tables(url: str) -> set[str]:
    query = "select schemaname || '.' || tablename from pg_tables where schemaname in ('public', 'jobs')"
    with psycopg.connect(url) as connection:
        return {str(name) for (name,) in connection.execute(query)}


_COLUMNS = """
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
from pg_attribute a join pg_class c on c.oid = a.attrelid
where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
"""
_CONSTRAINTS = """
select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint
where connamespace = 'public'::regnamespace and contype not in ('n', 't')
"""
_INDEXES = "select tablename, indexname, indexdef from pg_indexes where schemaname = 'public'"


def _shape(url: str) -> set[tuple[object, ...]]:
    """Every column, constraint and index, as the database itself words them."""
    with psycopg.connect(url) as connection:
        rows = {row for query in (_COLUMNS, _CONSTRAINTS, _INDEXES) for row in connection.execute(query)}
    return {row for row in rows if row[0] != "alembic_version"}


def _sqlalchemy(url: str) -> Connection:
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1)).connect()


def test_an_upgrade_that_is_repeated_changes_nothing(fresh: Fresh) -> None:
    url = fresh()
    migrate.upgrade(url)
    revision, shape = migrate.current(url), _shape(url)
    migrate.upgrade(url)
    assert migrate.current(url) == revision
    assert _shape(url) == shape


def test_processes_that_upgrade_at_once_wait_for_one_another(fresh: Fresh) -> None:
    url = fresh()
    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(migrate.upgrade, url) for _ in range(3)]:
            done.result()
    assert {"public.contract", "jobs.procrastinate_jobs"} <= _tables(url)


def test_down_to_nothing_and_up_again_is_the_same_database(fresh: Fresh) -> None:
    url = fresh()
    migrate.upgrade(url)
    shape = _shape(url)
    migrate.downgrade(url, "base")
    assert migrate.current(url) is None
    assert _tables(url) <= {"public.alembic_version"}
    migrate.upgrade(url)
    assert _shape(url) == shape


def test_a_new_revision_would_have_nothing_to_say(database_url: str) -> None:
    _see_every_record()
    with _sqlalchemy(database_url) as connection:
        found = compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), Base.metadata)
    assert found == []


def test_constraints_and_indexes_are_those_of_the_records(fresh: Fresh, database_url: str) -> None:
    """Autogenerate compares neither CHECKs nor the conditions of partial indexes. Triggers are the migrations' own."""
    _see_every_record()
    url = fresh()
    with _sqlalchemy(url) as connection:
        Base.metadata.create_all(connection)
        connection.commit()
    records, migrations = _shape(url), _shape(database_url)
    assert sorted(migrations - records) == sorted(records - migrations) == []


def test_the_statements_for_an_administrator_are_those_that_migrate(fresh: Fresh) -> None:
    statements = migrate.offline_sql()
    assert "CREATE TABLE contract " in statements
    url = fresh()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(re.sub(r"(?m)^--.*$", "", statements).encode())
    assert migrate.current(url) is not None
