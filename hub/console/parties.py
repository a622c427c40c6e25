"""The desk of customers: registered, shown masked, revealed for a purpose, with their accounts and consents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hub.console.actions import Action
from hub.console.creation import Creation, add_creation, branch_field
from hub.console.forms import Field, Kind, Option, Values, choices
from hub.console.i18n import N_
from hub.console.labels import label
from hub.console.page import Column, Fact, Filter, Link, Listing, Look, add_listing
from hub.console.people import DOCUMENT, contact_fields, register
from hub.console.subject import Subject, Tab, add_subject
from hub.console.visit import Visit
from hub.core.ids import BankAccountId, BranchId, ChannelId, ConsentId, PartyId
from hub.infra.access import Permission as P
from hub.infra.paging import Count, Slice, Window
from hub.leasing.applications import listing as application_listing
from hub.leasing.channels import service as channels
from hub.leasing.contracts import service as contracts
from hub.leasing.disbursements import payees
from hub.leasing.parties import listing
from hub.leasing.parties import service as parties
from hub.leasing.parties.rules import (
    AddressKind,
    ConsentMethod,
    ConsentPurpose,
    ConsentView,
    PartyKind,
    PartyView,
    PhoneKind,
    RevealPurpose,
)

router = APIRouter()
_MOST_DEALERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A party as its page sees it: with the consents that hold."""

    party: PartyView
    consents: Sequence[ConsentView]


async def _page(visit: Visit, window: Window) -> Slice[PartyView]:
    return await listing.page(visit.tx, window)


async def _counts(visit: Visit, window: Window) -> Mapping[str, Count]:
    return await listing.counts(visit.tx, window)


PARTIES: Listing[PartyView] = Listing(
    path="/parties",
    title=N_("Customers"),
    permission=P.PARTIES_READ,
    columns=(
        Column(
            label=N_("Full name"), value=lambda one: one.name, look=Look.NAME, href=lambda one: f"/parties/{one.id}"
        ),
        Column(label=N_("Kind"), value=lambda one: one.kind, look=Look.WORD),
        Column(label=N_("Document"), value=lambda one: one.document_kind, look=Look.WORD),
        Column(label=N_("Document number"), value=lambda one: one.document_number, look=Look.CODE),
        Column(label=N_("Phone"), value=lambda one: one.phone, look=Look.CODE),
        Column(label=N_("Registered on"), value=lambda one: one.created_at, look=Look.INSTANT, sort="registered"),
    ),
    fetch=_page,
    tab="kind",
    tabs=tuple(PartyKind),
    counts=_counts,
    filters=(Filter(name="person_name", label=N_("Whole name, phone or document number")),),
    links=(Link(label=N_("Register customer"), path="/parties/new", permission=P.PARTIES_WRITE),),
    empty=N_("There is no customer yet. Register one, or convert a lead."),
    intro=N_("Names and numbers are sealed, so only a whole name, phone or document number is found."),
)


# Registering


async def _new_fields(visit: Visit) -> Sequence[Field]:
    return (await branch_field(visit), *DOCUMENT, *contact_fields(required=True))


async def _register(visit: Visit, values: Values) -> str:
    return f"/parties/{await register(visit, BranchId(UUID(values['branch_id'])), values)}"


NEW_PARTY = Creation(
    path="/parties/new",
    title=N_("Register customer"),
    plural=N_("Customers"),
    list_path="/parties",
    permission=P.PARTIES_WRITE,
    button=N_("Register"),
    fields=_new_fields,
    perform=_register,
    explain=N_("What names a person is sealed as it is stored, and shown masked."),
)


# One customer


async def _load(visit: Visit, subject_id: UUID) -> Customer:
    party = await parties.get_party(visit.tx, PartyId(subject_id))
    consents = await parties.list_consents(visit.tx, party.id)
    return Customer(party=party, consents=[one for one in consents if one.covers(visit.tx.now)])


async def _facts(visit: Visit, customer: Customer) -> Sequence[Fact]:
    one = customer.party
    return (
        Fact(label=N_("Kind"), value=one.kind, look=Look.WORD),
        Fact(label=label(one.document_kind), value=one.document_number, look=Look.CODE),
        Fact(label=N_("Phone"), value=one.phone, look=Look.CODE),
        Fact(label=N_("E-mail"), value=one.email, look=Look.NAME),
        Fact(label=N_("Registered on"), value=one.created_at, look=Look.INSTANT),
    )


async def _business(visit: Visit, customer: Customer) -> Mapping[str, Any]:
    may_see = visit.actor.may
    party_id = customer.party.id
    return {
        "contracts": await contracts.of_party(visit.tx, party_id) if may_see(P.CONTRACTS_READ) else None,
        "applications": (
            await application_listing.of_party(visit.tx, party_id) if may_see(P.APPLICATIONS_READ) else None
        ),
    }


async def _accounts(visit: Visit, customer: Customer) -> Mapping[str, Any]:
    return {"accounts": await parties.list_bank_accounts(visit.tx, customer.party.id)}


async def _consents(visit: Visit, customer: Customer) -> Mapping[str, Any]:
    return {"consents": await parties.list_consents(visit.tx, customer.party.id)}


async def _reveal(visit: Visit, customer: Customer, values: Values) -> Response:
    clear = await parties.reveal_party(visit.tx, customer.party.id, RevealPurpose(values["purpose"]))
    return visit.page(
        "party_revealed.html", title=N_("Customer in the clear"), subject=PARTY, view=customer, clear=clear
    )


async def _add_phone(visit: Visit, customer: Customer, values: Values) -> None:
    kind = PhoneKind(values["kind"])
    await parties.add_phone(visit.tx, party_id=customer.party.id, kind=kind, phone=values["phone"])


async def _add_address(visit: Visit, customer: Customer, values: Values) -> None:
    kind = AddressKind(values["kind"])
    await parties.add_address(visit.tx, party_id=customer.party.id, kind=kind, text=values["text"])


async def _add_account(visit: Visit, customer: Customer, values: Values) -> str:
    party_id = customer.party.id
    code, number = values["bank_code"], values["number"]
    await parties.add_bank_account(visit.tx, party_id=party_id, bank_code=code, number=number)
    return f"/parties/{party_id}/accounts"


async def _record_employment(visit: Visit, customer: Customer, values: Values) -> None:
    employer, income = values["employer"], values["monthly_income"]
    await parties.record_employment(visit.tx, party_id=customer.party.id, employer=employer, monthly_income=income)


async def _record_consent(visit: Visit, customer: Customer, values: Values) -> str:
    await parties.record_consent(
        visit.tx,
        party_id=customer.party.id,
        purpose=ConsentPurpose(values["purpose"]),
        text_version=values["text_version"],
        method=ConsentMethod(values["method"]),
    )
    return f"/parties/{customer.party.id}/consents"


async def _withdraw_consent(visit: Visit, customer: Customer, values: Values) -> str:
    consent_id = ConsentId(UUID(values["consent_id"]))
    await parties.withdraw_consent(visit.tx, party_id=customer.party.id, consent_id=consent_id)
    return f"/parties/{customer.party.id}/consents"


async def _which_consent(visit: Visit, customer: Customer) -> Sequence[Field]:
    options = tuple(
        Option(value=str(one.id), label=f"{visit.say(label(one.purpose))} · {one.text_version}", is_name=True)
        for one in customer.consents
    )
    return (Field(name="consent_id", label=N_("Consent"), kind=Kind.CHOICE, options=options),)


async def _payee_fields(visit: Visit, customer: Customer) -> Sequence[Field]:
    accounts = await parties.list_bank_accounts(visit.tx, customer.party.id)
    partners = await channels.list_partners(visit.tx, limit=_MOST_DEALERS) if visit.actor.may(P.CHANNELS_READ) else ()
    held = tuple(
        Option(value=str(one.id), label=f"{one.bank_code} •••• {one.last_four}", is_name=True) for one in accounts
    )
    dealers = tuple(Option(value=str(one.id), label=one.name, is_name=True) for one in partners)
    fee = N_("As the product calls it, such as insurance. Name a dealer, a kind of fee, or both.")
    return (
        Field(name="bank_account_id", label=N_("Account"), kind=Kind.CHOICE, options=held),
        await branch_field(visit),
        Field(name="name", label=N_("Name"), longest=120, help=N_("What the payee is called on disbursements.")),
        Field(name="channel_id", label=N_("Dealer"), kind=Kind.CHOICE, options=dealers, required=False),
        Field(name="fee_kind", label=N_("Kind of fee"), longest=payees.LONGEST_KIND, required=False, help=fee),
    )


async def _name_payee(visit: Visit, customer: Customer, values: Values) -> str:
    dealer = values["channel_id"]
    payee = await payees.name_payee(
        visit.tx,
        branch_id=BranchId(UUID(values["branch_id"])),
        name=values["name"],
        party_id=customer.party.id,
        bank_account_id=BankAccountId(UUID(values["bank_account_id"])),
        channel_id=None if dealer is None else ChannelId(UUID(dealer)),
        fee_kind=values["fee_kind"] or None,
    )
    return f"/payees/{payee.id}"


def _choice(name: str, text: str, words: Any) -> Field:
    return Field(name=name, label=text, kind=Kind.CHOICE, options=choices(words))


PARTY: Subject[Customer] = Subject(
    path="/parties",
    kind="party",
    noun=N_("Customer"),
    plural=N_("Customers"),
    permission=P.PARTIES_READ,
    load=_load,
    id_of=lambda customer: customer.party.id,
    title=lambda customer: customer.party.name,
    state=lambda customer: None,
    facts=_facts,
    tabs=(
        Tab(key="business", label=N_("Contracts and applications"), template="party_business.html", load=_business),
        Tab(key="accounts", label=N_("Bank accounts"), template="party_accounts.html", load=_accounts),
        Tab(key="consents", label=N_("Consents"), template="party_consents.html", load=_consents),
    ),
    actions=(
        Action(
            key="reveal",
            label=N_("Show in the clear"),
            permission=P.PARTIES_REVEAL,
            perform=_reveal,
            done=N_("Shown."),
            fields=(_choice("purpose", N_("What for"), RevealPurpose),),
            explain=N_("It is shown this once. That you have looked, and what for, goes to the audit trail."),
        ),
        Action(
            key="phone",
            label=N_("Add phone"),
            permission=P.PARTIES_WRITE,
            perform=_add_phone,
            done=N_("The phone is added."),
            fields=(_choice("kind", N_("Kind"), PhoneKind), Field(name="phone", label=N_("Phone"), longest=40)),
        ),
        Action(
            key="address",
            label=N_("Add address"),
            permission=P.PARTIES_WRITE,
            perform=_add_address,
            done=N_("The address is added."),
            fields=(
                _choice("kind", N_("Kind"), AddressKind),
                Field(name="text", label=N_("Address"), kind=Kind.LONG_TEXT, longest=300),
            ),
        ),
        Action(
            key="account",
            label=N_("Add bank account"),
            permission=P.PARTIES_WRITE,
            perform=_add_account,
            done=N_("The account is added."),
            fields=(
                Field(name="bank_code", label=N_("Bank code"), longest=14, help=N_("Such as ICBC.")),
                Field(name="number", label=N_("Account number"), longest=40),
            ),
        ),
        Action(
            key="payee",
            label=N_("Name as payee"),
            permission=P.DISBURSEMENTS_WRITE,
            perform=_name_payee,
            done=N_("The payee is named; somebody else approves what goes there."),
            fields_for=_payee_fields,
            explain=N_(
                "Money for a dealer, for a kind of fee, or for both goes to this account, in the branch and all below it."
            ),
        ),
        Action(
            key="employment",
            label=N_("Record employment"),
            permission=P.PARTIES_WRITE,
            perform=_record_employment,
            done=N_("The employment is recorded."),
            fields=(
                Field(name="employer", label=N_("Employer"), longest=100),
                Field(name="monthly_income", label=N_("Monthly income"), kind=Kind.MONEY),
            ),
        ),
        Action(
            key="consent",
            label=N_("Record consent"),
            permission=P.PARTIES_WRITE,
            perform=_record_consent,
            done=N_("The consent is recorded."),
            fields=(
                _choice("purpose", N_("What for"), ConsentPurpose),
                Field(
                    name="text_version",
                    label=N_("Version of the text"),
                    longest=40,
                    help=N_("The version that the customer has read, such as 2026-1."),
                ),
                _choice("method", N_("How it was given"), ConsentMethod),
            ),
        ),
        Action(
            key="withdraw",
            label=N_("Withdraw consent"),
            permission=P.PARTIES_WRITE,
            perform=_withdraw_consent,
            done=N_("The consent is withdrawn."),
            fields_for=_which_consent,
            off=lambda customer: None if customer.consents else N_("There is no consent to withdraw."),
            explain=N_("Nothing may be done under it any more; a credit check that waits is not sent."),
            is_danger=True,
        ),
    ),
)

add_listing(router, PARTIES)
add_creation(router, NEW_PARTY)
add_subject(router, PARTY)
