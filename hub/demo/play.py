"""Moves the demo's clock from day to day: applicants come, nights close, money is collected, until today is reached.

Days on which nothing can happen are skipped. Where the clock stands is noted, so a run that was killed goes on from
there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import uvicorn
from sqlalchemy import func, select

from hub.api.app import create_app
from hub.demo.applicants import Applicant
from hub.demo.company import open_company
from hub.demo.records import DemoApplicant, DemoClock
from hub.demo.story import ENDED, Stage, Step, advance
from hub.demo.world import SandboxMissing, World
from hub.infra.access import system
from hub.infra.clock import BUSINESS_ZONE, business_date
from hub.infra.database import Database
from hub.integrations import call_log
from hub.leasing.collections import service as collections
from hub.leasing.servicing import service as servicing
from hub.leasing.settlements import service as settlements
from hub.sdk.clock import VirtualClock
from hub.wiring import Hub, close_day, tasks

OPENING_HOUR = time(9)
AT_ONCE = 6
# How far within a day the clock may run on while something of that day is not settled yet.
_LONGEST_WAIT = timedelta(hours=8)
_TICK = timedelta(minutes=1)
_LONGEST_CLAIM = timedelta(minutes=5)
_MOST_ROUNDS = 60
_MOST_ASKED = 20

Progress = Callable[[date, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Playing:
    """One run of the demo: the hub on its virtual clock, the stage, and the applicants."""

    hub: Hub
    clock: VirtualClock
    stage: Stage
    applicants: Sequence[Applicant]

    @property
    def database(self) -> Database:
        """The hub's database."""
        return self.hub.house.database


def opening(day: date) -> datetime:
    """When a business day of the demo begins."""
    return datetime.combine(day, OPENING_HOUR, BUSINESS_ZONE).astimezone(UTC)


async def play(
    hub: Hub, clock: VirtualClock, world: World, applicants: Sequence[Applicant], until: date, progress: Progress
) -> None:
    """Play every day up to `until`; `progress` is told the day, the applicants whose story has ended, and all of them."""
    passwords = hub.house.settings.data_dir / "demo-passwords.txt"
    company = await open_company(hub.house.database, applicants, passwords)
    stage = Stage(database=hub.house.database, files=hub.house.files, company=company, world=world)
    playing = Playing(hub=hub, clock=clock, stage=stage, applicants=applicants)
    await _everybody_there(hub)
    async with _callback_door(hub):
        day: date | None = await _take_up(playing) or min((one.applied_on for one in applicants), default=None)
        while day is not None and day <= until:
            await _play_day(playing, day)
            progress(day, await _ended(playing), len(applicants))
            day = await _next_day(playing, day, until)
        await world.set_clock(None)


async def _everybody_there(hub: Hub) -> None:
    """Wait for every provider to be usable; raises SandboxMissing with the reasons when one is not within seconds."""
    if not hub.house.registry.current.instances:
        raise SandboxMissing(f"no providers are configured: {hub.house.settings.config} (LEASEHUB_CONFIG) has none")
    for _ in range(_MOST_ASKED):
        missing = {one.name: one.reason for one in hub.house.registry.current.instances.values() if not one.usable}
        if not missing:
            return
        await asyncio.sleep(0.5)
        await hub.house.registry.retry_setup()
    raise SandboxMissing("; ".join(f"{name}: {reason}" for name, reason in missing.items()))


async def _take_up(playing: Playing) -> date | None:
    """Go on where an earlier run was killed; its day, None for a new demo.

    What that run had in hand is nobody's once its claims have run out; then every task looks for it, as at a tick.
    """
    async with playing.database.transaction(system("demo")) as tx:
        note = await tx.get(DemoClock, 1)
    if note is None:
        return None
    await _move_clock(playing, note.stands_at + _LONGEST_CLAIM)
    for task in tasks(playing.hub.house):
        await playing.hub.jobs.wake(task)
    return business_date(playing.clock)


async def _play_day(playing: Playing, day: date) -> None:
    await _move_clock(playing, max(opening(day), playing.clock.now()))
    await close_day(playing.hub.house)
    await _settle_world(playing)
    await _advance_all(playing, await _here(playing, day, but=ENDED))
    for _ in range(_MOST_ROUNDS):
        await _settle_world(playing)
        # Whoever only waits for a rent of theirs to fall due, or to be paid, has been asked today.
        moved = await _advance_all(playing, await _here(playing, day, but=ENDED | {Step.LAST_WISH}))
        if not moved and not await _wait_for_answers(playing, day):
            break


async def _settle_world(playing: Playing) -> None:
    """Run every waiting job, have every callback delivered, and run what that woke."""
    await playing.hub.jobs.drain()
    await playing.stage.world.deliver_callbacks()
    await playing.hub.jobs.drain()


async def _advance_all(playing: Playing, here: Sequence[Applicant]) -> bool:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(applicant: Applicant) -> bool:
        async with places:
            return await advance(playing.stage, applicant)

    return any(await asyncio.gather(*(one(applicant) for applicant in here)))


async def _wait_for_answers(playing: Playing, day: date) -> bool:
    """Let time pass until the next question to a provider, or message to a lessee, is due; False when none is today."""
    async with playing.database.transaction(system("demo")) as tx:
        waiting = (await call_log.next_look_at(tx), await collections.next_contact_at(tx))
    look_at = min((one for one in waiting if one is not None), default=None)
    last = opening(day) + _LONGEST_WAIT
    if look_at is None or look_at > last:
        return False
    await _move_clock(playing, max(look_at, playing.clock.now() + _TICK))
    for task in ("reconcile.tick", "inbox.apply", "collections.perform_contacts"):
        await playing.hub.jobs.wake(task)
    return playing.clock.now() <= last


async def _move_clock(playing: Playing, instant: datetime) -> None:
    playing.clock.move_to(instant)
    async with playing.database.transaction(system("demo")) as tx:
        await tx.merge(DemoClock(id=1, stands_at=instant))
    await playing.stage.world.set_clock(instant)


async def _next_day(playing: Playing, day: date, until: date) -> date | None:
    """The next day on which somebody applies, a debit is due, or a provider is asked; the last day when none is before it."""
    if day == until:
        return None
    async with playing.database.transaction(system("demo")) as tx:
        due_on, look_at = await servicing.next_movement_on(tx), await call_log.next_look_at(tx)
        option_on = await settlements.next_option_on(tx)
    look_on = None if look_at is None else look_at.astimezone(BUSINESS_ZONE).date()
    coming = [one.applied_on for one in playing.applicants if one.applied_on > day]
    days = [one for one in (due_on, option_on, look_on, min(coming, default=None)) if one is not None]
    return min(max(min(days, default=until), day + timedelta(days=1)), until)


async def _here(playing: Playing, day: date, *, but: frozenset[Step]) -> list[Applicant]:
    """Who has applied by that day and does not stand at one of these steps."""
    async with playing.database.transaction(system("demo")) as tx:
        elsewhere = set(await tx.scalars(select(DemoApplicant.reference).where(DemoApplicant.step.in_(but))))
    return [one for one in playing.applicants if one.applied_on <= day and one.reference not in elsewhere]


async def _ended(playing: Playing) -> int:
    ended = (*ENDED, Step.LAST_WISH)
    async with playing.database.transaction(system("demo")) as tx:
        return await tx.scalar(select(func.count()).where(DemoApplicant.step.in_(ended))) or 0


@asynccontextmanager
async def _callback_door(hub: Hub) -> AsyncIterator[None]:
    """Serve the hub's doors while the demo plays: the vendors' callbacks come in over HTTP like anywhere."""
    settings = hub.house.settings
    config = uvicorn.Config(
        create_app(hub.house), host=settings.host, port=settings.port, log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            if serving.done():
                serving.result()
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await serving
