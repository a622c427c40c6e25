"""Put together what the rooms have waiting for a second person, the longest wait first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from hub.core.errors import InvalidInput
from hub.infra.access import Permission as P
from hub.infra.database import Tx
from hub.infra.paging import Count, Slice, Window, merged, together
from hub.leasing.applications import listing as applications
from hub.leasing.applications.rules import Undecided
from hub.leasing.approvals.rules import RequestKind, RequestView, Whose
from hub.leasing.disbursements import listing as disbursements
from hub.leasing.disbursements.rules import DisbursementState, Unapproved
from hub.leasing.parties import listing as parties


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """A room in which something waits: who may read it, who may decide it, its rows and their number."""

    reading: P
    deciding: P
    page: Callable[[Tx, Window], Awaitable[Slice[RequestView]]]
    count: Callable[[Tx, Window], Awaitable[Count]]


async def page(tx: Tx, window: Window) -> Slice[RequestView]:
    """Requests in a window, as far as the actor may read them; filters `kind` and `whose`."""
    sources = _readable(tx, window)
    found = [await source.page(tx, window) for source in sources.values()]
    return merged(found, window, lambda one: (one.asked_at, one.id))


async def counts(tx: Tx, window: Window) -> Mapping[str, Count]:
    """How many requests of each kind wait, and `""` for all together, under the other filters."""
    every = Window(filters={name: word for name, word in window.filters.items() if name != "kind"})
    found = {kind.value: await source.count(tx, every) for kind, source in _readable(tx, every).items()}
    return {"": together(found.values()), **found}


async def waiting_for(tx: Tx) -> Count:
    """How many requests the actor could decide: the number that a menu shows."""
    others = Window(filters={"whose": Whose.OTHERS})
    mine = [source for source in _SOURCES.values() if tx.actor.may(source.deciding)]
    return together([await source.count(tx, others) for source in mine])


def _readable(tx: Tx, window: Window) -> dict[RequestKind, _Source]:
    """The rooms that the actor may look into, under the filter `kind`."""
    kind = window.filters.get("kind", "")
    if kind and kind not in set(RequestKind):
        raise InvalidInput("kind", f"one of {', '.join(RequestKind)}")
    return {
        name: source for name, source in _SOURCES.items() if tx.actor.may(source.reading) and kind in {"", name.value}
    }


async def _applications(tx: Tx, window: Window) -> Slice[RequestView]:
    found = await applications.undecided(tx, window)
    names = await parties.names_of(tx, [one.application.party_id for one in found.rows])
    rows = [_of_application(tx, one, names[one.application.party_id]) for one in found.rows]
    return Slice(rows=rows, after=found.after, before=found.before)


def _of_application(tx: Tx, one: Undecided, name: str) -> RequestView:
    return RequestView(
        kind=RequestKind.APPLICATION,
        id=one.application.id,
        branch_id=one.application.branch_id,
        name=name,
        number=one.application.number,
        what_for=one.application.car.model,
        fee_kind=None,
        amount=one.application.financed,
        contract_id=None,
        credit_outcome=one.application.credit_outcome,
        refused_code=None,
        asked_by=one.asked_by,
        asked_at=one.asked_at,
        is_own=one.is_own,
        may_decide=not one.is_own and tx.actor.may(P.APPLICATIONS_APPROVE),
    )


async def _disbursements(tx: Tx, window: Window) -> Slice[RequestView]:
    found = await disbursements.unapproved(tx, window)
    rows = [_of_disbursement(tx, one) for one in found.rows]
    return Slice(rows=rows, after=found.after, before=found.before)


def _of_disbursement(tx: Tx, one: Unapproved) -> RequestView:
    is_refused = one.disbursement.state is DisbursementState.REFUSED
    return RequestView(
        kind=RequestKind.DISBURSEMENT,
        id=one.disbursement.id,
        branch_id=one.disbursement.branch_id,
        name=one.disbursement.payee,
        number=None,
        what_for=one.disbursement.what_for,
        fee_kind=one.disbursement.fee_kind,
        amount=one.disbursement.amount,
        contract_id=one.disbursement.contract_id,
        credit_outcome=None,
        refused_code=one.disbursement.code if is_refused else None,
        asked_by=one.asked_by,
        asked_at=one.disbursement.drafted_at,
        is_own=one.is_own,
        may_decide=not one.is_own and tx.actor.may(P.DISBURSEMENTS_APPROVE),
    )


_SOURCES: Mapping[RequestKind, _Source] = {
    RequestKind.APPLICATION: _Source(
        reading=P.APPLICATIONS_READ,
        deciding=P.APPLICATIONS_APPROVE,
        page=_applications,
        count=applications.count_undecided,
    ),
    RequestKind.DISBURSEMENT: _Source(
        reading=P.DISBURSEMENTS_READ,
        deciding=P.DISBURSEMENTS_APPROVE,
        page=_disbursements,
        count=disbursements.count_unapproved,
    ),
}
