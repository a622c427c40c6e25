"""Which documents fit which party, and when a consent covers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.errors import InvalidInput
from hub.core.identity import DocumentKind
from hub.core.ids import ConsentId, PartyId
from hub.infra.clock import Ids
from hub.leasing.parties.rules import (
    ConsentMethod,
    ConsentPurpose,
    ConsentView,
    PartyKind,
    check_document_fits,
    check_given_at,
)
from hub.sdk.clock import VirtualClock

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize("document", DocumentKind)
@pytest.mark.parametrize("kind", PartyKind)
def test_a_company_code_is_for_companies_and_nothing_else_is(kind: PartyKind, document: DocumentKind) -> None:
    if (kind is PartyKind.COMPANY) == (document is DocumentKind.CN_COMPANY_CODE):
        check_document_fits(kind, document)
    else:
        with pytest.raises(InvalidInput, match="document_kind"):
            check_document_fits(kind, document)


hours = st.integers(-48, 48).map(lambda hour: NOON + timedelta(hours=hour))


@given(given_at=hours, withdrawn_at=st.none() | hours, asked_at=hours)
def test_a_consent_covers_from_when_it_is_given_until_it_is_withdrawn(
    given_at: datetime, withdrawn_at: datetime | None, asked_at: datetime
) -> None:
    ids = Ids(VirtualClock(NOON))
    consent = ConsentView(
        id=ConsentId(ids.new()),
        party_id=PartyId(ids.new()),
        purpose=ConsentPurpose.CREDIT_CHECK,
        text_version="1",
        given_at=given_at,
        method=ConsentMethod.SIGNATURE,
        withdrawn_at=withdrawn_at,
    )
    assert consent.covers(asked_at) == (given_at <= asked_at < (withdrawn_at or datetime.max.replace(tzinfo=UTC)))


def test_a_consent_cannot_come_from_the_future_or_from_no_zone() -> None:
    check_given_at(NOON, NOON)
    for wrong in (NOON + timedelta(seconds=1), NOON.replace(tzinfo=None)):
        with pytest.raises(InvalidInput, match="given_at"):
            check_given_at(wrong, NOON)
