"""Bodies that the doors take, made from the description of the API, and the many ways in which a body can be bad."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hub.api.app import PREFIX
from tests.api.routes import Door, resolved
from tests.api.rows import Rows
from tests.stories.lease import TERMS

TODAY = "2026-01-05"
AMOUNT = "1000.00"
Path = tuple[str | int, ...]

WORDS: dict[str, Any] = {
    "allocation": ["penalty", "interest", "principal"],
    "bank_code": "ICBC",
    "code": "EAST",
    "commission_rate": "0.01",
    "company_code": "91110108MA01KPGK0L",
    "document_number": "110101199003078515",
    "document_kind": "cn_identity_card",
    "email": "someone@example.com",
    "fee_kind": "insurance",
    "instalment_unit": "0.01",
    "instance": "gps_main",
    "last_four": "2345",
    "login": "somebody",
    "mileage_km": 8,
    "number": "6217000000000012345",
    "password": "a long-enough passphrase, 42",
    "phone": "13912345678",
    "plate": "京A12345",
    "term_months": 6,
    "terminal_id": "T-1",
    "url": "https://hooks.example/in",
    "valid_days": 30,
    "vin": "LFP90WER3T9999999",
}
_WHOLE: dict[str, dict[str, Any]] = {
    "/products": {"code": "DIRECT-B", "name": "another", "terms": TERMS},
    "/products/{product_id}/versions": TERMS,
    "/product-versions/{version_id}": TERMS,
    "/quotes/calculate": {
        "id": "a case",
        "kind": "annuity",
        "inputs": {"principal": "10000.00", "annual_rate_pct": "6", "periods": 12},
        "convention": {"money_rounding": "half_up"},
        "explain": True,
    },
    "/vehicles/{vehicle_id}/movements": {"kind": "transfer_shipped", "reason": "moved"},
}
_DEAL: dict[str, Any] = {
    "car_model": "轩逸 1.6L",
    "car_price": "128000.00",
    "fees": [{"kind": "insurance", "amount": "8000.00", "financed": True}],
    "down_payment": "25600.00",
    "deposit": "6400.00",
    "service_fee": "1500.00",
    "balloon": "0.00",
    "term_months": 6,
    "annual_rate": "0.1188",
    "starts_on": TODAY,
}


def good_body(door: Door, rows: Rows) -> dict[str, Any]:
    """A body that the door takes, every field given, ids from `rows`."""
    assert door.body is not None
    path = door.path.removeprefix(PREFIX)
    if path in _WHOLE:
        return copy.deepcopy(_WHOLE[path])
    made = _example(door.body, "", rows)
    assert isinstance(made, dict)
    return made | (_DEAL if path == "/quotes" else {})


def _example(schema: dict[str, Any], name: str, rows: Rows) -> Any:
    schema = resolved(schema)
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("format") == "uuid":
        return rows.get("branch_id" if name == "parent_id" else name, rows["branch_id"])
    if name in WORDS:
        return WORDS[name]
    match schema.get("type"):
        case "object":
            fields = schema.get("properties", {})
            return {field: _example(inner, field, rows) for field, inner in fields.items()}
        case "array":
            return [_example(schema["items"], name, rows)]
        case "boolean":
            return True
        case "integer":
            return 1
        case "number":
            return "0.01"
        case _:
            return _text(schema)


def _text(schema: dict[str, Any]) -> str:
    by_format = {"date": TODAY, "date-time": f"{TODAY}T01:00:00Z"}
    return AMOUNT if "pattern" in schema else by_format.get(schema.get("format", ""), "some words")


# Bad ones


@dataclass(frozen=True, slots=True)
class Bad:
    """A body with one thing wrong. `must`: it has to be refused; otherwise it only must not break anything."""

    what: str
    body: Any
    must: bool = True
    field: str = ""


NUL, SURROGATE, HUGE = "a\x00b", "\ud800", "x" * 100_000
_WRONG: dict[str, tuple[Any, ...]] = {
    "uuid": ("not-a-uuid", 7, NUL),
    "amount": (12.5, "-1.00", "0.001", "1e5", "9e999999", "NaN", "１２.００", "", NUL, "9" * 17, []),
    "date": ("2026-02-30", "yesterday", [], NUL),
    "date-time": ("2026-02-30T00:00:00Z", "now", [], NUL),
    "password": (7, HUGE, SURROGATE),
    "enum": ("nonsense", 7, NUL, SURROGATE),
    "text": (7, [], NUL, SURROGATE, HUGE),
    "integer": ("many", 1.5, -1, 2**31, 2**200, []),
    "number": ("much", "NaN", "Infinity", "1e400", -1, 10**30, []),
    "boolean": ("maybe", 7),
    "array": ({}, "x", [[]]),
    "object": ([], "x"),
}
_ODD: dict[str, tuple[Any, ...]] = {
    "uuid": ("00000000-0000-0000-0000-000000000000",),
    "amount": ("0.00", "9999999999999999.99"),
    "date": ("0001-01-01", "9999-12-31", 2**40),
    "date-time": ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-01-05T00:00:00", 1e18),
    "text": ("", "\n\r\t\x1b[31m", "%s{0}{name}", "🚗" * 40),
    "integer": (0, 1_000_000),
    "number": (0, 1, "0.123456789"),
    "array": ([],),
}
# Their fields are those of the terms of POST /products.
_SAME_FIELDS = ("/products/{product_id}/versions", "/product-versions/{version_id}")


def bad_bodies(door: Door, good: dict[str, Any]) -> Iterator[Bad]:
    """Every way in which this body can be bad, one at a time."""
    assert door.body is not None
    schema = resolved(door.body)
    yield Bad("unknown field", good | {"surprise": 1}, field="surprise")
    yield Bad("unknown field that no text can hold", good | {SURROGATE: NUL})
    for name in schema.get("required", ()):
        yield Bad(f"without {name}", {key: value for key, value in good.items() if key != name}, field=name)
    for path, inner, nullable in () if door.path.endswith(_SAME_FIELDS) else _leaves(schema, good, ()):
        where, sort = ".".join(map(str, path)), _sort(inner)
        for value in _WRONG[sort]:
            yield Bad(f"{where}={_short(value)}", _with(good, path, value))
        for value in _ODD.get(sort, ()):
            yield Bad(f"{where}={_short(value)}", _with(good, path, value), must=False)
        yield Bad(f"{where}=null", _with(good, path, None), must=not nullable)


def _leaves(schema: dict[str, Any], value: Any, path: Path) -> Iterator[tuple[Path, dict[str, Any], bool]]:
    """Every field that the good body has, with its schema and whether it may be null; inner ones too."""
    if isinstance(value, dict):
        for name, inner in schema.get("properties", {}).items():
            if name in value:
                yield from _leaf(inner, value[name], (*path, name))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        yield from _leaves(resolved(schema["items"]), value[0], (*path, 0))


def _leaf(schema: dict[str, Any], value: Any, path: Path) -> Iterator[tuple[Path, dict[str, Any], bool]]:
    nullable = any(one.get("type") == "null" for one in schema.get("anyOf", ()))
    inner = resolved(schema)
    yield path, inner, nullable
    yield from _leaves(inner, value, path)


def _sort(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "enum"
    if schema.get("type") == "string":
        return "amount" if "pattern" in schema else schema.get("format", "text")
    return str(schema["type"])


def _with(body: Any, path: Path, value: Any) -> Any:
    """A copy of the body with one field replaced."""
    copied = copy.copy(body)
    copied[path[0]] = value if len(path) == 1 else _with(copied[path[0]], path[1:], value)
    return copied


def _short(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:20]}… ({len(text)})"
