"""What others have made and we serve is what it was when we looked at it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import hub.console
from hub.console import assets
from tests.stories.world import World

# From the wheels that requirements.lock pins; the same bytes as the publishers' releases on npm.
SHA256 = {
    "htmx.js": "491955cd1810747d7d7b9ccb936400afb760e06d25d53e4572b64b6563b2784e",
    "leaflet.js": "db49d009c841f5ca34a888c96511ae936fd9f5533e90d8b2c4d57596f4e5641a",
    "leaflet.css": "a7837102824184820dfa198d1ebcd109ff6d0ff9a2672a074b9a1b4d147d04c6",
}


def test_the_others_files_are_those_we_know() -> None:
    assert {asset.name: asset.sha256 for asset in assets.others()} == SHA256


async def test_an_asset_is_served_for_ever_under_its_digest(world: World) -> None:
    async with world.anybody() as client:
        for asset in assets.assets().values():
            answer = await client.get(asset.path)
            assert answer.status_code == 200
            assert hashlib.sha256(answer.content).hexdigest() == asset.sha256
            assert "immutable" in answer.headers["cache-control"]
        assert (await client.get("/assets/00000000/console.css")).status_code == 404


def test_our_own_files_stay_small() -> None:
    sizes = {name: len(asset.body) for name, asset in assets.assets().items()}
    assert sizes["console.css"] < 15_000
    assert sizes["console.js"] < 10_000
    assert sizes["print.css"] + sizes["map.css"] + sizes["map.js"] < 10_000


def test_no_rule_of_ours_is_for_nothing() -> None:
    """Every class that a style sheet knows is said by a template, a desk or a script."""
    rooms = Path(hub.console.__file__).parent
    said = "".join(
        path.read_text() for folder in ("*.py", "templates/*.html", "static/*.js") for path in rooms.glob(folder)
    )
    words = set(re.findall(r"[a-z][\w-]*", said))
    for path in (rooms / "static").glob("*.css"):
        selectors = re.findall(r"[^{};]+(?={)", re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL))
        classes = {name for one in selectors for name in re.findall(r"\.([a-z][\w-]*)", one)}
        assert {name for name in classes if name not in words and not name.startswith("leaflet-")} == set(), path.name
