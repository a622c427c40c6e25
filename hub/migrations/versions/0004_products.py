"""The tables of: products. A published version's terms are frozen by a trigger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_FROZEN = """
create function published_terms_are_frozen() returns trigger language plpgsql as $$
begin
    if old.state <> 'draft' and new.terms is distinct from old.terms then
        raise exception 'product version % is %: its terms are frozen', old.id, old.state
            using errcode = 'restrict_violation';
    end if;
    return new;
end $$
"""


def _create_products() -> None:
    op.create_table(
        "product",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(30), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_product"),
        sa.UniqueConstraint("code", name="uq_product_code"),
    )
    op.create_table(
        "product_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("terms", JSONB(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_product_version"),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name="fk_product_version_product_id"),
        sa.UniqueConstraint("product_id", "number", name="uq_product_version_product_id_number"),
        sa.CheckConstraint("state in ('draft', 'published', 'retired')", name="state"),
        sa.CheckConstraint("(state = 'draft') = (published_at is null) or state = 'retired'", name="published_at"),
        sa.CheckConstraint("(state = 'retired') = (retired_at is not null)", name="retired_at"),
    )
    op.create_index(
        "uq_product_version_published",
        "product_version",
        ["product_id"],
        unique=True,
        postgresql_where=sa.text("state = 'published'"),
    )
    op.execute(_FROZEN)
    op.execute(
        "create trigger product_version_frozen before update on product_version "
        "for each row execute function published_terms_are_frozen()"
    )


def _create_quotes() -> None:
    op.create_table(
        "quote",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(24), nullable=False),
        sa.Column("branch_id", sa.Uuid(), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=True),
        sa.Column("product_version_id", sa.Uuid(), nullable=False),
        sa.Column("financed_amount", sa.Numeric(18, 2), nullable=False),
        sa.Column("annual_rate", sa.Numeric(12, 8), nullable=False),
        sa.Column("term_months", sa.SmallInteger(), nullable=False),
        sa.Column("deal", JSONB(), nullable=False),
        sa.Column("price", JSONB(), nullable=False),
        sa.Column("valid_until_on", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quote"),
        sa.UniqueConstraint("number", name="uq_quote_number"),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"], name="fk_quote_branch_id"),
        sa.ForeignKeyConstraint(["product_version_id"], ["product_version.id"], name="fk_quote_product_version_id"),
        sa.CheckConstraint("financed_amount > 0", name="financed_amount"),
        sa.CheckConstraint("annual_rate >= 0", name="annual_rate"),
    )
    op.create_index("ix_quote_branch_id_id", "quote", ["branch_id", "id"])
    op.create_index("ix_quote_lead_id", "quote", ["lead_id"], postgresql_where=sa.text("lead_id is not null"))
    op.create_index("ix_quote_product_version_id", "quote", ["product_version_id"])
    op.execute(sa.schema.CreateSequence(sa.Sequence("quote_number_seq")))


def upgrade() -> None:
    _create_products()
    _create_quotes()


def downgrade() -> None:
    op.execute(sa.schema.DropSequence(sa.Sequence("quote_number_seq")))
    op.drop_table("quote")
    op.drop_table("product_version")
    op.execute("drop function published_terms_are_frozen()")
    op.drop_table("product")
