"""The vendor's words and the hub's, both ways; pure."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from hub.core.errors import ProviderError, Rejected, RetryAdvice, UnknownOutcome
from hub.core.ports.esign import (
    Envelope,
    EnvelopeRequest,
    EnvelopeStatus,
    EsignDocument,
    SignedFiles,
    Signer,
    SignerRole,
)
from hub.sdk.errors import classify_status, retry_after_s
from hub.sdk.http import HttpAnswer
from hub.sdk.reading import Fields, JsonObject, json_object, unreadable
from hub.sdk.refusals import Meaning, refusal, shown_code
from leasehub_esign_docusign.codes import EVENTS, REFUSALS, STATUS
from leasehub_esign_docusign.settings import DocusignSettings, Invitation

MARK = "leasehub_void"  # the envelope's own field that says under which key of ours it is being taken back
PDF = "application/pdf"
_KEY = re.compile(r"[A-Za-z0-9-]{1,36}")
_SUBJECT, _NAME, _REASON = 100, 100, 200  # characters that the vendor takes
_LONGEST_DAYS = 999
_BURST_S, _HOUR_S = 30.0, 3600.0
_SIGNED = frozenset({"completed", "signed"})
_THEIR_TURN = frozenset({"sent", "delivered"})


def transaction_id(key: str) -> str:
    """Our key as the vendor takes one: itself when it is no longer than a GUID, else a GUID made of its hash."""
    if _KEY.fullmatch(key):
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"


# Sent out


def envelope_body(
    request: EnvelopeRequest, settings: DocusignSettings, key: str, now: datetime, callbacks_to: str
) -> JsonObject:
    """An envelope that goes out at once; raises Rejected for a signer whom the vendor cannot reach."""
    signers = [_signer(number, signer, settings) for number, signer in enumerate(request.signers, 1)]
    body: JsonObject = {
        "emailSubject": request.subject[:_SUBJECT],
        "status": "sent",
        "transactionId": transaction_id(key),
        "documents": [_document(number, document) for number, document in enumerate(request.documents, 1)],
        "recipients": {"signers": signers},
        "notification": {"useAccountDefaults": "false", "expirations": _expirations(request.expires_at - now)},
    }
    if settings.hmac_keys and settings.envelope_callbacks:
        body["eventNotification"] = _callbacks(callbacks_to)
    return body


def _document(number: int, document: EsignDocument) -> JsonObject:
    name, dot, extension = document.name.rpartition(".")
    return {
        "documentId": str(number),
        "name": (name if dot else document.name)[:_NAME],
        "fileExtension": extension.lower() if dot else "pdf",
        "documentBase64": base64.b64encode(document.content).decode(),
    }


def _signer(number: int, signer: Signer, settings: DocusignSettings) -> JsonObject:
    body: JsonObject = {
        "recipientId": str(number),
        "routingOrder": str(signer.order),
        "name": signer.name[:_NAME],
        "email": _email(signer, settings),
    }
    if settings.invitation is Invitation.LINK:
        body["clientUserId"] = str(number)
    if anchor := settings.anchors.get(signer.role):
        body["tabs"] = {"signHereTabs": [_place(anchor, settings)]}
    return body


def _email(signer: Signer, settings: DocusignSettings) -> str:
    """Where a signer is invited: the vendor takes nobody without an address, though one who comes by a link needs none."""
    own = signer.email or (settings.lessor_email if signer.role is SignerRole.LESSOR else "")
    by_link = settings.stand_in_email if settings.invitation is Invitation.LINK else ""
    if not (own or by_link):
        reason = f"the {signer.role.value} has no e-mail address"
        raise Rejected("email_missing", reason, advice=RetryAdvice.OTHER_PROVIDER)
    return own or by_link


def _place(anchor: str, settings: DocusignSettings) -> JsonObject:
    return {
        "anchorString": anchor,
        "anchorUnits": "pixels",
        "anchorXOffset": str(settings.anchor_x),
        "anchorYOffset": str(settings.anchor_y),
        "anchorIgnoreIfNotPresent": "false",
    }


def _expirations(left: timedelta) -> JsonObject:
    """The vendor counts whole days: an envelope runs out with the day in which it was to, never before it was to."""
    days = -(-left // timedelta(days=1))
    return {"expireEnabled": "true", "expireAfter": str(min(max(days, 1), _LONGEST_DAYS)), "expireWarn": "0"}


def _callbacks(url: str) -> JsonObject:
    return {
        "url": url,
        "requireAcknowledgment": "true",
        "loggingEnabled": "true",
        "includeHMAC": "true",
        "deliveryMode": "SIM",
        "events": list(EVENTS),
        "eventData": {"version": "restv2.1"},
    }


def mark_body(key: str) -> JsonObject:
    """The field by which a taking back is found again."""
    return {"textCustomFields": [{"name": MARK, "value": transaction_id(key), "required": "false", "show": "false"}]}


def void_body(reason: str) -> JsonObject:
    """An envelope taken back; the vendor wants a reason."""
    return {"status": "voided", "voidedReason": reason[:_REASON] or "taken back"}


def view_body(signer: Fields, return_url: str) -> JsonObject:
    """A link for a signer who comes by one."""
    return {
        "returnUrl": return_url,
        "authenticationMethod": "none",
        "email": signer.text("email"),
        "userName": signer.text("name"),
        "clientUserId": signer.text("clientUserId"),
        "recipientId": signer.text("recipientId"),
    }


# Come back


def envelope_of(answer: Fields, signing_urls: tuple[str, ...] = ()) -> Envelope:
    """An envelope in the hub's words."""
    signers = signers_of(answer)
    status = _status(answer)
    if status is EnvelopeStatus.SENT and any(_state(signer) in _SIGNED for signer in signers):
        status = EnvelopeStatus.PARTLY_SIGNED
    return Envelope(
        envelope_ref=answer.text("envelopeId"),
        status=status,
        signing_urls=signing_urls,
        completed_at=answer.optional_instant("completedDateTime") if status is EnvelopeStatus.COMPLETED else None,
        decline_reason=_reason(answer, signers, status),
    )


def _status(answer: Fields) -> EnvelopeStatus:
    """An envelope that has run out is voided by the vendor itself, at or after the end that it was given."""
    status = STATUS.get(answer.text("status").lower(), EnvelopeStatus.SENT)
    if status is EnvelopeStatus.VOIDED:
        ends, voided = answer.optional_instant("expireDateTime"), answer.optional_instant("voidedDateTime")
        if ends is not None and voided is not None and voided >= ends:
            return EnvelopeStatus.EXPIRED
    return status


def _reason(answer: Fields, signers: tuple[Fields, ...], status: EnvelopeStatus) -> str | None:
    if status is EnvelopeStatus.DECLINED:
        told = [signer.optional_text("declinedReason") for signer in signers if _state(signer) == "declined"]
        return next((reason for reason in told if reason), None)
    return answer.optional_text("voidedReason") or None if status is EnvelopeStatus.VOIDED else None


def signers_of(answer: Fields) -> tuple[Fields, ...]:
    """The signers of an envelope, as far as the answer tells of them."""
    if answer.content.get("recipients") is None:
        return ()
    recipients = answer.inner("recipients")
    return () if recipients.content.get("signers") is None else recipients.each("signers")


def _state(signer: Fields) -> str:
    return (signer.optional_text("status") or "").lower()


def whose_turn(answer: Fields) -> tuple[Fields, ...]:
    """The signers who may sign now and come by a link, in their order; nobody of an envelope that is not open."""
    if _status(answer) not in (EnvelopeStatus.SENT, EnvelopeStatus.PARTLY_SIGNED):
        return ()
    return tuple(
        signer
        for signer in signers_of(answer)
        if signer.optional_text("clientUserId") and _state(signer) in _THEIR_TURN
    )


def first_turn(body: JsonObject) -> tuple[Fields, ...]:
    """The same of an envelope that has just gone out: those with the lowest turn."""
    signers = Fields(body).inner("recipients").each("signers")
    first = min(int(signer.text("routingOrder")) for signer in signers)
    return tuple(signer for signer in signers if int(signer.text("routingOrder")) == first)


def one_of(answer: Fields, *, name: str, value: str) -> Fields | None:
    """The one envelope of a list that is really the one that was asked for; None when there is none.

    One that carries another value of that name is the answer to another question.
    """
    listed = () if answer.content.get("envelopes") is None else answer.each("envelopes")
    if not listed and not (answer.optional_text("resultSetSize") or "").isdigit():
        raise unreadable("it is no list of envelopes")
    found = [one for one in listed if (one.optional_text(name) or value).lower() == value.lower()]
    return found[0] if found else None


def pdf(answer: HttpAnswer) -> bytes:
    """A file; raises UnknownOutcome for anything that is no PDF."""
    if not answer.body.startswith(b"%PDF-"):
        raise unreadable("it is no PDF")
    return answer.body


def signed_files(ref: str, combined: bytes, certificate: bytes) -> SignedFiles:
    """The signed papers as one file, and the vendor's certificate of how they were signed."""
    return SignedFiles(
        envelope_ref=ref,
        content=combined,
        content_type=PDF,
        sha256=hashlib.sha256(combined).hexdigest(),
        evidence=certificate,
        evidence_type=PDF,
    )


# Refused


def code_of(body: bytes) -> str:
    """The code of a refusal in capitals; empty when there is none."""
    try:
        return shown_code(json_object(body).get("errorCode")).upper()
    except UnknownOutcome:
        return ""


def failure(answer: HttpAnswer, *, mutates: bool, now: datetime) -> ProviderError | None:
    """The error that an answer means; None when it is none. The code counts before the status, which varies."""
    general = classify_status(answer.status, answer.headers)
    code = code_of(answer.body) if general is not None else ""
    if general is None or not code:
        return general
    meaning = REFUSALS.get(code)
    if meaning is None:
        if answer.status in (401, 429) or answer.status >= 500:
            return general
        meaning = Meaning.DOUBT if mutates else Meaning.BUSINESS
    return refusal(meaning, code, wait_s=_wait_s(code, answer.headers, now))


def _wait_s(code: str, headers: Mapping[str, str], now: datetime) -> float:
    """Seconds until the vendor takes calls again: bursts are counted for thirty seconds, the rest by the clock's hour."""
    reset = headers.get("x-ratelimit-reset", "").strip()
    if code.startswith("BURST"):
        return _BURST_S
    if reset.isascii() and reset.isdigit():
        return max(int(reset) - now.timestamp(), 0.0)
    told = retry_after_s(headers)
    return told if told is not None else _HOUR_S - now.timestamp() % _HOUR_S
