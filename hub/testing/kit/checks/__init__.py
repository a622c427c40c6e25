"""Every check of the kit, in the order in which they are run and documented."""

from __future__ import annotations

from hub.testing.kit.catalogue import Check
from hub.testing.kit.checks import calls, card, errors, results, secrecy, webhooks

ALL: tuple[Check, ...] = tuple(
    found
    for module in (card, results, errors, calls, secrecy, webhooks)
    for found in vars(module).values()
    if isinstance(found, Check)
)
BY_ID = {one.id: one for one in ALL}
