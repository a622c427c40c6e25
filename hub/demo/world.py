"""What the demo tells the stand-in vendors: what time it is, who will not pay, which answer gets lost."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import httpx

from hub.core.errors import LeaseHubError


class SandboxMissing(LeaseHubError):
    """The stand-in vendors do not answer."""

    code = "sandbox_missing"


CAPABILITIES = ("payments", "esign", "sms", "credit_bureau", "gps_tracker")


class World:
    """The control side of the five stand-in vendors behind one address."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._cases: list[dict[str, Any]] = []
        self._faults: list[dict[str, Any]] = []

    async def set_clock(self, now: datetime | None) -> None:
        """Move every vendor's clock; None gives them the machine's time again."""
        await self._tell_all("clock", {"now": None if now is None else now.isoformat()})

    async def deliver_callbacks(self) -> None:
        """Have every callback that is due posted, and wait until it is."""
        await self._tell_all("flush", {})

    async def refuse_rent(self, *, contract_number: str, due_on: date, times: int | None) -> None:
        """The payer's account will be empty for this rent, so many times (None: always)."""
        decline: dict[str, Any] = {"agreement": contract_number, "due_on": due_on.isoformat(), "reason": "nsf"}
        if times is not None:
            decline["times"] = times
        await self._post("payments", "declines", {"declines": [decline]})

    async def lose_answer(self, *, contract_number: str, due_on: date) -> None:
        """The debit of this rent will be executed, and its answer never arrive."""
        match = {"agreement": contract_number, "due_on": due_on.isoformat()}
        self._faults.append({"operation": "collect", "match": match, "fault": "timeout_after_effect", "times": 1})
        await self._post("payments", "faults", {"faults": self._faults})

    async def weaken_credit(self, *, identity_number: str) -> None:
        """The bureau will report badly on this person."""
        self._cases.append({"document": identity_number, "score": 380, "reasons": ["court_enforcement"]})
        await self._post("credit_bureau", "script", {"cases": self._cases})

    async def books(self, capability: str) -> Mapping[str, Any]:
        """A vendor's own books."""
        answer = await self._client.get(f"/{capability}/_sandbox/books")
        answer.raise_for_status()
        found: Mapping[str, Any] = answer.json()
        return found

    async def _tell_all(self, path: str, body: Mapping[str, Any]) -> None:
        await asyncio.gather(*(self._post(capability, path, body) for capability in CAPABILITIES))

    async def _post(self, capability: str, path: str, body: Mapping[str, Any]) -> None:
        try:
            answer = await self._client.post(f"/{capability}/_sandbox/{path}", json=body)
        except httpx.HTTPError as error:
            raise SandboxMissing(f"the sandbox at {self._client.base_url} does not answer: {error}") from None
        if answer.is_error:
            raise SandboxMissing(f"the {capability} sandbox refused {path}: {answer.status_code} {answer.text[:200]}")
