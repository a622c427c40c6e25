"""One exchange with Stripe: form-encoded out, JSON back, refusals in the contract's errors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlencode

from hub.core.errors import (
    AuthFailed,
    Misconfigured,
    NotSent,
    ProviderError,
    RateLimited,
    Rejected,
    RetryAdvice,
    UnknownOutcome,
)
from hub.core.provider import CallContext, PluginContext
from hub.sdk.errors import classify_status, retry_after_s
from hub.sdk.http import HttpAnswer, client_of, exchange, seconds_left
from hub.sdk.reading import Fields, json_object
from leasehub_payments_stripe.codes import BUSINESS, CREDENTIALS, DOUBT, LIMITED, SETTINGS
from leasehub_payments_stripe.settings import StripeSettings

API_VERSION = "2026-10-28.endive"
_MOST_PAGES = 10  # of a hundred, when something is looked for that has no search
_CODE = re.compile(r"[a-z0-9_]{1,80}")
Params = Mapping[str, object]


class Declined(Rejected):
    """A payment that the payer's bank, or Stripe for it, has refused; `error` is what Stripe says of it."""

    def __init__(self, code: str, error: Fields) -> None:
        super().__init__(code)
        self.error = error


class StripeClient:
    """Speaks for one instance, with one key."""

    def __init__(self, settings: StripeSettings, context: PluginContext) -> None:
        self._settings = settings
        self._clock = context.clock
        self._http = client_of(context)

    async def post(self, path: str, params: Params, ctx: CallContext, *, key: str | None = None) -> Fields:
        """Have something done, under a key that Stripe executes once."""
        named = {"Idempotency-Key": key} if key else {}
        headers = {**self._headers(), **named, "Content-Type": "application/x-www-form-urlencoded"}
        answer = await self._send(ctx, "POST", path, headers, encoded(params).encode())
        if refused := refusal(answer, mutates=True):
            raise refused
        return Fields(json_object(answer.body))

    async def get(self, path: str, params: Params, ctx: CallContext) -> Fields | None:
        """Ask for something; None when Stripe itself says that there is none."""
        query = f"?{encoded(params)}" if params else ""
        answer = await self._send(ctx, "GET", f"{path}{query}", self._headers(), None)
        refused = refusal(answer, mutates=False)
        if isinstance(refused, Rejected) and refused.vendor_code == "resource_missing":
            return None
        if refused:
            raise refused
        return Fields(json_object(answer.body))

    async def before(self, path: str, params: Params, ctx: CallContext) -> Fields | None:
        """Ask for what an effect needs first; whatever hinders that, the effect was not sent."""
        try:
            return await self.get(path, params, ctx)
        except UnknownOutcome as unknown:
            raise NotSent(f"could not be prepared: {unknown.detail}") from unknown

    async def note(self, path: str, params: Params, ctx: CallContext) -> None:
        """Write a note at something, which may be done any number of times; without it the effect is not sent."""
        try:
            await self.post(path, params, ctx)
        except UnknownOutcome as unknown:
            raise NotSent(f"could not be prepared: {unknown.detail}") from unknown

    async def find(self, path: str, params: Params, key: str, ctx: CallContext) -> Fields | None:
        """The one of a list that bears our key; raises UnknownOutcome when there is more than is looked through."""
        after: dict[str, object] = {}
        for _ in range(_MOST_PAGES):
            page = await self.get(path, {**params, "limit": 100, **after}, ctx)
            if page is None:
                raise UnknownOutcome("a list was not there")
            found = page.each("data")
            for one in found:
                if one.inner("metadata").optional_text("leasehub_key") == key:
                    return one
            if not page.flag("has_more") or not found:
                return None
            after = {"starting_after": found[-1].text("id")}
        raise UnknownOutcome("too many to look through")

    def _headers(self) -> dict[str, str]:
        key = self._settings.api_key.get_secret_value()
        return {"Authorization": f"Bearer {key}", "Stripe-Version": API_VERSION}

    async def _send(
        self, ctx: CallContext, method: str, target: str, headers: Mapping[str, str], content: bytes | None
    ) -> HttpAnswer:
        limit_s = seconds_left(ctx, self._clock, self._settings.timeout_s)
        url = f"{self._settings.base_url}{target}"
        return await exchange(self._http, method, url, limit_s=limit_s, headers=headers, content=content)


def encoded(params: Params) -> str:
    """Parameters as Stripe takes them: `a[b]=`, `a[0]=`, true and false."""
    return urlencode(list(_flat(params)))


def _flat(params: Params) -> Iterator[tuple[str, str]]:
    for name, value in params.items():
        yield from _one(name, value)


def _one(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, bool):
        yield name, "true" if value else "false"
    elif isinstance(value, Mapping):
        for inner, held in value.items():
            yield from _one(f"{name}[{inner}]", held)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for place, held in enumerate(value):
            yield from _one(f"{name}[{place}]", held)
    elif value is not None:
        yield name, str(value)


def refusal(answer: HttpAnswer, *, mutates: bool) -> ProviderError | None:
    """The hub's error for an answer that is no yes; None for a yes."""
    if answer.status < 400 or answer.status >= 500:
        return classify_status(answer.status, answer.headers)
    error = _error(answer.body)
    if error is None:
        return classify_status(answer.status, answer.headers)
    code = readable(error.content.get("code"))
    kind = readable(error.content.get("type"))
    if kind == "card_error" or answer.status == 402:
        return Declined(readable(error.content.get("decline_code")) or code or "card_declined", error)
    if kind == "idempotency_error":
        # Something else was sent under this key, perhaps by another version of this plugin: that may have been done.
        return UnknownOutcome("idempotency_error")
    return _by_advice(answer) or _by_code(answer, code, mutates)


def _by_advice(answer: HttpAnswer) -> ProviderError | None:
    """What Stripe-Should-Retry says of a refusal, which is known better by Stripe than by the status."""
    told = answer.headers.get("stripe-should-retry")
    if told == "true" and answer.status != 409:
        return RateLimited("to be sent again", retry_after_s=retry_after_s(answer.headers))
    if told == "false" and answer.status == 429:
        return Rejected("rate_limit", advice=RetryAdvice.LATER)
    return None


def _by_code(answer: HttpAnswer, code: str, mutates: bool) -> ProviderError:
    if answer.status == 401 or code in CREDENTIALS:
        return AuthFailed(code or f"status {answer.status}")
    if code in LIMITED or answer.status == 429:
        return RateLimited(code, retry_after_s=retry_after_s(answer.headers))
    if code in DOUBT or answer.status == 409:
        return UnknownOutcome(code or "status 409")
    if code in SETTINGS or answer.status == 403:
        return Misconfigured(code or "status 403")
    if code in BUSINESS or not code:
        return Rejected(code or "invalid_request_error")
    return UnknownOutcome(f"{code} is not known") if mutates else Rejected(code)


def _error(body: bytes) -> Fields | None:
    try:
        return Fields(json_object(body)).inner("error")
    except UnknownOutcome:
        return None


def readable(code: object) -> str:
    """A code of Stripe's, when it is one; whatever else stands there is not passed on."""
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""
