"""Every number that comes from a law, a court or a regulator: its value, from when it holds, and where it stands.

Nothing here decides anything; rooms look a number up for a date. A number that is ours to choose belongs to a product.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from hub.core.errors import InvalidInput


class Topic(StrEnum):
    """What a number is about."""

    TOTAL_COST_CEILING = "total_cost_ceiling"
    PRIVATE_LENDING_MULTIPLE = "private_lending_multiple"
    PRIVATE_LENDING_PROTECTED_RATE = "private_lending_protected_rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Regulation:
    """One number, from `effective_from` until the next of its topic. Rates are fractions a year."""

    topic: Topic
    value: Decimal
    effective_from: date
    effective_until: date | None = None
    source: str
    note: str = ""


REGULATIONS: tuple[Regulation, ...] = (
    Regulation(
        topic=Topic.TOTAL_COST_CEILING,
        value=Decimal("0.24"),
        effective_from=date(2017, 8, 4),
        source="最高人民法院《关于进一步加强金融审判工作的若干意见》法发〔2017〕22号, 第2条",
        note="Courts cut interest, compound interest, penalty and fees of a financial loan above this, added up; taken "
        "as the ceiling of a finance lease too, since 法释〔2020〕27号 keeps lessors outside the private-lending rules.",
    ),
    Regulation(
        topic=Topic.PRIVATE_LENDING_PROTECTED_RATE,
        value=Decimal("0.24"),
        effective_from=date(2015, 9, 1),
        effective_until=date(2020, 8, 19),
        source="最高人民法院《关于审理民间借贷案件适用法律若干问题的规定》法释〔2015〕18号, 第26条",
        note="The older ceiling of private lending, for contracts signed before 20 August 2020.",
    ),
    Regulation(
        topic=Topic.PRIVATE_LENDING_MULTIPLE,
        value=Decimal(4),
        effective_from=date(2020, 8, 20),
        source="同上, 法释〔2020〕6号 第26条, 现法释〔2020〕17号 第25条",
        note="Times the one-year LPR at the signing of the contract. It binds lenders that are no financial "
        "institution; locally supervised finance-lease companies are one. Source: 法释〔2020〕27号, in force 2021-01-01.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """Something that must be done, where there is no number to keep to."""

    text_zh: str
    text_en: str
    effective_from: date
    source: str


SHOW_ANNUALISED_RATE = Duty(
    text_zh="以明显方式展示年化利率; 采用复利计算的即内部收益率法",
    text_en="Show the annualised rate prominently; computed with compounding it is the internal rate of return.",
    effective_from=date(2021, 3, 31),
    source="中国人民银行公告〔2021〕第3号",
)


def regulation(topic: Topic, on: date) -> Regulation:
    """The number of a topic that holds on a date; raises InvalidInput when none does."""
    held = [
        entry
        for entry in REGULATIONS
        if entry.topic is topic
        and entry.effective_from <= on
        and (entry.effective_until is None or on <= entry.effective_until)
    ]
    if not held:
        raise InvalidInput("on", f"no {topic} holds on {on}")
    return max(held, key=lambda entry: entry.effective_from)
