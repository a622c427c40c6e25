"""Acme's words in the hub's: add a recorded answer for every status, with every name and number replaced."""

from __future__ import annotations

from leasehub_capability_acme import mapping


def test_every_kind_of_callback_is_named_in_small_letters() -> None:
    assert mapping.KINDS
    assert all(word == word.lower() for word in (*mapping.KINDS, *mapping.STATUSES))
