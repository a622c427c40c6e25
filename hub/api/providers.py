"""Providers as an operator sees them: instances and their order, calls, callbacks, and the switch."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from hub.api.deps import Body, TheHouse, ThePage, acting, holding
from hub.api.once import OnceRoute
from hub.core.errors import NotFound
from hub.core.provider import Capability, CredentialKind, Mode
from hub.infra.access import Actor
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.integrations import call_log, inbox, orders, reconcile, switches, validity, wire
from hub.integrations.answers import CallOutcome
from hub.integrations.registry import ProviderState, describe
from hub.integrations.routing import Strategy
from hub.integrations.validity import Validity
from hub.integrations.verdicts import CallState

router = APIRouter(tags=["providers"], route_class=OnceRoute)

# What instances and operations are called.
Word = Annotated[str, Query(pattern=r"^[a-z0-9_]{1,64}$")]


class ProviderOut(BaseModel):
    """An instance as it stands; nothing in it is secret."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    plugin: str
    distribution: str
    version: str
    contract: str
    state: ProviderState
    reason: str
    mode: Mode
    required: bool
    capabilities: list[str]
    operations: list[str]


class CallOut(BaseModel):
    """A call to a provider; request and result are masked."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    operation: str
    effect: str
    instance: str | None
    state: CallState
    attempt: int
    lease_id: UUID | None
    idempotency_key: str
    provider_ref: str | None
    error_code: str | None
    detail: str
    route: JsonValue
    request: JsonValue
    result: JsonValue
    created_at: datetime
    duration_ms: float | None
    reconcile_at: datetime | None


class CredentialOut(BaseModel):
    """A key or certificate as an operator may see it; `days_left` is null when it has no end."""

    model_config = ConfigDict(from_attributes=True)

    instance: str
    name: str
    kind: CredentialKind
    fingerprint: str
    not_after: datetime | None
    current: bool
    validity: Validity
    days_left: int | None


class CallbackOut(BaseModel):
    """A stored callback: what it says and what came of it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    instance: str
    received_at: datetime
    events: JsonValue
    state: str
    tries: int
    applied_at: datetime | None
    error: str
    replayed_count: int


class Switch(Body):
    """Whether an instance takes new calls, and why."""

    enabled: bool
    reason: str = Field(min_length=1, max_length=400)


class ChangedOut(BaseModel):
    """Who wanted another order than that of hub.toml, when and why."""

    model_config = ConfigDict(from_attributes=True)

    changed_at: datetime
    actor: str
    reason: str


class RouteOut(BaseModel):
    """In which order calls of a capability try its instances; `changed` is null while it is that of hub.toml."""

    model_config = ConfigDict(from_attributes=True)

    capability: Capability
    strategy: Strategy
    order: list[str]
    configured: list[str]
    changed: ChangedOut | None


class Order(Body):
    """The order in which new calls are to try the instances of a capability, and why."""

    order: list[Annotated[str, Field(max_length=64)]] | None = Field(
        max_length=100, description="every instance of the default order, once; null goes back to that of hub.toml"
    )
    reason: str = Field(min_length=1, max_length=400)


class DecideByHand(Body):
    """What a person has found out about a call, and how."""

    outcome: CallOutcome
    reason: str = Field(min_length=1, max_length=400)
    result: dict[str, JsonValue] | None = Field(
        default=None, description="for the outcome ok: the operation's result, field by field"
    )


class Found(BaseModel):
    """What a question to the provider has brought."""

    learned: str


@router.get("/providers")
async def providers(house: TheHouse, actor: Annotated[Actor, holding(P.PROVIDERS_READ)]) -> list[ProviderOut]:
    """Every configured instance with its state and the reason."""
    return [ProviderOut.model_validate(card) for card in describe(house.registry.current)]


@router.get("/providers/credentials")
async def credentials(house: TheHouse, actor: Annotated[Actor, holding(P.PROVIDERS_READ)]) -> list[CredentialOut]:
    """The keys and certificates that providers name, and until when each counts; never a secret itself."""
    found = validity.credentials(house.registry.current, house.database.clock.now())
    return [CredentialOut.model_validate(one) for one in found]


@router.put("/providers/{name}/switch", status_code=202)
async def switch(name: str, body: Switch, house: TheHouse, tx: Annotated[Tx, acting(P.PROVIDERS_WRITE)]) -> Switch:
    """Let an instance take new calls or no longer; every process follows within seconds."""
    if name not in house.registry.current.instances:
        raise NotFound("provider", name)
    await switches.switch(tx, instance=name, enabled=body.enabled, reason=body.reason)
    return body


@router.get("/providers/orders")
async def provider_orders(house: TheHouse, tx: Annotated[Tx, acting(P.PROVIDERS_READ)]) -> list[RouteOut]:
    """The default order of every capability that has a route."""
    return [RouteOut.model_validate(one) for one in await orders.routes(tx, house.registry.current)]


@router.put("/providers/orders/{capability}", status_code=202)
async def change_order(
    capability: Capability, body: Order, house: TheHouse, tx: Annotated[Tx, acting(P.PROVIDERS_WRITE)]
) -> RouteOut:
    """Have new calls try the instances of a capability in another order; every process follows within seconds."""
    generation = house.registry.current
    await orders.change(tx, generation, capability, body.order, reason=body.reason)
    return RouteOut.model_validate(await orders.route(tx, generation, capability))


@router.get("/calls")
async def calls(
    page: ThePage,
    tx: Annotated[Tx, acting(P.PROVIDERS_READ)],
    instance: Word | None = None,
    operation: Word | None = None,
    state: CallState | None = None,
    lease_id: UUID | None = None,
) -> list[CallOut]:
    """The call log, newest first, a page at a time."""
    found = await call_log.list_calls(
        tx,
        instance=instance,
        operation=operation,
        state=state,
        lease_id=lease_id,
        after=page.after,
        limit=page.limit,
    )
    return [CallOut.model_validate(one) for one in found]


@router.post("/calls/{call_id}/question")
async def ask_after(
    call_id: UUID,
    house: TheHouse,
    actor: Annotated[Actor, holding(P.PROVIDERS_WRITE, keyless="a question changes nothing")],
) -> Found:
    """Ask the provider now what became of a call."""
    async with house.database.transaction(actor) as tx:
        await call_log.get_call(tx, call_id)
    return Found(learned=await reconcile.reconcile_now(house.database, house.executor, call_id))


@router.post("/calls/{call_id}/decision", status_code=204)
async def decide_by_hand(call_id: UUID, body: DecideByHand, tx: Annotated[Tx, acting(P.PROVIDERS_WRITE)]) -> None:
    """Settle by hand what machines cannot find out."""
    call = await call_log.get_call(tx, call_id)
    result = None if body.result is None else wire.result_given(call.operation, body.result)
    await reconcile.decide_by_hand(tx, call_id=call_id, outcome=body.outcome, reason=body.reason, result=result)


@router.get("/callbacks")
async def callbacks(
    page: ThePage, tx: Annotated[Tx, acting(P.PROVIDERS_READ)], instance: Word | None = None
) -> list[CallbackOut]:
    """Stored callbacks, newest first, a page at a time; what they say, without personal data."""
    tx.actor.require_whole_company(P.PROVIDERS_READ)
    found = await inbox.deliveries(tx, instance=instance, after=page.after, limit=page.limit)
    return [CallbackOut.model_validate(one) for one in found]


@router.post("/callbacks/{delivery_id}/replay", status_code=202)
async def replay(delivery_id: UUID, house: TheHouse, tx: Annotated[Tx, acting(P.PROVIDERS_WRITE)]) -> None:
    """Apply a stored callback once more; callbacks belong to no branch, so whoever does it sees the whole company."""
    tx.actor.require_whole_company(P.PROVIDERS_WRITE)
    await inbox.replay(tx, house.registry, inbox_id=delivery_id)
