"""The vendor's words and the hub's, both ways; pure. A number that is not listed proves nothing, and is never a report.

Fields stand in the order of the vendor's own models, so that the bytes are those that its own client sends.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import assert_never

from hub.core.errors import ProviderError, RateLimited, Rejected, RetryAdvice, UnknownOutcome
from hub.core.identity import DocumentKind
from hub.core.ports.credit_bureau import Applicant, CheckKind, CreditOutcome, CreditReport
from hub.sdk.reading import Fields, JsonObject
from leasehub_credit_bureau_tencent.codes import CARRIERS, DETAILS, RESULTS, Found

ACTION = {
    CheckKind.IDENTITY: "IdCardVerification",
    CheckKind.PHONE: "PhoneVerification",
    CheckKind.BANK_CARD: "BankCard4EVerification",
}
# No such number exists: the vendor says so without asking its source, and charges nothing for it.
PROBE: JsonObject = {"IdCard": "0", "Name": "核验"}
_SHANGHAI = timezone(timedelta(hours=8))
_MAINLAND = "+86"
_DETAILED = "1"
_CITIZEN = 0  # the only kind of document that the check of a card takes


def elsewhere(code: str) -> Rejected:
    """This vendor cannot, before anything was asked; another may."""
    return Rejected(code, advice=RetryAdvice.OTHER_PROVIDER)


def question(check: CheckKind, applicant: Applicant, *, detailed: bool) -> JsonObject:
    """A check in the vendor's words; raises Rejected when the vendor does not offer it or something for it is lacking."""
    if applicant.document_kind is not DocumentKind.CN_IDENTITY_CARD:
        raise elsewhere("document_not_served")
    person = {"IdCard": _needed(applicant.document_number, "document").upper(), "Name": _needed(applicant.name, "name")}
    match check:
        case CheckKind.IDENTITY:
            return {**person}
        case CheckKind.PHONE:
            asked: JsonObject = {**person, "Phone": _phone(applicant)}
            return {**asked, "VerifyMode": _DETAILED} if detailed else asked
        case CheckKind.BANK_CARD:
            return {
                "Name": person["Name"],
                "BankCard": _needed(applicant.account_number, "account_number"),
                "Phone": _phone(applicant),
                "IdCard": person["IdCard"],
                "CertType": _CITIZEN,
            }
        case CheckKind.VEHICLE:
            raise elsewhere("check_not_offered")
        case _:
            assert_never(check)


def _needed(value: str, field: str) -> str:
    if not value:
        raise elsewhere(f"{field}_missing")
    return value


def _phone(applicant: Applicant) -> str:
    """The number as the mainland writes it."""
    phone = _needed(applicant.phone, "phone").removeprefix(_MAINLAND)
    if phone.startswith("+"):
        raise elsewhere("phone_not_served")
    return phone


def report_of(check: CheckKind, answer: Fields, now: datetime) -> CreditReport:
    """What the source said, as a report without a score; raises what any other number means."""
    number = answer.text("Result")
    found, word = RESULTS[check].get(number, (None, ""))
    facts = {"check": check.value}
    if carrier := CARRIERS.get(answer.optional_text("Isp") or ""):
        facts["carrier"] = carrier
    ref = answer.text("RequestId")
    if found is Found.NO_RECORD:
        return CreditReport(outcome=CreditOutcome.NO_FILE, report_ref=ref, facts=facts)
    if found is not Found.MATCH and found is not Found.MISMATCH:
        raise _refusal(found, number, word, now)
    reasons: tuple[str, ...] = ()
    if found is Found.MISMATCH:
        reasons = (DETAILS.get(answer.optional_text("ResultDetail") or "", word),)
    return CreditReport(
        outcome=CreditOutcome.REPORTED,
        report_ref=ref,
        model=f"tencent_{check.value}",
        reasons=reasons,
        facts={**facts, "match": "no" if reasons else "yes"},
    )


def _refusal(found: Found | None, number: str, word: str, now: datetime) -> ProviderError:
    detail = f"{number} ({word})"
    match found:
        case Found.BUSY:
            return RateLimited(detail)
        case Found.TOMORROW:
            return RateLimited(detail, retry_after_s=_until_tomorrow_s(now))
        case Found.NOT_SERVED:
            return Rejected(number, detail, advice=RetryAdvice.OTHER_PROVIDER)
        case Found.BAD_INPUT | Found.CARD:
            return Rejected(number, detail)
        case _:
            return UnknownOutcome(f"a result that nobody has mapped: {number[:20]}")


def _until_tomorrow_s(now: datetime) -> float:
    """Seconds until the vendor's day ends, which is Shanghai's."""
    local = now.astimezone(_SHANGHAI)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return (midnight - local).total_seconds()
