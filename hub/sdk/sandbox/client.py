"""How the sandbox plugins talk to their stand-in vendors: settings, credentials, keys, and refusals turned into errors."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from pydantic import Field, SecretStr, field_validator

from hub.core.errors import AuthFailed, ProviderError, RateLimited, Rejected, RetryAdvice, UnknownOutcome
from hub.core.ports import StatusQuery
from hub.core.provider import CallContext, PluginContext, PluginSettings
from hub.sdk.errors import classify_status
from hub.sdk.http import MAX_ANSWER_BYTES, HttpAnswer, client_of, exchange, seconds_left
from hub.sdk.reading import Fields, JsonObject, json_bytes, json_object

KEY_HEADER = "idempotency-key"
WEBHOOK_URL_HEADER = "webhook-url"
DEFAULT_API_KEY = SecretStr("sandbox-api-key")
DEFAULT_WEBHOOK_SECRET = SecretStr("sandbox-webhook-secret")
_NOT_FOUND = "not_found"


class SandboxClientSettings(PluginSettings):
    """Where a stand-in vendor is and how it is spoken to. `timeout_s` bounds one exchange, in seconds."""

    base_url: str
    api_key: SecretStr = DEFAULT_API_KEY
    webhook_secret: SecretStr = DEFAULT_WEBHOOK_SECRET
    previous_webhook_secret: SecretStr | None = None
    timeout_s: float = Field(default=8.0, gt=0, le=60)

    @field_validator("base_url")
    @classmethod
    def _address(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")

    def webhook_secrets(self) -> tuple[str, ...]:
        """The secrets that a callback may be signed with now: the present one, and the last while it is being changed."""
        both = (self.webhook_secret, self.previous_webhook_secret)
        return tuple(secret.get_secret_value() for secret in both if secret is not None)


class SandboxClient:
    """Speaks to one stand-in vendor for one instance. `advice` says what the vendor's refusals allow next."""

    def __init__(
        self, settings: SandboxClientSettings, context: PluginContext, advice: Mapping[str, RetryAdvice]
    ) -> None:
        self._settings = settings
        self._context = context
        self._advice = advice
        self._http = client_of(context)

    async def post(self, path: str, body: JsonObject, ctx: CallContext) -> Fields:
        """Ask for an effect under the call's key."""
        answer = await self._exchange("POST", path, ctx, content=json_bytes(body))
        return self._content(answer)

    async def get(
        self, path: str, ctx: CallContext, query: Mapping[str, str] | None = None, *, max_bytes: int = MAX_ANSWER_BYTES
    ) -> Fields:
        """Read something that must be there."""
        asked = f"{path}?{urlencode(query)}" if query else path
        return self._content(await self._exchange("GET", asked, ctx, max_bytes=max_bytes))

    async def find(self, collection: str, query: StatusQuery, ctx: CallContext) -> Fields | None:
        """Look something up by the vendor's reference or by our key; None only when the vendor itself says so."""
        if query.provider_ref:
            asked = f"{collection}/{quote(query.provider_ref, safe='')}"
        else:
            asked = f"{collection}?{urlencode({'key': query.idempotency_key or ''})}"
        answer = await self._exchange("GET", asked, ctx)
        if answer.status == 404 and _refusal(answer) == _NOT_FOUND:
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
            WEBHOOK_URL_HEADER: self._context.webhook_url,
        }
        if content is not None:
            headers[KEY_HEADER] = ctx.idempotency_key
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
        general = classify_status(answer.status, answer.headers)
        if general is None or isinstance(general, AuthFailed | RateLimited | UnknownOutcome):
            return general
        code = _refusal(answer)
        return general if code is None else Rejected(code, advice=self._advice.get(code, RetryAdvice.NEVER))


def _refusal(answer: HttpAnswer) -> str | None:
    """The vendor's own code in a refusal; None when the answer is not in the vendor's words."""
    try:
        return Fields(json_object(answer.body)).inner("error").text("code")
    except UnknownOutcome:
        return None
