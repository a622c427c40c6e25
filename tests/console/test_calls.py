"""The call log and the inbox: what was asked and answered, masked; asking again, deciding by hand, applying again."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa

from hub.infra.access import Role
from hub.integrations.records import InboxDelivery, ProviderCall
from tests.api.rows import Rows
from tests.console.conftest import Reader, enter
from tests.stories.world import World


async def _of(world: World, operation: str) -> ProviderCall:
    async with world.transaction() as tx:
        query = sa.select(ProviderCall).where(ProviderCall.operation == operation).order_by(ProviderCall.id)
        found = await tx.scalar(query.limit(1))
        assert found is not None
        return found


async def _unknown(world: World, number: int, operation: str = "payments_collect") -> str:
    """A call, a debit unless said otherwise, of which nobody knows what became of it."""
    call = await _of(world, "payments_collect")
    async with world.transaction() as tx:
        row = {column.key: getattr(call, column.key) for column in sa.inspect(ProviderCall).columns}
        row |= {
            "id": tx.new_id(),
            "idempotency_key": f"lost-{number}",
            "sent_key": f"lost-{number}",
            "state": "unknown",
        }
        row |= {
            "operation": operation,
            "provider_ref": None,
            "result_sealed": None,
            "result_masked": None,
            "error_code": "timed_out",
        }
        row |= {"reconcile_at": tx.now + timedelta(days=1), "detail": "no answer"}
        tx.add(ProviderCall(**row))
        return str(row["id"])


async def test_the_log_is_filtered_by_state_provider_and_operation(world: World, rows: Rows, reader: Reader) -> None:
    lost = await _unknown(world, 1)
    page = await reader.see("/calls", params={"state": "unknown"})
    assert f"/calls/{lost}" in page
    assert 'id="tab-unknown"' in page
    assert 'Unknown <span class="count">' in page
    assert "payments_collect</span>" not in await reader.see("/calls", params={"operation": "credit_pull"})
    only = await reader.see("/calls", params={"instance": "bureau_main"})
    assert "credit_pull</span>" in only
    assert "payments_collect</span>" not in only


async def test_a_call_tells_what_was_asked_where_and_why(world: World, reader: Reader) -> None:
    call = await _of(world, "payments_collect")
    page = await reader.see(f"/calls/{call.id}")
    for text in ("What was asked", "What was answered", "Where it was tried", "Chosen by", "psp_main"):
        assert text in page
    assert f"/contracts/{call.lease_id}" in page
    assert call.idempotency_key in page


async def test_nothing_personal_is_readable_in_a_call(world: World, rows: Rows, reader: Reader) -> None:
    party = await world.people["admin"].post(f"/parties/{rows['party_id']}/reveal", {"purpose": "service"})
    call = await _of(world, "credit_pull")
    page = await reader.see(f"/calls/{call.id}")
    assert party["document_number"] not in page
    assert party["name"] not in page.replace("translate", "")


async def test_the_provider_is_asked_at_once(world: World, reader: Reader) -> None:
    lost = await _unknown(world, 2)
    answer = await reader.send(f"/calls/{lost}/do/question")
    assert answer.headers["location"] == f"/calls/{lost}?done=question"
    page = await reader.see(f"/calls/{lost}?done=question")
    assert "The provider was asked" in page
    assert "payments_status" in page
    known = await _of(world, "payments_collect")
    assert "Its outcome is known." in await reader.see(f"/calls/{known.id}/do/question")


async def test_an_outcome_is_decided_by_hand_with_a_reason_and_once(world: World, reader: Reader) -> None:
    lost = await _unknown(world, 3, "gps_immobilize")
    path = f"/calls/{lost}/do/decision"
    assert "accepted&#34;: &#34;&#34;" in await reader.see(path)
    assert (await reader.send(path, outcome="rejected", reason="")).status_code == 422
    broken = await reader.send(path, outcome="ok", reason="by telephone", result="no json")
    assert (broken.status_code, "is not a JSON object" in broken.text) == (422, True)
    wrong = await reader.send(path, outcome="ok", reason="by telephone", result=json.dumps({"command_ref": "c"}))
    assert (wrong.status_code, 'id="wrong-result"' in wrong.text) == (422, True)
    assert (await reader.send(path, outcome="not_executed", reason="ticket 4711")).status_code == 303
    page = await reader.see(f"/calls/{lost}")
    assert "Not executed" in page
    assert "ticket 4711" in page
    assert "provider_call.decided_by_hand" in await reader.see(f"/calls/{lost}/audit")
    assert "Its outcome is known." in await reader.see(path)


async def test_a_callback_is_listed_told_and_applied_again(world: World, rows: Rows, reader: Reader) -> None:
    delivery = rows["delivery_id"]
    assert f"/callbacks/{delivery}" in await reader.see("/callbacks")
    page = await reader.see(f"/callbacks/{delivery}")
    assert "What it says" in page
    answer = await reader.send(f"/callbacks/{delivery}/do/replay")
    assert answer.headers["location"] == f"/callbacks/{delivery}?done=replay"
    async with world.transaction() as tx:
        row = await tx.get_one(InboxDelivery, delivery)
        assert (row.state, row.replayed_count) == ("received", 1)


async def test_who_is_kept_to_branches_sees_no_callback_and_only_their_calls(world: World, rows: Rows) -> None:
    await world.hire("southern-admin", *Role, branch="south")
    stranger = await enter(world, "southern-admin")
    assert "No callback is stored that you may see" in await stranger.see("/callbacks")
    assert (await stranger.http.get(f"/callbacks/{rows['delivery_id']}")).status_code == 404
    assert (await stranger.send(f"/callbacks/{rows['delivery_id']}/do/replay")).status_code == 404
    call = await _of(world, "payments_collect")
    assert (await stranger.http.get(f"/calls/{call.id}")).status_code == 404
    assert (await stranger.send(f"/calls/{call.id}/do/question")).status_code == 404


@pytest.mark.parametrize("query", ["after=nonsense", "sort=nonsense", "before=%00"])
async def test_an_address_that_no_page_has_given_out_is_refused(reader: Reader, query: str) -> None:
    assert (await reader.http.get(f"/calls?{query}")).status_code == 422
