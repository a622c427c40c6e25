"""The card and the operations: each asks the client and maps the answer, nothing more."""

from __future__ import annotations

from leasehub_tc3.client import Service, Tc3Client, trace_id

from hub.core.errors import Rejected
from hub.core.hookspecs import MessagingV1, hookimpl
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.sms import MessageChannel, MessageReceipt, MessageRequest
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
from leasehub_sms_tencent import callbacks, codes, mapping
from leasehub_sms_tencent.settings import TencentSmsSettings

SMS = Service(name="sms", version="2021-01-11", codes=codes.SMS)
VOICE = Service(name="vms", version="2020-09-02", codes=codes.VOICE)
_LONGEST_KEY = 128


class TencentSms(MessagingV1):
    """Text messages and calls through Tencent Cloud."""

    def __init__(self, settings: TencentSmsSettings, context: PluginContext) -> None:
        self._settings = settings
        self._clock = context.clock
        self._sms = Tc3Client(settings, context, SMS)
        self._voice = Tc3Client(settings, context, VOICE)

    @hookimpl
    async def provider_health(self, ctx: CallContext) -> Health:
        """Whether the vendor is there, knows our credentials and our application."""
        body = mapping.statistics_body(self._clock.now(), self._settings)
        (await self._sms.ask(self._settings.sms_url, "SendStatusStatistics", body, ctx)).inner("SendStatusStatistics")
        return Health(healthy=True)

    @hookimpl
    def webhook_receive(self, request: WebhookRequest) -> WebhookDelivery:
        """Verify a receipt and read it."""
        return callbacks.received(request, self._settings.receipt_tokens())

    @hookimpl
    def provider_credentials(self) -> tuple[Credential, ...]:
        """The key pair, and the words of receipts."""
        return self._settings.credentials()

    @hookimpl
    async def messaging_send(self, request: MessageRequest, ctx: CallContext) -> MessageReceipt:
        """Send one message to one person; the vendor gives our key back with it, and remembers none."""
        settings, key = self._settings, trace_id(ctx.idempotency_key)
        match request.channel:
            case MessageChannel.SMS:
                body = mapping.sms_body(request, settings, key)
                return mapping.receipt_of(await self._sms.ask(settings.sms_url, "SendSms", body, ctx, mutates=True))
            case MessageChannel.VOICE:
                body = mapping.voice_body(request, settings, key)
                return mapping.call_of(
                    await self._voice.ask(settings.voice_url, "SendTtsVoice", body, ctx, mutates=True)
                )
            case _:
                raise mapping.elsewhere("channel_not_offered")

    @hookimpl
    async def messaging_status(self, query: StatusQuery, ctx: CallContext) -> MessageReceipt | NoRecord:
        """How far a text message has come; of calls the vendor tells by receipts alone."""
        if query.provider_ref and query.provider_ref.startswith(mapping.VOICE):
            raise Rejected("calls_cannot_be_asked_after")
        if not query.to:
            raise Rejected("receiver_needed")
        body = mapping.reports_body(query.to, query.sent_at, self._clock.now(), self._settings)
        answer = await self._sms.ask(self._settings.sms_url, "PullSmsSendStatusByPhoneNumber", body, ctx)
        return mapping.report_of(answer, query)


descriptor = PluginDescriptor(
    name="tencent_sms",
    version="0.1.0",
    capabilities=frozenset({Capability.SMS}),
    settings=TencentSmsSettings,
    factory=TencentSms,
    operations={
        "provider_health": OperationFacts(idempotent=True, rate_limit=20.0),
        "messaging_send": OperationFacts(key_max_len=_LONGEST_KEY),
        "messaging_status": OperationFacts(idempotent=True, by_receiver=True, rate_limit=20.0),
    },
    data_categories=frozenset({"phone", "message_text"}),
    docs_url="https://cloud.tencent.com/document/product/382",
)
