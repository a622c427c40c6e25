"""Links that somebody else has made: what a provider sends back is drawn as a link only where it leads to a web address.

Anything else, a script in the place of a scheme say, is shown as the text that it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

_SCHEMES = frozenset({"http", "https"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """An address of somebody else's. `host` is where it leads to, None when it must not be followed."""

    text: str
    host: str | None


def outside(text: str) -> Outside:
    """An address that a provider has given, with its host if it may be followed.

    A browser strips spaces and reads a backslash as a slash, and what stands before an `@` looks like a host: an
    address with any of these says one thing and leads to another. A host in letters of other alphabets is followed in
    its own plain form only, `xn--…`.
    """
    return Outside(text=text, host=_host(text))


def _host(text: str) -> str | None:
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in _SCHEMES or not parts.hostname or "@" in parts.netloc:
        return None
    return parts.hostname if port is None else f"{parts.hostname}:{port}"
