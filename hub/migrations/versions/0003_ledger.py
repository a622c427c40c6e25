"""The tables of: ledger. Three tables, the chart, and the triggers that keep the books balanced and append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# The chart as it was on the day of this migration; a later account is added by a later migration.
_CHART = [
    ("1002", "银行存款", "Bank", "asset", "debit"),
    ("1012", "支付机构待清算款", "Provider clearing", "asset", "debit"),
    ("1122", "应收租金", "Rent receivable", "asset", "debit"),
    ("1221", "应收违约金", "Penalty receivable", "asset", "debit"),
    ("1461", "融资租赁资产", "Leased-asset stock", "asset", "debit"),
    ("1531", "应收融资租赁款本金", "Finance-lease principal receivable", "asset", "debit"),
    ("2202", "应付账款", "Payable to dealers and third parties", "liability", "credit"),
    ("2203", "预收账款", "Customer prepayments", "liability", "credit"),
    ("224101", "风险保证金", "Security deposits held", "liability", "credit"),
    ("224102", "待核销收款", "Unallocated receipts", "liability", "credit"),
    ("224103", "应退款项", "Refunds payable", "liability", "credit"),
    ("4001", "实收资本", "Paid-in capital", "equity", "credit"),
    ("6041", "租赁收入", "Finance income", "income", "credit"),
    ("605101", "服务费收入", "Service fee income", "income", "credit"),
    ("605102", "提前还款手续费收入", "Early-settlement fee income", "income", "credit"),
    ("6115", "资产处置损益", "Gain or loss on disposal", "income", "credit"),
    ("6301", "违约金收入", "Penalty income", "income", "credit"),
    ("6603", "支付手续费", "Payment provider fees", "expense", "debit"),
    ("6702", "信用减值损失", "Credit losses written off", "expense", "debit"),
]

# PK (entry_id, position) and "as many lines as the entry says, the last at that position" leave no place for more.
_BALANCED = """
create function line_set_is_whole_and_balanced() returns trigger language plpgsql as $$
declare wrong uuid;
begin
    -- Summed first and looked up by key after: a join of the two may be planned as a loop over the new lines.
    select whole.entry_id into wrong
    from (
        select entry_id, sum(amount) as amount, count(*) as lines, max(position) as last from added group by entry_id
    ) as whole
    where whole.amount <> 0
       or whole.lines <> whole.last
       or whole.lines is distinct from (select line_count from entry where entry.id = whole.entry_id)
    limit 1;
    if found then
        raise exception 'entry % is not balanced and whole', wrong using errcode = 'check_violation';
    end if;
    return null;
end $$
"""
_APPEND_ONLY = """
create function books_are_append_only() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only: post a reversal', tg_table_name using errcode = 'restrict_violation';
end $$
"""


def _create_tables() -> None:
    op.create_table(
        "account",
        sa.Column("code", sa.String(12), nullable=False),
        sa.Column("name_zh", sa.String(60), nullable=False),
        sa.Column("name_en", sa.String(60), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("normal_side", sa.String(6), nullable=False),
        sa.PrimaryKeyConstraint("code", name="pk_account"),
        sa.CheckConstraint("kind in ('asset', 'liability', 'equity', 'income', 'expense')", name="kind"),
        sa.CheckConstraint("normal_side in ('debit', 'credit')", name="normal_side"),
    )
    op.create_table(
        "entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ref", sa.String(120), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("value_on", sa.Date(), nullable=False),
        sa.Column("posted_on", sa.Date(), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("posted_by", sa.String(200), nullable=False),
        sa.Column("contract_id", sa.Uuid(), nullable=True),
        sa.Column("memo", sa.String(400), nullable=False),
        sa.Column("reverses_id", sa.Uuid(), nullable=True),
        sa.Column("line_count", sa.SmallInteger(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_entry"),
        sa.UniqueConstraint("number", name="uq_entry_number"),
        sa.UniqueConstraint("ref", name="uq_entry_ref"),
        sa.UniqueConstraint("reverses_id", name="uq_entry_reverses_id"),
        sa.ForeignKeyConstraint(["reverses_id"], ["entry.id"], name="fk_entry_reverses_id"),
        sa.CheckConstraint("line_count >= 2", name="line_count"),
    )
    op.create_index(
        "ix_entry_contract_id_number",
        "entry",
        ["contract_id", "number"],
        postgresql_where=sa.text("contract_id is not null"),
    )
    op.create_index("ix_entry_posted_on", "entry", ["posted_on"])
    op.create_table(
        "line",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("account_code", sa.String(12), nullable=False),
        sa.Column("amount", sa.Numeric(18, 2), nullable=False),
        sa.Column("instance", sa.String(60), nullable=True),
        sa.PrimaryKeyConstraint("entry_id", "position", name="pk_line"),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name="fk_line_entry_id"),
        sa.ForeignKeyConstraint(["account_code"], ["account.code"], name="fk_line_account_code"),
        sa.CheckConstraint("amount <> 0", name="amount"),
        sa.CheckConstraint("position >= 1", name="position"),
        sa.CheckConstraint("(account_code = '1012') = (instance is not null)", name="instance"),
    )
    op.create_index("ix_line_account_code_instance", "line", ["account_code", "instance"])


def _create_triggers() -> None:
    op.execute(_BALANCED)
    op.execute(
        "create trigger line_balanced after insert on line referencing new table as added "
        "for each statement execute function line_set_is_whole_and_balanced()"
    )
    op.execute(_APPEND_ONLY)
    for table in ("entry", "line"):
        op.execute(
            f"create trigger {table}_append_only before update or delete on {table} "
            "for each statement execute function books_are_append_only()"
        )


def upgrade() -> None:
    _create_tables()
    _create_triggers()
    columns = ("code", "name_zh", "name_en", "kind", "normal_side")
    account = sa.table("account", *(sa.column(name, sa.String()) for name in columns))
    op.bulk_insert(account, [dict(zip(columns, row, strict=True)) for row in _CHART])


def downgrade() -> None:
    op.drop_table("line")
    op.drop_table("entry")
    op.drop_table("account")
    op.execute("drop function line_set_is_whole_and_balanced()")
    op.execute("drop function books_are_append_only()")
