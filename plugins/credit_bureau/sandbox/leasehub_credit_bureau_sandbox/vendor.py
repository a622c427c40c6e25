"""The credit bureau: a report on anybody, made up from the digits of their document and always the same, or scripted.

Only a hash of the document number is kept. A hard inquiry leaves a mark that counts in later reports.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from datetime import datetime, timedelta

from hub.core.provider import Capability
from hub.sdk.reading import Fields, JsonObject
from hub.sdk.sandbox.app import app_factory
from hub.sdk.sandbox.books import instant_of, stamp
from hub.sdk.sandbox.outbox import Occurrence
from hub.sdk.sandbox.vendor import Call, Operation, Vendor, effects, reads, unusable

_MODEL = "sandbox-2026"
_VALID_DAYS = 30
_COST_MINOR = {"soft": 200, "hard": 500}
_MANY_MARKS = 5

_SCHEMA = """
create table if not exists inquiry (
    ref text primary key, key text not null unique, person text not null, depth text not null check (depth in ('soft', 'hard')),
    purpose text not null, consent text not null, status text not null check (status in ('in_work', 'ready', 'no_hit')),
    becomes text not null, report text not null, created_at text not null, ready_at text not null,
    webhook_url text not null
) strict;
create index if not exists inquiry_in_work on inquiry (ready_at) where status = 'in_work';
create index if not exists inquiry_person on inquiry (person) where depth = 'hard';
"""


class CreditBureauVendor(Vendor):
    """The credit-bureau stand-in.

    Script: `ready_s` (0): how long a report takes; `cases`: a list of reports by `document`, `document_suffix` or
    `name_suffix`, each with any of `status` (ready, no_hit), `score`, `reasons`, `facts`, `ready_s`.
    """

    capability = Capability.CREDIT_BUREAU
    schema = _SCHEMA

    def operations(self) -> tuple[Operation, ...]:
        """Inquiries for the plugin."""
        return (
            *effects(("pull", "/v1/inquiries", self._pull)),
            *reads(("status", "/v1/inquiries", self._status), ("status", "/v1/inquiries/{ref}", self._status)),
        )

    def advance(self, now: datetime) -> None:
        """Reports become ready."""
        for row in self.books.all(
            "select * from inquiry where status = 'in_work' and ready_at <= :now order by ready_at, ref", now=stamp(now)
        ):
            self._finish(row)

    def ledger(self) -> JsonObject:
        """Inquiries, without whom they were about."""
        inquiries = self.books.dump(
            "select ref, key, depth, purpose, consent, status, created_at from inquiry order by created_at, ref"
        )
        totals = self.books.dump("select depth, status, count(*) as number from inquiry group by 1, 2 order by 1, 2")
        return {"inquiries": inquiries, "totals": totals}

    def _pull(self, call: Call) -> JsonObject:
        body, person = call.body, call.body.inner("person")
        depth = body.text("depth")
        if depth not in _COST_MINOR:
            raise unusable("depth is neither soft nor hard")
        case = self._case(person)
        digest = hashlib.sha256(person.text("document").encode()).hexdigest()
        report = {**made_up_report(digest, self._marks(digest)), **_of(case, "score", "reasons", "facts")}
        wait_s = case.get("ready_s", self.scripted_number("ready_s", 0))
        ready_at = call.now + timedelta(seconds=wait_s if isinstance(wait_s, int) else 0)
        ref = call.new_ref("inq")
        self.books.run(
            "insert into inquiry values (:ref, :key, :person, :depth, :purpose, :consent, 'in_work', :becomes, :report,"
            " :now, :ready_at, :webhook_url)",
            ref=ref,
            key=call.key,
            person=digest,
            depth=depth,
            purpose=body.text("purpose"),
            consent=body.text("consent"),
            becomes="no_hit" if case.get("status") == "no_hit" else "ready",
            report=json.dumps(report),
            now=stamp(call.now),
            ready_at=stamp(ready_at),
            webhook_url=call.webhook_url,
        )
        row = self._row(ref)
        if ready_at <= call.now:
            self._finish(row)
        return _answer(self._row(ref))

    def _case(self, person: Fields) -> JsonObject:
        """The first scripted case that this person falls under."""
        document, name = person.text("document"), person.text("name")
        cases = Fields(self.script(), unusable).each("cases") if "cases" in self.script() else ()
        for case in cases:
            if case.optional_text("document") == document:
                return case.content
            for wanted, value in (("document_suffix", document), ("name_suffix", name)):
                suffix = case.optional_text(wanted)
                if suffix and value.endswith(suffix):
                    return case.content
        return {}

    def _marks(self, person: str) -> int:
        row = self.books.one(
            "select count(*) as marks from inquiry where person = :person and depth = 'hard'", person=person
        )
        return int(row["marks"]) if row else 0

    def _finish(self, row: sqlite3.Row) -> None:
        ref, status = row["ref"], row["becomes"]
        self.books.run("update inquiry set status = :status where ref = :ref", status=status, ref=ref)
        self.outbox.tell(
            Occurrence(type=f"inquiry.{status}", url=row["webhook_url"], ref=ref, key=row["key"], status=status)
        )

    def _row(self, ref: str) -> sqlite3.Row:
        row = self.books.one("select * from inquiry where ref = :ref", ref=ref)
        if row is None:
            raise unusable("the inquiry is gone")
        return row

    def _status(self, call: Call) -> JsonObject:
        return _answer(self.find("select * from inquiry where ref = :ref or key = :key", call, "inquiry"))


create_app = app_factory(CreditBureauVendor)


def made_up_report(digest: str, marks: int) -> JsonObject:
    """A report that follows from the hash of a document number: about one in ten is bad, one in ten doubtful."""
    chance = bytes.fromhex(digest)
    grade = chance[0] % 10
    low, span = {0: (420, 80), 1: (540, 60)}.get(grade, (620, 200))
    reasons = {0: ["R02", "R06"], 1: ["R05"]}.get(grade, [])
    overdue = chance[2] % 4 + 1 if grade == 0 else 0
    return {
        "score": low + chance[1] * span // 256,
        "reasons": [*reasons, "R04"] if marks >= _MANY_MARKS else reasons,
        "facts": {
            "debt_ratio": f"0.{20 + chance[3] % 35:02d}" if grade else f"0.{72 + chance[3] % 20:02d}",
            "open_loans": str(chance[4] % 4),
            "overdue_last_24_months": str(overdue),
            "hard_inquiries": str(marks),
        },
    }


def _of(case: JsonObject, *names: str) -> JsonObject:
    return {name: case[name] for name in names if name in case}


def _answer(row: sqlite3.Row) -> JsonObject:
    answer: JsonObject = {
        "ref": row["ref"],
        "status": row["status"],
        "cost": {"minor": _COST_MINOR[row["depth"]], "currency": "CNY"},
    }
    if row["status"] != "ready":
        return answer
    until = instant_of(row["ready_at"]).date() + timedelta(days=_VALID_DAYS)
    return {**answer, **json.loads(row["report"]), "model": _MODEL, "valid_until": until.isoformat()}
