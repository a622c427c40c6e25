"""Who is paid for what in the company of the stories: a dealer and two third parties, each with a bank account."""

from __future__ import annotations

from stdnum.cn import uscc

from tests.stories.world import World

FEES = {"insurance": "平安保险公司", "purchase_tax": "北京税务局"}
DEALER = {"kind": "dealer", "name": "北京东方汽车"}


async def name_payees(world: World, bank: str = "CCB", accounts: str = "62220200900000") -> str:
    """Name them all, for every branch; the id of the dealer, who is a channel partner of the north.

    `accounts` is how the numbers of their accounts begin.
    """
    boss, branch = world.people["admin"], {"branch_id": world.branches["headquarters"]}
    dealer = await boss.post("/channels", DEALER | {"branch_id": world.branches["north"]})
    for serial, (name, serves) in enumerate(
        ((DEALER["name"], {"channel_id": dealer["id"]}), *((name, {"fee_kind": fee}) for fee, name in FEES.items())), 1
    ):
        body = f"91110108MA{serial:07d}"
        company = {"name": name, "company_code": body + uscc.calc_check_digit(body), "phone": f"1370000000{serial}"}
        party = await boss.post("/parties/companies", company | branch)
        account = {"bank_code": bank, "number": f"{accounts}{serial:02d}"}
        added = await boss.post(f"/parties/{party['id']}/bank-accounts", account)
        payee = {"name": name, "party_id": party["id"], "bank_account_id": added["id"]}
        await boss.post("/payees", payee | serves | branch)
    return str(dealer["id"])
