"""What identifies a person, a company or a car, and how each is masked wherever a human or a log may see it.

Masking only: check digits are the parties' and inventory's business.
"""

from __future__ import annotations

import re
from enum import StrEnum


class DocumentKind(StrEnum):
    """The paper a party is known by."""

    CN_IDENTITY_CARD = "cn_identity_card"
    CN_COMPANY_CODE = "cn_company_code"
    PASSPORT = "passport"


def mask_middle(text: str, *, head: int, tail: int) -> str:
    """Keep `head` and `tail` characters, star the rest; a text too short to hide anything is starred whole."""
    if len(text) <= head + tail:
        return "*" * len(text)
    return text[:head] + "*" * (len(text) - head - tail) + text[len(text) - tail :]


def mask_name(name: str) -> str:
    """The first character stays: 张**, A****."""
    return name[:1] + "*" * max(len(name) - 1, 1) if name else ""


def mask_phone(phone: str) -> str:
    """Area and last four stay: +86138****1234."""
    return mask_middle(phone, head=max(len(phone) - 8, 0), tail=4)


def mask_document(number: str) -> str:
    """First three and last two stay: 110***********3X."""
    return mask_middle(number, head=3, tail=2)


def mask_account(number: str) -> str:
    """Only the last four of a bank account stay."""
    return mask_middle(number, head=0, tail=4)


def mask_email(address: str) -> str:
    """The first letter and the domain stay: a***@example.com."""
    name, at, domain = address.partition("@")
    return f"{name[:1]}***{at}{domain}" if at else mask_middle(address, head=1, tail=0)


# What personal data looks like inside free text. Order matters: the longest shape first.
_DIGITS = re.compile(r"\d{11}")  # what every one of these shapes has in it, and hardly a text of a call or callback
_SHAPES: tuple[tuple[re.Pattern[str], int, int], ...] = (
    (re.compile(r"(?<![0-9A-Za-z])[1-9]\d{16}[0-9Xx](?![0-9A-Za-z])"), 3, 2),  # identity number, GB 11643-1999
    (re.compile(r"(?<![0-9A-Za-z])[1-9]\d{15,18}(?![0-9A-Za-z])"), 0, 4),  # bank card, ISO/IEC 7812-1
    (re.compile(r"(?<!\d)(?:\+?86)?1[3-9]\d{9}(?!\d)"), 3, 4),  # mainland mobile number, E.164
)
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")


def mask_text(text: str) -> str:
    """Mask every identity number, bank card, mobile number and e-mail address found in free text."""
    if _DIGITS.search(text):
        for shape, head, tail in _SHAPES:
            text = shape.sub(lambda hit, h=head, t=tail: mask_middle(hit.group(), head=h, tail=t), text)  # type: ignore[misc]
    return _EMAIL.sub(lambda hit: mask_email(hit.group()), text) if "@" in text else text
