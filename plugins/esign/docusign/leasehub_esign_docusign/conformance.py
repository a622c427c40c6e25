"""The rig in which the conformance kit tries this plugin: the stand-in inside the process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hub.sdk.clock import VirtualClock
from hub.testing import Callbacks, Exemption, Refusals, Rig, exempt
from leasehub_esign_docusign.callbacks import SIGNATURE, signature
from leasehub_esign_docusign.plugin import descriptor
from leasehub_esign_docusign.standin import DocusignVendor, Integration

START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
INTEGRATION_KEY = "7c2b8d7e-1111-4222-8333-0123456789ab"
USER_ID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
ACCOUNT_ID = "24dfce13-9dce-4aa0-ba12-da5389bb9d8a"
HMAC_KEY = "key-of-callbacks-made-up-91c2"

EXEMPTIONS: tuple[Exemption, ...] = (
    exempt(
        "results.strange_status",
        "DocuSign answers a void with the envelope's id alone: 200 without an error is its yes, and there is no status",
    ),
)


@cache
def key() -> RSAPrivateKey:
    """A key, one for the whole process."""
    return generate_private_key(65537, 2048)


def pem(private: RSAPrivateKey) -> str:
    """A key as an operator is given it."""
    return private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def settings(base_url: str = "https://vendor.test") -> dict[str, object]:
    """An instance that speaks to a stand-in at this address."""
    return {
        "integration_key": INTEGRATION_KEY,
        "user_id": USER_ID,
        "account_id": ACCOUNT_ID,
        "private_key": pem(key()),
        "oauth_url": base_url,
        "base_uri": base_url,
        "invitation": "link",
        "return_url": "https://hub.example/signed",
        "lessor_email": "lessor@example.com",
        "stand_in_email": "signing@example.com",
        "hmac_keys": [HMAC_KEY],
    }


def integration(audience: str = "vendor.test") -> Integration:
    """What the vendor knows of that instance."""
    return Integration(
        integration_key=INTEGRATION_KEY,
        user_id=USER_ID,
        account_id=ACCOUNT_ID,
        audience=audience,
        public_key=key().public_key(),
    )


@asynccontextmanager
async def make() -> AsyncIterator[Rig]:
    """A fresh vendor with the plugin in front of it."""
    clock = VirtualClock(START_AT)
    vendor = DocusignVendor(clock, integration(), hmac_keys=[HMAC_KEY])
    reset = str(int(START_AT.timestamp()) + 7)
    yield Rig(
        descriptor=descriptor,
        settings=settings(),
        vendor=httpx.ASGITransport(app=vendor.app),
        books=vendor.books,
        pass_time=vendor.settle,
        clock=clock,
        refusals=Refusals(
            rejected=lambda: httpx.Response(400, json={"errorCode": "INVALID_REQUEST_PARAMETER", "message": "no"}),
            auth=lambda: httpx.Response(401, json={"errorCode": "AUTHORIZATION_INVALID_TOKEN", "message": "no"}),
            rate_limited=lambda: httpx.Response(
                400, json={"errorCode": "HOURLY_APIINVOCATION_LIMIT_EXCEEDED"}, headers={"X-RateLimit-Reset": reset}
            ),
        ),
        callbacks=_callbacks(),
        carries=_carries,
    )


def _carries(request: httpx.Request) -> bool:
    """Tokens, the mark before a void and the links afterwards are not the operation itself."""
    path = request.url.path
    return path.startswith("/restapi/") and not path.endswith(("/custom_fields", "/views/recipient"))


def _callbacks() -> Callbacks:
    def body(event: str) -> bytes:
        data = {"accountId": ACCOUNT_ID, "userId": USER_ID, "envelopeId": "a70a5ef2-12c4-4aaf-84c5-b84134dce420"}
        told = {"event": event, "generatedDateTime": "2026-03-05T02:00:00.4233752Z", "data": data}
        return json.dumps(told).encode()

    return Callbacks(
        secret=HMAC_KEY,
        sign=lambda secret, content, sent_at: {f"{SIGNATURE}1": signature(secret, content)},
        bodies=[body("envelope-completed"), body("envelope-declined")],
        unmapped=body("template-created"),
        signature_header=f"{SIGNATURE}1",
        dated=False,
    )
