"""A row of every kind that the API knows, all of the branch north, by the name that paths and bodies give their ids."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, update

from hub.core.ids import ChargeId, ContractId
from hub.core.money import Money
from hub.infra import staff
from hub.integrations.records import InboxDelivery
from hub.leasing.credit.records import CreditCheckRecord
from hub.leasing.payments.rules import ChargePurpose, ChargeSucceeded
from hub.leasing.servicing import service as servicing
from hub.leasing.statements.records import DifferenceRecord, StatementRecord
from hub.leasing.warnings import service as warnings
from hub.leasing.warnings.rules import WarningCode, WarningKind, ground
from tests.stories.lease import Lease, open_product
from tests.stories.world import World

Rows = dict[str, str]
DEALER = {"kind": "dealer", "name": "北京东方汽车", "commission_rate": "0.01"}


async def make_rows(world: World) -> Rows:
    """Play a lease up to its first day, and add what a lease does not bring about."""
    version = await open_product(world, early_settlement={"lock_in_months": 0})
    lease = await Lease(world=world, version=version).run()
    rows = {
        "branch_id": world.branches["north"],
        "lead_id": lease.lead,
        "party_id": lease.party,
        "quote_id": lease.quote["id"],
        "application_id": lease.application,
        "check_id": lease.check,
        "contract_id": lease.contract,
        "vehicle_id": lease.vehicle,
        "device_id": lease.device,
        "version_id": version,
        "product_version_id": version,
        "staff_id": world.people["accountant"].id,
        "kind": "identity_document",
        "language": "en",
        "capability": "payments",
        "name": "psp_main",
        "instance": "psp_main",
    }
    rows |= await _told(world)
    return (
        rows
        | await _bought_and_sold(world, rows)
        | await _given_back(world, lease.contract)
        | await _behind_the_doors(world, lease.contract)
    )


async def _bought_and_sold(world: World, rows: Rows) -> Rows:
    boss = world.people["admin"]
    [account] = await boss.get(f"/parties/{rows['party_id']}/bank-accounts")
    [consent, *_] = await boss.get(f"/parties/{rows['party_id']}/consents")
    [product] = await boss.get("/products")
    partner = await boss.post("/channels", DEALER | {"branch_id": rows["branch_id"]})
    document = {"document_kind": "passport", "number": "E12345678", "reason": "fraud"}
    payoff = await boss.post(f"/contracts/{rows['contract_id']}/payoffs", {})
    [call, *_] = await boss.get("/calls")
    [mandate, *_] = await boss.get(f"/contracts/{rows['contract_id']}/mandates")
    owed = await boss.get("/disbursements")
    payee = {"branch_id": rows["branch_id"], "name": "保险公司", "party_id": rows["party_id"]}
    payee |= {"bank_account_id": account["id"], "fee_kind": "registration"}
    return {
        "bank_account_id": account["id"],
        "consent_id": consent["id"],
        "product_id": product["id"],
        "partner_id": partner["id"],
        "channel_id": partner["id"],
        "entry_id": (await boss.post("/credit/blacklist", document))["id"],
        "payoff_id": payoff["id"],
        "call_id": call["id"],
        "mandate_id": mandate["id"],
        "disbursement_id": owed[0]["id"],
        "payee_id": (await boss.post("/payees", payee))["id"],
    }


async def _given_back(world: World, contract_id: str) -> Rows:
    """More money has come than is owed, and part of it is given back."""
    async with world.transaction() as tx:
        fact = ChargeSucceeded(
            charge_id=ChargeId(tx.new_id()),
            contract_id=ContractId(UUID(contract_id)),
            purpose=ChargePurpose.RENT,
            subject_id=tx.new_id(),
            money=Money.of("5000.00"),
            instance="psp_main",
            settled_on=tx.today,
        )
        await servicing.record_rent_charge(tx, fact)
    refund = await world.people["admin"].post(f"/contracts/{contract_id}/suspense/refunds", {"amount": "1.00"})
    return {"refund_id": refund["id"]}


async def _told(world: World) -> Rows:
    boss = world.people["admin"]
    made = await boss.post("/webhooks/subscriptions", {"url": "https://hooks.example/in", "event_types": []})
    await boss.put(f"/webhooks/subscriptions/{made['id']}/state", {"state": "paused"})  # nobody listens there
    await boss.post(f"/webhooks/subscriptions/{made['id']}/test")
    [dispatch] = await boss.get("/webhooks/dispatches")
    return {"subscription_id": made["id"], "dispatch_id": dispatch["id"]}


async def _stated(world: World) -> Rows:
    """The provider has kept a fee of the day, and somebody must book it."""
    async with world.transaction() as tx:
        ids, nothing = {"statement_id": tx.new_id(), "difference_id": tx.new_id()}, Money.zero()
        about = {"instance": "psp_main", "day_on": tx.today - timedelta(days=1), "booked_amount": nothing}
        counts = {"tries": 0, "line_count": 1, "matched_count": 0, "named_count": 1, "open_count": 1}
        tx.add(
            StatementRecord(
                id=ids["statement_id"], state="differs", covers=[], stated_amount=Money(-60), **counts, **about
            )
        )
        await tx.flush()
        difference = {"subject": "fees", "kind": "fees", "state": "open", "stated_amount": Money(-60)}
        difference |= {"ref": "", "note": "", "is_payout": False, "found_at": tx.now}
        tx.add(DifferenceRecord(id=ids["difference_id"], statement_id=ids["statement_id"], **difference, **about))
    return {name: str(value) for name, value in ids.items()}


async def _behind_the_doors(world: World, contract_id: str) -> Rows:
    async with world.transaction() as tx:
        await warnings.raise_for_contract(
            tx,
            WarningKind.MONEY_IN_DOUBT,
            contract_id=ContractId(UUID(contract_id)),
            subject="x",
            ground=ground(WarningCode.PAYOUT_UNKNOWN),
        )
    async with world.transaction() as tx:
        [warning, *_] = await warnings.list_warnings(tx)
        [token, *_] = await staff.tokens_of(tx, UUID(world.people["accountant"].id))
        delivery = await tx.scalar(select(InboxDelivery.id).limit(1))
        report = world.hub.house.files.put(b"%PDF-1.7 a report that somebody has fetched %%EOF")
        await tx.execute(update(CreditCheckRecord).values(file_sha256=report))
    return await _stated(world) | {
        "warning_id": str(warning.id),
        "token_id": str(token.id),
        "delivery_id": str(delivery),
    }
