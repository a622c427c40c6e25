"""The desk of payees: named on the page of who holds the account, listed, ended; never changed."""

from __future__ import annotations

from tests.api.rows import Rows
from tests.console.conftest import Reader, enter
from tests.stories.world import World


async def test_a_payee_is_named_listed_and_ended(world: World, rows: Rows, reader: Reader) -> None:
    party = f"/parties/{rows['party_id']}"
    form = {"bank_account_id": rows["bank_account_id"], "branch_id": rows["branch_id"], "name": "车险公司"}
    refused = await reader.send(f"{party}/do/payee", **form)
    assert 'id="wrong-channel_id">name a dealer or a kind of fee' in refused.text
    made = await reader.send(f"{party}/do/payee", **form, channel_id=rows["channel_id"], fee_kind="insurance")
    path = made.headers["location"].partition("?")[0]
    page = await reader.see(path)
    assert "北京东方汽车" in page
    assert "•••• " in page
    assert f'href="{party}/accounts"' in page
    again = await reader.send(f"{party}/do/payee", **form, fee_kind="insurance")
    assert (again.status_code, "There is one already" in again.text) == (422, True)
    listed = await reader.see("/payees", params={"fee_kind": "insurance", "standing": "serving"})
    assert f'href="{path}"' in listed
    preview = await reader.send(f"{path}/do/end")
    assert "Drafts that show this account" in preview.text
    assert (await reader.send(f"{path}/do/end", seen="yes")).status_code == 303
    assert f'href="{path}"' not in await reader.see("/payees", params={"standing": "serving"})
    assert f'href="{path}"' in await reader.see("/payees", params={"standing": "ended"})
    assert "Nothing more is paid to this payee." in await reader.see(path)


async def test_payees_are_paid_by_those_who_may(world: World, rows: Rows) -> None:
    sales = await enter(world, "sales")
    assert (await sales.http.get("/payees")).status_code == 403
    assert "Name as payee" not in await sales.see(f"/parties/{rows['party_id']}")
    await sales.http.aclose()
