"""Somebody outside says no, and the lease finds its way all the same: a signature, a mandate, a debit at signing."""

from __future__ import annotations

from datetime import timedelta

from tests.stories.books import prove
from tests.stories.lease import Lease


async def test_a_refused_signature_gives_the_draft_back(lease: Lease) -> None:
    await _drafted(lease)
    operations, path = lease.by("operations"), f"/contracts/{lease.contract}"
    await operations.post(f"{path}/signature")
    await lease.world.settle()
    [envelope] = [
        one for one in (await lease.world.books("esign"))["envelopes"] if one["subject"].endswith(lease.number)
    ]
    await lease.world.control("esign", f"envelopes/{envelope['ref']}/decline", reason="the colour is wrong")
    await lease.world.settle()
    await lease.expect("drafted")
    [lost] = await operations.get(f"{path}/envelopes")
    assert (lost["state"], lost["reason"]) == ("declined", "the colour is wrong")
    await operations.post(f"{path}/signature")
    await lease.world.settle()
    await operations.post(f"{path}/signature/withdrawal", {"reason": "sent too early"})
    await lease.world.settle()
    await lease.expect("drafted")
    assert [one["state"] for one in await operations.get(f"{path}/envelopes")] == ["voided", "declined"]
    cancelled = await operations.post(f"{path}/cancellation", {"reason": "another car was found"})
    assert cancelled["state"] == "cancelled"
    await prove(lease)
    assert await lease.charges() == []


async def test_a_mandate_ends_whoever_takes_it_back(lease: Lease) -> None:
    """The payer does so at the vendor, whose callback has it asked; then we do, with a reason, and for good."""
    await _drafted(lease)
    await lease.sign()
    operations, path = lease.by("operations"), f"/contracts/{lease.contract}"
    await operations.post(f"{path}/signing-payments")
    await lease.receive_mandate()
    [agreed] = [one for one in (await lease.world.books("payments"))["mandates"] if one["agreement"] == lease.number]
    await lease.world.control("payments", f"mandates/{agreed['ref']}/revoke")
    await lease.world.settle()
    await lease.world.wait(timedelta(seconds=10))
    [first] = await lease.mandates()
    assert (first["state"], first["revocation_reason"]) == ("revoked", None)
    warnings = await lease.by("collector").get("/warnings", state="open")
    assert "mandate_revoked" in {one["kind"] for one in warnings if one["contract_id"] == lease.contract}
    [account] = await lease.by("sales").get(f"/parties/{lease.party}/bank-accounts")
    await operations.post(f"{path}/mandates", {"bank_account_id": account["id"], "limit": "200000.00"})
    await lease.world.settle()
    await lease.world.wait(timedelta(seconds=10))
    second, _ = await lease.mandates()
    assert second["state"] == "active"
    door = f"{path}/mandates/{second['id']}/revocation"
    assert (await operations.refused(door, {"reason": "  "}, status=422))["field"] == "reason"
    asked = await operations.post(door, {"reason": "pays by transfer"})
    assert (asked["state"], asked["revocation_reason"]) == ("revoking", "pays by transfer")
    await lease.world.settle()
    ended, _ = await lease.mandates()
    assert (ended["state"], ended["revoked_at"] is not None) == ("revoked", True)
    assert (await operations.refused(door, {"reason": "again"}))["rule"] == "mandate_not_active"
    books = [one for one in (await lease.world.books("payments"))["mandates"] if one["agreement"] == lease.number]
    assert [one["status"] for one in books] == ["revoked", "revoked"]
    new = [one for one in await lease.by("collector").get("/warnings") if one["contract_id"] == lease.contract]
    assert sum(one["kind"] == "mandate_revoked" for one in new) == 1, "what we have asked for is no warning"


async def test_a_refused_mandate_is_asked_for_from_another_account(lease: Lease) -> None:
    await _drafted(lease)
    await lease.sign()
    await lease.world.control("payments", "script", rejected_suffixes=[lease.lessee.account[-4:]])
    operations, path = lease.by("operations"), f"/contracts/{lease.contract}"
    await operations.post(f"{path}/signing-payments")
    await lease.world.settle()
    assert [one["state"] for one in await lease.mandates()] == ["rejected"]
    warnings = await lease.by("collector").get("/warnings", state="open")
    assert "mandate_rejected" in {one["kind"] for one in warnings if one["contract_id"] == lease.contract}
    await lease.expect("signed")
    other = {"bank_code": "CCB", "number": "6217000000000099999"}
    account = (await lease.by("sales").post(f"/parties/{lease.party}/bank-accounts", other))["id"]
    limit = {"bank_account_id": account, "limit": "200000.00"}
    foreign = limit | {"bank_account_id": lease.party}
    refused = await operations.refused(f"{path}/mandates", foreign, status=422)
    assert refused["field"] == "bank_account_id"
    await operations.post(f"{path}/mandates", limit)
    await lease.world.settle()
    await lease.world.wait(timedelta(seconds=10))
    await lease.expect("funded")
    assert [one["state"] for one in await lease.mandates()] == ["active", "rejected"]
    await prove(lease, provider_clearing="44827.43")


async def test_a_refused_debit_at_signing_is_asked_for_again(lease: Lease) -> None:
    await _drafted(lease)
    await lease.sign()
    refusal = {"agreement": lease.number, "reason": "over_limit", "times": 1}
    await lease.world.control("payments", "declines", declines=[refusal])
    operations, path = lease.by("operations"), f"/contracts/{lease.contract}/signing-payments"
    await operations.post(path)
    await lease.world.settle()
    await lease.world.wait(timedelta(seconds=10))
    states = sorted(one["state"] for one in await operations.get(path))
    assert states == ["due", "received", "received", "received"]
    await lease.expect("signed")
    note = lease.delivery_note()
    assert (await operations.refused(f"/contracts/{lease.contract}/delivery", note))["code"] == "rule_broken"
    await operations.post(path)
    await lease.world.settle()
    await lease.expect("funded")
    assert sorted(one["state"] for one in await lease.charges("signing")) == ["rejected"] + ["succeeded"] * 4
    await prove(lease, provider_clearing="44827.43", customer_prepayments="-25600.00", security_deposits="-6400.00")


async def _drafted(lease: Lease) -> None:
    for stage in (lease.register, lease.consent, lease.apply, lease.submit, lease.check_credit, lease.approve):
        await stage()
    await lease.draft()
