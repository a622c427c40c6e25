"""What can be done with an application: complete and submit it, have credit checked, decide, and write the contract."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from starlette.responses import Response

from hub.console.actions import Action
from hub.console.application_case import Case
from hub.console.credit_import import IMPORT
from hub.console.forms import Field, Kind, Option, Values, choices
from hub.console.i18n import N_, instant
from hub.console.labels import label
from hub.console.page import Fact, Look
from hub.console.refusals import RULES
from hub.console.visit import Visit
from hub.core.ids import BankAccountId, CreditCheckId
from hub.core.ports.credit_bureau import Inquiry
from hub.infra.access import Permission as P
from hub.leasing.applications import service as applications
from hub.leasing.applications.rules import (
    LARGEST_FILE_BYTES,
    MOVES,
    OPEN_TO_CREDIT,
    OPEN_TO_MATERIAL,
    ApplicationState,
    Decision,
    MaterialKind,
    approval_valid_until,
    media_type,
)
from hub.leasing.contracts import service as contracts
from hub.leasing.credit import service as credit
from hub.leasing.parties import service as parties

_REASON = Field(name="reason", label=N_("Reason"), kind=Kind.LONG_TEXT, longest=500)


async def _add_material(visit: Visit, case: Case, values: Values) -> str:
    content = await values["file"].read(LARGEST_FILE_BYTES + 1)
    media_type(content)
    name = await asyncio.to_thread(visit.house.files.put, content)
    kind = MaterialKind(values["kind"])
    await applications.add_material(visit.tx, application_id=case.application.id, kind=kind, file_sha256=name)
    return f"/applications/{case.application.id}/material"


async def _submit(visit: Visit, case: Case, values: Values) -> None:
    await applications.submit(visit.tx, application_id=case.application.id)


async def _withdraw(visit: Visit, case: Case, values: Values) -> None:
    await applications.withdraw(visit.tx, application_id=case.application.id)


async def _check(visit: Visit, case: Case, values: Values) -> str | None:
    await credit.request_check(visit.tx, case.application.id, inquiry=Inquiry(values["inquiry"]))
    return f"/applications/{case.application.id}/credit" if visit.actor.may(P.CREDIT_READ) else None


async def _approve(visit: Visit, case: Case, values: Values) -> None:
    await _decide(visit, case, Decision.APPROVE, values)


async def _decline(visit: Visit, case: Case, values: Values) -> None:
    await _decide(visit, case, Decision.DECLINE, values)


async def _return(visit: Visit, case: Case, values: Values) -> None:
    await _decide(visit, case, Decision.RETURN, values)


async def _decide(visit: Visit, case: Case, decision: Decision, values: Values) -> None:
    await applications.decide(visit.tx, application_id=case.application.id, decision=decision, reason=values["reason"])


async def _what_is_approved(visit: Visit, case: Case, values: Values) -> Sequence[Fact]:
    one = case.application
    return (
        Fact(label=N_("Customer"), value=case.customer, look=Look.NAME),
        Fact(label=N_("Car"), value=one.car.model, look=Look.NAME),
        Fact(label=N_("Car price"), value=one.price, look=Look.MONEY),
        Fact(label=N_("Financed amount"), value=one.financed, look=Look.MONEY),
        Fact(label=N_("Credit"), value=one.credit_outcome, look=Look.WORD),
        Fact(label=N_("Approved until"), value=approval_valid_until(visit.tx.today), look=Look.DAY),
    )


async def _accounts(visit: Visit, case: Case) -> Sequence[Field]:
    if not visit.actor.may(P.PARTIES_READ):
        return ()
    accounts = await parties.list_bank_accounts(visit.tx, case.application.party_id)
    options = tuple(
        Option(value=str(one.id), label=f"{one.bank_code} ···· {one.last_four}", is_name=True) for one in accounts
    )
    if not options:
        return ()
    start = options[-1].value
    label = N_("Account that rents are debited from")
    return (Field(name="bank_account_id", label=label, kind=Kind.CHOICE, options=options, start=start),)


async def _draft_contract(visit: Visit, case: Case, values: Values) -> str:
    chosen = values.get("bank_account_id")
    account = None if chosen is None else BankAccountId(UUID(chosen))
    contract_id = await contracts.draft(visit.tx, application_id=case.application.id, bank_account_id=account)
    return f"/contracts/{contract_id}"


async def _which_report(visit: Visit, case: Case) -> Sequence[Field]:
    options = tuple(
        Option(
            value=str(one.id),
            label=f"{instant(one.answered_at, visit.manner.language)} · {visit.say(label(one.inquiry))}",
            is_name=True,
        )
        for one in case.reports
    )
    start = options[0].value if options else ""
    which = Field(name="check_id", label=N_("Report"), kind=Kind.CHOICE, options=options, start=start)
    return (which, Field(name="reason", label=N_("Why you look"), kind=Kind.LONG_TEXT, longest=300))


async def _reveal_report(visit: Visit, case: Case, values: Values) -> Response:
    check_id = CreditCheckId(UUID(values["check_id"]))
    report = await credit.reveal_facts(visit.tx, check_id, reason=values["reason"])
    return visit.page("credit_revealed.html", title=N_("Credit report"), report=report, one=case.application)


# Why something is off


def _no_material(case: Case) -> str | None:
    return None if case.application.state in OPEN_TO_MATERIAL else RULES["application_state"]


def _no_check(case: Case) -> str | None:
    if case.application.state not in OPEN_TO_CREDIT:
        return RULES["application_state"]
    return None if case.has_consent else RULES["consent_missing"]


def _no_withdrawal(case: Case) -> str | None:
    if case.contract is not None:
        return RULES["application_has_contract"]
    return None if ApplicationState.WITHDRAWN in MOVES[case.application.state] else RULES["application_state"]


def _no_contract(case: Case) -> str | None:
    if case.contract is not None:
        return RULES["application_has_contract"]
    return None if case.is_approved else RULES["application_not_approved"]


ACTIONS: tuple[Action[Case], ...] = (
    Action(
        key="material",
        label=N_("Add material"),
        permission=P.APPLICATIONS_WRITE,
        perform=_add_material,
        done=N_("The file is on the checklist."),
        fields=(
            Field(name="kind", label=N_("What it is"), kind=Kind.CHOICE, options=choices(MaterialKind)),
            Field(
                name="file",
                label=N_("File"),
                kind=Kind.FILE,
                help=N_("A PDF, JPEG or PNG of at most 10 MiB. A newer file takes the place of the older one."),
            ),
        ),
        off=_no_material,
    ),
    Action(
        key="submit",
        label=N_("Submit"),
        permission=P.APPLICATIONS_WRITE,
        perform=_submit,
        done=N_("The application is submitted."),
        off=lambda case: case.why_not(ApplicationState.SUBMITTED),
        explain=N_("The application goes to the credit check, and from there to an approver."),
        is_main=True,
    ),
    Action(
        key="check",
        label=N_("Check credit"),
        permission=P.CREDIT_CHECK,
        perform=_check,
        done=N_("A credit check is asked for. The outcome comes by itself."),
        fields=(
            Field(
                name="inquiry",
                label=N_("Kind of inquiry"),
                kind=Kind.CHOICE,
                options=choices(Inquiry),
                start=Inquiry.HARD.value,
                help=N_("A hard inquiry leaves a mark on the customer's file at the bureau."),
            ),
        ),
        off=_no_check,
    ),
    IMPORT,
    Action(
        key="report",
        label=N_("Open the credit report"),
        permission=P.CREDIT_CHECK,
        perform=_reveal_report,
        done=N_("Shown."),
        fields_for=_which_report,
        off=lambda case: None if case.reports else N_("No report has come yet."),
        fits=lambda case: case.application.state is not ApplicationState.DRAFT,
        explain=N_("It is shown this once. That you have looked, and what for, goes to the audit trail."),
    ),
    Action(
        key="approve",
        label=N_("Approve"),
        permission=P.APPLICATIONS_APPROVE,
        perform=_approve,
        preview=_what_is_approved,
        done=N_("The application is approved."),
        fields=(Field(name="reason", label=N_("Note"), kind=Kind.LONG_TEXT, longest=500, required=False),),
        off=lambda case: case.why_not(ApplicationState.APPROVED),
        is_main=True,
    ),
    Action(
        key="return",
        label=N_("Return"),
        permission=P.APPLICATIONS_APPROVE,
        perform=_return,
        done=N_("The application is returned to sales."),
        fields=(_REASON,),
        off=lambda case: case.why_not(ApplicationState.RETURNED),
        explain=N_("Sales sees the reason, completes the material and submits again."),
    ),
    Action(
        key="contract",
        label=N_("Draft contract"),
        permission=P.CONTRACTS_WRITE,
        perform=_draft_contract,
        done=N_("The contract is drafted."),
        fields_for=_accounts,
        off=_no_contract,
        explain=N_("The contract is written on the terms of the quote."),
        is_main=True,
    ),
    Action(
        key="decline",
        label=N_("Decline"),
        permission=P.APPLICATIONS_APPROVE,
        perform=_decline,
        done=N_("The application is declined."),
        fields=(_REASON,),
        off=lambda case: case.why_not(ApplicationState.DECLINED),
        is_danger=True,
    ),
    Action(
        key="withdraw",
        label=N_("Withdraw"),
        permission=P.APPLICATIONS_WRITE,
        perform=_withdraw,
        done=N_("The application is withdrawn."),
        off=_no_withdrawal,
        explain=N_("The customer takes the application back. It cannot be opened again."),
        is_danger=True,
    ),
)
