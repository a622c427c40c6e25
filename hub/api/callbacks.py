"""The one way in for providers: a callback is verified, stored and answered; it is applied later.

It is the busiest door of the house, and takes nothing that a model could describe: so it is a plain route of Starlette's
with a bare application behind it, which spares it a quarter of its work.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from hub.api.deps import Public, house_of
from hub.core.ports.webhooks import WebhookRequest
from hub.integrations import inbox

DECLARES = Public("a provider proves itself by its signature")


class Door:
    """Takes a provider's callback; the answer is the exact one that this provider expects."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one callback."""
        answer = await _answer(Request(scope, receive))
        await answer(scope, receive, send)


async def _answer(request: Request) -> Response:
    house = house_of(request)
    reply = await inbox.receive(
        house.database,
        house.registry,
        instance=request.path_params["instance"],
        request=WebhookRequest(
            method=request.method,
            path=request.scope["path"],
            query=dict(request.query_params),
            headers=_headers(request),
            body=await request.body(),
            received_at=house.database.clock.now(),
        ),
    )
    return Response(reply.body, status_code=reply.status, media_type=reply.content_type)


def _headers(request: Request) -> dict[str, str]:
    """Headers by name; what stands several times is one list. Source: RFC 9110, 5.3."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in request.scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


ROUTE = Route("/webhooks/{instance}", Door(), methods=["POST"])
