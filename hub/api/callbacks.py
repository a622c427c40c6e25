"""The one way in for providers: a callback is verified, stored and answered; it is applied later."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from hub.api.deps import house_of, public
from hub.core.ports.webhooks import WebhookRequest
from hub.integrations import inbox

router = APIRouter(prefix="/webhooks", tags=["callbacks"])


@router.post("/{instance}", dependencies=[public("a provider proves itself by its signature")])
async def receive(instance: str, request: Request) -> Response:
    """Take a provider's callback; the answer is the exact one that this provider expects."""
    house = house_of(request)
    reply = await inbox.receive(
        house.database,
        house.registry,
        instance=instance,
        request=WebhookRequest(
            method=request.method,
            path=request.url.path,
            query=dict(request.query_params),
            headers={name: ", ".join(request.headers.getlist(name)) for name in request.headers},
            body=await request.body(),
            received_at=house.database.clock.now(),
        ),
    )
    return Response(reply.body, status_code=reply.status, media_type=reply.content_type)
