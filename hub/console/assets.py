"""The files that pages are drawn with: our own style and script, and two libraries from wheels of static files.

Each is served under the first digits of its digest, so a browser may keep it for ever.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

_OWN = Path(__file__).parent / "static"
_KINDS = {".js": "text/javascript", ".css": "text/css", ".png": "image/png", ".svg": "image/svg+xml"}
# Name on our pages, wheel, and place in it.
_OTHERS = (
    ("htmx.js", "js_lib_htmx", "static/htmx/htmx.min.js"),
    ("leaflet.js", "js_lib_leaflet", "static/js_lib_leaflet/leaflet.js"),
    ("leaflet.css", "js_lib_leaflet", "static/js_lib_leaflet/leaflet.css"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file as it is served."""

    name: str
    body: bytes = field(repr=False)
    sha256: str

    @property
    def path(self) -> str:
        """Where the file is served."""
        return f"/assets/{self.sha256[:8]}/{self.name}"

    @property
    def kind(self) -> str:
        """The file's media type."""
        return _KINDS[Path(self.name).suffix]


@cache
def assets() -> Mapping[str, Asset]:
    """Every file by its name."""
    own = [_read(path.name, path) for path in sorted(_OWN.iterdir()) if path.suffix in _KINDS]
    return {asset.name: asset for asset in (*own, *others())}


@cache
def others() -> tuple[Asset, ...]:
    """The files that others have made; a test holds their digests."""
    return tuple(_read(name, _package(wheel) / place) for name, wheel, place in _OTHERS)


def _read(name: str, path: Path) -> Asset:
    body = path.read_bytes()
    return Asset(name=name, body=body, sha256=hashlib.sha256(body).hexdigest())


def _package(wheel: str) -> Path:
    """Where a wheel is installed, without running it."""
    spec = importlib.util.find_spec(wheel)
    assert spec is not None, f"{wheel} is a dependency"
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0])


@cache
def href(name: str) -> str:
    """Where a file is served, by its name."""
    return assets()[name].path
