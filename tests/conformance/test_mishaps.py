"""What befalls an exchange at the door of a stand-in: before its work or after, and what is left of the answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.sdk.clock import VirtualClock
from hub.sdk.sandbox.faults import BEFORE, CALLBACK, Fault
from hub.sdk.sandbox.transport import InProcessTransport
from hub.testing.mishaps import Mishap
from hub.testing.wire import WireVendor

SAID = {"trade": {"id": "t-1", "status": "paid", "amount": 100, "total": "9.99", "currency": "CNY"}, "paid": True}


class Till(WireVendor):
    """Counts, and signs what it says."""

    done = 0

    def routes(self) -> Sequence[Route]:
        return [Route("/", self._pay, methods=["POST"]), Route("/nothing", self._say_nothing, methods=["POST"])]

    async def settle(self) -> None:
        """Nothing waits."""

    def sealed(self, answer: Response) -> Response:
        answer.headers["x-seal"] = f"seal of {len(answer.body)}"
        return answer

    async def _pay(self, request: Request) -> Response:
        self.done += 1
        return self.sealed(JSONResponse(SAID))

    async def _say_nothing(self, request: Request) -> Response:
        return Response(status_code=204)


async def _asked(till: Till, fault: Fault, path: str = "/", instead: Response | None = None) -> httpx.Response | None:
    till.meets = lambda received: Mishap(fault=fault, instead=instead)
    async with httpx.AsyncClient(transport=InProcessTransport(till.app), base_url="http://till.test") as client:
        try:
            return await client.post(path, content=b"{}")
        except httpx.TransportError:
            return None


@pytest.fixture
def till() -> Till:
    return Till(VirtualClock(datetime(2026, 3, 5, 2, 0, tzinfo=UTC)))


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault not in CALLBACK])
async def test_the_work_is_done_unless_the_fault_comes_before_it(till: Till, fault: Fault) -> None:
    answer = await _asked(till, fault)
    assert (till.done, len(till.received)) == (int(fault not in BEFORE), 1)
    as_it_was = answer is not None and answer.status_code == 200 and answer.content == JSONResponse(SAID).body
    assert as_it_was == (fault is Fault.SLOW) == (till.unspoilt == till.received)


@pytest.mark.parametrize(
    ("fault", "changed"),
    [
        (Fault.WRONG_CURRENCY, {"currency": "USD"}),
        (Fault.WRONG_AMOUNT, {"amount": 101, "total": "9.90"}),
        (Fault.OTHER_REF, {"id": "t-1-not"}),
        (Fault.WRONG_TYPE, {name: [value] for name, value in SAID["trade"].items()}),  # type: ignore[attr-defined]
    ],
)
async def test_what_the_vendor_says_otherwise_is_under_its_own_seal(
    till: Till, fault: Fault, changed: dict[str, object]
) -> None:
    answer = await _asked(till, fault)
    assert answer is not None
    assert answer.json()["trade"] == {**SAID["trade"], **changed}  # type: ignore[dict-item]
    assert answer.headers["x-seal"] == f"seal of {len(answer.content)}"
    assert json.loads(answer.content)["paid"] == ([True] if fault is Fault.WRONG_TYPE else True)


async def test_a_vendor_refuses_in_its_own_words(till: Till) -> None:
    answer = await _asked(till, Fault.PAYMENT_402, instead=JSONResponse({"code": "NO"}, status_code=409))
    assert answer is not None
    assert (answer.status_code, answer.json(), till.done) == (409, {"code": "NO"}, 0)


@pytest.mark.parametrize("fault", [Fault.HUGE_BODY, Fault.EMPTY_BODY, Fault.TRUNCATED_BODY, Fault.WRONG_AMOUNT])
async def test_an_answer_without_content_cannot_be_spoilt(till: Till, fault: Fault) -> None:
    answer = await _asked(till, fault, "/nothing")
    assert answer is not None
    assert (answer.status_code, till.unspoilt) == (204, till.received)
