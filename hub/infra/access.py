"""Who may do what, where: permissions, roles, the actor of a transaction, and the scope of branches.

A door declares the permission; the scope of rows is applied where rows are read, by `visible`. Accounts and tokens
are in `hub.infra.staff`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVarTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, false
from sqlalchemy.orm import InstrumentedAttribute

from hub.core.errors import NotAllowed


class Permission(StrEnum):
    """Everything that somebody may be allowed to do, `room.verb`."""

    LEADS_READ = "leads.read"
    LEADS_WRITE = "leads.write"
    PARTIES_READ = "parties.read"
    PARTIES_WRITE = "parties.write"
    PARTIES_REVEAL = "parties.reveal"
    PRODUCTS_READ = "products.read"
    PRODUCTS_WRITE = "products.write"
    PRODUCTS_PUBLISH = "products.publish"
    QUOTES_WRITE = "quotes.write"
    APPLICATIONS_READ = "applications.read"
    APPLICATIONS_WRITE = "applications.write"
    APPLICATIONS_APPROVE = "applications.approve"
    CREDIT_READ = "credit.read"
    CREDIT_CHECK = "credit.check"
    CONTRACTS_READ = "contracts.read"
    CONTRACTS_WRITE = "contracts.write"
    INVENTORY_READ = "inventory.read"
    INVENTORY_WRITE = "inventory.write"
    TRACKING_READ = "tracking.read"
    TRACKING_WRITE = "tracking.write"
    PAYMENTS_READ = "payments.read"
    PAYMENTS_WRITE = "payments.write"
    DISBURSEMENTS_READ = "disbursements.read"
    DISBURSEMENTS_WRITE = "disbursements.write"
    DISBURSEMENTS_APPROVE = "disbursements.approve"
    SERVICING_READ = "servicing.read"
    SERVICING_WRITE = "servicing.write"
    COLLECTIONS_READ = "collections.read"
    COLLECTIONS_WRITE = "collections.write"
    CHANNELS_READ = "channels.read"
    CHANNELS_WRITE = "channels.write"
    WARNINGS_READ = "warnings.read"
    WARNINGS_WRITE = "warnings.write"
    REPORTS_READ = "reports.read"
    LEDGER_READ = "ledger.read"
    PROVIDERS_READ = "providers.read"
    PROVIDERS_WRITE = "providers.write"
    STAFF_READ = "staff.read"
    STAFF_WRITE = "staff.write"
    WEBHOOKS_READ = "webhooks.read"
    WEBHOOKS_WRITE = "webhooks.write"
    APPROVALS_READ = "approvals.read"
    AUDIT_READ = "audit.read"


P = Permission
_EVERY_READ = frozenset(permission for permission in Permission if permission.value.endswith(".read"))
_BUSINESS_READ = _EVERY_READ - {P.PROVIDERS_READ, P.STAFF_READ, P.AUDIT_READ, P.LEDGER_READ, P.WEBHOOKS_READ}


class Role(StrEnum):
    """What a member of staff is in the company."""

    ADMINISTRATOR = "administrator"
    SALES = "sales"
    CREDIT_OFFICER = "credit_officer"
    APPROVER = "approver"
    OPERATIONS = "operations"
    COLLECTOR = "collector"
    ACCOUNTANT = "accountant"
    AUDITOR = "auditor"


ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ADMINISTRATOR: frozenset(Permission),
    Role.SALES: frozenset(
        {
            P.LEADS_READ,
            P.LEADS_WRITE,
            P.PARTIES_READ,
            P.PARTIES_WRITE,
            P.PRODUCTS_READ,
            P.QUOTES_WRITE,
            P.APPLICATIONS_READ,
            P.APPLICATIONS_WRITE,
            P.APPROVALS_READ,
            P.CONTRACTS_READ,
            P.INVENTORY_READ,
            P.CHANNELS_READ,
        }
    ),
    Role.CREDIT_OFFICER: frozenset(
        {P.PARTIES_READ, P.PARTIES_REVEAL, P.APPLICATIONS_READ, P.CREDIT_READ, P.CREDIT_CHECK, P.PRODUCTS_READ}
    ),
    Role.APPROVER: frozenset(
        {
            P.PARTIES_READ,
            P.APPLICATIONS_READ,
            P.APPLICATIONS_APPROVE,
            P.APPROVALS_READ,
            P.CREDIT_READ,
            P.PRODUCTS_READ,
            P.CONTRACTS_READ,
        }
    ),
    Role.OPERATIONS: _BUSINESS_READ
    | {
        P.CONTRACTS_WRITE,
        P.INVENTORY_WRITE,
        P.TRACKING_WRITE,
        P.PAYMENTS_WRITE,
        P.DISBURSEMENTS_WRITE,
        P.SERVICING_WRITE,
        P.PROVIDERS_READ,
        P.PARTIES_WRITE,
    },
    Role.COLLECTOR: frozenset(
        {
            P.PARTIES_READ,
            P.PARTIES_REVEAL,
            P.CONTRACTS_READ,
            P.SERVICING_READ,
            P.PAYMENTS_READ,
            P.COLLECTIONS_READ,
            P.COLLECTIONS_WRITE,
            P.TRACKING_READ,
            P.WARNINGS_READ,
            P.WARNINGS_WRITE,
        }
    ),
    Role.ACCOUNTANT: frozenset(
        {
            P.CONTRACTS_READ,
            P.SERVICING_READ,
            P.SERVICING_WRITE,
            P.PAYMENTS_READ,
            P.PAYMENTS_WRITE,
            P.DISBURSEMENTS_READ,
            P.DISBURSEMENTS_WRITE,
            P.DISBURSEMENTS_APPROVE,
            P.APPROVALS_READ,
            P.LEDGER_READ,
            P.REPORTS_READ,
            P.CHANNELS_READ,
        }
    ),
    Role.AUDITOR: _EVERY_READ,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts in a transaction. `branches` is None for the whole company."""

    name: str
    staff_id: UUID | None
    permissions: frozenset[Permission]
    branches: frozenset[UUID] | None

    def may(self, permission: Permission) -> bool:
        """Whether the actor holds the permission anywhere."""
        return permission in self.permissions

    def sees(self, branch_id: UUID) -> bool:
        """Whether a row of this branch lies in the actor's scope."""
        return self.branches is None or branch_id in self.branches

    def require(self, permission: Permission, branch_id: UUID | None = None) -> None:
        """Raise NotAllowed unless the actor holds the permission, and for that branch."""
        if not self.may(permission):
            raise NotAllowed(permission.value)
        if branch_id is not None and not self.sees(branch_id):
            raise NotAllowed(permission.value, "outside your branches")

    def require_whole_company(self, permission: Permission) -> None:
        """Raise NotAllowed for an actor who is kept to branches: what belongs to no branch is not theirs."""
        if self.branches is not None:
            raise NotAllowed(permission.value, "needs the whole company")


def system(name: str) -> Actor:
    """The hub itself, acting through the named job or command."""
    return Actor(name=f"system:{name}", staff_id=None, permissions=frozenset(Permission), branches=None)


NameColumn = InstrumentedAttribute[str] | InstrumentedAttribute[str | None]


def by_hand_of(actor: Actor, staff_id: InstrumentedAttribute[UUID | None], name: NameColumn) -> ColumnElement[bool]:
    """The condition that something is the actor's doing; the hub's own jobs are known by their names."""
    same = staff_id.is_not_distinct_from(actor.staff_id)
    return same if actor.staff_id is not None else and_(same, name.is_not_distinct_from(actor.name))


_Columns = TypeVarTuple("_Columns")
BranchColumn = InstrumentedAttribute[UUID] | InstrumentedAttribute[UUID | None]


def within(branch_id: BranchColumn, actor: Actor) -> ColumnElement[bool] | None:
    """The condition that keeps rows to the actor's branches; None for the whole company."""
    if actor.branches is None:
        return None
    return branch_id.in_(actor.branches) if actor.branches else false()


def visible(select: Select[*_Columns], branch_id: BranchColumn, actor: Actor) -> Select[*_Columns]:
    """The same query, kept to the rows of the actor's branches."""
    condition = within(branch_id, actor)
    return select if condition is None else select.where(condition)
