"""An action that is off stays off: whoever sends its form all the same is told why, and nothing is done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from fastapi import APIRouter

from hub.console import app
from hub.console.actions import Action, add_action
from hub.console.subject import Subject
from tests.api.rows import Rows
from tests.console.conftest import Reader
from tests.console.test_shell import SUBJECTS
from tests.stories.world import World

WHY = "The ink is not dry yet."


def subjects() -> list[Subject[Any]]:
    """Every object page that a desk declares."""
    desks = [one for one in vars(app).values() if hasattr(one, "router")]
    return [one for desk in desks for one in vars(desk).values() if isinstance(one, Subject)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """An action with the page that it is declared on."""

    subject: Subject[Any]
    action: Action[Any]

    def __str__(self) -> str:
        return f"{self.subject.path}/{self.action.key}"


VERBS = [Verb(subject=subject, action=action) for subject in subjects() for action in subject.actions]
STATES = {
    "off": {"off": lambda view: WHY, "fits": lambda view: True},
    "out": {"off": lambda view: None, "fits": lambda view: False},
}
SAID = {"off": WHY, "out": "This cannot be done in the state in which it is now."}


async def _never(*_: object) -> None:
    raise AssertionError("it was performed")


def _shut(verb: Verb) -> Iterator[tuple[Subject[Any], Action[Any]]]:
    """The action as it is declared, but for its state: every form of it is complete, and nothing is left to be done."""
    for name, state in STATES.items():
        subject = replace(verb.subject, path=f"/{name}{verb.subject.path}")
        yield subject, replace(verb.action, perform=_never, fields=(), fields_for=None, **state)


@pytest.fixture(scope="module")
async def shut(world: World, reader: Reader) -> AsyncIterator[httpx.AsyncClient]:
    """A console in which nothing can be done now, under `/off` and `/out`."""
    router = APIRouter()
    for verb in VERBS:
        for subject, action in _shut(verb):
            add_action(router, subject, action)
    console = app.create_console(world.hub.house)
    console.include_router(router)
    transport = httpx.ASGITransport(app=console)
    async with httpx.AsyncClient(transport=transport, base_url=world.address, cookies=reader.http.cookies) as client:
        yield client


def test_actions_are_found() -> None:
    assert {verb.subject.path for verb in VERBS} <= set(SUBJECTS)
    assert len(VERBS) > 50


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("verb", VERBS, ids=str)
async def test_what_is_off_is_refused_with_its_reason(
    shut: httpx.AsyncClient, reader: Reader, rows: Rows, verb: Verb, state: str
) -> None:
    path = f"/{state}{verb.subject.path}/{rows[SUBJECTS[verb.subject.path]]}/do/{verb.action.key}"
    asked = await shut.get(path)
    assert (asked.status_code, SAID[state] in asked.text) == (200, True)
    assert 'method="post" enctype' not in asked.text
    for seen in ("", "yes"):
        answer = await shut.post(path, data={"form_key": reader.form_key, "seen": seen})
        assert (answer.status_code, SAID[state] in answer.text) == (422, True), answer.text[-600:]
