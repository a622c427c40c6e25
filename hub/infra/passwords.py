"""Passwords: which are strong enough, and their argon2 hashes, made off the event loop. Accounts are in `staff`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from hub.core.errors import InvalidInput

MIN_LENGTH = 12  # Source: OWASP ASVS 5.0, 6.2.1 asks for 8 and recommends more
MAX_LENGTH = 128  # Source: OWASP ASVS 5.0, 6.2.9 asks to take at least 64

# What people choose when twelve characters are asked for; compared without case, spaces and trailing digits or marks.
_COMMON = frozenset(
    {
        "password", "passwordpassword", "administrator", "adminadmin", "adminadminadmin", "leasehub", "leasehubleasehub",
        "qwertyuiop", "qwertyuiopasdf", "qwertyqwerty", "qwerty", "asdfghjkl", "asdfghjklasdf", "zxcvbnm", "zxcvbnmzxcvbnm",
        "iloveyou", "iloveyouiloveyou", "letmeinletmein", "letmein", "welcome", "welcomewelcome", "changeme",
        "changemechangeme", "correcthorsebatterystaple", "trustno", "woaini", "woaininiwoaini", "woaini1314520",
        "a1b2c3d4e5f6", "1q2w3e4r5t6y", "1qaz2wsx3edc", "1qazxsw23edc", "abcdefghijkl", "abcdefghijklm", "abcd1234abcd",
        "qazwsxedcrfv", "q1w2e3r4t5y6", "zaq12wsxcde3", "testtesttest", "passw0rd", "p@ssw0rd", "p@ssword", "mima",
        "footballfootball", "baseballbaseball", "superman", "dragondragon", "monkeymonkey", "princess", "sunshine",
    }
)  # fmt: skip
_TRAILING = "0123456789!@#$%^&*.?_-"

_Result = TypeVar("_Result")
_HASHER = PasswordHash((Argon2Hasher(),))
# 64 MiB and a sixth of a second of a core for each hash: two at a time, so a flood of log-ins starves nobody else.
_THREADS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="password")


def check_strength(password: str, *, login: str = "") -> None:
    """Raise InvalidInput when a password is too short, too long, common, monotonous, or contains the login."""
    plain = "".join(password.split()).lower()
    if len(password) < MIN_LENGTH:
        raise InvalidInput("password", f"needs at least {MIN_LENGTH} characters")
    if len(password) > MAX_LENGTH:
        raise InvalidInput("password", f"may have at most {MAX_LENGTH} characters")
    if plain in _COMMON or plain.rstrip(_TRAILING) in _COMMON or plain.isdecimal():
        raise InvalidInput("password", "is one of those that everybody tries first")
    if len(set(plain)) < 5:
        raise InvalidInput("password", "has too few different characters")
    if len(login) >= 4 and login.lower() in plain:
        raise InvalidInput("password", "contains the login")


async def hashed(password: str) -> str:
    """The argon2id hash of a password, with its parameters and salt. Source: RFC 9106."""
    return await _in_thread(lambda: _HASHER.hash(password))


async def matches(password: str, password_hash: str | None) -> tuple[bool, str | None]:
    """Whether the password is the one hashed, and a better hash to store if the parameters have grown since.

    Without a hash (nobody of that login) it takes the same time and says no.
    """
    return await _in_thread(lambda: _verified(password[:MAX_LENGTH], password_hash))


def _verified(password: str, password_hash: str | None) -> tuple[bool, str | None]:
    nobody = _nobodys_hash()  # made before the branch, so that the first unknown login is not the slow one
    valid, better = _HASHER.verify_and_update(password, password_hash or nobody)
    return (valid, better) if password_hash else (False, None)


@cache
def _nobodys_hash() -> str:
    return _HASHER.hash("nobody has this password")


async def _in_thread(work: Callable[[], _Result]) -> _Result:
    return await asyncio.get_running_loop().run_in_executor(_THREADS, work)
