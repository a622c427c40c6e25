"""Background work behind a thin protocol: enqueued in the transaction that needs it, run at least once, effects once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hub.infra.database import Tx

JsonValue = str | int | bool | None | list["JsonValue"] | dict[str, "JsonValue"]


class Jobs(Protocol):
    """Takes work to be done after the transaction has committed."""

    async def enqueue(
        self,
        tx: Tx,
        task: str,
        payload: Mapping[str, JsonValue] | None = None,
        *,
        key: str | None = None,
        delay_s: float = 0,
    ) -> None:
        """Have `task` run with `payload` once `tx` has committed, not before `delay_s` seconds.

        With a `key`, one waiting job of that key is enough: a second is dropped. A payload carries ids, never
        personal data.
        """
        ...
