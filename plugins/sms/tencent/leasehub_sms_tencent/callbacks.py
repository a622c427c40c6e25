"""Receipts of text messages and calls: who may post them, and what they say; pure.

The vendor signs nothing. A receipt is genuine when the address that it came to carries the word that only the vendor was
given; and even then it only has the hub ask. Source: documents 382/43547 (text messages), 1128/37725 and 1128/37727 (calls).
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from hub.core.errors import UnknownOutcome
from hub.core.ports.sms import MessageStatus
from hub.core.ports.webhooks import WebhookDelivery, WebhookEvent, WebhookKind, WebhookReply, WebhookRequest
from hub.sdk.reading import Fields
from leasehub_sms_tencent.mapping import SHANGHAI, STATUS, VOICE, failure_of

TOKEN = "token"  # noqa: S105 (the name of a parameter)
_TAKEN = WebhookReply(content_type="application/json", body=b'{"result":0,"errmsg":"OK"}')
_NOT_TAKEN = WebhookReply(status=401, content_type="application/json", body=b'{"result":1,"errmsg":"not verified"}')
_WORD = re.compile(r"[A-Za-z0-9:_.-]{1,40}")

# How a call ended. Source: document 1128/37725.
_CALL = {"0": MessageStatus.DELIVERED, "1": MessageStatus.UNDELIVERABLE, "2": MessageStatus.UNDELIVERABLE}
_CALL_FAILURE = {"1": "not_answered", "2": "unreachable"}


def received(request: WebhookRequest, tokens: Iterable[str]) -> WebhookDelivery:
    """A receipt, verified and in the hub's words; what is genuine and cannot be read stays visible."""
    if not _shown(request.query.get(TOKEN, ""), tokens):
        return WebhookDelivery(verified=False, reply=_NOT_TAKEN, reason="the address carries no known token")
    try:
        events = tuple(_events(request.body))
    except (UnknownOutcome, ValueError, RecursionError) as unreadable:
        events = (_unmapped(""),)
        return WebhookDelivery(verified=True, events=events, reply=_TAKEN, reason=type(unreadable).__name__)
    return WebhookDelivery(verified=True, events=events or (_unmapped(""),), reply=_TAKEN)


def _shown(given: str, tokens: Iterable[str]) -> bool:
    """Whether one of the words was shown; every one is tried, each in constant time."""
    found = False
    for token in tokens:
        found |= bool(token) and hmac.compare_digest(token.encode(), given.encode(errors="surrogatepass"))
    return found


def _events(body: bytes) -> Iterator[WebhookEvent]:
    """Text messages come as a list of receipts, calls as one object under the name of its kind."""
    content = json.loads(body)
    if isinstance(content, list):
        for one in Fields({"receipts": content}).each("receipts"):
            yield _of_message(one) if "report_status" in one.content else _unmapped("")
    elif isinstance(content, dict):
        for kind in content:
            yield _of_call(kind, Fields(content).inner(kind))


def _of_message(receipt: Fields) -> WebhookEvent:
    status = STATUS.get(receipt.text("report_status"))
    return WebhookEvent(
        event_id=receipt.text("sid"),
        kind=WebhookKind.MESSAGE,
        subject_ref=receipt.text("sid"),
        status=status.value if status else "",
        occurred_at=_instant(receipt.optional_text("user_receive_time") or ""),
        detail=_detail(receipt.optional_text("errmsg") or "", status is MessageStatus.UNDELIVERABLE),
    )


def _of_call(kind: str, told: Fields) -> WebhookEvent:
    call = told.optional_text("callid") or ""
    if not call or kind not in ("voiceprompt_callback", "voice_failure_callback"):
        return _unmapped(f"{VOICE}{call}" if call else "")
    result = told.text("result") if kind == "voiceprompt_callback" else "2"
    status, failure = _CALL.get(result), _CALL_FAILURE.get(result)
    return WebhookEvent(
        event_id=f"{call}:{kind}",
        kind=WebhookKind.MESSAGE,
        subject_ref=f"{VOICE}{call}",
        status=status.value if status else "",
        occurred_at=_seconds(told.optional_text("accept_time") or "") if result == "0" else None,
        detail={"failure": failure} if failure else {},
    )


def _unmapped(ref: str) -> WebhookEvent:
    return WebhookEvent(event_id=None, kind=WebhookKind.UNMAPPED, subject_ref=ref)


def _detail(word: str, failed: bool) -> dict[str, str]:
    """The carrier's own word, where it is one, and ours for it."""
    if not _WORD.fullmatch(word):
        return {}
    return {"report": word, "failure": failure_of(word)} if failed else {"report": word}


def _instant(text: str) -> datetime | None:
    """A time of day in Shanghai, as instants are written in receipts of text messages."""
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI).astimezone(UTC)
    except ValueError:
        return None


def _seconds(text: str) -> datetime | None:
    return datetime.fromtimestamp(int(text), UTC) if text.isascii() and text.isdigit() and len(text) <= 11 else None
