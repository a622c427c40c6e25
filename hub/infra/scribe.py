"""The scribe: writes single statements for many callers, and commits those that wait at the same moment together.

A durable write costs a flush of the disk, whether of one row or of a hundred. While one batch is being committed the
next gathers, so a lone caller waits for nobody and a crowd shares its flushes. Each statement stands for itself:
nobody may rely on another's being in the same batch. A connection is kept from one write to the next, as long as they
follow one another closely: taking one from the pool, with the pool's question whether it lives, costs more than a write.
"""

from __future__ import annotations

import asyncio
import select
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import AsyncConnection
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.infra.pipeline import Pipeline

_LARGEST_BATCH = 100
# A pool of connections is for everybody: one that nothing was written on for so long goes back.
_KEPT_S = 0.2
# In a crowd a small batch is let grow for as long as a flush takes anyway. A lone caller never waits, nor do so many:
# their flush costs each of them little, and nobody works meanwhile when all of them wait.
_GATHER_S, _ENOUGH = 0.001, 16


@dataclass(frozen=True, slots=True)
class _Entry:
    """A statement that waits to be written, and who waits for it."""

    statement: str
    values: Mapping[str, object]
    written: asyncio.Future[int]


class Scribe:
    """Writes for one process, on a connection of the engine's pool."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._waiting: deque[_Entry] = deque()
        self._called = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None
        self._closing = False

    async def write(self, statement: str, values: Mapping[str, object]) -> int:
        """Write and commit; returns how many rows it touched. Goes on even when the caller is cancelled meanwhile."""
        written: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Entry(statement, values, written))
        self._called.set()
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        return await written

    async def close(self) -> None:
        """Write what waits, and give the connection back."""
        self._closing = True
        self._called.set()
        if self._writing is not None:
            await self._writing

    async def _write_all(self) -> None:
        """Write until nothing has come for a while, on one connection as long as it lives."""
        while self._waiting:
            try:
                async with self._engine.connect() as connection:
                    raw = (await connection.get_raw_connection()).driver_connection
                    assert isinstance(raw, AsyncConnection)
                    await self._write_on(raw)
                    if raw.closed:
                        await connection.invalidate()
            except Exception as error:  # there is no connection to be had
                self._fail_all(error)

    async def _write_on(self, raw: AsyncConnection[tuple[object, ...]]) -> None:
        pipeline = Pipeline(raw)
        try:
            await self._write_through(pipeline, raw)
        finally:
            await pipeline.leave()

    async def _write_through(self, pipeline: Pipeline, raw: AsyncConnection[tuple[object, ...]]) -> None:
        crowded = False
        while not _hung_up(raw):
            await asyncio.sleep(0)  # whoever is about to write as well does so now
            while self._waiting and not raw.closed:
                if crowded and len(self._waiting) < _ENOUGH:
                    await asyncio.sleep(_GATHER_S)
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _LARGEST_BATCH))]
                await self._write_batch(pipeline, raw, batch)
                crowded = len(batch) > 1
            if self._closing or not await self._called_in_time():
                return

    async def _called_in_time(self) -> bool:
        self._called.clear()
        try:
            async with asyncio.timeout(_KEPT_S):
                await self._called.wait()
        except TimeoutError:
            return False
        return True

    async def _write_batch(
        self, pipeline: Pipeline, raw: AsyncConnection[tuple[object, ...]], batch: Sequence[_Entry]
    ) -> None:
        try:
            counts = await _commit(pipeline, batch)
        except Exception as error:
            await self._one_by_one(pipeline, raw, batch, error)
        else:
            for entry, count in zip(batch, counts, strict=True):
                _settle(entry, count)

    async def _one_by_one(
        self, pipeline: Pipeline, raw: AsyncConnection[tuple[object, ...]], batch: Sequence[_Entry], error: Exception
    ) -> None:
        """A batch fails whole: let only those fail that are at fault."""
        for entry in batch:
            if len(batch) == 1 or raw.closed:
                _fail(entry, error)
                continue
            try:
                [count] = await _commit(pipeline, [entry])
            except Exception as own:
                _fail(entry, own)
            else:
                _settle(entry, count)

    def _fail_all(self, error: Exception) -> None:
        while self._waiting:
            _fail(self._waiting.popleft(), error)


async def _commit(pipeline: Pipeline, batch: Sequence[_Entry]) -> list[int]:
    return await pipeline.commit([(entry.statement, entry.values) for entry in batch])


def _hung_up(raw: AsyncConnection[tuple[object, ...]]) -> bool:
    """Whether the server has closed a connection that was idle; asked of our own side of it alone."""
    if raw.closed:
        return True
    look = select.poll()
    look.register(raw.fileno(), select.POLLIN)
    if look.poll(0):  # an end, or a notice that means nothing here
        try:
            raw.pgconn.consume_input()
        except psycopg.OperationalError:
            return True
    return raw.closed


def _settle(entry: _Entry, count: int) -> None:
    if not entry.written.done():  # its caller may have been cancelled
        entry.written.set_result(count)


def _fail(entry: _Entry, error: Exception) -> None:
    if not entry.written.done():
        entry.written.set_exception(error)
