"""A real SMTP server of others' making on the loopback address, and one that misbehaves as it is told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from leasehub_sms_smtp.plugin import SmtpMail
from leasehub_sms_smtp.settings import SmtpSettings

from hub.sdk.clock import VirtualClock
from hub.testing.contexts import call_context, plugin_context

START_AT = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
USER, PASSWORD = "rent@lessor.example", "password-made-up-for-tests"


@dataclass(slots=True)
class Post:
    """What the server does with what it is given; `said` is its reply at a command, where it is not the usual one."""

    taken: list[Envelope] = field(default_factory=list)
    said: dict[str, str] = field(default_factory=dict)
    sessions: int = 0
    at_once: int = 0
    most_at_once: int = 0
    wait_s: float = 0.0

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        """A session begins, or begins anew behind TLS."""
        session.host_name = hostname
        self.sessions += 1
        return responses

    async def handle_MAIL(self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]) -> str:
        """A sender."""
        if "MAIL" in self.said:
            return self.said["MAIL"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]) -> str:
        """A receiver."""
        if "RCPT" in self.said:
            return self.said["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        """A text, whole."""
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self.wait_s)
        self.at_once -= 1
        if "DATA" in self.said:
            return self.said["DATA"]
        self.taken.append(envelope)
        return "250 OK: queued"

    def mails(self) -> list[EmailMessage]:
        """What was taken, as another library reads it."""
        found = [BytesParser(EmailMessage, policy=default).parsebytes(_bytes(one)) for one in self.taken]
        return list(found)


def _bytes(envelope: Envelope) -> bytes:
    content = envelope.content
    assert isinstance(content, bytes)
    return content


@dataclass(slots=True, kw_only=True)
class House:
    """Where to send from, and how."""

    clock: VirtualClock
    certificate: Path

    def plugin(self, port: int, **more: object) -> SmtpMail:
        """An instance that speaks to this port."""
        settings = {"host": "localhost", "port": port, "security": "plain", "from_address": USER, **more}
        context = plugin_context(None, self.clock)
        return SmtpMail(SmtpSettings(**settings), context)  # type: ignore[arg-type]

    def ctx(self, key: str = "key-1", limit_s: float = 10.0) -> Any:
        """A call under a key."""
        return call_context(self.clock, key, limit_s=limit_s)

    def tls(self) -> ssl.SSLContext:
        """What the server shows of itself."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        return context


@asynccontextmanager
async def serving(post: Post, tls: ssl.SSLContext | None = None, **more: Any) -> AsyncIterator[int]:
    """An aiosmtpd server on a free port; `tls` from the first byte on."""
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(post, hostname="mx.lessor.example", authenticator=_lets_in, **more), "127.0.0.1", 0, ssl=tls
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def playing(script: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]) -> AsyncIterator[int]:
    """A server that does what a script says."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def _lets_in(server: Any, session: Any, envelope: Any, mechanism: str, data: object) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for localhost that it signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("smtp") / "server.pem"
    written = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(written + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def house(certificate: Path) -> House:
    """A plugin can be made."""
    return House(clock=VirtualClock(START_AT), certificate=certificate)


@pytest.fixture
def post() -> Post:
    """What a server does."""
    return Post()


@pytest.fixture
def serve() -> Any:
    """How a server is started."""
    return serving


@pytest.fixture
def play() -> Any:
    """How a server that misbehaves is started."""
    return playing
