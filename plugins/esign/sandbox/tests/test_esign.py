"""What the e-signature stand-in does, seen through its plugin."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from leasehub_esign_sandbox import mapping

from hub.core.errors import Rejected, UnknownOutcome
from hub.core.ports import NoRecord, StatusQuery
from hub.core.ports.esign import (
    Envelope,
    EnvelopeRequest,
    EnvelopeStatus,
    EsignDocument,
    FetchRequest,
    Signer,
    SignerRole,
    VoidRequest,
)
from hub.core.ports.webhooks import WebhookKind
from hub.sdk.reading import Fields
from hub.testing.sandboxes import Rig

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n%%EOF\n"


def document(content: bytes = PDF, name: str = "contract.pdf") -> EsignDocument:
    return EsignDocument(name=name, content=content, sha256=hashlib.sha256(content).hexdigest())


async def create(rig: Rig, *documents: EsignDocument) -> Envelope:
    request = EnvelopeRequest(
        subject="Contract C-1",
        documents=documents or (document(),),
        signers=(
            Signer(role=SignerRole.LESSEE, order=1, name="张三"),
            Signer(role=SignerRole.GUARANTOR, order=1, name="李四"),
            Signer(role=SignerRole.LESSOR, order=2, name="The lessor"),
        ),
        expires_at=rig.clock.now() + timedelta(days=7),
    )
    envelope: Envelope = await rig.provider.esign_create(request, rig.ctx("envelope-1"))
    return envelope


async def status(rig: Rig, **query: Any) -> Envelope | NoRecord:
    found: Envelope | NoRecord = await rig.provider.esign_status(StatusQuery(**query), rig.ctx())
    return found


async def test_signers_sign_in_turn_and_the_file_comes_back_untouched(any_rig: Rig) -> None:
    envelope = await create(any_rig)
    assert (envelope.status, len(envelope.signing_urls)) == (EnvelopeStatus.SENT, 3)
    early = await any_rig.http.post(
        f"{any_rig.base_url}/_sandbox/envelopes/{envelope.envelope_ref}/sign", json={"signer": 3}
    )
    assert early.json()["error"]["code"] == "not_their_turn"
    for number in (2, 1, 3):
        await any_rig.control(f"envelopes/{envelope.envelope_ref}/sign", signer=number)
    done = await status(any_rig, idempotency_key="envelope-1")
    assert isinstance(done, Envelope)
    assert (done.status, done.completed_at) == (EnvelopeStatus.COMPLETED, any_rig.clock.now())
    files = await any_rig.provider.esign_fetch(FetchRequest(envelope_ref=envelope.envelope_ref), any_rig.ctx())
    assert (files.content, files.content_type) == (PDF, "application/pdf")
    assert len(json.loads(files.evidence)["signers"]) == 3
    told = [(event.kind, event.status) for delivery in await any_rig.flush() for event in delivery.events]
    assert told == [(WebhookKind.ENVELOPE, word) for word in ("partly_signed", "partly_signed", "completed")]


async def test_patient_signers_sign_by_themselves(rig: Rig) -> None:
    envelope = await create(rig)
    rig.clock.advance(timedelta(seconds=60))
    found = await status(rig, provider_ref=envelope.envelope_ref)
    assert isinstance(found, Envelope)
    assert found.status is EnvelopeStatus.COMPLETED


async def test_an_envelope_that_nobody_signs_lapses(rig: Rig) -> None:
    await rig.control("script", auto_sign_after_s=-1)
    envelope = await create(rig)
    rig.clock.advance(timedelta(days=7))
    found = await status(rig, provider_ref=envelope.envelope_ref)
    assert isinstance(found, Envelope)
    assert found.status is EnvelopeStatus.EXPIRED


async def test_a_signer_declines_with_a_reason(rig: Rig) -> None:
    envelope = await create(rig)
    await rig.control(f"envelopes/{envelope.envelope_ref}/decline", reason="wrong plate")
    found = await status(rig, provider_ref=envelope.envelope_ref)
    assert isinstance(found, Envelope)
    assert (found.status, found.decline_reason) == (EnvelopeStatus.DECLINED, "wrong plate")
    with pytest.raises(Rejected, match="not_signed_yet"):
        await rig.provider.esign_fetch(FetchRequest(envelope_ref=envelope.envelope_ref), rig.ctx())


async def test_an_envelope_is_taken_back_and_found_by_the_key_of_that(rig: Rig) -> None:
    envelope = await create(rig)
    request = VoidRequest(envelope_ref=envelope.envelope_ref, reason="wrong amount")
    voided = await rig.provider.esign_void(request, rig.ctx("void-1"))
    assert voided.status is EnvelopeStatus.VOIDED
    assert await status(rig, idempotency_key="void-1") == voided
    with pytest.raises(Rejected, match="envelope_closed"):
        await rig.provider.esign_void(request, rig.ctx("void-2"))


async def test_several_files_come_back_as_one_archive(rig: Rig) -> None:
    envelope = await create(rig, document(), document(b"terms", "terms.txt"))
    await rig.control(f"envelopes/{envelope.envelope_ref}/sign")
    files = await rig.provider.esign_fetch(FetchRequest(envelope_ref=envelope.envelope_ref), rig.ctx())
    with zipfile.ZipFile(io.BytesIO(files.content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"contract.pdf": PDF, "terms.txt": b"terms"}


async def test_an_envelope_that_timed_out_was_sent_once(any_rig: Rig) -> None:
    await any_rig.fault("create", "timeout_after_effect")
    with pytest.raises(UnknownOutcome):
        await create(any_rig)
    assert await create(any_rig) == await status(any_rig, idempotency_key="envelope-1")
    assert len((await any_rig.books())["envelopes"]) == 1


async def test_an_unknown_envelope_has_no_record(rig: Rig) -> None:
    assert isinstance(await status(rig, idempotency_key="never"), NoRecord)


def test_a_file_that_is_not_the_one_of_its_digest_cannot_be_read() -> None:
    answer = {"ref": "env_1", "content": "eA==", "content_type": "text/plain", "sha256": "0" * 64, "evidence": {}}
    with pytest.raises(UnknownOutcome):
        mapping.signed_of(Fields(answer))


def test_a_status_that_is_not_mapped_counts_as_sent() -> None:
    answer = Fields({"ref": "env_1", "status": "COMPLETED", "signing_urls": []})
    assert mapping.envelope_of(answer).status is EnvelopeStatus.SENT
