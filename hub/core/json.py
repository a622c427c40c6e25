"""What JSON can say, as a type: the rim where `Any` would otherwise come in."""

from __future__ import annotations

JsonValue = str | int | bool | None | list["JsonValue"] | dict[str, "JsonValue"]
