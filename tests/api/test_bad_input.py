"""Bad input at every door: never a failure of ours, always the one shape of error, and nothing half done."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from hub.api.app import LARGEST_BODY
from hub.leasing.applications.rules import LARGEST_FILE_BYTES
from tests.api.bodies import bad_bodies, good_body
from tests.api.routes import Door, description, doors
from tests.api.rows import Rows
from tests.stories.world import World

DOORS = doors()
WITH_BODY = [door for door in DOORS if door.body is not None]
# A refused log-in is counted on purpose.
CHANGED_BY_REFUSALS = {"login_attempt"}


class Snapshot:
    """A digest of every table: a changed, added or lost row changes it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._query = ""

    async def take(self) -> dict[str, str]:
        async with self._world.transaction() as tx:
            if not self._query:
                names = await tx.scalars(text("select tablename from pg_tables where schemaname = 'public'"))
                self._query = " union all ".join(map(_digest, sorted(set(names) - CHANGED_BY_REFUSALS)))
            return dict((await tx.execute(text(self._query))).all())


def _digest(table: str) -> str:
    return (
        f"select '{table}', count(*) || ':' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)"
        f' from "{table}" t'
    )


@pytest.fixture(scope="module")
async def admin(world: World, rows: Rows) -> httpx.AsyncClient:
    """Somebody who may do everything, so that nothing but the input can be refused."""
    return world.people["admin"].http


@pytest.fixture(scope="module")
async def snapshot(world: World, rows: Rows) -> Snapshot:
    return Snapshot(world)


def problem(answer: httpx.Response, field: str = "") -> str:
    """What is wrong with the answer to a bad request; nothing when nothing is."""
    if answer.status_code >= 500:
        return f"{answer.status_code}"
    if answer.is_success:
        return ""
    try:
        error = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code}: another shape: {answer.text[:200]}"
    texts = ["code", "message"] + (["field", "reason"] if answer.status_code in (400, 413, 415, 422) else [])
    if missing := [name for name in texts if not isinstance(error.get(name), str)]:
        return f"{answer.status_code}: without {missing}: {error}"
    if field and error["field"] != field:
        return f"{answer.status_code}: names {error['field']} and not {field}"
    return ""


@pytest.mark.parametrize("door", WITH_BODY, ids=str)
async def test_bad_fields_are_refused(admin: httpx.AsyncClient, rows: Rows, snapshot: Snapshot, door: Door) -> None:
    found, before = [], await snapshot.take()
    path = door.path.format(**rows)
    for bad in bad_bodies(door, good_body(door, rows)):
        content = json.dumps(
            bad.body
        ).encode()  # what JSON itself can say, lone surrogates and endless numbers included
        answer = await admin.request(door.method, path, content=content, headers=JSON)
        wrong = problem(answer, bad.field)
        if wrong or (bad.must and answer.is_success):
            found.append((bad.what, wrong or f"taken: {answer.status_code} {answer.text[:100]}"))
        if answer.is_success:
            before = await snapshot.take()
    assert found == []
    assert await snapshot.take() == before


JSON = {"content-type": "application/json"}


def _no_json(good: bytes) -> Iterator[tuple[str, bytes, dict[str, str]]]:
    yield "nothing", b"", JSON
    yield "broken off", good[:-1], JSON
    yield "a list", b"[" + good + b"]", JSON
    yield "not UTF-8", good.replace(b":", b':"\xff\xfe",', 1), JSON
    yield "deep", b'{"a":' * 20_000 + b"1" + b"}" * 20_000, JSON
    yield "plain text", good, {"content-type": "text/plain"}
    yield "a file", good, {"content-type": "multipart/form-data; boundary=x"}


def _odder(good: bytes) -> Iterator[tuple[str, bytes, dict[str, str]]]:
    yield "null", b"null", JSON
    yield "UTF-16 without a mark", good.decode().encode("utf-16-le")[1:], JSON
    yield "deep list", b"[" * 100_000 + b"]" * 100_000, JSON
    yield "endless number", b'{"a": ' + b"9" * 10_000 + b"}", JSON
    yield "endless text", b'{"a": "' + b"9" * 1_000_000 + b'"}', JSON
    yield "many fields", json.dumps({f"field {number}": number for number in range(10_000)}).encode(), JSON
    yield "a form", b"a=1&b=2", {"content-type": "application/x-www-form-urlencoded"}
    yield "a file without boundary", good, {"content-type": "multipart/form-data"}


@pytest.mark.parametrize("door", WITH_BODY, ids=str)
async def test_what_is_no_json_is_refused(admin: httpx.AsyncClient, rows: Rows, snapshot: Snapshot, door: Door) -> None:
    found, before = [], await snapshot.take()
    good, path = json.dumps(good_body(door, rows)).encode(), door.path.format(**rows)
    odder = _odder(good) if door.path.endswith("/leads") else ()
    for what, content, headers in (*_no_json(good), *odder):
        answer = await admin.request(door.method, path, content=content, headers=headers)
        wrong = problem(answer)
        if wrong or answer.is_success or len(answer.content) > 20_000:
            found.append((what, wrong or f"{answer.status_code}, {len(answer.content)} bytes"))
    assert found == []
    assert await snapshot.take() == before


UPLOAD = "/api/v1/applications/{application_id}/materials/income_proof"
IN_PARTS = {"content-type": "multipart/form-data; boundary=x"}
PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF-'


@pytest.mark.parametrize(
    ("method", "path", "headers", "start"),
    [
        ("PUT", UPLOAD, IN_PARTS, PART),
        ("POST", "/api/v1/leads", JSON, b'{"name": "'),
        ("POST", "/webhooks/x", JSON, b""),
    ],
    ids=["upload", "body", "callback"],
)
async def test_a_body_beyond_the_limit_is_refused(
    admin: httpx.AsyncClient, rows: Rows, method: str, path: str, headers: dict[str, str], start: bytes
) -> None:
    path = path.format(**rows)
    whole = await admin.request(method, path, content=start + b"x" * LARGEST_BODY * 2, headers=headers)
    assert (whole.status_code, problem(whole)) == (413, "")

    async def in_pieces() -> AsyncIterator[bytes]:
        yield start
        for _ in range(LARGEST_BODY // 2**20 + 2):
            yield b" " * 2**20

    streamed = await admin.request(method, path, content=in_pieces(), headers=headers)
    assert (streamed.status_code, problem(streamed)) == (413, "")


@pytest.mark.parametrize(
    ("name", "filename", "content"),
    [
        ("file", "a.pdf", b""),
        ("file", "a.pdf", b"no pdf at all"),
        ("file", "a.pdf", b"%PDF-" + b"x" * LARGEST_FILE_BYTES),
        ("file", "a\x00\r\n.exe", b"MZ"),
        ("paper", "a.pdf", b"%PDF-1.7"),
    ],
    ids=["empty", "no pdf", "too large", "a program", "another name"],
)
async def test_a_bad_file_is_refused(
    admin: httpx.AsyncClient, rows: Rows, snapshot: Snapshot, name: str, filename: str, content: bytes
) -> None:
    before = await snapshot.take()
    answer = await admin.put(UPLOAD.format(**rows), files={name: (filename, content, "application/pdf")})
    assert (answer.status_code, problem(answer, "file")) == (422, "")
    assert await snapshot.take() == before


@pytest.mark.parametrize("door", [door for door in DOORS if door.ids], ids=str)
async def test_bad_ids_are_refused(admin: httpx.AsyncClient, rows: Rows, door: Door) -> None:
    found = []
    for name in door.ids:
        for value in ("not-a-uuid", "a%00b", "%ff%fe", "x" * 3000, "..%2fetc"):
            answer = await admin.request(door.method, door.path.format(**{**rows, name: value}))
            wrong = problem(answer) if not door.path.startswith("/webhooks") else answer.status_code >= 500
            if wrong or answer.is_success:
                found.append((name, value, wrong or f"taken: {answer.status_code}"))
    assert found == []


QUERIES: dict[str, tuple[str, ...]] = {
    "after": ("not-a-uuid", "%00", "", "ffffffff-ffff-ffff-ffff-fffffffffffff"),
    "limit": ("0", "-1", "201", "9999999999999999999999", "1.5", "%00", "many"),
    "state": ("nonsense", "%00", "a%00b"),
    "status": ("nonsense", "%00"),
    "kind": ("nonsense", "%00"),
    "whose": ("nonsense", "%00"),
    "signed": ("maybe",),
    "as_of": ("yesterday", "2026-02-30", "%00"),
    "application_id": ("not-a-uuid",),
    "subscription_id": ("not-a-uuid", "%00"),
    "contract_id": ("not-a-uuid", "%00"),
    "lease_id": ("not-a-uuid", "%00"),
}
# Words that are looked for as they are: they find nothing, or are refused, and break nothing.
ODD_QUERIES = {
    "instance": ("%00", "a%00b", "%ff", "x" * 3000),
    "operation": ("%00", "x" * 3000),
    "subject": ("%00", "x" * 3000),
    "subject_id": ("%00", "x" * 3000),
    "head": ("%00", "x" * 3000),
    "as_of": ("0001-01-01", "9999-12-31"),
}


@pytest.mark.parametrize("door", [door for door in DOORS if door.method == "GET" and door.permission], ids=str)
async def test_bad_queries_are_refused(world: World, admin: httpx.AsyncClient, rows: Rows, door: Door) -> None:
    operation = description()["paths"][door.path]["get"]
    known = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
    assert known <= {*QUERIES, *ODD_QUERIES}, "a query parameter that this test does not know"
    found = []
    for queries, must in ((QUERIES, True), (ODD_QUERIES, False)):
        for name in known & set(queries):
            for value in queries[name]:
                answer = await admin.get(f"{door.path.format(**rows)}?{name}={value}")
                wrong = problem(answer)
                if wrong or (must and answer.is_success):
                    found.append((name, value, wrong or f"taken: {answer.status_code}"))
    assert found == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nowhere", 404),
        ("DELETE", "/api/v1/leads", 405),
        ("PATCH", "/api/v1/leads", 405),
        ("BREW", "/api/v1/leads", 405),
        ("GET", "/api/v1/leads/", 404),
        ("GET", "/api/v1/%00", 404),
        ("GET", "/api/v1/%2e%2e/%2e%2e/etc/passwd", 404),
    ],
)
async def test_what_is_not_there_is_said_in_the_same_shape(
    admin: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await admin.request(method, path)
    assert (answer.status_code, problem(answer)) == (status, "")


async def test_an_error_repeats_no_personal_data(admin: httpx.AsyncClient, rows: Rows) -> None:
    body: dict[str, Any] = {
        "branch_id": rows["branch_id"],
        "name": "x",
        "phone": "13812345678",
        "source": "13812345678",
    }
    answer = await admin.post("/api/v1/leads", json=body | {"13812345678": "13812345678"})
    assert answer.status_code == 422
    assert "13812345678" not in answer.text
