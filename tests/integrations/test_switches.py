"""What an operator switches off stays off until it is switched on again, and the trail says who and why."""

from __future__ import annotations

import pytest

from hub.core.errors import InvalidInput
from hub.infra import audit
from hub.infra.access import system
from hub.infra.database import Database
from hub.integrations.switches import switch, switched_off


async def _switch(database: Database, *, enabled: bool, reason: str = "they are down") -> None:
    async with database.transaction(system("operator")) as tx:
        await switch(tx, "psp_main", enabled=enabled, reason=reason)


async def test_off_and_on_again(database: Database) -> None:
    await _switch(database, enabled=False)
    await _switch(database, enabled=False)
    async with database.transaction(system("operator")) as tx:
        assert await switched_off(tx) == {"psp_main"}
    await _switch(database, enabled=True, reason="they are back")
    async with database.transaction(system("operator")) as tx:
        assert await switched_off(tx) == frozenset()
        lines = await audit.entries(tx, subject="provider", subject_id="psp_main")
    assert [line.action for line in lines].count("provider.disabled") == 2
    assert "provider.enabled" in {line.action for line in lines}


async def test_a_switch_without_a_reason_is_refused(database: Database) -> None:
    with pytest.raises(InvalidInput):
        await _switch(database, enabled=False, reason=" ")
    async with database.transaction(system("operator")) as tx:
        assert await switched_off(tx) == frozenset()
