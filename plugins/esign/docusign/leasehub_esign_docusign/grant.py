"""A token by the JWT grant: an assertion that our key has signed is exchanged for one that lasts an hour.

Source: RFC 7523, sections 2.1 and 3; RFC 7515, 7518 (RS256); DocuSign, "JWT Grant" (developers.docusign.com/platform/auth/jwt).
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from hub.core.errors import AuthFailed, Misconfigured, ProviderError, UnknownOutcome
from hub.core.provider import CallContext, PluginContext
from hub.sdk.errors import classify_status
from hub.sdk.http import HttpAnswer, client_of, exchange, seconds_left
from hub.sdk.reading import Fields, JsonObject, json_object
from hub.sdk.refusals import shown_code
from hub.sdk.tokens import Token
from leasehub_esign_docusign.settings import DocusignSettings

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "signature impersonation"
_LASTS = timedelta(hours=1)  # the most that the vendor takes
# `error` of the authorisation server. Source: DocuSign, "Authentication errors"; RFC 6749, section 5.2.
_SETTINGS = frozenset(
    {"consent_required", "invalid_request", "invalid_scope", "unauthorized_client", "unsupported_grant_type"}
)
_CREDENTIALS = frozenset({"invalid_grant", "invalid_client", "access_denied"})


def private_key(settings: DocusignSettings) -> RSAPrivateKey:
    """The integration's key; raises Misconfigured when the setting holds none. Its primes are not proven anew."""
    try:
        content = settings.private_key.get_secret_value().encode()
        found = load_pem_private_key(content, None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError):
        raise Misconfigured("private_key: is no private key in PEM") from None
    if not isinstance(found, RSAPrivateKey):
        raise Misconfigured("private_key: is not an RSA key")
    return found


def fingerprint(key: RSAPrivateKey) -> str:
    """What a key may be called by: the SHA-256 of its public half, sixteen hexadecimal digits of it."""
    digest = Hash(SHA256())
    digest.update(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize().hex()[:16]


def assertion(settings: DocusignSettings, key: RSAPrivateKey, now: datetime) -> str:
    """Who we are and for whom we act, signed."""
    issued = int(now.timestamp())
    claims: JsonObject = {
        "iss": settings.integration_key,
        "sub": settings.user_id,
        "aud": settings.audience,
        "iat": issued,
        "exp": issued + int(_LASTS.total_seconds()),
        "scope": SCOPE,
    }
    signed = f"{_part({'alg': 'RS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{signed}.{_base64url(key.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def _part(content: JsonObject) -> str:
    return _base64url(json.dumps(content, separators=(",", ":")).encode())


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class Grant:
    """Exchanges assertions for tokens, for one instance."""

    def __init__(self, settings: DocusignSettings, context: PluginContext) -> None:
        self._settings = settings
        self._clock = context.clock
        self._http = client_of(context)
        self._key = private_key(settings)

    async def token(self, ctx: CallContext) -> Token:
        """A new token; raises Misconfigured while nobody has consented, AuthFailed when key or user are not known."""
        now = self._clock.now()
        form = urlencode({"assertion": assertion(self._settings, self._key, now), "grant_type": GRANT}).encode()
        answer = await exchange(
            self._http,
            "POST",
            f"{self._settings.oauth_url}/oauth/token",
            limit_s=seconds_left(ctx, self._clock, self._settings.timeout_s),
            headers={"accept": "application/json", "content-type": "application/x-www-form-urlencoded"},
            content=form,
        )
        return _granted(answer, now)


def _granted(answer: HttpAnswer, now: datetime) -> Token:
    general = classify_status(answer.status, answer.headers)
    if general is not None:
        raise _refused(answer.body, general)
    fields = Fields(json_object(answer.body))
    lasts = timedelta(seconds=fields.whole("expires_in"))
    return Token(value=fields.text("access_token"), made_at=now.astimezone(UTC), ends_at=now + lasts)


def _refused(body: bytes, general: ProviderError) -> ProviderError:
    try:
        error = shown_code(json_object(body).get("error"))
    except UnknownOutcome:
        return general
    if error in _SETTINGS:
        return Misconfigured(error)
    return AuthFailed(error) if error in _CREDENTIALS else general
