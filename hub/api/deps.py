"""What every route needs: the house behind it, the actor's transaction, money in bodies, pages of lists."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema, field_validator

from hub.api import once
from hub.core.errors import NotAuthenticated
from hub.core.money import Money
from hub.house import House
from hub.infra import staff
from hub.infra.access import Actor, Permission
from hub.infra.crash import crash_point
from hub.infra.database import Tx


def house_of(request: Request) -> House:
    """The house that this application serves."""
    house: House = request.app.state.house
    return house


TheHouse = Annotated[House, Depends(house_of)]


async def actor_of(request: Request) -> Actor:
    """Who is asking, by the bearer token; raises NotAuthenticated."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticated
    actor = await staff.actor_of_token(house_of(request).database, token.strip())
    if actor is None:
        raise NotAuthenticated
    return actor


class Acting:
    """Opens the actor's transaction for one permission; it commits before the answer goes out.

    A request under an `Idempotency-Key` takes effect once, unless the route says with `keyless` why it need not.
    """

    def __init__(self, permission: Permission, keyless: str = "") -> None:
        self.permission = permission
        self.keyless = keyless

    async def __call__(self, request: Request) -> AsyncIterator[Tx]:
        """The transaction of the actor, once the permission is shown."""
        actor = await actor_of(request)
        actor.require(self.permission)
        async with house_of(request).database.transaction(actor) as tx:
            if not self.keyless:
                await once.begin(request, tx)
            yield tx
        crash_point("once.after_commit")


class Holding:
    """The actor who holds one permission, for routes that open their own transactions and so take no key."""

    def __init__(self, permission: Permission, keyless: str = "") -> None:
        self.permission = permission
        self.keyless = keyless

    async def __call__(self, request: Request) -> Actor:
        """The actor, once the permission is shown."""
        actor = await actor_of(request)
        actor.require(self.permission)
        return actor


class Public:
    """Marks a route that anybody may call; it must say why."""

    def __init__(self, why: str) -> None:
        self.why = self.keyless = why

    async def __call__(self) -> None:
        """Nothing to check."""


def acting(permission: Permission, *, keyless: str = "") -> Any:
    """Declare who may call a route, and take the actor's transaction; `keyless` says why it takes no idempotency key."""
    return Depends(Acting(permission, keyless), scope="function")


def holding(permission: Permission, *, keyless: str = "") -> Any:
    """Declare who may call a route, and take the actor; one that changes something says why it needs no key."""
    return Depends(Holding(permission, keyless))


def public(why: str) -> Any:
    """Declare that anybody may call a route, and why."""
    return Depends(Public(why))


LONGEST_TEXT = 4000


class Body(BaseModel):
    """Base of every request body: a field that nobody asked for is refused, and so is text that cannot be stored."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=LONGEST_TEXT)

    @field_validator("*")
    @classmethod
    def _storable(cls, value: object) -> object:
        _refuse_nul(value)
        return value


def _refuse_nul(value: object) -> None:
    """Raise ValueError for the one character that the database cannot hold, however deep it stands."""
    if isinstance(value, str) and "\0" in value:
        raise ValueError("must not contain the character NUL")
    if isinstance(value, Mapping):
        _refuse_nul([*value.keys(), *value.values()])
    elif isinstance(value, list | tuple):
        for part in value:
            _refuse_nul(part)


# As many digits as a column of money holds, on both sides of the point.
_AMOUNT = r"^-?\d{1,16}(\.\d{1,2})?$"


def _read_amount(value: object) -> Money:
    if isinstance(value, Money):
        return value
    if not isinstance(value, str) or not re.fullmatch(_AMOUNT, value, re.ASCII):
        raise ValueError('an amount is a string in major units, like "12800.00"')
    return Money.of(value)


AmountText = Annotated[
    Money,
    BeforeValidator(_read_amount),
    PlainSerializer(lambda money: f"{money.amount:.2f}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": _AMOUNT, "examples": ["12800.00"]}),
]


class Page(BaseModel):
    """One page of a list by key: what comes after `after`, at most `limit` rows."""

    after: UUID | None = None
    limit: int = 50


def _page(
    after: Annotated[UUID | None, Query(description="the last id of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page:
    return Page(after=after, limit=limit)


ThePage = Annotated[Page, Depends(_page)]
