"""What follows from a vendor's code."""

from __future__ import annotations

import pytest

from hub.core.errors import AuthFailed, Misconfigured, RateLimited, Rejected, RetryAdvice, UnknownOutcome
from hub.sdk.refusals import Meaning, meanings, refusal, shown_code


@pytest.mark.parametrize(
    ("meaning", "kind"),
    [
        (Meaning.LIMITED, RateLimited),
        (Meaning.CREDENTIALS, AuthFailed),
        (Meaning.SETTINGS, Misconfigured),
        (Meaning.BUSINESS, Rejected),
        (Meaning.DOUBT, UnknownOutcome),
    ],
)
def test_every_meaning_has_its_error(meaning: Meaning, kind: type[Exception]) -> None:
    found = refusal(meaning, "CODE_1", wait_s=7.0, advice=RetryAdvice.LATER)
    assert type(found) is kind
    assert str(found) == "CODE_1"
    assert getattr(found, "retry_after_s", 7.0) == 7.0
    assert getattr(found, "advice", RetryAdvice.LATER) is RetryAdvice.LATER


@pytest.mark.parametrize("code", ["A", "isv.X_1", "1-2", "x" * 80])
def test_a_code_is_shown(code: str) -> None:
    assert shown_code(code) == code


@pytest.mark.parametrize("code", [None, 7, "", "a b", "张三", "x" * 81, ".x", ["A"], "a@example.com"])
def test_what_is_no_code_is_not_shown(code: object) -> None:
    assert shown_code(code) == ""


def test_codes_by_their_meaning() -> None:
    assert meanings(limited=("A", "B"), doubt=("C",)) == {
        "A": Meaning.LIMITED,
        "B": Meaning.LIMITED,
        "C": Meaning.DOUBT,
    }
    with pytest.raises(ValueError, match="oops"):
        meanings(oops=("A",))
