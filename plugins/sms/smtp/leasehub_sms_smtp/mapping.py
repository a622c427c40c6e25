"""A message as mail, and a server's replies in the contract's errors; pure.

Sources: RFC 5321 (4.2 replies, 4.5.3 lengths), RFC 5322 (message), RFC 3463 (enhanced codes), RFC 3834 (Auto-Submitted).
"""

from __future__ import annotations

import hashlib
import re
import ssl
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from enum import Enum, auto

import aiosmtplib

from hub.core.errors import (
    AuthFailed,
    Misconfigured,
    NotSent,
    ProviderError,
    RateLimited,
    Rejected,
    RetryAdvice,
    UnknownOutcome,
)
from hub.core.ports.sms import MessageChannel, MessageRequest

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9-]{1,64}")
_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
_LONGEST_ADDRESS, _LONGEST_LOCAL = 254, 64
_POLICY = SMTP.clone(cte_type="7bit")  # every server takes it


class Phase(Enum):
    """How far the dialogue has come: until the text is under way nothing can have been accepted."""

    OPENING = auto()  # connection, greeting, TLS, login
    SENDER = auto()
    RECEIVER = auto()
    TEXT = auto()


# The message


def clean(text: str) -> bool:
    """Whether a text may stand in a header: one line, no control character, nothing that is half a character."""
    return not any(ord(letter) < 32 or 127 <= ord(letter) < 160 or 0xD800 <= ord(letter) < 0xE000 for letter in text)


def address(text: str) -> str:
    """One address as it goes over the wire, its domain in ASCII; raises Rejected without repeating it."""
    local, at, domain = text.rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode()
    except UnicodeError:
        ascii_domain = ""
    labels = ascii_domain.split(".")
    whole = f"{local}@{ascii_domain}"
    right = at and _LOCAL.fullmatch(local) and all(_LABEL.fullmatch(label) for label in labels)
    if not right or len(local) > _LONGEST_LOCAL or len(whole) > _LONGEST_ADDRESS:
        raise Rejected("invalid_recipient", "the address is none, or has a name outside ASCII")
    return whole


def message_id(key: str, from_address: str) -> str:
    """The Message-ID: our key where it may stand there, else its hash; always the same for a key."""
    named = key if _PLAIN_KEY.fullmatch(key) else hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    return f"<leasehub.{named}@{from_address.rpartition('@')[2]}>"


def mail_of(
    request: MessageRequest, *, key: str, sent_at: datetime, from_address: str, from_name: str, reply_to: str
) -> EmailMessage:
    """A message as mail; raises Rejected for what is no mail, or would smuggle a header in."""
    if request.channel is not MessageChannel.EMAIL:
        raise Rejected("channel_not_offered", request.channel.value, advice=RetryAdvice.OTHER_PROVIDER)
    if not request.body:
        raise Rejected("template_missing", "a mail needs a ready text", advice=RetryAdvice.OTHER_PROVIDER)
    if not request.subject or not clean(request.subject):
        raise Rejected("subject_invalid", "a subject is one line of text")
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = Address(from_name, addr_spec=from_address)
    mail["To"] = Address(addr_spec=address(request.to))
    if reply_to:
        mail["Reply-To"] = Address(addr_spec=reply_to)
    mail["Subject"] = request.subject
    mail["Date"] = sent_at
    mail["Message-ID"] = message_id(key, from_address)
    mail["Auto-Submitted"] = "auto-generated"
    try:
        mail.set_content(request.body, charset="utf-8")
    except UnicodeError:
        raise Rejected("body_invalid", "the text holds half a character") from None
    mail["Content-Language"] = request.locale if _LABEL.fullmatch(request.locale) else "zh-CN"
    return mail


# What went wrong


def error_of(failure: BaseException, phase: Phase) -> ProviderError:
    """The hub's error for a failure in a phase. A reply is a refusal; no reply to the text is an unknown outcome."""
    if isinstance(failure, ProviderError):
        return failure
    if isinstance(failure, aiosmtplib.SMTPResponseException):
        return _of_reply(failure.code, failure.message, phase)
    kind = type(failure).__name__
    if _chain_has(failure, ssl.SSLCertVerificationError):
        return Misconfigured("the server's certificate is not trusted")
    if phase is Phase.TEXT:
        return UnknownOutcome(f"no reply to the text ({kind})")
    if isinstance(failure, aiosmtplib.SMTPException) and not isinstance(failure, OSError):
        # The library's own no: the server offers neither STARTTLS nor a login that it knows.
        return Misconfigured("the server does not offer STARTTLS or the login that is set")
    return NotSent(f"no dialogue ({kind})")


def _of_reply(code: int, text: str, phase: Phase) -> ProviderError:
    """By the reply's code; of its text only the enhanced code is kept, for it may repeat the address."""
    found = _ENHANCED.match(text)
    shown = f"{code} {found.group(1)}" if found else str(code)
    if code in (530, 534, 535, 538):
        return AuthFailed(shown)
    if code in (450, 452):
        return RateLimited(shown)
    if 400 <= code < 500:
        return NotSent(shown)
    if not 500 <= code < 600:
        return UnknownOutcome(shown) if phase is Phase.TEXT else NotSent(shown)
    if phase in (Phase.OPENING, Phase.SENDER) or code < 510:
        return Misconfigured(shown)  # our server, our sender or our commands: so it will be with every message
    return Rejected(shown)


def _chain_has(failure: BaseException | None, kind: type[BaseException]) -> bool:
    while failure is not None:
        if isinstance(failure, kind):
            return True
        failure = failure.__cause__
    return False
