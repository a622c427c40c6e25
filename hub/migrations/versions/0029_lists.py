"""Indexes that hold all a list is sorted, filtered and counted by: a page looks up in the tables what it shows, and no more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

# By the tab, for the counts on the tabs and their pages; of a branch, and of the whole company.
_TABS = (
    ("party", ["kind", "id"]),
    ("party", ["branch_id", "kind", "id"]),
    ("lead", ["branch_id", "state", "id"]),
    ("application", ["branch_id", "state", "id"]),
    ("payout", ["state", "id"]),
    ("disbursement", ["state", "id"]),
    ("risk_warning", ["state", "id"]),
    ("risk_warning", ["branch_id", "state", "id"]),
    ("dunning_case", ["state", "opened_on", "id"]),
    ("dunning_case", ["branch_id", "state", "opened_on", "id"]),
    ("dunning_case", ["opened_on", "id"]),
    ("webhook_inbox", ["instance", "state", "id"]),
    ("lease_account", ["branch_id", "contract_id"]),
)
# By another filter and the tab.
_FILTERS = (
    ("lead", "source"),
    ("lead", "intent_level"),
    ("charge", "purpose"),
    ("charge", "instance"),
    ("payout", "purpose"),
    ("payout", "instance"),
    ("disbursement", "purpose"),
    ("risk_warning", "kind"),
)
# By what a list is sorted by, with what it may be filtered by beside it.
_SORTS = (
    ("contract", "financed", "financed_amount", "state"),
    ("contract", "commenced", sa.text("coalesce(commenced_on, '0001-01-01'::date)"), "state"),
    ("charge", "by_amount", "amount", "state"),
    ("payout", "by_amount", "amount", "state"),
    ("disbursement", "by_amount", "amount", "state"),
    ("vehicle", "by_cost", "cost_amount", "status"),
)
_SUPERSEDED = (
    ("risk_warning", "branch_id", ["branch_id", "state"]),
    ("dunning_case", "branch_id", ["branch_id", "state"]),
)


def upgrade() -> None:
    for table, columns in _TABS:
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns)
    for table, column in _FILTERS:
        op.create_index(
            op.f(f"ix_{table}_{column}_state_id"), table, [column, "state", "id"], postgresql_include=["branch_id"]
        )
    for table, by, sorted_by, state in _SORTS:
        op.create_index(f"ix_{table}_{by}", table, [sorted_by, "id"], postgresql_include=[state, "branch_id"])
    for table in ("contract", "application"):
        op.create_index(
            op.f(f"ix_{table}_state_number"),
            table,
            ["state", "number"],
            postgresql_ops={"number": "text_pattern_ops"},
            postgresql_include=["branch_id"],
        )
    op.create_index(op.f("ix_vehicle_model"), "vehicle", ["model"], postgresql_ops={"model": "text_pattern_ops"})
    for column in ("instance", "operation"):
        _index_calls(column, ["branch"])
    _index_waiting(
        ["branch_id", "opened_by", "opened_by_id", "submitted_by", "submitted_by_id"],
        ["branch_id", "payee_id", "drafted_by", "drafted_by_id", "chosen_by", "chosen_by_id"],
    )
    waits = sa.text("state in ('open', 'overdue')")
    op.create_index("ix_follow_up_task_waiting", "follow_up_task", ["due_at", "id"], postgresql_where=waits)
    _index_arrears(["principal", "interest", "penalty"])
    _index_usage(["branch", "state", "duration_ms", "cost_amount", "reconcile_at"])
    op.create_table(
        "usage_hour",
        sa.Column("instance", sa.String(64), nullable=False),
        sa.Column("branch", sa.String(64), nullable=False),
        sa.Column("hour_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("spend", sa.Numeric(18, 2), nullable=True),
        sa.Column("open_calls", sa.Integer(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("instance", "branch", "hour_at"),
    )
    for table, name, _ in _SUPERSEDED:
        op.drop_index(f"ix_{table}_{name}", table)


def _index_arrears(parts: list[str]) -> None:
    """Overdue rents, with all that arrears are summed from."""
    op.drop_index("ix_instalment_overdue", "instalment")
    op.create_index(
        "ix_instalment_overdue",
        "instalment",
        ["contract_id", "due_on"],
        postgresql_where=sa.text("state = 'overdue'"),
        postgresql_include=[f"{paid}{part}_amount" for paid in ("", "paid_") for part in parts],
    )


def _index_usage(beside: list[str]) -> None:
    """Calls by when they were made, with all that usage is counted from."""
    name = op.f("ix_provider_call_instance_created_at")
    op.drop_index(name, "provider_call")
    op.create_index(name, "provider_call", ["instance", "created_at"], postgresql_include=beside)


def _index_calls(column: str, beside: list[str]) -> None:
    """Calls by a filter of theirs, with the branch."""
    name = op.f(f"ix_provider_call_{column}_id")
    op.drop_index(name, "provider_call")
    op.create_index(name, "provider_call", [column, "id"], postgresql_include=beside)


def _index_waiting(of_application: list[str], of_disbursement: list[str]) -> None:
    """What waits for a second person, with all that tells whose it is."""
    for table, which, at, where, beside in (
        ("application", "undecided", "submitted_at", "state = 'under_review'", of_application),
        (
            "disbursement",
            "unapproved",
            "drafted_at",
            "state in ('drafted', 'refused') and payee_id is not null",
            of_disbursement,
        ),
    ):
        name = f"ix_{table}_{which}"
        op.drop_index(name, table)
        op.create_index(name, table, [at, "id"], postgresql_where=sa.text(where), postgresql_include=beside)


def downgrade() -> None:
    op.drop_table("usage_hour")
    _index_usage([])
    op.drop_index("ix_follow_up_task_waiting", "follow_up_task")
    _index_waiting([], [])
    for column in ("operation", "instance"):
        _index_calls(column, [])
    op.drop_index(op.f("ix_vehicle_model"), "vehicle")
    for table in ("application", "contract"):
        op.drop_index(op.f(f"ix_{table}_state_number"), table)
    _index_arrears([])
    for table, name, columns in _SUPERSEDED:
        op.create_index(f"ix_{table}_{name}", table, columns)
    for table, by, *_ in reversed(_SORTS):
        op.drop_index(f"ix_{table}_{by}", table)
    for table, column in reversed(_FILTERS):
        op.drop_index(op.f(f"ix_{table}_{column}_state_id"), table)
    for table, columns in reversed(_TABS):
        op.drop_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table)
