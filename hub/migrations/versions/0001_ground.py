"""The tables of: ground (branches, staff, tokens, log-ins, audit)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = "0000"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_branch()
    _create_staff()
    _create_api_token()
    _create_login_attempt()
    _create_audit_entry()


def _create_branch() -> None:
    op.create_table(
        "branch",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code"),
        sa.ForeignKeyConstraint(["parent_id"], ["branch.id"]),
        sa.CheckConstraint("kind in ('headquarters', 'branch', 'store')", name="kind"),
        sa.CheckConstraint("kind <> 'headquarters' or parent_id is null", name="headquarters_on_top"),
        sa.CheckConstraint("parent_id <> id", name="not_its_own_parent"),
    )
    op.create_index(op.f("ix_branch_parent_id"), "branch", ["parent_id"])


def _create_staff() -> None:
    op.create_table(
        "staff",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("login", sa.String(64), nullable=False),
        sa.Column("display_name", sa.String(120), nullable=False),
        sa.Column("branch_id", sa.Uuid(), nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("login"),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"]),
        sa.CheckConstraint("state in ('active', 'locked', 'left')", name="state"),
        sa.CheckConstraint("login = lower(login)", name="login_lower_case"),
    )
    op.create_index(op.f("ix_staff_branch_id"), "staff", ["branch_id"])
    op.create_table(
        "staff_role",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("staff_id", "role"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.CheckConstraint(
            "role in ('administrator', 'sales', 'credit_officer', 'approver', 'operations', 'collector', "
            "'accountant', 'auditor')",
            name="role",
        ),
    )


def _create_api_token() -> None:
    op.create_table(
        "api_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("last4", sa.String(4), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False),
        sa.Column("revoked_at", _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.CheckConstraint("octet_length(token_hash) = 32", name="token_hash_length"),
        sa.CheckConstraint("expires_at > created_at", name="validity"),
    )
    op.create_index(op.f("ix_api_token_staff_id"), "api_token", ["staff_id"])


def _create_login_attempt() -> None:
    op.create_table(
        "login_attempt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("login_index", sa.LargeBinary(), nullable=False),
        sa.Column("ip", sa.String(45), nullable=False),
        sa.Column("succeeded", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_login_attempt_login_index_at"), "login_attempt", ["login_index", "at"])
    op.create_index(op.f("ix_login_attempt_ip_at"), "login_attempt", ["ip", "at"])


_REFUSE_CHANGE = """
create function refuse_audit_change() returns trigger language plpgsql as $$
begin
    raise exception 'the audit trail is append-only: % refused', tg_op using errcode = 'restrict_violation';
end
$$
"""


def _create_audit_entry() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("xid", sa.BigInteger(), server_default=sa.text("pg_current_xact_id()::text::bigint"), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.String(80), nullable=False),
        sa.Column("subject", sa.String(40), nullable=False),
        sa.Column("subject_id", sa.String(80), nullable=False),
        sa.Column("branch_id", sa.Uuid(), nullable=True),
        sa.Column("correlation_id", sa.String(80), nullable=True),
        sa.Column("detail", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_audit_entry_subject_subject_id_id"), "audit_entry", ["subject", "subject_id", "id"])
    op.create_index(op.f("ix_audit_entry_staff_id_id"), "audit_entry", ["staff_id", "id"])
    op.create_index(op.f("ix_audit_entry_xid_id"), "audit_entry", ["xid", "id"])
    op.execute(_REFUSE_CHANGE)
    # Statement level: a change that meets no row is refused too. TRUNCATE stays with the owner of the table.
    op.execute(
        "create trigger audit_entry_append_only before update or delete on audit_entry "
        "for each statement execute function refuse_audit_change()"
    )


def downgrade() -> None:
    op.drop_table("audit_entry")
    op.execute("drop function refuse_audit_change()")
    op.drop_table("login_attempt")
    op.drop_table("api_token")
    op.drop_table("staff_role")
    op.drop_table("staff")
    op.drop_table("branch")
