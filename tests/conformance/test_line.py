"""Where a strange status is put into a vendor's answer: under names, and at places of lists."""

from __future__ import annotations

import httpx
import pytest

from hub.testing.kit.line import STRANGE, Trouble, _spoiled

ANSWER = {"Response": {"Set": [{"Code": "Ok"}, {"Code": "Ok"}], "Result": "0"}}


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("Response.Result", {"Set": [{"Code": "Ok"}, {"Code": "Ok"}], "Result": STRANGE}),
        ("Response.Set.0.Code", {"Set": [{"Code": STRANGE}, {"Code": "Ok"}], "Result": "0"}),
        ("Response.Set.2.Code", ANSWER["Response"]),
        ("Response.Set.first.Code", ANSWER["Response"]),
        ("Response.Nothing.Code", ANSWER["Response"]),
    ],
)
def test_a_strange_status_stands_where_the_rig_says(place: str, expected: object) -> None:
    spoiled = _spoiled(Trouble.STRANGE_STATUS, httpx.Response(200, json=ANSWER), place)
    assert spoiled.json() == {"Response": expected}
