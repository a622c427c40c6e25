"""The descriptor and the provider: each operation asks the client and maps the answer, nothing more."""

from __future__ import annotations

from hub.core.hookspecs import EsignV1, hookimpl
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.esign import Envelope, EnvelopeRequest, FetchRequest, SignedFiles, VoidRequest
from hub.core.provider import CallContext, Capability, PluginContext
from hub.sdk.sandbox.provider import SandboxProvider, sandbox_descriptor
from leasehub_esign_sandbox import mapping
from leasehub_esign_sandbox.client import EsignClient
from leasehub_esign_sandbox.settings import EsignSandboxSettings


class EsignSandbox(SandboxProvider, EsignV1):
    """The e-signature stand-in as a provider."""

    kinds = mapping.KINDS
    statuses = mapping.STATUSES

    def __init__(self, settings: EsignSandboxSettings, context: PluginContext) -> None:
        super().__init__(settings, context)
        self._vendor = EsignClient(self.client)

    @hookimpl
    async def esign_create(self, request: EnvelopeRequest, ctx: CallContext) -> Envelope:
        """Send documents out for signature."""
        return mapping.envelope_of(await self._vendor.create(mapping.envelope_body(request), ctx))

    @hookimpl
    async def esign_void(self, request: VoidRequest, ctx: CallContext) -> Envelope:
        """Take an envelope back before everybody has signed."""
        return mapping.envelope_of(await self._vendor.recall(request.envelope_ref, request.reason, ctx))

    @hookimpl
    async def esign_status(self, query: StatusQuery, ctx: CallContext) -> Envelope | NoRecord:
        """How far an envelope has come, by its reference or by the key of its making or taking back."""
        found = await self._vendor.find(query, ctx)
        return NoRecord(query=query) if found is None else mapping.envelope_of(found)

    @hookimpl
    async def esign_fetch(self, request: FetchRequest, ctx: CallContext) -> SignedFiles:
        """The signed file with its evidence."""
        return mapping.signed_of(await self._vendor.signed(request.envelope_ref, ctx))


descriptor = sandbox_descriptor(
    Capability.ESIGN,
    EsignSandboxSettings,
    EsignSandbox,
    effects=("esign_create", "esign_void"),
    reads=("esign_status", "esign_fetch"),
    data_categories=("name", "phone", "email", "identity_number", "contract"),
)
