"""Silver and gold: every failure ends in the one error that says what is known, on every transport."""

from __future__ import annotations

from hub.core.errors import AuthFailed, NotSent, ProviderError, RateLimited, Rejected, UnknownOutcome
from hub.core.ports.payments import PaymentOutcome, PaymentResult
from hub.core.ports.sms import MessageReceipt, MessageStatus
from hub.testing.kit.bench import CALM_S, HANGING_S, Attempt, Bench
from hub.testing.kit.catalogue import Check, Tier, Where, check, require
from hub.testing.kit.line import Trouble

_PROVES_NOTHING = (
    "Nobody can tell whether the vendor did it. Anything but UnknownOutcome would do it again, or forget it."
)
_LARGE = ("esign_fetch",)  # a signed file with its evidence may be as large as it is
_TRIES = 3
_HANGS = (Trouble.TIMEOUT_BEFORE, Trouble.TIMEOUT_AFTER)


def _ends_in(
    id_: str, tier: Tier, trouble: Trouble, kind: type[ProviderError], sentence: str, reason: str = _PROVES_NOTHING
) -> Check:
    """A check that every operation ends in this error when that happens."""

    async def run(bench: Bench) -> None:
        limit_s = HANGING_S if trouble in _HANGS else CALM_S
        for attempt in await _reaching(bench, trouble, limit_s):
            if trouble is Trouble.HUGE and attempt.operation in _LARGE:
                continue
            unknown = kind is UnknownOutcome and _says_unknown(attempt)
            require(isinstance(attempt.error, kind) or unknown, f"{attempt}, not in {kind.__name__}")

    run.__doc__ = sentence
    return check(id_, tier, reason, where=Where.EVERYWHERE)(run)


async def _reaching(bench: Bench, trouble: Trouble, limit_s: float) -> list[Attempt]:
    """Every operation under this trouble; once more when a busy machine did not even connect in so short a time."""
    attempts: list[Attempt] = []
    for _ in range(_TRIES):
        attempts = await bench.attempt_all(trouble, limit_s=limit_s)
        if trouble not in _HANGS or all(attempt.sent for attempt in attempts):
            break
    return attempts


def _says_unknown(attempt: Attempt) -> bool:
    return isinstance(attempt.result, PaymentResult) and attempt.result.outcome is PaymentOutcome.UNKNOWN


refused = _ends_in(
    "errors.refused",
    Tier.SILVER,
    Trouble.REFUSED,
    NotSent,
    "A connection that is refused ends in NotSent.",
    "It is proven that nothing was done: the hub may try again, or ask somebody else.",
)
auth = _ends_in(
    "errors.auth",
    Tier.SILVER,
    Trouble.AUTH,
    AuthFailed,
    "Credentials that the vendor refuses (401) end in AuthFailed.",
    "Trying again would lock the account; the hub stops, and tells a person.",
)


@check(
    "errors.rejected",
    Tier.SILVER,
    "It is the vendor's answer, not a failure: it is neither repeated nor held against the vendor's health.",
    where=Where.EVERYWHERE,
)
async def rejected(bench: Bench) -> None:
    """The vendor's business no (402) ends in Rejected with the vendor's code, or in a result that says so."""
    for attempt in await bench.attempt_all(Trouble.REJECTED):
        coded = isinstance(attempt.error, Rejected) and bool(attempt.error.vendor_code)
        require(coded or _says_no(attempt.result), f"{attempt}, not in Rejected")


def _says_no(result: object) -> bool:
    match result:
        case PaymentResult():
            return result.outcome is PaymentOutcome.REJECTED
        case MessageReceipt():
            return result.status is MessageStatus.UNDELIVERABLE
        case _:
            return False


@check(
    "errors.rate_limited",
    Tier.SILVER,
    "The vendor did nothing and says when to come back; earlier calls make it worse for every lease.",
    where=Where.EVERYWHERE,
)
async def rate_limited(bench: Bench) -> None:
    """Too many calls (429) end in RateLimited, with the vendor's wait in seconds."""
    wanted = bench.rig.refusals.retry_after_s
    for attempt in await bench.attempt_all(Trouble.RATE_LIMITED):
        if not isinstance(attempt.error, RateLimited):
            raise AssertionError(f"{attempt}, not in RateLimited")
        told = attempt.error.retry_after_s
        require(told == wanted, f"{attempt.operation}: retry_after_s is {told}, not {wanted}")


timeout_before = _ends_in(
    "errors.timeout_before",
    Tier.SILVER,
    Trouble.TIMEOUT_BEFORE,
    UnknownOutcome,
    "A vendor that is silent, and has done nothing, ends in UnknownOutcome.",
)
timeout_after = _ends_in(
    "errors.timeout_after",
    Tier.GOLD,
    Trouble.TIMEOUT_AFTER,
    UnknownOutcome,
    "A vendor that has done it, and is silent, ends in UnknownOutcome.",
)
dropped_before = _ends_in(
    "errors.dropped_before",
    Tier.SILVER,
    Trouble.DROP_BEFORE,
    UnknownOutcome,
    "A connection that breaks after the send, with nothing done, ends in UnknownOutcome.",
)
dropped_after = _ends_in(
    "errors.dropped_after",
    Tier.GOLD,
    Trouble.DROP_AFTER,
    UnknownOutcome,
    "A connection that breaks after the effect ends in UnknownOutcome.",
)
server_error_before = _ends_in(
    "errors.server_error_before",
    Tier.SILVER,
    Trouble.ERROR_BEFORE,
    UnknownOutcome,
    "A 500 ends in UnknownOutcome, also where the vendor has done nothing.",
)
server_error_after = _ends_in(
    "errors.server_error_after",
    Tier.GOLD,
    Trouble.ERROR_AFTER,
    UnknownOutcome,
    "A 500 after the effect ends in UnknownOutcome.",
)
garbage = _ends_in(
    "errors.garbage",
    Tier.SILVER,
    Trouble.GARBAGE,
    UnknownOutcome,
    "A 2xx whose body cannot be read ends in UnknownOutcome.",
    "A proxy's page in place of an answer says nothing of what the vendor has done.",
)
other_shape = _ends_in(
    "errors.other_shape",
    Tier.SILVER,
    Trouble.OTHER_SHAPE,
    UnknownOutcome,
    "A 2xx with JSON of another shape ends in UnknownOutcome, not in a KeyError.",
    "Vendors change their answers; what cannot be understood is asked after.",
)
huge = _ends_in(
    "errors.huge",
    Tier.GOLD,
    Trouble.HUGE,
    UnknownOutcome,
    "An answer of ten megabytes is not read to its end, and ends in UnknownOutcome.",
    "One vendor's runaway answer must not take the memory of all others.",
)
redirect = _ends_in(
    "errors.redirect",
    Tier.SILVER,
    Trouble.REDIRECT,
    UnknownOutcome,
    "A redirect is not followed, and ends in UnknownOutcome.",
    "Whoever can redirect a call would be sent the credentials and the personal data in it.",
)


@check(
    "errors.slow",
    Tier.SILVER,
    "Impatience makes unknown outcomes out of good ones, each of which has to be asked after.",
    where=Where.EVERYWHERE,
)
async def slow(bench: Bench) -> None:
    """A slow answer within the limit is an answer."""
    for attempt in await bench.attempt_all(Trouble.SLOW):
        require(attempt.error is None, str(attempt))


@check(
    "errors.late",
    Tier.GOLD,
    "What comes after the deadline is found by asking; until then the hub has promised an answer to somebody.",
    where=Where.EVERYWHERE,
)
async def late(bench: Bench) -> None:
    """An answer that comes after the deadline ends in UnknownOutcome, and not before it."""
    bench.line.slow_s = HANGING_S * 2
    for attempt in await bench.attempt_all(Trouble.SLOW, limit_s=HANGING_S):
        require(isinstance(attempt.error, UnknownOutcome) or _says_unknown(attempt), f"{attempt}, not UnknownOutcome")
