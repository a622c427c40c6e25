"""A shelf in a folder of the test's own, and the plugin in front of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from leasehub_credit_bureau_report_import.conformance import BUREAU, KEY, START_AT
from leasehub_credit_bureau_report_import.plugin import ReportImport
from leasehub_credit_bureau_report_import.settings import ReportImportSettings
from leasehub_credit_bureau_report_import.shelf import Shelf

from hub.core.identity import DocumentKind
from hub.core.ports.credit_bureau import Applicant, CreditPullRequest, Inquiry
from hub.sdk.clock import VirtualClock
from hub.testing.contexts import call_context, plugin_context
from hub.testing.kit.samples import IDENTITY


@dataclass(slots=True, kw_only=True)
class Desk:
    """A shelf, and both ways to it."""

    folder: Path
    clock: VirtualClock

    def shelf(self, key: str = KEY) -> Shelf:
        """Where reports are put."""
        return Shelf(str(self.folder), [key.encode()])

    def plugin(self, **more: object) -> ReportImport:
        """An instance that looks there."""
        made = {"folder": str(self.folder), "bureau": BUREAU, "shelf_key": KEY, **more}
        return ReportImport(ReportImportSettings(**made), plugin_context(httpx.AsyncClient(), self.clock))  # type: ignore[arg-type]

    async def pulled(self, consent: str = "consent-1", number: str = IDENTITY, **more: object) -> Any:
        """What an inquiry brings."""
        applicant = Applicant(name="张三丰", document_kind=DocumentKind.CN_IDENTITY_CARD, document_number=number)
        request = CreditPullRequest(
            applicant=applicant, inquiry=Inquiry.HARD, purpose="lease_application", consent_ref=consent
        )
        return await self.plugin(**more).credit_pull(request, call_context(self.clock))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    for name in ("files", "entries"):
        (tmp_path / name).mkdir()
    return Desk(folder=tmp_path, clock=VirtualClock(START_AT))
