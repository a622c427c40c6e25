"""Handing in a new secret of an instance: it goes into the file that hub.toml names, and every process reads it anew.

A secret is written and never read back to anybody. The file is on the machine of this process: where the hub runs on
several machines they share the folder, or an operator brings the file to each.
"""

from __future__ import annotations

import asyncio

from hub.core.errors import InvalidInput, NotFound
from hub.infra import audit
from hub.infra.database import Tx
from hub.integrations import switches
from hub.integrations.registry import Registry


async def replace_secret(tx: Tx, registry: Registry, *, instance: str, setting: str, value: str) -> None:
    """Write a new secret into its file, and have every process reload; raises InvalidInput where it has no file.

    The file is written last: if it cannot be, nothing is said to have been done.
    """
    found = registry.current.instances.get(instance)
    if found is None:
        raise NotFound("provider", instance)
    card = next((one for one in found.settings if one.name == setting), None)
    if card is None or not card.can_be_replaced:
        raise InvalidInput("setting", "is not kept in a file of its own")
    await switches.ask_for_reload(tx)
    await audit.record(
        tx,
        action="provider.secret_replaced",
        subject="provider",
        subject_id=instance,
        detail={"setting": setting, "file": card.place},
    )
    await tx.flush()
    await asyncio.to_thread(_keep, registry, card.place, value)


def _keep(registry: Registry, name: str, value: str) -> None:
    try:
        registry.secrets.keep(name, value, "value")
    except InvalidInput as error:
        raise InvalidInput("value", error.reason) from None
