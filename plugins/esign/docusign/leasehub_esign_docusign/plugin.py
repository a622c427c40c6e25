"""The card and the operations: each asks the client and maps the answer, nothing more."""

from __future__ import annotations

from datetime import timedelta

from hub.core.errors import NotSent, ProviderError, Rejected, UnknownOutcome
from hub.core.hookspecs import EsignV1, hookimpl
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.esign import Envelope, EnvelopeRequest, EnvelopeStatus, FetchRequest, SignedFiles, VoidRequest
from hub.core.ports.webhooks import WebhookDelivery, WebhookRequest
from hub.core.provider import (
    CallContext,
    Capability,
    Credential,
    CredentialKind,
    Health,
    OperationFacts,
    PluginContext,
    PluginDescriptor,
)
from hub.sdk.reading import Fields
from leasehub_esign_docusign import mapping
from leasehub_esign_docusign.callbacks import received
from leasehub_esign_docusign.client import DocusignClient
from leasehub_esign_docusign.codes import CANNOT_VOID
from leasehub_esign_docusign.grant import fingerprint, private_key
from leasehub_esign_docusign.settings import DocusignSettings, Invitation

_LOOK_BACK = timedelta(days=30)  # how far back an envelope is looked for that was to be taken back


class Docusign(EsignV1):
    """DocuSign sends envelopes out and keeps them."""

    def __init__(self, settings: DocusignSettings, context: PluginContext) -> None:
        self._settings = settings
        self._clock = context.clock
        self._callbacks_to = context.webhook_url
        self._client = DocusignClient(settings, context)

    @hookimpl
    async def provider_health(self, ctx: CallContext) -> Health:
        """Whether the vendor gives us a token, and shows us the account."""
        name = (await self._client.account(ctx)).optional_text("accountName")
        return Health(healthy=name is not None, detail="up" if name is not None else "the account does not show itself")

    @hookimpl
    def provider_credentials(self) -> tuple[Credential, ...]:
        """The integration's key by the fingerprint of its public half, and the keys of callbacks; none has an end."""
        shown = fingerprint(private_key(self._settings))
        own = Credential(name="private_key", kind=CredentialKind.PRIVATE_KEY, fingerprint=shown)
        keys = [
            Credential(name=f"hmac_keys.{number}", kind=CredentialKind.SECRET, current=number == 0)
            for number in range(len(self._settings.hmac_keys))
        ]
        return (own, *keys)

    @hookimpl
    def webhook_receive(self, request: WebhookRequest) -> WebhookDelivery:
        """Take a callback."""
        keys = [key.get_secret_value() for key in self._settings.hmac_keys]
        return received(request, keys, self._settings.account_id)

    @hookimpl
    async def esign_create(self, request: EnvelopeRequest, ctx: CallContext) -> Envelope:
        """Send documents out for signature."""
        now = self._clock.now()
        body = mapping.envelope_body(request, self._settings, ctx.idempotency_key, now, self._callbacks_to)
        answer = await self._client.create(body, ctx)
        back_to = request.redirect_url or self._settings.return_url
        links = await self._links(answer.text("envelopeId"), mapping.first_turn(body), back_to, ctx)
        return mapping.envelope_of(answer, links)

    @hookimpl
    async def esign_void(self, request: VoidRequest, ctx: CallContext) -> Envelope:
        """Take an envelope back: marked with our key first, so that a lost answer can be asked after."""
        ref = request.envelope_ref
        await self._mark(ref, ctx)
        try:
            await self._client.change(ref, mapping.void_body(request.reason), ctx)
        except Rejected as refused:
            if refused.vendor_code != CANNOT_VOID:
                raise
            return await self._as_it_is(ref, ctx)
        return Envelope(envelope_ref=ref, status=EnvelopeStatus.VOIDED, decline_reason=request.reason or None)

    async def _mark(self, ref: str, ctx: CallContext) -> None:
        """An envelope that takes no mark any more is asked to be voided all the same: the vendor says why not."""
        try:
            await self._client.mark(ref, mapping.mark_body(ctx.idempotency_key), ctx)
        except Rejected:
            return
        except UnknownOutcome as lost:
            raise NotSent(f"not marked, and so not asked for: {lost.detail}") from lost

    async def _as_it_is(self, ref: str, ctx: CallContext) -> Envelope:
        """What stands in the way of taking it back: it is signed, declined, or taken back already."""
        found = await self._listed({"envelope_ids": ref}, "envelopeId", ref, ctx)
        if found is None:
            raise UnknownOutcome("it cannot be taken back, and is not listed")
        return mapping.envelope_of(found)

    @hookimpl
    async def esign_status(self, query: StatusQuery, ctx: CallContext) -> Envelope | NoRecord:
        """How far an envelope has come: by its reference, or by our key for sending it out or taking it back."""
        found = await self._found(query, ctx)
        if found is None:
            return NoRecord(query=query)
        turn = mapping.whose_turn(found)
        links = await self._links(found.text("envelopeId"), turn, self._settings.return_url, ctx)
        return mapping.envelope_of(found, links)

    async def _found(self, query: StatusQuery, ctx: CallContext) -> Fields | None:
        if query.provider_ref:
            return await self._client.envelope(query.provider_ref, ctx)
        key = mapping.transaction_id(query.idempotency_key or "")
        sent_out = await self._listed({"transaction_ids": key}, "transactionId", key, ctx)
        if sent_out is not None:
            return sent_out
        since = (self._clock.now() - _LOOK_BACK).strftime("%Y-%m-%dT%H:%M:%SZ")
        return await self._listed({"custom_field": f"{mapping.MARK}={key}", "from_date": since}, "", key, ctx)

    async def _listed(self, query: dict[str, str], name: str, value: str, ctx: CallContext) -> Fields | None:
        return mapping.one_of(await self._client.listed(query, ctx), name=name, value=value)

    async def _links(self, ref: str, signers: tuple[Fields, ...], back_to: str, ctx: CallContext) -> tuple[str, ...]:
        """Links for those whose turn it is. That one cannot be had is no failure: the next question brings it."""
        if self._settings.invitation is not Invitation.LINK:
            return ()
        found = []
        for signer in signers:
            try:
                found.append(await self._client.view(ref, mapping.view_body(signer, back_to), ctx))
            except ProviderError:
                continue
        return tuple(found)

    @hookimpl
    async def esign_fetch(self, request: FetchRequest, ctx: CallContext) -> SignedFiles:
        """The signed papers and the certificate; before everybody has signed there is nothing to fetch."""
        ref = request.envelope_ref
        found = await self._listed({"envelope_ids": ref}, "envelopeId", ref, ctx)
        if found is None or mapping.envelope_of(found).status is not EnvelopeStatus.COMPLETED:
            raise Rejected("envelope_is_incomplete", "not everybody has signed")
        combined = await self._client.file(ref, "combined?certificate=false", ctx)
        return mapping.signed_files(ref, combined, await self._client.file(ref, "certificate", ctx))


_EFFECT = OperationFacts(
    # A transactionId can be asked after for seven days; that it keeps a second envelope away is promised nowhere.
    key_max_len=None,
    key_lifetime=timedelta(days=7),
    settle_window=timedelta(minutes=15),
    max_timeout_s=60.0,
    rate_limit=10.0,
)
_QUESTION = OperationFacts(idempotent=True, max_timeout_s=60.0, rate_limit=10.0)

descriptor = PluginDescriptor(
    name="docusign_esign",
    version="0.1.0",
    capabilities=frozenset({Capability.ESIGN}),
    settings=DocusignSettings,
    factory=Docusign,
    operations={
        "provider_health": OperationFacts(idempotent=True),
        "esign_create": _EFFECT,
        "esign_void": _EFFECT,
        "esign_status": _QUESTION,
        "esign_fetch": _QUESTION,
    },
    data_categories=frozenset({"name", "email", "contract"}),
    docs_url="https://developers.docusign.com/docs/esign-rest-api/",
)
