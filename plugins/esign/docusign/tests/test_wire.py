"""The vendor's own client is accepted by the stand-in, and sends what the plugin sends, field by field."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import docusign_esign as their
import jwt
import pytest
from leasehub_esign_docusign.conformance import ACCOUNT_ID, INTEGRATION_KEY, USER_ID, key
from leasehub_esign_docusign.grant import assertion
from leasehub_esign_docusign.mapping import one_of
from leasehub_esign_docusign.settings import DocusignSettings

from hub.core.errors import AuthFailed, Misconfigured, NotSent, RateLimited, Rejected
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.esign import EnvelopeStatus, FetchRequest, VoidRequest
from hub.sdk.reading import Fields
from hub.testing.wire import Received

ANCHORS = {"lessee": "乙方(签字)", "lessor": "甲方"}
KEY = "0197c1aa-0000-7000-8000-000000000001"


def said(request: Received) -> tuple[object, ...]:
    """A request field by field."""
    path, _, query = request.target.partition("?")
    body = json.loads(request.body) if request.body.startswith(b"{") else sorted(parse_qsl(request.body.decode()))
    headers = {name: request.headers.get(name) for name in ("accept", "content-type")}
    return request.method, path, sorted(parse_qsl(query, keep_blank_values=True)), headers, body


def definition(plugin_body: dict[str, Any]) -> their.EnvelopeDefinition:
    """The same envelope in the vendor's own models."""
    signers = [
        their.Signer(
            recipient_id=one["recipientId"],
            routing_order=one["routingOrder"],
            name=one["name"],
            email=one["email"],
            client_user_id=one.get("clientUserId"),
            tabs=their.Tabs(
                sign_here_tabs=[
                    their.SignHere(
                        anchor_string=ANCHORS["lessee" if one["recipientId"] == "1" else "lessor"],
                        anchor_units="pixels",
                        anchor_x_offset="12",
                        anchor_y_offset="-8",
                        anchor_ignore_if_not_present="false",
                    )
                ]
            ),
        )
        for one in plugin_body["recipients"]["signers"]
    ]
    wanted = their.EventNotification(
        url="https://hub.example/webhooks/docusign",
        require_acknowledgment="true",
        logging_enabled="true",
        include_hmac="true",
        delivery_mode="SIM",
        events=plugin_body["eventNotification"]["events"],
        event_data=their.ConnectEventData(version="restv2.1"),
    )
    return their.EnvelopeDefinition(
        email_subject="融资租赁合同 C-1",
        status="sent",
        transaction_id=KEY,
        documents=[
            their.Document(document_id=str(n), name=name, file_extension="pdf", document_base64=one["documentBase64"])
            for n, (name, one) in enumerate(zip(("C-1.zh", "C-1.en"), plugin_body["documents"], strict=True), 1)
        ],
        recipients=their.Recipients(signers=signers),
        notification=their.Notification(
            use_account_defaults="false",
            expirations=their.Expirations(expire_enabled="true", expire_after="7", expire_warn="0"),
        ),
        event_notification=wanted,
    )


async def test_the_assertion_is_the_librarys_and_pyjwt_reads_it(wire: Any) -> None:
    (ours,) = [
        one for one in await wire.seen(wire.plugin().provider_health(wire.ctx())) if one.target == "/oauth/token"
    ]
    (theirs,) = await wire.seen(asyncio.to_thread(wire.theirs))
    assert said(ours)[4] == said(theirs)[4]
    given = dict(parse_qsl(ours.body.decode()))["assertion"]
    claims = jwt.decode(
        given,
        key().public_key(),
        algorithms=["RS256"],
        audience=wire.audience,
        options={"verify_exp": False, "verify_iat": False},
    )
    assert (claims["iss"], claims["sub"], claims["scope"]) == (INTEGRATION_KEY, USER_ID, "signature impersonation")
    assert claims["exp"] - claims["iat"] == 3600


@pytest.mark.parametrize("invitation", ["link", "email"])
async def test_an_envelope_goes_out_as_the_library_sends_it(wire: Any, invitation: str) -> None:
    plugin = wire.plugin(invitation=invitation, anchors=ANCHORS, anchor_x=12, anchor_y=-8)
    seen = await wire.seen(plugin.esign_create(wire.envelope(), wire.ctx(KEY)))
    (ours,) = [one for one in seen if one.target.endswith("/envelopes")]
    api = await asyncio.to_thread(wire.theirs)
    body = json.loads(ours.body)
    (theirs,) = await wire.seen(
        asyncio.to_thread(api.create_envelope, ACCOUNT_ID, envelope_definition=definition(body))
    )
    assert said(ours) == said(theirs)
    assert ("clientUserId" in body["recipients"]["signers"][0]) is (invitation == "link")


async def test_questions_views_files_and_voids_are_the_librarys(wire: Any) -> None:
    plugin, api = wire.plugin(), await asyncio.to_thread(wire.theirs)

    async def same(ours: Any, *theirs: Any) -> None:
        asked = [said(one) for one in await wire.seen(ours) if one.target != "/oauth/token"]
        wanted = []
        for call, more in theirs:
            wanted += [said(one) for one in await wire.seen(asyncio.to_thread(call, ACCOUNT_ID, **more))]
        assert asked == wanted

    sent = await plugin.esign_create(wire.envelope(), wire.ctx(KEY))
    ref = sent.envelope_ref
    view = their.RecipientViewRequest(
        return_url="https://hub.example/signed",
        authentication_method="none",
        email="zhang@example.com",
        user_name="张三丰",
        client_user_id="1",
        recipient_id="1",
    )
    viewed = (api.create_recipient_view, {"envelope_id": ref, "recipient_view_request": view})
    await same(
        plugin.esign_status(StatusQuery(provider_ref=ref), wire.ctx()),
        (api.get_envelope, {"envelope_id": ref, "include": "recipients"}),
        viewed,
    )
    await same(
        plugin.esign_status(StatusQuery(idempotency_key=KEY), wire.ctx()),
        (api.list_status_changes, {"transaction_ids": KEY, "include": "recipients"}),
        viewed,
    )
    mark = their.CustomFields(
        text_custom_fields=[their.TextCustomField(name="leasehub_void", value="key-2", required="false", show="false")]
    )
    seen = [
        said(one)
        for one in await wire.seen(
            plugin.esign_void(VoidRequest(envelope_ref=ref, reason="客户撤回"), wire.ctx("key-2"))
        )
    ]
    again = await plugin.esign_create(wire.envelope(), wire.ctx("key-3"))
    voided = their.Envelope(status="voided", voided_reason="客户撤回")
    theirs = await wire.seen(
        asyncio.to_thread(api.create_custom_fields, ACCOUNT_ID, again.envelope_ref, custom_fields=mark)
    )
    theirs += await wire.seen(asyncio.to_thread(api.update, ACCOUNT_ID, again.envelope_ref, envelope=voided))
    assert seen == [(one[0], one[1].replace(again.envelope_ref, ref), *one[2:]) for one in map(said, theirs)]
    await same(
        plugin.esign_status(StatusQuery(idempotency_key="key-2"), wire.ctx()),
        (api.list_status_changes, {"transaction_ids": "key-2", "include": "recipients"}),
        (
            api.list_status_changes,
            {"custom_field": "leasehub_void=key-2", "from_date": "2026-02-03T02:00:00Z", "include": "recipients"},
        ),
    )
    third = await plugin.esign_create(wire.envelope(), wire.ctx("key-4"))
    await wire.vendor.settle()
    ref = third.envelope_ref
    await same(
        plugin.esign_fetch(FetchRequest(envelope_ref=ref), wire.ctx()),
        (api.list_status_changes, {"envelope_ids": ref, "include": "recipients"}),
        (api.get_document, {"envelope_id": ref, "document_id": "combined", "certificate": "false"}),
        (api.get_document, {"envelope_id": ref, "document_id": "certificate"}),
    )


async def test_the_library_reads_what_the_stand_in_answers(wire: Any) -> None:
    sent = await wire.plugin().esign_create(wire.envelope(), wire.ctx(KEY))
    await wire.vendor.settle()
    api = await asyncio.to_thread(wire.theirs)
    found = await asyncio.to_thread(api.get_envelope, ACCOUNT_ID, sent.envelope_ref, include="recipients")
    assert (found.status, found.transaction_id) == ("completed", KEY)
    assert [one.status for one in found.recipients.signers] == ["completed", "completed"]
    listed = await asyncio.to_thread(api.list_status_changes, ACCOUNT_ID, transaction_ids=KEY)
    assert [one.envelope_id for one in listed.envelopes] == [sent.envelope_ref]


async def test_an_envelope_is_signed_and_fetched(wire: Any) -> None:
    plugin = wire.plugin()
    sent = await plugin.esign_create(wire.envelope(), wire.ctx(KEY))
    assert (sent.status, len(sent.signing_urls)) == (EnvelopeStatus.SENT, 1)
    query = StatusQuery(provider_ref=sent.envelope_ref)
    with pytest.raises(Rejected, match="not everybody"):
        await plugin.esign_fetch(FetchRequest(envelope_ref=sent.envelope_ref), wire.ctx())
    first, second = wire.vendor.envelopes[sent.envelope_ref].signers
    first["status"], second["status"] = "completed", "sent"
    partly = await plugin.esign_status(query, wire.ctx())
    assert partly.status is EnvelopeStatus.PARTLY_SIGNED
    assert partly.signing_urls[0].endswith("-2")
    await wire.vendor.settle()
    done = await plugin.esign_status(query, wire.ctx())
    assert (done.status, done.completed_at, done.signing_urls) == (EnvelopeStatus.COMPLETED, wire.clock.now(), ())
    files = await plugin.esign_fetch(FetchRequest(envelope_ref=sent.envelope_ref), wire.ctx())
    assert files.content.startswith(b"%PDF-1.7")
    assert (files.evidence[:5], files.evidence_type) == (b"%PDF-", "application/pdf")


async def test_taking_back(wire: Any) -> None:
    plugin = wire.plugin(invitation="email")
    sent = await plugin.esign_create(wire.envelope(), wire.ctx(KEY))
    assert sent.signing_urls == ()
    request = VoidRequest(envelope_ref=sent.envelope_ref, reason="the customer withdrew")
    assert (await plugin.esign_void(request, wire.ctx("void-1"))).status is EnvelopeStatus.VOIDED
    again = await plugin.esign_void(request, wire.ctx("void-2"))
    assert (again.status, again.decline_reason) == (EnvelopeStatus.VOIDED, "the customer withdrew")
    found = await plugin.esign_status(StatusQuery(idempotency_key="void-1"), wire.ctx())
    assert (found.status, found.envelope_ref) == (EnvelopeStatus.VOIDED, sent.envelope_ref)
    assert isinstance(await plugin.esign_status(StatusQuery(idempotency_key="void-9"), wire.ctx()), NoRecord)
    signed = await plugin.esign_create(wire.envelope(), wire.ctx("key-5"))
    await wire.vendor.settle()
    late = VoidRequest(envelope_ref=signed.envelope_ref, reason="too late")
    assert (await plugin.esign_void(late, wire.ctx("void-3"))).status is EnvelopeStatus.COMPLETED


async def test_an_envelope_runs_out_and_strangers_are_no_record(wire: Any) -> None:
    plugin = wire.plugin()
    sent = await plugin.esign_create(wire.envelope(days=3), wire.ctx(KEY))
    wire.clock.advance(timedelta(days=3))
    wire.vendor.expire()
    assert (
        await plugin.esign_status(StatusQuery(provider_ref=sent.envelope_ref), wire.ctx())
    ).status is EnvelopeStatus.EXPIRED
    assert isinstance(await plugin.esign_status(StatusQuery(provider_ref="nobody?x=1 ü"), wire.ctx()), NoRecord)


async def test_whoever_asks_too_often_is_told_when_to_come_back(wire: Any) -> None:
    plugin, wire.vendor.counts_polls = wire.plugin(), True
    query = StatusQuery(provider_ref=(await plugin.esign_create(wire.envelope(), wire.ctx(KEY))).envelope_ref)
    await plugin.esign_status(query, wire.ctx())
    with pytest.raises(RateLimited) as limited:
        await plugin.esign_status(query, wire.ctx())
    assert limited.value.retry_after_s == 3600.0
    wire.clock.advance(timedelta(minutes=50))
    assert (await plugin.esign_status(query, wire.ctx())).status is EnvelopeStatus.SENT


async def test_a_token_is_kept_renewed_and_replaced(wire: Any) -> None:
    plugin = wire.plugin()
    await asyncio.gather(*(plugin.provider_health(wire.ctx()) for _ in range(20)))
    assert len(wire.vendor.tokens) == 1
    wire.clock.advance(timedelta(minutes=59))
    await plugin.provider_health(wire.ctx())
    assert len(wire.vendor.tokens) == 2
    wire.clock.advance(timedelta(minutes=5))
    wire.vendor.tokens.clear()
    with pytest.raises(NotSent):
        await plugin.provider_health(wire.ctx())
    assert (await plugin.provider_health(wire.ctx())).healthy


@pytest.mark.parametrize(
    ("more", "consented", "kind"),
    [
        ({"integration_key": USER_ID}, True, AuthFailed),
        ({"user_id": INTEGRATION_KEY}, True, AuthFailed),
        ({}, False, Misconfigured),
        ({"account_id": USER_ID}, True, Misconfigured),
        ({"private_key": "-----BEGIN"}, True, Misconfigured),
    ],
)
async def test_wrong_settings(wire: Any, more: dict[str, Any], consented: bool, kind: type[Exception]) -> None:
    wire.vendor.knows = replace(wire.vendor.knows, consented=consented)

    async def asked() -> None:
        await wire.plugin(**more).provider_health(wire.ctx())

    with pytest.raises(kind):
        await asked()
    assert wire.vendor.envelopes == {}


async def test_credentials_that_were_refused_are_not_tried_again_at_once(wire: Any) -> None:
    plugin = wire.plugin(user_id=INTEGRATION_KEY)
    ends = await asyncio.gather(*(plugin.provider_health(wire.ctx()) for _ in range(10)), return_exceptions=True)
    assert {type(end) for end in ends} == {AuthFailed}
    assert len(wire.vendor.received) == 1
    wire.clock.advance(timedelta(minutes=5))
    with pytest.raises(AuthFailed):
        await plugin.provider_health(wire.ctx())
    assert len(wire.vendor.received) == 2


async def test_one_changed_byte_of_an_assertion_or_token_is_refused(wire: Any) -> None:
    made = DocusignSettings(**wire.plugin()._settings.model_dump())
    given = assertion(made, key(), wire.clock.now())
    head, claims, signed = given.split(".")
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    for changed in (
        f"{head}.{claims}.{'B' + signed[1:]}",
        f"{head}.{claims[:-1]}A.{signed}",
        f"{head}.{claims}.",
        given + "x",
    ):
        answer = await wire.http.post(f"{wire.base_url}/oauth/token", data={"grant_type": grant, "assertion": changed})
        assert answer.status_code == 400
    url = f"{wire.base_url}/restapi/v2.1/accounts/{ACCOUNT_ID}/envelopes"
    for token in ("", "Bearer", "Bearer token-1-of-the-stand-ix"):
        answer = await wire.http.post(url, headers={"authorization": token}, json={})
        assert (answer.status_code, answer.json()["errorCode"]) == (401, "AUTHORIZATION_INVALID_TOKEN")


async def test_signers_without_an_address(wire: Any) -> None:
    request = wire.envelope(email="")
    with pytest.raises(Rejected, match="lessee has no e-mail"):
        await wire.plugin(invitation="email").esign_create(request, wire.ctx())
    assert wire.vendor.envelopes == {}
    sent = await wire.plugin().esign_create(request, wire.ctx())
    emails = [one["email"] for one in wire.vendor.envelopes[sent.envelope_ref].signers]
    assert emails == ["signing@example.com", "lessor@example.com"]


async def test_a_link_that_cannot_be_had_does_not_lose_the_envelope(wire: Any) -> None:
    plugin = wire.plugin(return_url="https://hub.example/signed")
    plain = wire.vendor._view

    async def broken(request: Any) -> Any:
        raise RuntimeError("the vendor breaks down")

    wire.vendor._view = broken
    sent = await plugin.esign_create(wire.envelope(), wire.ctx(KEY))
    wire.vendor._view = plain
    assert sent.status is EnvelopeStatus.SENT


def test_a_changed_answer_is_not_taken_for_ours() -> None:
    listed = Fields(
        {"resultSetSize": "1", "envelopes": [{"envelopeId": "e", "transactionId": "another", "status": "sent"}]}
    )
    assert one_of(listed, name="transactionId", value="ours") is None
