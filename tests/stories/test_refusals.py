"""What the business refuses, at each stage of a lease, and that a refusal leaves everything as it was."""

from __future__ import annotations

import asyncio
from collections import Counter

from hub.infra.access import Role
from tests.stories.books import prove
from tests.stories.lease import MATERIALS, Lease


async def test_weak_credit_is_declined_and_gets_no_contract(lease: Lease) -> None:
    await _submitted(lease)
    check = await lease.check_credit("decline", score=380)
    assert "score_too_low" in check["outcome_reasons"]
    decisions = f"/applications/{lease.application}/decisions"
    approver = lease.by("approver")
    assert (await approver.refused(decisions, {"decision": "approve"}))["rule"] == "credit_declined"
    assert (await approver.refused(decisions, {"decision": "decline"}, status=422))["field"] == "reason"
    declined = await approver.post(decisions, {"decision": "decline", "reason": "score"})
    assert declined["state"] == "declined"
    contract = {"application_id": lease.application}
    assert (await lease.by("operations").refused("/contracts", contract))["rule"] == "application_not_approved"


async def test_nobody_approves_what_they_have_opened(lease: Lease) -> None:
    both = await lease.world.hire("two-hats", Role.SALES, Role.APPROVER, Role.CREDIT_OFFICER)
    await lease.register()
    await lease.consent()
    await lease.apply(by="two-hats")
    await lease.submit()
    await lease.check_credit()
    decisions = f"/applications/{lease.application}/decisions"
    assert (await both.refused(decisions, {"decision": "approve"}))["rule"] == "own_application"
    assert (await lease.application_now())["state"] == "under_review"
    assert await both.get(decisions) == []
    await lease.approve()


async def test_an_application_waits_for_its_material(lease: Lease) -> None:
    await lease.register()
    await lease.consent()
    await lease.apply(materials=MATERIALS[:1])
    missing = await lease.by("sales").refused(f"/applications/{lease.application}/submit")
    assert (missing["rule"], missing["facts"]) == ("material_missing", {"missing": "['income_proof']"})
    assert (await lease.application_now())["state"] == "draft"
    path = f"/applications/{lease.application}/materials/income_proof"
    not_a_file = await lease.by("sales").ask("PUT", path, files={"file": ("income.exe", b"MZ\x90", "application/pdf")})
    assert (not_a_file.status_code, not_a_file.json()["error"]["field"]) == (422, "file")


async def test_nobody_is_checked_without_their_consent(lease: Lease) -> None:
    await lease.register()
    await lease.apply()
    sales = lease.by("sales")
    assert (await sales.refused(f"/applications/{lease.application}/submit"))["rule"] == "consent_missing"
    await lease.consent()
    await lease.submit()
    [consent] = [one for one in await sales.get(f"/parties/{lease.party}/consents") if one["purpose"] == "credit_check"]
    await sales.post(f"/parties/{lease.party}/consents/{consent['id']}/withdraw")
    before = len((await lease.world.books("credit_bureau"))["inquiries"])
    wish = {"application_id": lease.application}
    assert (await lease.by("credit").refused("/credit/checks", wish))["rule"] == "consent_missing"
    await lease.world.settle()
    assert len((await lease.world.books("credit_bureau"))["inquiries"]) == before


async def test_steps_are_taken_in_their_order_and_once(lease: Lease) -> None:
    """Asked for twice, or at once, or too early: one signature, one debit for each purpose, one delivery, one lease."""
    await _submitted(lease)
    await lease.check_credit()
    await lease.approve()
    operations = lease.by("operations")
    await lease.draft()
    again = {"application_id": lease.application}
    assert (await operations.refused("/contracts", again))["code"] == "conflict"
    path = f"/contracts/{lease.contract}"
    assert (await operations.refused(f"{path}/signing-payments"))["rule"] == "contract_state"
    await lease.sign()
    assert (await operations.refused(f"{path}/signature"))["rule"] == "contract_state"
    await _pays_once(lease)
    commencement = {"commenced_on": lease.world.today.isoformat()}
    assert (await operations.refused(f"{path}/delivery", lease.delivery_note()))["rule"] == "contract_has_no_vehicle"
    await lease.buy()
    assert (await operations.refused(f"{path}/commencement", commencement))["rule"] == "vehicle_not_delivered"
    await _is_delivered_once(lease)
    assert (await operations.refused(f"{path}/commencement", commencement))["rule"] == "device_not_bound"
    await operations.put(f"/devices/{lease.device}/binding", {"vehicle_id": lease.vehicle})
    both = await asyncio.gather(*(operations.ask("POST", f"{path}/commencement", commencement) for _ in range(4)))
    assert sorted(answer.status_code for answer in both) == [200, 409, 409, 409]
    assert (await operations.refused(f"{path}/cancellation", {"reason": "too late"}))["code"] == "rule_broken"
    assert (await operations.refused(f"{path}/closing", {"closed_on": "2026-01-05"}))["rule"] == "contract_state"
    await prove(lease, lease_principal="110400.00", leased_assets="0.00", security_deposits="-6400.00")


async def _submitted(lease: Lease) -> None:
    await lease.register()
    await lease.consent()
    await lease.apply()
    await lease.submit()


async def _pays_once(lease: Lease) -> None:
    operations, path = lease.by("operations"), f"/contracts/{lease.contract}/signing-payments"
    answers = await asyncio.gather(*(operations.ask("POST", path) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {202}
    assert len(await lease.mandates()) == 1
    await lease.receive_mandate()
    debits = Counter((one["subject_id"], one["state"]) for one in await lease.charges("signing"))
    assert (len(debits), set(debits.values())) == (4, {1})
    assert sorted(one["amount_minor"] for one in await lease.vendor_charges()) == [150000, 640000, 1132743, 2560000]
    assert (await operations.refused(path))["rule"] == "contract_state"
    await prove(lease, provider_clearing="44827.43")


async def _is_delivered_once(lease: Lease) -> None:
    operations, path = lease.by("operations"), f"/contracts/{lease.contract}/delivery"
    answers = await asyncio.gather(*(operations.ask("POST", path, lease.delivery_note()) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    refused = await operations.refused(path, lease.delivery_note())
    assert refused["code"] in ("rule_broken", "conflict")
    movements = await operations.get(f"/vehicles/{lease.vehicle}/movements")
    assert [one["kind"] for one in movements].count("delivered") == 1
