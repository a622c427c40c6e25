"""The tables of: origination (parties, channels, leads, applications, credit)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_INSTANT = sa.DateTime(timezone=True)
_AMOUNT = sa.Numeric(18, 2)

# A consent is evidence: nothing of it changes but its withdrawal, once, and it is never deleted.
_ONLY_WITHDRAWAL = """
create function allow_only_withdrawal() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' or old.withdrawn_at is not null
        or (to_jsonb(new) - 'withdrawn_at') is distinct from (to_jsonb(old) - 'withdrawn_at') then
        raise exception 'a consent is append-only but for its withdrawal' using errcode = 'restrict_violation';
    end if;
    return new;
end
$$
"""


def upgrade() -> None:
    _create_party()
    _create_party_phone()
    _create_party_address()
    _create_employment()
    _create_bank_account()
    _create_consent()
    _create_channel_partner()
    _create_commission_accrual()
    _create_lead()
    _create_follow_up_task()
    _create_contact_log()
    _create_application()
    _create_application_material()
    _create_approval()
    _create_application_day()
    _create_credit_check()
    _create_blacklist_entry()


def _create_party() -> None:
    op.create_table(
        "party",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("branch_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("document_kind", sa.String(24), nullable=False),
        sa.Column("document_number_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("document_index", sa.LargeBinary(), nullable=False),
        sa.Column("email_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.CheckConstraint(
            "document_kind in ('cn_identity_card', 'cn_company_code', 'passport')", name="document_kind"
        ),
        sa.CheckConstraint("kind in ('person', 'company')", name="kind"),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("document_index"),
    )
    op.create_index(op.f("ix_party_branch_id_id"), "party", ["branch_id", "id"])


def _create_party_phone() -> None:
    op.create_table(
        "party_phone",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        sa.CheckConstraint("kind in ('mobile', 'home', 'work')", name="kind"),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("party_id", "phone_index"),
    )
    op.create_index(op.f("ix_party_phone_phone_index"), "party_phone", ["phone_index"])
    op.create_index(
        "uq_party_phone_primary", "party_phone", ["party_id"], unique=True, postgresql_where=sa.text("is_primary")
    )


def _create_party_address() -> None:
    op.create_table(
        "party_address",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("kind in ('registered', 'home', 'work')", name="kind"),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_party_address_party_id"), "party_address", ["party_id"])


def _create_employment() -> None:
    op.create_table(
        "employment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("employer_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("monthly_income_amount", _AMOUNT, nullable=False),
        sa.Column("recorded_at", _INSTANT, nullable=False),
        sa.CheckConstraint("monthly_income_amount >= 0", name="income"),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_employment_party_id"), "employment", ["party_id"])


def _create_bank_account() -> None:
    op.create_table(
        "bank_account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.String(14), nullable=False),
        sa.Column("number_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("number_index", sa.LargeBinary(), nullable=False),
        sa.Column("last_four", sa.String(4), nullable=False),
        sa.Column("added_at", _INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("party_id", "number_index"),
    )


def _create_consent() -> None:
    op.create_table(
        "consent",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(24), nullable=False),
        sa.Column("text_version", sa.String(40), nullable=False),
        sa.Column("method", sa.String(24), nullable=False),
        sa.Column("given_at", _INSTANT, nullable=False),
        sa.Column("recorded_at", _INSTANT, nullable=False),
        sa.Column("withdrawn_at", _INSTANT, nullable=True),
        sa.CheckConstraint("method in ('signature', 'sms_code', 'online_form', 'recorded_call')", name="method"),
        sa.CheckConstraint("purpose in ('credit_check', 'marketing', 'location', 'contact')", name="purpose"),
        sa.CheckConstraint("withdrawn_at >= given_at", name="withdrawn_after_given"),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_consent_party_id_purpose"), "consent", ["party_id", "purpose"])
    op.execute(_ONLY_WITHDRAWAL)
    op.execute(
        "create trigger consent_append_only before update or delete on consent "
        "for each row execute function allow_only_withdrawal()"
    )


def _create_channel_partner() -> None:
    op.create_table(
        "channel_partner",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("branch_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("commission_rate", sa.Numeric(12, 8), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.CheckConstraint("kind in ('dealer', 'channel_company', 'broker', 'partner')", name="kind"),
        sa.CheckConstraint("state in ('active', 'suspended', 'ended')", name="state"),
        sa.CheckConstraint("commission_rate between 0 and 0.2", name="commission_rate"),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_channel_partner_branch_id_id"), "channel_partner", ["branch_id", "id"])


def _create_commission_accrual() -> None:
    op.create_table(
        "commission_accrual",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("partner_id", sa.Uuid(), nullable=False),
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.String(24), nullable=False),
        sa.Column("amount", _AMOUNT, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("accrued_at", _INSTANT, nullable=False),
        sa.CheckConstraint("rule in ('financed_share')", name="rule"),
        sa.CheckConstraint("state in ('accrued', 'clawed_back', 'settled')", name="state"),
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.ForeignKeyConstraint(["partner_id"], ["channel_partner.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("contract_id", "partner_id", "rule"),
    )
    op.create_index(op.f("ix_commission_accrual_partner_id_id"), "commission_accrual", ["partner_id", "id"])


def _create_lead() -> None:
    op.create_table(
        "lead",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("branch_id", sa.Uuid(), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("phone_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=True),
        sa.Column("wanted", sa.String(200), nullable=False),
        sa.Column("intent_level", sa.String(24), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("opened_at", _INSTANT, nullable=False),
        sa.Column("closed_at", _INSTANT, nullable=True),
        sa.Column("converted_party_id", sa.Uuid(), nullable=True),
        sa.Column("loss_reason", sa.String(24), nullable=True),
        sa.CheckConstraint("(state = 'converted') = (converted_party_id is not null)", name="converted_to_a_party"),
        sa.CheckConstraint("(state = 'lost') = (loss_reason is not null)", name="lost_for_a_reason"),
        sa.CheckConstraint(
            "intent_level in ('new', 'within_three_days', 'within_a_month', 'undecided', 'applied', 'no_answer', 'gave_up')",
            name="intent_level",
        ),
        sa.CheckConstraint(
            "loss_reason in ('gave_up', 'bought_elsewhere', 'unreachable', 'not_eligible', 'duplicate')",
            name="loss_reason",
        ),
        sa.CheckConstraint(
            "source in ('walk_in', 'phone', 'web_form', 'channel', 'referral', 'import')", name="source"
        ),
        sa.CheckConstraint("state in ('open', 'qualified', 'converted', 'lost')", name="state"),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"]),
        sa.ForeignKeyConstraint(["channel_id"], ["channel_partner.id"]),
        sa.ForeignKeyConstraint(["converted_party_id"], ["party.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_lead_branch_id_id"), "lead", ["branch_id", "id"])
    op.create_index(op.f("ix_lead_phone_index"), "lead", ["phone_index"])


def _create_follow_up_task() -> None:
    op.create_table(
        "follow_up_task",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(24), nullable=False),
        sa.Column("due_at", _INSTANT, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("done_at", _INSTANT, nullable=True),
        sa.CheckConstraint("(state = 'done') = (done_at is not null)", name="done_at_a_time"),
        sa.CheckConstraint(
            "purpose in ('first_call', 'offer', 'appointment', 'material', 'call_again', 'win_back')", name="purpose"
        ),
        sa.CheckConstraint("state in ('open', 'overdue', 'done', 'cancelled')", name="state"),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_follow_up_task_lead_id_due_at"), "follow_up_task", ["lead_id", "due_at"])
    op.create_index("ix_follow_up_task_open", "follow_up_task", ["due_at"], postgresql_where=sa.text("state = 'open'"))


def _create_contact_log() -> None:
    op.create_table(
        "contact_log",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("means", sa.String(16), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("by", sa.String(200), nullable=False),
        sa.CheckConstraint("means in ('phone', 'message', 'visit', 'email')", name="means"),
        sa.CheckConstraint("outcome in ('reached', 'no_answer', 'wrong_number')", name="outcome"),
        sa.ForeignKeyConstraint(["lead_id"], ["lead.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_contact_log_lead_id_id"), "contact_log", ["lead_id", "id"])


def _create_application() -> None:
    op.create_table(
        "application",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(20), nullable=False),
        sa.Column("branch_id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("quote_id", sa.Uuid(), nullable=False),
        sa.Column("product_version_id", sa.Uuid(), nullable=False),
        sa.Column("lease_type", sa.String(24), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=True),
        sa.Column("car_model", sa.String(200), nullable=False),
        sa.Column("vin", sa.String(17), nullable=True),
        sa.Column("price_amount", _AMOUNT, nullable=False),
        sa.Column("financed_amount", _AMOUNT, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("opened_by", sa.String(200), nullable=False),
        sa.Column("opened_by_id", sa.Uuid(), nullable=True),
        sa.Column("opened_at", _INSTANT, nullable=False),
        sa.Column("submitted_by", sa.String(200), nullable=True),
        sa.Column("submitted_by_id", sa.Uuid(), nullable=True),
        sa.Column("submitted_at", _INSTANT, nullable=True),
        sa.Column("credit_outcome", sa.String(16), nullable=True),
        sa.Column("credit_reasons", JSONB(), nullable=False),
        sa.Column("credit_valid_until_on", sa.Date(), nullable=True),
        sa.Column("decided_at", _INSTANT, nullable=True),
        sa.Column("valid_until_on", sa.Date(), nullable=True),
        sa.CheckConstraint("credit_outcome in ('pass', 'refer', 'decline')", name="credit_outcome"),
        sa.CheckConstraint("lease_type in ('direct', 'sale_and_leaseback')", name="lease_type"),
        sa.CheckConstraint(
            "state <> 'approved' or coalesce(credit_outcome, '') in ('pass', 'refer')", name="approved_on_credit"
        ),
        sa.CheckConstraint(
            "state in ('draft', 'submitted', 'under_review', 'approved', 'declined', 'returned', 'withdrawn')",
            name="state",
        ),
        sa.CheckConstraint("state not in ('approved', 'declined') or decided_at is not null", name="decided_at_a_time"),
        sa.CheckConstraint("financed_amount > 0", name="financed_amount"),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"]),
        sa.ForeignKeyConstraint(["channel_id"], ["channel_partner.id"]),
        sa.ForeignKeyConstraint(["opened_by_id"], ["staff.id"]),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"]),
        sa.ForeignKeyConstraint(["product_version_id"], ["product_version.id"]),
        sa.ForeignKeyConstraint(["quote_id"], ["quote.id"]),
        sa.ForeignKeyConstraint(["submitted_by_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
    )
    op.create_index(op.f("ix_application_branch_id_id"), "application", ["branch_id", "id"])
    op.create_index(op.f("ix_application_party_id"), "application", ["party_id"])
    op.create_index(
        "uq_application_live",
        "application",
        ["quote_id"],
        unique=True,
        postgresql_where=sa.text("state not in ('declined', 'withdrawn')"),
    )


def _create_application_material() -> None:
    op.create_table(
        "application_material",
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("file_sha256", sa.String(64), nullable=True),
        sa.Column("added_at", _INSTANT, nullable=True),
        sa.CheckConstraint("file_sha256 ~ '^[0-9a-f]{64}$'", name="file_sha256"),
        sa.CheckConstraint(
            "kind in ('identity_document', 'business_licence', 'income_proof', 'bank_statement', 'driving_licence', 'registration_certificate', 'vehicle_photos', 'other')",
            name="kind",
        ),
        sa.CheckConstraint("(file_sha256 is null) = (added_at is null)", name="added_with_its_file"),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"]),
        sa.PrimaryKeyConstraint("application_id", "kind"),
    )


def _create_approval() -> None:
    op.create_table(
        "approval",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(24), nullable=False),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("at", _INSTANT, nullable=False),
        sa.CheckConstraint("decision in ('approve', 'decline', 'return')", name="decision"),
        sa.CheckConstraint("step in ('final')", name="step"),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"]),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("application_id", "round", "step"),
    )


def _create_application_day() -> None:
    op.create_table(
        "application_day",
        sa.Column("day_on", sa.Date(), nullable=False),
        sa.Column("last_sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day_on"),
    )


def _create_credit_check() -> None:
    op.create_table(
        "credit_check",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("branch_id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("consent_id", sa.Uuid(), nullable=True),
        sa.Column("inquiry", sa.String(8), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("claimed_until_at", _INSTANT, nullable=True),
        sa.Column("requested_at", _INSTANT, nullable=False),
        sa.Column("instance", sa.String(60), nullable=True),
        sa.Column("call_id", sa.Uuid(), nullable=True),
        sa.Column("answered_at", _INSTANT, nullable=True),
        sa.Column("error_code", sa.String(80), nullable=True),
        sa.Column("report_ref", sa.String(200), nullable=True),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("model", sa.String(80), nullable=True),
        sa.Column("reasons", JSONB(), nullable=False),
        sa.Column("facts_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("cost_minor", sa.BigInteger(), nullable=True),
        sa.Column("cost_currency", sa.String(3), nullable=True),
        sa.Column("valid_until_on", sa.Date(), nullable=True),
        sa.Column("outcome", sa.String(16), nullable=True),
        sa.Column("outcome_reasons", JSONB(), nullable=False),
        sa.Column("rules_version", sa.String(40), nullable=True),
        sa.CheckConstraint("inquiry in ('soft', 'hard')", name="inquiry"),
        sa.CheckConstraint("outcome in ('pass', 'refer', 'decline')", name="outcome"),
        sa.CheckConstraint("state = 'skipped' or consent_id is not null", name="consent_before_inquiry"),
        sa.CheckConstraint(
            "state in ('requested', 'pending', 'unknown', 'reported', 'no_file', 'failed', 'skipped')", name="state"
        ),
        sa.CheckConstraint("(cost_minor is null) = (cost_currency is null)", name="cost_with_currency"),
        sa.ForeignKeyConstraint(["application_id"], ["application.id"]),
        sa.ForeignKeyConstraint(["branch_id"], ["branch.id"]),
        sa.ForeignKeyConstraint(["consent_id"], ["consent.id"]),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_credit_check_application_id_id"), "credit_check", ["application_id", "id"])
    op.create_index(op.f("ix_credit_check_branch_id_id"), "credit_check", ["branch_id", "id"])
    op.create_index(
        "ix_credit_check_requested", "credit_check", ["id"], postgresql_where=sa.text("state = 'requested'")
    )
    op.create_index(
        "uq_credit_check_live",
        "credit_check",
        ["application_id", "inquiry"],
        unique=True,
        postgresql_where=sa.text("state in ('pending', 'requested', 'unknown')"),
    )


def _create_blacklist_entry() -> None:
    op.create_table(
        "blacklist_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("document_index", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("added_by", sa.String(200), nullable=False),
        sa.Column("added_at", _INSTANT, nullable=False),
        sa.Column("removed_at", _INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "uq_blacklist_entry_standing",
        "blacklist_entry",
        ["document_index"],
        unique=True,
        postgresql_where=sa.text("removed_at is null"),
    )


def downgrade() -> None:
    op.drop_table("blacklist_entry")
    op.drop_table("credit_check")
    op.drop_table("application_day")
    op.drop_table("approval")
    op.drop_table("application_material")
    op.drop_table("application")
    op.drop_table("contact_log")
    op.drop_table("follow_up_task")
    op.drop_table("lead")
    op.drop_table("commission_accrual")
    op.drop_table("channel_partner")
    op.drop_table("consent")
    op.execute("drop function allow_only_withdrawal()")
    op.drop_table("bank_account")
    op.drop_table("employment")
    op.drop_table("party_address")
    op.drop_table("party_phone")
    op.drop_table("party")
