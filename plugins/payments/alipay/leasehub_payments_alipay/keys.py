"""The keys on both sides, the serial numbers of certificates, and the encryption of contents.

Source: opendocs.alipay.com, "签名专区", "公钥证书签名", "内容加密"; serial numbers as python-alipay-sdk 3.4.0 makes them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.x509.oid import SignatureAlgorithmOID
from pydantic import SecretStr

from hub.core.errors import Misconfigured
from hub.core.provider import Credential, CredentialKind
from hub.sdk import rsa
from hub.sdk.reading import unreadable
from leasehub_payments_alipay.settings import AlipaySettings

_BY_RSA = frozenset(
    {
        SignatureAlgorithmOID.RSA_WITH_MD5,
        SignatureAlgorithmOID.RSA_WITH_SHA1,
        SignatureAlgorithmOID.RSA_WITH_SHA256,
        SignatureAlgorithmOID.RSA_WITH_SHA384,
        SignatureAlgorithmOID.RSA_WITH_SHA512,
    }
)


def serial_of(certificate: rsa.Certificate) -> str:
    """A certificate's number: a digest of its issuer, from the most specific name on, and its serial in decimal."""
    named = f"{certificate.issuer.rfc4514_string()}{certificate.serial_number}"
    return hashlib.md5(named.encode(), usedforsecurity=False).hexdigest()


def root_serial(text: str) -> str:
    """The numbers of the roots that are signed by RSA, joined."""
    roots = rsa.certificates(text, "alipay_root_certificate")
    numbers = [serial_of(one) for one in roots if one.signature_algorithm_oid in _BY_RSA]
    if not numbers:
        raise Misconfigured("alipay_root_certificate: none of them is signed by RSA")
    return "_".join(numbers)


class Keys:
    """What we sign with, and what the vendor's signatures are verified with, by certificate number where there is one."""

    def __init__(self, settings: AlipaySettings) -> None:
        self._own = rsa.private_key(settings.app_private_key.get_secret_value(), "app_private_key")
        self._encrypt = _aes_key(settings.encrypt_key)
        self.numbers: dict[str, str] = {}
        self._certified: dict[str, rsa.PublicKey] = {}
        plain = (
            (settings.alipay_public_key, "alipay_public_key"),
            (
                settings.previous_alipay_public_key,
                "previous_alipay_public_key",
            ),
        )
        self._plain = [rsa.public_key(text, name) for text, name in plain if text]
        if settings.app_certificate:
            own = rsa.certificates(settings.app_certificate, "app_certificate")[0]
            if rsa.key_of(own, "app_certificate") != self._own.public_key():
                raise Misconfigured("app_certificate: is not for app_private_key")
            roots = root_serial(settings.alipay_root_certificate)
            self.numbers = {"app_cert_sn": serial_of(own), "alipay_root_cert_sn": roots}
            for text in (settings.alipay_certificate, settings.previous_alipay_certificate):
                for one in rsa.certificates(text, "alipay_certificate") if text else ():
                    self._certified[serial_of(one)] = rsa.key_of(one, "alipay_certificate")

    @property
    def certified(self) -> bool:
        """Whether we are in certificate mode."""
        return bool(self.numbers)

    def sign(self, text: str) -> str:
        """Sign a text."""
        return rsa.sign(self._own, text.encode())

    def verifies(self, text: bytes, signature: str, number: str | None = None) -> bool:
        """Whether the vendor has signed it: by the certificate that it names, or by any key of its that we know."""
        if number is not None:
            named = self._certified.get(number)
            return named is not None and rsa.verifies([named], text, signature)
        return rsa.verifies([*self._certified.values(), *self._plain], text, signature)

    @property
    def encrypts(self) -> bool:
        """Whether contents are encrypted."""
        return self._encrypt is not None

    def encrypted(self, content: bytes) -> str:
        """AES-CBC with an empty start, in base64: the vendor's way; integrity is the signature's."""
        assert self._encrypt is not None, "only with a key"
        padder = PKCS7(128).padder()
        whole = padder.update(content) + padder.finalize()
        cipher = Cipher(algorithms.AES(self._encrypt), modes.CBC(bytes(16))).encryptor()
        return base64.b64encode(cipher.update(whole) + cipher.finalize()).decode()

    def decrypted(self, text: str) -> bytes:
        """The content of an answer; raises UnknownOutcome when the key does not fit."""
        if self._encrypt is None:
            raise unreadable("it is encrypted, and there is no encrypt_key")
        try:
            cipher = Cipher(algorithms.AES(self._encrypt), modes.CBC(bytes(16))).decryptor()
            whole = cipher.update(base64.b64decode(text, validate=True)) + cipher.finalize()
            unpadder = PKCS7(128).unpadder()
            return unpadder.update(whole) + unpadder.finalize()
        except (ValueError, binascii.Error):
            raise unreadable("it does not open with encrypt_key") from None


def _aes_key(secret: SecretStr | None) -> bytes | None:
    if secret is None:
        return None
    try:
        key = base64.b64decode(secret.get_secret_value(), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) not in (16, 24, 32):
        raise Misconfigured("encrypt_key: is not a key in base64")
    return key


def credentials(settings: AlipaySettings) -> tuple[Credential, ...]:
    """Every key and certificate in the settings, as an operator may see it."""
    own = rsa.private_key(settings.app_private_key.get_secret_value(), "app_private_key")
    print_of = rsa.fingerprint(own.public_key())
    found = [Credential(name="app_private_key", kind=CredentialKind.PRIVATE_KEY, fingerprint=print_of)]
    for name in ("alipay_public_key", "previous_alipay_public_key"):
        if text := getattr(settings, name):
            known, current = rsa.fingerprint(rsa.public_key(text, name)), not name.startswith("previous")
            found.append(Credential(name=name, kind=CredentialKind.PUBLIC_KEY, fingerprint=known, current=current))
    certified = ("app_certificate", "alipay_certificate", "previous_alipay_certificate", "alipay_root_certificate")
    for name in certified:
        text = getattr(settings, name)
        for one in rsa.certificates(text, name) if text else ():
            found.append(rsa.credential(name, one, serial_of(one), current=not name.startswith("previous")))
    found += [
        Credential(name=name, kind=CredentialKind.SECRET)
        for name in ("encrypt_key", "app_auth_token")
        if getattr(settings, name)
    ]
    return tuple(found)
