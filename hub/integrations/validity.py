"""Until when the keys and certificates of providers count, as their plugins name them: shown, measured and warned of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from hub.core.provider import Credential, CredentialKind
from hub.integrations.generation import Generation

# A certificate is renewed within days, but the request may have to pass several hands.
WARN_BEFORE = timedelta(days=30)


class Validity(StrEnum):
    """Whether a credential still counts."""

    VALID = "valid"
    ENDS_SOON = "ends_soon"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialView:
    """A credential of an instance, and how it stands now; `days_left` is None when it has no end."""

    instance: str
    name: str
    kind: CredentialKind
    fingerprint: str
    not_after: datetime | None
    current: bool
    validity: Validity
    days_left: int | None


def credentials(generation: Generation, now: datetime) -> list[CredentialView]:
    """Every credential of every instance, in the order of the configuration."""
    return [_view(name, one, now) for name, instance in generation.instances.items() for one in instance.credentials]


def warned_of(found: Iterable[CredentialView]) -> list[CredentialView]:
    """What somebody must see to: in use, and at its end or near it; the first to end stands first."""
    ending = [
        (one.not_after, one.instance, one.name, one)
        for one in found
        if one.current and one.validity is not Validity.VALID and one.not_after is not None
    ]
    return [one for *_, one in sorted(ending, key=lambda each: each[:3])]


def _view(instance: str, one: Credential, now: datetime) -> CredentialView:
    left = None if one.not_after is None else one.not_after - now
    return CredentialView(
        instance=instance,
        name=one.name,
        kind=one.kind,
        fingerprint=one.fingerprint,
        not_after=one.not_after,
        current=one.current,
        validity=_validity(left),
        days_left=None if left is None else left // timedelta(days=1),
    )


def _validity(left: timedelta | None) -> Validity:
    if left is None or left > WARN_BEFORE:
        return Validity.VALID
    return Validity.ENDS_SOON if left > timedelta(0) else Validity.ENDED
