"""Keys are rotated and retired while two processes read and write: no read fails, and in the end the old key is nobody's.

The two processes are two databases over two vaults, each with its own view of one keyring file. People are registered,
revealed, and found by phone and document all the time; three times a new key comes and the old one goes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import pytest
from stdnum.cn import ric

from hub.core.errors import Conflict
from hub.core.identity import DocumentKind
from hub.core.ids import BranchId, PartyId
from hub.infra.access import system
from hub.infra.database import Database
from hub.infra.files import Files
from hub.infra.keyring import load_keyring
from hub.infra.rotation import reseal_everything, retire, rows_under
from hub.infra.vault import KeyVault
from hub.leasing.parties import service as parties
from hub.leasing.parties.rules import RevealPurpose

ROTATIONS, PEOPLE = 3, 60
_ACTOR = system("test")
_CARD = DocumentKind.CN_IDENTITY_CARD


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who was registered, and as what."""

    id: PartyId
    name: str
    document: str
    phone: str


@dataclass
class Office:
    """Those who work at one process."""

    database: Database
    branch: BranchId
    files: Files
    people: list[Person]
    serials: count[int]
    read: int = 0
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self) -> None:
        """Register one person after the other, each with a paper."""
        while not self.stop.is_set():
            await self.register()
            await asyncio.sleep(0)

    async def register(self) -> None:
        """Register one."""
        serial = next(self.serials)
        body = f"11010119900307{serial:03d}"
        document, phone = body + ric.calc_check_digit(body + "0"), f"138{serial:08d}"
        name = f"王{serial}"
        async with self.database.transaction(_ACTOR) as tx:
            party_id = await parties.register_person(
                tx, branch_id=self.branch, name=name, document_kind=_CARD, document_number=document, phone=phone
            )
        self.people.append(Person(party_id, name, document, phone))
        if serial % 10 == 0:
            assert self.files.get(self.files.put(name.encode())) == name.encode()

    async def look(self) -> None:
        """Look everybody up, in every way, again and again."""
        for number in count():
            if self.stop.is_set():
                return
            await self.look_up(self.people[number * 7 % len(self.people)])

    async def look_up(self, person: Person) -> None:
        """In the clear, by phone and by document."""
        async with self.database.transaction(_ACTOR) as tx:
            clear = await parties.reveal_party(tx, person.id, RevealPurpose.SERVICE)
            by_phone = await parties.find_by_phone(tx, phone=person.phone)
            by_document = await parties.find_by_document(tx, kind=_CARD, number=person.document)
        assert (clear.name, clear.document_number, clear.phone[-11:]) == (person.name, person.document, person.phone)
        assert [one.id for one in by_phone] == [person.id]
        assert by_document is not None
        assert by_document.id == person.id
        self.read += 1


@pytest.fixture
async def offices(database: Database, branch: BranchId, tmp_path: Path) -> AsyncIterator[list[Office]]:
    """Two processes with one keyring, one store of papers, and the same people."""
    path, people, serials = tmp_path / "keyring.json", [], count()  # type: ignore[var-annotated]
    vaults = [KeyVault.at(path), KeyVault.at(path)]
    made = [
        Office(replace(database, vault=vault), branch, Files(tmp_path / "files", vault), people, serials)
        for vault in vaults
    ]
    for _ in range(PEOPLE):
        await made[0].register()
    yield made
    for office in made:
        await office.database.scribe.close()


async def test_no_read_fails_and_the_old_key_goes(database: Database, offices: list[Office], tmp_path: Path) -> None:
    working = [asyncio.create_task(work()) for office in offices for work in (office.write, office.look, office.look)]
    keys = KeyVault.at(tmp_path / "keyring.json")  # `hub keys` is a process of its own
    house = replace(database, vault=keys)
    for old in range(1, ROTATIONS + 1):
        before = sum(office.read for office in offices)
        assert keys.rotate() == old + 1
        await reseal_everything(house, keys)
        files = Files(tmp_path / "files", keys)
        files.reseal(keys)
        while sum(office.read for office in offices) < before + 20:
            _raise_what_went_wrong(working)
            await asyncio.sleep(0.01)
        await _retire(house, keys, files, old)
        assert list(load_keyring(tmp_path / "keyring.json").data_keys) == [old + 1]
        assert await rows_under(house, old) == {}
    for office in offices:
        office.stop.set()
    await asyncio.gather(*working)
    print([office.read for office in offices], len(offices[0].people))
    for person in offices[0].people:
        await offices[1].look_up(person)
    newest = await rows_under(house, ROTATIONS + 1)
    assert newest["party.name"] == newest["party_phone.phone"] == len(offices[0].people)


async def _retire(house: Database, keys: KeyVault, files: Files, old: int) -> None:
    """As an operator does it: what somebody was writing just then is put under the new key by a second round."""
    async with asyncio.timeout(120):
        while True:
            try:
                await retire(house, keys, files, old)
            except Conflict:
                await reseal_everything(house, keys)
                files.reseal(keys)
            else:
                return


def _raise_what_went_wrong(working: list[asyncio.Task[None]]) -> None:
    for one in working:
        if one.done():
            one.result()
