"""The desk of applications: the list, the checklist with its files, credit, the decision of another person, the contract."""

from __future__ import annotations

import re

from tests.api.rows import Rows
from tests.console.conftest import Reader, enter
from tests.stories.lease import A_PDF, Lease
from tests.stories.world import World


async def an_application(world: World, rows: Rows, *, materials: tuple[str, ...] = ()) -> Lease:
    """An application that sales has drafted."""
    lease = Lease(world=world, version=rows["version_id"])
    await lease.register()
    await lease.apply(materials=materials)
    return lease


async def test_the_list_shows_who_asks_for_what(world: World, rows: Rows, reader: Reader) -> None:
    lease = await an_application(world, rows)
    path = f"/applications/{lease.application}"
    page = await reader.see("/applications")
    assert path in page
    assert "欧***" in page
    assert lease.lessee.name not in page
    assert "¥110,400.00" in page
    assert path in await reader.see("/applications", params={"state": "draft"})
    assert path not in await reader.see("/applications", params={"state": "approved"})
    number = (await lease.application_now())["number"]
    assert path in await reader.see("/applications", params={"text": number})
    assert path not in await reader.see("/applications", params={"text": "AP1999"})


async def test_what_is_missing_is_said_and_handed_in(world: World, rows: Rows) -> None:
    lease = await an_application(world, rows)
    sales, path = await enter(world, "sales"), f"/applications/{lease.application}"
    page = await sales.see(f"{path}/material")
    assert page.count("Missing") == 2
    assert "Material is missing; the checklist says which." in page
    wrong = await sales.http.post(
        f"{path}/do/material",
        data={"form_key": sales.form_key, "kind": "identity_document"},
        files={"file": ("a.pdf", b"MZ not a document", "application/pdf")},
    )
    assert wrong.status_code == 422
    assert 'id="wrong-file">must be a PDF, JPEG or PNG' in wrong.text
    for kind in ("identity_document", "income_proof"):
        done = await sales.http.post(
            f"{path}/do/material",
            data={"form_key": sales.form_key, "kind": kind},
            files={"file": ("a.pdf", A_PDF, "application/pdf")},
        )
        assert done.headers["location"] == f"{path}/material?done=material"
    page = await sales.see(f"{path}/material")
    assert "Missing" not in page
    assert "has not consented to a credit check" in page
    file = await sales.http.get(f"{path}/material/income_proof")
    assert file.content == A_PDF
    assert file.headers["content-disposition"] == 'attachment; filename="income_proof.pdf"'
    assert (await sales.send(f"{path}/do/submit")).status_code == 422
    await lease.consent()
    assert (await sales.send(f"{path}/do/submit")).headers["location"] == f"{path}?done=submit"
    assert "The application is submitted." in await sales.see(path, params={"done": "submit"})
    await sales.http.aclose()


async def test_credit_is_checked_and_somebody_else_decides(world: World, rows: Rows, reader: Reader) -> None:
    lease = await an_application(world, rows, materials=("identity_document", "income_proof"))
    path = f"/applications/{lease.application}"
    officer = await enter(world, "credit")
    assert f'href="{path}/do/check"' not in await officer.see(path)
    await lease.consent()
    await lease.submit()
    await lease.check_credit()
    page = await officer.see(f"{path}/credit")
    assert "720" in page
    assert "Pass" in page
    approver = await enter(world, "approver")
    preview = await approver.send(f"{path}/do/approve", reason="")
    assert "What will happen" in preview.text
    assert "¥110,400.00" in preview.text
    assert (await lease.application_now())["state"] == "under_review"
    assert (await approver.send(f"{path}/do/return", reason="")).status_code == 422
    done = await approver.send(f"{path}/do/approve", reason="", seen="yes")
    assert done.status_code == 303, done.text
    assert "Approve" in await approver.see(f"{path}/approvals")
    made = await reader.send(f"{path}/do/contract", bank_account_id=await an_account(reader, path))
    assert re.fullmatch(r"/contracts/[0-9a-f-]+\?done=contract", made.headers["location"])
    page = await reader.see(path)
    assert "There is a contract from this application" in page
    assert f'href="{path}/do/contract"' not in page
    for one in (officer, approver):
        await one.http.aclose()


async def an_account(reader: Reader, path: str) -> str:
    """The account that the form offers to begin with."""
    found = re.search(r'<option value="([0-9a-f-]+)" selected>ICBC', await reader.see(f"{path}/do/contract"))
    assert found is not None
    return found[1]


async def test_nobody_decides_on_their_own_application(world: World, rows: Rows, reader: Reader) -> None:
    lease = Lease(world=world, version=rows["version_id"])
    await lease.register()
    await lease.consent()
    await lease.apply(by="admin")
    await lease.submit()
    await lease.check_credit()
    path = f"/applications/{lease.application}"
    page = await reader.see(path)
    assert f'href="{path}/do/approve"' not in page
    assert "Somebody else must decide." in page
    refused = await reader.send(f"{path}/do/approve", reason="", seen="yes")
    assert refused.status_code == 422
    assert "Somebody else must decide." in refused.text
    assert (await lease.application_now())["state"] == "under_review"


async def test_an_application_is_taken_back(world: World, rows: Rows) -> None:
    lease = await an_application(world, rows)
    sales, path = await enter(world, "sales"), f"/applications/{lease.application}"
    assert (await sales.send(f"{path}/do/withdraw")).status_code == 303
    page = await sales.see(path)
    assert "Withdrawn" in page
    assert f'href="{path}/do/withdraw"' not in page
    await sales.http.aclose()


async def test_a_report_is_opened_on_purpose_and_that_stays_on_record(world: World, rows: Rows) -> None:
    officer, path = await enter(world, "credit"), f"/applications/{rows['application_id']}"
    form = await officer.see(f"{path}/do/report")
    found = re.search(r'<option value="([0-9a-f-]+)" selected>', form)
    assert found is not None
    silent = await officer.send(f"{path}/do/report", check_id=found[1], reason="")
    assert (silent.status_code, 'id="wrong-reason"' in silent.text) == (422, True)
    page = await officer.send(f"{path}/do/report", check_id=found[1], reason="the customer asks")
    assert page.status_code == 200
    facts = await world.people["admin"].post(f"/credit/checks/{found[1]}/reveal")
    assert facts
    for value in facts.values():
        assert value in page.text
    trail = await world.people["admin"].get("/audit", subject="credit_check", subject_id=found[1])
    looked = [one for one in trail if one["action"] == "credit.facts_revealed"]
    assert looked[0]["detail"] == {"reason": "the customer asks"}
    assert looked[0]["actor"] == "credit"
    lease = await an_application(world, rows, materials=("identity_document", "income_proof"))
    await lease.consent()
    await lease.submit()
    refused = await officer.send(f"/applications/{lease.application}/do/report", check_id=found[1], reason="curious")
    assert (refused.status_code, "No report has come yet." in refused.text) == (422, True)
    await officer.http.aclose()
