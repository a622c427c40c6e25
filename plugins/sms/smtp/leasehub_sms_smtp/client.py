"""One connection for each message: opened, used, closed; at most so many at once."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from email.message import EmailMessage
from email.policy import SMTP

import aiosmtplib

from hub.core.errors import Misconfigured, NotSent
from hub.core.provider import CallContext, PluginContext
from hub.sdk.http import seconds_left
from leasehub_sms_smtp.mapping import Phase, error_of
from leasehub_sms_smtp.settings import Security, SmtpSettings

_GOODBYE_S = 1.0


class SmtpClient:
    """Speaks to one server. The library is for one dialogue; it never repeats one."""

    def __init__(self, settings: SmtpSettings, context: PluginContext) -> None:
        self._settings = settings
        self._clock = context.clock
        self._places = asyncio.Semaphore(settings.max_connections)
        self._tls = _trusted(settings)

    async def deliver(self, mail: EmailMessage, sender: str, receiver: str, ctx: CallContext) -> None:
        """Hand a mail over; raises what a failure means in the phase in which it came."""
        content = mail.as_bytes(policy=SMTP.clone(cte_type="7bit"))
        phase = Phase.OPENING
        try:
            async with self._dialogue(ctx) as smtp:
                phase = Phase.SENDER
                await smtp.mail(sender)
                phase = Phase.RECEIVER
                await smtp.rcpt(receiver)
                phase = Phase.TEXT
                await smtp.data(content)
        except Exception as failure:
            raise error_of(failure, phase) from None  # its text repeats what the server has said, and to whom

    async def greet(self, ctx: CallContext) -> None:
        """Open a dialogue, log in, and leave."""
        try:
            async with self._dialogue(ctx) as smtp:
                await smtp.noop()
        except Exception as failure:
            raise error_of(failure, Phase.OPENING) from None

    @contextlib.asynccontextmanager
    async def _dialogue(self, ctx: CallContext) -> AsyncIterator[aiosmtplib.SMTP]:
        limit_s = seconds_left(ctx, self._clock, self._settings.timeout_s)
        ends_at = asyncio.get_running_loop().time() + limit_s
        try:
            async with asyncio.timeout(limit_s / 2):
                await self._places.acquire()
        except TimeoutError:
            raise NotSent("no place came free") from None
        smtp = self._smtp(limit_s)
        try:
            async with asyncio.timeout_at(ends_at):
                await smtp.connect()
                yield smtp
            await _leave(smtp)  # after the deadline's reach: what was taken is taken
        finally:
            smtp.close()
            self._places.release()

    def _smtp(self, limit_s: float) -> aiosmtplib.SMTP:
        held = self._settings
        return aiosmtplib.SMTP(
            hostname=held.host,
            port=held.used_port,
            username=held.username or None,
            password=held.password.get_secret_value() if held.password is not None else None,
            local_hostname=held.from_address.rpartition("@")[2],
            timeout=limit_s,
            use_tls=held.security is Security.TLS,
            start_tls=held.security is Security.STARTTLS,
            tls_context=self._tls,
        )


async def _leave(smtp: aiosmtplib.SMTP) -> None:
    """Say goodbye, without waiting long for the answer; what was handed over stays so."""
    with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
        if smtp.is_connected:
            await smtp.quit(timeout=_GOODBYE_S)


def _trusted(settings: SmtpSettings) -> ssl.SSLContext | None:
    if settings.security is Security.PLAIN:
        return None
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError as failure:
        raise Misconfigured(f"ca_file cannot be read ({type(failure).__name__})") from failure
