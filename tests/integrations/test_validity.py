"""Until when a key or certificate counts, and what somebody must see to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.core.provider import Credential, CredentialKind, Mode
from hub.integrations.generation import Generation, Instance
from hub.integrations.plugins import ProviderState
from hub.integrations.validity import Validity, credentials, warned_of

NOW = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)


def certificate(name: str, left: timedelta | None, *, current: bool = True) -> Credential:
    ends = None if left is None else NOW + left
    return Credential(name=name, kind=CredentialKind.CERTIFICATE, fingerprint="5C:A1", not_after=ends, current=current)


def generation(*named: Credential) -> Generation:
    one = Instance(
        name="psp",
        plugin="acme",
        distribution="acme",
        mode=Mode.LIVE,
        state=ProviderState.LOADED,
        credentials=named,
    )
    return Generation(number=1, instances={"psp": one})


@pytest.mark.parametrize(
    ("left", "validity", "days"),
    [
        (None, Validity.VALID, None),
        (timedelta(days=31), Validity.VALID, 31),
        (timedelta(days=30, seconds=1), Validity.VALID, 30),
        (timedelta(days=30), Validity.ENDS_SOON, 30),
        (timedelta(seconds=1), Validity.ENDS_SOON, 0),
        (timedelta(0), Validity.ENDED, 0),
        (timedelta(days=-3), Validity.ENDED, -3),
    ],
)
def test_a_certificate_stands_by_what_is_left_of_it(left: timedelta | None, validity: Validity, days: int) -> None:
    [found] = credentials(generation(certificate("certificate", left)), NOW)
    assert (found.instance, found.validity, found.days_left) == ("psp", validity, days)


def test_what_is_in_use_and_ends_is_warned_of_the_first_to_end_first() -> None:
    found = credentials(
        generation(
            certificate("later", timedelta(days=20)),
            certificate("long", timedelta(days=400)),
            certificate("over", timedelta(days=-1)),
            certificate("kept_for_old_signatures", timedelta(days=-90), current=False),
            certificate("without_end", None),
        ),
        NOW,
    )
    assert [one.name for one in warned_of(found)] == ["over", "later"]
