"""Many rows soon: every row of a company that really lived is copied in the database, so that the copies hang together.

A copy of a row has the identifier of the first with another tail, and so have its references: copy 17 of an instalment
belongs to copy 17 of its account. What is the company's alone (branches, staff, products) is shared, not copied. What
must be unique gets the copy's number. Only a benchmark may do this: it goes past every rule.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import psycopg
from psycopg import sql

from hub.infra.rotation import SealedColumn, sealed_columns
from hub.infra.vault import Vault

MOST_ROWS = 300_000  # of one table, so that a lease of many calls does not fill the disk
_SHARED = frozenset(
    {
        "alembic_version",
        "account",
        "vehicle_transition",
        "branch",
        "staff",
        "staff_role",
        "api_token",
        "product",
        "product_version",
        "provider_switch",
    }
)
# What lists show of these is masked beside the sealed value.
_NEVER_OPENED = frozenset({"provider_call", "webhook_inbox"})
_COLUMNS = """
select a.attname, t.typname, a.atttypmod,
       exists(select from pg_index i where i.indrelid = c.oid and i.indisunique and a.attnum = any(i.indkey::int2[])
              and not exists(select from pg_attribute b where b.attrelid = c.oid and b.attnum = any(i.indkey::int2[])
                             and b.atttypid = 'uuid'::regtype))
       and not exists(select from pg_constraint w where w.conrelid = c.oid and w.contype = 'c'
                      and w.conkey = array[a.attnum] and pg_get_constraintdef(w.oid) like '%% = ANY %%'),
       a.attidentity <> '' or a.attgenerated <> ''
from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_type t on t.oid = a.atttypid
where c.oid = %s::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum
"""
# A UUIDv7 keeps its head, which is its time: copies lie among their like, as real rows do.
_FUNCTIONS = """
create function pg_temp.copied(id uuid, k int) returns uuid immutable parallel safe language sql as $$
    select case when exists(select from shared_ids s where s.id = $1) then $1 else
    (substr($1::text, 1, 15) || substr(md5($1::text || $2), 1, 3) || '-8' || substr(md5($1::text || $2), 4, 3) || '-' ||
     substr(md5($1::text || $2), 7, 12))::uuid end
$$
"""


def multiply(url: str, vault: Vault | None, contracts: int, *, only: Collection[str] = ()) -> dict[str, int]:
    """Copy until there are so many contracts; returns how many rows each table has, of those that grew.

    Some tables `only`, where others do not matter; without a vault nothing that is sealed can be opened afterwards.
    """
    with psycopg.connect(url, autocommit=True, options="-c search_path=public") as connection:
        connection.execute("set session_replication_role = replica")  # no triggers: the copies have lived no story
        connection.execute("set synchronous_commit = off")
        for limit in ("statement_timeout", "transaction_timeout"):
            if connection.execute("select 1 from pg_settings where name = %s", [limit]).fetchone():
                connection.execute(sql.SQL("set {} = 0").format(sql.Identifier(limit)))
        connection.execute("create temp table shared_ids (id uuid primary key)")
        for table in sorted(_SHARED):
            _share(connection, table)
        connection.execute(_FUNCTIONS)
        tables = connection.execute("select tablename from pg_tables where schemaname = 'public' order by 1").fetchall()
        copied = [table for (table,) in tables if (table in only if only else table not in _SHARED)]
        grown = {table: _copy(connection, table, contracts) for table in copied}
        for sealed in sealed_columns() if vault is not None else ():
            if sealed.table.name in grown and sealed.table.name not in _NEVER_OPENED:
                _seal(connection, sealed, vault)
        # Until its log has been written, nobody may be told that a row is visible to all, which indexes live by.
        connection.execute("set synchronous_commit = on")
        connection.execute("drop table shared_ids cascade")
        connection.execute(sql.SQL("vacuum analyze {}").format(sql.SQL(", ").join(map(sql.Identifier, grown))))
    return {table: rows for table, rows in grown.items() if rows > 0}


def _seal(connection: psycopg.Connection[tuple[object, ...]], sealed: SealedColumn, vault: Vault) -> None:
    """Seal for each copy what one row has: a sealed value opens in its own row alone."""
    table, column = sql.Identifier(sealed.table.name), sql.Identifier(sealed.column.name)
    rows = connection.execute(sql.SQL("select id, {0} from {1} where {0} is not null").format(column, table)).fetchall()
    clear = [text for text in (_opened(vault, sealed, row) for row in rows[:200]) if text is not None]
    if not clear:
        return
    connection.execute("create temp table fresh (id uuid primary key, value bytea)")
    with connection.cursor().copy("copy fresh from stdin (format binary)") as copy:
        copy.set_types(["uuid", "bytea"])
        for identity, value in rows:
            if _opened(vault, sealed, (identity, value)) is None:
                copy.write_row((identity, vault.seal(clear[0], column=sealed.name, row=UUID(str(identity)))))
    put = sql.SQL("update {} t set {} = fresh.value from fresh where fresh.id = t.id")
    connection.execute(put.format(table, column))
    connection.execute("drop table fresh")


def _opened(vault: Vault, sealed: SealedColumn, row: tuple[object, ...]) -> str | None:
    identity, value = row
    assert isinstance(value, bytes)
    try:
        return vault.open(value, column=sealed.name, row=UUID(str(identity)))
    except ValueError:
        return None


def _share(connection: psycopg.Connection[tuple[object, ...]], table: str) -> None:
    columns = connection.execute(_COLUMNS.encode(), [table]).fetchall()
    if ("id", "uuid") in [(name, kind) for name, kind, *_ in columns]:
        connection.execute(sql.SQL("insert into shared_ids select id from {}").format(sql.Identifier(table)))


def _copy(connection: psycopg.Connection[tuple[object, ...]], table: str, contracts: int) -> int:
    """Copy the rows of one table; returns how many it then has."""
    name = sql.Identifier(table)
    [rows] = connection.execute(sql.SQL("select count(*) from {}").format(name)).fetchone() or [0]
    assert isinstance(rows, int)
    if not rows:
        return 0
    copies = min(contracts - 1, MOST_ROWS // rows)
    columns = [one for one in connection.execute(_COLUMNS.encode(), [table]).fetchall() if not one[4]]
    statement = sql.SQL(
        "insert into {} ({}) select {} from {} t, generate_series(1, {}) k on conflict do nothing"
    ).format(
        name,
        sql.SQL(", ").join(sql.Identifier(str(column)) for column, *_ in columns),
        sql.SQL(", ").join(_value(*column) for column in columns),
        name,
        sql.Literal(copies),
    )
    done = connection.execute(statement).rowcount
    return rows + done


def _value(column: object, kind: object, modifier: object, unique: object, _: object) -> sql.Composed | sql.SQL:
    """What a copy has in one column."""
    own = sql.SQL("t.{}").format(sql.Identifier(str(column)))
    if kind == "uuid":
        return sql.SQL("pg_temp.copied({}, k)").format(own)
    if not unique:
        return own
    if kind in ("varchar", "text"):
        length = int(str(modifier)) - 4 if int(str(modifier)) > 0 else 255
        # Of the same length, so that a car's number stays one; what is too short for that gets longer.
        text = (
            "case when length({0}) >= 12 then left({0}, -6) || (100000 + k)::text else left({0}, {1}) || '-' || k end"
        )
        return sql.SQL(text).format(own, sql.Literal(length - 8))
    if kind == "bytea":
        return sql.SQL("sha256({} || convert_to(k::text, 'UTF8'))").format(own)
    return own
