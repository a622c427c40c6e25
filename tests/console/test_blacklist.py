"""The blacklist: a document is put on it and taken off, and is never shown."""

from __future__ import annotations

from tests.api.rows import Rows
from tests.console.conftest import Reader
from tests.stories.lease import somebody


async def test_a_document_is_put_on_the_blacklist_and_taken_off(rows: Rows, reader: Reader) -> None:
    who = somebody()
    entry = {"document_kind": "cn_identity_card", "number": who.identity, "reason": "forged papers"}
    added = await reader.send("/blacklist/new", **entry)
    assert added.status_code == 303, added.text
    path = added.headers["location"]
    for page in (await reader.see("/blacklist"), await reader.see(path)):
        assert "forged papers" in page
        assert who.identity not in page
    twice = await reader.send("/blacklist/new", **entry)
    assert 'id="wrong-number">this document is on the blacklist already' in twice.text
    assert (await reader.send(f"{path}/do/remove")).status_code == 303
    page = await reader.see(path)
    assert f'href="{path}/do/remove"' not in page
    assert "It is off the blacklist already." in page
