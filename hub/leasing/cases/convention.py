"""By which convention a case is computed: set out cleanly, or in the prose that sources print, of which some words are known.

Clean is {"rounding": {"mode", "unit", "inside", "instalment": {"mode", "unit"}, "interest": {"mode", "unit"}},
"residue", "day_count", "stub", "compounding", "level_rate", "equation", "time", "rule"}. In prose each text is searched
for words of rounding, units, day counts and so on; a text in which none is found is told as `unread`, not refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from hub.core.dates import DayCount
from hub.core.money import Rounding
from hub.leasing.cases.vocabulary import amount, parts, refuse, text
from hub.leasing.schedules.rules import LevelRate, Residue, Stub

_MODES: tuple[tuple[str, Rounding], ...] = (
    (r"half[ _-]?even|banker", Rounding.HALF_EVEN),
    (r"half[ _-]?up|half away|nearest|commercial|kaufm", Rounding.HALF_UP),
    (r"ceil|round(?:ed|ing)? up|\bup to\b|^up$|next higher", Rounding.UP),
    (r"floor|round(?:ed|ing)? down|\bdown to\b|^down$|truncat", Rounding.DOWN),
)
_UNIT = re.compile(
    r"(?:\bto|multiples? of|in steps of)\s+(?:a |the )?(?:whole )?(?:multiples? of )?(\d+(?:\.\d+)?)(?!\s*(?:decimal|digit))"
)
_NAMED_UNITS = (
    (r"to (?:the |a )?(?:whole )?(?:cent|fen|penny)", "0.01"),
    (r"to (?:the |a )?whole (?:unit|yuan|euro|dollar|number)", "1"),
)
_DIGITS = re.compile(r"(\d+) (?:decimal|digit)")
_DAY_COUNTS: tuple[tuple[str, DayCount], ...] = (
    (r"30e/360|30/360 ?(?:e|eu)|european 30/360", DayCount.THIRTY_E_360),
    (r"30[au]?/360", DayCount.THIRTY_360),
    (r"(?:actual|act)/(?:actual|act) ?\(?(?:afb|eu)", DayCount.ACTUAL_ACTUAL_AFB),
    (r"(?:actual|act)/(?:actual|act)", DayCount.ACTUAL_ACTUAL),
    (r"(?:actual|act)/360", DayCount.ACTUAL_360),
    (r"(?:actual|act)/364", DayCount.ACTUAL_364),
    (r"(?:actual|act)/365", DayCount.ACTUAL_365),
)
_EXACT = re.compile(r"^exact$|unrounded|not rounded|no rounding|total interest = p|full precision")
_RENT_FIRST = re.compile(
    r"(?:instalment|payment|rental|pmt)[^;,.]* (?:is |was )?rounded|round(?:ed|ing) (?:the )?(?:instalment|payment|rental)"
)
_PRO_RATA = re.compile(r"pro[ -]?rat|month factor")
_WHOLE = re.compile(r"whole period|one month|as a month|full month")
_NOMINAL = re.compile(r"(?:annuity|level|instalment|emi) at (?:r|rate)/\d+|equal periods")
_TOTALS = re.compile(
    r"totals?\b[^;]*(?<!un)rounded|(?:n|periods|number) ?(?:x|\*|times) (?:the )?(?:rounded )?(?:instalment|payment)"
)
_IMPLICIT = re.compile(r"implicit rate|rate implicit|implied (?:irr|rate)|irr of the rounded")
_LAST_INTEREST = re.compile(r"last[ _]interest|interest of the last|balanc")
_LEVELLING = re.compile(r"levell?ing|level[ _]pass")
_EQUIVALENT = re.compile(r"equivalent|effective|\(1 ?\+ ?(?:r|apr)")
_READ_ELSEWHERE = ("equation", "time", "rate", "irr", "formula", "total_interest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """What was understood of a convention. `unit` and those of rents and interest are in major units, None where nothing
    is said; `exact` keeps figures unrounded inside and rounds what is shown, but for a rent that is `rent_first`. `totals_of_rent` multiplies the rounded rent where totals are told;
    `implicit` runs interest at the rate that the rounded rent implies."""

    rounding: Rounding = Rounding.HALF_UP
    unit: Decimal | None = None
    rent_rounding: Rounding | None = None
    rent_unit: Decimal | None = None
    interest_rounding: Rounding | None = None
    interest_unit: Decimal | None = None
    exact: bool = False
    rent_first: bool = False
    residue: Residue = Residue.LAST_INSTALMENT
    level_pass: bool = False
    totals_of_rent: bool = False
    implicit: bool = False
    day_count: DayCount | None = None
    pro_rata: bool = False
    whole_period: bool = False
    level_rate: LevelRate = LevelRate.PERIODS
    equivalent: bool = False
    digits: int | None = None
    rate_digits: int | None = None
    rule: str = ""
    said: str = ""
    unread: tuple[str, ...] = ()

    @property
    def stub(self) -> Stub:
        """How a first period that is not a whole one bears interest."""
        return Stub.PRO_RATA if self.pro_rata else Stub.DAY_COUNT


def mode_of(said: str) -> Rounding | None:
    """The way of rounding that a text names; None when it names none."""
    return next((mode for words, mode in _MODES if re.search(words, said)), None)


def unit_of(said: str) -> Decimal | None:
    """The unit to which a text rounds; None when it names none."""
    for words, unit in _NAMED_UNITS:
        if re.search(words, said):
            return Decimal(unit)
    match = _UNIT.search(said)
    # A unit is a power of ten, or five of them; any other number is an amount that a text works out.
    plain = match and match[1].replace(".", "").strip("0") in ("1", "5")
    return Decimal(match[1]) if match and plain else None


def day_count_of(said: str) -> DayCount | None:
    """The day count that a text names; None when it names none."""
    plain = said.lower().replace("actual / ", "actual/")
    return next((count for words, count in _DAY_COUNTS if re.search(words, plain)), None)


def convention_of(given: Mapping[str, object]) -> Convention:
    """What a convention says, and which of its texts say nothing that is known here."""
    found: dict[str, object] = {}
    unread: list[str] = []
    for name, said in _texts(given):
        before = dict(found)
        _read(name, said, found)
        if found == before and not name.startswith(_READ_ELSEWHERE):
            unread.append(name)
    if "interest_rounding" in found:
        found.setdefault("rounding", found["interest_rounding"])
    whole = "; ".join(said for _, said in _texts(given))
    rule = given.get("rule")
    return Convention(
        **found,  # type: ignore[arg-type]
        rule=rule.lower() if isinstance(rule, str) else "",
        said=whole,
        unread=tuple(unread),
    )


def _texts(given: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in given.items():
        where = f"convention.{name}"
        if name == "rounding" and isinstance(value, dict):
            yield from _set_out(value, where, "rounding")
        elif isinstance(value, dict):
            raise refuse(where, "must be a text")
        elif isinstance(value, str):
            yield name, text(value, where).strip().lower()
        elif value is not None:
            yield name, str(value).lower()


def _set_out(value: Mapping[str, object], where: str, name: str) -> Iterator[tuple[str, str]]:
    """Rounding that is set out, as texts: mode and unit of all amounts, of the rent, of the interest."""
    inner = ("instalment", "interest") if name == "rounding" else ()
    said = parts(value, where, ("mode", "unit", "inside", *inner))
    mode = text(said.get("mode", ""), f"{where}.mode").lower()
    if mode and mode_of(mode) is None:
        raise refuse(f"{where}.mode", "must be half_up, half_even, up or down")
    if "unit" in said:
        unit = amount(said["unit"], f"{where}.unit")
        if unit <= 0:
            raise refuse(f"{where}.unit", "must be more than nothing")
        mode = f"{mode} to {unit.normalize():f}"
    if mode:
        yield name, mode
    if "inside" in said:
        yield "rounding_inside", text(said["inside"], f"{where}.inside").lower()
    for one in inner:
        if one in said:
            nested = parts(said[one], f"{where}.{one}", ("mode", "unit"))
            yield from _set_out(nested, f"{where}.{one}", f"{one}_rounding")


def _read(name: str, said: str, found: dict[str, object]) -> None:
    """Add what one text says to what has been found."""
    if name.startswith(("instalment", "rent")):
        _put(found, rent_rounding=mode_of(said), rent_unit=unit_of(said))
    elif name.startswith("interest"):
        _put(found, interest_rounding=mode_of(said), interest_unit=unit_of(said) if mode_of(said) else None)
    elif name not in ("levelling", "residue", "rate", "time", "monthly_rate", "equation"):
        _put(found, rounding=mode_of(said), unit=unit_of(said) if mode_of(said) else None)
    if name == "residue" and (_LAST_INTEREST.search(said)):
        found["residue"] = Residue.LAST_INTEREST
    if name == "residue" and said.startswith("last"):
        found.setdefault("residue", Residue.LAST_INSTALMENT)
    if name in ("levelling", "residue") and _LEVELLING.search(said):
        found["level_pass"] = True
    if match := _DIGITS.search(said):
        found["rate_digits" if name == "monthly_rate" else "digits"] = int(match[1])
    _put(found, day_count=day_count_of(said))
    if name in ("day_count", "stub", "rule"):
        _put(found, pro_rata=bool(_PRO_RATA.search(said)) or None, whole_period=bool(_WHOLE.search(said)) or None)
    if _EXACT.search(said) and not name.startswith("instalment_rounding"):
        found["exact"] = True
    elif _RENT_FIRST.search(said) and name == "rule":
        found["rent_first"] = True
    _put(found, totals_of_rent=bool(_TOTALS.search(said)) or None, implicit=bool(_IMPLICIT.search(said)) or None)
    if _NOMINAL.search(said) or (name == "level_rate" and "nominal" in said):
        found["level_rate"] = LevelRate.NOMINAL
    if name == "compounding" and _EQUIVALENT.search(said):
        found["equivalent"] = True


def _put(found: dict[str, object], **values: object) -> None:
    found.update({name: value for name, value in values.items() if value is not None})
