"""The descriptor and the provider: each operation asks the client and maps the answer, nothing more."""

from __future__ import annotations

from hub.core.hookspecs import MessagingV1, hookimpl
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.sms import MessageReceipt, MessageRequest
from hub.core.provider import CallContext, Capability, PluginContext
from hub.sdk.sandbox.provider import SandboxProvider, sandbox_descriptor
from leasehub_sms_sandbox import mapping
from leasehub_sms_sandbox.client import SmsClient
from leasehub_sms_sandbox.settings import SmsSandboxSettings


class SmsSandbox(SandboxProvider, MessagingV1):
    """The messaging stand-in as a provider."""

    kinds = mapping.KINDS
    statuses = mapping.STATUSES
    advice = mapping.REFUSAL_ADVICE

    def __init__(self, settings: SmsSandboxSettings, context: PluginContext) -> None:
        super().__init__(settings, context)
        self._vendor = SmsClient(self.client)

    @hookimpl
    async def messaging_send(self, request: MessageRequest, ctx: CallContext) -> MessageReceipt:
        """Send one message to one person."""
        return mapping.receipt_of(await self._vendor.send(mapping.message_body(request), ctx))

    @hookimpl
    async def messaging_status(self, query: StatusQuery, ctx: CallContext) -> MessageReceipt | NoRecord:
        """How far a message has come."""
        found = await self._vendor.find(query, ctx)
        return NoRecord(query=query) if found is None else mapping.receipt_of(found)


descriptor = sandbox_descriptor(
    Capability.SMS,
    SmsSandboxSettings,
    SmsSandbox,
    effects=("messaging_send",),
    reads=("messaging_status",),
    data_categories=("phone", "email", "message_text"),
)
