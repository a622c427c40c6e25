"""The texts of a sheet, and the papers set from them: searchable, embedded, the same bytes again, and never code."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from pypdf import PdfReader

from hub.core.money import Money
from hub.leasing.products.rules import LeaseType, Method
from hub.leasing.quotes.pricing import price
from hub.leasing.signatures.document import Paper, day, fee_name, figures, percent, sheet
from hub.leasing.signatures.rules import DocumentKind, Language
from hub.leasing.signatures.typesetting import set_pdf, typeset

KIND = DocumentKind.LEASE_CONTRACT


def _pdf(paper: Paper, language: Language) -> PdfReader:
    return PdfReader(BytesIO(set_pdf(KIND, language, sheet(paper, language), paper.drafted_on)))


def _text(paper: Paper, language: Language) -> str:
    """The paper's text without blanks: a line break may fall anywhere."""
    return "".join("".join(page.extract_text() for page in _pdf(paper, language).pages).split())


@pytest.mark.parametrize(
    ("share", "text"),
    [("0.0888", "8.88%"), ("0.0005", "0.05%"), ("0.24", "24.00%"), ("0.123456", "12.3456%"), ("0", "0.00%")],
)
def test_a_share_reads_as_a_percentage(share: str, text: str) -> None:
    assert percent(Decimal(share)) == text


def test_amounts_dates_and_fees_read_as_their_language_says() -> None:
    assert figures(Money.of("1234567.8")) == "1,234,567.80"
    assert day(date(2026, 1, 5), Language.CHINESE) == "2026年1月5日"
    assert day(date(2026, 1, 5), Language.ENGLISH) == "5 January 2026"
    assert fee_name("purchase_tax", Language.CHINESE) == "购置税"
    assert fee_name("window_tint", Language.ENGLISH) == "Window tint"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            Language.CHINESE,
            ("汽车融资租赁合同", "承租人（乙方）", "人民币壹拾捌万玖仟捌佰元整", "购置税", "租金支付表", "剩余本金"),
        ),
        (
            Language.ENGLISH,
            ("VehicleFinanceLeaseContract", "TheLessee", "Purchasetax", "scheduleofrents", "theChinesetextbinds"),
        ),
    ],
)
def test_a_paper_says_in_words_that_can_be_found_what_was_agreed(
    paper: Paper, language: Language, words: tuple[str, ...]
) -> None:
    text = _text(paper, language)
    said = (
        paper.contract.number,
        "远航汽车融资租赁有限公司",
        "欧阳晓峰",
        "11010519491231002X",
        "147,488.73",
        "70,210.00",
        "12.49%",
        *words,
    )
    assert [word for word in said if word not in text] == []
    if language is Language.CHINESE:
        assert "租赁期限36个月" in text


def test_money_is_allocated_in_the_order_of_the_product(paper: Paper) -> None:
    turned = replace(paper, terms=replace(paper.terms, allocation=tuple(reversed(paper.terms.allocation))))
    assert "按违约金、租息、本金的先后顺序" in _text(paper, Language.CHINESE)
    assert "按本金、租息、违约金的先后顺序" in _text(turned, Language.CHINESE)
    assert "paysprincipal,interestandpenaltyinthisorder" in _text(turned, Language.ENGLISH)


@pytest.mark.parametrize("language", Language)
def test_every_rent_of_the_schedule_stands_in_the_paper(paper: Paper, language: Language) -> None:
    text = _text(paper, language)
    for row in sheet(paper, language)["schedule"]:  # type: ignore[attr-defined]
        assert "".join("".join(row).split()) in text


@pytest.mark.parametrize("language", Language)
def test_every_font_is_embedded_and_maps_to_text(paper: Paper, language: Language) -> None:
    fonts = [font.get_object() for page in _pdf(paper, language).pages for font in page["/Resources"]["/Font"].values()]  # type: ignore[index]
    assert fonts
    for font in fonts:
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor)
        assert "/ToUnicode" in font


async def test_the_same_sheet_gives_the_same_bytes(paper: Paper) -> None:
    texts = sheet(paper, Language.CHINESE)
    first = await typeset(KIND, Language.CHINESE, texts, dated_on=paper.drafted_on)
    again = await typeset(KIND, Language.CHINESE, dict(reversed(texts.items())), dated_on=paper.drafted_on)
    assert first == again
    assert first != await typeset(KIND, Language.CHINESE, {**texts, "number": "LC2"}, dated_on=paper.drafted_on)


@pytest.mark.parametrize(
    "evil", ['#read("/etc/passwd")', "#panic()", '"] #import "x"', "$ 1/0 $", "*bold* _x_ \\ `code`", "<a>@b"]
)
def test_what_a_party_is_called_is_text_and_never_code(paper: Paper, evil: str) -> None:
    named = replace(paper, lessee=replace(paper.lessee, name=evil))
    for language in Language:
        assert "".join(evil.split()) in _text(named, language)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("method", [Method.EQUAL_PRINCIPAL, Method.FLAT, Method.INTEREST_FIRST])
def test_every_kind_of_lease_can_be_set(paper: Paper, language: Language, method: Method) -> None:
    terms = replace(paper.terms, method=method, lease_type=LeaseType.SALE_AND_LEASEBACK, purchase_option=Money(0))
    view = replace(paper.contract, method=method, lease_type=LeaseType.SALE_AND_LEASEBACK)
    other = replace(
        paper,
        contract=view,
        terms=terms,
        price=price(terms, paper.deal, today=paper.drafted_on),
        vin="LSVAA4182E2184847",
    )
    text = _text(other, language)
    assert "LSVAA4182E2184847" in text
    assert ("售后回租" if language is Language.CHINESE else "Saleandleaseback") in text
