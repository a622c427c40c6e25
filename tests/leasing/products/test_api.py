"""Products through the API: what goes in comes out, and a wrong field is named."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.leasing.offering import TERMS, on_offer


async def test_a_product_goes_through_its_life(client: httpx.AsyncClient) -> None:
    version = await on_offer(client)
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
