"""Statements as the driver takes them, and values as it does: for what is written once per request and must cost little."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from uuid import UUID

import sqlalchemy as sa
from psycopg.types.json import Jsonb
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from hub.core.money import Money


def compiled(statement: sa.Insert | sa.Update, columns: list[str]) -> str:
    """A statement as the driver takes it: compiled once, for it is run with every call."""
    dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]
    return str(statement.compile(dialect=dialect, column_keys=columns))


_BARE = frozenset({str, int, bool, bytes, float, type(None), UUID, datetime})


def bare(value: object) -> object:
    """A value as the driver takes it."""
    if type(value) in _BARE:  # nearly all
        return value
    match value:
        case dict() | list():
            return Jsonb(value)
        case Money():
            return value.amount
        case Enum():
            return value.value
        case _:
            return value
