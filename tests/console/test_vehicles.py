"""The desk of vehicles: bought for the stock, sent, received and put on the books, taken by a contract, moved, plated."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from hub.core.ids import DeviceId
from hub.core.ports.gps_tracker import Datum, Fix
from hub.leasing.tracking import service as tracking
from tests.api.rows import Rows
from tests.console.conftest import Reader, enter
from tests.stories.lease import Lease
from tests.stories.world import World

A_CAR = {"model": "Qin Plus DM-i", "cost": "97,000.00", "dealer": "北京东方汽车"}


async def bought(reader: Reader, rows: Rows, vin: str) -> str:
    """A car that has been ordered for the stock; gives its page."""
    answer = await reader.send("/vehicles/new", branch_id=rows["branch_id"], vin=vin, **A_CAR)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def done(reader: Reader, path: str, **form: object) -> str:
    """Do something twice, first to see what will happen; gives the page that is led to."""
    shown = await reader.send(path, **form)
    if shown.status_code == 200:
        assert "What will happen" in shown.text
        shown = await reader.send(path, seen="yes", **form)
    assert shown.status_code == 303, shown.text[-2000:]
    return await reader.see(shown.headers["location"])


async def status(world: World, path: str) -> str:
    """Where a car is, as the API says."""
    return (await world.people["admin"].get(path))["status"]


async def test_a_car_for_the_stock_comes_in_by_its_buttons(world: World, rows: Rows, reader: Reader) -> None:
    wrong = await reader.send("/vehicles/new", branch_id=rows["branch_id"], vin="LGXYVEC72R30000I1", **A_CAR)
    assert (wrong.status_code, 'id="wrong-vin"' in wrong.text) == (422, True)
    path = await bought(reader, rows, "LGXYVEC72R3009911")
    assert f'href="{path}/do/receive"' in await reader.see(path)
    assert "on its way" in await done(reader, f"{path}/do/confirm", paper_ref="")
    preview = await reader.send(f"{path}/do/receive", inspection="abnormal", mileage_km="12", paper_ref="R-1")
    assert "¥97,000.00" in preview.text
    assert await status(world, path) == "purchase_in_transit"
    await done(reader, f"{path}/do/receive", inspection="abnormal", mileage_km="12", paper_ref="R-1")
    assert await status(world, path) == "abnormal"
    await done(reader, f"{path}/do/clear", reason="the mirror is mended", paper_ref="")
    assert await status(world, path) == "in_stock"
    page = await done(reader, f"{path}/do/plate", plate="京A12345")
    assert "京A12345" in page
    move = await reader.see(f"{path}/do/move")
    assert 'value="transfer_shipped"' in move
    assert 'value="delivered"' not in move
    await done(reader, f"{path}/do/move", kind="transfer_shipped", reason="to the south", paper_ref="")
    assert await status(world, path) == "transfer_in_transit"
    refused = await reader.send(f"{path}/do/move", kind="sold", reason="no", paper_ref="")
    assert (refused.status_code, 'id="wrong-kind"' in refused.text) == (422, True)


async def test_a_contract_takes_a_car_from_the_stock(world: World, rows: Rows, reader: Reader) -> None:
    vehicle = await bought(reader, rows, "LGXYVEC72R3009922")
    lease = await signed(world, rows)
    path = f"/contracts/{lease.contract}"
    form = await reader.see(f"{path}/do/assign")
    car = vehicle.removeprefix("/vehicles/")
    assert f'value="{car}"' in form
    assert rows["vehicle_id"] not in form  # another contract holds it
    page = await done(reader, f"{path}/do/assign", vehicle_id=car)
    assert "The car is kept for the contract." in page
    assert (await world.people["admin"].get(path))["vehicle_id"] == car
    assert "has its car already" in await reader.see(path)
    held = await reader.see(vehicle)
    assert "Another contract holds this car." in held
    assert "It is free again when the contract is cancelled." in held
    refused = await reader.send(f"{vehicle}/do/release", reason="no")
    assert refused.status_code == 422


async def test_a_car_is_given_to_a_contract_by_its_number(world: World, rows: Rows, reader: Reader) -> None:
    vehicle = await bought(reader, rows, "LGXYVEC72R3009933")
    refused = await reader.send(f"{vehicle}/do/assign", number="HT1999")
    assert 'id="wrong-number">is the number of no contract that you see' in refused.text
    lease = await signed(world, rows)
    answer = await reader.send(f"{vehicle}/do/assign", number=lease.number.lower())
    assert answer.headers["location"] == f"/contracts/{lease.contract}?done=assign"


async def test_who_only_reads_the_stock_is_offered_nothing(world: World, rows: Rows) -> None:
    sales = await enter(world, "sales")
    path = f"/vehicles/{rows['vehicle_id']}"
    assert not re.findall(f'href="{path}/do/', await sales.see(path))
    assert "Order for the stock" not in await sales.see("/vehicles")
    await sales.http.aclose()


async def signed(world: World, rows: Rows) -> Lease:
    """A contract that is signed and waits for its car."""
    lease = Lease(world=world, version=rows["version_id"])
    for stage in (lease.register, lease.consent, lease.apply, lease.submit, lease.check_credit, lease.approve):
        await stage()
    await lease.draft()
    await lease.sign()
    return lease


async def test_the_way_of_a_car_is_drawn_for_a_purpose_and_kept(world: World, rows: Rows, reader: Reader) -> None:
    path = f"/vehicles/{rows['vehicle_id']}/do/track"
    device = DeviceId(UUID(rows["device_id"]))
    async with world.transaction() as tx:
        for minutes in (30, 20, 10):
            fix = Fix(
                latitude=Decimal("31.22845774"),
                longitude=Decimal("121.47822306"),
                datum=Datum.GCJ02,
                fixed_at=tx.now - timedelta(minutes=minutes),
            )
            await tracking.record_fix(tx, device, fix)
    day = world.today.isoformat()
    assert (await reader.send(path, since=day, until=day)).status_code == 422
    early = (world.today - timedelta(days=40)).isoformat()
    refused = await reader.send(path, purpose="service", since=early, until=day)
    assert (refused.status_code, "is more than 31 days away" in refused.text) == (422, True)
    page = await reader.send(path, purpose="service", since=day, until=day)
    assert page.status_code == 200
    assert page.text.count('<td class="amount">31.230400</td>') == 3  # what came on GCJ-02 is on WGS-84
    assert 'data-track="31.230400,121.473700;' in page.text
    trail = await world.people["admin"].get("/audit", subject="vehicle", subject_id=rows["vehicle_id"])
    [line] = [one for one in trail if one["action"] == "track.viewed"]
    assert (line["detail"]["purpose"], line["detail"]["positions"]) == ("service", 3)
