"""Names for identifiers, so that a contract's id never stands where a car's is meant.

All are UUIDv7 (RFC 9562, section 5.7): they sort by time of creation. `hub.infra.clock` makes them.
"""

from __future__ import annotations

from typing import NewType
from uuid import UUID

TenantId = NewType("TenantId", str)
BranchId = NewType("BranchId", UUID)
StaffId = NewType("StaffId", UUID)
PartyId = NewType("PartyId", UUID)
ConsentId = NewType("ConsentId", UUID)
BankAccountId = NewType("BankAccountId", UUID)
ChannelId = NewType("ChannelId", UUID)
LeadId = NewType("LeadId", UUID)
ProductVersionId = NewType("ProductVersionId", UUID)
QuoteId = NewType("QuoteId", UUID)
ApplicationId = NewType("ApplicationId", UUID)
CreditCheckId = NewType("CreditCheckId", UUID)
ContractId = NewType("ContractId", UUID)
VehicleId = NewType("VehicleId", UUID)
DeviceId = NewType("DeviceId", UUID)
MandateId = NewType("MandateId", UUID)
ChargeId = NewType("ChargeId", UUID)
PayoutId = NewType("PayoutId", UUID)
InstalmentId = NewType("InstalmentId", UUID)
EntryId = NewType("EntryId", UUID)
CallId = NewType("CallId", UUID)
