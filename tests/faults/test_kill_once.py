"""The API killed between an effect and its answer: the same request again gets the answer, and there is one effect."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql

from hub.infra import migrate, staff
from hub.infra.access import Role, system
from hub.infra.clock import Ids, SystemClock
from hub.infra.database import Database, make_engine
from hub.infra.idempotency import HEADER
from hub.infra.jobs import ProcrastinateJobs
from hub.infra.records import BranchKind
from hub.infra.vault import KeyVault
from tests.outgoing.receiving import receiving

ROOT = Path(__file__).parents[2]


@pytest.fixture
def own_url(server_url: Callable[[str], str], worker_name: str) -> Iterator[str]:
    name = sql.Identifier(f"once_{worker_name}")
    with psycopg.connect(server_url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(name))
        yield server_url(f"once_{worker_name}")
        connection.execute(sql.SQL("drop database {} with (force)").format(name))


async def _administrator(url: str, keyring: Path) -> tuple[str, str]:
    """The branch and the token of somebody who may do everything."""
    clock = SystemClock()
    jobs = ProcrastinateJobs(url)
    await jobs.open()
    database = Database(
        engine=make_engine(url, pool_size=1), clock=clock, ids=Ids(clock), vault=KeyVault.at(keyring), jobs=jobs
    )
    async with database.transaction(system("test")) as tx:
        branch = await staff.add_branch(tx, code="top", name="Top", kind=BranchKind.HEADQUARTERS)
        admin = await staff.add_staff(
            tx,
            login="admin",
            display_name="Admin",
            branch_id=branch,
            roles={Role.ADMINISTRATOR},
            password="a long-enough passphrase, 42",
        )
        token = await staff.issue_token(tx, staff_id=admin, name="test", valid_days=9)
    await database.close()
    await jobs.close()
    return str(branch), token


class Server:
    """`hub serve` on a port of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"http://127.0.0.1:{probe.getsockname()[1]}"
        self._environment = os.environ | {
            "DATABASE_URL": url,
            "LEASEHUB_CONFIG": str(folder / "hub.toml"),
            "LEASEHUB_DATA_DIR": str(folder),
            "LEASEHUB_PORT": self.address.rsplit(":", 1)[1],
        }
        (folder / "hub.toml").touch()  # no providers
        self._said = folder / "said"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, crash_at: str = "") -> None:
        """Serve until killed, and wait until it does."""
        with self._said.open("ab") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hub", "serve"],
                env=self._environment | {"LEASEHUB_CRASH_AT": crash_at},
                cwd=ROOT,
                stdout=said,
                stderr=said,
            )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if httpx.get(f"{self.address}/health/live").is_success:
                    return
            except httpx.HTTPError:
                time.sleep(0.1)
        raise AssertionError(self._said.read_text()[-4000:])

    def killed(self) -> bool:
        """Whether it has died as by kill -9."""
        assert self._process is not None
        return self._process.wait(timeout=120) == -signal.SIGKILL

    def stop(self) -> None:
        """Kill it, if it still runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@pytest.mark.parametrize(("crash_at", "done"), [("once.before_commit", 0), ("once.after_commit", 1)])
def test_a_kill_between_effect_and_answer(own_url: str, tmp_path: Path, crash_at: str, done: int) -> None:
    migrate.upgrade(own_url)
    branch, token = asyncio.run(_administrator(own_url, tmp_path / "keyring.json"))
    headers = {"authorization": f"Bearer {token}", HEADER: "once and only once"}
    body = {"branch_id": branch, "name": "王芳", "phone": "13711112222", "source": "walk_in"}
    server = Server(tmp_path, own_url)
    leads = f"{server.address}/api/v1/leads"
    try:
        server.start(crash_at)
        with pytest.raises(httpx.HTTPError):
            httpx.post(leads, json=body, headers=headers, timeout=120)
        assert server.killed()
        assert _count(own_url) == (done, done)
        server.start()
        first = httpx.post(leads, json=body, headers=headers, timeout=120)
        again = httpx.post(leads, json=body, headers=headers, timeout=120)
    finally:
        server.stop()
    assert (first.status_code, again.content) == (201, first.content)
    assert first.headers.get("idempotent-replayed") == ("true" if done else None)
    assert _count(own_url) == (1, 1)


async def test_a_kill_between_a_message_and_its_record(own_url: str, tmp_path: Path) -> None:
    """The receiver has it, we have not written so: after the restart it comes once more under the same id, and is done."""
    await asyncio.to_thread(migrate.upgrade, own_url)
    _, token = await _administrator(own_url, tmp_path / "keyring.json")
    server = Server(tmp_path, own_url)
    (tmp_path / "hub.toml").write_text('[webhooks]\nallow_hosts = ["127.0.0.1"]\n')
    async with (
        receiving() as receiver,
        httpx.AsyncClient(base_url=f"{server.address}/api/v1/webhooks", timeout=60) as client,
    ):
        client.headers["authorization"] = f"Bearer {token}"
        try:
            await asyncio.to_thread(server.start, "outgoing.before_record")
            wanted = {"url": receiver.url, "event_types": ["charge.succeeded"], "description": "the books"}
            made = (await client.post("/subscriptions", json=wanted)).raise_for_status().json()
            with suppress(httpx.TransportError):  # it may be killed before it has answered
                await client.post(f"/subscriptions/{made['id']}/test")
            assert await asyncio.to_thread(server.killed)
            assert len(receiver.came) == 1
            _a_minute_passes(own_url)
            await asyncio.to_thread(server.start)
            deadline = time.monotonic() + 120
            while _dispatched(own_url) != [("delivered",)]:
                assert time.monotonic() < deadline, _dispatched(own_url)
                await asyncio.sleep(0.1)
        finally:
            server.stop()
    assert len(receiver.came) == 2
    assert len({headers["webhook-id"] for headers, _ in receiver.came}) == 1


def _a_minute_passes(url: str) -> None:
    """For whoever was killed with a subscription in hand: it is held for a minute."""
    with psycopg.connect(url) as connection:
        connection.execute("update webhook_subscription set served_until = served_until - interval '1 minute'")


def _dispatched(url: str) -> list[tuple[str]]:
    with psycopg.connect(url) as connection:
        return connection.execute("select state from webhook_dispatch").fetchall()


def _count(url: str) -> tuple[int, int]:
    with psycopg.connect(url) as connection:
        row = connection.execute("select (select count(*) from lead), (select count(*) from kept_answer)").fetchone()
    assert row is not None
    return row[0], row[1]
