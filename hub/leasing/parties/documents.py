"""Numbers that identify and reach a party, checked and brought into one form: documents, phones, bank accounts.

Pure: text in, normalised text out or InvalidInput. Whether somebody else already has the number is the service's
question.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import assert_never

import phonenumbers
from stdnum.cn import ric, uscc
from stdnum.exceptions import ValidationError

from hub.core.errors import InvalidInput
from hub.core.identity import DocumentKind

_LONGEST_NAME = 100
# Source: ICAO Doc 9303 part 4, 4.2.2.2: nine characters, longer numbers overflow into the optional field.
_PASSPORT = re.compile(r"[A-Z0-9]{5,20}")
# Source: ISO/IEC 7812-1 gives cards up to 19 digits; China's company accounts run to 32.
_ACCOUNT = re.compile(r"\d{6,32}")
_BANK_CODE = re.compile(r"[A-Z0-9]{2,14}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")


def clean_text(field: str, text: str, *, longest: int = _LONGEST_NAME) -> str:
    """Text in composed form without outer blanks; raises InvalidInput when it is empty, too long or not printable."""
    cleaned = unicodedata.normalize("NFC", text).strip()
    if not cleaned:
        raise InvalidInput(field, "must not be empty")
    if len(cleaned) > longest:
        raise InvalidInput(field, f"must not be longer than {longest} characters")
    if not cleaned.isprintable():
        raise InvalidInput(field, "must not contain control characters")
    return cleaned


def document_number(kind: DocumentKind, number: str, *, field: str = "document_number") -> str:
    """The number of a document in its one form, its check digit proven where it has one."""
    match kind:
        case DocumentKind.CN_IDENTITY_CARD:
            return _identity_number(number, field)
        case DocumentKind.CN_COMPANY_CODE:
            return _company_code(number, field)
        case DocumentKind.PASSPORT:
            return _passport_number(number, field)
        case _:
            assert_never(kind)


def _identity_number(number: str, field: str) -> str:
    """Source: GB 11643-1999. The county is not looked up: holders keep codes that were retired or came after birth."""
    compact: str = ric.compact(number)
    if not re.fullmatch(r"[1-9][0-9]{16}[0-9X]", compact):
        raise InvalidInput(field, "an identity number has 17 digits and a check character")
    if ric.calc_check_digit(compact) != compact[-1]:
        raise InvalidInput(field, "the check digit is wrong")
    try:
        ric.get_birth_date(compact)
    except ValidationError:
        raise InvalidInput(field, "the date of birth in it does not exist") from None
    return compact


def _company_code(number: str, field: str) -> str:
    """Source: GB 32100-2015."""
    try:
        code: str = uscc.validate(number)
    except ValidationError as broken:
        raise InvalidInput(field, f"not a unified social credit code: {broken}") from None
    return code


def _passport_number(number: str, field: str) -> str:
    compact = re.sub(r"[\s-]", "", number).upper()
    if not _PASSPORT.fullmatch(compact):
        raise InvalidInput(field, "a passport number has 5 to 20 letters and digits")
    return compact


def born_on(kind: DocumentKind, number: str) -> date | None:
    """The date of birth that an identity number carries; None for documents that carry none."""
    if kind is not DocumentKind.CN_IDENTITY_CARD:
        return None
    birth_on: date = ric.get_birth_date(number)
    return birth_on


def phone_number(number: str, *, region: str = "CN", field: str = "phone") -> str:
    """A phone number in E.164 (+8613812345678); a number without country code is read as one of `region`."""
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        raise InvalidInput(field, "not a phone number") from None
    if parsed.extension or not phonenumbers.is_valid_number(parsed):
        raise InvalidInput(field, "not a phone number that can be called")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def email_address(address: str, *, field: str = "email") -> str:
    """An e-mail address in lower case; only its shape is checked."""
    compact = address.strip().lower()
    if len(compact) > 254 or not _EMAIL.fullmatch(compact):  # Source: RFC 5321, 4.5.3.1.3, less the brackets.
        raise InvalidInput(field, "not an e-mail address")
    return compact


def account_number(number: str, *, field: str = "number") -> str:
    """A bank account's digits, without the blanks that people write in between."""
    compact = re.sub(r"[\s-]", "", number)
    if not _ACCOUNT.fullmatch(compact) or not compact.isascii():
        raise InvalidInput(field, "a bank account has 6 to 32 digits")
    return compact


def bank_code(code: str, *, field: str = "bank_code") -> str:
    """A bank's code in capitals: letters and digits, 2 to 14 of them."""
    compact = code.strip().upper()
    if not _BANK_CODE.fullmatch(compact):
        raise InvalidInput(field, "a bank code has 2 to 14 letters and digits")
    return compact
