"""Every real vendor's own callbacks, in every order: the hub ends where it would have ended, and believes no forgery.

They are those that the stand-ins sign and post when what was asked of them comes to its end, and those of the plugin's
rig, which are about things that nobody has asked for. `REAL_CALLBACK_SEEDS="17 4711"` plays other orders than these.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import NAMESPACE_URL, uuid5

import pytest
import sqlalchemy as sa

from hub.core.effects import Effect
from hub.core.hookspecs import OPERATIONS
from hub.core.ports.webhooks import WebhookRequest
from hub.infra.database import Database
from hub.integrations.answers import Ask
from hub.integrations.call_book import result_of
from hub.integrations.executor import Executor
from hub.integrations.inbox import apply_due, receive
from hub.integrations.reconcile import reconcile_due
from hub.integrations.records import InboxDelivery, ProviderCall
from hub.integrations.verdicts import effect_of
from hub.sdk.clock import VirtualClock
from hub.testing.contexts import WEBHOOK_URL
from hub.testing.kit.line import TRIED
from hub.testing.kit.rig import Callbacks
from hub.testing.wire import Callback
from tests.faults.wires import CALM, Gate, WireLane, exempted, lanes_of, rigs
from tests.integrations.fakes import FakeRegistry

SEEDS = [int(seed) for seed in os.environ.get("REAL_CALLBACK_SEEDS", "").split()] or [1, 2, 3]
SOAK = list(range(100, 150))
FORM = "application/x-www-form-urlencoded"
_STEPS_S = (5, 31, 31, 300, 300, 3600, 6 * 3600, 86400, 86400)
# What ends at once, or would end what others are about, has its answer in time.
_IN_TIME = frozenset({"payments_cancel", "esign_void"})


@dataclass(kw_only=True)
class Scene:
    """One plugin, one vendor, and everything that is asked of it in one order of things."""

    database: Database
    clock: VirtualClock
    lane: WireLane
    chance: random.Random | None
    wishes: list[Ask] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.registry = FakeRegistry(self.lane.instance)
        self.executor = Executor(
            database=self.database,
            registry=self.registry,  # type: ignore[arg-type]
            tenant="demo",
            sleep=lambda seconds: asyncio.sleep(0),
        )

    @property
    def callbacks(self) -> Callbacks:
        """How this vendor signs."""
        assert self.lane.rig.callbacks is not None
        return self.lane.rig.callbacks

    def advance(self, seconds: float) -> None:
        """Time passes at both ends alike."""
        clocks = (self.clock, self.lane.rig.clock)
        then = max(clock.now() for clock in clocks) + timedelta(seconds=seconds)
        for clock in clocks:
            clock.move_to(then)

    # What is asked

    async def arrange(self) -> None:
        """A wish for every operation that does something."""
        for spec in self.lane.specs:
            request = await self.lane.stage.request_for(spec.name)
            if effect_of(spec, request) is not Effect.READ:
                key, pin = str(uuid5(NAMESPACE_URL, f"{self.lane.name} {spec.name}")), self.lane.instance.name
                self.wishes.append(Ask(operation=spec.name, request=request, key=key, pin=pin, deadline_s=300))
        self.lane.vendor.outbox.clear()
        self.advance(240)

    async def ask(self) -> None:
        """Some answers are lost on the way; some come only after the callbacks about what was done."""
        ways = {wish.operation: self._way(wish.operation) for wish in self.wishes}
        self.lane.lost = {operation for operation, way in ways.items() if way == "lost"}
        for wish in self.wishes:
            if ways[wish.operation] != "held":
                await _asked(self.executor, wish)
        held = [wish for wish in self.wishes if ways[wish.operation] == "held"]
        self.lane.gates = {wish.operation: Gate() for wish in held}
        calls = [asyncio.create_task(_asked(self.executor, wish)) for wish in held]
        for gate in self.lane.gates.values():
            await asyncio.wait([asyncio.create_task(gate.reached.wait()), *calls], return_when=asyncio.FIRST_COMPLETED)
        if held:
            await self.lane.vendor.settle()
            await self.deliver(self.lane.vendor.outbox)
        for gate in self.lane.gates.values():
            gate.opened.set()
        await asyncio.gather(*calls)
        self.lane.lost, self.lane.gates = set(), {}

    def _way(self, operation: str) -> str:
        if self.chance is None or operation in _IN_TIME:
            return "in_time"
        return self.chance.choice(("in_time", "in_time", "lost", "held"))

    # What is told

    async def told(self) -> list[Callback]:
        """What the vendor posts of all this, and what it posts about others."""
        await self.lane.vendor.settle()
        now, how = self.lane.rig.clock.now(), self.callbacks
        strangers = [_signed(how, body, how.sign(how.secret, body, now)) for body in (*how.bodies, how.unmapped)]
        return [*self.lane.vendor.outbox, *strangers]

    async def deliver(self, callbacks: Iterable[Callback]) -> None:
        """Each once and in its turn, or several times, shuffled, with forgeries among them."""
        letters = [(one, True) for one in callbacks]
        if self.chance is not None:
            forged = [(other, False) for one, _ in letters for other in self._forged(one)]
            letters = [one for one in letters for _ in range(self.chance.choice((1, 1, 2, 3)))] + forged
            self.chance.shuffle(letters)
        for callback, genuine in letters:
            request = _request(callback, self.clock)
            reply = await receive(
                self.database,
                self.registry,  # type: ignore[arg-type]
                instance=self.lane.instance.name,
                request=request,
            )
            assert (200 <= reply.status < 300) == genuine, (reply.status, callback.url, genuine)
            if self.chance is None or self.chance.random() < 0.2:
                await apply_due(self.database, self.executor)

    def _forged(self, callback: Callback) -> Iterator[Callback]:
        """Without its proof, with an empty one, another one, and with the proof of another text."""
        for value in (None, "", "x"):
            yield _with_proof(callback, self.callbacks, value)
        if "webhooks.tampered" not in exempted(self.lane.plugin):
            yield replace(callback, body=callback.body.replace(b"1", b"2", 1) + b" ")

    async def come_to_rest(self) -> None:
        """As long as anything is asked after."""
        for step in _STEPS_S:
            self.advance(step)
            while await apply_due(self.database, self.executor) or await reconcile_due(self.database, self.executor):
                pass

    # What is to be seen

    async def ends(self) -> dict[str, str]:
        """How each call ended."""
        async with self.database.engine.connect() as connection:
            query = sa.select(ProviderCall.__table__).where(ProviderCall.instance == self.lane.instance.name)
            rows = [ProviderCall(**row) for row in (await connection.execute(query)).mappings()]
        asked = {wish.key for wish in self.wishes}
        booked = await self.lane.booked()
        for row in rows:
            assert booked[row.sent_key] <= 1, f"{row.operation} was done {booked[row.sent_key]} times"
        return {row.operation: self._shown(row) for row in rows if row.idempotency_key in asked}

    def _shown(self, row: ProviderCall) -> str:
        result = result_of(self.database.vault, row)
        return f"{row.state} {getattr(result, 'outcome', None) or getattr(result, 'status', None)}"

    async def inbox(self) -> Counter[str]:
        """How often each callback is kept, by what makes it the same one."""
        async with self.database.engine.connect() as connection:
            query = sa.select(InboxDelivery.event_key).where(InboxDelivery.instance == self.lane.instance.name)
            return Counter((await connection.execute(query)).scalars())


async def _asked(executor: Executor, wish: Ask) -> None:
    TRIED.set(wish.operation)
    await executor.call(wish)


def _request(callback: Callback, clock: VirtualClock) -> WebhookRequest:
    parts = urlsplit(callback.url)
    return WebhookRequest(
        method="POST",
        path=parts.path,
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers={name.lower(): value for name, value in callback.headers.items()},
        body=callback.body,
        received_at=clock.now(),
    )


def _signed(how: Callbacks, body: bytes, marks: Mapping[str, str]) -> Callback:
    """A callback of the rig's, with its marks where this vendor has them."""
    if how.in_query:
        return Callback(url=f"{WEBHOOK_URL}?{urlencode(marks)}", headers={}, body=body)
    if how.signature_field is None:
        return Callback(url=WEBHOOK_URL, headers=dict(marks), body=body)
    return Callback(url=WEBHOOK_URL, headers={"content-type": FORM}, body=body + b"&" + urlencode(marks).encode())


def _with_proof(callback: Callback, how: Callbacks, value: str | None) -> Callback:
    """The callback with another proof of who posts it, or with none."""

    def other(text: str, name: str) -> str:
        pairs = [pair for pair in parse_qsl(text, keep_blank_values=True) if pair[0] != name]
        return urlencode([*pairs, *([] if value is None else [(name, value)])])

    if how.in_query:
        parts = urlsplit(callback.url)
        return replace(callback, url=parts._replace(query=other(parts.query, how.signature_header)).geturl())
    if how.signature_field is not None:
        return replace(callback, body=other(callback.body.decode(), how.signature_field).encode())
    kept = {name: one for name, one in callback.headers.items() if name.lower() != how.signature_header}
    return replace(callback, headers=kept if value is None else {**kept, how.signature_header: value})


async def _played(
    database: Database, clock: VirtualClock, plugin: str, seed: int | None
) -> tuple[Scene, dict[str, str]]:
    """One order of things, from the first call to the end of all questions."""
    chance = None if seed is None else random.Random(f"{plugin} {seed}")
    async with lanes_of(plugin, [CALM], said=str(seed)) as lanes:
        if not lanes or lanes[0].rig.callbacks is None:
            pytest.skip("it takes no callbacks")
        clock._now = lanes[0].rig.clock.now()  # every order begins on the same day; time goes back nowhere but here
        scene = Scene(database=database, clock=clock, lane=lanes[0], chance=chance)
        await scene.arrange()
        await scene.ask()
        await scene.deliver(await scene.told())
        await scene.come_to_rest()
        assert set((await scene.inbox()).values()) == {1}
        return scene, await scene.ends()


async def _every_order_is_alike(database: Database, clock: VirtualClock, plugin: str, seeds: Iterable[int]) -> None:
    first, wanted = await _played(database, clock, plugin, None)
    kept = len(await first.inbox())
    assert kept, "something was told"
    never_found = "calls.found_again" in exempted(plugin)
    for seed in seeds:
        _, found = await _played(database, clock, plugin, seed)
        for operation, end in found.items():
            asked_after = OPERATIONS[operation].status_by in first.lane.instance.operations and not never_found
            given_up = not asked_after and end.startswith("escalated")  # lost, and no callback has named it
            assert end == wanted[operation] or given_up, f"seed {seed}: {operation} ends {end}, not {wanted[operation]}"
        assert found.keys() == wanted.keys()


@pytest.mark.parametrize("plugin", sorted(rigs()))
async def test_every_order_of_a_vendors_callbacks_comes_to_the_same(
    database: Database, clock: VirtualClock, plugin: str
) -> None:
    await _every_order_is_alike(database, clock, plugin, SEEDS)


@pytest.mark.soak
@pytest.mark.parametrize("plugin", sorted(rigs()))
async def test_many_orders_of_a_vendors_callbacks_come_to_the_same(
    database: Database, clock: VirtualClock, plugin: str
) -> None:
    await _every_order_is_alike(database, clock, plugin, SOAK)
