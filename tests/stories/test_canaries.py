"""A whole lease with faults, read through for what nobody may read: names, numbers, addresses, and every secret.

Whatever is written down on the way is looked through in every spelling that a store may give it: log lines at their
most talkative, traces, metrics, answers to bad requests, every table as `pg_dump` gives it (call records, inbox, job
arguments, audit trail among them), the server's own files with its write-ahead log, the store of papers, and every
list as CSV for somebody who may not see personal data in the clear.

Plain by decision, and so no canary: what names a thing and not a person (VIN, contract number, model of a car, code of
a bank, the last four digits of an account), what an employee is called, and the name of a company that is a channel.
"""

from __future__ import annotations

import base64
import io
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from hub.api.app import PREFIX
from hub.console.app import DESKS
from hub.infra import migrate, tracing
from hub.infra.embedded_postgres import EmbeddedPostgres
from hub.infra.keyring import load_keyring
from tests.console.conftest import enter
from tests.stories.company import company_at_work
from tests.stories.lease import Lease, Lessee, open_product, somebody
from tests.stories.payees import name_payees
from tests.stories.world import PASSWORD, World

PERSON = {
    "name": "司马牧之",
    "second_phone": "13900017391",
    "address": "云梦泽巷七百三十九号",
    "email": "muzhi739@yunmengze.example",
    "employer": "云梦泽水文站",
    "lead_name": "上官拂晓",
    "lead_phone": "13700028462",
    "company": "涂山琉璃有限公司",
    "company_code": "91110108551385082Q",
    "company_phone": "13600035573",
    "company_email": "office573@tushan.example",
}
VENDOR_SECRETS = {"api_key": "sandbox-api-key", "webhook_secret": "sandbox-webhook-secret"}


@dataclass
class Canaries:
    """What must be nowhere, by what it is called; and every place that was looked through."""

    words: dict[str, str] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)
    looked: dict[str, int] = field(default_factory=dict)

    def spellings(self) -> Iterator[tuple[str, bytes]]:
        """Each as it is, as JSON escapes it, and as a dump writes bytes."""
        for name, word in self.words.items():
            plain = word.encode()
            yield name, plain
            yield name, plain.hex().encode()
            if not word.isascii():
                yield name, json.dumps(word)[1:-1].encode()

    def look(self, place: str, content: str | bytes) -> None:
        """Look through one place."""
        content = content.encode(errors="replace") if isinstance(content, str) else content
        self.looked[place] = self.looked.get(place, 0) + len(content)
        for name, spelling in self.spellings():
            if (at := content.find(spelling)) >= 0:
                near = content[max(at - 60, 0) : at].decode(errors="replace")
                self.found.append(f"{name} in {place}, after {near!r}")

    def look_in_folder(self, place: str, folder: Path) -> None:
        """Look through every file below a folder."""
        for file in sorted(folder.rglob("*")):
            if file.is_file() and not file.is_symlink():
                self.look(f"{place}/{file.relative_to(folder)}", file.read_bytes())


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    folder = Path(tempfile.mkdtemp(prefix="leasehub-canary-"))
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder / "pg", durable=False, shared_buffers="32MB")
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    tracing.send_through(SimpleSpanProcessor(exporter))
    yield exporter
    tracing.stop()


@pytest.fixture(scope="module")
async def world(
    server: EmbeddedPostgres, said: io.StringIO, spans: InMemorySpanExporter, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    url = server.start("canary")
    migrate.upgrade(url)
    async with company_at_work(url, lambda: None, tmp_path_factory.mktemp("canary")) as world:
        yield world


async def _faults(lease: Lease) -> None:
    """Three rents, each debited through another fault of the vendor."""
    for number, fault in enumerate(("connection_drop_after", "garbage_body", "http_500_after"), start=1):
        await lease.world.control("payments", "faults", faults=[{"operation": "collect", "fault": fault, "times": 1}])
        await lease.world.live_through(await lease.due_on(number))
        await lease.world.wait(timedelta(minutes=10))
    await lease.world.live_through(await lease.due_on(3) + timedelta(days=9))


async def _more_of_them(lease: Lease) -> None:
    """What a lease does not need, and the office writes down all the same."""
    sales, party = lease.by("sales"), lease.party
    await sales.post(f"/parties/{party}/phones", {"kind": "home", "phone": PERSON["second_phone"]})
    await sales.post(f"/parties/{party}/addresses", {"kind": "home", "text": PERSON["address"]})
    await sales.post(f"/parties/{party}/employments", {"employer": PERSON["employer"], "monthly_income": "18000.00"})
    branch = lease.world.branches["north"]
    lead = {"branch_id": branch, "name": PERSON["lead_name"], "phone": PERSON["lead_phone"], "source": "walk_in"}
    await sales.post("/leads", lead)
    company = {"branch_id": branch, "name": PERSON["company"], "company_code": PERSON["company_code"]}
    await sales.post(
        "/parties/companies", company | {"phone": PERSON["company_phone"], "email": PERSON["company_email"]}
    )
    await lease.by("collector").post("/parties/search", {"phone": lease.lessee.phone})
    await lease.by("admin").post(f"/parties/{party}/reveal", {"purpose": "service"})


async def _errors(lease: Lease, canaries: Canaries) -> None:
    """Whatever is wrong with a request, it has personal data in it, and its answer has none."""
    who, sales, branch = lease.lessee, lease.by("sales"), lease.world.branches["north"]
    good = {"branch_id": branch, "name": who.name, "document_number": who.identity, "phone": who.phone}
    wrong = [
        good | {"document_number": who.identity[:-1] + ("1" if who.identity[-1] != "1" else "2")},
        good | {"phone": f"{who.phone}0000"},
        good | {"name": f"{who.name}\x00"},
        good | {"branch_id": who.phone},
        good | {who.phone: who.name},
        good,  # known already
    ]
    for body in wrong:
        answer = await sales.ask("POST", "/parties/persons", body)
        assert answer.status_code >= 400, answer.text
        canaries.look("error bodies", answer.text)
    broken = await sales.http.post(f"{PREFIX}/parties/persons", content=json.dumps(good)[:-1])
    canaries.look("error bodies", broken.text)
    for path in (f"/{who.phone}", f"/parties/{who.identity}", f"/parties?limit={who.phone}"):
        canaries.look("error bodies", (await sales.ask("GET", path)).text)

    def gone_wrong(point: str) -> None:
        if point == "commit":
            raise RuntimeError(f"while {who.phone} {who.identity} was written down with {PASSWORD}")

    database = lease.world.hub.house.database
    database.fault, before = gone_wrong, database.fault
    answer = await sales.ask(
        "POST", "/leads", {"branch_id": branch, "name": who.name, "phone": who.phone, "source": "walk_in"}
    )
    database.fault = before
    assert answer.status_code == 500
    canaries.look("error bodies", answer.text)


async def _lists(world: World, canaries: Canaries) -> int:
    """Every list of the console as CSV, for somebody who may not see anything in the clear."""
    reader = await enter(world, "collector")
    canaries.words["session cookie"] = max((cookie.value or "" for cookie in reader.http.cookies.jar), key=len)
    seen = 0
    for route in (route for desk in DESKS for route in desk.routes):
        path: str = getattr(route, "path", "")
        if path.endswith(".csv"):
            answer = await reader.http.get(path)
            seen += answer.status_code == 200
            canaries.look(f"CSV {path}", answer.text)
    await reader.http.aclose()
    return seen


def _everybody(world: World, lease: Lease, server: EmbeddedPostgres) -> Canaries:
    who = lease.lessee
    ring = load_keyring(world.hub.house.settings.keyring)
    keys = {f"data key {key_id}": base64.b64encode(key).decode() for key_id, key in ring.data_keys.items()}
    words = {"name": who.name, "identity": who.identity, "phone": who.phone, "account": who.account}
    tokens = {f"token of {one.login}": one.http.headers["authorization"].split()[1] for one in world.people.values()}
    secrets = {"password": PASSWORD, "index key": base64.b64encode(ring.index_key).decode(), **VENDOR_SECRETS}
    secrets["database password"] = unquote(urlsplit(server.url("canary")).password or "")
    return Canaries(words | PERSON | tokens | keys | secrets)


@pytest.mark.long
async def test_nobody_can_read_it_anywhere(
    world: World, server: EmbeddedPostgres, said: io.StringIO, spans: InMemorySpanExporter
) -> None:
    usual = somebody()
    lessee = Lessee(
        name=PERSON["name"], identity=usual.identity, phone=usual.phone, account=usual.account, vin=usual.vin
    )
    lease = Lease(world=world, version=await open_product(world), dealer=await name_payees(world), lessee=lessee)
    canaries = _everybody(world, lease, server)
    subscription = await world.people["admin"].post(
        "/webhooks/subscriptions",
        {"url": f"{world.address}/health/live", "event_types": ["rent.paid"], "description": "x"},
    )
    canaries.words["webhook secret"] = subscription["secret"]
    await lease.run()
    await _more_of_them(lease)
    await _faults(lease)
    await _errors(lease, canaries)
    assert await _lists(world, canaries) > 5
    print(len(canaries.words), "canaries")
    assert len(canaries.words) >= 30
    metrics = await world.people["admin"].http.get("/metrics")
    canaries.look("metrics", metrics.text)
    canaries.look("log", said.getvalue())
    canaries.look("traces", "\n".join(span.to_json() for span in spans.get_finished_spans()))
    canaries.look_in_folder("files", world.hub.house.settings.data_dir / "files")
    _look_in_database(server, canaries)
    # What is plain by decision is found where it must be: so it was looked for in the right places.
    plain = Canaries({"vin": lessee.vin})
    _look_in_database(server, plain)
    assert {place.partition("/")[0] for place in plain.looked if any(f"in {place}," in one for one in plain.found)} == {
        "dump",
        "server",
    }
    assert not canaries.found, "\n".join(canaries.found)
    for place in ("log", "traces", "metrics", "error bodies", "dump"):
        assert canaries.looked[place] > 100, place
    assert any(place.startswith("server/pg_wal/") for place in canaries.looked)
    assert any(place.startswith("files/") for place in canaries.looked)


def _look_in_database(server: EmbeddedPostgres, canaries: Canaries) -> None:
    url = server.url("canary")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("checkpoint")
        tables = connection.execute(
            "select schemaname, tablename from pg_tables where schemaname in ('public', 'jobs')"
        ).fetchall()
        text = io.BytesIO()
        for schema, table in tables:
            with connection.cursor().copy(f'copy "{schema}"."{table}" to stdout'.encode()) as rows:
                for part in rows:
                    text.write(part)
    canaries.look("dump", text.getvalue())
    canaries.look_in_folder("server", server.postmaster.data)


def test_a_leak_is_found_wherever_it_is() -> None:
    """Otherwise a silence would mean nothing."""
    for leak in ("写给司马牧之的信", json.dumps("司马牧之"), "\\x" + "司马牧之".encode().hex()):
        canaries = Canaries({"name": "司马牧之"})
        canaries.look("somewhere", f"…{leak}…")
        assert len(canaries.found) == 1, leak
