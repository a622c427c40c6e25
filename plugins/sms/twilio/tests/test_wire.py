"""The vendor's own client is accepted by the stand-in, and sends what the plugin sends, field by field."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.twiml.voice_response import VoiceResponse

from hub.core.errors import AuthFailed, Misconfigured, Rejected, UnknownOutcome
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.sms import MessageCategory, MessageChannel, MessageRequest, MessageStatus
from hub.testing.contexts import webhook_request
from hub.testing.wire import Received

KEY_SID, KEY_SECRET = f"SK{5:032x}", "secret-of-a-key-made-up"
CALLBACK = "https://hub.example/webhooks/twilio?key=key-1"
TO = "+8613812345678"
# What the transport adds, and in what language a client is written.
_OF_THE_CLIENT = {
    "accept-charset",
    "accept-encoding",
    "connection",
    "content-length",
    "host",
    "user-agent",
    "x-twilio-client",
}


def said(request: Received) -> tuple[object, ...]:
    """A request field by field."""
    path, _, query = request.target.partition("?")
    # The library names a type for lists too, which have no body.
    left_out = _OF_THE_CLIENT if request.body else _OF_THE_CLIENT | {"content-type"}
    headers = {name: value for name, value in request.headers.items() if name not in left_out}
    fields = (sorted(parse_qsl(part, keep_blank_values=True)) for part in (query, request.body.decode()))
    return request.method, path, *fields, headers


def message(channel: MessageChannel = MessageChannel.SMS, **more: Any) -> MessageRequest:
    given: dict[str, Any] = {"to": TO, "category": MessageCategory.TRANSACTIONAL, "template_id": "rent_due"}
    if "body" in more:
        del given["template_id"]
    return MessageRequest(channel=channel, **(given | more))


@pytest.mark.parametrize("body", ["租金 3 280.55 元; ~*'()!+/=&%\n😀", "a", "租" * 1600])
async def test_a_text_is_sent_as_the_library_does(wire: Any, body: str) -> None:
    client = wire.theirs()
    theirs = await wire.seen(
        asyncio.to_thread(client.messages.create, to=TO, from_="+15005550006", body=body, status_callback=CALLBACK)
    )
    ours = await wire.seen(wire.plugin().messaging_send(message(body=body), wire.ctx()))
    assert said(ours) == said(theirs)
    assert len(wire.vendor.made) == 2


async def test_a_template_goes_out_through_a_messaging_service_with_an_api_key_as_the_library_does(wire: Any) -> None:
    client = wire.theirs(KEY_SID, KEY_SECRET)
    theirs = await wire.seen(
        asyncio.to_thread(
            client.messages.create,
            to=TO,
            messaging_service_sid="MG1",
            content_sid=f"HX{9:032x}",
            content_variables='{"amount":"3280.55","name":"张三丰"}',
            status_callback=CALLBACK,
        )
    )
    plugin = wire.plugin(
        auth_token=None, api_key_sid=KEY_SID, api_key_secret=KEY_SECRET, from_number="", messaging_service_sid="MG1"
    )
    params = {"name": "张三丰", "amount": "3280.55"}
    ours = await wire.seen(plugin.messaging_send(message(params=params), wire.ctx()))
    assert said(ours) == said(theirs)


async def test_a_call_is_made_as_the_library_does_and_says_what_its_twiml_says(wire: Any) -> None:
    text = 'You owe 5 < 6 & "more" 租金'
    response = VoiceResponse()
    response.say(text, language="cmn-CN", voice="Polly.Zhiyu")
    ours = await wire.seen(
        wire.plugin(voice="Polly.Zhiyu").messaging_send(message(MessageChannel.VOICE, body=text), wire.ctx())
    )
    twiml = dict(parse_qsl(ours.body.decode()))["Twiml"]
    theirs = await wire.seen(
        asyncio.to_thread(
            wire.theirs().calls.create,
            to=TO,
            from_="+15005550006",
            twiml=twiml,
            timeout=30,
            status_callback=CALLBACK,
        )
    )
    assert said(ours) == said(theirs)
    mine, library = (ElementTree.fromstring(one)[0] for one in (twiml, str(response)))
    assert (mine.tag, mine.text, mine.attrib) == (library.tag, library.text, library.attrib)


async def test_questions_are_asked_as_the_library_does_and_it_reads_the_answers(wire: Any) -> None:
    plugin, client = wire.plugin(call_from=""), wire.theirs()
    text = await plugin.messaging_send(message(), wire.ctx())
    call = await wire.plugin().messaging_send(message(MessageChannel.VOICE, body="x"), wire.ctx("key-2"))
    await wire.vendor.settle()
    for ref, fetch in ((text.message_ref, client.messages), (call.message_ref, client.calls)):
        theirs = await wire.seen(asyncio.to_thread(fetch(ref).fetch))
        ours = await wire.seen(plugin.messaging_status(StatusQuery(provider_ref=ref), wire.ctx()))
        assert said(ours) == said(theirs)
    theirs = await wire.seen(asyncio.to_thread(client.messages.page, to=TO, page_size=50))
    query = StatusQuery(idempotency_key="key-1", to=TO, sent_at=wire.clock.now())
    ours = await wire.seen(plugin.messaging_status(query, wire.ctx()))
    assert said(ours) == said(theirs)
    read = await asyncio.to_thread(client.messages(text.message_ref).fetch)
    assert (read.status, read.to, read.num_segments) == ("delivered", TO, "1")
    theirs = await wire.seen(asyncio.to_thread(client.balance.fetch))
    assert said(await wire.seen(plugin.provider_health(wire.ctx()))) == said(theirs)


async def test_the_library_knows_the_stand_ins_refusals(wire: Any) -> None:
    with pytest.raises(TwilioRestException) as raised:
        await asyncio.to_thread(wire.theirs().messages.create, to="x", from_="+15005550006", body="x")
    assert (raised.value.status, raised.value.code) == (400, 21211)
    with pytest.raises(TwilioRestException) as raised:
        await asyncio.to_thread(wire.theirs(password="other").balance.fetch)
    assert (raised.value.status, raised.value.code) == (401, 20003)


async def test_messages_and_calls_come_to_their_end_and_callbacks_of_it_are_believed(wire: Any) -> None:
    plugin = wire.plugin()
    good = await plugin.messaging_send(message(), wire.ctx("key-1"))
    wire.vendor.absent = ("9",)
    lost = await plugin.messaging_send(message(to="+8613812345679"), wire.ctx("key-2"))
    call = message(MessageChannel.VOICE, to="+8613812345679", body="x")
    unheard = await plugin.messaging_send(call, wire.ctx("key-3"))
    assert {one.status for one in (good, lost, unheard)} == {MessageStatus.ACCEPTED}
    await wire.vendor.settle()
    found = [
        await plugin.messaging_status(StatusQuery(provider_ref=one.message_ref), wire.ctx())
        for one in (good, lost, unheard)
    ]
    assert [(one.status.value, one.failure) for one in found] == [
        ("delivered", None),
        ("undeliverable", "unreachable"),
        ("undeliverable", "unreachable"),
    ]
    assert found[0].delivered_at == wire.clock.now()
    events = []
    for callback in wire.vendor.outbox:
        query = dict(parse_qsl(callback.url.partition("?")[2]))
        delivery = plugin.webhook_receive(webhook_request(callback.headers, callback.body, wire.clock, query))
        assert delivery.verified
        assert (delivery.reply.status, delivery.reply.body) == (204, b"")
        events += delivery.events
    assert [(one.subject_key, one.subject_ref, one.status) for one in events] == [
        ("key-1", good.message_ref, "delivered"),
        ("key-2", lost.message_ref, "undeliverable"),
        ("key-3", unheard.message_ref, "undeliverable"),
    ]
    assert "138123456" not in repr(events)


async def test_a_lost_answer_is_found_by_receiver_and_time_unless_two_went_there(wire: Any) -> None:
    plugin, sent_at = wire.plugin(), wire.clock.now()
    query = StatusQuery(idempotency_key="key-1", to=TO, sent_at=sent_at)
    assert isinstance(await plugin.messaging_status(query, wire.ctx()), NoRecord)
    receipt = await plugin.messaging_send(message(), wire.ctx("key-1"))
    assert (await plugin.messaging_status(query, wire.ctx())).message_ref == receipt.message_ref
    wire.clock.advance(timedelta(minutes=5))
    await plugin.messaging_send(message(), wire.ctx("key-2"))
    assert (await plugin.messaging_status(query, wire.ctx())).message_ref == receipt.message_ref
    late = StatusQuery(idempotency_key="key-2", to=TO, sent_at=wire.clock.now())
    await plugin.messaging_send(message(MessageChannel.VOICE, body="x"), wire.ctx("key-3"))
    with pytest.raises(UnknownOutcome, match="two messages"):
        await plugin.messaging_status(late, wire.ctx())
    with pytest.raises(Rejected, match="receiver and time"):
        await plugin.messaging_status(StatusQuery(idempotency_key="key-2"), wire.ctx())


@pytest.mark.parametrize(
    ("more", "request_", "kind"),
    [
        ({"auth_token": "another-token"}, {}, AuthFailed),
        ({"account_sid": f"AC{8:032x}"}, {}, AuthFailed),
        ({"auth_token": None, "api_key_sid": KEY_SID, "api_key_secret": "wrong-secret"}, {}, AuthFailed),
        ({}, {"to": "13812345678"}, Rejected),
        ({}, {"to": "+861381234567\n8"}, Rejected),
        ({}, {"to": "+15551234567"}, Rejected),
        ({}, {"body": "租" * 1601}, Rejected),
        ({}, {"channel": MessageChannel.EMAIL, "body": "x"}, Rejected),
        ({}, {"channel": MessageChannel.VOICE}, Rejected),
        ({"call_from": ""}, {"channel": MessageChannel.VOICE, "body": "x"}, Rejected),
        ({}, {"template_id": "unknown"}, Rejected),
    ],
)
async def test_refusals(wire: Any, more: dict[str, object], request_: dict[str, Any], kind: type[Exception]) -> None:
    wire.vendor.opted_out = frozenset({"+15551234567"})
    with pytest.raises(kind) as raised:
        await wire.plugin(**more).messaging_send(message(**request_), wire.ctx())
    assert "138123" not in str(raised.value)
    assert wire.vendor.made == []


async def test_an_account_that_is_not_there_is_a_setting(wire: Any) -> None:
    plugin = wire.plugin(account_sid=f"AC{8:032x}", auth_token=None, api_key_sid=KEY_SID, api_key_secret=KEY_SECRET)
    with pytest.raises(Misconfigured):
        await plugin.messaging_send(message(), wire.ctx())
