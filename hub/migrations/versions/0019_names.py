"""Parties are found by name: a blind index of the name, and indices on what cars are looked for by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("party", sa.Column("name_index", sa.LargeBinary()))
    op.create_index("ix_party_name_index", "party", ["name_index"])
    op.create_index("ix_vehicle_plate", "vehicle", ["plate"])


def downgrade() -> None:
    op.drop_index("ix_vehicle_plate", "vehicle")
    op.drop_index("ix_party_name_index", "party")
    op.drop_column("party", "name_index")
