"""The card and the operations: each asks the client and maps the answer, nothing more."""

from __future__ import annotations

from datetime import timedelta

from hub.core.errors import Rejected, RetryAdvice, UnknownOutcome
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
from leasehub_sms_twilio import mapping
from leasehub_sms_twilio.callbacks import received
from leasehub_sms_twilio.client import CALLS, MESSAGES, TwilioClient
from leasehub_sms_twilio.settings import TwilioSettings


class Twilio(MessagingV1):
    """Twilio sends messages and makes calls."""

    def __init__(self, settings: TwilioSettings, context: PluginContext) -> None:
        self._settings = settings
        self._webhook_url = context.webhook_url
        self._client = TwilioClient(settings, context)

    @hookimpl
    async def provider_health(self, ctx: CallContext) -> Health:
        """Whether the account opens, by its balance."""
        found = await self._client.get("Balance", ctx)
        return Health(healthy=found is not None, detail="up" if found is not None else "no such account")

    @hookimpl
    def provider_credentials(self) -> tuple[Credential, ...]:
        """The token, the API key and the shared keys."""
        return self._settings.credentials()

    @hookimpl
    def webhook_receive(self, request: WebhookRequest) -> WebhookDelivery:
        """Take a report."""
        return received(request, self._webhook_url, self._settings.tokens(), self._settings.shared_keys())

    @hookimpl
    async def messaging_send(self, request: MessageRequest, ctx: CallContext) -> MessageReceipt:
        """Send a text message or make a call."""
        callback = mapping.callback_url(self._webhook_url, ctx.idempotency_key)
        match request.channel:
            case MessageChannel.SMS:
                form = mapping.message_form(request, self._settings, callback)
                return mapping.receipt_of(await self._client.make(MESSAGES, form, ctx))
            case MessageChannel.VOICE:
                form = mapping.call_form(request, self._settings, callback)
                return mapping.receipt_of(await self._client.make(CALLS, form, ctx))
            case other:
                raise Rejected("channel_not_offered", f"{other.value}", advice=RetryAdvice.OTHER_PROVIDER)

    @hookimpl
    async def messaging_status(self, query: StatusQuery, ctx: CallContext) -> MessageReceipt | NoRecord:
        """How far a message has come: by its reference, else by whom it went to and when."""
        if query.provider_ref is None:
            return await self._by_receiver(query, ctx)
        ref = query.provider_ref
        if not ref.isascii() or not ref.isalnum():
            raise Rejected("reference_invalid", "no reference of this vendor's")
        found = await self._client.get(f"{CALLS if mapping.is_call(ref) else MESSAGES}/{ref}", ctx)
        return NoRecord(query=query) if found is None else mapping.receipt_of(found)

    async def _by_receiver(self, query: StatusQuery, ctx: CallContext) -> MessageReceipt | NoRecord:
        """Twilio keeps no key of ours: what went to this receiver just then is it, unless there are two of that."""
        if query.to is None or query.sent_at is None:
            raise Rejected("receiver_missing", "a message is found only by its receiver and time")
        asked = {"To": mapping.number(query.to), "PageSize": "50"}
        found = []
        for path, name in (
            ((MESSAGES, "messages"), (CALLS, "calls")) if self._settings.call_from else ((MESSAGES, "messages"),)
        ):
            page = await self._client.get(path, ctx, asked)
            if page is None:
                raise UnknownOutcome("a list was not there")
            found += mapping.made_then(page.each(name), query.to, query.sent_at)
        if len(found) > 1:
            raise UnknownOutcome("two messages went to this receiver at that time")
        return mapping.receipt_of(found[0]) if found else NoRecord(query=query)


descriptor = PluginDescriptor(
    name="twilio_sms",
    version="0.1.0",
    capabilities=frozenset({Capability.SMS}),
    settings=TwilioSettings,
    factory=Twilio,
    operations={
        "provider_health": OperationFacts(idempotent=True),
        # No key is kept: one that is lost is looked for by receiver and time, and never sent again.
        "messaging_send": OperationFacts(
            key_max_len=255,
            key_lifetime=timedelta(days=3),
            settle_window=timedelta(minutes=10),
            max_timeout_s=15.0,
            rate_limit=100.0,
        ),
        "messaging_status": OperationFacts(idempotent=True, by_receiver=True, max_timeout_s=15.0, rate_limit=100.0),
    },
    data_categories=frozenset({"phone", "message_text"}),
    docs_url="https://www.twilio.com/docs/messaging/api",
)
