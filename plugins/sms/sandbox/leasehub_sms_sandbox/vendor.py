"""The messaging vendor: an outbox that nobody empties, delivery receipts after a while, segments and cost.

Receivers and texts are kept in full, for the outbox is there to be read: give it made-up people only.
"""

from __future__ import annotations

import re
import sqlite3
from datetime import datetime

from hub.core.provider import Capability
from hub.sdk.reading import Fields, JsonObject, json_bytes
from hub.sdk.sandbox.app import app_factory
from hub.sdk.sandbox.books import stamp
from hub.sdk.sandbox.outbox import Occurrence
from hub.sdk.sandbox.vendor import Call, Operation, Refusal, Vendor, effects, reads, unusable

_DELIVER_S = 2
_COST_MINOR = {"sms": 5, "voice": 20, "email": 0}  # fen for each segment

# Characters that one message holds, and each part of a longer one. Source: 3GPP TS 23.038, TS 23.040 (UDH of 6 octets).
_SEVEN_BIT = (160, 153)
_UCS2 = (70, 67)

_FIELD = re.compile(r"\{(\w+)\}")

_SCHEMA = """
create table if not exists message (
    ref text primary key, key text not null unique, channel text not null, recipient text not null, class text not null,
    template text, text text not null, params text not null, locale text not null,
    status text not null check (status in ('queued', 'delivered', 'failed')), failure text,
    segments integer not null, cost_minor integer not null, created_at text not null, delivers_at text not null,
    delivered_at text, webhook_url text not null
) strict;
create index if not exists message_queued on message (delivers_at) where status = 'queued';
"""
_INSERT = """
insert into message (ref, key, channel, recipient, class, template, text, params, locale, status, failure, segments,
    cost_minor, created_at, delivers_at, webhook_url)
values (:ref, :key, :channel, :recipient, :class, :template, :text, :params, :locale, 'queued', :failure, :segments,
    :cost_minor, :now, :delivers_at, :webhook_url)
"""


class SmsVendor(Vendor):
    """The messaging stand-in.

    Script: `deliver_s` (2); `absent_suffixes`: receivers who are never reached; `templates`: texts by template id with
    `{name}` fields, and once there are any, an unknown template is refused; `quota`: how many messages may be sent.
    """

    capability = Capability.SMS
    schema = _SCHEMA

    def operations(self) -> tuple[Operation, ...]:
        """Messages for the plugin."""
        return (
            *effects(("send", "/v1/messages", self._send)),
            *reads(("status", "/v1/messages", self._status), ("status", "/v1/messages/{ref}", self._status)),
        )

    def advance(self, now: datetime) -> None:
        """Messages reach their people, or fail to."""
        for row in self.books.all(
            "select ref from message where status = 'queued' and delivers_at <= :now order by delivers_at, ref",
            now=stamp(now),
        ):
            self._deliver(row["ref"], now)

    def ledger(self) -> JsonObject:
        """The outbox in full, and what it cost."""
        outbox = self.books.dump(
            "select ref, key, channel, recipient, class, template, text, params, locale, status, failure, segments,"
            " cost_minor, created_at, delivered_at from message order by created_at, ref"
        )
        totals = self.books.dump(
            "select channel, status, count(*) as number, sum(segments) as segments, sum(cost_minor) as cost_minor"
            " from message group by channel, status order by 1, 2"
        )
        return {"outbox": outbox, "totals": totals}

    def _send(self, call: Call) -> JsonObject:
        body = call.body
        self._spend_quota()
        channel, recipient = body.text("channel"), body.text("to")
        if channel not in _COST_MINOR:
            raise unusable("channel is none of sms, email, voice")
        text = self._text(body)
        segments = segments_of(text) if channel == "sms" else 1
        absent = any(recipient.endswith(suffix) for suffix in self.scripted_list("absent_suffixes"))
        ref = call.new_ref("msg")
        self.books.run(
            _INSERT,
            ref=ref,
            key=call.key,
            channel=channel,
            recipient=recipient,
            **{"class": body.text("class")},
            template=body.optional_text("template"),
            text=text,
            params=json_bytes(body.inner("params").content).decode(),
            locale=body.text("locale"),
            failure="absent" if absent else None,
            segments=segments,
            cost_minor=segments * _COST_MINOR[channel],
            now=stamp(call.now),
            delivers_at=self.later(call.now, "deliver_s", _DELIVER_S),
            webhook_url=call.webhook_url,
        )
        return _answer(self._row(ref))

    def _spend_quota(self) -> None:
        row = self.books.one("select count(*) as sent from message")
        if row is not None and row["sent"] >= self.scripted_number("quota", row["sent"] + 1):
            raise Refusal(422, "quota_spent", "no more messages may be sent")

    def _text(self, body: Fields) -> str:
        template, given = body.optional_text("template"), body.optional_text("text")
        if template is None:
            return given or ""
        params = {name: str(value) for name, value in body.inner("params").content.items()}
        templates = self.script().get("templates")
        if not isinstance(templates, dict):
            return f"[{template}] " + ", ".join(f"{name}={value}" for name, value in sorted(params.items()))
        if template not in templates:
            raise Refusal(422, "template_unknown", "no such template")
        return _filled(str(templates[template]), params)

    def _deliver(self, ref: str, now: datetime) -> None:
        self.books.run(
            "update message set status = case when failure is null then 'delivered' else 'failed' end,"
            " delivered_at = case when failure is null then :now end where ref = :ref",
            now=stamp(now),
            ref=ref,
        )
        row = self._row(ref)
        status = row["status"]
        self.outbox.tell(
            Occurrence(type=f"message.{status}", url=row["webhook_url"], ref=ref, key=row["key"], status=status)
        )

    def _row(self, ref: str) -> sqlite3.Row:
        row = self.books.one("select * from message where ref = :ref", ref=ref)
        if row is None:
            raise unusable("the message is gone")
        return row

    def _status(self, call: Call) -> JsonObject:
        return _answer(self.find("select * from message where ref = :ref or key = :key", call, "message"))


create_app = app_factory(SmsVendor)


def segments_of(text: str) -> int:
    """How many short messages a text takes; anything beyond ASCII is sent in UCS-2, which is never too few."""
    whole, part = _SEVEN_BIT if text.isascii() else _UCS2
    units = len(text.encode("utf-16-be")) // 2
    return 1 if units <= whole else -(-units // part)


def _filled(template: str, params: dict[str, str]) -> str:
    """The template with its `{name}` fields replaced in one pass: nothing in it or in a value is evaluated."""
    return _FIELD.sub(lambda hit: params.get(hit.group(1), hit.group()), template)


def _answer(row: sqlite3.Row) -> JsonObject:
    return {
        "ref": row["ref"],
        "status": row["status"],
        "segments": row["segments"],
        "cost": {"minor": row["cost_minor"], "currency": "CNY"},
        "delivered_at": row["delivered_at"],
        "failure": row["failure"] if row["status"] == "failed" else None,
    }
