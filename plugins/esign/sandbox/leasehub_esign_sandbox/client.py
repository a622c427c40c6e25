"""The vendor's routes: which path takes which body. Credentials, keys and errors are the kit's."""

from __future__ import annotations

from urllib.parse import quote

from hub.core.ports import StatusQuery
from hub.core.provider import CallContext
from hub.sdk.reading import Fields, JsonObject
from hub.sdk.sandbox.client import SandboxClient

_MAX_FILE_BYTES = 64 * 1024 * 1024


class EsignClient:
    """Speaks to the e-signature stand-in."""

    def __init__(self, wire: SandboxClient) -> None:
        self._wire = wire

    async def create(self, body: JsonObject, ctx: CallContext) -> Fields:
        """Send an envelope out."""
        return await self._wire.post("/v1/envelopes", body, ctx)

    async def recall(self, ref: str, reason: str, ctx: CallContext) -> Fields:
        """Take an envelope back."""
        return await self._wire.post(f"/v1/envelopes/{quote(ref, safe='')}/recall", {"reason": reason}, ctx)

    async def find(self, query: StatusQuery, ctx: CallContext) -> Fields | None:
        """An envelope by reference or key."""
        return await self._wire.find("/v1/envelopes", query, ctx)

    async def signed(self, ref: str, ctx: CallContext) -> Fields:
        """The signed file with its evidence."""
        path = f"/v1/envelopes/{quote(ref, safe='')}/signed"
        return await self._wire.get(path, ctx, max_bytes=_MAX_FILE_BYTES)
