"""The stand-in as a process of its own: it serves, and what it answered is in its books when it is killed."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
from leasehub_payments_sandbox.plugin import descriptor

from hub.core.money import Money
from hub.core.ports.payments import BankAccount, MandateRequest
from hub.sdk.clock import VirtualClock
from hub.testing.contexts import call_context, plugin_context


@asynccontextmanager
async def serving(books: Path) -> AsyncIterator[str]:
    """The stand-in on a free port, killed without warning at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "leasehub_payments_sandbox", "--port", str(port), "--books", str(books)
    )
    try:
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(retries=0)) as client:
            for _ in range(200):
                try:
                    await client.get(f"http://127.0.0.1:{port}/_sandbox/books")
                    break
                except httpx.ConnectError:
                    await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()


async def test_a_killed_vendor_has_lost_nothing(tmp_path: Path) -> None:
    clock = VirtualClock(datetime(2026, 3, 5, tzinfo=UTC))
    account = BankAccount(holder="张三", number="6222020200112233445", bank_code="ICBC")
    request = MandateRequest(payer_ref="p", account=account, limit=Money(100), contract_number="C-1")
    refs = []
    for _ in range(2):
        async with serving(tmp_path) as base_url, httpx.AsyncClient() as http:
            provider = descriptor.factory(descriptor.settings(base_url=base_url), plugin_context(http, clock))
            made = [await provider.payments_mandate(request, call_context(clock, f"m-{n}")) for n in range(20)]  # type: ignore[attr-defined]
            refs.append([mandate.mandate_ref for mandate in made])
            kept = (await http.get(f"{base_url}/_sandbox/books")).json()["mandates"]
    assert refs[0] == refs[1]
    assert len(kept) == 20
