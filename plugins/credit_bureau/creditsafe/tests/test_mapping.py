"""The vendor's words and the hub's: messages, ratings, numbers that are texts, companies that are others.

The ratings of a French and a Swedish company that has none, and the answer of a search without a result, are taken from
answers that other projects keep in their tests, as far as the rating goes; everything else is made up after the OpenAPI.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leasehub_credit_bureau_creditsafe import codes, mapping
from leasehub_credit_bureau_creditsafe.conformance import NUMBER, SETTINGS
from leasehub_credit_bureau_creditsafe.settings import CreditsafeSettings
from pydantic import ValidationError

from hub.core.errors import (
    AuthFailed,
    Misconfigured,
    ProviderError,
    RateLimited,
    Rejected,
    RetryAdvice,
    UnknownOutcome,
)
from hub.core.ports.credit_bureau import CreditOutcome, CreditReport
from hub.sdk.http import HttpAnswer
from hub.sdk.reading import Fields
from hub.sdk.refusals import Meaning

FRENCH = {
    "commonValue": "E",
    "commonDescription": "Not Scored",
    "creditLimit": {"value": "Credit Limit not applicable"},
    "providerValue": {"maxValue": "100", "minValue": "0", "value": "Not Rated"},
    "providerDescription": "Company in situation of failure and with a very high risk of winding up",
}
SWEDISH = {
    "commonDescription": "Not Rated",
    "commonValue": "E",
    "creditLimit": {"value": "0"},
    "providerDescription": "No account",
    "providerValue": {"value": "No credit rating"},
}
NOTHING = {
    "totalSize": 0,
    "companies": {},
    "messages": [{"type": "Information", "code": "NoResults", "text": "no results found for search criteria"}],
}
_KINDS = {
    Meaning.LIMITED: RateLimited,
    Meaning.CREDENTIALS: AuthFailed,
    Meaning.SETTINGS: Misconfigured,
    Meaning.BUSINESS: Rejected,
    Meaning.DOUBT: UnknownOutcome,
}


def made(**more: object) -> CreditsafeSettings:
    own = not {"score_low", "score_high"} & set(more)
    return CreditsafeSettings(**{**SETTINGS, "own_scale": own, **more})  # type: ignore[arg-type]


def failed(status: int, content: object, headers: dict[str, str] | None = None) -> ProviderError | None:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return mapping.failure(HttpAnswer(status=status, headers=headers or {}, body=body))


def report(rating: dict[str, object], **more: object) -> CreditReport:
    company = Fields({"id": "c-1", "country": "CN", "status": more.pop("status", "Active")})
    scale = {name: more.pop(name) for name in ("score_low", "score_high") if name in more}
    content = {"companyId": "c-1", "creditScore": {"currentCreditRating": rating}}
    return mapping.report_of(Fields({"companyId": "c-1", "report": content, **more}), company, made(**scale))


@pytest.mark.parametrize(("code", "meaning"), sorted(codes.REFUSALS.items()))
@pytest.mark.parametrize("status", [200, 400])
def test_messages(code: str, meaning: Meaning, status: int) -> None:
    found = failed(status, {"correlationId": "c", "messages": [{"type": "Error", "code": code, "text": "张三"}]})
    if code == codes.NOTHING_FOUND:
        assert found is None
    else:
        assert type(found) is _KINDS[meaning]
        assert "张三" not in str(found)
    if isinstance(found, Rejected):
        assert (found.advice is RetryAdvice.OTHER_PROVIDER) is (code in codes.ELSEWHERE)


@pytest.mark.parametrize("code", sorted(codes.NEWS))
def test_news_is_no_refusal(code: str) -> None:
    assert failed(200, {"messages": [{"type": "Information", "code": code}]}) is None


def test_every_published_message_is_mapped() -> None:
    """Source: `Creditsafe.GlobalData.MessageCode`, OpenAPI 1.10.4."""
    published = (
        "NoResults TooManyResults ReportUnavailable ReportUnavailableDueToLegal ReportUnavailableOnline LegalNotice "
        "InvalidCredentials AccessRestricted AccessLimitsNearing InsufficientCustomerData ReportboxAlmostFull "
        "ReportboxFull InvalidRequestXml InvalidOperationParameters OperationNotSupported InvalidCustomData "
        "ChangeNotification TemporarySystemProblem EndpointShutdown UnexpectedInternalError Other "
        "DataServiceAccessProblems DataServiceInvalidResponse"
    )
    assert set(published.split()) <= set(codes.REFUSALS) | codes.NEWS


@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [
        (400, {"correlationId": "c", "message": "Bad Request", "details": "regNo"}, Rejected),
        (404, {"correlationId": "c", "message": "Not found"}, Rejected),
        (404, b"<html>", Misconfigured),
        (404, {}, Misconfigured),
        (401, {"error": "Invalid Token"}, AuthFailed),
        (403, {"message": "Access forbidden"}, Misconfigured),
        (429, {}, RateLimited),
        (500, {"message": "x"}, UnknownOutcome),
        (302, b"", UnknownOutcome),
    ],
)
def test_statuses(status: int, content: object, kind: type[ProviderError]) -> None:
    assert type(failed(status, content)) is kind


def test_the_gravest_message_counts() -> None:
    messages = [{"code": one} for one in ("Other", "AccessLimitsNearing", "ReportUnavailable", "InvalidCredentials")]
    assert type(failed(400, {"messages": messages})) is AuthFailed


def test_companies_without_a_rating() -> None:
    french, swedish = report(FRENCH), report(SWEDISH)
    assert (french.score, french.reasons) == (None, ("not_rated",))
    assert (french.facts["provider_value"], french.facts["score_max"]) == ("Not Rated", "100")
    assert (swedish.score, swedish.facts["credit_limit"]) == (None, "0")
    assert swedish.outcome is CreditOutcome.REPORTED


@pytest.mark.parametrize(
    ("told", "score"),
    [
        ("71", 71),
        (71, 71),
        (71.0, 71),
        (" 71 ", 71),
        ("71.9", 71),
        ("0", 0),
        ("NaN", None),
        ("", None),
        (None, None),
        (True, None),
    ],
)
def test_numbers_that_are_texts(told: object, score: int | None) -> None:
    assert report({"commonValue": "A", "providerValue": {"value": told}}).score == score


@pytest.mark.parametrize(
    ("value", "least", "most", "score"),
    [
        ("0", "0", "100", 300),
        ("100", "0", "100", 850),
        ("71", "1", "100", 688),
        ("101", "0", "100", None),
        ("50", None, "100", None),
        ("1", "1", "1", None),
    ],
)
def test_another_scale(value: str, least: str | None, most: str, score: int | None) -> None:
    rating: dict[str, object] = {
        "commonValue": "B",
        "providerValue": {"value": value, "minValue": least, "maxValue": most},
    }
    found = report(rating, score_low=300, score_high=850)
    assert (found.score, found.model) == (score, "creditsafe_cn_300_850")


@given(st.integers(0, 100))
def test_a_better_company_is_never_told_worse(value: int) -> None:
    def scaled(score: int) -> int:
        rating: dict[str, object] = {"providerValue": {"value": str(score), "minValue": "0", "maxValue": "100"}}
        found = report(rating, score_low=300, score_high=850).score
        assert found is not None
        return found

    assert 300 <= scaled(value) <= 850
    assert scaled(value) <= scaled(min(value + 1, 100))


@pytest.mark.parametrize(
    ("band", "reasons"), [("A", ()), ("C", ()), ("D", ("high_risk",)), ("E", ("not_rated",)), ("X", ())]
)
def test_bands(band: str, reasons: tuple[str, ...]) -> None:
    assert report({"commonValue": band}).reasons == reasons
    assert report({"commonValue": band}, status="Pending").reasons == (*reasons, "company_not_active")


@pytest.mark.parametrize(
    "wrong",
    [
        {"companyId": "c-2"},
        {"report": {}},
        {"report": []},
        {"failedSections": "x"},
        {"report": {"companyId": "c-2"}, "companyId": None},
    ],
)
def test_a_report_about_something_else_is_none(wrong: dict[str, object]) -> None:
    with pytest.raises(UnknownOutcome):
        report({}, **wrong)


def company(**more: object) -> dict[str, object]:
    return {"id": "c-1", "country": "CN", "regNo": NUMBER, "vatNo": None, "status": "Active"} | more


def test_nothing_found_in_each_of_its_shapes() -> None:
    for content in (NOTHING, {"totalSize": 0, "companies": []}, {"totalSize": 0}, {**NOTHING, "companies": []}):
        assert mapping.company_of(Fields(dict(content)), NUMBER, made()) is None
    assert mapping.no_file(Fields({}), made()).report_ref == "search:CN"


@pytest.mark.parametrize("content", [{}, {"companies": {}}, {"totalSize": 3}, {"companies": "x"}, {"companies": [1]}])
def test_what_is_no_list_is_unreadable(content: dict[str, object]) -> None:
    with pytest.raises(UnknownOutcome):
        mapping.company_of(Fields(content), NUMBER, made())


def test_another_number_is_another_company() -> None:
    for one in (company(regNo="1"), company(regNo=None)):
        with pytest.raises(Rejected, match="does not name one company"):
            mapping.company_of(Fields({"companies": [one]}), NUMBER, made())
    spaced = company(regNo=f"{NUMBER[:8]} {NUMBER[8:].lower()}")
    assert mapping.company_of(Fields({"companies": [spaced, company(regNo="1")]}), NUMBER, made()) is not None
    by_vat = company(regNo="1", vatNo=[None, NUMBER])
    assert mapping.company_of(Fields({"companies": [by_vat]}), NUMBER, made(search_by="vatNo")) is not None
    with pytest.raises(UnknownOutcome):
        mapping.company_of(Fields({"companies": [company(country="FR")]}), NUMBER, made())


@pytest.mark.parametrize(
    ("service", "covered"),
    [
        ({"countryIso2": "CN", "paid": 10, "used": 9}, True),
        ({"countryIso2": "CN", "paid": 10, "used": 10}, False),
        ({"countryIso2": "CN", "paid": 0, "used": 3}, True),
        ({"countryIso2": "CN"}, True),
        ({"countryIso2": "FR", "paid": 10, "used": 0}, False),
    ],
)
def test_what_the_contract_covers(service: dict[str, object], covered: bool) -> None:
    access = Fields({"countryAccess": {"creditsafeConnectOnlineReports": [service]}})
    assert mapping.covers(access, "CN") is covered


@pytest.mark.parametrize(
    "wrong",
    [
        {"country": "cn"},
        {"base_url": "connect.creditsafe.com"},
        {"score_low": 300},
        {"score_high": 850},
        {"score_low": 850, "score_high": 300},
        {"score_low": 5, "score_high": 5},
        {"own_scale": False},
        {"own_scale": True, "score_low": 300, "score_high": 850},
        {"password": ""},
        {"template": "a b"},
        {"search_by": "name"},
    ],
)
def test_settings_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        made(**wrong)
