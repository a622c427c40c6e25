"""Numbers that identify and reach a party: tables of good and bad, and properties of the check digits."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric

from hub.core.errors import InvalidInput
from hub.core.identity import DocumentKind
from hub.leasing.parties import documents


def with_check(body: str) -> str:
    return body + ric.calc_check_digit(body + "0")


days_of_birth = st.dates(min_value=date(1930, 1, 1), max_value=date(2010, 12, 31))


@given(born=days_of_birth, county=st.integers(110000, 659999), serial=st.integers(0, 999))
def test_every_well_formed_identity_number_is_taken_and_tells_the_birthday(
    born: date, county: int, serial: int
) -> None:
    number = with_check(f"{county}{born:%Y%m%d}{serial:03d}")
    assert documents.document_number(DocumentKind.CN_IDENTITY_CARD, number.lower()) == number
    assert documents.born_on(DocumentKind.CN_IDENTITY_CARD, number) == born


@given(born=days_of_birth, place=st.integers(0, 16), step=st.integers(1, 9))
def test_one_wrong_digit_is_always_found(born: date, place: int, step: int) -> None:
    number = with_check(f"110101{born:%Y%m%d}001")
    wrong = str((int(number[place]) + step) % 10)
    with pytest.raises(InvalidInput) as refused:
        documents.document_number(
            DocumentKind.CN_IDENTITY_CARD, number[:place] + wrong + number[place + 1 :], field="identity"
        )
    assert refused.value.field == "identity"


@pytest.mark.parametrize(
    ("kind", "number", "reason"),
    [
        (DocumentKind.CN_IDENTITY_CARD, "", "17 digits"),
        (DocumentKind.CN_IDENTITY_CARD, "11010119900307001", "17 digits"),
        (DocumentKind.CN_IDENTITY_CARD, "１１０１０１１９９００３０７００１Ｘ", "17 digits"),
        (DocumentKind.CN_IDENTITY_CARD, with_check("11010119900230001"), "date of birth"),
        (DocumentKind.CN_COMPANY_CODE, "91110000600037341A", "credit code"),
        (DocumentKind.CN_COMPANY_CODE, "short", "credit code"),
        (DocumentKind.PASSPORT, "E1", "5 to 20"),
        (DocumentKind.PASSPORT, "E12345678'; drop", "5 to 20"),
    ],
)
def test_a_document_that_does_not_check_is_refused_with_its_reason(
    kind: DocumentKind, number: str, reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason):
        documents.document_number(kind, number)


@pytest.mark.parametrize(
    ("kind", "number", "normalised"),
    [
        (DocumentKind.CN_COMPANY_CODE, "91110000600037341L", "91110000600037341L"),
        (DocumentKind.CN_COMPANY_CODE, " 9111 0000 6000 3734 1l ", "91110000600037341L"),
        (DocumentKind.PASSPORT, "e12 345-678", "E12345678"),
    ],
)
def test_a_document_is_brought_into_one_form(kind: DocumentKind, number: str, normalised: str) -> None:
    assert documents.document_number(kind, number) == normalised
    assert documents.born_on(kind, normalised) is None


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("13812345678", "+8613812345678"),
        ("138 1234 5678", "+8613812345678"),
        ("+86 138-1234-5678", "+8613812345678"),
        ("010-62345678", "+861062345678"),
        ("+49 30 123456", "+4930123456"),
    ],
)
def test_a_phone_has_one_form(written: str, number: str) -> None:
    assert documents.phone_number(written) == number
    assert documents.phone_number(number) == number


@pytest.mark.parametrize("written", ["", "12", "not a phone", "1381234567", "138123456789012345", "13812345678;ext=9"])
def test_what_cannot_be_called_is_not_a_phone(written: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        documents.phone_number(written)
    assert refused.value.field == "phone"


@pytest.mark.parametrize(("written", "number"), [("6222 0212 3456 7890", "6222021234567890"), ("123456", "123456")])
def test_an_account_is_digits(written: str, number: str) -> None:
    assert documents.account_number(written) == number


@pytest.mark.parametrize("written", ["", "12345", "6222x21234567890", "１２３４５６７", "1" * 33])
def test_what_is_no_account_is_refused(written: str) -> None:
    with pytest.raises(InvalidInput):
        documents.account_number(written)


@pytest.mark.parametrize("address", ["", "a", "a@b", "a b@c.de", "@c.de", "a@.de", "x" * 65 + "@c.de"])
def test_what_is_no_email_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput):
        documents.email_address(address)


def test_an_email_is_lower_case_and_a_bank_code_upper_case() -> None:
    assert documents.email_address(" Wei.Zhang@Example.COM ") == "wei.zhang@example.com"
    assert documents.bank_code(" icbc ") == "ICBC"
    with pytest.raises(InvalidInput):
        documents.bank_code("工商")


@given(text=st.text())
def test_clean_text_gives_printable_text_or_refuses(text: str) -> None:
    try:
        cleaned = documents.clean_text("name", text)
    except InvalidInput:
        return
    assert cleaned == cleaned.strip()
    assert cleaned.isprintable()
    assert 0 < len(cleaned) <= 100
