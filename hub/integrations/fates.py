"""What becomes of a callback's event once its calls were asked after, pure. An event decides nothing: it is only a knock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum

from hub.core.ports.webhooks import WebhookKind
from hub.integrations.pursuit import Learned

# An event that told nothing yet, or belongs to nothing that is known yet, is tried again so much later.
AGAIN = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1))
# What a provider sends of its own accord: no call of ours asked for it.
UNASKED = frozenset({WebhookKind.POSITION, WebhookKind.DEVICE_ALARM})


class Fate(StrEnum):
    """What became of an event; of several in one delivery, the first in this order counts."""

    FAILED = "failed"
    WAITS = "received"
    APPLIED = "applied"
    STALE = "stale"  # it told nothing that was not known
    UNMAPPED = "unmapped"  # it belongs to nothing that we know


News = Learned | str  # what asking brought, or why asking went wrong


def fate_of(kind: WebhookKind, *, tries: int, calls: int, news: Sequence[News], says_so: bool) -> tuple[Fate, str]:
    """The fate of one event, and why, after `tries` tries.

    `calls` is how many calls of ours it belongs to, `news` what asking after the open ones has brought, `says_so`
    whether one of them is known already to stand where the event says.
    """
    patient = tries <= len(AGAIN)
    if kind in UNASKED:
        return Fate.APPLIED, ""
    if kind is WebhookKind.UNMAPPED:
        return Fate.UNMAPPED, ""
    if not calls:
        return (Fate.WAITS if patient else Fate.UNMAPPED), "no call of ours is known by this reference or key"
    if errors := [one for one in news if not isinstance(one, Learned)]:
        return (Fate.WAITS if patient else Fate.FAILED), errors[0]
    if any(one is not Learned.NOTHING for one in news):
        return Fate.APPLIED, ""
    if patient and news and not says_so:
        return Fate.WAITS, "the provider's status does not say so yet"
    return Fate.STALE, ""
