"""The kit takes a vendor of any kind: respx, a mock, an ASGI application, or a server that really listens."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest
import respx
from leasehub_payments_sandbox.conformance import make
from starlette.types import Receive, Scope, Send

from hub.core.provider import Capability
from hub.testing import Rig
from hub.testing.kit.checks import BY_ID
from hub.testing.kit.runner import Verdict, roads_of, run
from hub.testing.loopback import loopback

Vendor = Callable[[httpx.AsyncBaseTransport], AbstractAsyncContextManager[tuple[httpx.AsyncBaseTransport, str]]]
NAMED = "http://vendor.test"


def _passed_on(inner: httpx.AsyncBaseTransport) -> Callable[[httpx.Request], object]:
    async def answer(request: httpx.Request) -> httpx.Response:
        response = await inner.handle_async_request(request)
        return httpx.Response(response.status_code, content=await response.aread())

    return answer


@asynccontextmanager
async def by_respx(inner: httpx.AsyncBaseTransport) -> AsyncIterator[tuple[httpx.AsyncBaseTransport, str]]:
    router = respx.MockRouter(assert_all_called=False)
    router.route(host="vendor.test").mock(side_effect=_passed_on(inner))
    yield httpx.MockTransport(router.async_handler), NAMED


@asynccontextmanager
async def by_mock(inner: httpx.AsyncBaseTransport) -> AsyncIterator[tuple[httpx.AsyncBaseTransport, str]]:
    yield httpx.MockTransport(_passed_on(inner)), NAMED  # type: ignore[arg-type]


def _application(inner: httpx.AsyncBaseTransport) -> Callable[[Scope, Receive, Send], object]:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        url = httpx.URL(f"{NAMED}{scope['path']}", query=scope["query_string"])
        asked = httpx.Request(scope["method"], url, headers=scope["headers"], content=body)
        answer = await inner.handle_async_request(asked)
        await send({"type": "http.response.start", "status": answer.status_code, "headers": answer.headers.raw})
        await send({"type": "http.response.body", "body": await answer.aread()})

    return app


@asynccontextmanager
async def by_asgi(inner: httpx.AsyncBaseTransport) -> AsyncIterator[tuple[httpx.AsyncBaseTransport, str]]:
    yield httpx.ASGITransport(_application(inner)), NAMED  # type: ignore[arg-type]


@asynccontextmanager
async def by_server(inner: httpx.AsyncBaseTransport) -> AsyncIterator[tuple[httpx.AsyncBaseTransport, str]]:
    async with loopback(_application(inner)) as address, httpx.AsyncHTTPTransport() as transport:  # type: ignore[arg-type]
        yield transport, address


@pytest.mark.parametrize("vendor", [by_respx, by_mock, by_asgi, by_server])
@pytest.mark.parametrize("id_", ["money.exact", "errors.timeout_after", "calls.same_key_once", "errors.refused"])
def test_the_kit_takes_a_vendor_of_this_kind(vendor: Vendor, id_: str) -> None:
    @asynccontextmanager
    async def other() -> AsyncIterator[Rig]:
        async with make() as rig, vendor(rig.vendor) as (transport, address):
            yield dataclasses.replace(rig, vendor=transport, settings={**rig.settings, "base_url": address})

    for road in roads_of(BY_ID[id_]):
        finding = run(BY_ID[id_], Capability.PAYMENTS, other, road, {})
        assert (finding.verdict, finding.reason) == (Verdict.PASSED, "")
