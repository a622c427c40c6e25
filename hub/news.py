"""Which facts are news for others, and what of them is told: ids, amounts, days and codes, and nothing personal.

The list of what can be told is `hub.outgoing.rules.EventType`; the page for subscribers is docs/operators/webhooks.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import Enum
from uuid import UUID

from hub.core.events import Fact
from hub.core.json import JsonValue
from hub.core.money import Money
from hub.infra.database import Tx
from hub.infra.masking import masked_text
from hub.integrations.facts import OutcomeEscalated
from hub.leasing.applications.rules import ApplicationApproved, ApplicationDeclined, ApplicationSubmitted
from hub.leasing.collections.rules import PromiseBroken
from hub.leasing.contracts.rules import LeaseTransitioned
from hub.leasing.mandates.rules import MandateActivated, MandateRejected, MandateRevoked
from hub.leasing.payments.rules import (
    ChargeInDoubt,
    ChargeRejected,
    ChargeSucceeded,
    PayoutInDoubt,
    PayoutRejected,
    PayoutSucceeded,
)
from hub.leasing.servicing.rules import AccountSettled, MoneyUnallocated, RentOverdue, RentPaid, RentUncollectable
from hub.leasing.settlements.rules import DepositReturned, PurchaseOptionUncollectable
from hub.leasing.tracking.rules import DeviceAlarmRaised
from hub.outgoing import service
from hub.outgoing.rules import EventType

_PAID = ("charge_id", "contract_id", "purpose", "money", "settled_on")
_REFUSED = ("charge_id", "contract_id", "purpose", "code")
_APPLICATION = ("application_id", "party_id", "branch_id")

# What of each fact is told, field by field: a field that is not here stays in the house.
NEWS: Mapping[type[Fact], tuple[EventType, tuple[str, ...]]] = {
    ApplicationSubmitted: (EventType.APPLICATION_SUBMITTED, _APPLICATION),
    ApplicationApproved: (EventType.APPLICATION_APPROVED, (*_APPLICATION, "valid_until_on")),
    ApplicationDeclined: (EventType.APPLICATION_DECLINED, _APPLICATION),
    LeaseTransitioned: (EventType.LEASE_TRANSITIONED, ("contract_id", "contract_number", "before", "after")),
    AccountSettled: (EventType.LEASE_SETTLED, ("contract_id", "settled_on", "early")),
    MandateActivated: (EventType.MANDATE_ACTIVATED, ("mandate_id", "contract_id")),
    MandateRejected: (EventType.MANDATE_REJECTED, ("mandate_id", "contract_id")),
    MandateRevoked: (EventType.MANDATE_REVOKED, ("mandate_id", "contract_id", "by_payer")),
    ChargeSucceeded: (EventType.CHARGE_SUCCEEDED, _PAID),
    ChargeRejected: (EventType.CHARGE_REJECTED, _REFUSED),
    ChargeInDoubt: (EventType.CHARGE_IN_DOUBT, ("charge_id", "contract_id", "purpose", "disputed")),
    PayoutSucceeded: (EventType.PAYOUT_SUCCEEDED, ("payout_id", *_PAID[1:])),
    PayoutRejected: (EventType.PAYOUT_REJECTED, ("payout_id", *_REFUSED[1:])),
    PayoutInDoubt: (EventType.PAYOUT_IN_DOUBT, ("payout_id", "contract_id", "purpose", "disputed")),
    RentPaid: (EventType.RENT_PAID, ("contract_id", "instalment_id", "number", "paid_on", "arrears_left")),
    RentOverdue: (EventType.RENT_OVERDUE, ("contract_id", "instalment_id", "number", "due_on", "owed")),
    RentUncollectable: (EventType.RENT_UNCOLLECTABLE, ("contract_id", "instalment_id", "code")),
    MoneyUnallocated: (EventType.MONEY_UNALLOCATED, ("contract_id", "charge_id", "money")),
    PromiseBroken: (EventType.PROMISE_BROKEN, ("contract_id", "promise_id", "money")),
    PurchaseOptionUncollectable: (EventType.OPTION_UNCOLLECTABLE, ("contract_id", "code")),
    DepositReturned: (EventType.DEPOSIT_RETURNED, ("contract_id", "money")),
    DeviceAlarmRaised: (EventType.DEVICE_ALARM, ("alarm_id", "device_id", "vehicle_id", "kind", "raised_at")),
    OutcomeEscalated: (EventType.CALL_ESCALATED, ("call_id", "instance", "operation")),
}


async def tell(tx: Tx, fact: Fact) -> None:
    """Tell subscribers of a fact, if it is news for anybody."""
    if (news := NEWS.get(type(fact))) is not None:
        event, told = news
        await service.publish(tx, event, {name: _plain(getattr(fact, name)) for name in told})


def _plain(value: object) -> JsonValue:
    """A value as it is told: amounts with their currency, days and instants as ISO 8601 has them."""
    match value:
        case None | bool() | int():
            return value
        case Money():
            return {"amount": f"{value.amount:.2f}", "currency": value.currency}
        case date():
            return value.isoformat()
        case Enum():
            return str(value.value)
        case UUID() | Decimal():
            return str(value)
        case _:
            return masked_text(str(value))
