"""The vault and its keyring: what is sealed opens where it stands and nowhere else, across rotations and processes."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.errors import Conflict, InvalidInput
from hub.infra.keyring import Keyring, load_keyring, load_or_create_keyring, retire_key, rotate_keyring
from hub.infra.vault import KeyVault, key_id_of

ROW = UUID("01900000-0000-7000-8000-000000000001")


@pytest.fixture
def vault() -> KeyVault:
    return KeyVault(Keyring.fresh())


@given(text=st.text(), column=st.text(), row=st.uuids())
def test_what_is_sealed_opens_in_its_place(text: str, column: str, row: UUID) -> None:
    vault = KeyVault(Keyring.fresh())
    sealed = vault.seal(text, column=column, row=row)
    assert vault.open(sealed, column=column, row=row) == text
    assert len(sealed) == 5 + 12 + len(text.encode()) + 16


def test_a_value_moved_to_another_row_or_column_does_not_open(vault: KeyVault) -> None:
    sealed = vault.seal("13812345678", column="party.phone", row=ROW)
    for column, row in (("party.phone", uuid4()), ("party.document", ROW), ("", ROW)):
        with pytest.raises(ValueError, match="another place"):
            vault.open(sealed, column=column, row=row)


@given(at=st.integers(min_value=0, max_value=43), bit=st.integers(min_value=0, max_value=7))
def test_a_value_with_one_bit_changed_does_not_open(at: int, bit: int) -> None:
    vault = KeyVault(Keyring.fresh())
    sealed = bytearray(vault.seal("13812345678", column="party.phone", row=ROW))
    assert len(sealed) == 44
    sealed[at] ^= 1 << bit
    with pytest.raises(ValueError, match=r"changed|not hold|not a sealed"):
        vault.open(bytes(sealed), column="party.phone", row=ROW)


@pytest.mark.parametrize("cut", [0, 1, 5, 16, 32])
def test_a_stump_is_no_sealed_value(vault: KeyVault, cut: int) -> None:
    with pytest.raises(ValueError, match="not a sealed value"):
        vault.open(vault.seal("", column="a.b", row=ROW)[:cut], column="a.b", row=ROW)


def test_the_same_text_is_never_sealed_alike(vault: KeyVault) -> None:
    assert len({vault.seal("x", column="a.b", row=ROW) for _ in range(100)}) == 100


def test_the_nonce_comes_from_the_source_that_is_handed_in() -> None:
    vault = KeyVault(Keyring.fresh(), random_bytes=lambda count: b"\x07" * count)
    assert vault.seal("x", column="a.b", row=ROW)[5:17] == b"\x07" * 12


def test_the_blind_index_is_keyed_and_separate_for_each_kind(vault: KeyVault) -> None:
    index = vault.blind_index("phone", "+8613812345678")
    assert index == vault.blind_index("phone", "+8613812345678")
    assert len(index) == 32
    assert index != vault.blind_index("document", "+8613812345678")
    assert vault.blind_index("ab", "c") != vault.blind_index("a", "bc")
    assert index != KeyVault(Keyring.fresh()).blind_index("phone", "+8613812345678")


def test_a_rotation_seals_anew_and_still_opens_what_was_sealed_before(vault: KeyVault) -> None:
    before = vault.seal("x", column="a.b", row=ROW)
    index = vault.blind_index("phone", "1")
    assert vault.rotate() == 2
    after = vault.seal("x", column="a.b", row=ROW)
    assert (key_id_of(before), key_id_of(after)) == (1, 2)
    assert vault.open(before, column="a.b", row=ROW) == vault.open(after, column="a.b", row=ROW) == "x"
    assert vault.blind_index("phone", "1") == index


def test_resealing_puts_a_value_under_the_active_key_once(vault: KeyVault) -> None:
    old = vault.seal("x", column="a.b", row=ROW)
    vault.rotate()
    fresh = vault.reseal(old, column="a.b", row=ROW)
    assert fresh is not None
    assert key_id_of(fresh) == 2
    assert vault.open(fresh, column="a.b", row=ROW) == "x"
    assert vault.reseal(fresh, column="a.b", row=ROW) is None


def test_the_active_key_cannot_leave_the_ring_and_another_can() -> None:
    ring = Keyring.fresh().rotated()
    with pytest.raises(Conflict):
        ring.without(2)
    smaller = ring.without(1)
    assert set(smaller.data_keys) == {2}
    with pytest.raises(ValueError, match="does not hold"):
        KeyVault(smaller).open(KeyVault(Keyring.fresh()).seal("x", column="a.b", row=ROW), column="a.b", row=ROW)


def test_no_key_shows_in_a_repr() -> None:
    ring = Keyring.fresh(lambda count: b"K" * count)
    assert "KKKK" not in repr(ring)
    assert "KKKK" not in repr(vars(KeyVault(ring)))


def test_the_first_start_makes_a_keyring_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "keyring.json"
    ring = load_or_create_keyring(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create_keyring(path) == ring == load_keyring(path)
    assert os.listdir(path.parent) == ["keyring.json"]


def test_processes_that_race_for_the_first_start_share_one_keyring(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        made = pool.map(load_or_create_keyring, [tmp_path / "keyring.json"] * 12, chunksize=1)
    assert len({ring.index_key for ring in made}) == 1


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o604])
def test_a_keyring_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keyring.json"
    load_or_create_keyring(path)
    path.chmod(mode)
    with pytest.raises(InvalidInput, match="chmod 600") as caught:
        load_keyring(path)
    assert caught.value.field == "keyring"


@pytest.mark.parametrize(
    "change",
    [
        lambda page: page.pop("index_key"),
        lambda page: page.update(active=9),
        lambda page: page.update(format=2),
        lambda page: page.update(index_key="c2hvcnQ="),
        lambda page: page.update(index_key="%%%%"),
        lambda page: page.update(data_keys={"zero": "c2hvcnQ="}),
        lambda page: page.update(data_keys=[]),
    ],
)
def test_a_broken_keyring_is_refused_without_showing_it(tmp_path: Path, change: object) -> None:
    path = tmp_path / "keyring.json"
    load_or_create_keyring(path)
    page = json.loads(path.read_text())
    secret = page["data_keys"]["1"]
    assert callable(change)
    change(page)
    path.write_text(json.dumps(page))
    with pytest.raises(InvalidInput) as caught:
        load_keyring(path)
    assert secret not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"\xff\xfe", b'{"format": 1}'])
def test_what_is_no_keyring_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keyring.json"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(InvalidInput, match="not a keyring"):
        load_keyring(path)


def test_a_missing_keyring_is_refused_when_it_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        load_keyring(tmp_path / "keyring.json")


def test_every_process_follows_a_rotation_at_once(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    here, there = KeyVault.at(path), KeyVault.at(path)
    assert here.rotate() == 2
    sealed = here.seal("x", column="a.b", row=ROW)
    assert there.open(sealed, column="a.b", row=ROW) == "x"
    assert key_id_of(there.seal("y", column="a.b", row=ROW)) == 2
    assert there.rotate() == 3
    assert here.active_key_id == 3


def test_rotations_at_once_each_add_their_key(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    load_or_create_keyring(path)
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        pool.map(rotate_keyring, [path] * 9, chunksize=1)
    assert set(load_keyring(path).data_keys) == set(range(1, 11))
    assert retire_key(path, 4).active == 10
    assert 4 not in load_keyring(path).data_keys
