"""The rig in which the conformance kit tries this plugin: the stand-in inside the process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx

from hub.core.identity import DocumentKind
from hub.core.ports.credit_bureau import Applicant, CreditPullRequest, Inquiry
from hub.sdk.clock import VirtualClock
from hub.testing import Refusals, Rig
from leasehub_credit_bureau_creditsafe.plugin import descriptor
from leasehub_credit_bureau_creditsafe.standin import CreditsafeVendor

START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
USERNAME, PASSWORD = "hub@lessor.example", "password-made-up-5d10"
NUMBER, NAME = "91310000MA1FL0A07X", "上海某某运输有限公司"
SETTINGS: Mapping[str, object] = {
    "username": USERNAME,
    "password": PASSWORD,
    "base_url": "http://vendor.test/v1",
    "own_scale": True,
}


def inquiry(number: str = NUMBER, kind: DocumentKind = DocumentKind.CN_COMPANY_CODE) -> CreditPullRequest:
    """A question about a company."""
    applicant = Applicant(name=NAME, document_kind=kind, document_number=number)
    return CreditPullRequest(
        applicant=applicant, inquiry=Inquiry.SOFT, purpose="lease application", consent_ref="consent-1"
    )


@asynccontextmanager
async def make() -> AsyncIterator[Rig]:
    """A fresh vendor with the plugin in front of it."""
    clock = VirtualClock(START_AT)
    vendor = CreditsafeVendor(clock, username=USERNAME, password=PASSWORD)
    vendor.add_company(NUMBER, NAME)
    no = {"correlationId": "c-1", "messages": [{"type": "Error", "code": "ReportUnavailable", "text": "no"}]}
    yield Rig(
        descriptor=descriptor,
        settings=SETTINGS,
        requests={"credit_pull": inquiry()},
        vendor=httpx.ASGITransport(app=vendor.app),
        clock=clock,
        refusals=Refusals(rejected=lambda: httpx.Response(400, json=no)),
        books=vendor.books,
        status_field=None,
        carries=lambda request: not request.url.path.endswith("/authenticate"),
    )
