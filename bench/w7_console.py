"""W7, the console's half: every list of the menu as people open it, with its tabs, sorts and next pages; the search; a contract.

Which lists there are is read from the menu, and how one may be looked at from its own links, so that nothing is named
here.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from html import unescape
from urllib.parse import urljoin, urlsplit

import httpx

from bench.ground import Ground
from bench.measure import Report, percentile, spent
from hub.console.menu import MENU
from tests.api.rows import Rows
from tests.console.conftest import enter
from tests.stories.world import World

GOAL_S, SEARCH_S, CONTRACT_S = 0.03, 0.02, 0.06
_LINK = re.compile(r'href="([^"]+)"')
_FILTER = re.compile(r'<select id="filter-[^"]+" name="([^"]+)">(.*?)</select>', re.DOTALL)
_OPTION = re.compile(r'value="([^"]+)"')
_MOST_WAYS, _MOST_OPTIONS = 12, 5


async def look(
    ground: Ground, world: World, rows: Rows, logins: tuple[str, ...], report: Report, dearest: Callable[[], str]
) -> list[bool]:
    """Open every page as each of these people; whether each was too slow. `dearest` tells of the queries since."""
    people = [await enter(world, login) for login in logins]
    clients = [one.http for one in people]
    slow = []
    for path in (entry.path for group in MENU for entry in group.entries):
        every = [way for client in clients for way in await ways(client, path)]
        slow.append(await _timed(ground, report, f"console {path}", every, GOAL_S, dearest))
    [[number]] = ground.ask(f"select number from contract where id = '{rows['contract_id']}'")
    asked = [(clients[0], f"/search?q={text}") for text in (number, "13800138000", "110101199003070070")]
    slow.append(await _timed(ground, report, "console search by blind index", asked, SEARCH_S, dearest))
    page = [(clients[0], f"/contracts/{rows['contract_id']}")]
    slow.append(await _timed(ground, report, "console page of a contract", page, CONTRACT_S, dearest))
    for client in clients:
        await client.aclose()
    return slow


async def ways(client: httpx.AsyncClient, path: str) -> list[tuple[httpx.AsyncClient, str]]:
    """The page itself, where its own links to itself lead (tabs, sorts, the next page), and each choice of its filters."""
    answer = await client.get(path)
    links = [urljoin(path, unescape(link)) for link in _LINK.findall(answer.text)]
    own = [link for link in dict.fromkeys(links) if urlsplit(link).path == path and urlsplit(link).query]
    chosen = [
        f"{path}?{name}={value}"
        for name, options in _FILTER.findall(answer.text)
        for value in _OPTION.findall(options)[:_MOST_OPTIONS]
    ]
    return [(client, way) for way in [path, *own[:_MOST_WAYS], *chosen]]


async def _timed(
    ground: Ground,
    report: Report,
    what: str,
    ways: list[tuple[httpx.AsyncClient, str]],
    goal: float,
    dearest: Callable[[], str],
) -> bool:
    times = []
    worked = time.process_time()
    for client, way in ways:
        for _ in range(ground.size(1, 5)):
            started = time.perf_counter()
            answer = await client.get(way)
            times.append(time.perf_counter() - started)
            assert answer.status_code in (200, 303), (way, answer.status_code)
    p95 = percentile(times, 0.95)
    told = f"p95 {p95 * 1000:.1f} ms, {spent(times, worked)}, {dearest()}"
    report.line(what, told, f"<= {goal * 1000:.0f} ms", p95 <= goal)
    return p95 > goal
