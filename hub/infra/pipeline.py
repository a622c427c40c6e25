"""Statements sent together over one connection of PostgreSQL: one round trip, one flush, hardly any work of our own.

The driver's own pipeline costs as much as all else that a call to a provider needs, so here a batch is handed to libpq
itself: its values by the driver's dumpers, its types by the server, who knows them from the columns. Source: PostgreSQL
documentation, 32.5 (libpq, pipeline mode) and 53.2.4 (what stands before one Sync is one transaction).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import cache
from itertools import count

from psycopg import AsyncConnection, errors, pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.waiting import Ready, Wait

_Exchange = Generator[Wait, Ready | int, list[pq.abc.PGresult]]
_Values = Sequence[pq.abc.Buffer | None]
Statement = tuple[str, Mapping[str, object]]
_serials = count(1)  # no name twice on one connection, whoever holds it
_PLACE = re.compile(r"%\((\w+)\)s|%%")


@cache
def numbered(statement: str) -> tuple[bytes, tuple[str, ...]]:
    """A statement with `$1` in place of `%(name)s`, and the names in that order."""
    names: dict[str, int] = {}

    def number(place: re.Match[str]) -> str:
        return f"${names.setdefault(place[1], len(names) + 1)}" if place[1] else "%"

    return _PLACE.sub(number, statement).encode(), tuple(names)


class Pipeline:
    """A connection whose holder has it to itself until `leave`. What is written twice is prepared on the server."""

    def __init__(self, raw: AsyncConnection[tuple[object, ...]]) -> None:
        self._raw = raw
        self._dumping = Transformer(raw)
        self._names: dict[str, bytes | None] = {}  # None: met once

    async def commit(self, batch: Sequence[Statement]) -> list[int]:
        """Write all of it in one transaction; returns how many rows each has touched. Raises for the first that fails."""
        dumped = [(statement, self._dumped(statement, values)) for statement, values in batch]
        for statement in {statement for statement, _ in batch}:
            await self._meet(statement)
        results = await self._run(lambda: self._send(dumped))
        return [result.command_tuples or 0 for result in results]

    async def leave(self) -> None:
        """Leave the connection as it was."""
        for name in self._names.values():
            if name is not None and not self._raw.closed:
                await self._raw.execute(b"deallocate " + name, prepare=False)

    def _dumped(self, statement: str, values: Mapping[str, object]) -> _Values:
        """As text, of which the server reads whatever its columns are."""
        names = numbered(statement)[1]
        return self._dumping.dump_sequence([values[name] for name in names], [PyFormat.TEXT] * len(names))

    async def _meet(self, statement: str) -> None:
        """Prepare what is met the second time; whoever writes once in a while pays for no preparation."""
        if statement not in self._names:
            self._names[statement] = None
        elif self._names[statement] is None:
            name = b"leasehub_%d" % next(_serials)
            await self._run(lambda: self._raw.pgconn.send_prepare(name, numbered(statement)[0]))
            self._names[statement] = name

    def _send(self, dumped: Sequence[tuple[str, _Values]]) -> None:
        for statement, values in dumped:
            if (name := self._names[statement]) is None:
                self._raw.pgconn.send_query_params(numbered(statement)[0], values)
            else:
                self._raw.pgconn.send_query_prepared(name, values)

    async def _run(self, send: Callable[[], None]) -> list[pq.abc.PGresult]:
        results = await self._raw.wait(_exchange(self._raw.pgconn, send))
        for result in results:
            if result.status != pq.ExecStatus.COMMAND_OK:
                raise errors.error_from_result(result)
        return results


def _exchange(connection: pq.abc.PGconn, send: Callable[[], None]) -> _Exchange:
    """Send and have it committed; the results, one for each statement, once all of them are there."""
    connection.enter_pipeline_mode()
    try:
        send()
        connection.pipeline_sync()
        results: list[pq.abc.PGresult] = []
        while not _done(connection, results):
            # Read while there is still something to send: neither side may wait for the other.
            ready = yield Wait.RW if connection.flush() else Wait.R
            if ready & Ready.R:
                connection.consume_input()
        return results
    finally:
        if connection.status == pq.ConnStatus.OK:
            connection.exit_pipeline_mode()


def _done(connection: pq.abc.PGconn, results: list[pq.abc.PGresult]) -> bool:
    """Take the results that have come; whether the one that ends them is among them."""
    gap = False  # one stands after each statement's result; two of them, and nothing more has come
    while not connection.is_busy():
        result = connection.get_result()
        if result is None:
            if gap:
                return False
        elif result.status == pq.ExecStatus.PIPELINE_SYNC:
            return True
        else:
            results.append(result)
        gap = result is None
    return False
