"""RSA as vendors use it: keys and certificates as operators are given them, signatures over SHA-256, sealed fields.

Source: RFC 8017, sections 8.2 (PKCS #1 v1.5) and 7.1 (OAEP); RFC 7468 for the text around keys. A key may also come as
bare base64 without the lines around it, as some vendors' tools print it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from hub.core.errors import Misconfigured
from hub.core.provider import Credential, CredentialKind

PrivateKey = rsa.RSAPrivateKey
PublicKey = rsa.RSAPublicKey
Certificate = x509.Certificate


def private_key(text: str, name: str) -> PrivateKey:
    """The private key in a setting, PKCS #1 or PKCS #8; raises Misconfigured that names the setting.

    Its primes are not proven anew, which takes longer than a hundred signatures: it is the operator's own.
    """
    try:
        found = load_der_private_key(_der(text), None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError):
        raise Misconfigured(f"{name}: is not a private key") from None
    if not isinstance(found, PrivateKey):
        raise Misconfigured(f"{name}: is not an RSA key")
    return found


def public_key(text: str, name: str) -> PublicKey:
    """The public key in a setting, or that of a certificate; raises Misconfigured that names the setting."""
    if "CERTIFICATE" in text:
        return key_of(certificates(text, name)[0], name)
    try:
        found = load_der_public_key(_der(text))
    except (ValueError, TypeError):
        raise Misconfigured(f"{name}: is not a public key") from None
    if not isinstance(found, PublicKey):
        raise Misconfigured(f"{name}: is not an RSA key")
    return found


def certificates(text: str, name: str) -> tuple[Certificate, ...]:
    """The certificates in a setting, in order, at least one; raises Misconfigured that names the setting."""
    try:
        return tuple(x509.load_pem_x509_certificates(text.encode()))
    except ValueError:
        raise Misconfigured(f"{name}: is no certificate in PEM") from None


def key_of(certificate: Certificate, name: str) -> PublicKey:
    """The RSA key that a certificate is for; raises Misconfigured when it is for another kind."""
    found = certificate.public_key()
    if not isinstance(found, PublicKey):
        raise Misconfigured(f"{name}: the certificate is not for an RSA key")
    return found


def credential(name: str, certificate: Certificate, number: str, *, current: bool = True) -> Credential:
    """A certificate of the settings as an operator may see it: under which number the vendor knows it, until when it counts."""
    return Credential(
        name=name,
        kind=CredentialKind.CERTIFICATE,
        fingerprint=number,
        not_after=certificate.not_valid_after_utc,
        current=current,
    )


def fingerprint(key: PublicKey) -> str:
    """What a key may be called by: the SHA-256 of its public half, shortened to 16 hexadecimal digits."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize().hex()[:16]


def sign(key: PrivateKey, message: bytes) -> str:
    """A PKCS #1 v1.5 signature over the SHA-256 of a message, in base64."""
    return base64.b64encode(key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


def verifies(keys: Iterable[PublicKey], message: bytes, signature: str) -> bool:
    """Whether one of the keys made this signature; one that is not exactly base64 was made by none."""
    try:
        given = base64.b64decode(signature.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return False
    if base64.b64encode(given).decode() != signature:
        return False
    return any([_made_by(key, message, given) for key in keys])  # noqa: C419 (every key is tried)


def _made_by(key: PublicKey, message: bytes, signature: bytes) -> bool:
    try:
        key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def seal(key: PublicKey, text: str) -> str:
    """A short text that only the holder of the private key can read, by OAEP with SHA-1, in base64.

    SHA-1 is what vendors ask for here; no collision matters to OAEP.
    """
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)  # noqa: S303
    return base64.b64encode(key.encrypt(text.encode(), oaep)).decode()


def _der(text: str) -> bytes:
    """The bytes of a key, with or without the lines around them; raises ValueError for anything else."""
    lines = [line.strip() for line in text.strip().splitlines()]
    inner = "".join(line for line in lines if line and not line.startswith("-----"))
    return base64.b64decode(inner, validate=True)
