"""The card and the operations: each asks the client and maps the answer, nothing more."""

from __future__ import annotations

from hub.core.hookspecs import CreditV1, hookimpl
from hub.core.ports.credit_bureau import CreditPullRequest, CreditReport
from hub.core.provider import (
    CallContext,
    Capability,
    Credential,
    CredentialKind,
    Health,
    OperationFacts,
    PluginContext,
    PluginDescriptor,
)
from leasehub_credit_bureau_creditsafe import mapping
from leasehub_credit_bureau_creditsafe.client import CreditsafeClient
from leasehub_credit_bureau_creditsafe.settings import CreditsafeSettings


class Creditsafe(CreditV1):
    """Creditsafe reports on companies."""

    def __init__(self, settings: CreditsafeSettings, context: PluginContext) -> None:
        self._settings = settings
        self._client = CreditsafeClient(settings, context)

    @hookimpl
    async def provider_health(self, ctx: CallContext) -> Health:
        """Whether the account gets in, and may order reports on companies of the country."""
        may = mapping.covers(await self._client.access(ctx), self._settings.country)
        return Health(healthy=may, detail="up" if may else "the contract has no reports left for this country")

    @hookimpl
    def provider_credentials(self) -> tuple[Credential, ...]:
        """The password; the vendor says of no end."""
        return (Credential(name="password", kind=CredentialKind.SECRET),)

    @hookimpl
    async def credit_pull(self, request: CreditPullRequest, ctx: CallContext) -> CreditReport:
        """Find a company by its number and order the report on it."""
        query = mapping.search_query(request.applicant, self._settings, ctx.idempotency_key)
        found = await self._client.search(query, ctx)
        company = mapping.company_of(found, request.applicant.document_number, self._settings)
        if company is None:
            return mapping.no_file(found, self._settings)
        order = mapping.report_query(self._settings, ctx.idempotency_key)
        answer = await self._client.report(company.text("id"), order, ctx)
        return mapping.report_of(answer, company, self._settings)


descriptor = PluginDescriptor(
    name="creditsafe_credit_bureau",
    version="0.1.0",
    capabilities=frozenset({Capability.CREDIT_BUREAU}),
    settings=CreditsafeSettings,
    factory=Creditsafe,
    operations={
        "provider_health": OperationFacts(idempotent=True),
        # A report may be ordered again, and is billed again; callRef only lets the vendor's support find it.
        "credit_pull": OperationFacts(max_timeout_s=45.0),
    },
    data_categories=frozenset({"company_number"}),
    docs_url="https://doc.creditsafe.com/connect-apis-catalog",
)
