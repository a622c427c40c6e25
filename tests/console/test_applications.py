"""The desk of applications: the list, the checklist with its files, credit, the decision of another person, the contract."""

from __future__ import annotations

import hashlib
import re

import httpx

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


async def test_a_report_is_taken_in_with_its_file_and_decides(world: World, rows: Rows, reader: Reader) -> None:
    lease = await an_application(world, rows, materials=("identity_document", "income_proof"))
    path = f"/applications/{lease.application}"
    await lease.consent()
    await lease.submit()
    form = {"form_key": reader.form_key, "bureau": "pboc", "report_number": "2026-0001", "score": "640"}
    form |= {"reported_on": world.today.isoformat(), "debt_ratio": "31"}

    async def send(content: bytes, **changes: str) -> httpx.Response:
        file = {"file": ("report.pdf", content, "application/pdf")}
        return await reader.http.post(f"{path}/do/import-report", data=form | changes, files=file)

    whole = A_PDF
    for content, changes, field, why in (
        (b"GIF89a", {}, "file", "must be a PDF, JPEG or PNG"),
        (b"%PDF-1.7 and no end", {}, "file", "is cut off"),
        (b"%PDF-" + b"0" * (10 * 1024 * 1024), {}, "file", "must not be larger than 10 MiB"),
        (whole, {"bureau": "P B"}, "bureau", "lower-case letters"),
        (whole, {"reported_on": "2020-01-01"}, "reported_on", "more than 30 days old"),
        (whole, {"score": "many"}, "score", "whole number"),
    ):
        refused = await send(content, **changes)
        assert refused.status_code == 422, why
        assert f'id="wrong-{field}"' in refused.text, why
        assert why in refused.text
    assert (await lease.application_now())["credit_outcome"] is None
    done = await send(whole)
    assert done.headers["location"] == f"{path}/credit?done=import-report", done.text
    page = await reader.see(f"{path}/credit")
    assert hashlib.sha256(whole).hexdigest()[:12] in page
    assert ("pboc" in page, "640" in page) == (True, True)
    [file] = re.findall(r'href="(/credit-reports/[0-9a-f-]+)"', page)
    kept = await reader.http.get(file)
    assert (kept.content, kept.headers["content-type"]) == (whole, "application/pdf")
    again = await send(whole)
    assert (again.status_code, "this report is here already" in again.text) == (422, True)
    assert (await lease.application_now())["credit_outcome"] == "pass"
    approver = await enter(world, "approver")
    assert (await approver.http.get(file)).status_code == 403
    assert (await approver.send(f"{path}/do/approve", reason="", seen="yes")).status_code == 303
    await approver.http.aclose()


async def test_programs_hand_a_report_in_as_people_do(world: World, rows: Rows) -> None:
    lease = await an_application(world, rows, materials=("identity_document", "income_proof"))
    officer = lease.by("credit")
    read = {"bureau": "pboc", "report_number": "2026-0002", "reported_on": world.today.isoformat(), "overdue": "12.50"}
    file = {"file": ("report.png", b"\x89PNG\r\n\x1a\n....IEND\xaeB`\x82", "image/png")}
    door = f"/credit/imports/{lease.application}"
    refused = await officer.ask("POST", door, data=read, files=file)
    assert (refused.status_code, refused.json()["error"]["rule"]) == (409, "application_state")
    await lease.consent()
    await lease.submit()
    bad = await officer.ask("POST", door, data=read | {"guess": "1"}, files=file)
    assert bad.status_code == 422
    wrong = await officer.ask("POST", door, data=read | {"band": "very good"}, files=file)
    assert (wrong.status_code, wrong.json()["error"]["field"]) == (422, "band")
    taken = await officer.ask("POST", door, data=read, files=file)
    assert taken.status_code == 201, taken.text
    check = taken.json()
    assert (check["outcome"], check["outcome_reasons"]) == ("decline", ["currently_overdue", "no_score"])
    kept = await officer.ask("GET", f"/credit/checks/{check['id']}/file")
    assert (kept.status_code, kept.headers["content-type"]) == (200, "image/png")


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
