"""The card and the operations: each looks on the shelf, on a thread of its own, and maps what stands there."""

from __future__ import annotations

from datetime import timedelta, timezone

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
from hub.sdk.http import seconds_left
from hub.sdk.threads import BlockingCalls
from leasehub_credit_bureau_report_import import mapping
from leasehub_credit_bureau_report_import.settings import ReportImportSettings
from leasehub_credit_bureau_report_import.shelf import Shelf

_BEIJING = timezone(timedelta(hours=8))  # reports are dated by the day there
_THREADS = 4


class ReportImport(CreditV1):
    """A shelf of imported reports, asked like a bureau."""

    def __init__(self, settings: ReportImportSettings, context: PluginContext) -> None:
        self._settings = settings
        self._clock = context.clock
        self._shelf = Shelf(settings.folder, settings.keys())
        self._threads = BlockingCalls(threads=_THREADS, name=f"reports-{context.instance}")

    @hookimpl
    async def provider_health(self, ctx: CallContext) -> Health:
        """Whether the shelf is there and can be read."""
        await self._threads.run(self._limit_s(ctx), self._shelf.check)
        return Health(healthy=True, detail="up")

    @hookimpl
    def provider_credentials(self) -> tuple[Credential, ...]:
        """The keys of the shelf."""
        return self._settings.credentials()

    @hookimpl
    async def credit_pull(self, request: CreditPullRequest, ctx: CallContext) -> CreditReport:
        """The report that somebody has put on the shelf for this applicant and this consent."""
        subject = mapping.subject_of(request, self._settings)
        entry = await self._threads.run(self._limit_s(ctx), self._shelf.find, subject)
        return mapping.report_of(entry, self._clock.now().astimezone(_BEIJING).date(), self._settings)

    def _limit_s(self, ctx: CallContext) -> float:
        return seconds_left(ctx, self._clock, self._settings.timeout_s)


descriptor = PluginDescriptor(
    name="report_import",
    version="0.1.0",
    capabilities=frozenset({Capability.CREDIT_BUREAU}),
    settings=ReportImportSettings,
    factory=ReportImport,
    operations={
        "provider_health": OperationFacts(idempotent=True),
        # Looking leaves no mark on anybody's file: the mark was made when the report was fetched, by hand.
        "credit_pull": OperationFacts(max_timeout_s=20.0),
    },
    countries=frozenset({"CN"}),
    currencies=frozenset({"CNY"}),
    data_categories=frozenset({"none"}),
)
