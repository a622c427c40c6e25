"""What an operator configures: the server, how the way to it is kept secret, and who writes."""

from __future__ import annotations

import ipaddress
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from hub.core.errors import Rejected
from hub.core.provider import Credential, CredentialKind, PluginSettings
from leasehub_sms_smtp.mapping import address, clean


class Security(StrEnum):
    """How the connection is kept secret."""

    TLS = "tls"
    STARTTLS = "starttls"
    PLAIN = "plain"  # to a server on this machine alone


_PORTS = {Security.TLS: 465, Security.STARTTLS: 587, Security.PLAIN: 25}


class SmtpSettings(PluginSettings):
    """Settings of one instance: one server and one sender.

    `ca_file` holds the certificates that sign the server's, where the system's do not. `timeout_s` in seconds, for all
    of one message.
    """

    host: str = Field(min_length=1)
    port: int | None = Field(default=None, ge=1, le=65535)
    security: Security = Security.STARTTLS
    username: str = ""
    password: SecretStr | None = Field(default=None, min_length=1)
    from_address: str
    from_name: str = ""
    reply_to: str = ""
    ca_file: Path | None = None
    max_connections: int = Field(default=5, ge=1, le=100)
    timeout_s: float = Field(default=30.0, gt=0, le=110)

    @field_validator("from_address", "reply_to")
    @classmethod
    def _an_address(cls, value: str) -> str:
        try:
            return address(value) if value else ""
        except Rejected as refused:
            raise ValueError(refused.detail) from None

    @field_validator("from_name")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not clean(value):
            raise ValueError("must be one line without control characters")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not self.from_address:
            raise ValueError("from_address is needed")
        if bool(self.username) != (self.password is not None):
            raise ValueError("username and password belong together")
        if self.security is Security.PLAIN and not _of_this_machine(self.host):
            raise ValueError("security = plain is for a server on this machine (a loopback address) alone")
        return self

    @property
    def used_port(self) -> int:
        """The port: as set, else the usual one."""
        return self.port or _PORTS[self.security]

    def credentials(self) -> tuple[Credential, ...]:
        """The password, when there is one; nobody says when it ends."""
        if self.password is None:
            return ()
        return (Credential(name="password", kind=CredentialKind.SECRET, fingerprint=self.username[:2] + "…"),)


def _of_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
