"""The menu: every page by desk. It is drawn from the permission table: who may not open a page does not see it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from hub.console.i18n import N_
from hub.infra.access import Permission as P


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One page of the menu; without a permission it is everybody's. `key` goes there, after `g`."""

    label: str
    path: str
    permission: P | None = None
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The pages of one desk."""

    label: str
    entries: tuple[Entry, ...]


MENU: tuple[Group, ...] = (
    Group(
        label=N_("Home"),
        entries=(
            Entry(label=N_("Work queue"), path="/", key="h"),
            Entry(label=N_("To approve"), path="/approvals", permission=P.APPROVALS_READ, key="i"),
        ),
    ),
    Group(
        label=N_("Sales"),
        entries=(
            Entry(label=N_("Leads"), path="/leads", permission=P.LEADS_READ, key="l"),
            Entry(label=N_("Quotes"), path="/quotes", permission=P.PRODUCTS_READ),
            Entry(label=N_("Customers"), path="/parties", permission=P.PARTIES_READ, key="k"),
        ),
    ),
    Group(
        label=N_("Approval"),
        entries=(
            Entry(label=N_("Applications"), path="/applications", permission=P.APPLICATIONS_READ, key="a"),
            Entry(label=N_("Blacklist"), path="/blacklist", permission=P.CREDIT_READ),
        ),
    ),
    Group(
        label=N_("Servicing"),
        entries=(
            Entry(label=N_("Contracts"), path="/contracts", permission=P.CONTRACTS_READ, key="c"),
            Entry(label=N_("Debits"), path="/payments", permission=P.PAYMENTS_READ, key="m"),
            Entry(label=N_("Reconciliation"), path="/reconciliation", permission=P.PAYMENTS_READ),
            Entry(label=N_("Differences"), path="/differences", permission=P.PAYMENTS_READ),
            Entry(label=N_("Arrears"), path="/arrears", permission=P.SERVICING_READ),
            Entry(label=N_("Collections"), path="/collections", permission=P.COLLECTIONS_READ),
            Entry(label=N_("Warnings"), path="/warnings", permission=P.WARNINGS_READ),
        ),
    ),
    Group(
        label=N_("Paying out"),
        entries=(
            Entry(label=N_("Disbursements"), path="/disbursements", permission=P.DISBURSEMENTS_READ, key="d"),
            Entry(label=N_("Payees"), path="/payees", permission=P.DISBURSEMENTS_READ),
            Entry(label=N_("Payouts"), path="/payouts", permission=P.PAYMENTS_READ),
        ),
    ),
    Group(
        label=N_("Warehouse"),
        entries=(Entry(label=N_("Vehicles"), path="/vehicles", permission=P.INVENTORY_READ, key="v"),),
    ),
    Group(
        label=N_("Administration"),
        entries=(
            Entry(label=N_("Providers"), path="/providers", permission=P.PROVIDERS_READ, key="p"),
            Entry(label=N_("Call log"), path="/calls", permission=P.PROVIDERS_READ),
            Entry(label=N_("Callbacks"), path="/callbacks", permission=P.PROVIDERS_READ),
            Entry(label=N_("Users"), path="/staff", permission=P.STAFF_READ),
            Entry(label=N_("Roles"), path="/roles", permission=P.STAFF_READ),
            Entry(label=N_("Branches"), path="/branches", permission=P.STAFF_READ),
            Entry(label=N_("Audit"), path="/audit", permission=P.AUDIT_READ),
            Entry(label=N_("Jobs"), path="/jobs", permission=P.PROVIDERS_READ),
        ),
    ),
)


@lru_cache(maxsize=256)  # as many as there are different sets of roles
def menu_of(permissions: frozenset[P]) -> list[Group]:
    """The menu as an actor with these permissions sees it, groups with nothing in them left out."""
    seen = [
        Group(
            label=group.label,
            entries=tuple(one for one in group.entries if one.permission is None or one.permission in permissions),
        )
        for group in MENU
    ]
    return [group for group in seen if group.entries]
