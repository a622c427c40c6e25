"""In which order the tests of a run take their turns: pure, the collection in and the collection out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress, islice
from typing import TypeVar

_Item = TypeVar("_Item")


def long_first(items: Sequence[_Item], is_long: Sequence[bool], workers: int) -> list[_Item]:
    """The same items, dealt so that every worker begins with its share of the long ones.

    A worker gets its share of the whole in one piece, as long as any other's; who is through takes from the others'
    ends, where a long one would keep everybody waiting.
    """
    long, short = list(compress(items, is_long)), iter(list(compress(items, (not one for one in is_long))))
    ordered: list[_Item] = []
    for worker in range(workers):
        first = long[worker::workers]
        share = (len(items) - len(ordered)) // (workers - worker)
        ordered += [*first, *islice(short, max(share - len(first), 0))]
    return ordered
