"""Where may be connected to: a table of addresses that lead inwards, at the word and at the wire."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx
import pytest

from hub.core.errors import InvalidInput
from hub.infra import destinations as module
from hub.infra.destinations import Destinations, is_public
from hub.infra.transport import make_client

NOWHERE = Destinations()
# Words that lead inwards, or into which two programs read two hosts. Each is refused before anything is looked up.
INWARDS = {
    "loopback": "https://127.0.0.1/",
    "loopback, another": "https://127.8.8.8/",
    "loopback, with a port": "https://127.0.0.1:8443/",
    "short loopback": "https://127.1/",
    "decimal": "https://2130706433/",
    "octal": "https://0177.0.0.1/",
    "octal, all of it": "https://0177.00.00.01/",
    "octal in one": "https://017700000001/",
    "hexadecimal": "https://0x7f.0.0.1/",
    "hexadecimal in one": "https://0x7f000001/",
    "hexadecimal at the end": "https://127.0.0.0x1/",
    "leading zeros": "https://127.000.000.001/",
    "three parts": "https://10.0.1/",
    "too many parts": "https://127.0.0.0.1/",
    "overflow": "https://256.256.256.256/",
    "overflowing number": "https://4294967297/",
    "zero": "https://0/",
    "unspecified": "https://0.0.0.0/",
    "this network": "https://0.1.2.3/",
    "private ten": "https://10.0.0.1/",
    "private 172": "https://172.16.0.1/",
    "private 172, last": "https://172.31.255.255/",
    "private 192": "https://192.168.1.1/",
    "carrier's": "https://100.64.0.1/",
    "a cloud's metadata in the carrier's range": "https://100.100.100.200/latest/meta-data/",
    "metadata": "https://169.254.169.254/latest/meta-data/",
    "metadata in decimal": "https://2852039166/",
    "metadata in hexadecimal": "https://0xa9fea9fe/",
    "link-local": "https://169.254.1.1/",
    "a platform's own service": "https://168.63.129.16/",
    "protocol assignments": "https://192.0.0.192/opc/v2/",
    "documentation": "https://192.0.2.1/",
    "benchmarks": "https://198.18.0.1/",
    "old relays": "https://192.88.99.1/",
    "multicast": "https://224.0.0.1/",
    "reserved": "https://240.0.0.1/",
    "broadcast": "https://255.255.255.255/",
    "v6 loopback": "https://[::1]/",
    "v6 loopback, long": "https://[0:0:0:0:0:0:0:1]/",
    "v6 unspecified": "https://[::]/",
    "v6 mapped": "https://[::ffff:127.0.0.1]/",
    "v6 mapped in hexadecimal": "https://[::ffff:7f00:1]/",
    "v6 mapped metadata": "https://[::ffff:169.254.169.254]/",
    "v6 compatible": "https://[::127.0.0.1]/",
    "v6 link-local": "https://[fe80::1]/",
    "v6 link-local with zone": "https://[fe80::1%25eth0]/",
    "v6 unique local": "https://[fd00:ec2::254]/",
    "v6 unique local, first": "https://[fc00::1]/",
    "v6 site-local": "https://[fec0::1]/",
    "v6 multicast": "https://[ff02::1]/",
    "v6 NAT64": "https://[64:ff9b::7f00:1]/",
    "v6 NAT64, local": "https://[64:ff9b:1::a00:1]/",
    "v6 6to4": "https://[2002:7f00:1::]/",
    "v6 Teredo": "https://[2001:0:7f00:1::]/",
    "v6 documentation": "https://[2001:db8::1]/",
    "v6 broken": "https://[::1/",
    "localhost": "https://localhost/",
    "localhost, loud": "https://LOCALHOST/",
    "localhost, rooted": "https://localhost./",
    "below localhost": "https://anything.localhost/",
    "a name of the house": "https://intranet/",
    "metadata by name": "https://metadata.google.internal/",
    "printer": "https://printer.local/",
    "user": "https://good.example@127.0.0.1/",
    "user and password": "https://a:b@hooks.example/",
    "empty user": "https://@hooks.example/",
    "at, escaped": "https://good.example%40127.0.0.1/",
    "backslash": "https://good.example\\@127.0.0.1/",
    "backslash before": "https:\\\\127.0.0.1/",
    "fragment": "https://127.0.0.1#@good.example/",
    "fragment behind": "https://hooks.example/#x",
    "fullwidth": "https://１２７.０.０.１/",
    "circled": "https://①②⑦.⓪.⓪.①/",
    "ideographic stop": "https://127。0。0。1/",
    "soft hyphen": "https://local\u00adhost/",
    "other letters": "https://gооd.example/",
    "escaped dot": "https://127%2e0.0.1/",
    "escaped letter": "https://%6cocalhost/",
    "line break": "https://hooks.example/\r\nHost: x",
    "tab": "https://hooks\t.example/",
    "space": "https://hooks.example /",
    "nul": "https://hooks.example/\0",
    "no https": "http://hooks.example/",
    "a file": "file:///etc/passwd",
    "gopher": "gopher://127.0.0.1:6379/_INFO",
    "ftp": "ftp://hooks.example/",
    "script": "javascript:alert(1)",
    "nothing before": "//hooks.example/",
    "no host": "https:///path",
    "no host at all": "https://",
    "empty label": "https://hooks..example/",
    "port out of range": "https://hooks.example:99999/",
    "port in letters": "https://hooks.example:https/",
    "nothing": "",
    "endless": "https://hooks.example/" + "x" * 2000,
}
OPEN = (
    "https://hooks.example/in",
    "https://hooks.example:8443/in?a=b&c=%20d",
    "https://xn--bcher-kva.example/",
    "https://8.8.8.8/",
    "https://[2606:4700:4700::1111]/",
    "https://HOOKS.example./in",
    "https://under_score.example/",
)


def test_the_table_is_long_enough() -> None:
    assert len(INWARDS) >= 60
    assert len(set(INWARDS.values())) == len(INWARDS)


@pytest.mark.parametrize("url", INWARDS.values(), ids=INWARDS)
def test_words_that_lead_inwards_are_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        NOWHERE.check(url, "url")
    assert caught.value.field == "url"
    assert "b@hooks" not in caught.value.reason, "an error repeats no password"


@pytest.mark.parametrize("url", OPEN)
def test_public_addresses_are_taken(url: str) -> None:
    NOWHERE.check(url, "url")


@pytest.mark.parametrize("url", INWARDS.values(), ids=INWARDS)
def test_no_client_is_made_for_a_vendor_that_lives_inwards(url: str) -> None:
    if url:
        with pytest.raises(InvalidInput):
            make_client(timeout_s=200, base_url=url, destinations=NOWHERE)


@pytest.mark.parametrize("url", INWARDS.values(), ids=INWARDS)
async def test_the_client_connects_to_none_of_them(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a plugin, or a redirect that it follows, asks of its client; nothing may even be looked up that is an address."""
    connected: list[Any] = []

    async def never(*args: Any, **named: Any) -> Any:
        connected.append(args)
        raise OSError("connected")

    monkeypatch.setattr("aiohttp.connector.aiohappyeyeballs.start_connection", never)
    monkeypatch.setattr(aiohttp.ThreadedResolver, "resolve", _answers("127.0.0.1"))
    async with make_client(timeout_s=20, destinations=NOWHERE) as client:
        with pytest.raises((httpx.HTTPError, httpx.InvalidURL, ValueError)):
            await client.get(url)
    assert connected == []


def _answers(*addresses: str) -> Any:
    """A resolver that answers with these, one a question; the last for ever."""
    left = list(addresses)

    async def resolve(self: Any, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[Any]:
        address = left.pop(0) if len(left) > 1 else left[0]
        asked.append(host)
        return [_found(host, address, port)]

    asked: list[str] = []
    resolve.asked = asked  # type: ignore[attr-defined]
    return resolve


def _found(host: str, address: str, port: int) -> dict[str, Any]:
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return {"hostname": host, "host": address, "port": port, "family": socket.AF_INET, "proto": 0, "flags": flags}


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fe80::1%eth0"]
)
async def test_a_name_that_leads_inwards_is_not_connected_to(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aiohttp.ThreadedResolver, "resolve", _answers(address))
    async with make_client(timeout_s=20, destinations=NOWHERE) as client:
        with pytest.raises(httpx.ConnectError) as caught:
            await client.get("https://rebinding.example/?token=canary")
    assert "canary" not in str(caught.value)


async def test_one_address_that_leads_inwards_spoils_all(monkeypatch: pytest.MonkeyPatch) -> None:
    async def both(self: Any, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[Any]:
        return [_found(host, "8.8.8.8", port), _found(host, "127.0.0.1", port)]

    monkeypatch.setattr(aiohttp.ThreadedResolver, "resolve", both)
    async with make_client(timeout_s=20, destinations=NOWHERE) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("https://both.example/")


@asynccontextmanager
async def _listening(address: str) -> AsyncIterator[tuple[int, list[str]]]:
    """A server on an address that says which of its connections came; it answers anything."""
    came: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(writer.get_extra_info("sockname")[0])
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        writer.close()

    server = await asyncio.start_server(answer, address, 0)
    async with server:
        yield server.sockets[0].getsockname()[1], came


async def test_the_address_that_was_judged_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is open at the first look and loopback at the second: one look for each connection, and that address."""
    monkeypatch.setattr(module, "is_public", lambda address: address == "127.0.0.2")  # stands for the open internet
    resolve = _answers("127.0.0.2", "127.0.0.1")
    monkeypatch.setattr(aiohttp.ThreadedResolver, "resolve", resolve)
    async with _listening("0.0.0.0") as (port, came):
        rebinding = f"http://rebinding.example:{port}/"
        allowed = Destinations(allow_hosts=frozenset())
        monkeypatch.setattr(Destinations, "refusal", lambda self, url: "")  # http, for want of a certificate
        async with make_client(timeout_s=20, destinations=allowed) as client:
            assert (await client.get(rebinding)).status_code == 302, "and the redirect is not followed"
        async with make_client(timeout_s=20, destinations=allowed) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(rebinding)
    assert (came, resolve.asked) == (["127.0.0.2"], ["rebinding.example"] * 2)


async def test_what_is_listed_is_reached_and_nothing_beside_it() -> None:
    async with _listening("127.0.0.1") as (port, came):
        listed = Destinations(allow_hosts=frozenset({f"127.0.0.1:{port}", f"localhost:{port}"}))
        async with make_client(timeout_s=20, base_url=f"http://127.0.0.1:{port}", destinations=listed) as client:
            assert (await client.get("/")).status_code == 302
            assert (await client.get(f"http://localhost:{port}/")).status_code == 302
            for other in (f"http://127.0.0.2:{port}/", "http://127.0.0.1:1/", f"http://[::1]:{port}/"):
                with pytest.raises(httpx.ConnectError, match="not connected"):
                    await client.get(other)
    assert len(came) == 2


async def test_a_redirect_that_somebody_follows_is_judged_again() -> None:
    async with _listening("127.0.0.1") as (port, _):
        listed = Destinations(allow_hosts=frozenset({f"127.0.0.1:{port}"}))
        async with make_client(timeout_s=20, destinations=listed) as client:
            with pytest.raises(httpx.ConnectError, match="not connected"):
                await client.get(f"http://127.0.0.1:{port}/", follow_redirects=True)


def test_a_host_without_a_port_is_listed_for_every_port() -> None:
    listed = Destinations(allow_hosts=frozenset({"psp.internal", "[::1]"}))
    for url in ("http://psp.internal/", "http://psp.internal:8080/x", "https://PSP.internal./", "http://[::1]:9/"):
        listed.check(url, "url")
    for url in ("http://x.psp.internal/", "http://psp.internal.evil.example/", "http://a@psp.internal/"):
        with pytest.raises(InvalidInput):
            listed.check(url, "url")


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses(address: str) -> None:
    assert is_public(address)
