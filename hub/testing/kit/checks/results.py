"""Bronze: results are what the contract's types promise, value by value."""

from __future__ import annotations

import dataclasses
import re
import typing
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from hub.core.errors import Rejected
from hub.core.hookspecs import Contract
from hub.core.money import Money
from hub.core.ports.credit_bureau import CreditOutcome, CreditReport
from hub.core.ports.esign import Envelope, EnvelopeStatus
from hub.core.ports.payments import Mandate, MandateStatus, PaymentOutcome, PaymentResult
from hub.core.ports.sms import MessageReceipt, MessageStatus
from hub.testing.kit.bench import Attempt, Bench
from hub.testing.kit.catalogue import NotApplicable, Tier, check, require
from hub.testing.kit.line import Trouble

_WORD = re.compile(r"[a-z][a-z0-9_]*")


@check(
    "results.types",
    Tier.BRONZE,
    "A result of another type is an unknown outcome to the hub: the money may have moved, and a person has to look.",
)
async def types(bench: Bench) -> None:
    """Every operation gives the result type of the contract, and every field of it is of its declared type."""
    for spec in bench.operations:
        attempt = await _answered(bench, spec.name)
        wanted = typing.get_type_hints(getattr(Contract, spec.name))["return"]
        allowed = typing.get_args(wanted) or (wanted,)
        names = " or ".join(kind.__name__ for kind in allowed)
        require(isinstance(attempt.result, allowed), f"{attempt}, the contract wants {names}")
        for path, reason in _wrong_fields(attempt.result, spec.name):
            raise AssertionError(f"{path}: {reason}")


@check(
    "results.values",
    Tier.BRONZE,
    "An instant without a zone is eight hours wrong, an empty reference finds nothing again, an address that is not "
    "https is shown to a customer.",
)
async def values(bench: Bench) -> None:
    """References are not empty, instants carry a zone, amounts are not negative, addresses are https, codes are words
    of the hub, counts are positive."""
    for spec in bench.operations:
        attempt = await _answered(bench, spec.name)
        for path, value in _walk(attempt.result, spec.name):
            _check_value(path, value)


@check(
    "results.strange_status",
    Tier.SILVER,
    "Vendors add statuses without telling. One that nobody has mapped must never count as paid, signed or refused.",
)
async def strange_status(bench: Bench) -> None:
    """A status that is not mapped is pending or unknown, never success and never failure."""
    if bench.rig.status_field is None or all(spec.status_by is None for spec in bench.operations):
        raise NotApplicable("this vendor's answers have no status")
    for spec in bench.operations:
        if spec.status_by is not None:
            attempt = await bench.attempt(spec.name, Trouble.STRANGE_STATUS)
            open_ = attempt.error is not None or _open(attempt.result)
            require(open_ and not isinstance(attempt.error, Rejected), f"{attempt}: it counts as settled")


async def _answered(bench: Bench, operation: str) -> Attempt:
    attempt = await bench.attempt(operation)
    if attempt.error is not None:
        raise AssertionError(f"{attempt} without any trouble: {attempt.error}") from attempt.error
    return attempt


def _open(result: object) -> bool:
    match result:
        case PaymentResult():
            return result.outcome in (PaymentOutcome.PENDING, PaymentOutcome.UNKNOWN)
        case Mandate():
            return result.status is MandateStatus.PENDING
        case CreditReport():
            return result.outcome is CreditOutcome.PENDING
        case Envelope():
            return result.status in (EnvelopeStatus.SENT, EnvelopeStatus.PARTLY_SIGNED)
        case MessageReceipt():
            return result.status is MessageStatus.ACCEPTED
        case _:
            return False


def _fields(value: Any) -> list[tuple[str, Any]]:
    return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]


def _wrong_fields(value: Any, path: str) -> typing.Iterator[tuple[str, str]]:
    hints = typing.get_type_hints(type(value))
    for name, held in _fields(value):
        try:
            TypeAdapter[Any](hints[name]).validate_python(held, strict=True)
        except ValidationError:
            yield f"{path}.{name}", f"a {type(held).__name__} is not of its declared type"
        for item in held if isinstance(held, tuple) else (held,):
            if dataclasses.is_dataclass(item) and not isinstance(item, Money):
                yield from _wrong_fields(item, f"{path}.{name}")


def _walk(value: Any, path: str) -> typing.Iterator[tuple[str, object]]:
    for name, held in _fields(value):
        for item in held if isinstance(held, tuple) else (held,):
            if dataclasses.is_dataclass(item) and not isinstance(item, Money):
                yield from _walk(item, f"{path}.{name}")
            else:
                yield f"{path}.{name}", item


def _check_value(path: str, value: object) -> None:
    name = path.rsplit(".", 1)[-1]
    match value:
        case datetime():
            require(value.tzinfo is not None, f"{path}: carries no time zone")
        case Money():
            require(value.minor >= 0, f"{path}: is negative")
        case str() if name.endswith("_ref"):
            require(bool(value.strip()), f"{path}: is empty")
        case str() if name.endswith(("_url", "_urls")):
            require(value.startswith("https://"), f"{path}: is not an https address")
        case str() if name in ("code", "failure"):
            require(bool(_WORD.fullmatch(value)), f"{path}: {value!r} is not a word of the hub")
        case int() if name == "segments":
            require(value >= 1, f"{path}: is not positive")
        case _:
            pass
