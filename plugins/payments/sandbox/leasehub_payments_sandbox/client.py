"""The vendor's routes: which path takes which body. Credentials, keys and errors are the kit's."""

from __future__ import annotations

from urllib.parse import quote

from hub.core.ports import StatusQuery
from hub.core.provider import CallContext
from hub.sdk.reading import Fields, JsonObject
from hub.sdk.sandbox.client import SandboxClient


class PaymentsClient:
    """Speaks to the payment stand-in."""

    def __init__(self, wire: SandboxClient) -> None:
        self._wire = wire

    async def mandate(self, body: JsonObject, ctx: CallContext) -> Fields:
        """Ask for a mandate."""
        return await self._wire.post("/v1/mandates", body, ctx)

    async def revoke(self, ref: str, reason: str, ctx: CallContext) -> Fields:
        """Take a mandate back."""
        return await self._wire.post(f"/v1/mandates/{quote(ref, safe='')}/revoke", {"reason": reason}, ctx)

    async def find_mandate(self, query: StatusQuery, ctx: CallContext) -> Fields | None:
        """A mandate by reference or key."""
        return await self._wire.find("/v1/mandates", query, ctx)

    async def charge(self, body: JsonObject, ctx: CallContext) -> Fields:
        """Debit a payer."""
        return await self._wire.post("/v1/charges", body, ctx)

    async def payout(self, body: JsonObject, ctx: CallContext) -> Fields:
        """Send money out."""
        return await self._wire.post("/v1/payouts", body, ctx)

    async def refund(self, body: JsonObject, ctx: CallContext) -> Fields:
        """Give money back."""
        return await self._wire.post("/v1/refunds", body, ctx)

    async def cancel(self, ref: str, reason: str, ctx: CallContext) -> Fields:
        """Stop a movement that is still in process."""
        return await self._wire.post(f"/v1/movements/{quote(ref, safe='')}/cancel", {"reason": reason}, ctx)

    async def find_movement(self, query: StatusQuery, ctx: CallContext) -> Fields | None:
        """A debit, payout or refund by reference or key."""
        return await self._wire.find("/v1/movements", query, ctx)

    async def statement(self, day: str, cursor: str | None, ctx: CallContext) -> Fields:
        """One page of the statement of a day."""
        return await self._wire.get(f"/v1/statements/{day}", ctx, {"cursor": cursor or ""})
