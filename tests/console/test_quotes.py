"""The desk of quotes: a deal is priced before it is kept, drawn with its schedule, and becomes an application."""

from __future__ import annotations

import re

from tests.api.rows import Rows
from tests.console.conftest import Reader
from tests.console.test_leads import a_lead
from tests.console.test_parties import a_customer
from tests.stories.world import World


def a_deal(world: World, rows: Rows, **other: str) -> dict[str, str]:
    """What is typed for a car of 128,000.00 with its insurance financed."""
    return {
        "product_version_id": rows["version_id"],
        "branch_id": world.branches["north"],
        "car_model": "轩逸 1.6L",
        "car_price": "128,000.00",
        "down_payment": "25,600.00",
        "deposit": "6400",
        "service_fee": "1500",
        "term_months": "6",
        "annual_rate": "11.88",
        "starts_on": world.today.isoformat(),
        "fee_insurance": "8000",
        "financed_insurance": "yes",
        "fee_purchase_tax": "11327.43",
    } | other


async def test_a_deal_is_priced_before_it_is_kept(world: World, rows: Rows, reader: Reader) -> None:
    before = (await reader.see("/quotes")).count('href="/quotes/0')
    shown = await reader.send("/quotes/new", **a_deal(world, rows))
    assert shown.status_code == 200
    assert "¥110,400.00" in shown.text
    assert "¥44,827.43" in shown.text, "paid at signing"
    assert '<svg class="chart"' in shown.text
    assert (await reader.see("/quotes")).count('href="/quotes/0') == before
    kept = await reader.send("/quotes/new", **a_deal(world, rows), seen="yes")
    assert kept.status_code == 303, kept.text
    page = await reader.see(kept.headers["location"])
    assert "¥110,400.00" in page
    assert "¥44,827.43" in page
    assert "Insurance" in page
    [table] = re.findall(r'aria-label="Schedule".*?</table>', page, re.DOTALL)
    assert table.count("<tr>") == 7
    assert kept.headers["location"] in await reader.see("/quotes")


async def test_what_the_product_does_not_allow_is_said_at_its_field(world: World, rows: Rows, reader: Reader) -> None:
    for name, value, said in (
        ("term_months", "61", "the product allows 3 to 60 months"),
        ("annual_rate", "30", "the product allows 4% to 14%"),
        ("down_payment", "1", "the product allows 10% to 60% of the car price"),
        ("fee_insurance", "-1", "is not an amount like 12,800.00"),
    ):
        answer = await reader.send("/quotes/new", **a_deal(world, rows, **{name: value}))
        assert answer.status_code == 422
        assert f'id="wrong-{name}">{said}' in answer.text
    much = await reader.send(
        "/quotes/new", **a_deal(world, rows, car_price="2000000", down_payment="400000", deposit="0")
    )
    assert "Financed amount: the product allows" in much.text


async def test_a_quote_for_a_lead_becomes_the_application_of_who_it_turned_into(
    world: World, rows: Rows, reader: Reader
) -> None:
    lead = await a_lead(world, reader)
    assert f"/quotes/new?lead_id={lead.rsplit('/')[-1]}" in await reader.see(lead)
    kept = await reader.send("/quotes/new", **a_deal(world, rows, lead_id=lead.rsplit("/")[-1]), seen="yes")
    quote = kept.headers["location"]
    assert quote in await reader.see(lead)
    assert lead in await reader.see(quote)
    _, who = await a_customer(world, reader)
    document = {"document_kind": "cn_identity_card", "document_number": who.identity}
    nobody = await reader.send(
        f"{quote}/do/application", document_kind="passport", document_number="E99999999", vin=who.vin
    )
    assert "No customer is registered under this document." in nobody.text
    await reader.send(f"{lead}/do/convert", **document)
    form = await reader.see(f"{quote}/do/application")
    party = re.search(r'<option value="([0-9a-f-]+)" selected>欧\*\*\*', form)
    assert party is not None
    made = await reader.send(f"{quote}/do/application", party_id=party[1], vin=who.vin)
    assert re.fullmatch(r"/applications/[0-9a-f-]+\?done=application", made.headers["location"])
    page = await reader.see(quote)
    assert "there is a live application on this quote already" in page
    assert f'href="{quote}/do/application"' not in page


async def test_a_customer_is_quoted_and_asks_at_once(world: World, rows: Rows, reader: Reader) -> None:
    customer, _ = await a_customer(world, reader)
    party_id = customer.rsplit("/")[-1]
    assert f"/quotes/new?party_id={party_id}" in await reader.see(customer)
    kept = await reader.send("/quotes/new", **a_deal(world, rows, party_id=party_id), seen="yes")
    assert f"/do/application?party_id={party_id}" in kept.headers["location"]
    path = kept.headers["location"]
    assert f'value="{party_id}" selected' in await reader.see(path)
    made = await reader.send(path.partition("?")[0], party_id=party_id, vin="")
    assert made.status_code == 303, made.text
    assert made.headers["location"].partition("?")[0] in await reader.see(customer)
