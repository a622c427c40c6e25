"""The desk of customers: masked everywhere, in the clear once for a purpose, with what can be added and withdrawn."""

from __future__ import annotations

import re

from tests.api.rows import Rows
from tests.console.conftest import Reader, enter
from tests.stories.lease import Lessee, somebody
from tests.stories.world import World


async def a_customer(world: World, reader: Reader) -> tuple[str, Lessee]:
    """Somebody who is registered at the desk: their page, and who they are."""
    who = somebody()
    answer = await reader.send(
        "/parties/new",
        branch_id=world.branches["north"],
        name=who.name,
        document_kind="cn_identity_card",
        document_number=who.identity,
        phone=who.phone,
    )
    assert answer.status_code == 303, answer.text
    return answer.headers["location"], who


async def test_a_customer_is_registered_listed_masked_and_found_whole(world: World, reader: Reader) -> None:
    path, who = await a_customer(world, reader)
    for page in (await reader.see("/parties"), await reader.see(path)):
        assert "欧***" in page
        assert not [secret for secret in who.secrets if secret in page]
    for text in (who.phone, who.identity):
        assert path in await reader.see("/parties", params={"person_name": text})
    assert path in await reader.see("/parties", params={"person_name": who.name, "kind": "person"})
    assert path not in await reader.see("/parties", params={"person_name": who.phone[:8]})
    assert path not in await reader.see("/parties", params={"kind": "company"})


async def test_who_is_registered_already_is_refused_at_the_document(world: World, reader: Reader) -> None:
    _, who = await a_customer(world, reader)
    again = {"branch_id": world.branches["north"], "name": "某人", "document_kind": "cn_identity_card"}
    answer = await reader.send("/parties/new", **again, document_number=who.identity, phone=who.phone)
    assert answer.status_code == 422
    assert 'id="wrong-document_number">another party is registered under this document' in answer.text
    mistyped = who.identity[:-1] + ("0" if who.identity[-1] != "0" else "1")
    answer = await reader.send("/parties/new", **again, document_number=mistyped, phone=who.phone)
    assert 'id="wrong-document_number">the check digit is wrong' in answer.text


async def test_somebody_is_revealed_once_for_a_purpose_and_it_is_on_record(world: World, reader: Reader) -> None:
    path, who = await a_customer(world, reader)
    await reader.send(f"{path}/do/address", kind="home", text="北京市东城区一号")
    assert (await reader.send(f"{path}/do/reveal")).status_code == 422
    answer = await reader.send(f"{path}/do/reveal", purpose="contract")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    for clear in (who.name, who.identity, who.phone, "北京市东城区一号"):
        assert clear in answer.text
    assert who.identity not in await reader.see(path)
    trail = await reader.see(f"{path}/audit")
    assert "party.revealed" in trail
    assert "purpose=contract" in trail
    sales = await enter(world, "sales")
    assert "do/reveal" not in await sales.see(path)
    assert (await sales.send(f"{path}/do/reveal", purpose="contract")).status_code == 403
    await sales.http.aclose()


async def test_accounts_and_consents_are_added_and_a_consent_withdrawn(world: World, reader: Reader) -> None:
    path, who = await a_customer(world, reader)
    page = await reader.see(f"{path}/consents")
    assert f'href="{path}/do/withdraw"' not in page
    assert "There is no consent to withdraw." in page
    wrong = await reader.send(f"{path}/do/account", bank_code="ICBC", number="12")
    assert 'id="wrong-number">a bank account has 6 to 32 digits' in wrong.text
    done = await reader.send(f"{path}/do/account", bank_code="icbc", number=who.account)
    assert done.headers["location"] == f"{path}/accounts?done=account"
    accounts = await reader.see(f"{path}/accounts")
    assert who.account[-4:] in accounts
    assert who.account not in accounts
    await reader.send(f"{path}/do/consent", purpose="credit_check", text_version="2026-1", method="signature")
    page = await reader.see(f"{path}/consents")
    assert "Holds" in page
    [consent] = re.findall(r"consent_id=([0-9a-f-]+)", page)
    assert (await reader.send(f"{path}/do/withdraw", consent_id=consent)).status_code == 303
    page = await reader.see(f"{path}/consents")
    assert "Holds" not in page
    assert "Withdrawn" in page


async def test_a_customer_leads_to_contracts_and_applications(rows: Rows, reader: Reader) -> None:
    page = await reader.see(f"/parties/{rows['party_id']}")
    assert f"/contracts/{rows['contract_id']}" in page
    assert f"/applications/{rows['application_id']}" in page
