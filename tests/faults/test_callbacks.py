"""Recorded callbacks in every order: doubled, late, at once, too early, forged. What the hub makes of them is always the same.

`CALLBACK_SEEDS="17 4711"` plays other orders than these, and a soak four hundred more.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from hub.integrations.inbox import INBOX_APPLY, LONGEST_BODY
from hub.integrations.reconcile import RECONCILE
from hub.wiring import reload_providers
from tests.faults.callbacks import (
    EARLY,
    NEXT_SECRET,
    SECRET,
    Callback,
    Forgery,
    Mail,
    contradiction,
    early,
    forged,
    go_on,
    mail,
    set_the_scene,
    stranger,
)
from tests.faults.invariants import nothing_is_violated, vendor_books
from tests.faults.snapshot import Snapshot
from tests.stories.company import company_at_work
from tests.stories.world import World

SEEDS = [int(seed) for seed in os.environ.get("CALLBACK_SEEDS", "").split()] or list(range(1, 17))
SOAK = list(range(1_000, 1_400))
LEAST = 2_000  # deliveries, of 16 orders
_DAYS_LATE = timedelta(days=3)
# What is kept of the way there, and what differs with the day on which news came; of several alarms of one device the
# first one gives the open warning its words, and the night looks at an account once more than it need when news is early.
_WAYS = ("webhook_inbox", "audit_entry", "audit_seal", "outgoing_event", "outgoing_delivery", "answered_request")
_WITHOUT = (
    "reconcile_count",
    "generation",
    "no_record_count",
    "duration_ms",
    "xid",
    "correlation_id",
    "attempt",
    "route",
    "id",
    "number",
)
_WITHOUT += ("entry.posted_on", "risk_warning.facts", "lease_account.next_event_on")
_INBOX = "select instance, event_key, state, apply_at is null, applied_at is not null from webhook_inbox"


class Orders:
    """One company at one moment, from which every order begins."""

    def __init__(self, world: World, url: str, told: list[Callback], snapshot: Snapshot, mail: Mail) -> None:
        self.world, self.url, self.told, self.snapshot, self.mail = world, url, told, snapshot, mail
        self.begun_at = world.clock.now()
        self.config = world.hub.house.settings.config
        self.configured = self.config.read_text()
        self.deliveries = 0

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    async def begin(self) -> None:
        """Back to the beginning."""
        await asyncio.to_thread(self.snapshot.restore)
        self.world.clock._now = self.begun_at  # time goes back nowhere but here
        await self.sign_with(SECRET)
        self.mail.accepted.clear()
        self.mail.statuses.clear()

    async def sign_with(self, secret: str, before: str | None = None) -> None:
        """Callbacks are signed with this from now on; `before` still counts as well."""
        former = f'webhook_secret = "{secret}"' + (f', previous_webhook_secret = "{before}"' if before else "")
        wanted = self.configured.replace(f'webhook_secret = "{SECRET}"', former)
        if wanted != self.config.read_text():
            self.config.write_text(wanted)
            await reload_providers(self.world.hub.house)

    async def settle(self) -> None:
        """What waits in the inbox is applied, and what is due is asked after."""
        await self.world.tick(INBOX_APPLY, RECONCILE, callbacks=False)

    async def come_to_rest(self) -> None:
        """As long as anything is tried again."""
        for seconds in (5, 30, 300, 3600, 6 * 3600):
            self.world.clock.advance(timedelta(seconds=seconds))
            await self.settle()

    async def undisturbed(self) -> dict[str, list[str]]:
        """Each callback once, in its turn."""
        await self.begin()
        await early(self.world)
        for callback in self.told:
            assert await self.mail.deliver(callback, self.now) == 200
            await self.settle()
        self.world.clock.advance(_DAYS_LATE)
        await self.come_to_rest()
        await self.prove(set())
        return self.outcome()

    async def disturbed(self, chance: random.Random) -> dict[str, list[str]]:
        """Every callback at least once, in an order and with a company by chance."""
        await self.begin()
        strangers = [stranger(number, self.now) for number in range(chance.randrange(1, 5))]
        settled = [one for one in self.told if b'"charge.settled"' in one.body]
        odd = [*strangers, contradiction(chance.choice(settled), self.now)]
        in_time = [one for one in self.told if chance.random() < 0.7]
        late = [one for one in self.told if one not in in_time]
        await self._before_the_answer(chance)
        await self._shuffled(chance, [*in_time, *odd])
        rotated = chance.random() < 0.4
        if rotated:
            await self.sign_with(NEXT_SECRET, before=SECRET)
            await self._shuffled(chance, chance.sample(self.told, 4), NEXT_SECRET)
            await self._shuffled(chance, chance.sample(self.told, 4))
            await self.sign_with(NEXT_SECRET)
            for callback in chance.sample(self.told, 4):
                assert await self.mail.deliver(callback, self.now) == 401, "the old secret is gone"
        self.world.clock.advance(_DAYS_LATE)
        await self._shuffled(chance, late, NEXT_SECRET if rotated else SECRET)
        await self.come_to_rest()
        await self.prove({(one.instance, one.event_id) for one in strangers})
        return self.outcome()

    async def _before_the_answer(self, chance: random.Random) -> None:
        """A message is delivered, and we are told of it while we still wait for the answer to our own call."""
        [first] = [one for one in self.told if EARLY.encode() in one.body]
        slow = {"operation": "send", "fault": "slow", "seconds": 0.15}
        await self.world.control("sms", "faults", faults=[slow])
        asked = asyncio.create_task(early(self.world))
        while not await self._count(f"select count(*) from provider_call where idempotency_key = '{EARLY}'"):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        await asyncio.gather(*(self.mail.deliver(first, self.now) for _ in range(chance.randrange(1, 4))))
        if chance.random() < 0.5:
            await self.settle()
        assert (await asked).instance == "sms_main"

    async def _shuffled(self, chance: random.Random, callbacks: list[Callback], secret: str = SECRET) -> None:
        """Some of them doubled, some five at once, forged ones among them, a few at a time; the hub works in between."""
        letters = []
        for callback in callbacks:
            copies = chance.choice((1, 1, 2, 3, 5))
            letters += [self._genuine(callback, secret)] * copies
            if copies == 5:
                await asyncio.gather(*(self._genuine(callback, secret)() for _ in range(5)))
            letters += [self._forged(callback, how, chance) for how in chance.sample(list(Forgery), 2)]
        chance.shuffle(letters)
        while letters:
            batch = [letters.pop() for _ in range(min(len(letters), chance.randrange(1, 9)))]
            await asyncio.gather(*(send() for send in batch))
            self.world.clock.advance(timedelta(seconds=chance.choice((0, 0, 1, 7))))
            if chance.random() < 0.15:
                await self.settle()

    def _genuine(self, callback: Callback, secret: str) -> Callable[[], Awaitable[None]]:
        async def send() -> None:
            assert await self.mail.deliver(callback, self.now, secret) == 200

        return send

    def _forged(self, callback: Callback, how: Forgery, chance: random.Random) -> Callable[[], Awaitable[None]]:
        async def send() -> None:
            headers, body = forged(callback, how, self.now, chance)
            assert await self.mail.post(callback.instance, headers, body) == 401, how

        return send

    async def prove(self, strangers: set[tuple[str, str]]) -> None:
        """What was taken with a yes is in the inbox once and done with, and nothing else is; the books are in order."""
        async with self.world.transaction() as tx:
            rows = (await tx.execute(text(_INBOX))).all()
        kept = [(instance, key) for instance, key, *_ in rows if (instance, key) not in self._kept_before]
        assert Counter(kept) == Counter(set(self.mail.accepted)), "one row for each, however often it came"
        states = {(instance, key): state for instance, key, state, *_ in rows}
        assert all(done and applied for *_, done, applied in rows)
        assert {states[one] for one in kept if one not in strangers} <= {"applied", "stale"}
        assert {states[one] for one in strangers} <= {"unmapped"}
        delivered = [{"event_id": key, "state": "delivered"} for name, key in self.mail.accepted if name == "psp_main"]
        books = vendor_books(await self.world.books("payments"), {"webhooks": delivered})
        await nothing_is_violated(self.url, self.now, psp_main=books)
        self.deliveries += self.mail.statuses.total()
        assert set(self.mail.statuses) <= {200, 401}

    _kept_before: frozenset[tuple[str, str]] = frozenset()

    async def remember(self) -> None:
        """What the inbox held before the first order."""
        async with self.world.transaction() as tx:
            self._kept_before = frozenset(
                (instance, key) for instance, key, *_ in (await tx.execute(text(_INBOX))).all()
            )

    def outcome(self) -> dict[str, list[str]]:
        """All that stands in the database for good; how often anybody was asked is no part of it."""
        told = self.snapshot.told(but=_WAYS, without=_WITHOUT)
        told["provider_call"] = [row for row in told["provider_call"] if "'read'" not in row]
        return told

    async def _count(self, query: str) -> int:
        async with self.world.transaction() as tx:
            return int(await tx.scalar(text(query)) or 0)


def _empty_already() -> None:
    """The database is."""


@pytest.mark.long
@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    "seeds", [pytest.param(SEEDS, id="some"), pytest.param(SOAK, id="many", marks=pytest.mark.soak)]
)
async def test_every_order_of_callbacks_comes_to_the_same(database_url: str, tmp_path: Path, seeds: list[int]) -> None:
    async with (
        company_at_work(database_url, _empty_already, tmp_path, webhook_secret=f'"{SECRET}"') as world,
        mail(world) as post,
    ):
        await set_the_scene(world)
        snapshot = Snapshot(database_url)
        try:
            orders = Orders(world, database_url, await go_on(world), snapshot, post)
            await asyncio.to_thread(snapshot.restore)
            await orders.remember()
            wanted = await orders.undisturbed()
            for seed in seeds:
                print(f"seed {seed}")
                found = await orders.disturbed(random.Random(seed))
                other = {table: set(found[table]) ^ set(rows) for table, rows in wanted.items() if found[table] != rows}
                assert not other, f"seed {seed}: {other}"
        finally:
            snapshot.close()
        print(f"{len(orders.told)} callbacks in {len(seeds)} orders, {orders.deliveries} deliveries")
        assert orders.deliveries >= LEAST * len(seeds) // 16
        too_large = orders.told[0].headers(world.clock.now())
        assert await post.post("psp_main", too_large, b" " * (LONGEST_BODY + 1)) == 413
        assert await post.post("nobody", too_large, orders.told[0].body) == 404
