"""What is masked stays recognisable to who knows it and useless to who does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.identity import (
    mask_account,
    mask_document,
    mask_email,
    mask_middle,
    mask_name,
    mask_phone,
    mask_text,
)

DIGITS = st.text("0123456789", min_size=11, max_size=11)


@pytest.mark.parametrize(
    ("masked", "shown"),
    [
        (mask_name("张伟"), "张*"),
        (mask_name("欧阳修文"), "欧***"),
        (mask_name("Ann Lee"), "A******"),
        (mask_name("张"), "张*"),
        (mask_name(""), ""),
        (mask_phone("+8613800001234"), "+86138****1234"),
        (mask_phone("13800001234"), "138****1234"),
        (mask_phone("1234"), "****"),
        (mask_document("11010519491231002X"), "110*************2X"),
        (mask_document("91110000"), "911***00"),
        (mask_document("12345"), "*****"),
        (mask_account("6222020200112233445"), "***************3445"),
        (mask_account("3445"), "****"),
        (mask_email("anna@example.com"), "a***@example.com"),
        (mask_email("@example.com"), "***@example.com"),
        (mask_email("anna"), "a***"),
    ],
)
def test_what_a_person_may_see(masked: str, shown: str) -> None:
    assert masked == shown


@given(st.text(max_size=40), st.integers(0, 10), st.integers(0, 10))
def test_a_mask_keeps_the_length_and_hides_the_middle(text: str, head: int, tail: int) -> None:
    masked = mask_middle(text, head=head, tail=tail)
    assert len(masked) == len(text)
    if len(text) > head + tail:
        assert set(masked[head : len(text) - tail]) == {"*"}
    else:
        assert set(masked) <= {"*"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("call 13800001234 today", "call 138****1234 today"),
        ("+8613800001234", "+86*******1234"),
        ("身份证11010519491231002X，", "身份证110*************2X，"),
        ("card 6222020200112233445.", "card ***************3445."),
        ("write to anna.lee@example.com", "write to a***@example.com"),
        ("contract L2026010500001 for 12800.00", "contract L2026010500001 for 12800.00"),
        ("order 20260105 of 2026-01-05", "order 20260105 of 2026-01-05"),
    ],
)
def test_free_text(text: str, shown: str) -> None:
    assert mask_text(text) == shown


@given(st.text("abc ,;:=\"'，。（）\n", max_size=10), st.text("abc ,;:=\"'，。（）\n", max_size=10), DIGITS)
def test_a_mobile_number_is_found_wherever_it_stands(before: str, after: str, digits: str) -> None:
    number = f"138{digits[:8]}"
    assert number not in mask_text(f"{before}{number}{after}")


@given(st.text(max_size=200))
def test_masking_twice_is_masking_once(text: str) -> None:
    once = mask_text(text)
    assert mask_text(once) == once
