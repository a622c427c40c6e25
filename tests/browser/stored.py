"""What the database holds, asked behind all doors."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tests.stories.world import World


async def stored(world: World, query: str, **values: Any) -> Any:
    """The only row that a query gives; its only value where it has one."""
    async with world.transaction() as tx:
        row = (await tx.execute(sa.text(query), values)).one()
    return row[0] if len(row) == 1 else tuple(row)
