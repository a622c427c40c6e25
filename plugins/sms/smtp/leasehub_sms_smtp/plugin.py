"""The card and the operations: each asks the client and maps the answer, nothing more."""

from __future__ import annotations

from hub.core.hookspecs import MessagingV1, hookimpl
from hub.core.ports.sms import MessageReceipt, MessageRequest, MessageStatus
from hub.core.provider import (
    CallContext,
    Capability,
    Credential,
    Health,
    OperationFacts,
    PluginContext,
    PluginDescriptor,
)
from leasehub_sms_smtp import mapping
from leasehub_sms_smtp.client import SmtpClient
from leasehub_sms_smtp.settings import SmtpSettings


class SmtpMail(MessagingV1):
    """An SMTP server takes e-mail. It has no question to ask afterwards, and calls nobody back."""

    def __init__(self, settings: SmtpSettings, context: PluginContext) -> None:
        self._settings = settings
        self._clock = context.clock
        self._client = SmtpClient(settings, context)

    @hookimpl
    async def provider_health(self, ctx: CallContext) -> Health:
        """Whether the server is there, its certificate is good and it lets us in."""
        await self._client.greet(ctx)
        return Health(healthy=True, detail="up")

    @hookimpl
    def provider_credentials(self) -> tuple[Credential, ...]:
        """The password."""
        return self._settings.credentials()

    @hookimpl
    async def messaging_send(self, request: MessageRequest, ctx: CallContext) -> MessageReceipt:
        """Hand an e-mail over to the server; whether it arrives, nobody tells us."""
        held = self._settings
        mail = mapping.mail_of(
            request,
            key=ctx.idempotency_key,
            sent_at=self._clock.now(),
            from_address=held.from_address,
            from_name=held.from_name,
            reply_to=held.reply_to,
        )
        await self._client.deliver(mail, held.from_address, mapping.address(request.to), ctx)
        ref = mapping.message_id(ctx.idempotency_key, held.from_address)
        return MessageReceipt(message_ref=ref, status=MessageStatus.ACCEPTED)


descriptor = PluginDescriptor(
    name="smtp_email",
    version="0.1.0",
    capabilities=frozenset({Capability.SMS}),
    settings=SmtpSettings,
    factory=SmtpMail,
    operations={
        "provider_health": OperationFacts(idempotent=True, max_timeout_s=30.0),
        # Neither a key nor a question: a mail whose acceptance was not heard goes to a person.
        "messaging_send": OperationFacts(max_timeout_s=60.0),
    },
    data_categories=frozenset({"email", "message_text"}),
    docs_url="https://www.rfc-editor.org/rfc/rfc5321",
)
