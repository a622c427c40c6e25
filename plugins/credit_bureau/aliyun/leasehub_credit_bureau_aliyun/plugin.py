"""The card and the operation: it asks for one check and maps the answer, nothing more."""

from __future__ import annotations

from leasehub_acs3.client import Acs3Client, Nonce

from hub.core.errors import Rejected
from hub.core.hookspecs import CreditV1, hookimpl
from hub.core.ports.credit_bureau import CreditPullRequest, CreditReport
from hub.core.provider import (
    CallContext,
    Capability,
    Credential,
    Health,
    OperationFacts,
    PluginContext,
    PluginDescriptor,
)
from leasehub_credit_bureau_aliyun import mapping
from leasehub_credit_bureau_aliyun.codes import ABOUT_PARAMETERS
from leasehub_credit_bureau_aliyun.settings import AliyunCreditSettings


class AliyunCredit(CreditV1):
    """Aliyun compares what an applicant says with what its sources know."""

    def __init__(self, settings: AliyunCreditSettings, context: PluginContext, nonce: Nonce | None = None) -> None:
        self._settings = settings
        self._client = Acs3Client(settings.base_url, settings, context, nonce)

    @hookimpl
    async def provider_health(self, ctx: CallContext) -> Health:
        """Whether the vendor knows our key: a check of nobody, which it refuses for that reason and bills to nobody."""
        try:
            await self._client.call(mapping.IDENTITY, ctx, form={"ParamType": "normal"})
        except Rejected as refused:
            healthy = refused.vendor_code in ABOUT_PARAMETERS
            return Health(healthy=healthy, detail="up" if healthy else refused.vendor_code)
        return Health(healthy=True, detail="up")

    @hookimpl
    def provider_credentials(self) -> tuple[Credential, ...]:
        """The key pair."""
        return self._settings.credentials()

    @hookimpl
    async def credit_pull(self, request: CreditPullRequest, ctx: CallContext) -> CreditReport:
        """Make the check that is wanted, or the one of the settings."""
        what = mapping.asked(request, self._settings)
        return mapping.report_of(what, await self._client.call(what.action, ctx, query=what.query, form=what.form))


descriptor = PluginDescriptor(
    name="aliyun_credit_bureau",
    version="0.1.0",
    capabilities=frozenset({Capability.CREDIT_BUREAU}),
    settings=AliyunCreditSettings,
    factory=AliyunCredit,
    operations={
        "provider_health": OperationFacts(idempotent=True),
        # No key is taken and nothing can be asked after: a lost answer to a hard inquiry is a person's case.
        "credit_pull": OperationFacts(regulated=True),
    },
    countries=frozenset({"CN"}),
    currencies=frozenset({"CNY"}),
    data_categories=frozenset({"name", "identity_number", "phone", "bank_account", "plate"}),
    docs_url="https://help.aliyun.com/zh/id-verification/information-verification/",
)
