"""Masking of whatever a person or a log may see: by the name of a field, by the shape of a value, by known secret.

Pure but for the register of known secrets. `hub.infra.logs` and `hub.infra.audit` pass everything through here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from uuid import UUID

from hub.core.identity import mask_middle, mask_text
from hub.core.json import JsonValue
from hub.core.money import Money

HIDDEN = "***"

# A field named like one of these never shows anything: credentials, and names of people.
_SECRET_NAMES = re.compile(
    r"(?i)(passw(or)?d|passphrase|secret|token|authorization|cookie|api_?key|access_?key|private_?key|signature"
    r"|credential|keyring|holder|full_name|person_name)"
)
# A field named like one of these shows its last four characters only.
_PERSONAL_NAMES = re.compile(
    r"(?i)^(.*_)?(phone|mobile|document_number|document_no|identity_number|id_number|id_card|passport|account_number"
    r"|card_number|bank_account|pan|address)$"
)
# What a credential looks like, wherever it stands in a text; before it, what no such text is without: every call and
# callback passes through here, and most texts are short words.
_SHAPES = (
    ("eyJ", re.compile(r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")),  # JSON web token, RFC 7519
    ("_", re.compile(r"\b(?:sk|pk|rk|lh|whsec)_[A-Za-z0-9_+/=-]{8,}")),  # keys that say what they are, ours among them
    (" ", re.compile(r"(?i)(?<=\bbearer )[A-Za-z0-9._~+/=-]+")),  # RFC 6750
    (" ", re.compile(r"(?i)(?<=\bbasic )[A-Za-z0-9+/=]{8,}")),  # RFC 7617
    ("://", re.compile(r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)")),  # user:password in an address, RFC 3986
)
# `name=value` as addresses and forms have it, `"name": "value"` as JSON has it.
_PARAMETER = re.compile(
    r"(?i)\b(\w*(?:passw(?:or)?d|secret|token|api_?key|signature|authorization)|sig|phone|mobile)"
    r"(=|[\"']\s*:\s*[\"'])[^&\s\"',;}]+"
)
# Told apart first, for every call has some: whether a value is any mapping or sequence costs more than to mask it.
_SINGLE = (str, bytes, int, Enum, UUID, date, Decimal, Money)
_SEVERAL = (Sequence, set, frozenset)
_known: list[str] = []  # the longest first, for one may be part of another
_LEAST_SECRET = 6  # a shorter one would blot out ordinary words


def know_secret(value: str) -> None:
    """Have this value blotted out wherever it turns up; one under six characters is not taken."""
    if len(value) >= _LEAST_SECRET and value not in _known:
        _known.append(value)
        _known.sort(key=len, reverse=True)


def masked_text(text: str) -> str:
    """Free text without known secrets, credentials by shape, and personal data by shape."""
    for secret in _known:
        if secret in text:
            text = text.replace(secret, HIDDEN)
    for mark, shape in _SHAPES:
        if mark in text:
            text = shape.sub(HIDDEN, text)
    return mask_text(_PARAMETER.sub(rf"\1\2={HIDDEN}", text) if "=" in text or ":" in text else text)


def masked_value(name: str, value: object) -> JsonValue:
    """One field's value, fit to be stored as JSON and seen by people."""
    if value is None or isinstance(value, bool):
        return value
    secret, personal = _named(name)
    if secret:
        return HIDDEN
    if type(value) is str:
        return mask_middle(value, head=0, tail=4) if personal else masked_text(value)
    if not isinstance(value, _SINGLE):
        if isinstance(value, Mapping):
            return masked(value)
        if isinstance(value, _SEVERAL):
            return [masked_value(name, part) for part in value]
    return mask_middle(str(value), head=0, tail=4) if personal else _plain(value)


@lru_cache(maxsize=1024)
def _named(name: str) -> tuple[bool, bool]:
    """Whether a field of this name is a secret, and whether it is personal; there are few names and many values."""
    return _SECRET_NAMES.search(name) is not None, _PERSONAL_NAMES.search(name) is not None


def _plain(value: object) -> JsonValue:
    match value:
        case Enum():
            return str(value.value)
        case UUID() | date() | datetime() | Decimal() | Money():
            return str(value)
        case int():
            shown = masked_text(str(value))
            return value if shown == str(value) else shown
        case bytes():
            return f"{len(value)} bytes"
        case _:
            return masked_text(str(value))


def masked(fields: Mapping[str, object]) -> dict[str, JsonValue]:
    """Fields by name, each masked."""
    return {str(name): masked_value(str(name), value) for name, value in fields.items()}
