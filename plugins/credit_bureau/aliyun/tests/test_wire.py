"""The vendor's own client is accepted by the stand-in, and sends what the plugin sends, field by field."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any
from urllib.parse import parse_qsl

import pytest
from alibabacloud_cloudauth20190307 import models

from hub.core.errors import AuthFailed, Rejected, RetryAdvice
from hub.core.identity import DocumentKind
from hub.core.ports.credit_bureau import Applicant, CheckKind, CreditOutcome, CreditPullRequest, CreditReport, Inquiry
from hub.testing.wire import Received

# What the transport adds; all that is signed is compared.
_OF_THE_TRANSPORT = {"connection", "accept-encoding", "content-length"}
ZHANG: dict[str, Any] = {
    "name": "张三丰",
    "document_kind": DocumentKind.CN_IDENTITY_CARD,
    "document_number": "11010119900307851x",
    "phone": "+8613812345678",
    "account_number": "6222020200112233445",
    "plate": "沪A·F89520",
}
# Whatever a name may be: letters outside the plane, separators, a very long one.
NAMES = ["张三丰", "Ülkü O'Hara-Ñandú", "买买提·阿卜杜拉 & 子=?%+~*", "𠮷" * 60]


def said(request: Received) -> tuple[object, ...]:
    """A request field by field, its body byte for byte."""
    path, _, query = request.target.partition("?")
    headers = {name: value for name, value in request.headers.items() if name not in _OF_THE_TRANSPORT}
    return request.method, path, sorted(parse_qsl(query, keep_blank_values=True)), headers, request.body


def inquiry(check: CheckKind | None = None, **more: Any) -> CreditPullRequest:
    applicant = Applicant(**{**ZHANG, **more})
    return CreditPullRequest(
        applicant=applicant, inquiry=Inquiry.SOFT, purpose="lease_application", consent_ref="c-1", check=check
    )


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


async def pull(
    wire: Any, check: CheckKind | None = None, settings: dict[str, Any] | None = None, **more: Any
) -> CreditReport:
    report: CreditReport = await wire.plugin(**(settings or {})).credit_pull(inquiry(check, **more), wire.ctx())
    return report


async def both(
    wire: Any, method: str, request: Any, inquired: CreditPullRequest, **settings: object
) -> tuple[Any, Any]:
    """What the vendor's own client and the plugin send."""
    theirs = await wire.seen(asyncio.to_thread(getattr(wire.theirs(), method), request))
    ours = await wire.seen(wire.fixed(**settings).credit_pull(inquired, wire.ctx()))
    return said(theirs), said(ours)


@pytest.mark.parametrize("name", NAMES)
async def test_identity(wire: Any, name: str) -> None:
    request = models.Id2MetaVerifyRequest(param_type="normal", user_name=name, identify_num="11010119900307851X")
    theirs, ours = await both(wire, "id_2meta_verify", request, inquiry(CheckKind.IDENTITY, name=name))
    assert ours == theirs


@pytest.mark.parametrize("name", NAMES)
async def test_phone(wire: Any, name: str) -> None:
    request = models.Mobile3MetaDetailVerifyRequest(
        param_type="normal", user_name=name, identify_num="11010119900307851X", mobile="13812345678"
    )
    theirs, ours = await both(wire, "mobile_3meta_detail_verify", request, inquiry(name=name))
    assert ours == theirs


@pytest.mark.parametrize("elements", [2, 3, 4])
async def test_bank_card(wire: Any, elements: int) -> None:
    request = models.BankMetaVerifyRequest(
        param_type="normal",
        product_type=f"BANK_CARD_{elements}_META",
        verify_mode="VERIFY_BANK_CARD",
        user_name="张三丰",
        bank_card="6222020200112233445",
        identify_num="11010119900307851X" if elements > 2 else None,
        mobile="13812345678" if elements > 3 else None,
    )
    theirs, ours = await both(
        wire, "bank_meta_verify", request, inquiry(CheckKind.BANK_CARD), bank_card_elements=elements
    )
    assert ours == theirs


@pytest.mark.parametrize("elements", [2, 3])
async def test_vehicle(wire: Any, elements: int) -> None:
    request = models.VehicleMetaVerifyRequest(
        param_type="normal",
        verify_meta_type=f"VEHICLE_{elements}_META",
        user_name="张三丰",
        identify_num="11010119900307851X" if elements > 2 else None,
        vehicle_num="沪AF89520",
        vehicle_type="52",
    )
    theirs, ours = await both(
        wire, "vehicle_meta_verify", request, inquiry(CheckKind.VEHICLE), vehicle_elements=elements
    )
    assert ours == theirs


async def test_vehicle_description(wire: Any) -> None:
    request = models.Vehicle5ItemQueryRequest(param_type="normal", vehicle_num="浙AF89Q2", vehicle_type="02")
    inquired = inquiry(CheckKind.VEHICLE, plate="浙AF89q2")
    theirs, ours = await both(wire, "vehicle_5item_query", request, inquired, vehicle_product="description")
    assert ours == theirs


async def test_hashed(wire: Any) -> None:
    """Each action wants something else hashed."""
    birth, first = md5("19900307"), md5("张")
    document, name = f"110101{birth}851X", f"{first}三丰"
    whole = models.Mobile3MetaDetailVerifyRequest(
        param_type="md5", user_name=md5("张三丰"), identify_num=md5("11010119900307851X"), mobile=md5("13812345678")
    )
    partly = models.Id2MetaVerifyRequest(param_type="md5", user_name=name, identify_num=document)
    card = models.BankMetaVerifyRequest(
        param_type="md5",
        product_type="BANK_CARD_4_META",
        verify_mode="VERIFY_BANK_CARD",
        user_name=name,
        bank_card=f"6222020200112{md5('233445')}",
        identify_num=document,
        mobile=md5("13812345678"),
    )
    car = models.Vehicle5ItemQueryRequest(param_type="md5", vehicle_num=f"沪AF895{md5('20')}", vehicle_type="52")
    for method, request, check in (
        ("mobile_3meta_detail_verify", whole, CheckKind.PHONE),
        ("id_2meta_verify", partly, CheckKind.IDENTITY),
        ("bank_meta_verify", card, CheckKind.BANK_CARD),
        ("vehicle_5item_query", car, CheckKind.VEHICLE),
    ):
        theirs, ours = await both(
            wire, method, request, inquiry(check), param_type="md5", vehicle_product="description"
        )
        assert ours == theirs


async def test_the_library_reads_what_the_stand_in_answers(wire: Any) -> None:
    request = models.Mobile3MetaDetailVerifyRequest(
        param_type="normal", user_name="张三丰", identify_num="11010119900307851X", mobile="13812345678"
    )
    answer = (await asyncio.to_thread(wire.theirs().mobile_3meta_detail_verify, request)).body
    result = answer.result_object
    assert (answer.code, result.biz_code, result.sub_code, result.isp_name) == ("200", "1", "101", "CMCC")


@pytest.mark.parametrize(
    ("check", "more", "outcome", "reasons", "facts"),
    [
        (CheckKind.IDENTITY, {}, CreditOutcome.REPORTED, (), {"match": "yes"}),
        (CheckKind.IDENTITY, {"name": "张三"}, CreditOutcome.REPORTED, ("identity_mismatch",), {"match": "no"}),
        (CheckKind.IDENTITY, {"document_number": "110101199003070000"}, CreditOutcome.NO_FILE, (), {}),
        (None, {}, CreditOutcome.REPORTED, (), {"check": "phone", "carrier": "china_mobile"}),
        (
            None,
            {"name": "王五"},
            CreditOutcome.REPORTED,
            ("identity_mismatch",),
            {"match": "no", "phone_name": "no", "phone_document": "yes"},
        ),
        (None, {"phone": "+8613900000001"}, CreditOutcome.REPORTED, ("phone_mismatch",), {"phone_name": "no"}),
        (None, {"phone": "+8613700000000"}, CreditOutcome.NO_FILE, (), {"check": "phone"}),
        (CheckKind.BANK_CARD, {}, CreditOutcome.REPORTED, (), {"match": "yes", "card_state": "good"}),
        (
            CheckKind.BANK_CARD,
            {"phone": "+8613900000001"},
            CreditOutcome.REPORTED,
            ("bank_card_mismatch",),
            {"card_state": "holder_differs"},
        ),
        (
            CheckKind.BANK_CARD,
            {
                "name": "李四",
                "document_number": "310101198001011234",
                "phone": "+8613900000001",
                "account_number": "6222020200119999999",
            },
            CreditOutcome.REPORTED,
            ("bank_card_unusable",),
            {"match": "no", "card_state": "card_reported_lost"},
        ),
        (CheckKind.BANK_CARD, {"account_number": "622202"}, CreditOutcome.NO_FILE, (), {"check": "bank_card"}),
        (CheckKind.VEHICLE, {}, CreditOutcome.REPORTED, (), {"match": "yes"}),
        (CheckKind.VEHICLE, {"name": "李四"}, CreditOutcome.REPORTED, ("vehicle_mismatch",), {"match": "no"}),
        (CheckKind.VEHICLE, {"plate": "京A00000"}, CreditOutcome.NO_FILE, (), {"check": "vehicle"}),
    ],
)
async def test_what_a_check_gives(
    wire: Any,
    check: CheckKind | None,
    more: dict[str, Any],
    outcome: CreditOutcome,
    reasons: tuple[str, ...],
    facts: dict[str, str],
) -> None:
    report = await pull(wire, check, **more)
    assert (report.outcome, report.reasons, report.score) == (outcome, reasons, None)
    assert facts.items() <= dict(report.facts).items()
    assert report.report_ref
    assert report.model == f"aliyun_{(check or CheckKind.PHONE).value}"


async def test_what_a_car_is(wire: Any) -> None:
    facts = (await pull(wire, CheckKind.VEHICLE, {"vehicle_product": "description"})).facts
    assert dict(facts) == {
        "check": "vehicle",
        "match": "yes",
        "vehicle_brand": "长安",
        "vehicle_engine_no": "JC9AQ09*******",
        "vehicle_engine_type": "JL478Q****",
    }


@pytest.mark.parametrize(
    ("check", "more", "code"),
    [
        (None, {"phone": ""}, "phone_missing"),
        (None, {"phone": "+85212345678"}, "phone_not_served"),
        (None, {"name": ""}, "name_missing"),
        (None, {"document_number": ""}, "document_missing"),
        (CheckKind.IDENTITY, {"document_kind": DocumentKind.PASSPORT}, "document_not_served"),
        (CheckKind.BANK_CARD, {"account_number": ""}, "account_number_missing"),
        (CheckKind.VEHICLE, {"plate": ""}, "plate_missing"),
    ],
)
async def test_what_a_check_lacks_is_said_before_anything_is_sent(
    wire: Any, check: CheckKind | None, more: dict[str, Any], code: str
) -> None:
    with pytest.raises(Rejected) as raised:
        await pull(wire, check, **more)
    assert (raised.value.vendor_code, raised.value.advice) == (code, RetryAdvice.OTHER_PROVIDER)
    assert wire.vendor.received == []


async def test_one_changed_byte_is_refused(wire: Any) -> None:
    request = await wire.seen(wire.plugin().credit_pull(inquiry(), wire.ctx()))
    wire.vendor.nonces.clear()
    headers = {name: value for name, value in request.headers.items() if name != "content-length"}
    body = request.body.replace(b"13812345678", b"13812345679")
    changed = {**headers, "x-acs-content-sha256": hashlib.sha256(body).hexdigest()}
    for one, content in ((headers, body), (changed, body), ({**headers, "host": "other.example"}, request.body)):
        answer = await wire.http.post(wire.base_url + request.target, headers=one, content=content)
        assert (answer.status_code, answer.json()["Code"]) == (400, "SignatureDoesNotMatch")
    good = await wire.http.post(wire.base_url + request.target, headers=headers, content=request.body)
    assert good.json()["Code"] == "200"


async def test_health_makes_no_check_and_knows_a_wrong_key(wire: Any) -> None:
    assert (await wire.plugin().provider_health(wire.ctx())).healthy
    assert wire.vendor.bookings == []
    with pytest.raises(AuthFailed):
        await wire.plugin(access_key_secret="another").provider_health(wire.ctx())


def test_the_key_pair_is_named_by_the_ends_of_its_id(wire: Any) -> None:
    pair, token = wire.plugin(security_token="token-of-sts").provider_credentials()
    assert (pair.name, token.name) == ("access_key_secret", "security_token")
    assert pair.fingerprint.startswith("LTAI*")
    assert "secret-of-a-key" not in repr((pair, token))
