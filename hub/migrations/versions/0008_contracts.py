"""The tables of contracts: contracts with their story, envelopes, papers, payments at signing.

The database itself refuses a change of state that is not listed here, and any change of what has been told.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_STATES = (
    "drafted",
    "out_for_signature",
    "signed",
    "funded",
    "active",
    "settled",
    "closed",
    "cancelled",
    "terminated",
)
# As hub.leasing.contracts.rules.MOVES had it when this was written.
_MOVES = (
    ("drafted", "out_for_signature"),
    ("drafted", "cancelled"),
    ("out_for_signature", "signed"),
    ("out_for_signature", "drafted"),
    ("out_for_signature", "cancelled"),
    ("signed", "funded"),
    ("signed", "cancelled"),
    ("funded", "active"),
    ("funded", "cancelled"),
    ("active", "settled"),
    ("active", "terminated"),
    ("settled", "closed"),
)
_DIGEST = "~ '^[0-9a-f]{64}$'"

_STATE_ALLOWED = f"""
create function contract_state_allowed() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        if new.state <> 'drafted' then
            raise exception 'a contract begins as a draft' using errcode = 'check_violation';
        end if;
    elsif new.state <> old.state and (old.state, new.state) not in ({", ".join(map(str, _MOVES))}) then
        raise exception 'a contract cannot go from % to %', old.state, new.state using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger contract_state_allowed before insert or update of state on contract
    for each row execute function contract_state_allowed();
"""

_EVENT_KEPT = """
create function contract_event_kept() returns trigger language plpgsql as $$
begin
    raise exception 'the story of a contract is never changed' using errcode = 'integrity_constraint_violation';
end $$;
create trigger contract_event_kept before update or delete on contract_event
    for each row execute function contract_event_kept();
"""


def _id() -> sa.Column[object]:
    return sa.Column("id", sa.Uuid(), primary_key=True)


def _ref(name: str, target: str | None = None, *, null: bool = False, unique: bool = False) -> sa.Column[object]:
    keys = [sa.ForeignKey(target)] if target else []
    return sa.Column(name, sa.Uuid(), *keys, nullable=null, unique=unique)


def _text(name: str, length: int, *, null: bool = False, unique: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.String(length), nullable=null, unique=unique)


def _amount(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Numeric(18, 2), nullable=False)


def _instant(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def _one_of(column: str, *words: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} in ({', '.join(repr(word) for word in words)})", name=column)


def upgrade() -> None:
    op.execute("create sequence contract_number")
    _create_contract()
    _create_event()
    _create_envelope()
    _create_document()
    _create_signing_payment()
    op.execute(_STATE_ALLOWED)
    op.execute(_EVENT_KEPT)


def _create_contract() -> None:
    op.create_table(
        "contract",
        _id(),
        _text("number", 40, unique=True),
        _ref("branch_id", "branch.id"),
        _ref("application_id", "application.id", unique=True),
        _ref("party_id", "party.id"),
        _ref("bank_account_id", "bank_account.id", null=True),
        _ref("product_version_id", "product_version.id"),
        _ref("quote_id", "quote.id"),
        _text("lease_type", 24),
        _text("state", 20),
        _ref("vehicle_id", "vehicle.id", null=True),
        _text("car_model", 200),
        _amount("car_price"),
        _amount("financed_amount"),
        _amount("down_payment_amount"),
        _amount("deposit_amount"),
        _amount("service_fee_amount"),
        _amount("third_party_fees_amount"),
        _amount("balloon_amount"),
        _amount("purchase_option_amount"),
        _amount("total_rent_amount"),
        sa.Column("instalment_count", sa.SmallInteger(), nullable=False),
        sa.Column("term_months", sa.SmallInteger(), nullable=False),
        sa.Column("annual_rate", sa.Numeric(12, 8), nullable=False),
        _text("method", 24),
        sa.Column("in_advance", sa.Boolean(), nullable=False),
        _instant("drafted_at"),
        _instant("signed_at", null=True),
        _instant("funded_at", null=True),
        sa.Column("commenced_on", sa.Date()),
        sa.Column("settled_on", sa.Date()),
        sa.Column("closed_on", sa.Date()),
        _text("cancelled_reason", 300, null=True),
        _one_of("state", *_STATES),
        _one_of("lease_type", "direct", "sale_and_leaseback"),
        _one_of("method", "equal_instalments", "equal_principal", "flat", "interest_first"),
        sa.CheckConstraint("financed_amount > 0", name="financed_positive"),
        sa.CheckConstraint("term_months > 0 and instalment_count > 0", name="term_positive"),
        sa.CheckConstraint(
            "state not in ('active', 'settled', 'closed', 'terminated')"
            " or (commenced_on is not null and vehicle_id is not null)",
            name="commenced_with_its_car",
        ),
    )
    op.create_index(
        "uq_contract_vehicle",
        "contract",
        ["vehicle_id"],
        unique=True,
        postgresql_where=sa.text("state not in ('closed', 'cancelled', 'terminated')"),
    )
    op.create_index(op.f("ix_contract_branch_id_state_id"), "contract", ["branch_id", "state", "id"])
    op.create_index(op.f("ix_contract_party_id"), "contract", ["party_id"])


def _create_event() -> None:
    op.create_table(
        "contract_event",
        _id(),
        _ref("contract_id", "contract.id"),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        _instant("at"),
        _text("actor", 200),
        _text("before_state", 20, null=True),
        _text("after_state", 20),
        _text("note", 300),
        _one_of("after_state", *_STATES),
        sa.UniqueConstraint("contract_id", "number"),
    )


def _create_envelope() -> None:
    op.create_table(
        "envelope",
        _id(),
        _ref("branch_id", "branch.id"),
        _ref("contract_id", "contract.id"),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        _text("state", 20),
        _text("instance", 60, null=True),
        _text("envelope_ref", 120, null=True),
        sa.Column("signing_urls", ARRAY(sa.String(2000)), nullable=False),
        _text("reason", 300, null=True),
        _text("void_reason", 300, null=True),
        _instant("requested_at"),
        _instant("expires_at"),
        _instant("claimed_until_at", null=True),
        _instant("completed_at", null=True),
        _instant("fetched_at", null=True),
        _one_of("state", "requested", "sent", "unknown", "completed", "declined", "expired", "voided", "failed"),
        sa.UniqueConstraint("contract_id", "number"),
    )
    op.create_index(
        "uq_envelope_live_contract",
        "envelope",
        ["contract_id"],
        unique=True,
        postgresql_where=sa.text("state in ('requested', 'sent', 'unknown')"),
    )
    for name, condition in (
        ("waiting", "state = 'requested'"),
        ("unvoided", "state = 'sent' and void_reason is not null"),
        ("unfetched", "state = 'completed' and fetched_at is null"),
    ):
        op.create_index(f"ix_envelope_{name}", "envelope", ["claimed_until_at"], postgresql_where=sa.text(condition))


def _create_document() -> None:
    op.create_table(
        "contract_document",
        _id(),
        _ref("contract_id", "contract.id"),
        _ref("envelope_id", "envelope.id"),
        _text("kind", 24),
        _text("language", 10),
        _text("template_version", 40),
        _text("sha256", 64),
        _text("signed_sha256", 64, null=True),
        _text("evidence_sha256", 64, null=True),
        _one_of("kind", "lease_contract"),
        _one_of("language", "zh-CN", "en"),
        sa.UniqueConstraint("envelope_id", "kind", "language"),
        sa.CheckConstraint(f"sha256 {_DIGEST}", name="sha256"),
        sa.CheckConstraint(f"signed_sha256 {_DIGEST}", name="signed_sha256"),
        sa.CheckConstraint(f"evidence_sha256 {_DIGEST}", name="evidence_sha256"),
    )
    op.create_index(op.f("ix_contract_document_contract_id"), "contract_document", ["contract_id"])


def _create_signing_payment() -> None:
    op.create_table(
        "signing_payment",
        _id(),
        _ref("contract_id", "contract.id"),
        _text("purpose", 24),
        _amount("amount"),
        _text("state", 20),
        _ref("charge_id", null=True),
        sa.Column("received_on", sa.Date()),
        _one_of("purpose", "down_payment", "security_deposit", "service_fee", "third_party_fees"),
        _one_of("state", "due", "requested", "received"),
        sa.UniqueConstraint("contract_id", "purpose"),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        sa.CheckConstraint(
            "state <> 'received' or (charge_id is not null and received_on is not null)", name="received"
        ),
    )


def downgrade() -> None:
    for table in ("signing_payment", "contract_document", "envelope", "contract_event", "contract"):
        op.drop_table(table)
    op.execute("drop function contract_state_allowed()")
    op.execute("drop function contract_event_kept()")
    op.execute("drop sequence contract_number")
