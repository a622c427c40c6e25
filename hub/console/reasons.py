"""Reasons that the rooms give in words, and what the hub itself has written down: each in every language.

A reason may have parts, `%(name)s`; a text of a room that fits the shape is said in the visitor's language with its
parts. A text that is not here is shown as it was given: a person has written it. A test collects what the source says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import cache

from hub.console.i18n import N_, Language, day, money, say
from hub.console.labels import label
from hub.core.money import Money
from hub.leasing.warnings.rules import SENTENCES, Ground, WarningCode

# What is wrong with a field, as the rooms say it.
REASONS: tuple[str, ...] = (
    N_("is not kept in a file of its own"),
    N_("lies before the beginning"),
    N_("lies in the past"),
    N_("lies in the future"),
    N_("lies after the last rent"),
    N_("must be more than nothing"),
    N_("must not be negative"),
    N_("must be 17 letters and digits without I, O and Q"),
    N_("say what came of it"),
    N_("must not be empty"),
    N_("must not contain control characters"),
    N_("not a phone number"),
    N_("not a phone number that can be called"),
    N_("an identity number has 17 digits and a check character"),
    N_("the check digit is wrong"),
    N_("the date of birth in it does not exist"),
    N_("a passport number has 5 to 20 letters and digits"),
    N_("not an e-mail address"),
    N_("must be a PDF, JPEG or PNG"),
    N_("is cut off, or not what it begins as"),
    N_("this report is here already"),
    N_("2 to 40 lower-case letters, digits and underscores, a letter first"),
    N_("lies before the day of the consent"),
    N_("must be a whole number from 0"),
    N_("must be 1 to 20 letters, digits, + and -"),
    N_("must be a fraction from 0 to 10"),
    N_("a bank account has 6 to 32 digits"),
    N_("a bank code has 2 to 14 letters and digits"),
    N_("name a dealer or a kind of fee"),
    N_("is not an account of the party"),
    N_("is not an account of the payer"),
    N_("there is a live application on this quote already"),
    N_("a VIN has 17 letters and digits, without I, O and Q"),
    N_("this document is on the blacklist already"),
    N_("another party is registered under this document"),
    N_("must carry a time zone"),
    N_("must be a fraction with at most eight digits"),
    N_("must be 1 to 40 letters, digits and -"),
    N_("names the provider that the device reports through"),
    N_("is not an account of the lessee"),
    N_("must be 64 hexadecimal digits in lower case"),
    N_("must be positive"),
    N_("a decision by hand needs one"),
    N_("that is what it is already"),
    N_("a secret is a text of at most 64 KiB that says something"),
    N_("must be JSON, for the setting is a list or a table"),
    N_("say why, for whoever finds it switched"),
    N_("say why, for whoever finds it changed"),
    N_("is one of those that everybody tries first"),
    N_("has too few different characters"),
    N_("contains the login"),
    N_("1 to 32 letters, digits, hyphens or underscores"),
    N_("1 to 120 characters on one line"),
    N_("a headquarters stands on top"),
    N_("no such branch among yours"),
    N_("2 to 64 lower-case letters, digits, dots, hyphens, underscores or @"),
    N_("one of own, others"),
    N_("not a page of this list"),
    N_("outside your branches"),
    N_("needs the whole company"),
    N_("it has expired; load the page again"),
    N_("it was sent from another site"),
    N_("the credit check under way has just been answered"),
    N_("who has left does not come back under the same account"),
    N_("the secret file is not a regular file"),
    N_("the secret file is open to other users: chmod 600"),
    N_("the name of a secret file is letters, digits, dots, dashes and slashes"),
    N_("the file must lie in the folder of secrets"),
)

# The same with parts: the more that stands around them, the earlier one is tried.
SHAPES: tuple[str, ...] = (
    N_("must have 1 to %(longest)s characters"),
    N_("must have 1 to %(longest)s printable characters"),
    N_("must have at most %(longest)s characters"),
    N_("must not be longer than %(longest)s characters"),
    N_("not a unified social credit code: %(broken)s"),
    N_("a %(kind)s is known by one of: %(fitting)s"),
    N_("the product has no fee %(fee)s"),
    N_("must be a fraction from 0 to %(highest)s"),
    N_("must name each of these once: %(words)s"),
    N_("one of %(words)s"),
    N_("there is a product %(code)s already"),
    N_("a version that is %(before)s cannot become %(after)s"),
    N_("a version that is %(state)s keeps its terms: add another version"),
    N_("no %(topic)s holds on %(day)s"),
    N_("this quote is %(state)s"),
    N_("a warning that is %(before)s cannot become %(after)s"),
    N_("must not be larger than %(size)s MiB"),
    N_("is more than %(days)s days away"),
    N_("the report is more than %(days)s days old"),
    N_("must be more than nothing and at most what is owed, %(owed)s"),
    N_("nothing is left to decide about this call: it is %(state)s"),
    N_("the result of %(operation)s is needed"),
    N_("needs at least %(length)s characters"),
    N_("may have at most %(length)s characters"),
    N_("1 to %(days)s"),
    N_("the account is %(state)s"),
    N_("branch %(code)s exists already"),
    N_("login %(login)s exists already"),
    N_("too many failed tries; try again in %(minutes)s minutes"),
    N_("the product allows %(allowed)s"),
)

# What the hub has written into timelines, moves and warnings.
STORED: tuple[str, ...] = (
    N_("ordered"),
    N_("confirmed by the dealer"),
    N_("held since the order"),
    N_("held meanwhile"),
    N_("reserved"),
    N_("contract cancelled"),
    N_("title transferred"),
    N_("sent out for signature"),
    N_("signed by both sides"),
    N_("all that is due at signing has come in"),
    N_("the mandate was refused"),
    N_("the payer has revoked the mandate"),
    N_("the outcome of a debit is unknown"),
    N_("the outcome of a payout is unknown"),
    N_("the provider moved another amount than a debit was asked for"),
    N_("the provider moved another amount than a payout was asked for"),
    N_("inspection on receipt: %(inspection)s"),
    N_("delivered on %(day)s"),
    N_("title transferred on %(day)s"),
    N_("commenced on %(day)s"),
    N_("settled on %(day)s"),
    N_("title transferred, closed on %(day)s"),
    N_("envelope %(state)s"),
    N_("rent %(number)s due on %(day)s is overdue, %(owed)s owed"),
    N_("no further debit by machine: %(code)s"),
    N_("the price of the purchase option was not debited: %(code)s"),
    N_("a payout was refused: %(code)s"),
    N_("%(money)s was paid out after all, on a disbursement that is cancelled"),
    N_("%(money)s more has come than was owed"),
    N_("%(money)s was promised and has not come"),
    N_("device alarm: %(kind)s"),
    N_("from application %(number)s"),
    N_("car of order %(number)s"),
    N_("%(fee)s of contract %(number)s"),
    N_("nobody is named yet for %(fee)s"),
    N_("it cannot be asked after"),
    N_("no end of it in sight"),
    N_("its request is no longer kept"),
)

# Why a payment was refused, in the words that plugins have for it; each is drawn by its label.
REFUSED: tuple[str, ...] = (
    N_("Account closed"),
    N_("Account frozen"),
    N_("Bank unavailable"),
    N_("Declined"),
    N_("Insufficient funds"),
    N_("Limit exceeded"),
    N_("Mandate revoked"),
    N_("Outside charge window"),
    N_("Payment failed"),
)

# Why a warning was raised, where the sentence is no shape: any text with a colon would fit it.
GROUNDS: tuple[str, ...] = (N_("%(operation)s at %(provider)s: %(reason)s"),)

_PART = re.compile(r"%\\\((\w+)\\\)s")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_WITH_SPACES = frozenset({"owed", "money", "words", "allowed", "broken", "kind", "fitting"})
_NAMES = frozenset({"operation", "provider"})  # of things, not words of ours
_CODE = re.compile(r"[a-z]+(_[a-z]+)*")


@cache
def _shapes(texts: tuple[str, ...]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Every text with parts, and what fits it. Only an amount has a space in it, so that what people write fits none."""
    with_parts = sorted((one for one in texts if "%(" in one), key=_words, reverse=True)
    return tuple((one, re.compile(_PART.sub(_room, re.escape(one)))) for one in with_parts)


def _room(part: re.Match[str]) -> str:
    return rf"(?P<{part[1]}>{'.+?' if part[1] in _WITH_SPACES else '[^ ]+?'})"


def _words(shape: str) -> int:
    return len(re.sub(r"%\(\w+\)s", "", shape))


def is_known(reason: str) -> bool:
    """Whether a reason of a room has its text here."""
    return reason in REASONS or next(_fitting(SHAPES, reason), None) is not None


def is_written(text: str) -> bool:
    """Whether what the hub writes down has its text here."""
    return text in STORED or next(_fitting(STORED, text), None) is not None


def said(language: Language, reason: str) -> str:
    """A reason in the visitor's language; one that nobody knows as it was given."""
    text = say(language, reason)
    return _in_shape(language, SHAPES, reason) if text == reason else text


def written(language: Language, text: str | Ground) -> str:
    """What stands in a timeline, a move or a warning: in the visitor's language if the hub wrote it, else as a person did."""
    if isinstance(text, Ground):
        return _ground(language, text)
    return say(language, text) if text in STORED else _in_shape(language, STORED, text)


def _ground(language: Language, ground: Ground) -> str:
    """Why a warning was raised, with amounts and days as this language writes them."""
    if ground.code is WarningCode.AS_WRITTEN:
        return written(language, str(ground))
    parts = {name: _fact(language, name, value) for name, value in ground.parts.items()}
    return say(language, SENTENCES[ground.code], **parts)


def _fact(language: Language, name: str, value: object) -> str:
    match value:
        case Money():
            return money(value, language)
        case date():
            return day(value, language)
        case str() if name not in _NAMES:
            return say(language, label(value) if _CODE.fullmatch(value) else value)
        case _:
            return str(value)


def _in_shape(language: Language, shapes: tuple[str, ...], text: str) -> str:
    for shape, parts in _fitting(shapes, text):
        return say(language, shape, **{name: _part(language, value) for name, value in parts.items()})
    return text


def _fitting(shapes: tuple[str, ...], text: str) -> Iterator[tuple[str, dict[str, str]]]:
    for shape, pattern in _shapes(shapes):
        if found := pattern.fullmatch(text):
            yield shape, found.groupdict()


def _part(language: Language, value: str) -> str:
    """A part of a reason: a day as it is written, a word of ours by its label, anything else as it is."""
    if _DAY.fullmatch(value):
        return day(date.fromisoformat(value), language)
    name = say(language, label(value))
    if not _CODE.fullmatch(value):
        return value
    return name if name != label(value) else value.replace("_", " ")
