"""The demo killed as by a power cut and started again, at chosen places and at any moment: it ends as if nothing had been.

The hub runs in a process of its own, and its stand-in vendors in another. What both have written down is compared with
a run that nobody disturbed.
"""

from __future__ import annotations

import csv
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from hub.commands.proof import Movement, VendorBooks
from tests.faults.invariants import found as violations_found

ROOT = Path(__file__).parents[2]
APPLIED_ON, UNTIL = date(2025, 3, 3), date(2025, 6, 20)
CONDUCTS = {
    "pays_on_time": 2,
    "pays_late_once": 1,
    "promises_then_pays": 1,
    "unknown_once": 1,
    "settles_early": 1,
    "stops_paying": 1,
    "weak_credit": 1,
}
# In the order of the story; each is reached by somebody of the file.
PLACES = (
    "credit.before_record",
    "signatures.before_record_envelope",
    "signatures.before_record_signed",
    "executor.before_send",
    "executor.after_send",
    "inbox.before_write",
    "servicing.before_night_commit",
    "dispatch.before_record",
    "reconcile.after_query",
    "reconcile.before_send_again",
    "reconcile.after_send_again",
)
_CONFIGURATION = (ROOT / "examples/hub.toml").read_text()


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """One demo company: a database, a folder, and two ports of its own."""

    folder: Path
    url: str

    @classmethod
    def founded(cls, folder: Path, url: str) -> Company:
        """With the file of applications and a configuration in its folder."""
        folder.mkdir()
        made = cls(folder=folder, url=url)
        (folder / "applications.csv").write_text(_eight_applicants(), encoding="utf-8")
        ports = [_free_port(), _free_port()]
        (folder / "ports").write_text(" ".join(map(str, ports)))
        (folder / "hub.toml").write_text(_CONFIGURATION.replace(":8800", f":{ports[1]}"))
        return made

    def start(self, crash_at: str = "") -> subprocess.Popen[str]:
        """Begin the demo, or go on with it."""
        port, sandbox_port = (self.folder / "ports").read_text().split()
        _wait_until_free(int(sandbox_port))
        own = {
            "DATABASE_URL": self.url,
            "LEASEHUB_CONFIG": str(self.folder / "hub.toml"),
            "LEASEHUB_DATA_DIR": str(self.folder / "var"),
            "LEASEHUB_PORT": port,
            "LEASEHUB_SANDBOX_PORT": sandbox_port,
            "LEASEHUB_CRASH_AT": crash_at,
        }
        file = str(self.folder / "applications.csv")
        command = [sys.executable, "-m", "hub", "demo", file, "--until", UNTIL.isoformat()]
        with (self.folder / "said").open("a") as said:
            return subprocess.Popen(command, env=os.environ | own, cwd=ROOT, stdout=said, stderr=said, text=True)

    def play_to_the_end(self) -> None:
        """Run it until it ends by itself, as it must."""
        assert self.start().wait(timeout=300) == 0, (self.folder / "said").read_text()[-4000:]

    def play_until_killed(self, crash_at: str) -> bool:
        """Run it to the named place, where it dies; one that does not come there has ended, and gives False."""
        ended = self.start(crash_at).wait(timeout=300)
        assert ended in (0, -signal.SIGKILL)
        return ended != 0

    def play_and_kill(self, done: Callable[[], bool]) -> None:
        """Run it until something has come about, and kill it there and then."""
        process = self.start()
        while process.poll() is None and not done():
            time.sleep(0.05)
        process.kill()
        process.wait()

    # What is written down

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """Rows of the hub's own books."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode()).fetchall()

    def calls(self) -> int:
        """How many calls to providers have been recorded."""
        [(number,)] = self.ask("select count(*) from provider_call")
        assert isinstance(number, int)
        return number

    def vendors_charges(self) -> list[tuple[str, str, str, int]]:
        """Key, kind, day and amount of whatever the payment vendor has moved, by its own books."""
        books = self.folder / "var/sandbox/payments.sqlite3"
        with closing(sqlite3.connect(f"file:{books}?mode=ro", uri=True)) as connection:
            return connection.execute(
                "select key, kind, due_on, amount_minor from movement where status = 'settled'"
            ).fetchall()

    def outcome(self) -> dict[str, object]:
        """What the demo has come to, without the ids and numbers that differ from run to run."""
        states = {
            table: self.ask(f"select state, count(*) from {table} group by 1 order by 1")
            for table in ("application", "contract", "lease_account", "instalment", "mandate", "envelope")
        }
        return states | {
            "steps": self.ask("select reference, step, refusal from demo_applicant order by 1"),
            "books": self.ask("select account_code, sum(amount) from line group by 1 order by 1"),
            "receipts": self.ask(
                "select received_on, amount, suspense_amount, count(*) from receipt group by 1, 2, 3 order by 1, 2"
            ),
            "vehicles": self.ask("select vin, status, title_holder from vehicle order by 1"),
            "vendor": Counter((kind, day, minor) for _, kind, day, minor in self.vendors_charges()),
        }

    def check(self) -> None:
        """The books are sound, nothing is open, and the vendor was paid for each thing once."""
        assert self.ask("select entry_id, sum(amount) from line group by 1 having sum(amount) <> 0") == []
        assert self.ask("select id from provider_call where state in ('unknown', 'intent') and effect <> 'read'") == []
        assert self.ask("select id from webhook_inbox where state in ('received', 'failed')") == []
        moved = {key: minor for key, _, _, minor in self.vendors_charges()}
        ours = self.ask(
            "select cast(id as text), purpose || subject_id, cast(amount * 100 as bigint) from charge"
            " where state = 'succeeded' union all select cast(id as text), purpose || subject_id,"
            " cast(amount * 100 as bigint) from payout where state = 'succeeded'"
        )
        assert {key: minor for key, _, minor in ours} == moved
        [(held,)] = self.ask("select coalesce(sum(amount) * 100, 0)::bigint from line where instance = 'psp_main'")
        signs = {"charge": 1, "payout": -1, "refund": -1}
        assert held == sum(signs[kind] * minor for _, kind, _, minor in self.vendors_charges())
        assert (
            violations_found(
                self.url, datetime.combine(UNTIL, time_of_day(12), UTC), {"psp_main": self.vendors_books()}
            )
            == []
        )

    def vendors_books(self) -> VendorBooks:
        """The payment vendor's own file, as the invariants want it."""
        with closing(sqlite3.connect(f"file:{self.folder}/var/sandbox/payments.sqlite3?mode=ro", uri=True)) as books:
            moved = books.execute("select key, kind, status, amount_minor, settled_at from movement").fetchall()
            told = books.execute("select event_id from callback where state = 'delivered'").fetchall()
        return VendorBooks(movements=[Movement(*row) for row in moved], delivered=[event_id for (event_id,) in told])


def _eight_applicants() -> str:
    """Eight lines of the example, one of each conduct and two of the usual, who all apply on one day for a short term."""
    wanted = Counter(CONDUCTS)
    with (ROOT / "examples/applications.csv").open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        names = list(reader.fieldnames or ())
        lines = [",".join(names)]
        for row in reader:
            if wanted[row["conduct"]]:
                wanted[row["conduct"]] -= 1
                row |= {"applied_on": APPLIED_ON.isoformat(), "term_months": "6"}
                lines.append(",".join(row[name] for name in names))
    assert len(lines) == 9
    return "\n".join(lines) + "\n"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_free(port: int) -> None:
    """The vendors of a killed run go by themselves, a moment later."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"somebody still listens on {port}")


Found = Callable[[str], Company]


@pytest.fixture(scope="module")
def found(
    database_url: str,
    server_url: Callable[[str], str],
    worker_name: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Found]:
    """Founds companies, each on a migrated database of its own."""
    made: list[str] = []

    def company(name: str) -> Company:
        made.append(f"kill_{worker_name}_{name}")
        with psycopg.connect(server_url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(made[-1])))
        return Company.founded(tmp_path_factory.mktemp("kill") / name, server_url(made[-1]))

    yield company
    with psycopg.connect(server_url("postgres"), autocommit=True) as connection:
        for name in made:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def undisturbed(found: Found) -> dict[str, object]:
    """What the demo comes to when nobody disturbs it."""
    company = found("undisturbed")
    company.play_to_the_end()
    company.check()
    return company.outcome()


@pytest.mark.long
def test_three_kills_change_nothing(found: Found, undisturbed: dict[str, object]) -> None:
    """Between the send of a call and its end, before an answer is written down, and somewhere."""
    company = found("killed")
    assert company.play_until_killed("executor.after_send")
    company.play_and_kill(lambda: company.calls() > 40)
    assert company.play_until_killed("dispatch.before_record")
    company.play_to_the_end()
    company.check()
    assert company.outcome() == undisturbed


@pytest.mark.soak
def test_a_kill_at_every_place_changes_nothing(found: Found, undisturbed: dict[str, object]) -> None:
    company = found("every_place")
    for place in PLACES:
        company.play_until_killed(place)
    company.play_to_the_end()
    company.check()
    assert company.outcome() == undisturbed


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(5))
def test_kills_at_any_moment_change_nothing(found: Found, undisturbed: dict[str, object], seed: int) -> None:
    company, chance = found(f"any_moment_{seed}"), random.Random(seed)
    for _ in range(6):
        at = datetime.now(UTC).timestamp() + chance.uniform(3, 20)
        company.play_and_kill(lambda at=at: datetime.now(UTC).timestamp() > at)  # type: ignore[misc]
    company.play_to_the_end()
    company.check()
    assert company.outcome() == undisturbed
