"""The tables of payees and disbursements; a payout may be for one, and for no contract."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_PURPOSES = "'deposit_return', 'refund', 'purchase_price'"


def _instant(name: str, *, null: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def _hand(name: str, *, null: bool = True) -> list[sa.Column[object]]:
    """Whose hand something was: the name, and the member of staff."""
    return [
        sa.Column(name, sa.String(200), nullable=null),
        sa.Column(f"{name}_id", sa.Uuid(), sa.ForeignKey("staff.id")),
    ]


def _limit_purposes(purposes: str) -> None:
    op.drop_constraint(op.f("ck_payout_purpose"), "payout")
    op.create_check_constraint(op.f("ck_payout_purpose"), "payout", f"purpose in ({purposes})")


def upgrade() -> None:
    _limit_purposes(f"{_PURPOSES}, 'disbursement'")
    op.alter_column("payout", "contract_id", nullable=True)
    _create_payee()
    _create_disbursement()


def _create_payee() -> None:
    op.create_table(
        "payee",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("branch_id", sa.Uuid(), sa.ForeignKey("branch.id"), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), sa.ForeignKey("channel_partner.id")),
        sa.Column("fee_kind", sa.String(40)),
        sa.Column("party_id", sa.Uuid(), sa.ForeignKey("party.id"), nullable=False),
        sa.Column("bank_account_id", sa.Uuid(), sa.ForeignKey("bank_account.id"), nullable=False),
        sa.Column("bank_code", sa.String(14), nullable=False),
        sa.Column("last_four", sa.String(4), nullable=False),
        *_hand("named_by", null=False),
        _instant("named_at", null=False),
        _instant("ended_at"),
        sa.CheckConstraint("channel_id is not null or fee_kind is not null", name="serves"),
    )
    for name, column in (("channel", "channel_id"), ("fee", "fee_kind")):
        op.create_index(
            f"uq_payee_{name}",
            "payee",
            ["branch_id", column],
            unique=True,
            postgresql_where=sa.text(f"ended_at is null and {column} is not null"),
        )


def _create_disbursement() -> None:
    op.create_table(
        "disbursement",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("branch_id", sa.Uuid(), sa.ForeignKey("branch.id"), nullable=False),
        sa.Column("contract_id", sa.Uuid(), sa.ForeignKey("contract.id")),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("vehicle_id", sa.Uuid(), sa.ForeignKey("vehicle.id")),
        sa.Column("fee_kind", sa.String(40)),
        sa.Column("what_for", sa.String(200), nullable=False),
        sa.Column("payee_id", sa.Uuid(), sa.ForeignKey("payee.id")),
        sa.Column("payee_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("bank_account_id", sa.Uuid(), sa.ForeignKey("bank_account.id")),
        sa.Column("bank_code", sa.String(14)),
        sa.Column("last_four", sa.String(4)),
        sa.Column("amount", sa.Numeric(18, 2), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        *_hand("drafted_by", null=False),
        _instant("drafted_at", null=False),
        *_hand("chosen_by"),
        *_hand("approved_by"),
        _instant("approved_at"),
        sa.Column("payout_id", sa.Uuid(), sa.ForeignKey("payout.id")),
        sa.Column("code", sa.String(120)),
        sa.Column("paid_on", sa.Date()),
        sa.Column("cancelled_reason", sa.String(300)),
        *_disbursement_checks(),
    )
    op.create_index(
        "uq_disbursement_vehicle",
        "disbursement",
        ["vehicle_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'cancelled'"),
    )
    op.create_index(
        "uq_disbursement_fee",
        "disbursement",
        ["contract_id", "fee_kind"],
        unique=True,
        postgresql_where=sa.text("state <> 'cancelled' and fee_kind is not null"),
    )
    op.create_index("ix_disbursement_branch_id_state_id", "disbursement", ["branch_id", "state", "id"])
    op.create_index("ix_disbursement_contract_id", "disbursement", ["contract_id"])


def _disbursement_checks() -> list[sa.CheckConstraint]:
    checks = {
        "purpose": "purpose in ('vehicle', 'third_party')",
        "state": "state in ('drafted', 'approved', 'paying', 'paid', 'refused', 'cancelled')",
        "amount_positive": "amount > 0",
        "subject": "case purpose when 'vehicle' then vehicle_id is not null and fee_kind is null"
        " else contract_id is not null and vehicle_id is null and fee_kind is not null end",
        "payee": "(payee_id is null) = (bank_account_id is null) and (payee_id is null) = (last_four is null)",
        "approved": "state in ('drafted', 'cancelled') or (bank_account_id is not null and approved_by is not null)",
        "four_eyes": "approved_by_id <> drafted_by_id",
        "asked": "state not in ('paying', 'paid', 'refused') or payout_id is not null",
        "paid": "(state = 'paid') = (paid_on is not null)",
        "cancelled": "(state = 'cancelled') = (cancelled_reason is not null)",
    }
    return [sa.CheckConstraint(text, name=name) for name, text in checks.items()]


def downgrade() -> None:
    op.drop_table("disbursement")
    op.drop_table("payee")
    op.alter_column("payout", "contract_id", nullable=False)
    _limit_purposes(_PURPOSES)
