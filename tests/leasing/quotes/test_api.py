"""Quotes through the API: what goes in comes out, and a wrong field is named."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from hub.core.ids import BranchId
from tests.leasing.offering import on_offer


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


async def test_a_quote_is_made_and_read_back(client: httpx.AsyncClient, branch: BranchId) -> None:
    wish = _wish(await on_offer(client), branch)
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
    wish = _wish(await on_offer(client), branch)
    answer = await client.post("/quotes", json={**wish, **change})
    assert (answer.status_code, answer.json()["error"].get("field")) == (status, field)
