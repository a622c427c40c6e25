"""One signed call of an RPC-style action: POST `/`, the action in a header, parameters in query or form. Sends once."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from hub.core.errors import ProviderError, RateLimited, RetryAdvice, UnknownOutcome
from hub.core.provider import CallContext, PluginContext
from hub.sdk.errors import classify_status
from hub.sdk.http import HttpAnswer, client_of, exchange, seconds_left
from hub.sdk.reading import Fields, json_object
from leasehub_acs3.codes import GATEWAY, Codes, Meaning, failure, meaning, readable
from leasehub_acs3.settings import Acs3Settings
from leasehub_acs3.signing import authorization, canonical_pairs, canonical_request, form_bytes, payload_hash

Nonce = Callable[[CallContext], str]
_SHORTEST_WAIT_S = 1.0  # the unit of x-acs-retry-after is published nowhere; as milliseconds, with this floor


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One action of a product. `ok` is the product's word for done; `mutates`: an unknown refusal proves nothing.

    `codes` are the product's own refusals, on top of the gateway's; `elsewhere` those of them that another vendor may
    take all the same.
    """

    name: str
    version: str
    codes: Codes
    ok: str = "OK"
    mutates: bool = False
    elsewhere: frozenset[str] = frozenset()


class Acs3Client:
    """Speaks to one address for one instance; `nonce` makes what is unique about each request."""

    def __init__(
        self, base_url: str, settings: Acs3Settings, context: PluginContext, nonce: Nonce | None = None
    ) -> None:
        self._base_url = base_url
        self._settings = settings
        self._clock = context.clock
        self._http = client_of(context)
        self._nonce = nonce or _random

    async def call(
        self,
        action: Action,
        ctx: CallContext,
        *,
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Fields:
        """The answer to an action that was done; raises the ProviderError that a refusal means."""
        limit_s = seconds_left(ctx, self._clock, self._settings.timeout_s)
        pairs = canonical_pairs(query or {})
        body = form_bytes(form) if form is not None else b""
        headers = self.headers(action, ctx, query or {}, None if form is None else body)
        url = f"{self._base_url}/?{pairs}" if pairs else f"{self._base_url}/"
        answer = await exchange(
            self._http, "POST", url, limit_s=limit_s, headers=headers, content=body if form is not None else None
        )
        return _done(action, answer)

    def headers(self, action: Action, ctx: CallContext, query: Mapping[str, str], form: bytes | None) -> dict[str, str]:
        """Every header of a request, `Authorization` last: all of them are signed."""
        key_id = self._settings.access_key_id.get_secret_value()
        body_hash = payload_hash(form or b"")
        token = self._settings.security_token
        headers = {
            "accept": "application/json",
            "host": urlsplit(self._base_url).netloc,
            "user-agent": "LeaseHub",
            "x-acs-action": action.name,
            "x-acs-content-sha256": body_hash,
            "x-acs-credentials-provider": "static_ak" if token is None else "static_sts",
            "x-acs-date": _stamp(self._clock.now()),
            "x-acs-signature-nonce": self._nonce(ctx),
            "x-acs-version": action.version,
        }
        if form is not None:
            headers["content-type"] = "application/x-www-form-urlencoded"
        if token is not None:
            headers |= {"x-acs-accesskey-id": key_id, "x-acs-security-token": token.get_secret_value()}
        request = canonical_request(method="POST", path="/", query=query, headers=headers, body_hash=body_hash)
        secret = self._settings.access_key_secret.get_secret_value()
        return headers | {"authorization": authorization(key_id, secret, headers, request)}


def _random(ctx: CallContext) -> str:
    return secrets.token_hex(16)


def _stamp(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _done(action: Action, answer: HttpAnswer) -> Fields:
    """The fields of a good answer. A code counts before the status: HTTP 200 alone is no success here."""
    general = classify_status(answer.status, answer.headers)
    try:
        fields = Fields(json_object(answer.body))
    except UnknownOutcome as unreadable:
        raise general or unreadable from None
    code = readable(fields.content.get("Code"))
    if code is None:
        raise general or UnknownOutcome("the answer has no code")
    if code == action.ok and general is None:
        return fields
    raise _refusal(action, code, general, _wait_s(answer.headers))


def _refusal(action: Action, code: str, general: ProviderError | None, wait_s: float | None) -> ProviderError:
    """A code that nobody knows leaves it to the status, unless that says only that something was wrong with the request."""
    known = {**GATEWAY, **action.codes}
    if meaning(code, known) is None:
        if wait_s is not None or isinstance(general, RateLimited):
            return RateLimited(code, retry_after_s=wait_s)
        if isinstance(general, UnknownOutcome):
            return general
    unmapped = Meaning.DOUBT if action.mutates else Meaning.BUSINESS
    advice = RetryAdvice.OTHER_PROVIDER if code in action.elsewhere else RetryAdvice.NEVER
    return failure(code, known, unmapped=unmapped, advice=advice, wait_s=wait_s)


def _wait_s(headers: Mapping[str, str]) -> float | None:
    told = headers.get("x-acs-retry-after", "").strip()
    if not (told.isascii() and told.isdigit() and int(told) > 0):
        return None
    return max(int(told) / 1000, _SHORTEST_WAIT_S)
