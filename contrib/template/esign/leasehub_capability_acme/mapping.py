"""Acme's words and the hub's, both ways; pure. A status that is not listed counts as sent, never as more."""

from __future__ import annotations

import base64
import binascii

from hub.core.errors import RetryAdvice
from hub.core.ports.esign import Envelope, EnvelopeRequest, EnvelopeStatus, SignedFiles
from hub.core.ports.webhooks import WebhookKind
from hub.sdk.reading import Fields, JsonObject, json_bytes

STATUS = {
    "out": EnvelopeStatus.SENT,
    "partly": EnvelopeStatus.PARTLY_SIGNED,
    "done": EnvelopeStatus.COMPLETED,
    "refused": EnvelopeStatus.DECLINED,
    "lapsed": EnvelopeStatus.EXPIRED,
    "recalled": EnvelopeStatus.VOIDED,
}
KINDS = {"envelope": WebhookKind.ENVELOPE}
STATUSES = {word: status.value for word, status in STATUS.items()}
REFUSAL_ADVICE: dict[str, RetryAdvice] = {}  # what a refusal of Acme allows next; never, where it is not listed


def envelope_body(request: EnvelopeRequest) -> JsonObject:
    """An envelope in Acme's words: files in base64, signers with their turn."""
    return {
        "subject": request.subject,
        "expires_at": request.expires_at.isoformat(),
        "redirect_url": request.redirect_url,
        "files": [
            {"name": file.name, "content": base64.b64encode(file.content).decode(), "sha256": file.sha256}
            for file in request.documents
        ],
        "signers": [
            {
                "role": signer.role.value,
                "turn": signer.order,
                "name": signer.name,
                "phone": signer.phone,
                "email": signer.email,
                "document": signer.document_number,
            }
            for signer in request.signers
        ],
    }


def envelope_of(answer: Fields) -> Envelope:
    """An envelope in the hub's words."""
    return Envelope(
        envelope_ref=answer.text("ref"),
        status=STATUS.get(answer.text("status"), EnvelopeStatus.SENT),
        signing_urls=answer.texts("signing_urls"),
        completed_at=answer.optional_instant("completed_at"),
        decline_reason=answer.optional_text("refusal"),
    )


def signed_of(answer: Fields) -> SignedFiles:
    """The signed file and its evidence; a file that is not the one of its digest cannot be read."""
    try:
        return SignedFiles(
            envelope_ref=answer.text("ref"),
            content=base64.b64decode(answer.text("content"), validate=True),
            content_type=answer.text("content_type"),
            sha256=answer.text("sha256"),
            evidence=json_bytes(answer.inner("evidence").content),
            evidence_type="application/json",
        )
    except (binascii.Error, ValueError):
        raise answer.fail("the file is not the one of its digest") from None
