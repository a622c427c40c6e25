"""The kit itself: every check can fail, and says what is wrong; exemptions and the report tell the truth."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from leasehub_payments_sandbox.conformance import make

from hub.core.hookspecs import ProviderV1
from hub.core.provider import Capability
from hub.testing import conformance, exempt
from hub.testing.kit import report
from hub.testing.kit.catalogue import Tier, Where
from hub.testing.kit.checks import ALL, BY_ID
from hub.testing.kit.rig import Rig
from hub.testing.kit.roads import IN_PROCESS, roads
from hub.testing.kit.runner import Finding, Verdict, run
from tests.conformance.bad_payments import BAD, collecting

pytest_plugins = ["pytester"]


def _run(id_: str, *, road: str | None = None, reason: str = "", **more: object) -> Finding:
    one = BY_ID[id_]
    exemptions = {id_: exempt(id_, reason)} if reason else {}
    on = road or ("plain" if one.where is Where.SOCKETS else IN_PROCESS)
    return run(one, Capability.PAYMENTS, more.get("make", BAD[id_]), on, exemptions)  # type: ignore[arg-type]


def test_every_check_has_a_plugin_that_must_fail_it() -> None:
    assert set(BAD) == set(BY_ID)
    assert len(BY_ID) == len(ALL)


@pytest.mark.parametrize("id_", BY_ID)
def test_a_check_fails_for_the_plugin_that_is_wrong_there(id_: str) -> None:
    finding = _run(id_)
    assert finding.verdict is Verdict.FAILED, finding.reason
    assert finding.reason
    assert not finding.reason.startswith(("TypeError", "AttributeError", "NameError", "KeyError: 'webhook"))


@pytest.mark.parametrize("road", ["plain", "aiohttp"])
@pytest.mark.parametrize("id_", ["errors.timeout_after", "errors.dropped_after", "errors.refused", "errors.huge"])
def test_a_wrong_error_is_found_on_every_transport(id_: str, road: str) -> None:
    assert _run(id_, road=road).verdict is Verdict.FAILED


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.id)
def test_a_check_says_what_must_hold_and_why(one: object) -> None:
    assert one.sentence.endswith(".")  # type: ignore[attr-defined]
    assert one.reason.endswith(".")  # type: ignore[attr-defined]


def test_the_hubs_transports_are_found() -> None:
    assert list(roads()) == [IN_PROCESS, "aiohttp", "plain"]


def test_an_exemption_shows_its_reason_and_one_that_is_not_needed_fails() -> None:
    shown = _run("webhooks.stale", reason="the vendor signs no time")
    assert (shown.verdict, shown.reason) == (Verdict.EXEMPT, "the vendor signs no time")
    needless = _run("webhooks.stale", reason="the vendor signs no time", make=make)
    assert needless.verdict is Verdict.FAILED
    assert "not needed" in needless.reason


def test_a_plugin_that_says_it_speaks_to_nobody_must_not() -> None:
    @asynccontextmanager
    async def silent() -> AsyncIterator[Rig]:
        async with make() as rig:
            yield dataclasses.replace(rig, on_a_line=False)

    assert _run("errors.refused", make=silent).verdict is Verdict.NOT_APPLICABLE
    spoke = _run("calls.client", make=silent)
    assert spoke.verdict is Verdict.FAILED
    assert "speaks to somebody" in spoke.reason


def test_an_exemption_names_a_check_and_a_reason() -> None:
    with pytest.raises(ValueError, match="there is no check"):
        exempt("webhooks.stael", "a typing mistake")
    with pytest.raises(ValueError, match="say why"):
        exempt("webhooks.stale", " ")


def test_only_a_capability_can_be_tested() -> None:
    with pytest.raises(ValueError, match="ProviderV1 is none of"):
        conformance(ProviderV1, make=make)


def _standing(*verdicts: tuple[Tier, Verdict]) -> Tier | None:
    who = {"plugin": "p", "version": "1", "capability": "sms", "id": "x", "reason": ""}
    [standing] = report.standings([{**who, "tier": tier.value, "verdict": verdict.value} for tier, verdict in verdicts])
    return standing.tier


def test_a_tier_is_reached_when_it_and_those_before_have_no_failure() -> None:
    passed, failed = Verdict.PASSED, Verdict.FAILED
    assert _standing((Tier.BRONZE, passed), (Tier.SILVER, passed), (Tier.GOLD, passed)) is Tier.GOLD
    assert _standing((Tier.BRONZE, passed), (Tier.SILVER, passed), (Tier.GOLD, failed)) is Tier.SILVER
    assert _standing((Tier.BRONZE, failed), (Tier.SILVER, passed), (Tier.GOLD, passed)) is None
    assert _standing((Tier.BRONZE, passed), (Tier.SILVER, Verdict.EXEMPT), (Tier.GOLD, passed)) is Tier.GOLD


def test_pytest_runs_the_kit_and_writes_the_report(
    pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    pytester.makepyfile(
        """
        from leasehub_payments_sandbox.conformance import make
        from hub.core.hookspecs import PaymentsV1
        from hub.testing import conformance, exempt
        from hub.testing.kit.checks import BY_ID
        from tests.conformance.bad_payments import BAD

        some = [BY_ID[id_] for id_ in ("card.shape", "webhooks.stale", "health.well")]
        TestGood = conformance(PaymentsV1, make=make, checks=some)
        TestExempt = conformance(
            PaymentsV1, make=BAD["webhooks.stale"], checks=some,
            exemptions=[exempt("webhooks.stale", "the vendor signs no time")],
        )
        TestBad = conformance(PaymentsV1, make=BAD["webhooks.stale"], checks=some)
        """
    )
    file = tmp_path / "report.json"
    result = pytester.runpytest_subprocess("--conformance-report", str(file), "-p", "no:cacheprovider")
    result.assert_outcomes(passed=7, failed=1, xfailed=1)
    result.stdout.fnmatch_lines(["*webhooks.stale*gold*is believed*", "*sandbox_payments*silver*"])
    found = json.loads(file.read_text())
    assert found["standings"][0]["exemptions"] == {"webhooks.stale": "the vendor signs no time"}
    assert len(found["findings"]) == 9


def test_a_plugin_that_never_answers_for_itself_is_no_reason_to_wait() -> None:
    async def hang(provider: object, request: object, ctx: object) -> object:
        import asyncio

        return await asyncio.Event().wait()

    finding = _run("errors.late", make=collecting(hang))
    assert finding.verdict is Verdict.FAILED
