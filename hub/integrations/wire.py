"""Typed requests and results as JSON and back, checked to the last field, and as people may see them.

A plugin is not type-checked by us: what it returns is checked here against the contract's own annotation before
anybody believes it. What is stored for people carries no personal data: a field that hides from `repr` hides here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, get_args, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from hub.core.errors import InvalidInput, UnknownOutcome
from hub.core.hookspecs import OPERATIONS, SPEC_CLASSES, ProviderV1
from hub.core.json import JsonValue
from hub.core.ports.webhooks import WebhookDelivery, WebhookEvent
from hub.infra.masking import HIDDEN, masked_value

LONGEST_REFERENCE = 120  # characters; the shortest column that one goes into
LONGEST_RESULT = 32 * 1024 * 1024
# Inside a tuple the configuration reaches plain dataclasses, which must not know pydantic themselves.
_STRICT = ConfigDict(strict=True, revalidate_instances="always", ser_json_bytes="base64", val_json_bytes="base64")
# Even hidden fields show their last digits when they are named like a number that people compare by its end.
_SHOW_END = frozenset({"phone", "document_number", "account_number"})


@cache
def _adapter(kind: Any) -> TypeAdapter[tuple[Any]]:
    return TypeAdapter(tuple[kind], config=_STRICT)


_EVENTS = TypeAdapter(tuple[WebhookEvent, ...], config=_STRICT)


@cache
def _returned(operation: str) -> tuple[Any, tuple[type, ...]]:
    """The annotation of what an operation returns, and its classes."""
    capability = OPERATIONS[operation].capability
    owner: type = ProviderV1 if capability is None else SPEC_CLASSES[capability]
    annotation = get_type_hints(getattr(owner, operation))["return"]
    return annotation, get_args(annotation) or (annotation,)


def checked(operation: str, result: object) -> tuple[object, str]:
    """The result, if it is what the contract promises down to every field, and its text, to be sealed; raises UnknownOutcome.

    It was sent and something came back that nobody can read: whether it took effect is not known.
    """
    annotation, kinds = _returned(operation)
    if type(result) not in kinds:
        raise UnknownOutcome(f"{operation} returned a {type(result).__name__}, which the contract does not know")
    try:
        read = _adapter(annotation).validate_python((result,))[0]
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"][1:])
        raise UnknownOutcome(f"{operation} returned an unreadable {type(result).__name__}: {where}") from None
    try:
        text = to_text(read)
    except (PydanticSerializationError, UnicodeError):
        raise UnknownOutcome(f"{operation} returned a {type(result).__name__} that cannot be written down") from None
    if reason := _unkeepable(read, text):
        raise UnknownOutcome(f"{operation} returned a {type(result).__name__} that {reason}")
    return read, text


def _unkeepable(result: object, text: str) -> str:
    """Why a result cannot be kept, if it cannot; what is not written down would not be known tomorrow."""
    if len(text) > LONGEST_RESULT:
        return f"is longer than {LONGEST_RESULT} characters"
    if "\\u0000" in text:  # PostgreSQL keeps none
        return "contains a null character"
    kind: Any = type(result)
    named = (getattr(result, name) for name, _ in _fields(kind) if name.endswith(("_ref", "code", "failure")))
    longest = max((len(value) for value in named if isinstance(value, str)), default=0)
    return f"has a reference of {longest} characters" if longest > LONGEST_REFERENCE else ""


def result_kinds(operation: str) -> tuple[type, ...]:
    """The classes of what an operation may return."""
    return _returned(operation)[1]


def checked_delivery(delivery: object) -> WebhookDelivery:
    """What a plugin made of a callback, if it is what the contract promises; raises UnknownOutcome."""
    if type(delivery) is not WebhookDelivery:
        raise UnknownOutcome(f"webhook_receive returned a {type(delivery).__name__}")
    try:
        read: WebhookDelivery = _adapter(WebhookDelivery).validate_python((delivery,))[0]
    except ValidationError:
        raise UnknownOutcome("webhook_receive returned an unreadable delivery") from None
    return read


def events_to_json(events: tuple[WebhookEvent, ...]) -> JsonValue:
    """Events as they are stored."""
    stored: JsonValue = _EVENTS.dump_python(events, mode="json")
    return stored


def events_from_json(stored: JsonValue) -> tuple[WebhookEvent, ...]:
    """The events that `events_to_json` stored."""
    return _EVENTS.validate_json(json.dumps(stored))


def to_text(value: object) -> str:
    """A request or result as JSON text, complete: seal it."""
    kind: Any = type(value)
    return _adapter(kind).dump_json((value,)).decode()


def request_from(kind: type, text: str) -> object:
    """The request that `to_text` wrote."""
    return _adapter(kind).validate_json(text)[0]


def result_from(operation: str, text: str) -> object:
    """The result of an operation that `to_text` wrote."""
    return _adapter(_returned(operation)[0]).validate_json(text)[0]


def result_given(operation: str, given: Mapping[str, Any]) -> object:
    """The result of an operation as a person has written it, field by field; raises InvalidInput at the field."""
    try:
        return result_from(operation, json.dumps([dict(given)]))
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"][1:])
        raise InvalidInput(f"result.{place}", problem["msg"]) from None


@cache
def request_kind(operation: str) -> type:
    """The class of what an operation asks."""
    capability = OPERATIONS[operation].capability
    owner: type = ProviderV1 if capability is None else SPEC_CLASSES[capability]
    hints = get_type_hints(getattr(owner, operation))
    kind: type = next(kind for name, kind in hints.items() if name not in ("ctx", "return"))
    return kind


def canonical(request: object) -> str:
    """The one spelling of a request: the same wish always gives the same text."""
    kind: Any = type(request)
    plain = _adapter(kind).dump_python((request,), mode="json")
    return json.dumps([kind.__name__, plain], sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def shown(value: object) -> JsonValue:
    """A request or result as people may see it: hidden fields starred, the rest masked by name and by shape."""
    if not (is_dataclass(value) and not isinstance(value, type)):
        return masked_value("", value)
    return {name: _shown_field(name, getattr(value, name), visible) for name, visible in _fields(type(value))}


@cache
def _fields(kind: Any) -> tuple[tuple[str, bool], ...]:
    """The names of a class's fields, and whether people may see them."""
    return tuple((field.name, field.repr) for field in fields(kind))


@cache
def _of_contract(kind: type) -> bool:
    """Whether a class is one of the contract's own, whose fields say themselves what they hide."""
    return is_dataclass(kind) and kind.__module__.startswith("hub.core.ports")


def _shown_field(name: str, value: object, visible: bool) -> JsonValue:
    if value is None or (type(value) in (str, tuple) and not value):
        return None
    if not visible:
        return masked_value(name, value) if name in _SHOW_END or isinstance(value, bytes) else HIDDEN
    if isinstance(value, tuple):
        return [shown(part) for part in value]
    kind: Any = type(value)
    if _of_contract(kind):
        return shown(value)
    if isinstance(value, Mapping):
        return {str(key): masked_value(str(key), part) for key, part in value.items()}
    return masked_value(name, value)
