"""The books through the API: read by whoever may, and only by somebody who is kept to no branch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from types import SimpleNamespace
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError

from hub.api import deps, errors, ledger
from hub.core.money import Money
from hub.infra.access import Actor, Permission
from hub.infra.database import Database
from hub.ledger import postings, service
from hub.ledger.postings import ReceiptParts

CONTRACT = UUID(int=7)


@pytest.fixture
async def client(
    database: Database, system_actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    errors.install(app)
    app.add_exception_handler(RequestValidationError, errors.on_unreadable)
    app.include_router(ledger.router)
    app.state.house = SimpleNamespace(database=database)
    _act_as(monkeypatch, system_actor)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub") as client:
        yield client


def _act_as(monkeypatch: pytest.MonkeyPatch, actor: Actor) -> None:
    async def actor_of(request: object) -> Actor:
        return actor

    monkeypatch.setattr(deps, "actor_of", actor_of)


async def test_the_books_are_read(client: httpx.AsyncClient, database: Database, system_actor: Actor) -> None:
    async with database.transaction(system_actor) as tx:
        draft = postings.receipt_from_provider(
            charge_id=uuid4(),
            contract_id=CONTRACT,
            value_on=date(2026, 1, 5),
            instance="psp_main",
            parts=ReceiptParts(rent=Money.of("12.34")),
        )
        entry_id = await service.post(tx, draft)
    books = (await client.get("/ledger/trial-balance")).json()
    accounts = {account["code"]: account for account in books["accounts"]}
    assert (books["debit"], books["credit"], books["balances"]) == ("12.34", "12.34", True)
    assert accounts["1012"]["name_zh"] == "支付机构待清算款"
    assert accounts["1122"]["balance"] == "-12.34"
    before = (await client.get("/ledger/trial-balance", params={"as_of": "2026-01-04"})).json()
    assert before["debit"] == "0.00"
    entries = (await client.get(f"/ledger/contracts/{CONTRACT}/entries")).json()
    assert [(entry["id"], entry["ref"]) for entry in entries] == [(str(entry_id), draft.ref)]
    assert [(line["account"], line["debit"], line["credit"]) for line in entries[0]["lines"]] == [
        ("1012", "12.34", "0.00"),
        ("1122", "0.00", "12.34"),
    ]
    after = {"after": str(entry_id)}
    assert (await client.get(f"/ledger/contracts/{CONTRACT}/entries", params=after)).json() == []
    assert (await client.get("/ledger/check")).json() == {"sound": True, "findings": []}


@pytest.mark.parametrize("path", ["trial-balance", f"contracts/{CONTRACT}/entries", "check"])
@pytest.mark.parametrize(
    ("permissions", "branches"),
    [(frozenset(Permission), frozenset({uuid4()})), (frozenset(Permission) - {Permission.LEDGER_READ}, None)],
)
async def test_the_books_are_closed_to_branches_and_without_permission(
    client: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    permissions: frozenset[Permission],
    branches: frozenset[UUID] | None,
) -> None:
    _act_as(monkeypatch, Actor(name="clerk", staff_id=None, permissions=permissions, branches=branches))
    assert (await client.get(f"/ledger/{path}")).status_code == 403
