"""The vendor's words and the hub's, both ways; pure. The vendor writes numbers as texts, and texts where it has no number."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from hub.core.errors import Misconfigured, ProviderError, Rejected, RetryAdvice, UnknownOutcome
from hub.core.identity import DocumentKind
from hub.core.ports.credit_bureau import Applicant, CreditOutcome, CreditReport
from hub.sdk.errors import classify_status
from hub.sdk.http import HttpAnswer
from hub.sdk.reading import Fields, JsonObject, json_object, unreadable
from hub.sdk.refusals import Meaning, refusal, shown_code
from leasehub_credit_bureau_creditsafe.codes import BAND_REASONS, ELSEWHERE, NOTHING_FOUND, REFUSALS, SCORE_SECTION
from leasehub_credit_bureau_creditsafe.settings import CreditsafeSettings, SearchBy

_ACTIVE = "Active"
_LONGEST = 200  # characters of a fact


# Asked


def search_query(applicant: Applicant, settings: CreditsafeSettings, key: str) -> dict[str, str]:
    """The search for a company by its number; raises Rejected for a person."""
    if applicant.document_kind is not DocumentKind.CN_COMPANY_CODE:
        raise Rejected("document_not_served", "only companies are known", advice=RetryAdvice.OTHER_PROVIDER)
    number = {settings.search_by.value: applicant.document_number}
    return {"countries": settings.country, **number, "page": "1", "pageSize": "10", "callRef": key}


def report_query(settings: CreditsafeSettings, key: str) -> dict[str, str]:
    """The order of a report."""
    query = {"language": settings.language, "template": settings.template, "callRef": key}
    return query | ({"customData": settings.custom_data} if settings.custom_data else {})


# Found


def company_of(answer: Fields, number: str, settings: CreditsafeSettings) -> Fields | None:
    """The company of this number; None when the vendor knows none. Raises Rejected when it cannot be told which it is.

    One that carries another number is the answer to another question, whatever it is called.
    """
    listed = answer.content.get("companies")
    if listed is None or listed == {} or listed == []:
        if answer.content.get("totalSize") != 0 and NOTHING_FOUND not in _messages(answer.content):
            raise unreadable("it is no list of companies")
        return None
    found = [one for one in answer.each("companies") if _clean(number) in _numbers(one, settings.search_by)]
    active = [one for one in found if one.optional_text("status") == _ACTIVE] or found
    if len(active) != 1:
        raise Rejected(
            "company_not_identified", "the search does not name one company", advice=RetryAdvice.OTHER_PROVIDER
        )
    if active[0].text("country") != settings.country:
        raise UnknownOutcome("the answer is about another country")
    return active[0]


def _numbers(company: Fields, by: SearchBy) -> frozenset[str]:
    told = company.content.get(by.value)
    return frozenset(_clean(one) for one in (told if isinstance(told, list) else [told]) if isinstance(one, str))


def _clean(number: str) -> str:
    return "".join(character for character in number if character.isalnum()).upper()


def no_file(answer: Fields, settings: CreditsafeSettings) -> CreditReport:
    """The vendor knows no such company."""
    ref = f"search:{shown_code(answer.content.get('correlationId')) or settings.country}"
    return CreditReport(outcome=CreditOutcome.NO_FILE, report_ref=ref, model=_model(settings))


# Reported


def report_of(answer: Fields, company: Fields, settings: CreditsafeSettings) -> CreditReport:
    """A report in the hub's words; raises UnknownOutcome for one about another company."""
    report, number = answer.inner("report"), company.text("id")
    about = {one.optional_text("companyId") for one in (answer, report)} - {None}
    if about != {number} or not report.content:
        raise UnknownOutcome("the report is about another company")
    failed = answer.texts("failedSections") if answer.content.get("failedSections") is not None else ()
    rating = _inner(_inner(report, "creditScore"), "currentCreditRating")
    band = rating.optional_text("commonValue")
    status = company.optional_text("status")
    return CreditReport(
        outcome=CreditOutcome.REPORTED,
        report_ref=f"{number}:{shown_code(answer.content.get('correlationId')) or 'report'}",
        score=_score(rating, settings),
        model=_model(settings),
        reasons=_reasons(band, status, failed),
        facts=_facts(report, rating, status, failed),
    )


def _model(settings: CreditsafeSettings) -> str:
    """The scorecard is each country's own."""
    scale = "" if settings.score_high is None else f"_{settings.score_low}_{settings.score_high}"
    return f"creditsafe_{settings.country.lower()}{scale}"


def _score(rating: Fields, settings: CreditsafeSettings) -> int | None:
    """The country's score, on the scale of the settings where they have one; None when the company is not rated."""
    value = _inner(rating, "providerValue")
    score = _number(value.content.get("value"))
    if score is None or settings.score_low is None or settings.score_high is None:
        return None if score is None else int(score)
    low, high = _number(value.content.get("minValue")), _number(value.content.get("maxValue"))
    if low is None or high is None or not low <= score <= high or low == high:
        return None
    span = settings.score_high - settings.score_low
    return settings.score_low + int((score - low) * span / (high - low))


def _reasons(band: str | None, status: str | None, failed: tuple[str, ...]) -> tuple[str, ...]:
    told = [BAND_REASONS.get(band or "not_told", "")]
    told.append("" if status == _ACTIVE else "company_not_active")
    told.append("report_partial" if failed else "")
    told.append("score_unavailable" if SCORE_SECTION in failed else "")
    return tuple(reason for reason in told if reason)


def _facts(report: Fields, rating: Fields, status: str | None, failed: tuple[str, ...]) -> Mapping[str, str]:
    """What a person wants to see, as far as the report has it."""
    score = _inner(report, "creditScore")
    value, limit = _inner(rating, "providerValue"), _inner(rating, "creditLimit")
    told: JsonObject = {
        "band": rating.content.get("commonValue"),
        "provider_value": value.content.get("value"),
        "score_min": value.content.get("minValue"),
        "score_max": value.content.get("maxValue"),
        "credit_limit": limit.content.get("value"),
        "credit_limit_currency": limit.content.get("currency"),
        "default_probability": rating.content.get("pod"),
        "previous_band": _inner(score, "previousCreditRating").content.get("commonValue"),
        "rating_changed_on": str(score.content.get("latestRatingChangeDate") or "")[:10],
        "company_status": status,
        "failed_sections": ",".join(failed),
    }
    return {name: text for name, fact in told.items() if (text := _text(fact))}


def _inner(fields: Fields, name: str) -> Fields:
    """A part of a report, empty when the report has it not; raises UnknownOutcome for one of another shape."""
    return Fields({}) if fields.content.get(name) is None else fields.inner(name)


def _text(fact: object) -> str:
    plain = isinstance(fact, str | int | float) and not isinstance(fact, bool)
    return str(fact).strip()[:_LONGEST] if plain else ""


def _number(told: object) -> Decimal | None:
    """A number, whether it is written as one or as a text; None for "Not Rated" and the like."""
    try:
        found = Decimal(_text(told))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def covers(answer: Fields, country: str) -> bool:
    """Whether the account may order reports on companies of a country, and has some left."""
    services = _inner(answer, "countryAccess").each("creditsafeConnectOnlineReports")
    for one in services:
        if one.optional_text("countryIso2") == country:
            paid, used = one.content.get("paid"), one.content.get("used")
            return not (isinstance(paid, int) and isinstance(used, int) and 0 < paid <= used)
    return False


# Refused


def failure(answer: HttpAnswer) -> ProviderError | None:
    """The error that an answer means; None when it is none. A message of the vendor's counts before the status."""
    general = classify_status(answer.status, answer.headers)
    content = _content(answer.body)
    if general is None:
        return _of_messages(content) if content else None
    if answer.status == 403:
        return Misconfigured("the contract does not have this")
    if answer.status in (400, 404) and content is not None:
        return _of_messages(content) or _plain(answer.status, content)
    return general


def _content(body: bytes) -> JsonObject | None:
    try:
        return json_object(body)
    except UnknownOutcome:
        return None


def _of_messages(content: JsonObject) -> ProviderError | None:
    """The gravest message, in the order of what it forbids to conclude; nothing found is no error but an answer."""
    codes = [code for code in _messages(content) if code in REFUSALS and code != NOTHING_FOUND]
    found = [refusal(REFUSALS[code], code, advice=_advice(code)) for code in sorted(codes, key=_gravity)]
    return found[0] if found else None


def _gravity(code: str) -> int:
    return list(Meaning).index(REFUSALS[code])


def _advice(code: str) -> RetryAdvice:
    return RetryAdvice.OTHER_PROVIDER if code in ELSEWHERE else RetryAdvice.NEVER


def _messages(content: JsonObject) -> tuple[str, ...]:
    """The codes of the messages in an answer."""
    told = content.get("messages")
    return tuple(shown_code(one.get("code")) for one in told if isinstance(one, dict)) if isinstance(told, list) else ()


def _plain(status: int, content: JsonObject) -> ProviderError | None:
    """A refusal of the vendor's own shape without a code of a message; a search that found nothing is none."""
    if NOTHING_FOUND in _messages(content):
        return None
    if "correlationId" in content or "message" in content:
        return Rejected("bad_request" if status == 400 else "not_found", "the vendor said no")
    return classify_status(status, {})
