"""Acme's words and the hub's, both ways; pure. A status that is not listed counts as accepted, never as more."""

from __future__ import annotations

from hub.core.errors import RetryAdvice
from hub.core.ports.sms import MessageReceipt, MessageRequest, MessageStatus
from hub.core.ports.webhooks import WebhookKind
from hub.sdk.reading import Fields, JsonObject

STATUS = {
    "queued": MessageStatus.ACCEPTED,
    "delivered": MessageStatus.DELIVERED,
    "failed": MessageStatus.UNDELIVERABLE,
}
KINDS = {"message": WebhookKind.MESSAGE}
STATUSES = {word: status.value for word, status in STATUS.items()}
REFUSAL_ADVICE = {"quota_spent": RetryAdvice.OTHER_PROVIDER, "template_unknown": RetryAdvice.OTHER_PROVIDER}

# Why a message was not delivered: Acme's word, the hub's.
FAILURE = {"absent": "unreachable", "no_such_number": "invalid_recipient", "blocked": "blocked_by_recipient"}


def message_body(request: MessageRequest) -> JsonObject:
    """A message in Acme's words."""
    return {
        "channel": request.channel.value,
        "to": request.to,
        "class": request.category.value,
        "template": request.template_id,
        "text": request.body,
        "subject": request.subject,
        "params": dict(request.params),
        "locale": request.locale,
    }


def receipt_of(answer: Fields) -> MessageReceipt:
    """A receipt in the hub's words."""
    failure = answer.optional_text("failure")
    return MessageReceipt(
        message_ref=answer.text("ref"),
        status=STATUS.get(answer.text("status"), MessageStatus.ACCEPTED),
        segments=answer.whole("segments"),
        cost=answer.optional_money("cost"),
        delivered_at=answer.optional_instant("delivered_at"),
        failure=FAILURE.get(failure, "undeliverable") if failure else None,
    )
