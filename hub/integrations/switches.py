"""Switching an instance off and on again: `hub providers disable`. The registry takes it up when it next reloads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from hub.core.errors import InvalidInput
from hub.infra import audit
from hub.infra.database import Tx
from hub.integrations.records import ProviderSwitch

_EVERYBODY = "*"  # the row by which a reload is asked for; no instance can be called so


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchView:
    """How an operator has left an instance: on or off, who, when and why."""

    enabled: bool
    changed_at: datetime
    actor: str
    reason: str


async def switch(tx: Tx, instance: str, *, enabled: bool, reason: str) -> None:
    """Let an instance take new calls, or no more; what was begun there is still asked after."""
    if not reason.strip():
        raise InvalidInput("reason", "say why, for whoever finds it switched")
    await _put(tx, instance, enabled=enabled, reason=reason)
    await audit.record(
        tx,
        action="provider.enabled" if enabled else "provider.disabled",
        subject="provider",
        subject_id=instance,
        detail={"reason": reason},
    )


async def switched_off(tx: Tx) -> frozenset[str]:
    """The instances that an operator has switched off: what `Registry.reload` must be told."""
    return frozenset(await tx.scalars(sa.select(ProviderSwitch.instance).where(~ProviderSwitch.enabled)))


async def standings(tx: Tx) -> Mapping[str, SwitchView]:
    """Every instance that was ever switched, as it was left."""
    rows = await tx.scalars(sa.select(ProviderSwitch).where(ProviderSwitch.instance != _EVERYBODY))
    return {
        row.instance: SwitchView(enabled=row.enabled, changed_at=row.changed_at, actor=row.actor, reason=row.reason)
        for row in rows
    }


async def ask_for_reload(tx: Tx) -> None:
    """Have every process of the hub build a new generation from the configuration as it is now."""
    await wake_everybody(tx)
    await audit.record(tx, action="provider.reload_asked", subject="provider", subject_id=_EVERYBODY)


async def wake_everybody(tx: Tx) -> None:
    """Have every process build a new generation, for something that it is built from has changed."""
    await _put(tx, _EVERYBODY, enabled=True, reason="reload")


async def last_change(tx: Tx) -> str:
    """A mark that differs once a switch was moved, an order changed or a reload asked for; every process watches it."""
    changed = await tx.scalar(sa.select(sa.func.max(ProviderSwitch.changed_at)))
    return "" if changed is None else changed.isoformat()


async def _put(tx: Tx, instance: str, *, enabled: bool, reason: str) -> None:
    values = {"enabled": enabled, "changed_at": tx.now, "actor": tx.actor.name, "reason": reason}
    put = insert(ProviderSwitch).values(instance=instance, **values)
    await tx.execute(put.on_conflict_do_update(index_elements=["instance"], set_=values))
