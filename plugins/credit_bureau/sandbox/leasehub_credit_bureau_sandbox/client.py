"""The vendor's routes: which path takes which body. Credentials, keys and errors are the kit's."""

from __future__ import annotations

from hub.core.ports import StatusQuery
from hub.core.provider import CallContext
from hub.sdk.reading import Fields, JsonObject
from hub.sdk.sandbox.client import SandboxClient


class CreditBureauClient:
    """Speaks to the credit-bureau stand-in."""

    def __init__(self, wire: SandboxClient) -> None:
        self._wire = wire

    async def pull(self, body: JsonObject, ctx: CallContext) -> Fields:
        """Make an inquiry."""
        return await self._wire.post("/v1/inquiries", body, ctx)

    async def find(self, query: StatusQuery, ctx: CallContext) -> Fields | None:
        """An inquiry by reference or key."""
        return await self._wire.find("/v1/inquiries", query, ctx)
