"""The rig in which the conformance kit tries this plugin: a shelf with one report on it, and nobody on the line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from tempfile import TemporaryDirectory

import httpx

from hub.core.identity import DocumentKind
from hub.sdk.clock import VirtualClock
from hub.testing import Refusals, Rig
from hub.testing.kit.rig import Booking
from hub.testing.kit.samples import IDENTITY
from leasehub_credit_bureau_report_import.figures import Figures
from leasehub_credit_bureau_report_import.plugin import descriptor
from leasehub_credit_bureau_report_import.shelf import Shelf, Subject

START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
KEY = "shelf-key-made-up-for-the-tests-7f3a91c2"
BUREAU = "pboc"
REPORT = b"%PDF-1.7\n% a report\n%%EOF\n"


def subject(consent_ref: str = "consent-1", number: str = IDENTITY) -> Subject:
    """Somebody on whom there may be a report."""
    return Subject(
        bureau=BUREAU, document_kind=DocumentKind.CN_IDENTITY_CARD, document_number=number, consent_ref=consent_ref
    )


@asynccontextmanager
async def make() -> AsyncIterator[Rig]:
    """A fresh shelf with the plugin in front of it."""
    with TemporaryDirectory() as folder:
        keep(folder)
        yield Rig(
            descriptor=descriptor,
            settings={"folder": folder, "bureau": BUREAU, "shelf_key": KEY},
            vendor=httpx.MockTransport(lambda request: httpx.Response(500)),
            clock=VirtualClock(START_AT),
            books=_nothing_booked,
            refusals=Refusals(rejected=lambda: httpx.Response(402)),
            status_field=None,
            on_a_line=False,
        )


def keep(folder: str) -> None:
    """Put a report on the shelf."""
    figures = Figures(score=640, open_overdue_count=0, inquiries_6m=3)
    Shelf(folder, [KEY.encode()]).keep(
        subject(), REPORT, operator="wang.li", number="2026-0001", on=date(2026, 3, 1), figures=figures
    )


async def _nothing_booked() -> list[Booking]:
    return []
