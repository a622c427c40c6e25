"""Callbacks: the vendor's published signatures, its own validator, and everything that must not be believed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leasehub_sms_twilio.callbacks import SETTINGS, SIGNATURE, addresses, received, signed
from twilio.request_validator import RequestValidator

from hub.core.ports.webhooks import WebhookDelivery, WebhookKind, WebhookRequest

URL, TOKEN = "https://hub.example/webhooks/twilio", "token-made-up-for-tests"
KEYS = {"webhooks_sharedkey_1": "shared-key-made-up"}
FORM = {"MessageSid": f"SM{1:032x}", "MessageStatus": "delivered", "To": "+8613812345678", "Body": "租金 & co"}


def take(
    body: bytes,
    headers: Mapping[str, str],
    *,
    query: Mapping[str, str] | None = None,
    url: str = URL,
    tokens: Sequence[str] = (TOKEN,),
) -> WebhookDelivery:
    request = WebhookRequest(
        method="POST",
        path="/webhooks/twilio",
        query=query or {},
        headers=headers,
        body=body,
        received_at=datetime(2026, 3, 5, tzinfo=UTC),
    )
    return received(request, url, tokens, KEYS)


def theirs(form: Mapping[str, str], url: str = URL, key: str = TOKEN, algorithm: str | None = None) -> str:
    made: str = RequestValidator(key).compute_signature(url, form, algorithm)
    return made


# Source: twilio-python, tests/unit/test_request_validator.py.
PUBLISHED = "https://mycompany.com/myapp.php?foo=1&bar=2"
PUBLISHED_FORM = [
    ("CallSid", "CA1234567890ABCDE"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
    ("Caller", "+14158675309"),
]


@pytest.mark.parametrize(
    ("url", "signature"),
    [
        (PUBLISHED, "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (PUBLISHED.replace(".com", ".com:443"), "kvajT1Ptam85bY51eRf/AJRuM3w="),
        (PUBLISHED.replace("https", "http").replace(".com", ".com:1234"), "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
        (PUBLISHED.replace("https", "http").replace(".com", ".com:80"), "0ZXoZLH/DfblKGATFgpif+LLRf4="),
    ],
)
def test_the_published_signatures(url: str, signature: str) -> None:
    assert signed("12345", url, PUBLISHED_FORM) == signature
    query = {"foo": "1", "bar": "2"}
    base = url.partition("?")[0].replace(":443", "").replace(":80", "")
    delivery = take(
        urlencode(PUBLISHED_FORM).encode(), {SIGNATURE: signature}, query=query, url=base, tokens=("12345",)
    )
    assert delivery.verified


def test_the_published_signature_of_repeated_fields_and_of_a_json_body() -> None:
    fields = [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234")]
    assert signed("12345", PUBLISHED, fields) == "IK+Dwps556ElfBT0I3Rgjkr1wJU="
    body = b'{"property": "value", "boolean": true}'
    query = {"foo": "1", "bar": "2", "bodySHA256": "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"}
    headers = {SIGNATURE: "a9nBmqA0ju/hNViExpshrM61xv4=", "content-type": "application/json"}
    base = PUBLISHED.partition("?")[0]
    delivery = take(body, headers, query=query, url=base, tokens=("12345",))
    assert (delivery.verified, [event.kind for event in delivery.events]) == (True, [WebhookKind.UNMAPPED])
    for changed, asked in ((body + b" ", query), (body, {**query, "bodySHA256": "0" * 64})):
        assert not take(changed, headers, query=asked, url=base, tokens=("12345",)).verified


@pytest.mark.parametrize("port", ["", ":443"])
def test_what_the_library_signs_is_believed_with_our_key_in_the_address(port: str) -> None:
    url = f"https://hub.example{port}/webhooks/twilio?key=key-1"
    delivery = take(urlencode(FORM).encode(), {SIGNATURE: theirs(FORM, url)}, query={"key": "key-1"})
    (event,) = delivery.events
    assert (event.event_id, event.subject_ref, event.subject_key, event.status) == (
        f"{FORM['MessageSid']}:delivered",
        FORM["MessageSid"],
        "key-1",
        "delivered",
    )


def test_a_shared_key_signs_with_sha_256_and_only_the_one_that_is_named() -> None:
    body = urlencode(FORM).encode()
    made = theirs(FORM, key=KEYS["webhooks_sharedkey_1"], algorithm="HMAC_SHA256")
    named = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"
    assert take(body, {SIGNATURE: made, SETTINGS: named}).verified
    for settings in (
        "",
        "key=webhooks_sharedkey_2,algorithm=HMAC_SHA256",
        "key=webhooks_sharedkey_1,algorithm=HMAC_SHA512",
        "key=webhooks_sharedkey_1,algorithm=HMAC_SHA1",
        "key=webhooks_sharedkey_1",
        "algorithm=HMAC_SHA256",
        f"{named}, {named}",
    ):
        assert not take(body, {SIGNATURE: made, SETTINGS: settings}).verified
    with_token = theirs(FORM, algorithm="HMAC_SHA256")
    assert not take(body, {SIGNATURE: with_token, SETTINGS: named}).verified


@pytest.mark.parametrize(
    "change", ["body", "field", "query", "path", "signature", "empty", "twice", "token", "longer", "none"]
)
def test_what_is_not_believed(change: str) -> None:
    good, body = theirs(FORM, f"{URL}?key=key-1"), urlencode(FORM).encode()
    headers = {
        "signature": {SIGNATURE: ("A" if good[0] != "A" else "B") + good[1:]},
        "empty": {SIGNATURE: ""},
        "twice": {SIGNATURE: f"{good}, {good}"},
        "token": {SIGNATURE: theirs(FORM, f"{URL}?key=key-1", TOKEN + "x")},
        "longer": {SIGNATURE: f"{good}="},
        "none": {},
    }.get(change, {SIGNATURE: good})
    sent = {"body": body.replace(b"delivered", b"Delivered"), "field": body + b"&a=b"}.get(change, body)
    delivery = take(
        sent,
        headers,
        query={"key": "key-2" if change == "query" else "key-1"},
        url=URL + "x" if change == "path" else URL,
    )
    assert (delivery.verified, delivery.events, delivery.reply.status) == (False, (), 403)


def test_while_the_token_is_changed_both_are_good_and_without_one_none_is() -> None:
    body = urlencode(FORM).encode()
    for token in (TOKEN, "the-one-before"):
        assert take(body, {SIGNATURE: theirs(FORM, key=token)}, tokens=(TOKEN, "the-one-before")).verified
    for tokens in ((), ("",)):
        assert not take(body, {SIGNATURE: theirs(FORM, key="")}, tokens=tokens).verified


@given(
    st.dictionaries(st.text(min_size=1, max_size=9), st.text(max_size=12), max_size=6),
    st.sampled_from(["https://a.example/x", "http://a.example/x?b=c", "https://a.example:8443/x"]),
    st.sampled_from(["HMAC_SHA1", "HMAC_SHA256"]),
)
def test_signatures_are_the_librarys(form: dict[str, str], url: str, algorithm: str) -> None:
    ours = signed(TOKEN, url, list(form.items()), "sha1" if algorithm == "HMAC_SHA1" else "sha256")
    assert ours == theirs(form, url, algorithm=algorithm)
    assert url in addresses(url)


@given(st.binary(max_size=60), st.dictionaries(st.sampled_from(["key", "bodySHA256"]), st.text(max_size=8)))
def test_whatever_is_posted_is_answered(body: bytes, query: dict[str, str]) -> None:
    for kind in ("application/json", ""):
        assert not take(body, {SIGNATURE: "x", "content-type": kind}, query=query).verified


def test_the_hash_of_a_json_body_says_nothing_of_a_form() -> None:
    """Whoever could choose the query could else leave the fields unsigned."""
    body = urlencode(FORM).encode()
    query = {"bodySHA256": hashlib.sha256(body).hexdigest()}
    url = f"{URL}?{urlencode(query)}"
    assert not take(body, {SIGNATURE: theirs({}, url)}, query=query).verified
    assert take(body, {SIGNATURE: theirs(FORM, url)}, query=query).verified
