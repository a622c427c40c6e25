"""The e-signature vendor: envelopes, whose signers sign in turn when told to, or by themselves after a while.

The signed file is the original, untouched and so still valid; who signed when stands in the evidence beside it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import sqlite3
import zipfile
from datetime import datetime

from hub.core.provider import Capability
from hub.sdk.reading import Fields, JsonObject
from hub.sdk.sandbox.app import app_factory
from hub.sdk.sandbox.books import stamp
from hub.sdk.sandbox.outbox import Occurrence
from hub.sdk.sandbox.vendor import Call, Operation, Refusal, Vendor, controls, effects, reads, unusable

_AUTO_SIGN_S = 60

_SCHEMA = """
create table if not exists envelope (
    ref text primary key, key text not null unique, recall_key text unique, subject text not null,
    status text not null check (status in ('out', 'partly', 'done', 'refused', 'lapsed', 'recalled')),
    created_at text not null, expires_at text not null, signs_at text not null, completed_at text, refusal text,
    webhook_url text not null
) strict;
create index if not exists envelope_open on envelope (signs_at) where status in ('out', 'partly');
create table if not exists signer (
    envelope text not null references envelope, number integer not null, turn integer not null, role text not null,
    name text not null, signed_at text, primary key (envelope, number)
) strict, without rowid;
create table if not exists file (
    envelope text not null references envelope, number integer not null, name text not null, sha256 text not null,
    content blob not null, primary key (envelope, number)
) strict;
"""
_ENVELOPE = "select * from envelope where ref = :ref or key = :key or recall_key = :key"


class EsignVendor(Vendor):
    """The e-signature stand-in. Script: `auto_sign_after_s` (60; negative: never)."""

    capability = Capability.ESIGN
    schema = _SCHEMA

    def operations(self) -> tuple[Operation, ...]:
        """Envelopes for the plugin; the signers' side for whoever tests."""
        return (
            *effects(
                ("create", "/v1/envelopes", self._create),
                ("void", "/v1/envelopes/{ref}/recall", self._recall),
            ),
            *reads(
                ("status", "/v1/envelopes", self._status),
                ("status", "/v1/envelopes/{ref}", self._status),
                ("fetch", "/v1/envelopes/{ref}/signed", self._signed),
            ),
            *controls(
                ("sign", "/envelopes/{ref}/sign", self._sign),
                ("decline", "/envelopes/{ref}/decline", self._decline),
            ),
        )

    def advance(self, now: datetime) -> None:
        """Envelopes lapse, and patient signers sign."""
        for row in self.books.all(
            "select * from envelope where status in ('out', 'partly') and min(expires_at, signs_at) <= :now"
            " order by created_at, ref",
            now=stamp(now),
        ):
            if row["expires_at"] <= row["signs_at"]:
                self._turn(row["ref"], "lapsed")
            else:
                for signer in self._unsigned(row["ref"]):
                    self._put_signature(row["ref"], signer["number"], now)

    def ledger(self) -> JsonObject:
        """Envelopes with their signers; names by their first character only."""
        envelopes = self.books.dump(
            "select ref, key, subject, status, created_at, expires_at, completed_at, refusal from envelope"
            " order by created_at, ref"
        )
        signers = self.books.dump(
            "select envelope, number, turn, role, substr(name, 1, 1) as name, signed_at from signer"
            " order by envelope, number"
        )
        return {"envelopes": envelopes, "signers": signers}

    def _create(self, call: Call) -> JsonObject:
        ref, files, signers = call.new_ref("env"), call.body.each("files"), call.body.each("signers")
        if not files or not signers:
            raise unusable("files and signers are needed")
        patient_s = self.scripted_number("auto_sign_after_s", _AUTO_SIGN_S)
        self.books.run(
            "insert into envelope (ref, key, subject, status, created_at, expires_at, signs_at, webhook_url)"
            " values (:ref, :key, :subject, 'out', :now, :expires_at, :signs_at, :webhook_url)",
            ref=ref,
            key=call.key,
            subject=call.body.text("subject"),
            now=stamp(call.now),
            expires_at=stamp(call.body.instant("expires_at")),
            signs_at=self.later(call.now, "auto_sign_after_s", _AUTO_SIGN_S) if patient_s >= 0 else "never",
            webhook_url=call.webhook_url,
        )
        for number, file in enumerate(files, start=1):
            self._keep_file(ref, number, file)
        for number, signer in enumerate(signers, start=1):
            self.books.run(
                "insert into signer (envelope, number, turn, role, name) values (:ref, :number, :turn, :role, :name)",
                ref=ref,
                number=number,
                turn=signer.whole("turn"),
                role=signer.text("role"),
                name=signer.text("name"),
            )
        return self._answer(ref)

    def _keep_file(self, ref: str, number: int, file: Fields) -> None:
        try:
            content = base64.b64decode(file.text("content"), validate=True)
        except (binascii.Error, ValueError):
            raise unusable("content is not base64") from None
        if hashlib.sha256(content).hexdigest() != file.text("sha256"):
            raise unusable("sha256 is not the digest of the content")
        self.books.run(
            "insert into file values (:ref, :number, :name, :sha256, :content)",
            ref=ref,
            number=number,
            name=file.text("name"),
            sha256=file.text("sha256"),
            content=content,
        )

    def _recall(self, call: Call) -> JsonObject:
        row = self._open_envelope(call)
        self.books.run("update envelope set recall_key = :key where ref = :ref", key=call.key, ref=row["ref"])
        return self._turn(row["ref"], "recalled")

    def _status(self, call: Call) -> JsonObject:
        return self._answer(self.find(_ENVELOPE, call, "envelope")["ref"])

    def _signed(self, call: Call) -> JsonObject:
        row = self.find(_ENVELOPE, call, "envelope")
        if row["status"] != "done":
            raise Refusal(422, "not_signed_yet", f"the envelope is {row['status']}")
        files = self.books.all(
            "select name, content, sha256 from file where envelope = :ref order by number", ref=row["ref"]
        )
        content, content_type = _packed(files)
        signers = self.books.dump(
            "select number, role, turn, signed_at from signer where envelope = :ref order by number", ref=row["ref"]
        )
        digests = [{"name": file["name"], "sha256": file["sha256"]} for file in files]
        return {
            "ref": row["ref"],
            "content": base64.b64encode(content).decode(),
            "content_type": content_type,
            "sha256": hashlib.sha256(content).hexdigest(),
            "evidence": {
                "envelope": row["ref"],
                "completed_at": row["completed_at"],
                "files": digests,
                "signers": signers,
            },
        }

    def _sign(self, call: Call) -> JsonObject:
        """One signer signs, or, when none is named, everybody who has not yet."""
        row = self._open_envelope(call)
        named = call.body.whole("signer") if "signer" in call.body.content else None
        for signer in self._unsigned(row["ref"]):
            if named in (None, signer["number"]):
                self._put_signature(row["ref"], signer["number"], call.now)
        return self._answer(row["ref"])

    def _decline(self, call: Call) -> JsonObject:
        row = self._open_envelope(call)
        reason = call.body.optional_text("reason") or "declined"
        self.books.run("update envelope set refusal = :reason where ref = :ref", reason=reason, ref=row["ref"])
        return self._turn(row["ref"], "refused")

    def _open_envelope(self, call: Call) -> sqlite3.Row:
        row = self.find(_ENVELOPE, call, "envelope")
        if row["status"] not in ("out", "partly"):
            raise Refusal(422, "envelope_closed", f"the envelope is {row['status']}")
        return row

    def _unsigned(self, ref: str) -> list[sqlite3.Row]:
        return self.books.all(
            "select * from signer where envelope = :ref and signed_at is null order by turn, number", ref=ref
        )

    def _put_signature(self, ref: str, number: int, now: datetime) -> None:
        waiting = self._unsigned(ref)
        first_turn = waiting[0]["turn"]
        if all(row["number"] != number for row in waiting if row["turn"] == first_turn):
            raise Refusal(422, "not_their_turn", f"signer {number} is not due to sign")
        self.books.run(
            "update signer set signed_at = :now where envelope = :ref and number = :number",
            now=stamp(now),
            ref=ref,
            number=number,
        )
        if len(waiting) > 1:
            self._turn(ref, "partly")
        else:
            self.books.run("update envelope set completed_at = :now where ref = :ref", now=stamp(now), ref=ref)
            self._turn(ref, "done")

    def _turn(self, ref: str, status: str) -> JsonObject:
        self.books.run("update envelope set status = :status where ref = :ref", status=status, ref=ref)
        row = self.books.one("select * from envelope where ref = :ref", ref=ref)
        if row is not None:
            self.outbox.tell(
                Occurrence(type=f"envelope.{status}", url=row["webhook_url"], ref=ref, key=row["key"], status=status)
            )
        return self._answer(ref)

    def _answer(self, ref: str) -> JsonObject:
        row = self.books.one("select * from envelope where ref = :ref", ref=ref)
        if row is None:
            raise unusable("the envelope is gone")
        signers = self.books.all("select number from signer where envelope = :ref order by number", ref=ref)
        return {
            "ref": ref,
            "status": row["status"],
            "signing_urls": [f"https://sign.sandbox.example/{ref}/{signer['number']}" for signer in signers],
            "completed_at": row["completed_at"],
            "refusal": row["refusal"],
        }


create_app = app_factory(EsignVendor)


def _packed(files: list[sqlite3.Row]) -> tuple[bytes, str]:
    """One file as it is, several as an archive that is the same byte for byte every time."""
    if len(files) == 1:
        content = bytes(files[0]["content"])
        return content, "application/pdf" if content.startswith(b"%PDF-") else "application/octet-stream"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in files:
            archive.writestr(zipfile.ZipInfo(file["name"]), bytes(file["content"]))
    return packed.getvalue(), "application/zip"
