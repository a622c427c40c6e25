"""One exchange with Twilio: form out, JSON back, refusals in the contract's errors."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import urlencode

from hub.core.errors import (
    AuthFailed,
    Misconfigured,
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
from leasehub_sms_twilio.codes import BUSINESS, CREDENTIALS, DOUBT, ELSEWHERE, LIMITED, SETTINGS
from leasehub_sms_twilio.settings import TwilioSettings

MESSAGES, CALLS = "Messages", "Calls"
_NOT_THERE = 20404


class TwilioClient:
    """Speaks for one account."""

    def __init__(self, settings: TwilioSettings, context: PluginContext) -> None:
        self._settings = settings
        self._clock = context.clock
        self._http = client_of(context)

    async def make(self, kind: str, form: Mapping[str, str], ctx: CallContext) -> Fields:
        """Have a message sent or a call made."""
        body = urlencode(dict(form)).encode()
        answer = await self._send("POST", f"{kind}.json", ctx, body)
        if refused := refusal(answer, mutates=True):
            raise refused
        return Fields(json_object(answer.body))

    async def get(self, path: str, ctx: CallContext, query: Mapping[str, str] | None = None) -> Fields | None:
        """Ask for something of the account; None when Twilio itself says that there is none."""
        asked = f"{path}.json?{urlencode(dict(query))}" if query else f"{path}.json"
        answer = await self._send("GET", asked, ctx, None)
        if answer.status == 404 and _code(answer.body) == _NOT_THERE:
            return None
        if refused := refusal(answer, mutates=False):
            raise refused
        return Fields(json_object(answer.body))

    async def _send(self, method: str, target: str, ctx: CallContext, body: bytes | None) -> HttpAnswer:
        limit_s = seconds_left(ctx, self._clock, self._settings.timeout_s)
        pair = ":".join(self._settings.login()).encode()
        headers = {"Authorization": f"Basic {base64.b64encode(pair).decode()}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        url = f"{self._settings.base_url}/2010-04-01/Accounts/{self._settings.account_sid}/{target}"
        return await exchange(self._http, method, url, limit_s=limit_s, headers=headers, content=body)


def refusal(answer: HttpAnswer, *, mutates: bool) -> ProviderError | None:
    """The hub's error for an answer that is no yes; None for a yes."""
    code = _code(answer.body) if 400 <= answer.status < 500 else None
    if code is None:
        return classify_status(answer.status, answer.headers)
    shown = str(code)
    if answer.status == 429 or code in LIMITED:
        return RateLimited(shown, retry_after_s=retry_after_s(answer.headers))
    if answer.status == 401 or code in CREDENTIALS:
        return AuthFailed(shown)
    if code in SETTINGS:
        return Misconfigured(shown)
    if code in BUSINESS or (not mutates and code not in DOUBT):
        advice = RetryAdvice.OTHER_PROVIDER if code in ELSEWHERE else RetryAdvice.NEVER
        return Rejected(shown, advice=advice)
    return UnknownOutcome(f"code {shown}")


def _code(body: bytes) -> int | None:
    try:
        return Fields(json_object(body)).whole("code")
    except UnknownOutcome:
        return None
