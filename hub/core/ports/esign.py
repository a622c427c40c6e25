"""E-signature: an envelope of documents, signed by people in order, fetched back with evidence."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from hub.core.ports import require


@dataclass(frozen=True, slots=True, kw_only=True)
class EsignDocument:
    """A document to sign; `sha256` is the lower-case hex digest of `content`."""

    name: str
    content: bytes = field(repr=False)
    sha256: str

    def __post_init__(self) -> None:
        digest = hashlib.sha256(self.content).hexdigest()
        require(digest == self.sha256, "sha256", "is not the digest of the content")


class SignerRole(StrEnum):
    """On whose side a person signs."""

    LESSEE = "lessee"
    CO_LESSEE = "co_lessee"
    GUARANTOR = "guarantor"
    LESSOR = "lessor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signs; `order` starts at 1 and equal numbers sign in parallel. Personal data: never logged."""

    role: SignerRole
    order: int
    name: str = field(repr=False)
    phone: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    document_number: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeRequest:
    """Send documents out for signature, open until `expires_at`."""

    subject: str
    documents: tuple[EsignDocument, ...]
    signers: tuple[Signer, ...]
    expires_at: datetime
    redirect_url: str | None = None

    def __post_init__(self) -> None:
        require(bool(self.documents), "documents", "nothing to sign")
        require(bool(self.signers), "signers", "nobody to sign")


class EnvelopeStatus(StrEnum):
    """How far an envelope has come."""

    SENT = "sent"
    PARTLY_SIGNED = "partly_signed"
    COMPLETED = "completed"
    DECLINED = "declined"
    EXPIRED = "expired"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An envelope as the provider knows it; `signing_urls` in the order of the signers."""

    envelope_ref: str
    status: EnvelopeStatus
    signing_urls: tuple[str, ...] = ()
    completed_at: datetime | None = None
    decline_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VoidRequest:
    """Take an envelope back before it is complete."""

    envelope_ref: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequest:
    """Fetch what has been signed."""

    envelope_ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFiles:
    """The signed file and the provider's evidence (certificate, audit trail) for it."""

    envelope_ref: str
    content: bytes = field(repr=False)
    content_type: str
    sha256: str
    evidence: bytes = field(default=b"", repr=False)
    evidence_type: str = "application/octet-stream"

    def __post_init__(self) -> None:
        require(hashlib.sha256(self.content).hexdigest() == self.sha256, "sha256", "is not the digest of the content")
