"""One tree, one stable code for each branch, and no error that shows more than it should."""

from __future__ import annotations

import pytest

from hub.core import errors
from hub.core.errors import (
    Conflict,
    InvalidInput,
    LeaseHubError,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    ProviderError,
    RateLimited,
    Rejected,
    RetryAdvice,
    RuleBroken,
)

# Codes are a promise to everyone who reads an answer of the API: none may change, none may be used twice.
CODES = {
    "LeaseHubError": "error",
    "InvalidInput": "invalid_input",
    "NotFound": "not_found",
    "NotAuthenticated": "not_authenticated",
    "NotAllowed": "not_allowed",
    "Conflict": "conflict",
    "RuleBroken": "rule_broken",
    "ProviderError": "provider_error",
    "NotSent": "not_sent",
    "RateLimited": "rate_limited",
    "Rejected": "rejected",
    "AuthFailed": "auth_failed",
    "Misconfigured": "misconfigured",
    "UnknownOutcome": "unknown_outcome",
}


def _tree(root: type[LeaseHubError]) -> set[type[LeaseHubError]]:
    return {root}.union(*(_tree(child) for child in root.__subclasses__() if child.__module__ == errors.__name__))


def test_every_error_has_its_own_code() -> None:
    assert {error.__name__: error.code for error in _tree(LeaseHubError)} == CODES
    assert len(set(CODES.values())) == len(CODES)


@pytest.mark.parametrize("name", CODES)
def test_the_drawing_shows_every_error(name: str) -> None:
    assert errors.__doc__ is not None
    assert name in errors.__doc__


@pytest.mark.parametrize("error", sorted(_tree(ProviderError), key=lambda error: error.__name__))
def test_a_third_partys_fault_is_one_branch(error: type[LeaseHubError]) -> None:
    assert issubclass(error, ProviderError)
    assert not issubclass(error, InvalidInput | NotFound | Conflict | RuleBroken)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (InvalidInput("amount", "must be positive"), "amount: must be positive"),
        (NotFound("contract", 7), "contract 7 not found"),
        (NotAuthenticated(), "a valid token is needed"),
        (NotAllowed("ledger.read"), "ledger.read: permission missing"),
        (Conflict("somebody was first"), "somebody was first"),
        (RuleBroken("deposit_too_low", least="10.00", given="9.00"), "deposit_too_low (least=10.00, given=9.00)"),
        (RuleBroken("closed"), "closed"),
        (errors.NotSent(), "not_sent"),
        (errors.AuthFailed("key expired"), "key expired"),
        (Rejected("51"), "51"),
        (Rejected("51", "insufficient funds"), "insufficient funds"),
    ],
)
def test_what_an_error_says(error: LeaseHubError, text: str) -> None:
    assert str(error) == text


def test_a_rejection_is_final_unless_the_vendor_says_otherwise() -> None:
    assert Rejected("51").advice is RetryAdvice.NEVER
    assert Rejected("51", advice=RetryAdvice.LATER).advice is RetryAdvice.LATER


def test_a_vendor_may_not_say_how_long_to_wait() -> None:
    assert RateLimited().retry_after_s is None
    assert RateLimited(retry_after_s=2.5).retry_after_s == 2.5


def test_the_facts_of_a_broken_rule_can_be_read() -> None:
    assert RuleBroken("limit", asked=3, allowed=2).facts == {"asked": 3, "allowed": 2}
