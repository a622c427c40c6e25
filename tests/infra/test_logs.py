"""Logs: whatever goes in, from us or from a library, comes out masked."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.infra.logs import LogFormat, configure, correlated, correlation_id, logger
from hub.infra.masking import know_secret, masked, masked_text

SECRETS = {
    "identity": "110101199003071234",
    "mobile": "13812345678",
    "with_area": "+8613812345678",
    "card": "6222021234567890123",
    "mail": "zhang.san@example.com",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "key": "sk_live_51Hxyzabcdefgh",
    "ours": "lh_J3mVnUq4bX9kZ0aaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
}


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure(level="DEBUG", stream=stream)
    yield stream
    logging.captureWarnings(False)
    root.handlers[:] = before
    root.setLevel(level)


def _line(written: io.StringIO) -> dict[str, object]:
    line: dict[str, object] = json.loads(written.getvalue().splitlines()[-1])
    return line


def test_a_line_is_json_with_its_time_level_and_name(written: io.StringIO) -> None:
    logger("executor").info("call_finished", instance="psp_main", duration_ms=12.5, count=3)
    line = _line(written)
    assert (line["event"], line["level"], line["logger"]) == ("call_finished", "info", "executor")
    assert (line["instance"], line["count"], line["duration_ms"]) == ("psp_main", 3, 12.5)
    assert str(line["timestamp"]).endswith("Z")


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("way", ["event", "field", "nested", "stdlib", "extra", "exception", "warning", "repr"])
def test_no_way_in_leads_out_unmasked(written: io.StringIO, secret: str, way: str) -> None:
    match way:
        case "event":
            logger("x").info(f"called {secret} again")
        case "field":
            logger("x").info("called", number=secret)
        case "nested":
            logger("x").info("called", request={"body": [{"to": f"<{secret}>"}]})
        case "stdlib":
            logging.getLogger("library").info("called %s", secret)
        case "extra":
            logging.getLogger("library").info("called", extra={"to": secret})
        case "exception":
            try:
                raise ValueError(secret)
            except ValueError:
                logging.getLogger("library").exception("failed")
        case "warning":
            logger("x").warning("called %s", secret)
        case _:
            logger("x").info("called", request=httpx.Request("GET", f"https://vendor/{secret}"))
    assert secret not in written.getvalue()
    assert "called" in written.getvalue() or "failed" in written.getvalue()


@pytest.mark.parametrize(
    "name",
    [
        "password", "new_password", "token", "access_token", "Authorization", "api_key", "apiKey", "secret", "Set-Cookie",
        "signature", "private_key", "holder", "document_number", "phone", "payer_phone", "account_number", "address",
    ],
)  # fmt: skip
def test_a_field_is_masked_by_its_name(written: io.StringIO, name: str) -> None:
    logger("x").info("asked", **{name: "ordinary words"}, headers={name: "ordinary words"})
    assert "ordinary" not in written.getvalue()


@pytest.mark.parametrize("name", ["instance", "state", "amount", "operation", "kind", "tokens_used_by_nobody_s"])
def test_ordinary_fields_stay_readable(name: str) -> None:
    assert masked({name: "plain"})[name] == ("***" if "token" in name else "plain")


@pytest.mark.parametrize(
    "text",
    [
        "POST https://v/pay?token=canary&x=1", "https://user:canary@db/hub", "Authorization: Bearer canary-canary",
        '{"password": "canary"}', "{'api_key': 'canary'}", "client_secret=canary", "phone=canary", "?sig=canary",
        "Authorization: Basic Y2FuYXJ5Y2FuYXJ5", "postgresql://hub:canary@db/hub",
    ],
)  # fmt: skip
def test_credentials_in_text_are_masked(text: str) -> None:
    shown = masked_text(text)
    assert "canary" not in shown
    assert "Y2FuYXJ5" not in shown
    assert "***" in shown


@pytest.mark.parametrize(
    "text",
    [
        "contract 2026-000123 is due on 2026-02-28", "12800.00 CNY", "0190a5b2-7c3d-7e4f-8a9b-0c1d2e3f4a5b",
        "LSVAA4182E2184847", "took 12.5 ms", "https://vendor/v1/collect", "lh_ is our prefix", "sk_ too",
    ],
)  # fmt: skip
def test_ordinary_text_stays_readable(text: str) -> None:
    assert masked_text(text) == text


def test_a_known_secret_is_blotted_out_wherever_it_stands(written: io.StringIO) -> None:
    know_secret("open sesame 42")
    know_secret("short")
    logger("x").info("said open sesame 42!", words=["open sesame 42"])
    logging.getLogger("library").info("a short word, open sesame 42")
    assert "sesame" not in written.getvalue()
    assert "a short word" in written.getvalue()


async def test_of_an_http_librarys_line_the_query_goes_whole(written: io.StringIO) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200))
    async with httpx.AsyncClient(transport=transport) as client:
        await client.get("https://vendor.example/v1/13812345678?anything=canary")
    assert "vendor.example" in written.getvalue()
    assert "canary" not in written.getvalue()
    assert "13812345678" not in written.getvalue()


def test_lines_of_one_request_carry_its_id(written: io.StringIO) -> None:
    with correlated("request-1"):
        logger("x").info("one")
        assert _line(written)["correlation_id"] == "request-1"
        logging.getLogger("library").info("two")
        assert _line(written)["correlation_id"] == "request-1"
    logger("x").info("three")
    assert "correlation_id" not in _line(written)
    assert correlation_id() is None


def test_a_terminal_gets_lines_for_people() -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    try:
        configure(level="WARNING", form=LogFormat.CONSOLE, stream=stream)
        logger("x").info("unseen")
        logger("x").warning("seen", phone="13812345678")
    finally:
        logging.captureWarnings(False)
        root.handlers[:] = before
        root.setLevel(level)
    assert "seen" in stream.getvalue()
    assert "unseen" not in stream.getvalue()
    assert "13812345678" not in stream.getvalue()


def test_without_configuration_lines_are_masked_as_well(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        logger("x").warning("called", phone="13812345678", note="13812345678")
    assert "called" in caplog.text
    assert "13812345678" not in caplog.text


def test_handlers_that_libraries_brought_are_taken_over(written: io.StringIO) -> None:
    library, theirs = logging.getLogger("uvicorn.access"), io.StringIO()
    library.addHandler(logging.StreamHandler(theirs))
    library.propagate = False
    configure(level="INFO", stream=written)
    library.info("GET /?token=canary")
    assert theirs.getvalue() == ""
    assert "GET" in written.getvalue()
    assert "canary" not in written.getvalue()


@given(st.text())
def test_masking_again_changes_nothing(text: str) -> None:
    assert masked_text(masked_text(text)) == masked_text(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_anything_masked_is_json(value: object) -> None:
    json.dumps(masked({"field": value}), allow_nan=False)
