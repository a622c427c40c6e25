"""How parties are stored: names, numbers and addresses sealed, blind indexes beside what is looked up."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.identity import DocumentKind
from hub.core.money import Money
from hub.infra.database import Base
from hub.leasing.parties.rules import AddressKind, ConsentMethod, ConsentPurpose, PartyKind, PhoneKind


def _listed(column: str, values: type[PartyKind | DocumentKind | PhoneKind | AddressKind]) -> sa.CheckConstraint:
    ...
