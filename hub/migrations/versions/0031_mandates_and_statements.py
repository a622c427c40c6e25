"""A mandate can be taken back, by us or by the payer; providers' statements are kept with what differs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_MANDATE = ("requested", "sent", "pending", "unknown", "active", "rejected", "revoked")
_WARNING = (
    "rent_overdue",
    "rent_uncollectable",
    "money_in_doubt",
    "promise_broken",
    "mandate_rejected",
    "device_alarm",
    "call_escalated",
    "money_unallocated",
    "payout_rejected",
)
_EVENT = (
    "application.submitted",
    "application.approved",
    "application.declined",
    "lease.transitioned",
    "lease.settled",
    "mandate.activated",
    "mandate.rejected",
    "charge.succeeded",
    "charge.rejected",
    "charge.in_doubt",
    "payout.succeeded",
    "payout.rejected",
    "payout.in_doubt",
    "rent.paid",
    "rent.overdue",
    "rent.uncollectable",
    "money.unallocated",
    "promise.broken",
    "option.uncollectable",
    "deposit.returned",
    "device.alarm",
    "call.escalated",
    "webhook.test",
)
_LIVE = "state in ('pending', 'requested', 'sent', 'unknown')"


def _instant(name: str, *, null: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def _words(table: str, column: str, words: tuple[str, ...]) -> None:
    """Keep a column to these words from now on."""
    op.drop_constraint(f"ck_{table}_{column}", table)
    op.create_check_constraint(
        op.f(f"ck_{table}_{column}"), table, f"{column} in ({', '.join(repr(word) for word in words)})"
    )


_KINDS = ("collected", "refunded", "paid_out", "fee")
_DIFFERENCES = (
    "only_stated",
    "not_taken",
    "amount_differs",
    "stated_twice",
    "not_stated",
    "not_listed",
    "other_day",
    "not_booked",
    "booked_alone",
    "fees",
    "settled_to_bank",
    "other_currency",
)


def _one_of(column: str, *words: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} in ({', '.join(repr(word) for word in words)})", name=column)


def _text(name: str, length: int, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.String(length), nullable=null)


def _money(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Numeric(18, 2), nullable=False)


def _statement() -> None:
    op.create_table(
        "provider_statement",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _text("instance", 64),
        sa.Column("day_on", sa.Date(), nullable=False),
        _text("state", 20),
        _instant("fetch_at"),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        _instant("fetched_at"),
        _instant("compared_at"),
        _text("code", 120, null=True),
        sa.Column("covers", JSONB(), nullable=False),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("line_count", "matched_count", "named_count", "open_count")
        ),
        _money("stated_amount"),
        _money("booked_amount"),
        _one_of("state", "due", "matched", "differs", "failed"),
        sa.UniqueConstraint("instance", "day_on"),
    )
    op.create_index(
        "ix_provider_statement_fetch_at",
        "provider_statement",
        ["fetch_at"],
        postgresql_where=sa.text("fetch_at is not null"),
    )
    op.create_index("ix_provider_statement_day_on_id", "provider_statement", ["day_on", "id"])
    op.create_index("ix_provider_statement_state_day_on", "provider_statement", ["state", "day_on"])
    op.create_table(
        "provider_statement_line",
        sa.Column("statement_id", sa.Uuid(), sa.ForeignKey("provider_statement.id"), primary_key=True),
        sa.Column("position", sa.Integer(), primary_key=True),
        _text("kind", 20),
        _text("payment_ref", 255),
        _text("idempotency_key", 255, null=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        _text("currency", 3),
        _instant("settled_at", null=False),
        _one_of("kind", *_KINDS),
    )
    op.create_index("ix_provider_statement_line_payment_ref", "provider_statement_line", ["payment_ref"])


def _difference() -> None:
    op.create_table(
        "statement_difference",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("statement_id", sa.Uuid(), sa.ForeignKey("provider_statement.id"), nullable=False),
        _text("instance", 64),
        sa.Column("day_on", sa.Date(), nullable=False),
        _text("subject", 300),
        _text("kind", 20),
        _text("state", 20),
        _money("stated_amount"),
        _money("booked_amount"),
        _text("ref", 255),
        _text("note", 120),
        sa.Column("movement_id", sa.Uuid()),
        sa.Column("is_payout", sa.Boolean(), nullable=False),
        sa.Column("contract_id", sa.Uuid()),
        sa.Column("other_on", sa.Date()),
        _text("reason", 300, null=True),
        _instant("found_at", null=False),
        _instant("closed_at"),
        _text("closed_by", 200, null=True),
        _one_of("kind", *_DIFFERENCES),
        _one_of("state", "open", "explained", "gone"),
        sa.UniqueConstraint("statement_id", "subject"),
    )
    op.create_index("ix_statement_difference_day_on_id", "statement_difference", ["day_on", "id"])
    op.create_index("ix_statement_difference_state_day_on", "statement_difference", ["state", "day_on"])


def _lookups() -> None:
    op.create_index("ix_entry_value_on", "entry", ["value_on"])
    for table in ("charge", "payout"):
        op.create_index(
            f"ix_{table}_instance_settled_on",
            table,
            ["instance", "settled_on"],
            postgresql_where=sa.text("settled_on is not null"),
        )
        op.create_index(
            f"ix_{table}_payment_ref", table, ["payment_ref"], postgresql_where=sa.text("payment_ref is not null")
        )


def upgrade() -> None:
    op.add_column("credit_check", _text("file_sha256", 64, null=True))
    op.create_index(
        "uq_credit_check_file",
        "credit_check",
        ["application_id", "file_sha256"],
        unique=True,
        postgresql_where=sa.text("file_sha256 is not null"),
    )
    _statement()
    _difference()
    _lookups()
    _words("mandate", "state", (*_MANDATE, "revoking"))
    _words("risk_warning", "kind", (*_WARNING, "mandate_revoked"))
    _words("webhook_event", "type", (*_EVENT, "mandate.revoked"))
    op.add_column("mandate", _instant("look_at"))
    op.add_column("mandate", sa.Column("look_count", sa.SmallInteger(), nullable=False, server_default="0"))
    op.create_index("ix_mandate_look_at", "mandate", ["look_at"], postgresql_where=sa.text("look_at is not null"))
    op.create_table(
        "mandate_revocation",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("mandate_id", sa.Uuid(), sa.ForeignKey("mandate.id"), nullable=False),
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("requested_by", sa.String(200), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("code", sa.String(120)),
        _instant("claimed_until_at"),
        _instant("requested_at", null=False),
        _instant("answered_at"),
        sa.CheckConstraint("state in ('requested', 'sent', 'pending', 'unknown', 'done', 'rejected')", name="state"),
    )
    op.create_index("ix_mandate_revocation_contract_id", "mandate_revocation", ["contract_id"])
    op.create_index(
        "uq_mandate_revocation_live",
        "mandate_revocation",
        ["mandate_id"],
        unique=True,
        postgresql_where=sa.text(_LIVE),
    )
    op.create_index(
        "ix_mandate_revocation_waiting",
        "mandate_revocation",
        ["claimed_until_at"],
        postgresql_where=sa.text("state in ('requested', 'sent')"),
    )


def downgrade() -> None:
    op.drop_index("uq_credit_check_file", "credit_check")
    op.drop_column("credit_check", "file_sha256")
    op.drop_index("ix_entry_value_on", "entry")
    for table in ("charge", "payout"):
        op.drop_index(f"ix_{table}_instance_settled_on", table)
        op.drop_index(f"ix_{table}_payment_ref", table)
    for table in ("statement_difference", "provider_statement_line", "provider_statement"):
        op.drop_table(table)
    op.drop_table("mandate_revocation")
    op.drop_index("ix_mandate_look_at", "mandate")
    op.drop_column("mandate", "look_count")
    op.drop_column("mandate", "look_at")
    op.execute("update mandate set state = 'revoked' where state = 'revoking'")
    op.execute("delete from risk_warning where kind = 'mandate_revoked'")
    _words("mandate", "state", _MANDATE)
    _words("risk_warning", "kind", _WARNING)
    op.execute(
        "delete from webhook_dispatch where event_id in (select id from webhook_event where type = 'mandate.revoked')"
    )
    op.execute("delete from webhook_event where type = 'mandate.revoked'")
    _words("webhook_event", "type", _EVENT)
