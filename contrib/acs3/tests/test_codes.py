"""What a refusal means, by name, by beginning, and when nobody knows it."""

from __future__ import annotations

import pytest
from leasehub_acs3.codes import GATEWAY, Meaning, failure, meaning, readable

from hub.core.errors import AuthFailed, Misconfigured, RateLimited, Rejected, UnknownOutcome


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("Throttling", RateLimited),
        ("Throttling.User", RateLimited),
        ("SignatureDoesNotMatch", AuthFailed),
        ("InvalidAccessKeyId.NotFound", AuthFailed),
        ("InvalidAccessKeyId.Inactive", AuthFailed),
        ("InvalidTimeStamp.Expired", AuthFailed),
        ("Forbidden.RAM", AuthFailed),
        ("NoPermission", AuthFailed),
        ("MissingAccessKeyId", AuthFailed),
        ("MissingSignName", Misconfigured),
        ("InvalidAction.NotFound", Misconfigured),
        ("SignatureNonceUsed", UnknownOutcome),
        ("InternalError", UnknownOutcome),
        ("ServiceUnavailable", UnknownOutcome),
    ],
)
def test_the_gateways_codes(code: str, kind: type[Exception]) -> None:
    error = failure(code, GATEWAY, unmapped=Meaning.BUSINESS)
    assert type(error) is kind
    assert code in str(error)


def test_a_code_that_nobody_knows_is_what_the_caller_says() -> None:
    assert meaning("Brand.New", GATEWAY) is None
    assert isinstance(failure("Brand.New", GATEWAY, unmapped=Meaning.DOUBT), UnknownOutcome)
    rejected = failure("Brand.New", GATEWAY, unmapped=Meaning.BUSINESS)
    assert isinstance(rejected, Rejected)
    assert rejected.vendor_code == "Brand.New"


@pytest.mark.parametrize("code", [None, "", "张三 13800138000", "a" * 81, True, 1.5, ["OK"], "a b", "OK\n"])
def test_what_has_not_the_shape_of_a_code_is_not_passed_on(code: object) -> None:
    assert readable(code) is None


@pytest.mark.parametrize("code", ["OK", 200, "isv.BUSINESS_LIMIT_CONTROL", "100008.0"])
def test_what_is_a_code(code: object) -> None:
    assert readable(code) == str(code)
