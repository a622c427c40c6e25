"""The fields by which a person or company is registered, wherever a desk registers one."""

from __future__ import annotations

from hub.console.forms import Field, Kind, Values, choices
from hub.console.i18n import N_
from hub.console.visit import Visit
from hub.core.identity import DocumentKind
from hub.core.ids import BranchId, PartyId
from hub.infra.access import Permission as P
from hub.leasing.parties import service as parties

DOCUMENT: tuple[Field, ...] = (
    Field(
        name="document_kind",
        label=N_("Document"),
        kind=Kind.CHOICE,
        options=choices(DocumentKind),
        start=DocumentKind.CN_IDENTITY_CARD.value,
        help=N_("A company is known by its company code, a person by one of the others."),
    ),
    Field(name="document_number", label=N_("Document number"), longest=40, reads="company_code"),
)


def contact_fields(*, required: bool) -> tuple[Field, ...]:
    """What is asked of somebody besides their document."""
    return (
        Field(name="name", label=N_("Full name"), longest=100, required=required, help=N_("As the document has it.")),
        Field(name="phone", label=N_("Phone"), longest=40, required=required),
        Field(name="email", label=N_("E-mail"), longest=254, required=False),
    )


async def register(visit: Visit, branch_id: BranchId, values: Values) -> PartyId:
    """Register whom the form describes, a person or a company by their document."""
    visit.actor.require(P.PARTIES_WRITE)
    kind = DocumentKind(values["document_kind"])
    email = values["email"] or None
    if kind is DocumentKind.CN_COMPANY_CODE:
        return await parties.register_company(
            visit.tx,
            branch_id=branch_id,
            name=values["name"],
            company_code=values["document_number"],
            phone=values["phone"],
            email=email,
        )
    return await parties.register_person(
        visit.tx,
        branch_id=branch_id,
        name=values["name"],
        document_kind=kind,
        document_number=values["document_number"],
        phone=values["phone"],
        email=email,
    )
