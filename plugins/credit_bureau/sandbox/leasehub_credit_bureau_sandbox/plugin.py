"""The descriptor and the provider: each operation asks the client and maps the answer, nothing more."""

from __future__ import annotations

from hub.core.hookspecs import CreditV1, hookimpl
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.credit_bureau import CreditPullRequest, CreditReport
from hub.core.provider import CallContext, Capability, PluginContext
from hub.sdk.sandbox.provider import SandboxProvider, sandbox_descriptor
from leasehub_credit_bureau_sandbox import mapping
from leasehub_credit_bureau_sandbox.client import CreditBureauClient
from leasehub_credit_bureau_sandbox.settings import CreditBureauSandboxSettings


class CreditBureauSandbox(SandboxProvider, CreditV1):
    """The credit-bureau stand-in as a provider."""

    kinds = mapping.KINDS
    statuses = mapping.STATUSES

    def __init__(self, settings: CreditBureauSandboxSettings, context: PluginContext) -> None:
        super().__init__(settings, context)
        self._vendor = CreditBureauClient(self.client)

    @hookimpl
    async def credit_pull(self, request: CreditPullRequest, ctx: CallContext) -> CreditReport:
        """Pull a report on an applicant."""
        return mapping.report_of(await self._vendor.pull(mapping.inquiry_body(request), ctx))

    @hookimpl
    async def credit_status(self, query: StatusQuery, ctx: CallContext) -> CreditReport | NoRecord:
        """What became of an inquiry."""
        found = await self._vendor.find(query, ctx)
        return NoRecord(query=query) if found is None else mapping.report_of(found)


descriptor = sandbox_descriptor(
    Capability.CREDIT_BUREAU,
    CreditBureauSandboxSettings,
    CreditBureauSandbox,
    effects=("credit_pull",),
    reads=("credit_status",),
    data_categories=("name", "identity_number", "phone", "bank_account", "plate"),
)
