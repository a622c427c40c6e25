"""The vendor's routes: which path takes which body. Credentials, keys and errors are the kit's."""

from __future__ import annotations

from hub.core.ports import StatusQuery
from hub.core.provider import CallContext
from hub.sdk.reading import Fields, JsonObject
from hub.sdk.sandbox.client import SandboxClient


class SmsClient:
    """Speaks to the messaging stand-in."""

    def __init__(self, wire: SandboxClient) -> None:
        self._wire = wire

    async def send(self, body: JsonObject, ctx: CallContext) -> Fields:
        """Send one message."""
        return await self._wire.post("/v1/messages", body, ctx)

    async def find(self, query: StatusQuery, ctx: CallContext) -> Fields | None:
        """A message by reference or key."""
        return await self._wire.find("/v1/messages", query, ctx)
