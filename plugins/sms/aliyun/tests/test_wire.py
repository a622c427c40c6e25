"""The vendor's own clients are accepted by the stand-in, and send what the plugin sends, field by field."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from alibabacloud_dysmsapi20170525 import models as sms
from alibabacloud_dysmsapi20170525.client import Client as TheirSms
from alibabacloud_dyvmsapi20170525 import models as voice
from alibabacloud_dyvmsapi20170525.client import Client as TheirVoice
from leasehub_sms_aliyun.conformance import KEY_ID, SIGN_NAME
from leasehub_sms_aliyun.mapping import voice_out_id

from hub.core.errors import AuthFailed, Misconfigured, Rejected, UnknownOutcome
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.sms import MessageCategory, MessageChannel, MessageRequest, MessageStatus
from hub.testing.wire import Received

NONCE = "3156853299f313e23d1673dc12e1703d"
# What the transport adds; all that is signed is compared.
_OF_THE_TRANSPORT = {"connection", "accept-encoding", "content-length"}

PARAMS: list[dict[str, str]] = [
    {},
    {"amount": "3280.55", "due_on": "2026-03-05"},
    {"name": "张三丰", "note": "您好,租金“3 280.55”元;~*'()!+/=&%\n😀"},
    {"a": "", "long": "租" * 900},
]


def said(request: Received) -> tuple[object, ...]:
    """A request field by field."""
    path, _, query = request.target.partition("?")
    headers = {name: value for name, value in request.headers.items() if name not in _OF_THE_TRANSPORT}
    return request.method, path, sorted(parse_qsl(query, keep_blank_values=True)), headers, request.body


def message(channel: MessageChannel = MessageChannel.SMS, to: str = "+8613812345678", **more: Any) -> MessageRequest:
    text = {"template_id": "rent_due"} | more
    return MessageRequest(channel=channel, to=to, category=MessageCategory.TRANSACTIONAL, **text)


def as_json(params: dict[str, str]) -> str | None:
    return json.dumps(params, ensure_ascii=False, sort_keys=True, separators=(",", ":")) if params else None


@pytest.mark.parametrize("params", PARAMS)
@pytest.mark.parametrize(("to", "number"), [("+8613812345678", "13812345678"), ("+85212345678", "85212345678")])
async def test_a_text_message_is_asked_for_as_the_library_does(
    wire: Any, params: dict[str, str], to: str, number: str
) -> None:
    request = sms.SendSmsRequest(
        phone_numbers=number,
        sign_name=SIGN_NAME,
        template_code="SMS_154950909",
        template_param=as_json(params),
        out_id="key-1",
    )
    theirs = await wire.seen(asyncio.to_thread(wire.theirs(TheirSms).send_sms, request))
    ours = await wire.seen(wire.plugin(lambda ctx: NONCE).messaging_send(message(to=to, params=params), wire.ctx()))
    assert said(ours) == said(theirs)
    assert len(wire.vendor.messages) == 2


async def test_a_call_is_asked_for_as_the_library_does(wire: Any) -> None:
    params = {"name": "张三丰", "amount": "3 280.55"}
    request = voice.SingleCallByTtsRequest(
        called_number="13812345678",
        called_show_number="05712345678",
        tts_code="TTS_10001",
        tts_param=as_json(params),
        play_times=3,
        volume=80,
        speed=-20,
        out_id=voice_out_id("key-1"),
    )
    theirs = await wire.seen(asyncio.to_thread(wire.theirs(TheirVoice).single_call_by_tts, request))
    speaks = {"voice_templates": {"rent_due": "TTS_10001"}, "called_show_number": "05712345678"}
    plugin = wire.plugin(lambda ctx: NONCE, **speaks, play_times=3, volume=80, speed=-20)
    ours = await wire.seen(plugin.messaging_send(message(MessageChannel.VOICE, params=params), wire.ctx()))
    assert said(ours) == said(theirs)


async def test_questions_are_asked_as_the_library_does(wire: Any) -> None:
    plugin, client = wire.plugin(lambda ctx: NONCE), wire.theirs(TheirSms)
    details = sms.QuerySendDetailsRequest(
        phone_number="13812345678", send_date="20260305", page_size=50, current_page=1, biz_id="9^0"
    )
    theirs = await wire.seen(asyncio.to_thread(client.query_send_details, details))
    query = StatusQuery(provider_ref="9^0", to="+8613812345678", sent_at=wire.clock.now())
    ours = await wire.seen(plugin.messaging_status(query, wire.ctx()))
    assert said(ours) == said(theirs)
    call = voice.QueryCallDetailByCallIdRequest(call_id="9^0", prod_id=11010000138001, query_date=1772676000000)
    theirs = await wire.seen(asyncio.to_thread(wire.theirs(TheirVoice).query_call_detail_by_call_id, call))
    query = StatusQuery(provider_ref="call:9^0", sent_at=wire.clock.now())
    ours = await wire.seen(plugin.messaging_status(query, wire.ctx()))
    assert said(ours) == said(theirs)
    theirs = await wire.seen(asyncio.to_thread(client.query_sms_sign, sms.QuerySmsSignRequest(sign_name=SIGN_NAME)))
    ours = await wire.seen(plugin.provider_health(wire.ctx()))
    assert said(ours) == said(theirs)


async def test_a_temporary_key_is_named_as_the_library_does(wire: Any) -> None:
    request = sms.QuerySmsSignRequest(sign_name=SIGN_NAME)
    client = wire.theirs(TheirSms, security_token="token-of-sts")
    theirs = await wire.seen(asyncio.to_thread(client.query_sms_sign, request))
    plugin = wire.plugin(lambda ctx: NONCE, security_token="token-of-sts")
    ours = await wire.seen(plugin.provider_health(wire.ctx()))
    assert said(ours) == said(theirs)
    assert ours.headers["x-acs-security-token"] == "token-of-sts"


async def test_the_library_reads_what_the_stand_in_answers(wire: Any) -> None:
    client = wire.theirs(TheirSms)
    request = sms.SendSmsRequest(
        phone_numbers="13812345678", sign_name=SIGN_NAME, template_code="SMS_1", template_param='{"a":"租"}', out_id="k"
    )
    sent = await asyncio.to_thread(client.send_sms, request)
    assert (sent.body.code, sent.body.biz_id) == ("OK", wire.vendor.messages[0].ref)
    await wire.vendor.settle()
    wire.vendor.nonces.clear()
    details = sms.QuerySendDetailsRequest(
        phone_number="13812345678", send_date="20260305", page_size=10, current_page=1
    )
    found = (await asyncio.to_thread(client.query_send_details, details)).body.sms_send_detail_dtos.sms_send_detail_dto
    assert [(one.out_id, one.send_status, one.err_code) for one in found] == [("k", 3, "DELIVERED")]


async def test_a_message_goes_out_arrives_and_is_found_by_reference_and_by_key(wire: Any) -> None:
    plugin = wire.plugin()
    receipt = await plugin.messaging_send(message(), wire.ctx("key-9"))
    asked = {"to": "+8613812345678", "sent_at": wire.clock.now()}
    by_ref, by_key = (
        StatusQuery(provider_ref=receipt.message_ref, **asked),
        StatusQuery(idempotency_key="key-9", **asked),
    )
    assert (await plugin.messaging_status(by_ref, wire.ctx())).status is MessageStatus.ACCEPTED
    await wire.vendor.settle()
    delivered = await plugin.messaging_status(by_ref, wire.ctx())
    assert (delivered.status, delivered.delivered_at) == (MessageStatus.DELIVERED, wire.clock.now())
    found = await plugin.messaging_status(by_key, wire.ctx())
    assert (found.status, found.message_ref) == (MessageStatus.DELIVERED, "out:key-9")
    again = StatusQuery(provider_ref="out:key-9", idempotency_key="key-9", **asked)
    assert await plugin.messaging_status(again, wire.ctx()) == found
    other = StatusQuery(idempotency_key="key-8", **asked)
    assert isinstance(await plugin.messaging_status(other, wire.ctx()), NoRecord)


async def test_a_message_on_a_second_page_is_found(wire: Any) -> None:
    plugin = wire.plugin()
    await plugin.messaging_send(message(), wire.ctx("key-0"))
    (first,) = wire.vendor.messages
    wire.vendor.messages += [replace(first, ref=f"{number}^0", out_id=f"key-{number}") for number in range(1, 60)]
    query = StatusQuery(idempotency_key="key-57", to="+8613812345678", sent_at=wire.clock.now())
    assert (await plugin.messaging_status(query, wire.ctx())).message_ref == "out:key-57"


async def test_absent_receivers(wire: Any) -> None:
    plugin, wire.vendor.absent = wire.plugin(voice_body_template="TTS_1"), frozenset({"5678"})
    text = await plugin.messaging_send(message(), wire.ctx("key-1"))
    call = await plugin.messaging_send(message(MessageChannel.VOICE, template_id=None, body="您好"), wire.ctx("key-2"))
    await wire.vendor.settle()
    for ref in (text.message_ref, call.message_ref):
        query = StatusQuery(provider_ref=ref, to="+8613812345678", sent_at=wire.clock.now())
        found = await plugin.messaging_status(query, wire.ctx())
        assert (found.status, found.failure) == (MessageStatus.UNDELIVERABLE, "unreachable")


async def test_a_call_whose_record_is_not_there_yet_waits(wire: Any) -> None:
    plugin = wire.plugin(voice_body_template="TTS_1")
    call = await plugin.messaging_send(message(MessageChannel.VOICE, template_id=None, body="您好"), wire.ctx())
    query = StatusQuery(provider_ref=call.message_ref, sent_at=wire.clock.now())
    assert (await plugin.messaging_status(query, wire.ctx())).status is MessageStatus.ACCEPTED
    await wire.vendor.settle()
    assert (await plugin.messaging_status(query, wire.ctx())).status is MessageStatus.DELIVERED
    lost = StatusQuery(idempotency_key="key-7", to="+8613812345678", sent_at=wire.clock.now())
    with pytest.raises(UnknownOutcome):
        await plugin.messaging_status(lost, wire.ctx())


@pytest.mark.parametrize(
    "part", ["query", "x-acs-date", "x-acs-action", "x-acs-signature-nonce", "signature", "key", "body"]
)
async def test_one_changed_byte_is_refused(wire: Any, part: str) -> None:
    request = await wire.seen(wire.plugin().messaging_send(message(), wire.ctx()))
    headers, target, body = dict(request.headers), request.target, request.body
    match part:
        case "query":
            target = target.replace("13812345678", "13812345679")
        case "signature":
            headers["authorization"] = headers["authorization"][:-1] + (
                "0" if headers["authorization"][-1] != "0" else "1"
            )
        case "key":
            headers["authorization"] = headers["authorization"].replace(KEY_ID, f"{KEY_ID}x")
        case "body":
            body = b"x"
        case name:
            headers[name] = headers[name][:-1] + ("1" if headers[name][-1] != "1" else "2")
    wire.vendor.nonces.clear()
    answer = await wire.http.post(wire.base_url + target, headers=_without_length(headers), content=body)
    assert answer.status_code in (400, 404)
    assert answer.json()["Code"] in ("SignatureDoesNotMatch", "InvalidAccessKeyId.NotFound", "IncompleteSignature")
    assert len(wire.vendor.messages) == 1


async def test_the_same_request_twice_is_refused_and_so_is_an_old_one(wire: Any) -> None:
    request = await wire.seen(wire.plugin().messaging_send(message(), wire.ctx()))
    again = {"headers": _without_length(request.headers), "content": request.body}
    assert (await wire.http.post(wire.base_url + request.target, **again)).json()["Code"] == "SignatureNonceUsed"
    wire.vendor.nonces.clear()
    wire.clock.advance(timedelta(minutes=16))
    answer: httpx.Response = await wire.http.post(wire.base_url + request.target, **again)
    assert answer.json()["Code"] == "InvalidTimeStamp.Expired"


def _without_length(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "content-length"}


@pytest.mark.parametrize(
    ("more", "request_", "kind"),
    [
        ({"access_key_secret": "another"}, {}, AuthFailed),
        ({"access_key_id": "another"}, {}, AuthFailed),
        ({"sign_name": "别家"}, {}, Misconfigured),
        ({}, {"to": "13812345678"}, Rejected),
        ({}, {"channel": MessageChannel.EMAIL}, Rejected),
        ({}, {"template_id": None, "body": "您好"}, Rejected),
        ({}, {"channel": MessageChannel.VOICE, "template_id": None, "body": "您好"}, Rejected),
    ],
)
async def test_refusals(wire: Any, more: dict[str, object], request_: dict[str, Any], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        await wire.plugin(**more).messaging_send(message(**request_), wire.ctx())
    assert wire.vendor.messages == []


async def test_a_ready_text_goes_into_the_template_that_passes_it_on(wire: Any) -> None:
    plugin = wire.plugin(body_template="SMS_999", body_param="text")
    await plugin.messaging_send(message(template_id=None, body="您的租金 3,280.55 元"), wire.ctx())
    (sent,) = wire.vendor.messages
    assert (sent.template, sent.params) == ("SMS_999", '{"text":"您的租金 3,280.55 元"}')


async def test_two_accounts_do_not_meet(wire: Any) -> None:
    first, second = wire.plugin(), wire.plugin(access_key_secret="another")
    await first.messaging_send(message(), wire.ctx("key-1"))
    with pytest.raises(AuthFailed):
        await second.messaging_send(message(), wire.ctx("key-2"))
    await first.messaging_send(message(), wire.ctx("key-3"))
    assert [sent.out_id for sent in wire.vendor.messages] == ["key-1", "key-3"]
