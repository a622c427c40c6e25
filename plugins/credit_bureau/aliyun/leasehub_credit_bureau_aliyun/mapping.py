"""The vendor's words and the hub's, both ways; pure. A result that is not mapped is an unknown outcome, never a match."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from leasehub_acs3.client import Action
from leasehub_acs3.codes import readable

from hub.core.errors import Rejected, RetryAdvice, UnknownOutcome
from hub.core.identity import DocumentKind
from hub.core.ports.credit_bureau import Applicant, CheckKind, CreditOutcome, CreditPullRequest, CreditReport
from hub.sdk.reading import Fields, JsonObject, json_object
from leasehub_credit_bureau_aliyun.codes import (
    ANOTHER_NAME,
    CARD,
    CARRIER,
    ELSEWHERE,
    HOLDER,
    MATCH,
    MISMATCH,
    NO_RECORD,
    OK,
    PHONE,
    REFUSALS,
)
from leasehub_credit_bureau_aliyun.settings import AliyunCreditSettings, ParamType, VehicleProduct

_CAPITAL = re.compile(r"(?=[A-Z])")
_MOBILE = re.compile(r"\+861[3-9][0-9]{9}")
_NEW_ENERGY_PLATE = 8  # characters; a plate of the older kind has seven. Source: GA 36-2018
_SMALL, _SMALL_NEW_ENERGY = "02", "52"


def _action(name: str) -> Action:
    return Action(name=name, version="2019-03-07", codes=REFUSALS, ok=OK, elsewhere=ELSEWHERE)


IDENTITY = _action("Id2MetaVerify")
PHONE_DETAIL = _action("Mobile3MetaDetailVerify")
BANK_CARD = _action("BankMetaVerify")
VEHICLE_OWNER = _action("VehicleMetaVerify")
VEHICLE_DESCRIPTION = _action("Vehicle5ItemQuery")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of the vendor: parameters in the query or in a form, as the action has it."""

    kind: CheckKind
    action: Action
    query: Mapping[str, str] | None = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)


def asked(request: CreditPullRequest, settings: AliyunCreditSettings) -> Asked:
    """The action for an inquiry; raises Rejected when the applicant has not what the check compares."""
    applicant, kind, how = request.applicant, request.check or settings.default_check, settings.param_type
    common = {"ParamType": how.value}
    match kind:
        case CheckKind.IDENTITY:
            person = {"IdentifyNum": _partly_document(applicant, how), "UserName": _partly_name(applicant, how)}
            return Asked(kind=kind, action=IDENTITY, form=common | person)
        case CheckKind.PHONE:
            whole = {
                "IdentifyNum": _whole(_document(applicant), how),
                "Mobile": _whole(_mobile(applicant), how),
                "UserName": _whole(_name(applicant), how),
            }
            return Asked(kind=kind, action=PHONE_DETAIL, form=common | whole)
        case CheckKind.BANK_CARD:
            return Asked(kind=kind, action=BANK_CARD, query=common | _card(applicant, settings))
        case CheckKind.VEHICLE:
            plate = common | _plate(applicant, how)
            if settings.vehicle_product is VehicleProduct.DESCRIPTION:
                return Asked(kind=kind, action=VEHICLE_DESCRIPTION, query=plate)
            return Asked(kind=kind, action=VEHICLE_OWNER, query=plate | _owner(applicant, settings))


def _card(applicant: Applicant, settings: AliyunCreditSettings) -> dict[str, str]:
    how, elements = settings.param_type, settings.bank_card_elements
    number = _given("account_number", applicant.account_number)
    query = {
        "BankCard": number if how is ParamType.NORMAL else number[:-6] + _md5(number[-6:]),
        "ProductType": f"BANK_CARD_{elements}_META",
        "UserName": _partly_name(applicant, how),
        "VerifyMode": "VERIFY_BANK_CARD",
    }
    if elements > 2:
        query["IdentifyNum"] = _partly_document(applicant, how)
    if elements > 3:
        query["Mobile"] = _whole(_mobile(applicant), how)
    return query


def _plate(applicant: Applicant, how: ParamType) -> dict[str, str]:
    plate = _given("plate", applicant.plate).replace("·", "").replace(" ", "").upper()
    kind = _SMALL_NEW_ENERGY if len(plate) == _NEW_ENERGY_PLATE else _SMALL
    shown = plate if how is ParamType.NORMAL else plate[:-2] + _md5(plate[-2:])
    return {"VehicleNum": shown, "VehicleType": kind}


def _owner(applicant: Applicant, settings: AliyunCreditSettings) -> dict[str, str]:
    elements = settings.vehicle_elements
    query = {
        "UserName": _partly_name(applicant, settings.param_type),
        "VerifyMetaType": f"VEHICLE_{elements}_META",
    }
    return query | ({"IdentifyNum": _partly_document(applicant, settings.param_type)} if elements > 2 else {})


# How a person is named: whole, or partly hashed


def _given(name: str, value: str) -> str:
    if not value:
        raise Rejected(f"{name}_missing", f"the check compares {name}", advice=RetryAdvice.OTHER_PROVIDER)
    return value


def _name(applicant: Applicant) -> str:
    return _given("name", applicant.name)


def _document(applicant: Applicant) -> str:
    if applicant.document_kind is not DocumentKind.CN_IDENTITY_CARD:
        raise Rejected("document_not_served", "only identity cards are compared", advice=RetryAdvice.OTHER_PROVIDER)
    return _given("document", applicant.document_number).upper()


def _mobile(applicant: Applicant) -> str:
    if not _MOBILE.fullmatch(_given("phone", applicant.phone)):
        raise Rejected("phone_not_served", "only mainland mobiles are compared", advice=RetryAdvice.OTHER_PROVIDER)
    return applicant.phone.removeprefix("+86")


def _whole(text: str, how: ParamType) -> str:
    return text if how is ParamType.NORMAL else _md5(text)


def _partly_name(applicant: Applicant, how: ParamType) -> str:
    """The first character hashed, the rest in the clear."""
    name = _name(applicant)
    return name if how is ParamType.NORMAL else _md5(name[:1]) + name[1:]


def _partly_document(applicant: Applicant, how: ParamType) -> str:
    """The date of birth hashed: six digits, hash, four digits."""
    number = _document(applicant)
    return number if how is ParamType.NORMAL else number[:6] + _md5(number[6:14]) + number[14:]


def _md5(text: str) -> str:
    """Lower-case hex, as the vendor wants it; it hides nothing from somebody who guesses."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


# What came of it


def report_of(what: Asked, answer: Fields) -> CreditReport:
    """The result of a check in the hub's words. What the source does not know is no file."""
    result = answer.inner("ResultObject")
    code = readable(result.content.get("BizCode"))
    ref, model = answer.text("RequestId"), f"aliyun_{what.kind.value}"
    if code == NO_RECORD:
        facts = {"check": what.kind.value, **_details(what, result)}
        return CreditReport(outcome=CreditOutcome.NO_FILE, report_ref=ref, model=model, facts=facts)
    if code not in (MATCH, MISMATCH):
        raise UnknownOutcome("a result that is not mapped")
    told = {"check": what.kind.value, "match": "yes" if code == MATCH else "no", **_details(what, result)}
    return CreditReport(
        outcome=CreditOutcome.REPORTED,
        report_ref=ref,
        model=model,
        reasons=() if code == MATCH else (_reason(what.kind, result),),
        facts=told,
    )


def _reason(kind: CheckKind, result: Fields) -> str:
    """Why it does not match. Only what speaks against the person themselves is an `identity_mismatch`."""
    sub = readable(result.content.get("SubCode"))
    match kind:
        case CheckKind.IDENTITY:
            return "identity_mismatch"
        case CheckKind.PHONE:
            return "identity_mismatch" if sub == ANOTHER_NAME else "phone_mismatch"
        case CheckKind.BANK_CARD:
            return "bank_card_mismatch" if sub == HOLDER else "bank_card_unusable"
        case CheckKind.VEHICLE:
            return "vehicle_mismatch"


def _details(what: Asked, result: Fields) -> dict[str, str]:
    sub = readable(result.content.get("SubCode")) or ""
    match what.kind:
        case CheckKind.PHONE:
            return _phone_details(sub, readable(result.content.get("IspName")) or "")
        case CheckKind.BANK_CARD:
            return {"card_state": CARD[sub]} if sub in CARD else {}
        case CheckKind.VEHICLE if what.action is VEHICLE_DESCRIPTION:
            return _vehicle_details(result.optional_text("VehicleInfo"))
        case _:
            return {}


def _phone_details(sub: str, isp: str) -> dict[str, str]:
    compared = dict(zip(("phone_name", "phone_document"), PHONE.get(sub, ()), strict=False))
    return compared | ({"carrier": CARRIER[isp]} if isp in CARRIER else {})


def _vehicle_details(told: str | None) -> dict[str, str]:
    """What the register knows of the vehicle, by the vendor's names in the hub's spelling; what is empty is left out."""
    described: JsonObject = json_object(told.encode()) if told else {}
    return {
        f"vehicle_{_CAPITAL.sub('_', name).lower()}": str(value)
        for name, value in described.items()
        if isinstance(value, str | int) and not isinstance(value, bool) and value != ""
    }
