"""The plugin before its stand-in, at a time that stands still."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from leasehub_esign_tencent.conformance import SETTINGS, START_AT, vendor_at
from leasehub_esign_tencent.plugin import TencentEsign
from leasehub_esign_tencent.settings import TencentEsignSettings
from leasehub_esign_tencent.standin import TencentEss

from hub.core.ports.esign import EnvelopeRequest, EsignDocument, Signer, SignerRole
from hub.sdk.clock import VirtualClock
from hub.testing.contexts import call_context, plugin_context

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
LESSEE = Signer(
    role=SignerRole.LESSEE, order=1, name="张三丰", phone="+8613812345678", document_number="11010119900307851x"
)
LESSOR = Signer(role=SignerRole.LESSOR, order=2, name="典子谦示例企业")


@dataclass
class Desk:
    """A vendor, and plugins before it."""

    vendor: TencentEss
    clock: VirtualClock
    http: httpx.AsyncClient

    def settings(self, **more: Any) -> TencentEsignSettings:
        return TencentEsignSettings.model_validate({**SETTINGS, **more})

    def provider(self, **more: Any) -> TencentEsign:
        return TencentEsign(self.settings(**more), plugin_context(self.http, self.clock))

    def ctx(self, key: str = "envelope-1") -> Any:
        return call_context(self.clock, key)

    def envelope(self, **more: Any) -> EnvelopeRequest:
        content = more.pop("content", PDF)
        document = EsignDocument(name="contract.pdf", content=content, sha256=hashlib.sha256(content).hexdigest())
        request = EnvelopeRequest(
            subject="融资租赁合同 HT-2026-0001",
            documents=(document,),
            signers=(LESSEE, LESSOR),
            expires_at=self.clock.now() + timedelta(days=7),
        )
        return replace(request, **more)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    clock = VirtualClock(START_AT)
    vendor = vendor_at(clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=vendor.app)) as http:
        yield Desk(vendor, clock, http)
