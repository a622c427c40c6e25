"""Outgoing webhooks: subscriptions, what was sent to them, and sending it again. Callbacks come in elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from hub.api.deps import Body, TheHouse, ThePage, acting
from hub.api.once import OnceRoute
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.outgoing import service
from hub.outgoing.rules import (
    LONGEST_OVERLAP_HOURS,
    REASON_LENGTH,
    URL_LENGTH,
    DispatchState,
    EventType,
    SubscriptionState,
)

router = APIRouter(prefix="/webhooks", tags=["webhooks"], route_class=OnceRoute)

Reading = Annotated[Tx, acting(P.WEBHOOKS_READ)]
Writing = Annotated[Tx, acting(P.WEBHOOKS_WRITE)]


class Subscribe(Body):
    """Where to send what; no event types in particular means all."""

    url: str = Field(max_length=URL_LENGTH)
    event_types: frozenset[EventType] = frozenset()
    description: str = Field(default="", max_length=REASON_LENGTH)


class SetState(Body):
    """Whether to send."""

    state: SubscriptionState
    reason: str = Field(default="", max_length=REASON_LENGTH)


class RotateSecret(Body):
    """For how many hours more the old secret signs too."""

    overlap_hours: int = Field(default=24, ge=0, le=LONGEST_OVERLAP_HOURS)


class ReplaySince(Body):
    """From which instant on whatever could not be delivered is sent again."""

    since: AwareDatetime


class Subscribed(BaseModel):
    """A subscription and its secret, in clear this one time."""

    id: UUID
    secret: str


class NewSecret(BaseModel):
    """A secret, in clear this one time."""

    secret: str


class Replayed(BaseModel):
    """How many are sent again."""

    count: int


class SubscriptionOut(BaseModel):
    """A subscription."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    url: str
    description: str
    event_types: list[EventType]
    state: SubscriptionState
    reason: str
    created_at: datetime
    previous_secret_until: datetime | None


class DispatchOut(BaseModel):
    """One event for one subscription; `payload` is the text that was signed."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    subscription_id: UUID
    event_id: UUID
    event_type: EventType
    occurred_at: datetime
    payload: str
    state: DispatchState
    tries: int
    next_at: datetime | None
    delivered_at: datetime | None


class AttemptOut(BaseModel):
    """One attempt to deliver, and the beginning of the answer, masked."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: int
    at: datetime
    status: int | None
    error: str
    answer: str
    duration_ms: int


@router.get("/subscriptions")
async def subscriptions(page: ThePage, tx: Reading) -> list[SubscriptionOut]:
    """Subscriptions, oldest first, a page at a time."""
    found = await service.subscriptions(tx, after=page.after, limit=page.limit)
    return [SubscriptionOut.model_validate(one) for one in found]


@router.post("/subscriptions", status_code=201)
async def subscribe(body: Subscribe, house: TheHouse, tx: Writing) -> Subscribed:
    """Have events sent to a URL; the answer shows the secret, and nothing ever shows it again."""
    subscription_id, secret = await service.subscribe(
        tx,
        house.postman.destinations,
        url=body.url,
        event_types=body.event_types,
        description=body.description,
    )
    return Subscribed(id=subscription_id, secret=secret)


@router.get("/subscriptions/{subscription_id}")
async def subscription(subscription_id: UUID, tx: Reading) -> SubscriptionOut:
    """One subscription."""
    return SubscriptionOut.model_validate(await service.get_subscription(tx, subscription_id))


@router.put("/subscriptions/{subscription_id}")
async def change(subscription_id: UUID, body: Subscribe, house: TheHouse, tx: Writing) -> SubscriptionOut:
    """Send to another URL, or of other types."""
    changed = await service.change(
        tx,
        house.postman.destinations,
        subscription_id=subscription_id,
        url=body.url,
        event_types=body.event_types,
        description=body.description,
    )
    return SubscriptionOut.model_validate(changed)


@router.put("/subscriptions/{subscription_id}/state")
async def set_state(subscription_id: UUID, body: SetState, tx: Writing) -> SubscriptionOut:
    """Pause, send again, or close for good."""
    moved = await service.set_state(tx, subscription_id=subscription_id, state=body.state, reason=body.reason)
    return SubscriptionOut.model_validate(moved)


@router.post("/subscriptions/{subscription_id}/secret")
async def rotate_secret(subscription_id: UUID, body: RotateSecret, tx: Writing) -> NewSecret:
    """A new secret, shown this one time; the old one signs too for a while."""
    secret = await service.rotate_secret(tx, subscription_id=subscription_id, overlap_hours=body.overlap_hours)
    return NewSecret(secret=secret)


@router.post("/subscriptions/{subscription_id}/test", status_code=202)
async def send_test(subscription_id: UUID, tx: Writing) -> None:
    """Send a `webhook.test` to this subscription."""
    await service.send_test(tx, subscription_id=subscription_id)


@router.post("/subscriptions/{subscription_id}/replay", status_code=202)
async def replay_since(subscription_id: UUID, body: ReplaySince, tx: Writing) -> Replayed:
    """Send whatever could not be delivered since an instant again."""
    return Replayed(count=await service.replay_since(tx, subscription_id=subscription_id, since=body.since))


@router.get("/dispatches")
async def dispatches(
    page: ThePage, tx: Reading, subscription_id: UUID | None = None, state: DispatchState | None = None
) -> list[DispatchOut]:
    """What was sent, waits to be, or could not be, newest first, a page at a time."""
    found = await service.dispatches(
        tx, subscription_id=subscription_id, state=state, after=page.after, limit=page.limit
    )
    return [DispatchOut.model_validate(one) for one in found]


@router.get("/dispatches/{dispatch_id}/attempts")
async def attempts(dispatch_id: UUID, tx: Reading) -> list[AttemptOut]:
    """Every attempt to deliver a dispatch, in order."""
    return [AttemptOut.model_validate(one) for one in await service.attempts(tx, dispatch_id)]


@router.post("/dispatches/{dispatch_id}/replay", status_code=202)
async def replay(dispatch_id: UUID, tx: Writing) -> None:
    """Send one dispatch again."""
    await service.replay(tx, dispatch_id=dispatch_id)
