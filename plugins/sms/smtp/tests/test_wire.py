"""Mail goes to a real server and is read by another library; whatever fails ends in the one error that says what is known."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.core.errors import AuthFailed, Misconfigured, NotSent, ProviderError, RateLimited, Rejected, UnknownOutcome
from hub.core.ports.sms import MessageCategory, MessageChannel, MessageRequest, MessageStatus

USER, PASSWORD = "rent@lessor.example", "password-made-up-for-tests"
TO = "zhang.sanfeng@customer.example"
LOGIN = {"username": USER, "password": PASSWORD}
Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter


def message(**more: Any) -> MessageRequest:
    given: dict[str, Any] = {
        "channel": MessageChannel.EMAIL,
        "to": TO,
        "category": MessageCategory.TRANSACTIONAL,
        "subject": "租金 3,280.55 元 — due",
        "body": "您好,\n.\n..租金\n",
    }
    return MessageRequest(**(given | more))


async def test_a_mail_arrives_as_it_was_meant(house: Any, post: Any, serve: Any) -> None:
    async with serve(post) as port:
        plugin = house.plugin(port, from_name="租车行, Ltd", reply_to="help@lessor.example")
        receipt = await plugin.messaging_send(message(), house.ctx("0a1b-key"))
    assert (receipt.status, receipt.message_ref) == (
        MessageStatus.ACCEPTED,
        "<leasehub.0a1b-key@lessor.example>",
    )
    (envelope,), (mail,) = post.taken, post.mails()
    assert (envelope.mail_from, envelope.rcpt_tos) == (USER, [TO])
    assert envelope.content.isascii()  # every server takes it
    assert mail.get_content().replace("\r\n", "\n") == "您好,\n.\n..租金\n"
    assert (mail["Subject"], mail["To"], mail["Message-ID"]) == (message().subject, TO, receipt.message_ref)
    (sender,) = mail["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("租车行, Ltd", USER)
    assert mail["Date"].datetime == datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
    assert (mail["Reply-To"], mail["Auto-Submitted"]) == ("help@lessor.example", "auto-generated")
    assert not mail.defects


@pytest.mark.parametrize(
    "body", ["x" * 5000, "\r\n.\r\nQUIT\r\n", "a\rb\nc\r\n", ".\n", "租" * 3000, "\n\n", "a\n.\r\n.\rb"]
)
async def test_nothing_in_a_text_ends_it_early(house: Any, post: Any, serve: Any, body: str) -> None:
    async with serve(post) as port:
        await house.plugin(port).messaging_send(message(body=body), house.ctx())
    (mail,) = post.mails()
    assert mail.get_content().split() == body.split()


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_over_tls_with_a_login(house: Any, post: Any, serve: Any, security: str) -> None:
    server = (
        {"tls": house.tls()}
        if security == "tls"
        else {"tls_context": house.tls(), "require_starttls": True, "auth_required": True}
    )
    login = LOGIN if security == "starttls" else {}
    async with serve(post, **server) as port:
        plugin = house.plugin(port, security=security, ca_file=house.certificate, **login)
        assert (await plugin.provider_health(house.ctx())).healthy
        await plugin.messaging_send(message(), house.ctx())
    assert len(post.taken) == 1


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(house: Any, post: Any, serve: Any) -> None:
    for server, security in (({"tls": house.tls()}, "tls"), ({"tls_context": house.tls()}, "starttls")):
        async with serve(post, **server) as port:
            for host, more in (("localhost", {}), ("127.0.0.1", {"ca_file": house.certificate})):
                plugin = house.plugin(port, security=security, host=host, **more, **LOGIN)
                with pytest.raises(Misconfigured, match="not trusted"):
                    await plugin.messaging_send(message(), house.ctx())
    assert post.taken == []


async def test_a_server_that_hides_starttls_gets_neither_password_nor_mail(house: Any, post: Any, serve: Any) -> None:
    async with serve(post, auth_require_tls=False) as port:
        plugin = house.plugin(port, security="starttls", ca_file=house.certificate, **LOGIN)
        with pytest.raises(Misconfigured, match="STARTTLS"):
            await plugin.messaging_send(message(), house.ctx())
    assert post.taken == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")
async def test_a_wrong_password_and_a_missing_one(house: Any, post: Any, serve: Any) -> None:
    async with serve(post, auth_require_tls=False, auth_required=True) as port:
        wrong = house.plugin(port, username=USER, password="another-one-made-up")
        for call in (wrong.messaging_send(message(), house.ctx()), wrong.provider_health(house.ctx())):
            with pytest.raises(AuthFailed, match="535"):
                await call
        with pytest.raises(AuthFailed, match="530"):
            await house.plugin(port).messaging_send(message(), house.ctx())
        await house.plugin(port, **LOGIN).messaging_send(message(), house.ctx())
    assert len(post.taken) == 1


@pytest.mark.parametrize(
    ("said", "kind", "shown"),
    [
        ({"RCPT": "550 5.1.1 no such person here: zhang.sanfeng"}, Rejected, "550 5.1.1"),
        ({"RCPT": "552 5.2.2 mailbox full"}, Rejected, "552 5.2.2"),
        ({"RCPT": "553 no"}, Rejected, "553"),
        ({"RCPT": "554 5.7.1 relay denied"}, Rejected, "554 5.7.1"),
        ({"RCPT": "450 4.2.0 greylisted"}, RateLimited, "450 4.2.0"),
        ({"RCPT": "451 try later"}, NotSent, "451"),
        ({"RCPT": "452 4.5.3 too many"}, RateLimited, "452 4.5.3"),
        ({"RCPT": "421 closing"}, NotSent, "421"),
        ({"RCPT": "503 bad sequence"}, Misconfigured, "503"),
        ({"MAIL": "550 5.7.1 not your domain"}, Misconfigured, "550 5.7.1"),
        ({"MAIL": "451 4.3.0 later"}, NotSent, "451 4.3.0"),
        ({"MAIL": "530 5.7.0 login first"}, AuthFailed, "530 5.7.0"),
        ({"DATA": "554 5.6.0 content refused"}, Rejected, "554 5.6.0"),
        ({"DATA": "552 5.3.4 too big"}, Rejected, "552 5.3.4"),
        ({"DATA": "451 4.3.0 local error"}, NotSent, "451 4.3.0"),
        ({"DATA": "421 4.3.2 shutting down"}, NotSent, "421 4.3.2"),
        ({"DATA": "251 what"}, UnknownOutcome, "251"),
    ],
)
async def test_replies(
    house: Any, post: Any, serve: Any, said: dict[str, str], kind: type[ProviderError], shown: str
) -> None:
    post.said = said
    async with serve(post) as port:
        with pytest.raises(kind) as raised:
            await house.plugin(port).messaging_send(message(), house.ctx())
    assert type(raised.value) is kind
    assert str(raised.value) == shown
    assert post.taken == []


async def _until(reader: Reader, word: bytes) -> None:
    while not (await reader.readuntil(b"\r\n")).startswith(word):
        pass


def _greets(then: Callable[[Reader, Writer], Awaitable[None]]) -> Callable[[Reader, Writer], Awaitable[None]]:
    async def script(reader: Reader, writer: Writer) -> None:
        writer.write(b"220 mx\r\n")
        await _until(reader, b"EHLO")
        writer.write(b"250 mx\r\n")
        await then(reader, writer)

    return script


def _text_comes(then: Callable[[Reader, Writer], Awaitable[None]]) -> Callable[[Reader, Writer], Awaitable[None]]:
    async def script(reader: Reader, writer: Writer) -> None:
        for word, reply in ((b"MAIL", b"250 ok\r\n"), (b"RCPT", b"250 ok\r\n"), (b"DATA", b"354 go on\r\n")):
            await _until(reader, word)
            writer.write(reply)
        await reader.readuntil(b"\r\n.\r\n")
        await then(reader, writer)

    return _greets(script)


async def _drop(reader: Reader, writer: Writer) -> None:
    """Leave."""


async def _hang(reader: Reader, writer: Writer) -> None:
    await reader.read()


async def _garbage(reader: Reader, writer: Writer) -> None:
    writer.write(b"\x00\xff<html>\r\n")
    await reader.read()


async def _taken_then_silent(reader: Reader, writer: Writer) -> None:
    writer.write(b"250 ok\r\n")
    await _until(reader, b"QUIT")
    await reader.read()


@pytest.mark.parametrize("then", [_drop, _hang, _garbage])
async def test_after_the_final_dot_nobody_knows(house: Any, play: Any, then: Any) -> None:
    reached: list[bool] = []

    async def seen(reader: Reader, writer: Writer) -> None:
        reached.append(True)
        await then(reader, writer)

    async with play(_text_comes(seen)) as port:
        for limit_s in (0.7, 10, 100):  # a busy machine may not come as far as the text in the first
            with pytest.raises(ProviderError) as raised:
                await house.plugin(port).messaging_send(message(), house.ctx(limit_s=limit_s))
            if reached:
                break
    assert isinstance(raised.value, UnknownOutcome)


@pytest.mark.parametrize("then", [_drop, _hang, _garbage])
@pytest.mark.parametrize("greets", [False, True])
async def test_before_the_text_nothing_was_sent(house: Any, play: Any, then: Any, greets: bool) -> None:
    async with play(_greets(then) if greets else then) as port:
        with pytest.raises(NotSent):
            await house.plugin(port).messaging_send(message(), house.ctx(limit_s=0.7))
        with pytest.raises(NotSent):
            await house.plugin(port).provider_health(house.ctx(limit_s=0.7))


async def test_what_was_taken_stays_so_when_the_goodbye_is_not_answered(house: Any, play: Any) -> None:
    async with play(_text_comes(_taken_then_silent)) as port:
        receipt = await house.plugin(port).messaging_send(message(), house.ctx(limit_s=100))
    assert receipt.status is MessageStatus.ACCEPTED


async def test_nobody_there_and_a_deadline_that_has_passed(house: Any, post: Any, serve: Any) -> None:
    async with serve(post) as port:
        with pytest.raises(NotSent, match="deadline"):
            await house.plugin(port).messaging_send(message(), house.ctx(limit_s=0))
    assert post.sessions == 0
    with pytest.raises(NotSent):
        await house.plugin(port).messaging_send(message(), house.ctx())


async def test_fifty_at_once_are_each_had_once_over_five_connections(house: Any, post: Any, serve: Any) -> None:
    post.wait_s = 0.01
    async with serve(post) as port:
        plugin = house.plugin(port)
        receipts = await asyncio.gather(
            *(plugin.messaging_send(message(subject=f"n {n}"), house.ctx(f"key-{n}", 120)) for n in range(50))
        )
    assert post.most_at_once <= 5
    told = {mail["Message-ID"]: mail["Subject"] for mail in post.mails()}
    assert told == {receipt.message_ref: f"n {n}" for n, receipt in enumerate(receipts)}


async def test_a_full_house_is_not_sent(house: Any, play: Any) -> None:
    async with play(_hang) as port:
        plugin = house.plugin(port, max_connections=1)
        first = asyncio.create_task(plugin.provider_health(house.ctx(limit_s=2)))
        await asyncio.sleep(0)
        with pytest.raises(NotSent, match="no place"):
            await plugin.messaging_send(message(), house.ctx(limit_s=0.4))
        with pytest.raises(NotSent):
            await first


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"subject": "rent\r\nBcc: all@customer.example"}, "subject_invalid"),
        ({"subject": "rent\nX: y"}, "subject_invalid"),
        ({"subject": "rent\x00"}, "subject_invalid"),
        ({"subject": "rent\x85next"}, "subject_invalid"),
        ({"subject": "half \ud800"}, "subject_invalid"),
        ({"subject": ""}, "subject_invalid"),
        ({"subject": None}, "subject_invalid"),
        ({"body": "half \ud800"}, "body_invalid"),
        ({"to": f"{TO}\r\nRCPT TO:<all@customer.example>"}, "invalid_recipient"),
        ({"to": f"{TO}, all@customer.example"}, "invalid_recipient"),
        ({"to": f"张 <{TO}>"}, "invalid_recipient"),
        ({"to": "zhang"}, "invalid_recipient"),
        ({"to": "+8613812345678"}, "invalid_recipient"),
        ({"to": "张@customer.example"}, "invalid_recipient"),
        ({"to": f"{'x' * 65}@customer.example"}, "invalid_recipient"),
        ({"channel": MessageChannel.SMS}, "channel_not_offered"),
        ({"body": None, "template_id": "rent_due"}, "template_missing"),
    ],
)
async def test_what_is_refused_before_anybody_is_asked(
    house: Any, post: Any, serve: Any, wrong: dict[str, Any], code: str
) -> None:
    async with serve(post) as port:
        with pytest.raises(Rejected) as raised:
            await house.plugin(port).messaging_send(message(**wrong), house.ctx())
    assert raised.value.vendor_code == code
    assert "zhang" not in "".join(traceback.format_exception(raised.value)).replace('"zhang', "")
    assert post.sessions == 0


async def test_neither_password_nor_person_is_shown(
    house: Any, post: Any, serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    post.said = {"RCPT": f"550 <{TO}> is not known"}
    caplog.set_level(logging.DEBUG)
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # the server's own
    async with serve(post, auth_require_tls=False) as port:
        plugin = house.plugin(port, **LOGIN)
        with pytest.raises(Rejected) as raised:
            await plugin.messaging_send(message(), house.ctx())
    shown = "".join(traceback.format_exception(raised.value)) + caplog.text
    shown += f"{plugin!r}{plugin.__dict__!r}{plugin.provider_credentials()!r}"
    assert TO not in shown
    assert PASSWORD not in shown
