"""The file of applications: a bad line is named by line, column and reason, and the others go on."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import pytest

from hub.core.errors import InvalidInput
from hub.demo.applicants import COLUMNS, Problem, read

FILE = (Path(__file__).parents[2] / "examples/applications.csv").read_text(encoding="utf-8")
TODAY = date(2026, 11, 24)
HEADER, *GOOD = FILE.splitlines()
GOOD = GOOD[:3]


def changed(line: str, **cells: str) -> str:
    """A line with some cells written anew."""
    row = dict(zip(COLUMNS, next(csv.reader([line])), strict=True)) | cells
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(row.values())
    return out.getvalue()


def among_good(bad: str) -> tuple[list[str], list[Problem]]:
    """The references that are read, and the problems, of a file with one bad line between good ones."""
    good, problems = read("\n".join([HEADER, GOOD[0], bad, *GOOD[1:]]), today=TODAY)
    return [one.reference for one in good], problems


REFERENCES = [line.split(",")[0] for line in GOOD]


def test_the_example_has_no_bad_line() -> None:
    good, bad = read(FILE, today=TODAY)
    assert (len(good), bad) == (224, [])


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_every_ending_of_a_line_and_a_mark_of_byte_order_are_fine(ending: str) -> None:
    good, bad = read("\ufeff" + ending.join([HEADER, *GOOD, "", ""]), today=TODAY)
    assert ([one.reference for one in good], bad) == (REFERENCES, [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (GOOD[1][:40] + ',"never closed', "is not CSV: unexpected end of data"),
        ('"never closed', "is not CSV: unexpected end of data"),
        ('"a"b,c', "is not CSV: ',' expected after '\"'"),
        ("x" * 10_000_000, "is not CSV: field larger than field limit (131072)"),
        (GOOD[1].rsplit(",", 3)[0], f"has {len(COLUMNS) - 3} cells, the header has {len(COLUMNS)}"),
        (GOOD[1] + ",,", f"has {len(COLUMNS) + 2} cells, the header has {len(COLUMNS)}"),
    ],
    ids=["a quote in the middle", "a quote", "more after a quote", "ten megabytes", "too short", "too long"],
)
def test_a_line_that_is_no_line_of_ours_spoils_no_other(line: str, reason: str) -> None:
    read_ones, [problem] = among_good(line)
    assert read_ones == REFERENCES
    assert problem == Problem(line=3, column="", reason=reason)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("reference", "=cmd|calc", "letters, digits and -"),
        ("reference", "R" * 33, "1 to 32"),
        ("reference", "[/red]", "letters, digits and -"),
        ("applied_on", "2031-01-01", "lies in the future"),
        ("applied_on", "1900-01-01", "holds on 1900-01-01"),
        ("applied_on", "20240105", "is not a date"),
        ("branch", "north pole", "letters, digits, hyphens"),
        ("branch", "", "1 to 32"),
        ("name", "a\0b", "control characters"),
        ("name", "", "must not be empty"),
        ("name", "n" * 201, "longer than 200"),
        ("identity_number", "110105194912310021", "check digit"),
        ("phone", "12", "not a phone number"),
        ("bank_code", "?", "bank code"),
        ("account_number", "12ab", "6 to 32 digits"),
        ("channel", "c" * 101, "longer than 100"),
        ("car_model", "\u200b", "control characters"),
        ("vin", "XX", "17 letters and digits"),
        ("car_price", "-1", "must not be negative"),
        ("car_price", "0", "more than nothing"),
        ("car_price", "NaN", "is not an amount"),
        ("car_price", "1e400", "is not an amount"),
        ("car_price", "9" * 30, "is not an amount"),
        ("car_price", "١٢٣", "is not an amount"),
        ("car_price", "1_000", "is not an amount"),
        ("car_price", "12,800.00", "is not an amount"),
        ("car_price", "1.005", "is not an amount"),
        ("monthly_income", "", "is not an amount"),
        ("insurance_financed", "maybe", "yes or no"),
        ("term_months", "1.5", "number of months"),
        ("annual_rate", "11.88", "a fraction"),
        ("annual_rate", "0.123456789", "eight digits"),
        ("method", "balloon", "must be one of"),
        ("conduct", "", "must be one of"),
    ],
)
def test_a_bad_value_names_line_column_and_reason(column: str, value: str, reason: str) -> None:
    read_ones, [problem] = among_good(changed(GOOD[1], **({"reference": "X1"} | {column: value})))
    assert read_ones == REFERENCES
    assert (problem.line, problem.column) == (3, column)
    assert reason in problem.reason


def test_a_reference_that_comes_again_is_refused() -> None:
    read_ones, problems = among_good(GOOD[0])
    assert read_ones == REFERENCES
    assert problems == [Problem(line=3, column="reference", reason="stands on an earlier line already")]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", "these columns are missing: reference, applied_on"),
        ("a,b", "these columns are missing: reference, applied_on"),
        (HEADER.replace(",vin,", ",Vin,"), "these columns are missing: vin"),
        (HEADER + ",vin", "these columns are there twice: vin"),
        ('"' + HEADER, "is not CSV"),
    ],
)
def test_a_header_that_is_not_ours_is_refused_whole(header: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read("\n".join([header, *GOOD]), today=TODAY)
    assert refused.value.field == "header"
    assert refused.value.reason.startswith(reason)


def test_a_column_more_is_let_be() -> None:
    good, bad = read("\n".join([HEADER + ",remark", *(line + ",fine" for line in GOOD)]), today=TODAY)
    assert ([one.reference for one in good], bad) == (REFERENCES, [])
