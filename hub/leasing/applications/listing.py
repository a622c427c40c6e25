"""Applications as a list: by state and number, the newest first."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import ColumnElement, Select, and_, or_, select

from hub.core.ids import ApplicationId, BranchId, ChannelId, PartyId, ProductVersionId, QuoteId
from hub.infra.access import by_hand_of, visible
from hub.infra.database import Tx
from hub.infra.paging import Count, Order, Slice, Tabs, Window, count, count_by, sliced, whose
from hub.leasing.applications.records import ApplicationRecord
from hub.leasing.applications.rules import ApplicationState, ApplicationView, Car, CreditOutcome, Undecided
from hub.leasing.products.rules import LeaseType

# Ids rise with time, so they stand for when an application was opened.
_ORDER = Order(
    key=ApplicationRecord.id,
    columns={"opened": ApplicationRecord.id, "number": ApplicationRecord.number},
    standard="opened",
)

_WAITING = Order(
    key=ApplicationRecord.id, columns={"asked": ApplicationRecord.submitted_at}, standard="asked"
)  # who is under review has been submitted
_TABS = Tabs(name="state", column=ApplicationRecord.state, words=ApplicationState)


async def page(tx: Tx, window: Window) -> Slice[ApplicationView]:
    """Applications in a window; filters `state`, and `text` for the beginning of a number."""
    return await sliced(tx, _wanted(tx, window), _ORDER, window, shown, _TABS)


async def counts(tx: Tx, window: Window) -> Mapping[str, Count]:
    """How many applications there are in each state, under the other filters."""
    return await count_by(tx, _wanted(tx, window), _TABS)


async def undecided(tx: Tx, window: Window) -> Slice[Undecided]:
    """Applications that wait for a decision, by when they were submitted; filter `whose`."""
    found = await sliced(tx, _undecided(tx, window), _WAITING, window, lambda row: row)
    ids = [row.id for row in found.rows]
    mine = select(ApplicationRecord.id).where(ApplicationRecord.id.in_(ids), _own(tx))
    own = set(await tx.scalars(mine)) if ids else set()
    rows = [
        Undecided(
            application=shown(row),
            asked_by=row.submitted_by or row.opened_by,
            asked_at=row.submitted_at,
            is_own=row.id in own,
        )
        for row in found.rows
    ]
    return Slice(rows=rows, after=found.after, before=found.before)


async def count_undecided(tx: Tx, window: Window) -> Count:
    """How many applications wait for a decision; filter `whose`."""
    return await count(tx, _undecided(tx, window))


def _undecided(tx: Tx, window: Window) -> Select[ApplicationRecord]:
    query = visible(select(ApplicationRecord), ApplicationRecord.branch_id, tx.actor)
    query = query.where(_TABS.has(ApplicationState.UNDER_REVIEW))
    return whose(query, _own(tx), window)


def _own(tx: Tx) -> ColumnElement[bool]:
    """The condition that the actor opened or submitted it."""
    return or_(
        by_hand_of(tx.actor, ApplicationRecord.opened_by_id, ApplicationRecord.opened_by),
        and_(
            ApplicationRecord.submitted_by.is_not(None),
            by_hand_of(tx.actor, ApplicationRecord.submitted_by_id, ApplicationRecord.submitted_by),
        ),
    )


async def of_party(tx: Tx, party_id: PartyId) -> tuple[ApplicationView, ...]:
    """The applications of a customer, the newest first."""
    query = visible(select(ApplicationRecord), ApplicationRecord.branch_id, tx.actor)
    found = query.where(ApplicationRecord.party_id == party_id).order_by(ApplicationRecord.id.desc())
    return tuple(map(shown, await tx.scalars(found)))


async def of_quote(tx: Tx, quote_id: QuoteId) -> tuple[ApplicationView, ...]:
    """The applications on a quote, the newest first."""
    query = visible(select(ApplicationRecord), ApplicationRecord.branch_id, tx.actor)
    found = query.where(ApplicationRecord.quote_id == quote_id).order_by(ApplicationRecord.id.desc())
    return tuple(map(shown, await tx.scalars(found)))


def _wanted(tx: Tx, window: Window) -> Select[ApplicationRecord]:
    query = visible(select(ApplicationRecord), ApplicationRecord.branch_id, tx.actor)
    if text := window.filters.get("text"):
        query = query.where(ApplicationRecord.number.startswith(text.upper(), autoescape=True))
    return query


def shown(application: ApplicationRecord) -> ApplicationView:
    """An application as other rooms see it."""
    outcome = application.credit_outcome
    return ApplicationView(
        id=ApplicationId(application.id),
        number=application.number,
        branch_id=BranchId(application.branch_id),
        party_id=PartyId(application.party_id),
        quote_id=QuoteId(application.quote_id),
        product_version_id=ProductVersionId(application.product_version_id),
        lease_type=LeaseType(application.lease_type),
        channel_id=None if application.channel_id is None else ChannelId(application.channel_id),
        car=Car(model=application.car_model, vin=application.vin),
        price=application.price_amount,
        financed=application.financed_amount,
        state=ApplicationState(application.state),
        credit_outcome=None if outcome is None else CreditOutcome(outcome),
        credit_reasons=tuple(application.credit_reasons),
        submitted_at=application.submitted_at,
        decided_at=application.decided_at,
        valid_until_on=application.valid_until_on,
    )
