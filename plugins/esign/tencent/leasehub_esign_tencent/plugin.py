"""The card and the operations: each asks the client and maps the answer, nothing more."""

from __future__ import annotations

from leasehub_tc3.client import Service, Tc3Client

from hub.core.errors import NotSent, ProviderError, Rejected, UnknownOutcome
from hub.core.hookspecs import EsignV1, hookimpl
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.esign import Envelope, EnvelopeRequest, EnvelopeStatus, FetchRequest, SignedFiles, VoidRequest
from hub.core.ports.webhooks import WebhookDelivery, WebhookRequest
from hub.core.provider import (
    CallContext,
    Capability,
    Credential,
    Health,
    OperationFacts,
    PluginContext,
    PluginDescriptor,
)
from hub.sdk.reading import Fields, JsonObject
from leasehub_esign_tencent import callbacks, mapping
from leasehub_esign_tencent.codes import ESS, NO_SUCH_FLOW
from leasehub_esign_tencent.settings import TencentEsignSettings

_MAX_FILE_BYTES = 64 * 1024 * 1024
_HALF = 0.5
_VERIFIED = 2


class TencentEsign(EsignV1):
    """Contracts signed through Tencent E-Sign."""

    def __init__(self, settings: TencentEsignSettings, context: PluginContext) -> None:
        self._settings = settings
        self._logger = context.logger
        self._ess = Tc3Client(settings, context, Service(name="ess", version="2020-11-11", codes=ESS))

    @hookimpl
    async def provider_health(self, ctx: CallContext) -> Health:
        """Whether the vendor is there, knows our credentials, and our company is verified."""
        body = mapping.operator(self._settings)
        status = (await self._ask("DescribeOrganizationVerifyStatus", body, ctx)).whole("VerifyStatus")
        return Health(healthy=status == _VERIFIED, detail=f"verify status {status}")

    @hookimpl
    def webhook_receive(self, request: WebhookRequest) -> WebhookDelivery:
        """Verify a notice and read it."""
        return callbacks.received(request, self._settings.callback_tokens(), self._settings.callback_keys())

    @hookimpl
    def provider_credentials(self) -> tuple[Credential, ...]:
        """The key pair, and the secrets of notices."""
        return self._settings.credentials()

    @hookimpl
    async def esign_create(self, request: EnvelopeRequest, ctx: CallContext) -> Envelope:
        """Send a document out: its file first, which binds nobody, then the envelope, then the links to sign."""
        settings, document = self._settings, mapping.one_document(request)
        mapping.flow_body(request, "", settings, "")  # what cannot be sent out is not uploaded either
        file_id = await self._uploaded(mapping.upload_body(document, settings), ctx)
        body = mapping.flow_body(request, file_id, settings, ctx.idempotency_key)
        flow = (await self._ask("CreateFlowByFiles", body, ctx, mutates=True)).text("FlowId")
        links = await self._links(mapping.links_body(request, flow, settings), ctx)
        return Envelope(envelope_ref=flow, status=EnvelopeStatus.SENT, signing_urls=links)

    @hookimpl
    async def esign_void(self, request: VoidRequest, ctx: CallContext) -> Envelope:
        """Take an envelope back before everybody has signed."""
        await self._ask("CancelFlow", mapping.void_body(request, self._settings), ctx, mutates=True)
        return Envelope(envelope_ref=request.envelope_ref, status=EnvelopeStatus.VOIDED)

    @hookimpl
    async def esign_status(self, query: StatusQuery, ctx: CallContext) -> Envelope | NoRecord:
        """How far an envelope has come; the vendor finds it by its own reference alone."""
        if not query.provider_ref:
            raise Rejected("reference_needed")
        try:
            detail = await self._detail(query.provider_ref, ctx)
        except Rejected as no:
            if no.vendor_code in NO_SUCH_FLOW:
                return NoRecord(query=query)
            raise
        return NoRecord(query=query) if detail is None else mapping.envelope_of(detail)

    @hookimpl
    async def esign_fetch(self, request: FetchRequest, ctx: CallContext) -> SignedFiles:
        """The signed file; before everybody has signed there is none, though the vendor would give one."""
        detail = await self._detail(request.envelope_ref, ctx)
        if detail is None or mapping.envelope_of(detail).status is not EnvelopeStatus.COMPLETED:
            raise Rejected("not_completed")
        answer = await self._ask("DescribeFileUrls", mapping.files_body(request, self._settings), ctx)
        url = mapping.address_of(answer, self._settings)
        content = await self._ess.download(url, ctx, max_bytes=_MAX_FILE_BYTES)
        return mapping.signed_of(request.envelope_ref, content, detail)

    async def _uploaded(self, body: JsonObject, ctx: CallContext) -> str:
        """The id of an uploaded file. Whether it has got there or not: no envelope has been sent out."""
        try:
            ids = (await self._ess.ask(self._settings.file_url, "UploadFiles", body, ctx)).texts("FileIds")
        except UnknownOutcome as failure:
            raise NotSent(f"the file was not uploaded: {failure.detail}") from failure
        if len(ids) != 1:
            raise NotSent("the file was not uploaded: not one id")
        return ids[0]

    async def _links(self, body: JsonObject | None, ctx: CallContext) -> tuple[str, ...]:
        """The links to sign. The envelope is out already, so that it must not fail for want of a link."""
        if body is None:
            return ()
        try:
            return mapping.links_of(await self._ask("CreateFlowSignUrl", body, ctx, share=_HALF))
        except ProviderError as failure:
            self._logger.warning("no_signing_links", code=failure.code)
            return ()

    async def _detail(self, flow: str, ctx: CallContext) -> Fields | None:
        answer = await self._ask("DescribeFlowInfo", mapping.info_body(flow, self._settings), ctx)
        return mapping.flow_of(answer, flow)

    async def _ask(
        self, action: str, body: JsonObject, ctx: CallContext, *, mutates: bool = False, share: float = 1.0
    ) -> Fields:
        return await self._ess.ask(self._settings.url, action, body, ctx, mutates=mutates, share=share)


_READ = OperationFacts(idempotent=True, max_timeout_s=20.0)

descriptor = PluginDescriptor(
    name="tencent_esign",
    version="0.1.0",
    capabilities=frozenset({Capability.ESIGN}),
    settings=TencentEsignSettings,
    factory=TencentEsign,
    operations={
        "provider_health": _READ,
        "esign_create": OperationFacts(key_max_len=128, max_timeout_s=60.0, rate_limit=20.0),
        "esign_void": OperationFacts(key_max_len=128, max_timeout_s=20.0, rate_limit=20.0),
        "esign_status": _READ,
        "esign_fetch": OperationFacts(idempotent=True, max_timeout_s=60.0),
    },
    countries=frozenset({"CN"}),
    data_categories=frozenset({"name", "phone", "identity_number", "contract"}),
    docs_url="https://qian.tencent.com/developers/company/",
)
