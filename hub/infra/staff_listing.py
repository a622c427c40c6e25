"""The company's people as a list: by state, branch and role, by login or name, in the order that the reader wants."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Select, or_, select

from hub.infra.access import Role, visible
from hub.infra.database import Tx
from hub.infra.paging import Count, Order, Slice, Tabs, Window, count_by, sliced
from hub.infra.records import Branch, Staff, StaffRole, StaffState
from hub.infra.staff import StaffView, with_roles

_ORDER = Order(
    key=Staff.id,
    columns={"opened": Staff.id, "login": Staff.login, "name": Staff.display_name},  # ids rise with time
    standard="login",
)
_TABS = Tabs(name="state", column=Staff.state, words=StaffState)


async def page(tx: Tx, window: Window) -> Slice[StaffView]:
    """Accounts in a window; filters `state`, `branch_code`, `role`, and `text` for the beginning of a login or a name."""
    found: Slice[Staff] = await sliced(tx, _wanted(tx, window), _ORDER, window, lambda row: row, _TABS)
    return Slice(rows=await with_roles(tx, found.rows), after=found.after, before=found.before)


async def counts(tx: Tx, window: Window) -> Mapping[str, Count]:
    """How many accounts there are in each state, under the other filters."""
    return await count_by(tx, _wanted(tx, window), _TABS)


def _wanted(tx: Tx, window: Window) -> Select[Staff]:
    query: Select[Staff] = visible(select(Staff), Staff.branch_id, tx.actor)
    if role := window.filters.get("role"):
        query = query.where(Staff.id.in_(select(StaffRole.staff_id).where(StaffRole.role == Role(role).value)))
    if code := window.filters.get("branch_code"):
        query = query.where(Staff.branch_id.in_(select(Branch.id).where(Branch.code == code)))
    if text := window.filters.get("text"):
        begins = [column.istartswith(text, autoescape=True) for column in (Staff.login, Staff.display_name)]
        query = query.where(or_(*begins))
    return query
