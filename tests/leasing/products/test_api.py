"""Products and quotes through the API: what goes in comes out, and a wrong field is named."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from hub.api import deps, errors, products
from hub.core.ids import BranchId
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
    async def actor_of(request: object) -> Actor:
        return system_actor

    monkeypatch.setattr(deps, "actor_of", actor_of)
    app = FastAPI()
    errors.install(app)
    app.include_router(products.router)
    app.state.house = SimpleNamespace(database=database)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub") as client:
        yield client


async def _on_offer(client: httpx.AsyncClient) -> dict[str, Any]:
    made = await client.post("/products", json={"code": "STANDARD-36", "name": "标准直租", "terms": TERMS})
    assert made.status_code == 201
    published = await client.post(f"/product-versions/{made.json()['id']}/publication")
    assert published.status_code == 200
    version: dict[str, Any] = published.json()
    return version


def _wish(version: dict[str, Any], branch: BranchId) -> dict[str, Any]:
    return {
        "product_version_id": version["id"],
        "branch_id": str(branch),
        "car_model": "BYD Qin PLUS",
        "car_price": "120000.00",
        "fees": [{"kind": "insurance", "amount": "6000.00", "financed": True}],
        "down_payment": "24000.00",
        "term_months": 36,
        "annual_rate": "0.085",
        "starts_on": "2026-01-31",
    }


async def test_a_product_goes_through_its_life(client: httpx.AsyncClient) -> None:
    version = await _on_offer(client)
    assert version["state"] == "published"
    assert version["terms"]["fees"][0]["most"] == "9000.00"
    listed = (await client.get("/products")).json()
    assert [product["published_version_id"] for product in listed] == [version["id"]]
    draft = (await client.post(f"/products/{version['product_id']}/versions", json=version["terms"])).json()
    assert (draft["number"], draft["state"], draft["terms"]) == (2, "draft", version["terms"])
    revised = await client.put(f"/product-versions/{draft['id']}", json={**TERMS, "quote_valid_days": 7})
    assert revised.json()["terms"]["quote_valid_days"] == 7
    assert (await client.put(f"/product-versions/{version['id']}", json=TERMS)).status_code == 409
    assert (await client.post(f"/product-versions/{version['id']}/retirement")).json()["state"] == "retired"
    assert (await client.get(f"/product-versions/{version['id']}")).json()["state"] == "retired"
    versions = (await client.get(f"/products/{version['product_id']}/versions")).json()
    assert [version["number"] for version in versions] == [2, 1]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"annual_rate": {"least": "0.1", "most": "0.3"}}, "annual_rate.most"),
        ({"purchase_option": 100}, "terms.purchase_option"),
        ({"purchase_option": "1.005"}, "terms.purchase_option"),
        ({"annual_rate": {"least": "NaN", "most": "0.3"}}, "terms.annual_rate.least"),
        ({"colour": "red"}, "terms.colour"),
        ({"method": "lottery"}, "terms.method"),
    ],
)
async def test_a_wrong_field_of_the_terms_is_named(
    client: httpx.AsyncClient, change: dict[str, Any], field: str
) -> None:
    body = {"code": "BAD-1", "name": "x", "terms": {**TERMS, **change}}
    answer = await client.post("/products", json=body)
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)
    assert (await client.get("/products")).json() == []


async def test_a_quote_is_made_and_read_back(client: httpx.AsyncClient, branch: BranchId) -> None:
    wish = _wish(await _on_offer(client), branch)
    made = await client.post("/quotes", json=wish)
    assert made.status_code == 201
    quote = made.json()
    assert quote["price"]["financed"] == "102000.00"
    assert quote["price"]["due_at_signing"]["total"] == "24000.00"
    assert quote["price"]["schedule"][0] == {
        "number": 1,
        "due_on": "2026-02-28",
        "principal": "2497.39",
        "interest": "722.50",
        "rent": "3219.89",
        "balance_after": "99502.61",
    }
    assert (await client.get(f"/quotes/{quote['id']}")).json() == quote
    assert (await client.get(f"/quotes/{uuid4()}")).status_code == 404


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"term_months": 13}, 422, "term_months"),
        ({"annual_rate": "2.5"}, 422, "annual_rate"),
        ({"annual_rate": "0.0812345678"}, 422, "annual_rate"),
        ({"car_price": "120000.001"}, 422, "car_price"),
        ({"fees": [{"kind": "champagne", "amount": "1.00", "financed": True}]}, 422, "fees.0.kind"),
        ({"product_version_id": str(uuid4())}, 404, None),
    ],
)
async def test_a_quote_that_cannot_be_names_the_field(
    client: httpx.AsyncClient, branch: BranchId, change: dict[str, Any], status: int, field: str | None
) -> None:
    wish = _wish(await _on_offer(client), branch)
    answer = await client.post("/quotes", json={**wish, **change})
    assert (answer.status_code, answer.json()["error"].get("field")) == (status, field)
