"""In which order the tests of a run take their turns: pure, the collection in and the collection out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

_Item = TypeVar("_Item")


def long_first(items: Sequence[_Item], files: Sequence[str], is_long: Sequence[bool]) -> list[_Item]:
    """The same items, those of a file with a long test before the others, else in their order.

    A file is dealt out whole, to whoever is free, since its tests share what they stand on; one that takes long keeps
    everybody waiting when it is dealt last.
    """
    first = {file for file, long in zip(files, is_long, strict=True) if long}
    order = sorted(range(len(items)), key=lambda number: files[number] not in first)
    return [items[number] for number in order]
