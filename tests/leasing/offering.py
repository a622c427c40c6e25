"""The doors of products and quotes: a client, and a product on offer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError

from hub.api import deps, errors, products, quotes
from hub.infra.access import Actor
from hub.infra.database import Database

TERMS: dict[str, Any] = {
    "lease_type": "direct",
    "method": "equal_instalments",
    "term": {"least": 12, "most": 60, "step": 12},
    "financed_amount": {"least": "20000.00", "most": "500000.00"},
    "annual_rate": {"least": "0.06", "most": "0.12"},
    "down_payment": {"least": "0.1", "most": "0.5"},
    "deposit": {"least": "0", "most": "0.1"},
    "fees": [{"kind": "insurance", "payee": "third_party", "most": "9000.00"}],
    "penalty": {"daily_rate": "0.0005", "grace_days": 3},
    "early_settlement": {"lock_in_months": 6, "fee_share": "0.03"},
    "purchase_option": "100.00",
}


@pytest.fixture
async def client(
    database: Database, system_actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """A client at the doors of products and quotes, acting as the hub itself."""

    async def actor_of(request: object) -> Actor:
        return system_actor

    monkeypatch.setattr(deps, "actor_of", actor_of)
    app = FastAPI()
    errors.install(app)
    app.add_exception_handler(RequestValidationError, errors.on_unreadable)
    app.include_router(products.router)
    app.include_router(quotes.router)
    app.state.house = SimpleNamespace(database=database)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub") as client:
        yield client


async def on_offer(client: httpx.AsyncClient) -> dict[str, Any]:
    """A product that is on offer, made through the API; its published version."""
    made = await client.post("/products", json={"code": "STANDARD-36", "name": "标准直租", "terms": TERMS})
    assert made.status_code == 201
    published = await client.post(f"/product-versions/{made.json()['id']}/publication")
    assert published.status_code == 200
    version: dict[str, Any] = published.json()
    return version
