"""What a party is and may be: kinds, the documents that fit them, consents and their validity, masked and clear views.

Pure. Facts of the room are here too. How numbers are checked is told in `documents`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from hub.core.errors import InvalidInput
from hub.core.events import Fact
from hub.core.identity import DocumentKind
from hub.core.ids import BankAccountId, BranchId, ConsentId, PartyId


class PartyKind(StrEnum):
    """A natural person or a company."""

    PERSON = "person"
    COMPANY = "company"


class PhoneKind(StrEnum):
    """Where a phone rings."""

    MOBILE = "mobile"
    HOME = "home"
    WORK = "work"


class AddressKind(StrEnum):
    """What an address is to the party."""

    REGISTERED = "registered"
    HOME = "home"
    WORK = "work"


class ConsentPurpose(StrEnum):
    """What a party has agreed that their data may be used for; one consent covers one purpose."""

    CREDIT_CHECK = "credit_check"
    MARKETING = "marketing"
    LOCATION = "location"
    CONTACT = "contact"


class ConsentMethod(StrEnum):
    """How the consent was given."""

    SIGNATURE = "signature"
    SMS_CODE = "sms_code"
    ONLINE_FORM = "online_form"
    RECORDED_CALL = "recorded_call"


class RevealPurpose(StrEnum):
    """Why somebody needs a party's data in the clear; written to the audit trail."""

    CREDIT_CHECK = "credit_check"
    CONTRACT = "contract"
    PAYMENT = "payment"
    COLLECTIONS = "collections"
    SERVICE = "service"


DOCUMENTS_OF: dict[PartyKind, frozenset[DocumentKind]] = {
    PartyKind.PERSON: frozenset({DocumentKind.CN_IDENTITY_CARD, DocumentKind.PASSPORT}),
    PartyKind.COMPANY: frozenset({DocumentKind.CN_COMPANY_CODE}),
}


def locale_of(document: DocumentKind) -> str:
    """The language that we write to a party in, until they choose one: who is known by a passport reads English."""
    return "en" if document is DocumentKind.PASSPORT else "zh-CN"


def check_document_fits(kind: PartyKind, document: DocumentKind) -> None:
    """Raise InvalidInput when this kind of party is not known by this kind of document."""
    if document not in DOCUMENTS_OF[kind]:
        fitting = ", ".join(sorted(DOCUMENTS_OF[kind]))
        raise InvalidInput("document_kind", f"a {kind} is known by one of: {fitting}")


def check_given_at(given_at: datetime, now: datetime) -> None:
    """Raise InvalidInput for a consent of the future, or one without a time zone."""
    if given_at.tzinfo is None:
        raise InvalidInput("given_at", "must carry a time zone")
    if given_at > now:
        raise InvalidInput("given_at", "lies in the future")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyView:
    """A party as everybody may see it: masked."""

    id: PartyId
    branch_id: BranchId
    kind: PartyKind
    name: str
    document_kind: DocumentKind
    document_number: str
    phone: str
    email: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearParty:
    """A party in the clear, for one stated purpose. Personal data: never logged."""

    id: PartyId
    kind: PartyKind
    name: str = field(repr=False)
    document_kind: DocumentKind
    document_number: str = field(repr=False)
    phone: str = field(repr=False)
    email: str | None = field(repr=False)
    addresses: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactView:
    """How to reach a party, and in which language. Personal data: never logged."""

    party_id: PartyId
    locale: str
    name: str = field(repr=False)
    phone: str = field(repr=False)
    email: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccountView:
    """A bank account by its bank and last four digits."""

    id: BankAccountId
    party_id: PartyId
    bank_code: str
    last_four: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentView:
    """One consent: for which purpose, to which text, when, how, and whether it has been withdrawn."""

    id: ConsentId
    party_id: PartyId
    purpose: ConsentPurpose
    text_version: str
    given_at: datetime
    method: ConsentMethod
    withdrawn_at: datetime | None

    def covers(self, instant: datetime) -> bool:
        """Whether it was given by `instant` and not yet withdrawn then."""
        return self.given_at <= instant and (self.withdrawn_at is None or instant < self.withdrawn_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyRegistered(Fact):
    """A party is known from now on."""

    party_id: PartyId
    branch_id: BranchId
    kind: PartyKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentGiven(Fact):
    """A party has consented to a purpose."""

    party_id: PartyId
    consent_id: ConsentId
    purpose: ConsentPurpose


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentWithdrawn(Fact):
    """A party has taken a consent back; nothing may be done under it any more."""

    party_id: PartyId
    consent_id: ConsentId
    purpose: ConsentPurpose
