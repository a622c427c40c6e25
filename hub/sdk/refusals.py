"""From a vendor's own code to the hub's error: a plugin lists what each code means, and here is what follows from that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

from hub.core.errors import (
    AuthFailed,
    Misconfigured,
    ProviderError,
    RateLimited,
    Rejected,
    RetryAdvice,
    UnknownOutcome,
)

_SHAPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


class Meaning(StrEnum):
    """What a code says of the request that it answers."""

    LIMITED = "limited"  # too many for now, not executed
    CREDENTIALS = "credentials"
    SETTINGS = "settings"  # our settings, or our contract with the vendor
    BUSINESS = "business"  # understood, and no
    DOUBT = "doubt"  # it may have been executed


Meanings = Mapping[str, Meaning]


def meanings(**codes: Iterable[str]) -> dict[str, Meaning]:
    """What each code means, from the codes of each meaning: `limited`, `credentials`, `settings`, `business`, `doubt`."""
    return {code: Meaning(word) for word, names in codes.items() for code in names}


def shown_code(code: object) -> str:
    """A code as far as it has the shape of one; empty otherwise, for what has another shape may carry anything."""
    text = code if isinstance(code, str) else ""
    return text if _SHAPE.fullmatch(text) else ""


def refusal(
    meaning: Meaning, code: str, *, wait_s: float | None = None, advice: RetryAdvice = RetryAdvice.NEVER
) -> ProviderError:
    """The error for a code of this meaning; `wait_s` counts where the vendor limits, `advice` where it says no."""
    if meaning is Meaning.LIMITED:
        return RateLimited(code, retry_after_s=wait_s)
    if meaning is Meaning.BUSINESS:
        return Rejected(code, advice=advice)
    plain = {
        Meaning.CREDENTIALS: AuthFailed,
        Meaning.SETTINGS: Misconfigured,
        Meaning.DOUBT: UnknownOutcome,
    }
    return plain[meaning](code)
