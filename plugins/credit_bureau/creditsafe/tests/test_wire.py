"""What goes over the wire is what the vendor's OpenAPI 1.10.4 describes; one password is tried once."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from leasehub_credit_bureau_creditsafe.conformance import NUMBER, PASSWORD, USERNAME, inquiry

from hub.core.errors import AuthFailed, Misconfigured, NotSent, RateLimited, Rejected, RetryAdvice
from hub.core.identity import DocumentKind
from hub.core.ports.credit_bureau import CreditOutcome


async def test_a_report_is_found_and_ordered(wire: Any) -> None:
    seen = await wire.seen(wire.plugin().credit_pull(inquiry(), wire.ctx("key-7")))
    login, search, order = seen
    assert (login.method, login.target) == ("POST", "/v1/authenticate")
    assert json.loads(login.body) == {"username": USERNAME, "password": PASSWORD}
    assert "authorization" not in login.headers
    path, _, query = search.target.partition("?")
    assert (search.method, path) == ("GET", "/v1/companies")
    wanted = {"countries": "CN", "regNo": NUMBER, "page": "1", "pageSize": "10", "callRef": "key-7"}
    assert dict(parse_qsl(query)) == wanted
    path, _, query = order.target.partition("?")
    assert path == f"/v1/companies/CN-X-{NUMBER}"
    assert dict(parse_qsl(query)) == {"language": "en", "template": "full", "callRef": "key-7"}
    assert {one.headers["authorization"] for one in (search, order)} == {"Bearer eyJ-token-1"}


async def test_a_token_may_be_sent_bare(wire: Any) -> None:
    seen = await wire.seen(wire.plugin(bearer=False).provider_health(wire.ctx()))
    assert seen[-1].headers["authorization"] == "eyJ-token-1"


async def test_what_a_report_says(wire: Any) -> None:
    report = await wire.plugin().credit_pull(inquiry(), wire.ctx())
    assert (report.outcome, report.score, report.model, report.reasons) == (
        CreditOutcome.REPORTED,
        71,
        "creditsafe_cn",
        (),
    )
    assert report.report_ref.startswith(f"CN-X-{NUMBER}:correlation-")
    assert report.facts == {
        "band": "A",
        "provider_value": "71",
        "score_min": "1",
        "score_max": "100",
        "credit_limit": "1500000",
        "credit_limit_currency": "CNY",
        "default_probability": "0.0031",
        "rating_changed_on": "2025-11-01",
        "company_status": "Active",
    }


async def test_nobody_knows_a_company(wire: Any) -> None:
    seen = await wire.seen(wire.plugin().credit_pull(inquiry("91310000MA1FL0A08Y"), wire.ctx()))
    assert len(seen) == 2
    report = await wire.plugin().credit_pull(inquiry("91310000MA1FL0A08Y"), wire.ctx())
    assert (report.outcome, report.score) == (CreditOutcome.NO_FILE, None)
    assert wire.vendor.bookings == []


async def test_a_person_is_not_asked_about(wire: Any) -> None:
    with pytest.raises(Rejected) as refused:
        await wire.plugin().credit_pull(inquiry("110101199003078515", DocumentKind.CN_IDENTITY_CARD), wire.ctx())
    assert (refused.value.vendor_code, refused.value.advice) == ("document_not_served", RetryAdvice.OTHER_PROVIDER)
    assert wire.vendor.received == []


async def test_a_part_of_a_report_may_be_missing(wire: Any) -> None:
    wire.vendor.failed_sections = ["CreditScore", "Directors"]
    report = await wire.plugin().credit_pull(inquiry(), wire.ctx())
    assert (report.outcome, report.score) == (CreditOutcome.REPORTED, None)
    assert report.reasons == ("report_partial", "score_unavailable")
    assert report.facts["failed_sections"] == "CreditScore,Directors"


async def test_of_two_companies_the_active_one_counts_and_of_two_active_ones_none(wire: Any) -> None:
    wire.vendor.companies[f"CN-X-{NUMBER}"]["status"] = "NonActive"
    plugin = wire.plugin()
    assert (await plugin.credit_pull(inquiry(), wire.ctx())).reasons == ("company_not_active",)
    for name in ("second", "third"):
        wire.vendor.companies[name] = {**wire.vendor.companies[f"CN-X-{NUMBER}"], "id": name, "status": "Active"}
        wire.vendor.ratings[name] = wire.vendor.ratings[f"CN-X-{NUMBER}"]
        if name == "second":
            assert (await plugin.credit_pull(inquiry(), wire.ctx())).report_ref.startswith("second:")
    with pytest.raises(Rejected, match="does not name one company"):
        await plugin.credit_pull(inquiry(), wire.ctx())


async def test_germany_wants_a_reason(wire: Any) -> None:
    wire.vendor.countries = ("DE",)
    wire.vendor.add_company("HRB 123456", "Müller & Söhne GmbH", country="DE", vatNo=["DE123456789"])
    request = inquiry("DE123456789")
    with pytest.raises(Misconfigured, match="InsufficientCustomerData"):
        await wire.plugin(country="DE", search_by="vatNo").credit_pull(request, wire.ctx())
    plugin = wire.plugin(country="DE", search_by="vatNo", custom_data="de_reason_code::1")
    seen = await wire.seen(plugin.credit_pull(request, wire.ctx()))
    assert seen[-1].target.startswith("/v1/companies/DE-X-HRB%20123456?")
    assert dict(parse_qsl(seen[-1].target.partition("?")[2]))["customData"] == "de_reason_code::1"


async def test_a_country_that_is_not_in_the_contract(wire: Any) -> None:
    plugin = wire.plugin(country="FR")
    with pytest.raises(Misconfigured):
        await plugin.credit_pull(inquiry(), wire.ctx())
    assert not (await plugin.provider_health(wire.ctx())).healthy
    assert (await wire.plugin().provider_health(wire.ctx())).healthy


async def test_a_wrong_password_is_tried_once_however_many_ask(wire: Any) -> None:
    plugin = wire.plugin(password="wrong")
    ends = await asyncio.gather(*(plugin.credit_pull(inquiry(), wire.ctx()) for _ in range(20)), return_exceptions=True)
    assert {type(end) for end in ends} == {AuthFailed}
    assert len(wire.vendor.received) == 1
    wire.clock.advance(timedelta(minutes=4, seconds=59))
    with pytest.raises(AuthFailed):
        await plugin.provider_health(wire.ctx())
    assert len(wire.vendor.received) == 1
    assert wire.vendor.locked_until is None
    assert "wrong" not in str(ends)


async def test_whoever_is_locked_out_waits(wire: Any) -> None:
    for _ in range(5):
        with pytest.raises(AuthFailed):
            await wire.plugin(password="wrong").provider_health(wire.ctx())
    with pytest.raises(RateLimited) as locked:
        await wire.plugin().provider_health(wire.ctx())
    assert locked.value.retry_after_s == 300.0
    wire.clock.advance(timedelta(minutes=5))
    assert (await wire.plugin().provider_health(wire.ctx())).healthy


async def test_one_token_serves_all_and_is_renewed_in_time(wire: Any) -> None:
    plugin = wire.plugin()
    await asyncio.gather(*(plugin.credit_pull(inquiry(), wire.ctx(f"key-{n}")) for n in range(20)))
    assert len(wire.vendor.tokens) == 1
    assert sorted(one.key for one in wire.vendor.bookings) == sorted(f"key-{n}" for n in range(20))
    wire.clock.advance(timedelta(minutes=59))
    await plugin.provider_health(wire.ctx())
    assert len(wire.vendor.tokens) == 2
    wire.clock.advance(timedelta(minutes=2))
    wire.vendor.tokens.clear()
    with pytest.raises(NotSent):
        await plugin.provider_health(wire.ctx())
    assert (await plugin.provider_health(wire.ctx())).healthy


async def test_two_accounts_do_not_meet(wire: Any) -> None:
    good, bad = wire.plugin(), wire.plugin(username="other")
    assert (await good.provider_health(wire.ctx())).healthy
    with pytest.raises(AuthFailed):
        await bad.provider_health(wire.ctx())
    assert (await good.provider_health(wire.ctx())).healthy
