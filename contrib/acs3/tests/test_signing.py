"""The signature against the published example, and against the vendor's own library for whatever may be sent."""

from __future__ import annotations

from types import SimpleNamespace

from alibabacloud_tea_openapi.utils import Utils
from hypothesis import given, settings
from hypothesis import strategies as st
from leasehub_acs3.signing import ALGORITHM, authorization, canonical_pairs, canonical_request, form_bytes, payload_hash

# Source: "V3 request structure and signature", fixed parameters (help.aliyun.com, document 2593177).
PUBLISHED_QUERY = {"ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd", "RegionId": "cn-shanghai"}
PUBLISHED_HEADERS = {
    "host": "ecs.cn-shanghai.aliyuncs.com",
    "x-acs-action": "RunInstances",
    "x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "x-acs-date": "2023-10-26T10:22:32Z",
    "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
    "x-acs-version": "2014-05-26",
}
PUBLISHED_HASH = "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259"
PUBLISHED_SIGNATURE = "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9.]{0,15}", fullmatch=True)


def ours(query: dict[str, str], headers: dict[str, str], body: bytes, key_id: str, secret: str) -> str:
    request = canonical_request(method="POST", path="/", query=query, headers=headers, body_hash=payload_hash(body))
    return authorization(key_id, secret, headers, request)


def test_the_published_example() -> None:
    request = canonical_request(
        method="POST", path="/", query=PUBLISHED_QUERY, headers=PUBLISHED_HEADERS, body_hash=payload_hash(b"")
    )
    assert payload_hash(request.encode()) == PUBLISHED_HASH
    signed = authorization("YourAccessKeyId", "YourAccessKeySecret", PUBLISHED_HEADERS, request)
    assert signed == (
        f"{ALGORITHM} Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;"
        f"x-acs-signature-nonce;x-acs-version,Signature={PUBLISHED_SIGNATURE}"
    )


@settings(max_examples=150, deadline=None)
@given(
    query=st.dictionaries(NAMES, TEXTS, max_size=6),
    form=st.dictionaries(NAMES, TEXTS, max_size=6),
    key_id=NAMES,
    secret=NAMES,
)
def test_the_vendors_library_signs_the_same(
    query: dict[str, str], form: dict[str, str], key_id: str, secret: str
) -> None:
    body = form_bytes(form)
    assert body.decode() == Utils.to_form(dict(sorted(form.items())))
    headers = {**PUBLISHED_HEADERS, "x-acs-content-sha256": payload_hash(body)}
    request = SimpleNamespace(method="POST", pathname="/", query=query, headers=headers)
    theirs = Utils.get_authorization(request, ALGORITHM, payload_hash(body), key_id, secret)
    assert ours(query, headers, body, key_id, secret) == theirs


def test_every_character_that_encoders_disagree_about() -> None:
    assert canonical_pairs({"b": " ~*'()!+/=&%", "a": "", "c": "张\n😀"}) == (
        "a=&b=%20~%2A%27%28%29%21%2B%2F%3D%26%25&c=%E5%BC%A0%0A%F0%9F%98%80"
    )


@given(query=st.dictionaries(NAMES, TEXTS, min_size=1, max_size=4), data=st.data())
@settings(max_examples=50, deadline=None)
def test_another_value_gives_another_signature(query: dict[str, str], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(query)))
    changed = {**query, name: query[name] + "x"}
    before = ours(query, PUBLISHED_HEADERS, b"", "id", "secret")
    assert ours(changed, PUBLISHED_HEADERS, b"", "id", "secret") != before
    assert ours(query, PUBLISHED_HEADERS, b"", "id", "secreT") != before
    assert ours(query, {**PUBLISHED_HEADERS, "x-acs-version": "2014-05-27"}, b"", "id", "secret") != before
