"""The payment vendor that moves no money: mandates, charges, payouts, refunds, a statement of each day, and its books.

Every movement is one row, unique by the caller's key. Declines are scripted by mandate, agreement, due date or key.
Account numbers are kept by their last four digits only.
"""

from __future__ import annotations

import sqlite3
from datetime import date, datetime
from zoneinfo import ZoneInfo

from hub.core.money import Money
from hub.core.provider import Capability
from hub.sdk.reading import Fields, JsonObject
from hub.sdk.sandbox.app import app_factory
from hub.sdk.sandbox.books import stamp
from hub.sdk.sandbox.outbox import Occurrence
from hub.sdk.sandbox.vendor import Call, Operation, Refusal, Vendor, controls, effects, not_found, reads, unusable

_ZONE = ZoneInfo("Asia/Shanghai")  # the calendar of the vendor's statement
_PAGE = 200
_AUTO_ACTIVATE_S = 5

_SCHEMA = """
create table if not exists mandate (
    ref text primary key, key text not null unique, payer text not null, agreement text not null,
    account_tail text not null, limit_minor integer not null, currency text not null,
    status text not null check (status in ('awaiting_payer', 'active', 'refused', 'revoked')),
    decides_at text, created_at text not null, webhook_url text not null
) strict;
create index if not exists mandate_waiting on mandate (decides_at) where status = 'awaiting_payer';
create table if not exists revocation (
    key text primary key, mandate text not null references mandate, created_at text not null
) strict;
create table if not exists movement (
    ref text primary key, key text not null unique, cancel_key text unique,
    kind text not null check (kind in ('charge', 'refund', 'payout')),
    mandate text references mandate, charge text references movement, agreement text not null default '',
    purpose text not null, due_on text not null default '', amount_minor integer not null check (amount_minor > 0),
    currency text not null, fee_minor integer not null default 0,
    status text not null check (status in ('processing', 'settled', 'declined', 'cancelled')),
    reason text, created_at text not null, settles_at text not null, settled_at text, webhook_url text not null
) strict;
create index if not exists movement_waiting on movement (settles_at) where status = 'processing';
create index if not exists movement_charge on movement (charge);
create table if not exists statement_line (
    seq integer primary key, day text not null, kind text not null, ref text not null, key text,
    amount_minor integer not null, currency text not null, settled_at text not null
) strict;
create index if not exists statement_day on statement_line (day, seq);
create table if not exists decline (
    id integer primary key, mandate text not null, agreement text not null, due_on text not null,
    key_prefix text not null, reason text not null, times_left integer
) strict;
"""

# A mandate is also found by the key under which it was taken back.
_MANDATE = """
select * from mandate
where ref = :ref or key = :key or ref in (select mandate from revocation where revocation.key = :key)
"""
_SETTLE = """
update movement set status = case when reason is null then 'settled' else 'declined' end,
    settled_at = case when reason is null then :now end
where ref = :ref
"""
_LINE = """
insert into statement_line (day, kind, ref, key, amount_minor, currency, settled_at)
values (:day, :kind, :ref, :key, :amount_minor, :currency, :settled_at)
"""
# An empty field of a scripted decline matches anything.
_DECLINE = """
select id, reason from decline
where mandate in ('', :mandate) and agreement in ('', :agreement) and due_on in ('', :due_on)
    and :key like key_prefix || '%' and (times_left is null or times_left > 0)
order by id limit 1
"""


class PaymentsVendor(Vendor):
    """The payment stand-in."""

    capability = Capability.PAYMENTS
    schema = _SCHEMA

    def operations(self) -> tuple[Operation, ...]:
        """Mandates and movements for the plugin; the payer's side and the script for whoever tests."""
        return (
            *effects(
                ("mandate", "/v1/mandates", self._mandate),
                ("revoke_mandate", "/v1/mandates/{ref}/revoke", self._revoke),
                ("collect", "/v1/charges", self._collect),
                ("payout", "/v1/payouts", self._payout),
                ("refund", "/v1/refunds", self._refund),
                ("cancel", "/v1/movements/{ref}/cancel", self._cancel),
            ),
            *reads(
                ("mandate_status", "/v1/mandates", self._find_mandate),
                ("mandate_status", "/v1/mandates/{ref}", self._find_mandate),
                ("status", "/v1/movements", self._find_movement),
                ("status", "/v1/movements/{ref}", self._find_movement),
                ("statement", "/v1/statements/{day}", self._statement),
            ),
            *controls(
                ("decide_mandate", "/mandates/{ref}/{verdict}", self._decide_mandate),
                ("script_declines", "/declines", self._script_declines),
            ),
        )

    def advance(self, now: datetime) -> None:
        """Payers agree to mandates, and movements settle."""
        for mandate in self.books.all(
            "select * from mandate where status = 'awaiting_payer' and decides_at <= :now", now=stamp(now)
        ):
            self._turn_mandate(mandate, "active")
        for movement in self.books.all(
            "select * from movement where status = 'processing' and settles_at <= :now order by settles_at, ref",
            now=stamp(now),
        ):
            self._settle(movement["ref"], now)

    def ledger(self) -> JsonObject:
        """Mandates and movements in full, and the sums by kind, status and currency."""
        movements = self.books.dump(
            "select ref, key, kind, mandate, charge, agreement, purpose, due_on, amount_minor, currency, fee_minor,"
            " status, reason, created_at, settled_at from movement order by created_at, ref"
        )
        kinds = {"charges": "charge", "refunds": "refund", "payouts": "payout"}
        return {
            "mandates": self.books.dump(
                "select ref, key, payer, agreement, account_tail, status, created_at from mandate order by created_at, ref"
            ),
            **{plural: [row for row in movements if row["kind"] == kind] for plural, kind in kinds.items()},
            "totals": self.books.dump(
                "select kind, status, currency, count(*) as number, sum(amount_minor) as amount_minor"
                " from movement group by kind, status, currency order by 1, 2, 3"
            ),
        }

    def _mandate(self, call: Call) -> JsonObject:
        account, limit = call.body.inner("account"), call.body.money("limit")
        tail = account.text("number")[-4:]
        refused = tail in self.scripted_list("rejected_suffixes")
        ref = call.new_ref("man")
        self.books.run(
            "insert into mandate values (:ref, :key, :payer, :agreement, :tail, :limit_minor, :currency, :status,"
            " :decides_at, :now, :webhook_url)",
            ref=ref,
            key=call.key,
            payer=call.body.text("payer"),
            agreement=call.body.text("agreement"),
            tail=tail,
            limit_minor=limit.minor,
            currency=limit.currency,
            status="refused" if refused else "awaiting_payer",
            decides_at=self.later(call.now, "auto_activate_s", _AUTO_ACTIVATE_S),
            now=stamp(call.now),
            webhook_url=call.webhook_url,
        )
        return _mandate_answer(self._mandate_row(ref))

    def _revoke(self, call: Call) -> JsonObject:
        mandate = self._mandate_row(call.path["ref"])
        if mandate["status"] == "awaiting_payer":
            raise Refusal(422, "mandate_not_active", "the payer has not agreed yet")
        self.books.run(
            "insert into revocation (key, mandate, created_at) values (:key, :mandate, :now)",
            key=call.key,
            mandate=mandate["ref"],
            now=stamp(call.now),
        )
        if mandate["status"] == "active":
            self._turn_mandate(mandate, "revoked")
        return _mandate_answer(self._mandate_row(mandate["ref"]))

    def _find_mandate(self, call: Call) -> JsonObject:
        return _mandate_answer(self.find(_MANDATE, call, "mandate"))

    def _mandate_row(self, ref: str) -> sqlite3.Row:
        row = self.books.one("select * from mandate where ref = :ref", ref=ref)
        if row is None:
            raise Refusal(422, "mandate_unknown")
        return row

    def _decide_mandate(self, call: Call) -> JsonObject:
        """What the payer does on the vendor's page, or later at their bank."""
        status = {"confirm": "active", "reject": "refused", "revoke": "revoked"}.get(call.path["verdict"])
        if status is None:
            raise unusable("a mandate is confirmed, rejected or revoked")
        self._turn_mandate(self._mandate_row(call.path["ref"]), status)
        return _mandate_answer(self._mandate_row(call.path["ref"]))

    def _turn_mandate(self, row: sqlite3.Row, status: str) -> None:
        self.books.run("update mandate set status = :status where ref = :ref", status=status, ref=row["ref"])
        self.outbox.tell(
            Occurrence(type=f"mandate.{status}", url=row["webhook_url"], ref=row["ref"], key=row["key"], status=status)
        )

    def _script_declines(self, call: Call) -> JsonObject:
        declines = call.body.each("declines")
        for decline in declines:
            self.books.run(
                "insert into decline (mandate, agreement, due_on, key_prefix, reason, times_left)"
                " values (:mandate, :agreement, :due_on, :key_prefix, :reason, :times)",
                mandate=decline.optional_text("mandate") or "",
                agreement=decline.optional_text("agreement") or "",
                due_on=decline.optional_text("due_on") or "",
                key_prefix=decline.optional_text("key_prefix") or "",
                reason=decline.text("reason"),
                times=decline.whole("times") if decline.content.get("times") is not None else None,
            )
        return {"scripted": len(declines)}

    def _collect(self, call: Call) -> JsonObject:
        mandate, money = self._mandate_row(call.body.text("mandate")), _positive(call.body)
        if mandate["status"] != "active":
            raise Refusal(422, "mandate_not_active", f"the mandate is {mandate['status']}")
        if money.currency != mandate["currency"] or money.minor > mandate["limit_minor"]:
            raise Refusal(422, "over_mandate_limit", "the mandate does not cover this amount")
        agreement, due_on = call.body.text("agreement"), call.body.day("due_on")
        reason = self._scripted_decline(mandate["ref"], agreement, due_on, call.key)
        return self._book(
            call, "charge", money, reason, mandate=mandate["ref"], agreement=agreement, due_on=due_on.isoformat()
        )

    def _payout(self, call: Call) -> JsonObject:
        tail = call.body.inner("account").text("number")[-4:]
        reason = "account_closed" if tail in self.scripted_list("rejected_suffixes") else None
        return self._book(call, "payout", _positive(call.body), reason)

    def _refund(self, call: Call) -> JsonObject:
        money = _positive(call.body)
        charge = self.books.one(
            "select amount_minor, currency, coalesce((select sum(amount_minor) from movement refund"
            " where refund.charge = movement.ref and refund.status in ('processing', 'settled')), 0) as refunded"
            " from movement where ref = :ref and kind = 'charge' and status = 'settled'",
            ref=call.body.text("charge"),
        )
        if charge is None:
            raise Refusal(422, "charge_not_settled", "only money that came in can be given back")
        if money.currency != charge["currency"] or money.minor > charge["amount_minor"] - charge["refunded"]:
            raise Refusal(422, "refund_exceeds_charge", "more than is left of the charge")
        return self._book(call, "refund", money, None, charge=call.body.text("charge"))

    def _cancel(self, call: Call) -> JsonObject:
        changed = self.books.run(
            "update movement set status = 'cancelled', reason = 'cancelled', cancel_key = :key"
            " where ref = :ref and status = 'processing'",
            key=call.key,
            ref=call.path["ref"],
        )
        row = self._movement(call.path["ref"])
        if not changed:
            raise Refusal(422, "not_cancellable", f"the movement is {row['status']}")
        self._tell(row)
        return _movement_answer(row)

    def _book(self, call: Call, kind: str, money: Money, reason: str | None, **columns: str) -> JsonObject:
        """Book a movement and, when nothing is to be waited for, settle or decline it at once."""
        ref = call.new_ref(kind)
        self.books.run(
            "insert into movement (ref, key, kind, mandate, charge, agreement, purpose, due_on, amount_minor, currency,"
            " fee_minor, status, reason, created_at, settles_at, webhook_url) values (:ref, :key, :kind, :mandate,"
            " :charge, :agreement, :purpose, :due_on, :amount_minor, :currency, :fee_minor, 'processing', :reason,"
            " :now, :settles_at, :webhook_url)",
            ref=ref,
            key=call.key,
            kind=kind,
            mandate=columns.get("mandate"),
            charge=columns.get("charge"),
            agreement=columns.get("agreement", ""),
            purpose=call.body.optional_text("purpose") or call.body.optional_text("reason") or "",
            due_on=columns.get("due_on", ""),
            amount_minor=money.minor,
            currency=money.currency,
            fee_minor=self.scripted_number("fee_minor", 0),
            reason=reason,
            now=stamp(call.now),
            settles_at=self.later(call.now, "settle_s", 0),
            webhook_url=call.webhook_url,
        )
        if self.scripted_number("settle_s", 0) == 0:
            self._settle(ref, call.now)
        return _movement_answer(self._movement(ref))

    def _settle(self, ref: str, now: datetime) -> None:
        self.books.run(_SETTLE, now=stamp(now), ref=ref)
        row = self._movement(ref)
        if row["status"] == "settled":
            self._write_lines(row, now)
        self._tell(row)

    def _write_lines(self, row: sqlite3.Row, now: datetime) -> None:
        lines = [(row["kind"], row["amount_minor"])]
        if row["fee_minor"]:
            lines.append(("fee", row["fee_minor"]))
        for kind, amount_minor in lines:
            self.books.run(
                _LINE,
                day=now.astimezone(_ZONE).date().isoformat(),
                kind=kind,
                ref=row["ref"],
                key=row["key"],
                amount_minor=amount_minor,
                currency=row["currency"],
                settled_at=stamp(now),
            )

    def _tell(self, row: sqlite3.Row) -> None:
        status = str(row["status"])
        self.outbox.tell(
            Occurrence(
                type=f"{row['kind']}.{status}",
                url=row["webhook_url"],
                ref=row["ref"],
                key=row["key"],
                status=status,
            )
        )

    def _scripted_decline(self, mandate: str, agreement: str, due_on: date, key: str) -> str | None:
        row = self.books.one(_DECLINE, mandate=mandate, agreement=agreement, due_on=due_on.isoformat(), key=key)
        if row is None:
            return None
        self.books.run("update decline set times_left = times_left - 1 where id = :id", id=row["id"])
        return str(row["reason"])

    def _movement(self, ref: str) -> sqlite3.Row:
        row = self.books.one("select * from movement where ref = :ref", ref=ref)
        if row is None:
            raise not_found("movement")
        return row

    def _find_movement(self, call: Call) -> JsonObject:
        sql = "select * from movement where ref = :ref or key = :key or cancel_key = :key"
        return _movement_answer(self.find(sql, call, "movement"))

    def _statement(self, call: Call) -> JsonObject:
        cursor = call.query.get("cursor", "") or "0"
        if not cursor.isdigit():
            raise unusable("the cursor is not one of ours")
        rows = self.books.all(
            "select * from statement_line where day = :day and seq > :after order by seq limit :limit",
            day=call.path["day"],
            after=int(cursor),
            limit=_PAGE + 1,
        )
        page = rows[:_PAGE]
        return {
            "lines": [_line_answer(row) for row in page],
            "next": str(page[-1]["seq"]) if len(rows) > _PAGE else None,
        }


create_app = app_factory(PaymentsVendor)


def _positive(body: Fields) -> Money:
    money = body.money("amount")
    if money.minor <= 0:
        raise unusable("amount is not positive")
    return money


def _money(row: sqlite3.Row, name: str = "amount_minor") -> JsonObject:
    return {"minor": row[name], "currency": row["currency"]}


def _mandate_answer(row: sqlite3.Row) -> JsonObject:
    waiting = row["status"] == "awaiting_payer"
    hosted_url = f"https://pay.sandbox.example/mandates/{row['ref']}" if waiting else None
    return {"ref": row["ref"], "status": row["status"], "hosted_url": hosted_url}


def _movement_answer(row: sqlite3.Row) -> JsonObject:
    return {
        "ref": row["ref"],
        "status": row["status"],
        "amount": _money(row),
        "fee": _money(row, "fee_minor") if row["fee_minor"] else None,
        "reason": row["reason"],
        "settled_at": row["settled_at"],
    }


def _line_answer(row: sqlite3.Row) -> JsonObject:
    names = ("kind", "ref", "key", "settled_at")
    return {name: row[name] for name in names} | {"amount": _money(row)}
