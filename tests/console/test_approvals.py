"""The inbox of the second person: what waits, for whom, decided from there; one's own is decided by somebody else."""

from __future__ import annotations

import base64
import json
import re

import httpx
import pytest

from hub.infra.access import Role
from tests.api.rows import Rows
from tests.console.conftest import Reader, enter
from tests.stories.lease import Lease
from tests.stories.world import World


async def under_review(world: World, rows: Rows, *, by: str = "sales") -> Lease:
    """An application that waits for its decision."""
    lease = Lease(world=world, version=rows["version_id"])
    await lease.register()
    await lease.consent()
    await lease.apply(by=by)
    await lease.submit(by=by)
    await lease.check_credit()
    return lease


def line_of(page: str, path: str) -> str:
    """The row of a list that leads to a path."""
    [found] = [row for row in re.findall(r"<tr>.*?</tr>", page, re.DOTALL) if f'href="{path}"' in row]
    return found


async def test_what_waits_is_decided_from_the_inbox(world: World, rows: Rows) -> None:
    lease = await under_review(world, rows)
    path = f"/applications/{lease.application}"
    approver = await enter(world, "approver")
    page = await approver.see("/approvals")
    line = line_of(page, path)
    assert lease.lessee.name not in page
    assert "¥110,400.00" in line
    assert 'class="note">sales<' in line
    assert "Pass" in line
    assert f'href="{path}/do/decline?from=approvals"' in line
    refused = await approver.send(f"{path}/do/decline?from=approvals", reason=" ")
    assert (refused.status_code, 'id="wrong-reason"' in refused.text) == (422, True)
    preview = await approver.send(f"{path}/do/approve?from=approvals", reason="")
    assert "What will happen" in preview.text
    assert f'action="{path}/do/approve?from=approvals"' in preview.text
    done = await approver.send(f"{path}/do/approve?from=approvals", reason="", seen="yes")
    assert done.headers["location"] == "/approvals?done=applications.approve"
    after = await approver.see(done.headers["location"])
    assert "The application is approved." in after
    assert f'href="{path}"' not in after
    await approver.http.aclose()


async def test_whoever_asked_sees_that_somebody_else_must_decide(world: World, rows: Rows, reader: Reader) -> None:
    lease = await under_review(world, rows, by="admin")
    path = f"/applications/{lease.application}"
    before = await reader.see("/approvals")
    assert "Yours: waits for somebody else" in line_of(before, path)
    assert f"{path}/do/" not in before
    assert f'href="{path}"' in await reader.see("/approvals", params={"whose": "own"})
    assert f'href="{path}"' not in await reader.see("/approvals", params={"whose": "others"})
    sales = await enter(world, "sales")
    assert "Waits for an approver" in line_of(await sales.see("/approvals"), path)
    await sales.http.aclose()


async def test_a_disbursement_waits_once_it_has_a_payee(world: World, rows: Rows) -> None:
    path = f"/disbursements/{rows['disbursement_id']}"
    accountant = await enter(world, "accountant")
    assert path not in await accountant.see("/approvals")
    await world.people["admin"].put(path + "/payee", {"payee_id": rows["payee_id"]})
    line = line_of(await accountant.see("/approvals", params={"kind": "disbursement"}), path)
    assert 'class="note">admin<' in line
    assert f'href="{path}/do/approve?from=approvals"' in line
    admin = await enter(world, "admin")
    assert "Yours" in line_of(await admin.see("/approvals"), path)
    assert path not in await accountant.see("/approvals", params={"kind": "application"})
    gone = await accountant.send(f"{path}/do/cancel?from=approvals", reason="paid by hand")
    assert gone.headers["location"] == "/approvals?done=disbursements.cancel"
    for one in (admin, accountant):
        await one.http.aclose()


async def test_the_menu_and_the_work_queue_count_what_waits_for_me(world: World, rows: Rows) -> None:
    approver, sales = await enter(world, "approver"), await enter(world, "sales")
    before = badge(await approver.see("/"))
    lease = await under_review(world, rows)
    page = await approver.see("/")
    assert badge(page) == before + 1
    assert f'href="/applications/{lease.application}"' in page
    assert badge(await sales.see("/leads")) == 0
    assert f'href="/applications/{lease.application}"' in await sales.see("/")
    for one in (approver, sales):
        await one.http.aclose()


def badge(page: str) -> int:
    """The number at the inbox in the menu."""
    found = re.search(r'href="/approvals"[^>]*>To approve(?: <span class="count">(\d+))?', page)
    assert found is not None
    return int(found[1] or 0)


async def test_pages_go_by_key_in_both_directions_through_all_kinds(world: World, rows: Rows) -> None:
    for _ in range(3):
        await under_review(world, rows)
    approver = world.people["approver"]
    every = (await approver.get("/approvals", limit=200))["requests"]
    assert every == sorted(every, key=lambda one: (one["asked_at"], one["id"]))
    walked, after = [], None
    while True:
        page = await approver.get("/approvals", limit=2, **({"after": after} if after else {}))
        walked += page["requests"]
        if (after := page["after"]) is None:
            break
    assert walked == every
    assert (await approver.get("/approvals", kind="disbursement"))["requests"] == []
    foreign = [
        base64.urlsafe_b64encode(json.dumps([*place, rows["contract_id"]]).encode()).decode().rstrip("=")
        for place in (("i", 3), ("s", "x"), ("t", "2026-01-05T09:00:00"), ("d", "2026-01-05"))
    ]
    for wrong in (*({"after": one} for one in ("nowhere", *foreign)), {"kind": "wish"}, {"whose": "nobody's"}):
        answer = await approver.ask("GET", "/approvals", params=wrong)
        assert answer.status_code == 422


async def test_another_branch_sees_nothing_of_it(world: World, rows: Rows) -> None:
    await under_review(world, rows)
    await world.hire("southern-approver", Role.APPROVER, branch="south")
    southern = await enter(world, "southern-approver")
    page = await southern.see("/approvals")
    assert "Nothing waits for a second person." in page
    assert badge(page) == 0
    await southern.http.aclose()


@pytest.mark.parametrize("kind", ["", "application"])
async def test_the_inbox_is_exported_without_its_buttons(reader: Reader, kind: str) -> None:
    answer: httpx.Response = await reader.http.get("/approvals.csv", params={"kind": kind})
    head = answer.text.splitlines()[0]
    assert head.endswith("Waits since,What is asked,Details,Asked by")


async def test_an_amount_that_is_typed_comes_back_in_capitals_in_chinese(world: World, rows: Rows) -> None:
    path = f"/contracts/{rows['contract_id']}/do/refund-suspense"
    for language, is_drawn in (("zh", True), ("en", False)):
        accountant = await enter(world, "admin", language=language)
        shown = await accountant.send(path, amount="1,280.50")
        assert shown.status_code == 200
        assert ("人民币壹仟贰佰捌拾元伍角" in shown.text) is is_drawn
        await accountant.http.aclose()
