"""How a database server is reached, and how one tells that it is away: what the engine and the jobs' pool have in common."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolExhausted

# Whoever holds a contract and falls silent, a machine that has lost its network, say, must not hold it for ever.
FORGOTTEN = "-c idle_in_transaction_session_timeout=10s"
# A server whose machine is gone does not say so: after so many seconds (the last: milliseconds) we take it that it is.
# Means nothing on a Unix socket. Source: PostgreSQL 18, 34.1.2.
SILENCE: Mapping[str, int] = MappingProxyType(
    {
        "connect_timeout": 5,
        "keepalives_idle": 5,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
    }
)


def is_away(error: BaseException) -> bool:
    """Whether an error says that the database is not there or has no room, not that it has refused something.

    Whether what was under way at that moment has been committed, nobody knows. Source of the classes: PostgreSQL 18,
    appendix A: 08 connection exception, 53 insufficient resources, 57P shutdown and crash.
    """
    match error:
        case PoolExhausted():  # no connection of the pool has become free
            return True
        case DBAPIError():
            return error.connection_invalidated or (error.orig is not None and is_away(error.orig))
        case psycopg.Error():
            state = error.sqlstate
            return isinstance(error, psycopg.OperationalError) and (
                state is None or state.startswith(("08", "53", "57P"))
            )
        case _:
            return False
