"""Two API processes and two workers on one server: real work through both doors, and one of the workers dies in the middle.

Every process is started from the command line as an operator would, on one database, one folder of files and one
keyring. What the bureau has in its own books is compared with what we have in ours.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql

from hub.infra import migrate
from hub.infra.clock import SystemClock, business_date
from tests.stories.lease import MATERIALS, TERMS, somebody

ROOT = Path(__file__).parents[2]
PASSWORD = "a long-enough passphrase, 42"
APPLICANTS = 16


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One company's machine: a database, a folder, a port for the stand-in vendors."""

    url: str
    folder: Path
    vendors: int

    def environment(self, **own: str) -> dict[str, str]:
        shared = {
            "DATABASE_URL": self.url,
            "LEASEHUB_CONFIG": str(self.folder / "hub.toml"),
            "LEASEHUB_DATA_DIR": str(self.folder / "var"),
            "LEASEHUB_LOG_FORMAT": "json",
        }
        return os.environ | shared | own

    @contextmanager
    def process(self, *arguments: str, **own: str) -> Iterator[subprocess.Popen[bytes]]:
        with (self.folder / "said").open("ab") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "hub", *arguments], env=self.environment(**own), cwd=ROOT, stderr=said
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(timeout=120)

    def said(self) -> str:
        return (self.folder / "said").read_text()

    def run(self, *arguments: str, **own: str) -> str:
        command = [sys.executable, "-m", "hub", *arguments]
        done = subprocess.run(
            command, env=self.environment(**own), cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def ask(self, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url, options="-c search_path=public,jobs") as connection:
            return connection.execute(query.encode()).fetchall()


@pytest.fixture
def site(server_url: Callable[[str], str], worker_name: str, tmp_path: Path) -> Site:
    name = f"several_{worker_name}"
    with psycopg.connect(server_url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    site = Site(url=server_url(name), folder=tmp_path, vendors=free_port())
    migrate.upgrade(site.url)
    (tmp_path / "var").mkdir()
    text = (
        (ROOT / "examples/hub.toml")
        .read_text()
        .replace(":8800", f":{site.vendors}")
        .replace("timeout_s = 3", "timeout_s = 8")
    )
    (tmp_path / "hub.toml").write_text(text)
    return site


async def until(done: Callable[[], bool], what: str, limit_s: float = 120) -> None:
    deadline = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.1)


async def answered(address: str, path: str, status: int, site: Site) -> None:
    async with httpx.AsyncClient(base_url=address, timeout=10) as client:
        for _ in range(1200):
            try:
                answer = await client.get(path)
                if answer.status_code == status:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
    raise AssertionError(f"{address}{path} did not come to {status}: {site.said()[-3000:]}")


class Doors:
    """Somebody who is served by one API process after the other, in turn."""

    def __init__(self, clients: list[httpx.AsyncClient]) -> None:
        self._clients = clients
        self._turn = 0

    async def post(self, path: str, body: object = None, **more: object) -> dict[str, str]:
        return await self.ask("POST", path, json=body, **more)

    async def ask(self, method: str, path: str, **more: object) -> dict[str, str]:
        self._turn += 1
        client = self._clients[self._turn % len(self._clients)]
        answer = await client.request(method, f"/api/v1{path}", **more)  # type: ignore[arg-type]
        assert answer.is_success, (method, path, answer.status_code, answer.text)
        made: dict[str, str] = answer.json() if answer.content else {}
        return made


@pytest.fixture
async def addresses() -> list[str]:
    return [f"http://127.0.0.1:{free_port()}" for _ in range(2)]


@pytest.fixture
async def doors(site: Site, addresses: list[str]) -> AsyncIterator[Doors]:
    site.run("staff", "found", "admin", LEASEHUB_PASSWORD=PASSWORD)
    token = site.run("staff", "token", "admin").splitlines()[-1]
    headers = {"authorization": f"Bearer {token}"}
    clients = [httpx.AsyncClient(base_url=one, headers=headers, timeout=120) for one in addresses]
    yield Doors(clients)
    for client in clients:
        await client.aclose()


@pytest.mark.long
async def test_two_apis_and_two_workers_do_everything_once_though_one_worker_dies(
    site: Site, doors: Doors, addresses: list[str]
) -> None:
    with ExitStack() as stack:
        books = str(site.folder / "books")
        stack.enter_context(site.process("sandbox", "--port", str(site.vendors), "--books", books))
        vendors = f"http://127.0.0.1:{site.vendors}"
        await answered(vendors, "/credit_bureau/_sandbox/books", 200, site)
        for address in addresses:
            stack.enter_context(site.process("serve", "--no-worker", LEASEHUB_PORT=address.rpartition(":")[2]))
        for address in addresses:
            await answered(address, "/health/live", 200, site)
            await answered(address, "/health/ready", 503, site)
        # Slow enough that a worker can be killed while it waits for answers.
        slow = {"operation": "pull", "fault": "slow", "times": None, "seconds": 0.5}
        async with httpx.AsyncClient(base_url=vendors, timeout=120) as control:
            assert (await control.post("/credit_bureau/_sandbox/faults", json={"faults": [slow]})).is_success
        checks = await _ask_for_checks(doors)
        workers = [stack.enter_context(site.process("work")) for _ in range(2)]
        for address in addresses:
            await answered(address, "/health/ready", 200, site)
        await until(lambda: _workers(site) == len(workers), f"both workers are known: {site.said()[-3000:]}")
        await until(lambda: bool(_doing(site)), "somebody works")
        workers[0].send_signal(signal.SIGKILL)
        await until(lambda: _reported(site) == len(checks), f"every check is reported: {site.said()[-3000:]}")
    assert len(_pulls(Path(books))) == len(set(_pulls(Path(books)))) == len(checks)
    assert site.ask("select id from provider_call where state not in ('ok', 'not_executed') and effect <> 'read'") == []
    assert site.ask("select count(*), count(distinct number) from application") == [(APPLICANTS, APPLICANTS)]


def _doing(site: Site) -> list[tuple[object, ...]]:
    return site.ask("select id from provider_call where state = 'intent'")


def _workers(site: Site) -> int:
    [(number,)] = site.ask("select count(*) from procrastinate_workers")
    assert isinstance(number, int)
    return number


def _reported(site: Site) -> int:
    [(number,)] = site.ask("select count(*) from credit_check where state = 'reported'")
    assert isinstance(number, int)
    return number


def _pulls(books: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{books / 'credit_bureau.sqlite3'}?mode=ro", uri=True)) as connection:
        return [key for (key,) in connection.execute("select key from kept_answer")]


async def _ask_for_checks(doors: Doors) -> list[str]:
    """Applications from the first word to the bureau, each step at whichever process has its turn."""
    branch = (await doors.ask("GET", "/branches"))[0]["id"]  # type: ignore[index]
    product = await doors.post("/products", {"code": "DIRECT-A", "name": "直租", "terms": TERMS})
    await doors.post(f"/product-versions/{product['id']}/publication")
    return list(await asyncio.gather(*(_one(doors, branch, product["id"]) for _ in range(APPLICANTS))))


async def _one(doors: Doors, branch: str, version: str) -> str:
    who = somebody()
    person = {"branch_id": branch, "name": who.name, "document_number": who.identity, "phone": who.phone}
    party = (await doors.post("/parties/persons", person))["id"]
    await doors.post(f"/parties/{party}/employments", {"employer": "北方机床厂", "monthly_income": "18000.00"})
    consent = {"purpose": "credit_check", "text_version": "2026-1", "method": "signature"}
    await doors.post(f"/parties/{party}/consents", consent)
    wish = {
        "product_version_id": version,
        "branch_id": branch,
        "car_model": "轩逸",
        "car_price": "128000.00",
        "fees": [],
        "down_payment": "25600.00",
        "deposit": "6400.00",
        "service_fee": "1500.00",
        "term_months": 12,
        "annual_rate": "0.1188",
        "starts_on": business_date(SystemClock()).isoformat(),
    }
    quote = (await doors.post("/quotes", wish))["id"]
    application = (await doors.post("/applications", {"party_id": party, "quote_id": quote, "vin": who.vin}))["id"]
    for kind in MATERIALS:
        file = {"file": (f"{kind}.pdf", b"%PDF-1.7", "application/pdf")}
        await doors.ask("PUT", f"/applications/{application}/materials/{kind}", files=file)
    await doors.post(f"/applications/{application}/submit")
    return (await doors.post("/credit/checks", {"application_id": application}))["id"]
