"""When a debit may be announced and when it may be made: what to do next under a contract; pure.

The rules: within 12 hours of signing no announcement is needed; later a debit is announced, and may be made from the
first to the last day that the vendor names, of exactly the announced amount; between 07:00 and 22:00 in Beijing.
Source: pay.weixin.qq.com/doc/v3, "委托代扣", "预约扣费" and "受理扣款". An announcement is held to the same hours: at night
nobody is woken by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from enum import StrEnum

from hub.core.money import Money
from hub.sdk.reading import Fields
from leasehub_payments_wechatpay.mapping import money_of

BEIJING = timezone(timedelta(hours=8))
_UNANNOUNCED = timedelta(hours=12)
_OPENS, _CLOSES = time(7), time(22)


class Step(StrEnum):
    """What a debit needs next."""

    ANNOUNCE = "announce"
    WAIT = "wait"
    CHARGE = "charge"
    MISSED = "missed"
    OTHER_AMOUNT = "other_amount"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What the vendor knows of an announced debit: its state, its window, its amount."""

    state: str
    first_on: date | None = None
    last_on: date | None = None
    money: Money | None = None

    @classmethod
    def of(cls, answer: Fields) -> Announcement:
        """As the vendor answers."""
        state = answer.text("schedule_state")
        if state != "SCHEDULED":
            return cls(state=state)
        money = money_of(answer.inner("scheduled_amount"), "total")
        return cls(
            state=state, first_on=answer.day("deduct_start_date"), last_on=answer.day("deduct_end_date"), money=money
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The next step, and from when on the hub should send again where that is needed."""

    step: Step
    at: datetime


def fresh(signed_at: datetime, now: datetime) -> bool:
    """Whether a contract is so new that its debits need no announcement."""
    return now < signed_at + _UNANNOUNCED


def plan(announced: Announcement | None, asked: Money | None, now: datetime) -> Plan:
    """What a debit of `asked` needs next; None stands for no announcement needed, and for an amount not known."""
    if announced is None:
        return _within_hours(Step.CHARGE, now)
    match announced.state:
        case "SCHEDULED":
            return _scheduled(announced, asked, now)
        case "EXPIRED":
            return Plan(step=Step.MISSED, at=now)
        case "NO_SCHEDULED" | "PAID":
            return _within_hours(Step.ANNOUNCE, now)
        case _:
            return Plan(step=Step.WAIT, at=now + timedelta(hours=1))


def _scheduled(announced: Announcement, asked: Money | None, now: datetime) -> Plan:
    assert announced.first_on is not None, "an announced debit has a window"
    assert announced.last_on is not None, "an announced debit has a window"
    if asked is not None and announced.money != asked:
        return Plan(step=Step.OTHER_AMOUNT, at=now)
    here = now.astimezone(BEIJING)
    if here.date() < announced.first_on:
        return Plan(step=Step.WAIT, at=datetime.combine(announced.first_on, _OPENS, BEIJING))
    found = _within_hours(Step.CHARGE, now)
    return found if found.at.astimezone(BEIJING).date() <= announced.last_on else Plan(step=Step.MISSED, at=now)


def _within_hours(step: Step, now: datetime) -> Plan:
    here = now.astimezone(BEIJING)
    if _OPENS <= here.time() < _CLOSES:
        return Plan(step=step, at=now)
    day_on = here.date() + timedelta(days=1) if here.time() >= _CLOSES else here.date()
    return Plan(step=Step.WAIT, at=datetime.combine(day_on, _OPENS, BEIJING))
