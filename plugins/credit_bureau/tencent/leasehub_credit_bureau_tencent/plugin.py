"""The card and the operations: each asks the client and maps the answer, nothing more."""

from __future__ import annotations

from leasehub_tc3.client import Service, Tc3Client

from hub.core.errors import Rejected
from hub.core.hookspecs import CreditV1, hookimpl
from hub.core.ports.credit_bureau import CheckKind, CreditPullRequest, CreditReport
from hub.core.provider import (
    CallContext,
    Capability,
    Credential,
    Health,
    OperationFacts,
    PluginContext,
    PluginDescriptor,
)
from leasehub_credit_bureau_tencent import mapping
from leasehub_credit_bureau_tencent.codes import FACEID
from leasehub_credit_bureau_tencent.settings import TencentChecksSettings


class TencentChecks(CreditV1):
    """Does a name belong to a document, a phone to a person, a bank card to both?"""

    def __init__(self, settings: TencentChecksSettings, context: PluginContext) -> None:
        self._settings = settings
        self._clock = context.clock
        self._faceid = Tc3Client(settings, context, Service(name="faceid", version="2018-03-01", codes=FACEID))

    @hookimpl
    async def provider_health(self, ctx: CallContext) -> Health:
        """Whether the vendor is there and knows our credentials: it is asked about a number that cannot exist."""
        try:
            await self._faceid.ask(self._settings.url, mapping.ACTION[CheckKind.IDENTITY], mapping.PROBE, ctx)
        except Rejected as no:
            return Health(healthy=True, detail=no.vendor_code)
        return Health(healthy=True)

    @hookimpl
    def provider_credentials(self) -> tuple[Credential, ...]:
        """The key pair."""
        return self._settings.credentials()

    @hookimpl
    async def credit_pull(self, request: CreditPullRequest, ctx: CallContext) -> CreditReport:
        """Make one check; the vendor answers at once and keeps nothing that could be asked after."""
        check = request.check or self._settings.default_check
        body = mapping.question(check, request.applicant, detailed=self._settings.detailed)
        answer = await self._faceid.ask(self._settings.url, mapping.ACTION[check], body, ctx)
        return mapping.report_of(check, answer, self._clock.now())


descriptor = PluginDescriptor(
    name="tencent_credit_bureau",
    version="0.1.0",
    capabilities=frozenset({Capability.CREDIT_BUREAU}),
    settings=TencentChecksSettings,
    factory=TencentChecks,
    operations={
        "provider_health": OperationFacts(idempotent=True),
        "credit_pull": OperationFacts(key_max_len=128),
    },
    countries=frozenset({"CN"}),
    data_categories=frozenset({"name", "identity_number", "phone", "bank_account"}),
    docs_url="https://cloud.tencent.com/document/product/1007",
)
