"""Statements as the driver takes them, and values as it does: for what is written once per request and must cost little."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from uuid import UUID

import sqlalchemy as sa
from pydantic_core import to_json
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from hub.core.money import Money


def compiled(statement: sa.Insert | sa.Update, columns: list[str]) -> str:
    """A statement as the driver takes it: compiled once, for it is run with every call."""
    dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]
    return str(statement.compile(dialect=dialect, column_keys=columns))


_BARE = frozenset({str, int, bool, bytes, float, type(None), UUID, datetime})


def bare(row: Mapping[str, object]) -> dict[str, object]:
    """A row as the driver takes it, JSON as text that the server reads by its column."""
    return {name: value if type(value) in _BARE else _bare(value) for name, value in row.items()}


def _bare(value: object) -> object:
    match value:
        case dict() | list():
            return to_json(value).decode()
        case Money():
            return value.amount
        case Enum():
            return value.value
        case _:
            return value
