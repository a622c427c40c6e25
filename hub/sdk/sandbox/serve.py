"""Runs a stand-in vendor as a process of its own: `python -m leasehub_<capability>_sandbox --port 8801 --books DIR`."""

from __future__ import annotations

import argparse
from asyncio import Transport
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import uvicorn
from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from hub.sdk.sandbox.answers import CUT_EXTENSION, CutKind
from hub.sdk.sandbox.app import CreateApp, SandboxSettings


class SandboxProtocol(H11Protocol):
    """HTTP on a connection that the vendor can really drop. Give it to uvicorn as `http`."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Offer the application to cut this connection."""
        super().connection_made(transport)
        app = cast(ASGIApp, self.app)

        async def cut(kind: CutKind) -> None:
            if kind is CutKind.DROP:
                transport.abort()

        async def with_cut(scope: Scope, receive: Receive, send: Send) -> None:
            scope["extensions"] = {**scope.get("extensions", {}), CUT_EXTENSION: cut}
            await app(scope, receive, send)

        self.app = with_cut


class MachineClock:
    """The machine's own time: a vendor that runs as a process of its own is handed no clock by the hub."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        return datetime.now(UTC)  # noqa: TID251 (the edge of a process that is no part of the hub)


def main(create_app: CreateApp, capability: str, arguments: Sequence[str] | None = None) -> None:
    """Serve one vendor until it is stopped."""
    asked = _parser(capability).parse_args(arguments)
    settings = SandboxSettings(api_key=SecretStr(asked.api_key), webhook_secret=SecretStr(asked.webhook_secret))
    app = create_app(asked.books, MachineClock(), settings)
    uvicorn.run(app, host=asked.host, port=asked.port, http=SandboxProtocol, log_level="warning", access_log=False)


def _parser(capability: str) -> argparse.ArgumentParser:
    defaults = SandboxSettings()
    parser = argparse.ArgumentParser(description=f"The stand-in {capability} vendor, for tests and demonstrations.")
    parser.add_argument("--host", default="127.0.0.1", help="the control routes ask for no credentials: keep it local")
    parser.add_argument("--port", type=int, default=8800)
    parser.add_argument("--books", type=Path, required=True, help="where the vendor keeps its books")
    parser.add_argument("--api-key", default=defaults.api_key.get_secret_value())
    parser.add_argument("--webhook-secret", default=defaults.webhook_secret.get_secret_value())
    return parser
