"""How Acme is spoken to: credentials, keys, and refusals turned into the hub's errors. Each call sends once."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from hub.core.errors import AuthFailed, ProviderError, RateLimited, Rejected, RetryAdvice, UnknownOutcome
from hub.core.ports import StatusQuery
from hub.core.ports.webhooks import WebhookDelivery, WebhookEvent, WebhookKind, WebhookRequest
from hub.core.provider import CallContext, PluginContext
from hub.sdk.errors import classify_status
from hub.sdk.http import MAX_ANSWER_BYTES, HttpAnswer, client_of, exchange, seconds_left
from hub.sdk.reading import Fields, JsonObject, json_bytes, json_object
from hub.sdk.webhooks import verify_standard
from leasehub_capability_acme.settings import AcmeSettings

_NOT_FOUND = "not_found"  # Acme's own word for not knowing something; a gateway's bare 404 does not carry it


class AcmeClient:
    """Speaks to Acme for one instance. `advice` says what Acme's refusals allow next."""

    def __init__(self, settings: AcmeSettings, context: PluginContext, advice: Mapping[str, RetryAdvice]) -> None:
        self._settings = settings
        self._context = context
        self._advice = advice
        self._http = client_of(context)

    async def post(self, path: str, body: JsonObject, ctx: CallContext) -> Fields:
        """Ask for an effect under the call's key."""
        return self._content(await self._exchange("POST", path, ctx, content=json_bytes(body)))

    async def get(
        self, path: str, ctx: CallContext, query: Mapping[str, str] | None = None, *, max_bytes: int = MAX_ANSWER_BYTES
    ) -> Fields:
        """Read something that must be there."""
        asked = f"{path}?{urlencode(query)}" if query else path
        return self._content(await self._exchange("GET", asked, ctx, max_bytes=max_bytes))

    async def find(self, collection: str, query: StatusQuery, ctx: CallContext) -> Fields | None:
        """Look something up by Acme's reference or by our key; None only when Acme itself says that it knows nothing."""
        if query.provider_ref:
            asked = f"{collection}/{quote(query.provider_ref, safe='')}"
        else:
            asked = f"{collection}?{urlencode({'key': query.idempotency_key or ''})}"
        answer = await self._exchange("GET", asked, ctx)
        if answer.status == 404 and _code(answer) == _NOT_FOUND:
            return None
        return self._content(answer)

    async def _exchange(
        self,
        method: str,
        path: str,
        ctx: CallContext,
        *,
        content: bytes | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> HttpAnswer:
        headers = {
            "authorization": f"Bearer {self._settings.api_key.get_secret_value()}",
            "content-type": "application/json",
            "webhook-url": self._context.webhook_url,
        }
        if content is not None:
            headers["idempotency-key"] = ctx.idempotency_key
        return await exchange(
            self._http,
            method,
            self._settings.base_url + path,
            limit_s=seconds_left(ctx, self._context.clock, self._settings.timeout_s),
            headers=headers,
            content=content,
            max_bytes=max_bytes,
        )

    def _content(self, answer: HttpAnswer) -> Fields:
        failure = self._failure(answer)
        if failure is not None:
            raise failure
        return Fields(json_object(answer.body))

    def _failure(self, answer: HttpAnswer) -> ProviderError | None:
        """Acme's own refusal where there is one; what the status alone means otherwise."""
        general, code = classify_status(answer.status, answer.headers), _code(answer)
        if general is None or code is None or isinstance(general, AuthFailed | RateLimited | UnknownOutcome):
            return general
        return Rejected(code, advice=self._advice.get(code, RetryAdvice.NEVER))


def _code(answer: HttpAnswer) -> str | None:
    """Acme's code in a refusal; None when the answer is not in Acme's words."""
    try:
        return Fields(json_object(answer.body)).inner("error").text("code")
    except UnknownOutcome:
        return None


def received(
    request: WebhookRequest, settings: AcmeSettings, kinds: Mapping[str, WebhookKind], statuses: Mapping[str, str]
) -> WebhookDelivery:
    """A callback of Acme's, verified and in the hub's words; what is genuine and cannot be read stays visible."""
    verification = verify_standard(request, settings.webhook_secrets())
    if not verification.verified:
        return WebhookDelivery(verified=False, reason=verification.reason)
    try:
        event = _event(Fields(json_object(request.body)), kinds, statuses)
    except ProviderError as unreadable:
        event = WebhookEvent(event_id=verification.event_id, kind=WebhookKind.UNMAPPED, subject_ref="")
        return WebhookDelivery(verified=True, events=(event,), reason=unreadable.detail)
    return WebhookDelivery(verified=True, events=(event,))


def _event(content: Fields, kinds: Mapping[str, WebhookKind], statuses: Mapping[str, str]) -> WebhookEvent:
    told = content.inner("data")
    return WebhookEvent(
        event_id=content.text("id"),
        kind=kinds.get(content.text("type").partition(".")[0], WebhookKind.UNMAPPED),
        subject_ref=told.text("ref"),
        subject_key=told.optional_text("key") or None,
        status=statuses.get(told.text("status"), ""),
        occurred_at=content.instant("occurred_at"),
    )
