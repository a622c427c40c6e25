"""The world of the stories: stand-in vendors and the hub's own doors on real loopback HTTP, one clock, and people.

Everything moves only when told: the clock stands, jobs run and callbacks are posted when the world settles.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.api.app import PREFIX
from hub.infra import staff
from hub.infra.access import Actor, Role, system
from hub.infra.clock import BUSINESS_ZONE, business_date
from hub.infra.database import Tx
from hub.infra.records import BranchKind
from hub.infra.settings import HubSettings
from hub.sdk.clock import VirtualClock
from hub.sdk.sandbox.app import SandboxApp, SandboxSettings
from hub.testing.loopback import loopback
from hub.wiring import Hub, open_doors, open_hub

Json = Any
PASSWORD = "a long-enough passphrase, 42"
INSTANCES = {
    "bureau_main": "credit_bureau",
    "sms_main": "sms",
    "gps_main": "gps_tracker",
    "esign_main": "esign",
    "psp_main": "payments",
}
# Every other task is woken by what it is for.
BY_THE_CLOCK = ("servicing.close_day", "reconcile.tick", "inbox.apply", "collections.perform_contacts")


class Door:
    """An address that is known before the application behind it is built: vendors are told it at the start."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody at a screen: every request is theirs, under their own token."""

    id: str
    login: str
    http: httpx.AsyncClient = field(repr=False)

    async def ask(self, method: str, path: str, body: Json = None, **more: Any) -> httpx.Response:
        """One request, whatever comes of it."""
        return await self.http.request(method, PREFIX + path, json=body, **more)

    async def get(self, path: str, **params: Any) -> Json:
        """Read something that is there."""
        answer = await self.ask("GET", path, params=params)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()

    async def post(self, path: str, body: Json = None) -> Json:
        """Do something that must succeed."""
        return _done(path, await self.ask("POST", path, body))

    async def put(self, path: str, body: Json = None, **more: Any) -> Json:
        """Put something that must be taken."""
        return _done(path, await self.ask("PUT", path, body, **more))

    async def refused(self, path: str, body: Json = None, *, method: str = "POST", status: int = 409) -> Json:
        """Try something that must be refused; gives the error."""
        answer = await self.ask(method, path, body)
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        return answer.json()["error"]


def _done(path: str, answer: httpx.Response) -> Json:
    assert answer.is_success, (path, answer.status_code, answer.text)
    return answer.json() if answer.content else None


@dataclass(slots=True, kw_only=True)
class World:
    """The hub, its vendors and the clock they share."""

    hub: Hub
    app: ASGIApp
    door: Door  # what vendors find at the hub's address
    clock: VirtualClock
    vendors: httpx.AsyncClient = field(repr=False)
    address: str
    people: dict[str, Person] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    stack: AsyncExitStack = field(repr=False)

    # Time

    @property
    def today(self) -> date:
        """The business date."""
        return business_date(self.clock)

    def move_to(self, day: date, at: time = time(9)) -> None:
        """Let time pass to an hour of a day; nothing else happens."""
        self.clock.move_to(datetime.combine(day, at, BUSINESS_ZONE))

    async def settle(self, *, callbacks: bool = True) -> None:
        """Run what waits, have callbacks posted, and run what those woke."""
        await self.hub.jobs.drain()
        if callbacks:
            await asyncio.gather(*(self.control(capability, "flush") for capability in INSTANCES.values()))
            await self.hub.jobs.drain()

    async def tick(self, *names: str, callbacks: bool = True) -> None:
        """What a tick of the machine's clock starts: the named tasks, or all that time alone wakes; then what follows."""
        for name in names or BY_THE_CLOCK:
            await self.hub.jobs.wake(name)
        await self.settle(callbacks=callbacks)

    async def live_through(self, day: date) -> None:
        """Go to the morning of a day, close it, and let everything of it happen."""
        self.move_to(day)
        await self.tick()

    async def wait(self, by: timedelta) -> None:
        """Let a while pass within the day, with its ticks."""
        self.clock.advance(by)
        await self.tick()

    # Vendors

    async def control(self, capability: str, path: str, **body: Any) -> Json:
        """Tell a vendor something behind the hub's back."""
        answer = await self.vendors.post(f"/{capability}/_sandbox/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    async def books(self, capability: str) -> Json:
        """A vendor's own books."""
        return (await self.vendors.get(f"/{capability}/_sandbox/books")).json()

    async def callbacks(self, capability: str) -> Json:
        """What a vendor has told us, and how often it had to."""
        return (await self.vendors.get(f"/{capability}/_sandbox/webhooks")).json()

    async def captured(self) -> int:
        """By the payment vendor's books: what it has collected for us less what it has paid out, in minor units."""
        books = await self.books("payments")
        signs = {"charges": 1, "refunds": -1, "payouts": -1}
        return sum(
            sign * row["amount_minor"]
            for kind, sign in signs.items()
            for row in books[kind]
            if row["status"] == "settled"
        )

    async def held(self) -> dict[str, int]:
        """What each instance of a payment vendor holds for us by the vendor's books, in minor units, where it is not nothing."""
        captured = await self.captured()
        return {"psp_main": captured} if captured else {}

    # People

    def transaction(self, actor: Actor | None = None) -> Any:
        """A transaction of the hub itself, to look behind the doors."""
        return self.hub.house.database.transaction(actor or system("test"))

    def anybody(self, headers: Mapping[str, str] | None = None) -> httpx.AsyncClient:
        """A client of the API that has shown nothing yet; the application's own failures come back as a 500."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=self.address, headers=headers)

    async def hire(self, login: str, *roles: Role, branch: str = "north") -> Person:
        """Open an account through the door of the administrator, and give its owner a token for a year."""
        boss = self.people["admin"]
        body = {
            "login": login,
            "display_name": login.title(),
            "branch_id": self.branches[branch],
            "roles": list(roles),
            "password": PASSWORD,
        }
        made = await boss.post("/staff", body)
        token = await boss.post(f"/staff/{made['id']}/tokens", {"name": "story", "valid_days": 366})
        return await self._known(made["id"], login, token["token"])

    async def _known(self, staff_id: str, login: str, token: str) -> Person:
        http = await self.stack.enter_async_context(self.anybody({"authorization": f"Bearer {token}"}))
        self.people[login] = Person(id=staff_id, login=login, http=http)
        return self.people[login]

    async def open_company(self, *codes: str) -> None:
        """A headquarters with an administrator, and branches below it."""
        async with self.transaction() as tx:
            top = await staff.add_branch(tx, code="headquarters", name="北方租赁", kind=BranchKind.HEADQUARTERS)
            self.branches["headquarters"] = str(top)
            admin = await _administrator(tx, top)
            token = await staff.issue_token(tx, staff_id=admin, name="story", valid_days=366)
        boss = await self._known(str(admin), "admin", token)
        for code in codes:
            made = await boss.post("/branches", {"code": code, "name": code.title(), "parent_id": str(top)})
            self.branches[code] = made["id"]


async def _administrator(tx: Tx, branch_id: UUID) -> UUID:
    return await staff.add_staff(
        tx,
        login="admin",
        display_name="Admin",
        branch_id=branch_id,
        roles={Role.ADMINISTRATOR},
        password=PASSWORD,
    )


@asynccontextmanager
async def open_world(url: str, folder: Path, start_at: datetime, **settings: Any) -> AsyncIterator[World]:
    """The vendors, then the hub on the database at `url`, and its doors; all of it is closed again at the end.

    `settings` go to every provider instance.
    """
    clock, door = VirtualClock(start_at), Door()
    async with AsyncExitStack() as stack:
        vendor_address = await stack.enter_async_context(loopback(sandboxes(stack, folder, clock)))
        address = await stack.enter_async_context(loopback(door))
        configuration = _configuration(vendor_address, {"timeout_s": 20, **settings})
        hub = await open_house(stack, door, hub_settings(folder, url, address, configuration), url, clock)
        # No connection is kept: the vendor may close it in the very moment in which it is used again.
        limits = httpx.Limits(max_keepalive_connections=0)
        vendors = await stack.enter_async_context(
            httpx.AsyncClient(base_url=vendor_address, timeout=120, limits=limits)
        )
        yield World(hub=hub, app=door.app, door=door, clock=clock, vendors=vendors, address=address, stack=stack)


async def open_house(stack: AsyncExitStack, door: Door, settings: HubSettings, url: str, clock: VirtualClock) -> Hub:
    """The hub with its doors, behind an address that vendors have been told."""
    hub = await stack.enter_async_context(open_hub(settings, url, clock=clock))
    door.app = open_doors(hub.house)
    return hub


def sandboxes(stack: AsyncExitStack, folder: Path, clock: VirtualClock) -> Starlette:
    """Every installed stand-in vendor under its capability; they post callbacks only when told to."""
    settings = SandboxSettings(pump=False)
    routes = []
    for point in entry_points(group="leasehub.sandboxes"):
        vendor: SandboxApp = point.load()(folder, clock, settings)
        stack.push_async_callback(vendor.close)
        routes.append(Mount(f"/{point.name}", app=vendor))
    return Starlette(routes=routes)


def hub_settings(folder: Path, url: str, address: str, configuration: str) -> HubSettings:
    """A hub at an address, with this configuration of its providers."""
    config = folder / "hub.toml"
    config.write_text(configuration)
    return HubSettings(
        config=config,
        data_dir=folder,
        database_url=url,
        public_url=address,
        requests_per_minute_of_token=0,  # stories are told faster than people type
        requests_per_minute_of_address=0,
        strangers_per_minute=0,
    )


def _configuration(address: str, settings: Mapping[str, Any]) -> str:
    lines = ['[webhooks]\nallow_hosts = ["127.0.0.1"]']
    for instance, capability in INSTANCES.items():
        more = "".join(f", {name} = {value}" for name, value in settings.items())
        lines += [
            f'[plugins.sandbox_{capability}]\ndistribution = "leasehub-{capability.replace("_", "-")}-sandbox"',
            f'[providers.{instance}]\nplugin = "sandbox_{capability}"\nmode = "sandbox"\nallow_hosts = ["127.0.0.1"]',
            f'settings = {{ base_url = "{address}/{capability}"{more} }}',
            f'[routes.{capability}]\ndefault = ["{instance}"]',
        ]
    return "\n".join(lines)
