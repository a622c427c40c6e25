"""The tables of settlements, collections and warnings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def _id() -> sa.Column[object]:
    return sa.Column("id", sa.Uuid(), primary_key=True)


def _ref(name: str, target: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid(), sa.ForeignKey(target), nullable=null)


def _amount(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Numeric(18, 2), nullable=False)


def _instant(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def _word(name: str, length: int, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.String(length), nullable=null)


def _day(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Date(), nullable=null)


def _one_of(column: str, *words: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} in ({', '.join(repr(word) for word in words)})", name=column)


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, postgresql_where=sa.text(where))


def upgrade() -> None:
    _create_settlements()
    _create_collections()
    _create_warnings()


def _create_settlements() -> None:
    op.create_table(
        "payoff_quote",
        _id(),
        _ref("contract_id", "lease_account.contract_id"),
        _day("as_of_on"),
        _day("valid_until_on"),
        *(_amount(f"{part}_amount") for part in ("arrears", "penalty", "principal", "interest", "fee")),
        _word("state", 20),
        _one_of("state", "offered", "accepted", "paid", "refused"),
    )
    _partial("uq_payoff_quote_accepted", "payoff_quote", ["contract_id"], "state = 'accepted'", unique=True)
    op.create_index("ix_payoff_quote_contract_id", "payoff_quote", ["contract_id"])


def _create_collections() -> None:
    op.create_table(
        "dunning_case",
        _id(),
        _ref("branch_id", "branch.id"),
        _ref("contract_id", "contract.id"),
        _word("state", 20),
        _day("opened_on"),
        _day("closed_on", null=True),
        _one_of("state", "open", "promised", "closed"),
    )
    _partial("uq_dunning_case_open", "dunning_case", ["contract_id"], "state <> 'closed'", unique=True)
    op.create_index("ix_dunning_case_branch_id", "dunning_case", ["branch_id", "state"])
    op.create_table(
        "dunning_contact",
        _id(),
        _ref("case_id", "dunning_case.id"),
        _ref("party_id", "party.id"),
        _word("template", 40),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        _amount("amount"),
        _word("channel", 10),
        _word("masked_to", 120),
        _word("state", 20),
        _instant("send_after_at"),
        _instant("claimed_until_at", null=True),
        _instant("sent_at", null=True),
        _word("instance", 64, null=True),
        _word("message_ref", 255, null=True),
        _word("error_code", 120, null=True),
        _one_of("state", "requested", "sent", "failed", "unknown", "withdrawn"),
        sa.UniqueConstraint("template", "subject_id"),
    )
    _partial("ix_dunning_contact_waiting", "dunning_contact", ["send_after_at"], "state = 'requested'")
    op.create_index("ix_dunning_contact_case_id", "dunning_contact", ["case_id"])
    op.create_table(
        "promise",
        _id(),
        _ref("case_id", "dunning_case.id"),
        _ref("contract_id", "contract.id"),
        _amount("amount"),
        _day("promised_on"),
        _word("state", 20),
        _instant("taken_at"),
        _one_of("state", "open", "kept", "broken"),
    )
    _partial("uq_promise_open", "promise", ["case_id"], "state = 'open'", unique=True)
    _partial("ix_promise_due", "promise", ["promised_on"], "state = 'open'")


def _create_warnings() -> None:
    op.create_table(
        "risk_warning",
        _id(),
        _ref("branch_id", "branch.id"),
        _ref("contract_id", "contract.id", null=True),
        _word("kind", 30),
        _word("subject", 120),
        _word("reason", 400),
        _word("state", 20),
        _instant("raised_at"),
        _instant("closed_at", null=True),
        _word("result", 400, null=True),
        _one_of(
            "kind",
            "rent_overdue",
            "rent_uncollectable",
            "money_in_doubt",
            "promise_broken",
            "mandate_rejected",
            "device_alarm",
            "call_escalated",
            "money_unallocated",
            "payout_rejected",
        ),
        _one_of("state", "open", "acknowledged", "closed"),
    )
    _partial("uq_risk_warning_open", "risk_warning", ["kind", "subject"], "state <> 'closed'", unique=True)
    op.create_index("ix_risk_warning_branch_id", "risk_warning", ["branch_id", "state"])


def downgrade() -> None:
    for table in ("risk_warning", "promise", "dunning_contact", "dunning_case", "payoff_quote"):
        op.drop_table(table)
