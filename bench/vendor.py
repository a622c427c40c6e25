"""A payment vendor that costs next to nothing: it settles whatever it is asked, at once or after so many milliseconds.

Run as `python -m bench.vendor PORT`. The path begins with the pause, `/5ms/v1/charges`, so that one server is both the
vendor without a wait of its own and the one that takes as long as a real one in the next room would.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from itertools import count
from typing import cast

from hub.infra import loop

_PAUSE = re.compile(rb"^[A-Z]+ /(\d+)ms")
_ASKED = re.compile(rb"^GET \S*/movements/([^\s?]+)")
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_HEALTH = json.dumps({"status": "up"}).encode()
_references = count(1)


class Vendor(asyncio.Protocol):
    """One connection, which is kept."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody has come."""
        self._transport, self._unread = cast(asyncio.Transport, transport), b""  # uvloop's own is none by its class

    def data_received(self, data: bytes) -> None:
        """Answer every whole request that has arrived."""
        self._unread += data
        while (end := self._unread.find(b"\r\n\r\n")) >= 0:
            head = self._unread[:end]
            length = _LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._unread) < whole:
                return
            self._unread = self._unread[whole:]
            pause = _PAUSE.match(head)
            assert pause is not None, head
            asyncio.get_running_loop().call_later(int(pause[1]) / 1000, self._answer, head)

    def _answer(self, head: bytes) -> None:
        asked = _ASKED.match(head)
        ref = asked[1].decode() if asked else f"mv-{next(_references)}"
        body = _HEALTH if b"/v1/health" in head else _settled(ref)
        kind = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
        self._transport.write(kind + str(len(body)).encode() + b"\r\n\r\n" + body)


def _settled(ref: str) -> bytes:
    return json.dumps(
        {
            "ref": ref,
            "status": "settled",
            "amount": {"minor": 10_000, "currency": "CNY"},
            "settled_at": "2026-01-31T01:00:00+00:00",
        }
    ).encode()


async def serve(port: int) -> None:
    """Serve until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Vendor, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    loop.run(serve(int(sys.argv[1])))
