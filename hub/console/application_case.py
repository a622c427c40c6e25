"""An application as its desk sees it: with the customer's masked name, what stands against each step, and its contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from hub.console.refusals import RULES
from hub.console.visit import Visit
from hub.core.errors import NotFound, RuleBroken
from hub.core.ids import ApplicationId, PartyId
from hub.infra.access import Permission as P
from hub.leasing.applications import service as applications
from hub.leasing.applications.rules import ApplicationState, ApplicationView
from hub.leasing.contracts import service as contracts
from hub.leasing.contracts.rules import ContractState, ContractView
from hub.leasing.credit import service as credit
from hub.leasing.credit.rules import CheckState, CreditCheckView
from hub.leasing.parties import listing as party_listing
from hub.leasing.parties import service as parties
from hub.leasing.parties.rules import ConsentPurpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An application with what its page needs to know."""

    application: ApplicationView
    customer: str
    objections: Mapping[ApplicationState, RuleBroken]
    has_consent: bool
    contract: ContractView | None
    is_approved: bool
    reports: Sequence[CreditCheckView] = ()

    def why_not(self, state: ApplicationState) -> str | None:
        """Why it cannot go to a state now, as a text to translate; None when it can."""
        objection = self.objections.get(state)
        return None if objection is None else RULES.get(objection.rule, objection.rule)


async def load(visit: Visit, application_id: UUID) -> Case:
    """The application, for whoever may see it."""
    one = await applications.get_application(visit.tx, ApplicationId(application_id))
    names = await party_listing.names_of(visit.tx, [one.party_id])
    is_valid = one.valid_until_on is not None and one.valid_until_on >= visit.tx.today
    return Case(
        application=one,
        customer=names[one.party_id],
        objections=await applications.objections(visit.tx, one.id),
        has_consent=await _has_consent(visit, one.party_id),
        contract=await _contract(visit, one),
        is_approved=one.state is ApplicationState.APPROVED and is_valid,
        reports=await _reports(visit, one.id),
    )


async def _has_consent(visit: Visit, party_id: PartyId) -> bool:
    try:
        return await parties.valid_consent(visit.tx, party_id, ConsentPurpose.CREDIT_CHECK) is not None
    except NotFound:  # the customer belongs to another branch
        return False


async def _reports(visit: Visit, application_id: ApplicationId) -> list[CreditCheckView]:
    """The reports that have come, for whoever may ask for them."""
    if not visit.actor.may(P.CREDIT_CHECK):
        return []
    checks = await credit.list_checks(visit.tx, application_id=application_id)
    return [one for one in checks if one.state is CheckState.REPORTED]


async def _contract(visit: Visit, application: ApplicationView) -> ContractView | None:
    if not visit.actor.may(P.CONTRACTS_READ):
        return None
    found = await contracts.of_party(visit.tx, application.party_id)
    live = (one for one in found if one.state is not ContractState.CANCELLED)
    return next((one for one in live if one.application_id == application.id), None)
