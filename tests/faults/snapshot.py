"""A test's database as it stood at one moment, to go back to and to compare with: all of it inside that database."""

from __future__ import annotations

import re
from collections.abc import Collection

import psycopg
from psycopg import sql

# What migrations have filled for good.
_FOR_GOOD = {"alembic_version", "account", "vehicle_transition", "procrastinate_periodic_defers"}
_TABLES = "select schemaname, tablename from pg_tables where schemaname in ('public', 'jobs') order by 1, 2"
_COLUMNS = """
select a.attname from pg_attribute a
where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by a.attnum
"""
# Instants, digests and what is sealed differ between two runs that come to the same.
_TOLD = """
select a.attname from pg_attribute a join pg_type t on t.oid = a.atttypid
where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped and t.typname not in ('timestamptz', 'bytea')
order by a.attnum
"""
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)")


class Snapshot:
    """Taken when it is made; `close` forgets it."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True, application_name="tests")
        self._connection.execute("set session_replication_role = replica")  # no triggers, no foreign keys
        self._connection.execute("create schema kept")
        found = self._connection.execute(_TABLES).fetchall()
        self._tables = [(schema, name) for schema, name in found if name not in _FOR_GOOD]
        for schema, name in self._tables:
            copy = sql.SQL("create table {} as table {}")
            self._connection.execute(copy.format(self._kept(schema, name), sql.Identifier(schema, name)))
        self._ids = set(_UUID.findall(repr(self._read(()))))

    def restore(self) -> None:
        """Put everything back as it was."""
        with self._connection.transaction():
            for schema, name in self._tables:
                self._connection.execute(sql.SQL("delete from {}").format(sql.Identifier(schema, name)))
                columns = [row[0] for row in self._connection.execute(_COLUMNS, [f'{schema}."{name}"']).fetchall()]
                names = sql.SQL(", ").join(map(sql.Identifier, columns))
                self._connection.execute(
                    sql.SQL("insert into {} ({}) overriding system value select {} from {}").format(
                        sql.Identifier(schema, name), names, names, self._kept(schema, name)
                    )
                )

    def told(self, *, but: Collection[str], without: Collection[str]) -> dict[str, list[str]]:
        """What stands in every table, in no order; identifiers that came later have no name of their own."""
        return {
            name: sorted(
                self._plain(repr([value for column, value in row if not {column, f"{name}.{column}"} & set(without)]))
                for row in rows
            )
            for name, rows in self._read(but).items()
        }

    def close(self) -> None:
        """Forget it."""
        self._connection.execute("drop schema kept cascade")
        self._connection.close()

    def _read(self, but: Collection[str]) -> dict[str, list[list[tuple[str, str]]]]:
        return {name: self._rows(name) for schema, name in self._tables if schema == "public" and name not in but}

    def _rows(self, name: str) -> list[list[tuple[str, str]]]:
        columns = [row[0] for row in self._connection.execute(_TOLD, [f'public."{name}"']).fetchall()]
        names = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(column)) for column in columns)
        rows = self._connection.execute(sql.SQL("select {} from {}").format(names, sql.Identifier(name))).fetchall()
        return [list(zip(columns, map(str, row), strict=True)) for row in rows]

    def _plain(self, text: str) -> str:
        named = _UUID.sub(lambda hit: hit.group() if hit.group() in self._ids else "later", text)
        return _INSTANT.sub("then", named)

    def _kept(self, schema: str, name: str) -> sql.Identifier:
        return sql.Identifier("kept", f"{schema}_{name}")
