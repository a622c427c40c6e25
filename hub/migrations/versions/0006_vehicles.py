"""The tables of cars and devices: inventory with its table of allowed moves, and tracking.

The database itself holds the rules of movement: a move must be one of `vehicle_transition`, a car's status is what its
last move says, and moves are never changed. The checks are deferred to the commit, so that a car and its move may be
written in either order within one transaction, and never in two.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_STATUSES = (
    "ordered",
    "purchase_in_transit",
    "in_stock",
    "reserved",
    "abnormal",
    "transfer_in_transit",
    "transshipment_in_transit",
    "leased",
    "repossessed",
    "in_disposal",
    "sold",
    "title_transferred",
)

# As hub.leasing.inventory.rules.MOVES had it when this was written.
_COMING = ("ordered", "purchase_in_transit", "transfer_in_transit", "transshipment_in_transit")
_MOVES: tuple[tuple[str, tuple[str | None, ...], str], ...] = (
    ("ordered", (None,), "ordered"),
    ("shipped_by_dealer", ("ordered",), "purchase_in_transit"),
    ("received", _COMING, "in_stock"),
    ("found_abnormal", (*_COMING, "in_stock", "reserved"), "abnormal"),
    ("cleared", ("abnormal",), "in_stock"),
    ("reserved", ("in_stock",), "reserved"),
    ("released", ("reserved",), "in_stock"),
    ("delivered", ("reserved",), "leased"),
    ("transfer_shipped", ("in_stock",), "transfer_in_transit"),
    ("transshipped", ("transfer_in_transit",), "transshipment_in_transit"),
    ("forwarded", ("transshipment_in_transit",), "transfer_in_transit"),
    ("repossessed", ("leased",), "repossessed"),
    ("redeemed", ("repossessed",), "leased"),
    ("put_up_for_disposal", ("in_stock", "abnormal", "repossessed"), "in_disposal"),
    ("restocked", ("repossessed", "in_disposal"), "in_stock"),
    ("sold", ("in_disposal",), "sold"),
    ("title_transferred", ("leased",), "title_transferred"),
)

_MOVEMENT_ALLOWED = """
create function vehicle_movement_allowed() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        raise exception 'a vehicle movement is never changed' using errcode = 'integrity_constraint_violation';
    end if;
    if not exists (select from vehicle_transition t
                   where t.kind = new.kind and t.from_status is not distinct from new.from_status
                     and t.to_status = new.to_status) then
        raise exception 'a vehicle cannot go from % to % by %', new.from_status, new.to_status, new.kind
            using errcode = 'check_violation';
    end if;
    return new;
end $$;
create trigger vehicle_movement_allowed before insert or update or delete on vehicle_movement
    for each row execute function vehicle_movement_allowed();
"""

_STATUS_FOLLOWS = """
create function vehicle_status_follows_movement() returns trigger language plpgsql as $$
declare
    before_status text := case when tg_op = 'UPDATE' then old.status end;
    before_count integer := case when tg_op = 'UPDATE' then old.movement_count else 0 end;
begin
    if tg_op = 'UPDATE' and new.status = old.status and new.movement_count = old.movement_count then
        return null;
    end if;
    if new.movement_count <> before_count + 1
       or not exists (select from vehicle_movement m
                      where m.vehicle_id = new.id and m.number = new.movement_count
                        and m.from_status is not distinct from before_status and m.to_status = new.status) then
        raise exception 'the status of vehicle % changes only through a movement', new.id
            using errcode = 'check_violation';
    end if;
    return null;
end $$;
create constraint trigger vehicle_status_follows_movement
    after insert or update of status, movement_count on vehicle deferrable initially deferred
    for each row execute function vehicle_status_follows_movement();
"""

_MOVEMENT_FOLLOWED = """
create function vehicle_movement_is_followed() returns trigger language plpgsql as $$
begin
    if not exists (select from vehicle v where v.id = new.vehicle_id and v.movement_count >= new.number) then
        raise exception 'vehicle % has not followed its movement %', new.vehicle_id, new.number
            using errcode = 'check_violation';
    end if;
    return null;
end $$;
create constraint trigger vehicle_movement_is_followed
    after insert on vehicle_movement deferrable initially deferred
    for each row execute function vehicle_movement_is_followed();
"""


def _id() -> sa.Column[object]:
    return sa.Column("id", sa.Uuid(), primary_key=True)


def _ref(name: str, target: str | None = None, *, null: bool = False) -> sa.Column[object]:
    keys = [sa.ForeignKey(target)] if target else []
    return sa.Column(name, sa.Uuid(), *keys, nullable=null)


def _text(name: str, length: int, *, null: bool = False, unique: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.String(length), nullable=null, unique=unique)


def _instant(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def _one_of(column: str, *words: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} in ({', '.join(repr(word) for word in words)})", name=column)


def upgrade() -> None:
    op.execute("create sequence purchase_order_number")
    _create_vehicle()
    _create_movement()
    _create_hold_and_order()
    _create_device()
    _create_position()
    for statement in (_MOVEMENT_ALLOWED, _STATUS_FOLLOWS, _MOVEMENT_FOLLOWED):
        op.execute(statement)


def _create_vehicle() -> None:
    op.create_table(
        "vehicle",
        _id(),
        _ref("branch_id", "branch.id"),
        _ref("location_id", "branch.id", null=True),
        _text("vin", 17, unique=True),
        _text("model", 120),
        _text("colour", 40, null=True),
        _text("engine_number", 40, null=True),
        sa.Column("cost_amount", sa.Numeric(18, 2), nullable=False),
        _text("status", 30),
        sa.Column("movement_count", sa.Integer(), nullable=False),
        _text("plate", 16, null=True),
        _text("title_holder", 10),
        _one_of("status", *_STATUSES),
        _one_of("title_holder", "dealer", "lessor", "lessee", "buyer"),
        sa.CheckConstraint("vin ~ '^[A-HJ-NPR-Z0-9]{17}$'", name="vin"),
        sa.CheckConstraint("cost_amount > 0", name="cost_positive"),
    )
    op.create_index(op.f("ix_vehicle_branch_id_status_id"), "vehicle", ["branch_id", "status", "id"])


def _create_movement() -> None:
    transition = op.create_table(
        "vehicle_transition",
        sa.Column("id", sa.Integer(), primary_key=True),
        _text("kind", 30),
        _text("from_status", 30, null=True),
        _text("to_status", 30),
    )
    op.create_index(
        "uq_vehicle_transition",
        "vehicle_transition",
        ["kind", "from_status", "to_status"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    moves = [(kind, start, after) for kind, starts, after in _MOVES for start in starts]
    op.bulk_insert(
        transition,
        [
            {"id": number, "kind": kind, "from_status": start, "to_status": after}
            for number, (kind, start, after) in enumerate(moves, start=1)
        ],
    )
    op.create_table(
        "vehicle_movement",
        _id(),
        _ref("vehicle_id", "vehicle.id"),
        sa.Column("number", sa.Integer(), nullable=False),
        _text("kind", 30),
        _text("from_status", 30, null=True),
        _text("to_status", 30),
        _ref("location_id", "branch.id", null=True),
        _instant("at"),
        _text("actor", 200),
        _text("reason", 300),
        _text("paper_ref", 120, null=True),
        sa.Column("mileage_km", sa.Integer()),
        _ref("contract_id", null=True),
        _one_of("kind", *(kind for kind, _, _ in _MOVES)),
        sa.UniqueConstraint("vehicle_id", "number"),
        sa.CheckConstraint("(from_status is null) = (number = 1)", name="only_the_first_comes_from_nowhere"),
        sa.CheckConstraint("mileage_km >= 0", name="mileage"),
    )
    op.create_index(op.f("ix_vehicle_movement_contract_id"), "vehicle_movement", ["contract_id"])


def _create_hold_and_order() -> None:
    op.create_table(
        "vehicle_hold",
        _id(),
        _ref("vehicle_id", "vehicle.id"),
        _ref("contract_id"),
        _instant("held_at"),
        _instant("released_at", null=True),
        _text("reason", 300, null=True),
    )
    for column in ("vehicle", "contract"):
        op.create_index(
            f"uq_vehicle_hold_{column}",
            "vehicle_hold",
            [f"{column}_id"],
            unique=True,
            postgresql_where=sa.text("released_at is null"),
        )
    op.create_table(
        "purchase_order",
        _id(),
        _text("number", 24, unique=True),
        _ref("branch_id", "branch.id"),
        _ref("vehicle_id", "vehicle.id"),
        _ref("contract_id", null=True),
        _text("dealer", 120),
        _ref("channel_id", null=True),
        sa.Column("price_amount", sa.Numeric(18, 2), nullable=False),
        _text("state", 20),
        _instant("ordered_at"),
        _instant("confirmed_at", null=True),
        _instant("received_at", null=True),
        _instant("cancelled_at", null=True),
        _one_of("state", "requested", "ordered", "confirmed", "received", "cancelled"),
        sa.CheckConstraint("price_amount > 0", name="price_positive"),
    )
    op.create_index(
        "uq_purchase_order_vehicle",
        "purchase_order",
        ["vehicle_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'cancelled'"),
    )
    op.create_index(op.f("ix_purchase_order_branch_id_state_id"), "purchase_order", ["branch_id", "state", "id"])
    op.create_index(op.f("ix_purchase_order_contract_id"), "purchase_order", ["contract_id"])


def _create_device() -> None:
    op.create_table(
        "device",
        _id(),
        _ref("branch_id", "branch.id"),
        _text("terminal_id", 40, unique=True),
        _text("instance", 60),
        _text("kind", 10),
        _text("state", 20),
        _instant("registered_at"),
        _one_of("kind", "main", "hidden"),
        _one_of("state", "in_stock", "installed", "removed", "faulty"),
    )
    op.create_index(op.f("ix_device_branch_id_id"), "device", ["branch_id", "id"])
    op.create_table(
        "device_binding",
        _id(),
        _ref("device_id", "device.id"),
        _ref("vehicle_id", "vehicle.id"),
        _text("kind", 10),
        _instant("installed_at"),
        _text("installed_by", 200),
        _instant("removed_at", null=True),
        _text("removal_reason", 300, null=True),
        _one_of("kind", "main", "hidden"),
        sa.CheckConstraint("removed_at >= installed_at", name="removed_after_installed"),
    )
    for name, columns in (("device", ["device_id"]), ("vehicle_kind", ["vehicle_id", "kind"])):
        op.create_index(
            f"uq_device_binding_{name}",
            "device_binding",
            columns,
            unique=True,
            postgresql_where=sa.text("removed_at is null"),
        )


def _create_position() -> None:
    op.create_table(
        "locate_request",
        _id(),
        _ref("device_id", "device.id"),
        _text("state", 20),
        _instant("requested_at"),
        _text("requested_by", 200),
        _instant("claimed_until_at", null=True),
        _instant("answered_at", null=True),
        _text("code", 80, null=True),
        _one_of("state", "requested", "sent", "answered", "silent", "failed"),
    )
    op.create_index(
        "uq_locate_request_waiting",
        "locate_request",
        ["device_id"],
        unique=True,
        postgresql_where=sa.text("state in ('requested', 'sent')"),
    )
    op.create_table(
        "position",
        _ref("device_id", "device.id"),
        _instant("fixed_at"),
        _ref("vehicle_id", "vehicle.id", null=True),
        sa.Column("lat", sa.Numeric(9, 6), nullable=False),
        sa.Column("lon", sa.Numeric(9, 6), nullable=False),
        sa.Column("speed_kmh", sa.Numeric(5, 1)),
        _text("source", 20),
        _instant("received_at"),
        sa.PrimaryKeyConstraint("device_id", "fixed_at"),
    )
    op.create_index(op.f("ix_position_vehicle_id_fixed_at"), "position", ["vehicle_id", "fixed_at"])
    op.create_table(
        "device_alarm",
        _id(),
        _ref("device_id", "device.id"),
        _ref("vehicle_id", "vehicle.id", null=True),
        _text("kind", 20),
        _text("event_key", 160),
        _instant("raised_at"),
        _instant("received_at"),
        _one_of(
            "kind",
            "power_cut",
            "tamper",
            "fence_left",
            "fence_entered",
            "offline",
            "towed",
            "speeding",
            "other",
        ),
        sa.UniqueConstraint("device_id", "event_key"),
    )
    op.create_index(op.f("ix_device_alarm_vehicle_id_raised_at"), "device_alarm", ["vehicle_id", "raised_at"])


def downgrade() -> None:
    tables = (
        "device_alarm",
        "position",
        "locate_request",
        "device_binding",
        "device",
        "purchase_order",
        "vehicle_hold",
    )
    for table in (*tables, "vehicle_movement", "vehicle_transition", "vehicle"):
        op.drop_table(table)
    for function in (
        "vehicle_movement_allowed",
        "vehicle_status_follows_movement",
        "vehicle_movement_is_followed",
    ):
        op.execute(f"drop function {function}()")
    op.execute("drop sequence purchase_order_number")
