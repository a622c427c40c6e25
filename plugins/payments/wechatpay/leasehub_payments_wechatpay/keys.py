"""The keys on both sides: ours to sign and to open with, the vendor's to verify and to seal with, several at once.

Source: pay.weixin.qq.com/doc/v3, "签名生成", "签名验证", "敏感信息加解密", "平台证书"; RFC 5116 for AES-256-GCM.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from hub.core.errors import Misconfigured
from hub.core.provider import Credential, CredentialKind
from hub.sdk import rsa
from hub.sdk.reading import Fields
from leasehub_payments_wechatpay.settings import WechatpaySettings

SCHEME = "WECHATPAY2-SHA256-RSA2048"
_ALGORITHM = "AEAD_AES_256_GCM"


def serial_of(certificate: rsa.Certificate) -> str:
    """A certificate's serial number as the vendor writes it."""
    return f"{certificate.serial_number:X}".zfill(40)


@dataclass(frozen=True, slots=True)
class _Known:
    """A key of the vendor's, and until when it counts."""

    key: rsa.PublicKey
    not_after: datetime | None


class MerchantKey:
    """Our own key, and the serial number by which the vendor knows it."""

    def __init__(self, settings: WechatpaySettings) -> None:
        self._key = rsa.private_key(settings.merchant_private_key.get_secret_value(), "merchant_private_key")
        self.certificate = _certificate(settings)
        self.serial = settings.merchant_serial_no.upper() or (serial_of(self.certificate) if self.certificate else "")
        if self.certificate and rsa.key_of(self.certificate, "merchant_certificate") != self._key.public_key():
            raise Misconfigured("merchant_certificate: is not for merchant_private_key")

    def sign(self, *lines: str) -> str:
        """Sign lines, each of which is ended by a line feed."""
        return rsa.sign(self._key, "".join(f"{line}\n" for line in lines).encode())


def _certificate(settings: WechatpaySettings) -> rsa.Certificate | None:
    text = settings.merchant_certificate
    return rsa.certificates(text, "merchant_certificate")[0] if text else None


class VendorKeys:
    """The vendor's keys by the serial number that it names in each signature."""

    def __init__(self, settings: WechatpaySettings) -> None:
        self._named: dict[str, _Known] = {}
        self._sealing = ""
        pairs = [
            (settings.previous_public_key_id, settings.previous_public_key, "previous_public_key"),
            (settings.public_key_id, settings.public_key, "public_key"),
        ]
        for name, text, setting in pairs:
            if name:
                self._named[name] = _Known(rsa.public_key(text, setting), None)
                self._sealing = name
        self.by_public_key = bool(self._sealing)
        if settings.platform_certificates:
            self.take(rsa.certificates(settings.platform_certificates, "platform_certificates"))

    def __bool__(self) -> bool:
        return bool(self._named)

    def knows(self, serial: str) -> bool:
        """Whether a key of that name is known."""
        return serial in self._named

    def take(self, certificates: Iterable[rsa.Certificate]) -> None:
        """Add platform certificates; the one that counts longest is sealed with, unless there is a public key."""
        for one in certificates:
            self._named[serial_of(one)] = _Known(rsa.key_of(one, "platform_certificates"), one.not_valid_after_utc)
        if not self.by_public_key:
            dated = {name: known.not_after for name, known in self._named.items() if known.not_after}
            self._sealing = max(dated, key=dated.__getitem__, default="")

    def verifies(self, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
        """Whether the key that the headers name made their signature over timestamp, nonce and body."""
        known = self._named.get(headers.get("wechatpay-serial", ""))
        kind = headers.get("wechatpay-signature-type", SCHEME)
        if known is None or kind != SCHEME or (known.not_after is not None and now >= known.not_after):
            return False
        stamp, nonce = headers.get("wechatpay-timestamp", ""), headers.get("wechatpay-nonce", "")
        message = b"\n".join([stamp.encode(), nonce.encode(), body, b""])
        return rsa.verifies([known.key], message, headers.get("wechatpay-signature", ""))

    @property
    def serial(self) -> str:
        """The name of the key that we seal with."""
        return self._sealing

    def seal(self, text: str) -> str:
        """Seal a field that names a person."""
        return rsa.seal(self._named[self._sealing].key, text)


def open_resource(keys: Iterable[SecretStr], resource: Fields) -> bytes | None:
    """What the vendor has sealed with the APIv3 key; None when none of ours opens it."""
    if resource.text("algorithm") != _ALGORITHM:
        return None
    nonce, extra = resource.text("nonce").encode(), (resource.optional_text("associated_data") or "").encode()
    try:
        sealed = base64.b64decode(resource.text("ciphertext"), validate=True)
    except (binascii.Error, ValueError):
        return None
    for key in keys:
        try:
            return AESGCM(key.get_secret_value().encode()).decrypt(nonce, sealed, extra)
        except (InvalidTag, ValueError):
            continue
    return None


def api_keys(settings: WechatpaySettings) -> tuple[SecretStr, ...]:
    """The APIv3 keys that count."""
    return tuple(key for key in (settings.api_v3_key, settings.previous_api_v3_key) if key is not None)


def credentials(settings: WechatpaySettings) -> tuple[Credential, ...]:
    """Every key and certificate in the settings, as an operator may see it."""
    merchant = MerchantKey(settings)
    found = [Credential(name="merchant_private_key", kind=CredentialKind.PRIVATE_KEY, fingerprint=merchant.serial)]
    if merchant.certificate:
        found.append(rsa.credential("merchant_certificate", merchant.certificate, merchant.serial))
    found += [
        Credential(name="api_v3_key", kind=CredentialKind.SECRET),
        *(
            [Credential(name="previous_api_v3_key", kind=CredentialKind.SECRET, current=False)]
            * bool(settings.previous_api_v3_key)
        ),
    ]
    for prefix, name in (("", settings.public_key_id), ("previous_", settings.previous_public_key_id)):
        if name:
            kind = CredentialKind.PUBLIC_KEY
            found.append(Credential(name=f"{prefix}public_key", kind=kind, fingerprint=name, current=not prefix))
    if settings.platform_certificates:
        given = rsa.certificates(settings.platform_certificates, "platform_certificates")
        found += [rsa.credential("platform_certificates", one, serial_of(one)) for one in given]
    return tuple(found)
