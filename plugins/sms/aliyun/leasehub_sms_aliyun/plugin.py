"""The card and the operations: each asks the client and maps the answer, nothing more."""

from __future__ import annotations

from datetime import timedelta

from leasehub_acs3.client import Nonce

from hub.core.errors import Rejected, UnknownOutcome
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
from leasehub_sms_aliyun import mapping
from leasehub_sms_aliyun.callbacks import received
from leasehub_sms_aliyun.client import AliyunSmsClient
from leasehub_sms_aliyun.settings import AliyunSmsSettings

_APPROVED = 1  # SignStatus of a signature that may be used


class AliyunSms(MessagingV1):
    """Aliyun sends messages and makes calls."""

    def __init__(self, settings: AliyunSmsSettings, context: PluginContext, nonce: Nonce | None = None) -> None:
        self._settings = settings
        self._clock = context.clock
        self._client = AliyunSmsClient(settings, context, nonce)

    @hookimpl
    async def provider_health(self, ctx: CallContext) -> Health:
        """Whether the vendor knows our key, and has approved our signature."""
        status = (await self._client.signature(self._settings.sign_name, ctx)).content.get("SignStatus")
        approved = status == _APPROVED
        return Health(healthy=approved, detail="up" if approved else "the signature is not approved")

    @hookimpl
    def provider_credentials(self) -> tuple[Credential, ...]:
        """The key pair and the tokens of callbacks."""
        return self._settings.credentials()

    @hookimpl
    def webhook_receive(self, request: WebhookRequest) -> WebhookDelivery:
        """Take a push of reports."""
        return received(request, self._settings.callback_tokens())

    @hookimpl
    async def messaging_send(self, request: MessageRequest, ctx: CallContext) -> MessageReceipt:
        """Send a text message or make a call."""
        match request.channel:
            case MessageChannel.SMS:
                query = mapping.sms_query(request, self._settings, ctx.idempotency_key)
                return mapping.sent(await self._client.send(query, ctx))
            case MessageChannel.VOICE:
                query = mapping.call_query(request, self._settings, ctx.idempotency_key)
                return mapping.called(await self._client.speak(query, ctx))
            case other:
                raise mapping.refused_channel(other)

    @hookimpl
    async def messaging_status(self, query: StatusQuery, ctx: CallContext) -> MessageReceipt | NoRecord:
        """How far a message has come: a text by its receiver and day, a call by its own reference."""
        sent_at = query.sent_at or self._clock.now()
        if call_id := mapping.call_ref(query.provider_ref):
            return mapping.call_receipt(await self._client.call_detail(call_id, sent_at, ctx), call_id)
        if query.to is None:
            raise Rejected("receiver_missing", "a text message is found only by its receiver")
        ref = mapping.biz_id(query.provider_ref)
        for day in mapping.days(sent_at):
            found = await self._client.find(query.to, day, ref, query.idempotency_key, ctx)
            if found is not None:
                return mapping.receipt_of(found, ref, query.idempotency_key)
        if ref is None and self._settings.speaks:
            raise UnknownOutcome("no text message; a call whose reference was lost cannot be asked after")
        return NoRecord(query=query)


_SEND = OperationFacts(
    # There is no idempotency: OutId only comes back. It can be asked after for thirty days; a person has it after three.
    key_max_len=64,
    key_lifetime=timedelta(days=3),
    settle_window=timedelta(minutes=10),
    rate_limit=1000.0,
)

descriptor = PluginDescriptor(
    name="aliyun_sms",
    version="0.1.0",
    capabilities=frozenset({Capability.SMS}),
    settings=AliyunSmsSettings,
    factory=AliyunSms,
    operations={
        "provider_health": OperationFacts(idempotent=True),
        "messaging_send": _SEND,
        "messaging_status": OperationFacts(idempotent=True, by_receiver=True, rate_limit=100.0),
    },
    countries=frozenset({"CN"}),
    currencies=frozenset({"CNY"}),
    data_categories=frozenset({"phone", "message_text"}),
    docs_url="https://help.aliyun.com/product/44282.html",
)
