"""The vendor's addresses: one token for all calls, got with one try; each call sent once."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote, urlencode

from hub.core.errors import AuthFailed, RateLimited
from hub.core.provider import CallContext, PluginContext
from hub.sdk.errors import classify_status, retry_after_s
from hub.sdk.http import client_of, exchange, seconds_left
from hub.sdk.reading import Fields, json_bytes, json_object
from hub.sdk.tokens import Token, Tokens
from leasehub_credit_bureau_creditsafe import mapping
from leasehub_credit_bureau_creditsafe.settings import CreditsafeSettings

_LASTS = timedelta(hours=1)
_LOCKED = timedelta(minutes=5)  # after five wrong passwords in two minutes nobody gets in for so long
_MAX_BYTES = 8 * 1024 * 1024  # a full report with its group


class CreditsafeClient:
    """Speaks to the vendor for one account."""

    def __init__(self, settings: CreditsafeSettings, context: PluginContext) -> None:
        self._settings = settings
        self._clock = context.clock
        self._http = client_of(context)
        self._tokens = Tokens(context.clock, self._token, hold=_LOCKED)

    async def access(self, ctx: CallContext) -> Fields:
        """What the account may order."""
        return await self._get("/access", {}, ctx)

    async def search(self, query: dict[str, str], ctx: CallContext) -> Fields:
        """Companies that answer to a number."""
        return await self._get("/companies", query, ctx)

    async def report(self, company_id: str, query: dict[str, str], ctx: CallContext) -> Fields:
        """A report on a company; it is billed."""
        return await self._get(f"/companies/{quote(company_id, safe='')}", query, ctx)

    async def _token(self, ctx: CallContext) -> Token:
        """A new token by name and password: asked for once, and not again for five minutes when they are refused."""
        now = self._clock.now()
        answer = await exchange(
            self._http,
            "POST",
            f"{self._settings.base_url}/authenticate",
            limit_s=seconds_left(ctx, self._clock, self._settings.timeout_s),
            headers={"accept": "application/json", "content-type": "application/json"},
            content=json_bytes(
                {"username": self._settings.username, "password": self._settings.password.get_secret_value()}
            ),
        )
        if answer.status in (400, 401, 403):
            raise AuthFailed("name or password")
        if answer.status == 429:
            wait_s = retry_after_s(answer.headers)
            raise RateLimited("locked", retry_after_s=_LOCKED.total_seconds() if wait_s is None else wait_s)
        if (general := classify_status(answer.status, answer.headers)) is not None:
            raise general
        return Token(value=Fields(json_object(answer.body)).text("token"), made_at=now, ends_at=now + _LASTS)

    async def _get(self, path: str, query: dict[str, str], ctx: CallContext) -> Fields:
        token = await self._tokens.get(ctx)
        answer = await exchange(
            self._http,
            "GET",
            f"{self._settings.base_url}{path}{'?' if query else ''}{urlencode(query)}",
            limit_s=seconds_left(ctx, self._clock, self._settings.timeout_s),
            headers={
                "accept": "application/json",
                "authorization": f"Bearer {token.value}" if self._settings.bearer else token.value,
            },
            max_bytes=_MAX_BYTES,
        )
        failure = mapping.failure(answer)
        if isinstance(failure, AuthFailed):
            raise self._tokens.refused(token, failure.detail)
        if failure is not None:
            raise failure
        return Fields(json_object(answer.body))
