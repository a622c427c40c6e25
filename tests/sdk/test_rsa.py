"""RSA keys in every form in which vendors hand them out, and signatures that only the right key makes."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from hub.core.errors import Misconfigured
from hub.sdk import rsa


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def _private(key: RSAPrivateKey, form: PrivateFormat) -> str:
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def _bare(pem: str) -> str:
    return "".join(line for line in pem.splitlines() if not line.startswith("-----"))


def test_a_key_is_read_in_every_form(key: RSAPrivateKey) -> None:
    forms = [_private(key, form) for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL)]
    for text in (*forms, *map(_bare, forms)):
        assert rsa.private_key(text, "k").private_numbers() == key.private_numbers()
    public = key.public_key()
    for shape in (PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1):
        pem = public.public_bytes(Encoding.PEM, shape).decode()
        assert rsa.public_key(pem, "k") == rsa.public_key(_bare(pem), "k") == public


@pytest.mark.parametrize(
    "text", ["", "nonsense", "AAAA", "-----BEGIN PRIVATE KEY-----\n\u00e9\n-----END PRIVATE KEY-----"]
)
def test_what_is_no_key_is_refused_by_the_name_of_its_setting(text: str) -> None:
    for read in (rsa.private_key, rsa.public_key, rsa.certificates):
        with pytest.raises(Misconfigured, match="the_setting"):
            read(text, "the_setting")


def test_a_key_of_another_kind_is_refused() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    with pytest.raises(Misconfigured, match="not an RSA key"):
        rsa.private_key(pem, "k")


def test_a_signature_is_verified_by_its_key_alone_and_only_as_it_was_made(key: RSAPrivateKey) -> None:
    other, message = generate_private_key(65537, 2048), "金额=1.00".encode()
    signature = rsa.sign(key, message)
    keys = [other.public_key(), key.public_key()]
    assert rsa.verifies(keys, message, signature)
    assert not rsa.verifies(keys[:1], message, signature)
    assert not rsa.verifies([], message, signature)
    assert not rsa.verifies(keys, message + b" ", signature)
    changed = [signature[:-2], signature + "A", signature + " ", f"{signature},{signature}", "", "é", signature[:10]]
    assert not any(rsa.verifies(keys, message, one) for one in changed)


def test_what_is_sealed_is_read_by_the_holder_of_the_key(key: RSAPrivateKey) -> None:
    sealed = base64.b64decode(rsa.seal(key.public_key(), "张三"))
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
    assert key.decrypt(sealed, oaep).decode() == "张三"


def test_a_fingerprint_names_a_key(key: RSAPrivateKey) -> None:
    assert len(rsa.fingerprint(key.public_key())) == 16
    assert rsa.fingerprint(key.public_key()) != rsa.fingerprint(generate_private_key(65537, 2048).public_key())
