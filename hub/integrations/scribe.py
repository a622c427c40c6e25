"""The scribe: writes single statements for many callers, and commits those that wait at the same moment together.

A durable write costs a flush of the disk, whether of one row or of a hundred. While one batch is being committed the
next gathers, so a lone caller waits for nobody and a crowd shares its flushes. Each statement stands for itself:
nobody may rely on another's being in the same batch.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import AsyncConnection, AsyncCursor
from sqlalchemy.ext.asyncio import AsyncEngine

_LARGEST_BATCH = 100


@dataclass(frozen=True, slots=True)
class _Entry:
    """A statement that waits to be written, and who waits for it."""

    statement: str
    values: Mapping[str, object]
    written: asyncio.Future[int]


class Scribe:
    """Writes for one process, on connections of the engine's pool."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._waiting: deque[_Entry] = deque()
        self._writing: asyncio.Task[None] | None = None

    async def write(self, statement: str, values: Mapping[str, object]) -> int:
        """Write and commit; returns how many rows it touched. Goes on even when the caller is cancelled meanwhile."""
        written: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Entry(statement, values, written))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        return await written

    async def _write_all(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _LARGEST_BATCH))]
            try:
                counts = await self._commit(batch)
            except Exception as error:
                await self._one_by_one(batch, error)
            else:
                for entry, count in zip(batch, counts, strict=True):
                    _settle(entry, count)

    async def _one_by_one(self, batch: Sequence[_Entry], error: Exception) -> None:
        """A batch fails whole: let only those fail that are at fault."""
        if len(batch) == 1:
            _fail(batch[0], error)
            return
        for entry in batch:
            try:
                [count] = await self._commit([entry])
            except Exception as own:
                _fail(entry, own)
            else:
                _settle(entry, count)

    async def _commit(self, batch: Sequence[_Entry]) -> list[int]:
        async with self._engine.connect() as connection:
            raw = (await connection.get_raw_connection()).driver_connection
            assert isinstance(raw, AsyncConnection)
            if len(batch) == 1:
                return [(await _execute(raw, batch[0])).rowcount]
            async with raw.pipeline():  # one round trip and, as it commits at its end, one flush
                cursors = [await _execute(raw, entry) for entry in batch]
            return [cursor.rowcount for cursor in cursors]


async def _execute(raw: AsyncConnection[tuple[object, ...]], entry: _Entry) -> AsyncCursor[tuple[object, ...]]:
    return await raw.execute(entry.statement, entry.values)


def _settle(entry: _Entry, count: int) -> None:
    if not entry.written.done():  # its caller may have been cancelled
        entry.written.set_result(count)


def _fail(entry: _Entry, error: Exception) -> None:
    if not entry.written.done():
        entry.written.set_exception(error)
