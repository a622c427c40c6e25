"""What may befall an exchange with a stand-in vendor that speaks a wire protocol of its own, before its work or after.

The faults are those of the sandbox vendors. Their answers have one shape, these have each its own: what is changed in
one is found by what its field is called.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Message

from hub.sdk.sandbox.answers import HUGE_BYTES, Truncated, spoiled, struck_before
from hub.sdk.sandbox.faults import BEFORE, Fault, Struck

_MONEY = re.compile(r"amount|total|minor", re.IGNORECASE)
_NAMING = re.compile(r"(^|[a-z_])(id|ref|no|sid|contract_code)$", re.IGNORECASE)
_CURRENCY = re.compile(r"currency|fee_type", re.IGNORECASE)
# Faults that leave nothing of what the vendor has said.
_WITHOUT_WORDS = frozenset(
    {
        Fault.CONNECTION_DROP_AFTER,
        Fault.TIMEOUT_AFTER_EFFECT,
        Fault.HTTP_500_AFTER,
        Fault.GARBAGE_BODY,
        Fault.ENDLESS_BODY,
    }
)
_DECIMAL = re.compile(r"\d+\.\d\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mishap:
    """One fault that an exchange meets; `instead` are the vendor's own words where it refuses."""

    fault: Fault
    instead: Response | None = None

    @property
    def before(self) -> bool:
        """Whether the vendor is kept from its work."""
        return self.instead is not None or self.fault in BEFORE

    @property
    def changes(self) -> bool:
        """Whether the answer still is the vendor's own, and says something else."""
        return self.fault in _CHANGES

    def refusal(self) -> Response:
        """The answer of a vendor that was kept from its work."""
        return self.instead or struck_before(Struck(fault=self.fault))

    def spoiled(self, answer: Response) -> Response:
        """The answer to what was done, as it arrives: the same object where there was nothing to spoil."""
        body = bytes(answer.body)
        match self.fault:
            case fault if fault in _WITHOUT_WORDS or (fault is Fault.EMPTY_BODY and body):
                return spoiled(fault, {})
            case Fault.TRUNCATED_BODY if body:
                return Truncated(body, answer.status_code, media_type="application/json")
            case Fault.HUGE_BODY if body:
                return with_body(answer, body[:-1] + b" " * HUGE_BYTES + body[-1:])
            case fault if fault in _CHANGES and (other := _changed(body, _CHANGES[fault])) is not None:
                return with_body(answer, other)
            case _:
                return answer


Change = Callable[[str, object], object]


def _other_type(name: str, value: object) -> object:
    return value if isinstance(value, dict) else [value]


def _other_currency(name: str, value: object) -> object:
    if not (_CURRENCY.search(name) and isinstance(value, str) and len(value) == 3):
        return value
    other = "EUR" if value.upper() == "USD" else "USD"
    return other.lower() if value.islower() else other


def _other_amount(name: str, value: object) -> object:
    if not _MONEY.search(name) or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return f"{value[:-1]}{(int(value[-1]) + 1) % 10}"
    return value


def _other_name(name: str, value: object) -> object:
    if not _NAMING.search(name) or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value + 1_000_000
    return f"{value}-not" if isinstance(value, str) and value else value


_CHANGES: dict[Fault, Change] = {
    Fault.WRONG_TYPE: _other_type,
    Fault.WRONG_CURRENCY: _other_currency,
    Fault.WRONG_AMOUNT: _other_amount,
    Fault.OTHER_REF: _other_name,
}


def _changed(body: bytes, change: Change) -> bytes | None:
    """A JSON answer with every field changed, at whatever depth; None for what is no JSON, or has nothing to change."""
    try:
        said = json.loads(body)
    except ValueError:
        return None
    other = _every(said, change)
    return None if other == said else json.dumps(other, ensure_ascii=False, separators=(",", ":")).encode()


def _every(found: object, change: Change) -> object:
    if isinstance(found, dict):
        return {name: _every(change(name, value), change) for name, value in found.items()}
    return [_every(one, change) for one in found] if isinstance(found, list) else found


def with_body(answer: Response, body: bytes) -> Response:
    """The same answer with another body."""
    other = Response(body, status_code=answer.status_code)
    kept = [(name, value) for name, value in answer.raw_headers if name != b"content-length"]
    other.raw_headers = [*kept, (b"content-length", str(len(body)).encode())]
    return other


def heard(said: list[Message]) -> Response:
    """The answer that an application has given message by message."""
    start = next(one for one in said if one["type"] == "http.response.start")
    answer = Response(status_code=start["status"])
    answer.raw_headers = list(start.get("headers", ()))
    answer.body = b"".join(one.get("body", b"") for one in said if one["type"] == "http.response.body")
    return answer
