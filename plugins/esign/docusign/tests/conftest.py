"""A stand-in on the loopback address, the plugin in front of it, and the vendor's own client with its time fixed."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import docusign_esign
import httpx
import pytest
import pytest_asyncio
from leasehub_esign_docusign.conformance import (
    HMAC_KEY,
    INTEGRATION_KEY,
    START_AT,
    USER_ID,
    integration,
    key,
    pem,
    settings,
)
from leasehub_esign_docusign.plugin import Docusign
from leasehub_esign_docusign.settings import DocusignSettings
from leasehub_esign_docusign.standin import DocusignVendor

from hub.core.ports.esign import EnvelopeRequest, EsignDocument, Signer, SignerRole
from hub.sdk.clock import VirtualClock
from hub.testing.contexts import call_context, plugin_context
from hub.testing.loopback import loopback
from hub.testing.wire import Received

CALLBACKS_TO = "https://hub.example/webhooks/docusign"


def paper(name: str) -> EsignDocument:
    """A paper to sign."""
    content = b"%PDF-1.7\n%%EOF\n" + name.encode()
    return EsignDocument(name=name, content=content, sha256=hashlib.sha256(content).hexdigest())


class TheirClient(docusign_esign.ApiClient):
    """The vendor's client as it is, but for the scheme: it will not speak to a server without TLS."""

    def request(self, method: str, url: str, **more: Any) -> Any:
        return super().request(method, url.replace("https://", "http://"), **more)


@dataclass(slots=True, kw_only=True)
class Wire:
    """Both ends, and how to speak from one to the other."""

    vendor: DocusignVendor
    clock: VirtualClock
    base_url: str
    http: httpx.AsyncClient

    def plugin(self, **more: object) -> Docusign:
        """An instance that speaks to this vendor."""
        made = DocusignSettings(**{**settings(self.base_url), **more})  # type: ignore[arg-type]
        return Docusign(made, plugin_context(self.http, self.clock, webhook_url=CALLBACKS_TO))

    def ctx(self, key: str = "key-1") -> Any:
        """A call under a key."""
        return call_context(self.clock, key)

    def envelope(self, *, email: str = "zhang@example.com", days: int = 7) -> EnvelopeRequest:
        """Two papers for two people to sign, in turn."""
        return EnvelopeRequest(
            subject="融资租赁合同 C-1",
            documents=(paper("C-1.zh.pdf"), paper("C-1.en.pdf")),
            signers=(
                Signer(role=SignerRole.LESSEE, order=1, name="张三丰", email=email),
                Signer(role=SignerRole.LESSOR, order=2, name="租车有限公司"),
            ),
            expires_at=self.clock.now() + timedelta(days=days),
        )

    def theirs(self) -> docusign_esign.EnvelopesApi:
        """The vendor's own client with a token of its own."""
        client = TheirClient(host=f"{self.base_url}/restapi", oauth_host_name=self.audience)
        client.request_jwt_user_token(
            INTEGRATION_KEY, USER_ID, self.audience, pem(key()).encode(), 3600, ("signature", "impersonation")
        )
        return docusign_esign.EnvelopesApi(client)

    @property
    def audience(self) -> str:
        """The stand-in's host."""
        return self.base_url.removeprefix("http://")

    async def seen(self, asked: Awaitable[object]) -> list[Received]:
        """What of a call has come over the wire."""
        before = len(self.vendor.received)
        await asked
        return self.vendor.received[before:]


@pytest_asyncio.fixture
async def wire(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Wire]:
    clock = VirtualClock(START_AT)
    monkeypatch.setattr("docusign_esign.client.api_client.time", lambda: clock.now().timestamp())
    vendor = DocusignVendor(clock, integration(), hmac_keys=[HMAC_KEY])
    async with loopback(vendor.app) as base_url, httpx.AsyncClient(trust_env=False) as http:
        vendor.knows = integration(base_url.removeprefix("http://"))
        yield Wire(vendor=vendor, clock=clock, base_url=base_url, http=http)
