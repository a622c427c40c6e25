"""What a provider sends back is a link only where it leads to a web address, whose host is in sight."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from sqlalchemy import text

from hub.console.outside import outside
from tests.api.rows import Rows
from tests.console.conftest import Reader
from tests.stories.lease import Lease
from tests.stories.world import World


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://sign.example/e/1?t=2#top", "sign.example"),
        ("HTTP://sign.example:8443/", "sign.example:8443"),
        ("https://xn--80ak6aa92e.example/", "xn--80ak6aa92e.example"),
        ("https://[2001:db8::1]/", "2001:db8::1"),
    ],
)
def test_a_web_address_is_followed_and_its_host_is_shown(address: str, host: str) -> None:
    assert (outside(address).text, outside(address).host) == (address, host)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "sign.example/e/1",
        "//sign.example/e/1",
        "/contracts",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,hello",
        "file:///etc/passwd",
        "ftp://sign.example/",
        "https:///path",
        "https://",
        "https://bank.example@sign.example/",
        "https://bank.example\\@sign.example/",
        "https://sign.example/\u202egpj.exe",
        "https://sígn.example/",
        "https://sign.example/a b",
        "https://sign.example:port/",
        "https://sign.example:99999/",
        "https://[::1/",
        "https://sign.example/\x00",
    ],
)
def test_anything_else_is_shown_and_not_followed(address: str) -> None:
    assert outside(address).host is None


async def sent_out(world: World, rows: Rows) -> Lease:
    """A contract whose papers are out for signature."""
    lease = Lease(world=world, version=rows["version_id"])
    for stage in (lease.register, lease.consent, lease.apply, lease.submit, lease.check_credit, lease.approve):
        await stage()
    await lease.draft()
    await world.people["operations"].post(f"/contracts/{lease.contract}/signature")
    await world.settle()
    return lease


async def test_who_must_sign_is_on_the_papers_with_their_links(world: World, rows: Rows, reader: Reader) -> None:
    lease = await sent_out(world, rows)
    page = await reader.see(f"/contracts/{lease.contract}/documents")
    assert "Who must sign" in page
    [lessee, lessor] = re.findall(
        r'<a id="sign-\d" href="(https://[^"]+)" target="_blank" rel="noopener noreferrer">', page
    )
    assert lessee != lessor
    assert "sign.sandbox.example" in page
    urls = ["javascript:alert(document.cookie)", '"><script>alert(1)</script>']
    async with world.transaction() as tx:
        where = {"urls": urls, "contract": UUID(lease.contract)}
        await tx.execute(text("update envelope set signing_urls = :urls where contract_id = :contract"), where)
    page = await reader.see(f"/contracts/{lease.contract}/documents")
    assert page.count("Not a web address: not followed") == 2
    assert "javascript:alert(document.cookie)</span>" in page
    assert 'href="javascript' not in page
    assert "<script>alert" not in page


async def test_where_the_payer_agrees_stands_at_the_mandate(world: World, rows: Rows, reader: Reader) -> None:
    path = f"/contracts/{rows['contract_id']}/money"
    assert 'id="agree-' not in await reader.see(path)
    [mandate, *_] = await world.people["admin"].get(f"/contracts/{rows['contract_id']}/mandates")
    for url, drawn in (("https://pay.example/m/1", True), ("vbscript:x", False)):
        async with world.transaction() as tx:
            where = {"url": url, "id": UUID(mandate["id"])}
            await tx.execute(text("update mandate set hosted_url = :url, state = 'pending' where id = :id"), where)
        page = await reader.see(path)
        assert (f'href="{url}" target="_blank" rel="noopener noreferrer"' in page) is drawn
        assert ("pay.example</span>" in page) is drawn
        assert ("vbscript:x</span>" in page) is not drawn
