"""The signature: the vendor's two worked examples, and the vendor's own client for anything else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leasehub_tc3.signing import Account, _string_to_sign, authorization, scope, signature_of
from tencentcloud.common.sign import Sign

# Source: Tencent Cloud, "Signature Method v3", document 1021/34193: DescribeInstances of 2019-02-25, once with the
# example's key pair (edition of 2021, two signed headers), once with a starred one (edition of 2023, three).
BODY = rb'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}'
AT = datetime.fromtimestamp(1551113065, UTC)
TWO = {"content-type": "application/json; charset=utf-8", "host": "cvm.tencentcloudapi.com"}
THREE = {**TWO, "x-tc-action": "DescribeInstances"}
KEY_ID, KEY = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"


def test_the_example_with_two_headers() -> None:
    account = Account(secret_id=KEY_ID, secret_key=KEY)
    assert authorization(account, service="cvm", at=AT, headers=TWO, body=BODY) == (
        f"TC3-HMAC-SHA256 Credential={KEY_ID}/2019-02-25/cvm/tc3_request, SignedHeaders=content-type;host, "
        "Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"
    )


def test_the_example_with_three_headers() -> None:
    found = signature_of("*" * 32, service="cvm", at=AT, headers=THREE, body=BODY)
    assert found == "10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f"


@pytest.mark.parametrize("at", ["2026-01-01T07:59:59+08:00", "2025-12-31T23:59:59+00:00"])
def test_the_day_is_that_of_utc(at: str) -> None:
    assert scope("sms", datetime.fromisoformat(at)) == "2025-12-31/sms/tc3_request"


@given(
    key=st.text(st.characters(codec="utf-8"), min_size=1, max_size=40),
    seconds=st.integers(10**9, 4 * 10**9),
    body=st.binary(max_size=200),
)
def test_the_chain_of_keys_is_the_vendors(key: str, seconds: int, body: bytes) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    text = _string_to_sign("sms", at, TWO, body)
    expected = Sign.sign_tc3(key, f"{at:%Y-%m-%d}", "sms", text)
    assert signature_of(key, service="sms", at=at, headers=TWO, body=body) == expected


@given(place=st.integers(0, len(BODY) - 1), bit=st.integers(0, 7))
def test_a_changed_bit_is_another_signature(place: int, bit: int) -> None:
    changed = bytearray(BODY)
    changed[place] ^= 1 << bit
    good, other = (signature_of(KEY, service="cvm", at=AT, headers=TWO, body=body) for body in (BODY, bytes(changed)))
    assert good != other


def test_an_account_shows_no_key() -> None:
    assert KEY not in repr(Account(secret_id=KEY_ID, secret_key=KEY, token="temporary-token"))
    assert "temporary-token" not in repr(Account(secret_id=KEY_ID, secret_key=KEY, token="temporary-token"))
