"""The account's addresses: each call under a token, sent once, its refusal read by the vendor's code."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from hub.core.errors import AuthFailed, ProviderError, Rejected, UnknownOutcome
from hub.core.provider import CallContext, PluginContext
from hub.sdk.http import MAX_ANSWER_BYTES, HttpAnswer, client_of, exchange, seconds_left
from hub.sdk.reading import Fields, JsonObject, json_bytes, json_object
from hub.sdk.tokens import Tokens
from leasehub_esign_docusign import mapping
from leasehub_esign_docusign.codes import NOT_THERE
from leasehub_esign_docusign.grant import Grant
from leasehub_esign_docusign.settings import DocusignSettings

_MAX_FILE_BYTES = 64 * 1024 * 1024


class DocusignClient:
    """Speaks to one account."""

    def __init__(self, settings: DocusignSettings, context: PluginContext) -> None:
        self._settings = settings
        self._clock = context.clock
        self._http = client_of(context)
        self._tokens = Tokens(context.clock, Grant(settings, context).token)

    async def account(self, ctx: CallContext) -> Fields:
        """What the account says of itself."""
        return await self._get("", ctx)

    async def create(self, body: JsonObject, ctx: CallContext) -> Fields:
        """Send an envelope out."""
        return _fields(await self._call("POST", "/envelopes", ctx, body))

    async def mark(self, ref: str, body: JsonObject, ctx: CallContext) -> None:
        """Put a field on an envelope."""
        await self._call("POST", f"{_envelope(ref)}/custom_fields", ctx, body)

    async def change(self, ref: str, body: JsonObject, ctx: CallContext) -> Fields:
        """Change an envelope."""
        return _fields(await self._call("PUT", _envelope(ref), ctx, body))

    async def view(self, ref: str, body: JsonObject, ctx: CallContext) -> str:
        """A link for one signer, good for five minutes and once."""
        return _fields(await self._call("POST", f"{_envelope(ref)}/views/recipient", ctx, body)).text("url")

    async def envelope(self, ref: str, ctx: CallContext) -> Fields | None:
        """An envelope with its signers; None when the vendor says that there is none."""
        try:
            found = await self._get(f"{_envelope(ref)}?{urlencode({'include': 'recipients'})}", ctx)
        except Rejected as refused:
            if refused.vendor_code in NOT_THERE:
                return None
            raise
        if found.text("envelopeId").lower() != ref.lower():
            raise UnknownOutcome("the answer is about another envelope")
        return found

    async def listed(self, query: dict[str, str], ctx: CallContext) -> Fields:
        """A list of envelopes with their signers."""
        return await self._get(f"/envelopes?{urlencode(query | {'include': 'recipients'})}", ctx)

    async def file(self, ref: str, name: str, ctx: CallContext) -> bytes:
        """A file of an envelope as PDF."""
        path = f"{_envelope(ref)}/documents/{name}"
        return mapping.pdf(await self._call("GET", path, ctx, accept=mapping.PDF, max_bytes=_MAX_FILE_BYTES))

    async def _get(self, path: str, ctx: CallContext) -> Fields:
        return _fields(await self._call("GET", path, ctx))

    async def _call(
        self,
        method: str,
        path: str,
        ctx: CallContext,
        body: JsonObject | None = None,
        *,
        accept: str = "application/json",
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> HttpAnswer:
        token = await self._tokens.get(ctx)
        headers = {"accept": accept, "authorization": f"Bearer {token.value}", "content-type": "application/json"}
        answer = await exchange(
            self._http,
            method,
            f"{self._settings.account_url}{path}",
            limit_s=seconds_left(ctx, self._clock, self._settings.timeout_s),
            headers=headers,
            content=None if body is None else json_bytes(body),
            max_bytes=max_bytes,
        )
        failure: ProviderError | None = mapping.failure(answer, mutates=body is not None, now=self._clock.now())
        if isinstance(failure, AuthFailed):
            raise self._tokens.refused(token, failure.detail)
        if failure is not None:
            raise failure
        return answer


def _envelope(ref: str) -> str:
    return f"/envelopes/{quote(ref, safe='')}"


def _fields(answer: HttpAnswer) -> Fields:
    return Fields(json_object(answer.body))
