"""`hub plugins new` for all five capabilities: generated, installed with pip, tried by their own tests, and by the hub."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import psycopg
import pytest

from hub.core.provider import Capability
from tests.commands.workshop import VENDOR, generate, install, run

APPLICANTS = """\
reference,applied_on,branch,name,identity_number,phone,bank_code,account_number,monthly_income,channel,car_model,vin,car_price,down_payment,deposit,service_fee,insurance,insurance_financed,purchase_tax,purchase_tax_financed,gps_fee,gps_fee_financed,term_months,annual_rate,method,conduct
A0011,2024-09-05,north,杨欣博,310104197608157328,13900000011,ABC,6217007296503959356,17500.00,,Qin Plus DM-i,LGXYVEC72R3000011,97000.00,19400.00,2910.00,2000.00,8920.79,yes,8584.07,yes,800.00,yes,6,0.0960,equal_instalments,pays_on_time
A0140,2024-09-15,east,吕杰桂,42010619710323914X,13900000140,CCB,6217004799413232700,6000.00,East Lake Cars,Lavida 1.5L,LSVESP3Z7TD000140,112900.00,22580.00,3387.00,1500.00,3664.45,yes,9991.15,yes,1500.00,no,6,0.1188,equal_instalments,unknown_once
"""
HUB_TOML = """
[plugins.{vendor}_payments]
distribution = "leasehub-payments-acme-pay"
[providers.acme]
plugin = "{vendor}_payments"
mode = "sandbox"
allow_hosts = ["127.0.0.1"]
[providers.acme.settings]
base_url = "{address}/payments"
api_key = "sandbox-api-key"
webhook_secret = "sandbox-webhook-secret"
timeout_s = 20
[routes.payments]
default = ["acme"]
"""
STAND_IN = """
[plugins.sandbox_{capability}]
distribution = "leasehub-{dashed}-sandbox"
[providers.{capability}_main]
plugin = "sandbox_{capability}"
mode = "sandbox"
allow_hosts = ["127.0.0.1"]
settings = {{ base_url = "{address}/{capability}", timeout_s = 20 }}
[routes.{capability}]
default = ["{capability}_main"]
"""


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> dict[Capability, Path]:
    """The five, in folders outside the repository."""
    return generate(tmp_path_factory.mktemp("workshop"))


@pytest.fixture(scope="module")
def site(plugins: dict[Capability, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where they are installed."""
    folder = tmp_path_factory.mktemp("site")
    install(list(plugins.values()), folder)
    return folder


@pytest.mark.parametrize("capability", Capability)
def test_a_generated_plugin_passes_its_own_tests_at_gold(
    capability: Capability, plugins: dict[Capability, Path], site: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    run("pytest", "-q", "-p", "no:cacheprovider", f"--conformance-report={report}", site=site, cwd=plugins[capability])
    [standing] = json.loads(report.read_text())["standings"]
    assert (standing["plugin"], standing["tier"]) == (f"{VENDOR}_{capability.value}", "gold")
    assert standing["exemptions"] == {}


def test_an_operator_checks_an_installed_plugin(site: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    said = run("hub", "plugins", "check", f"{VENDOR}_sms", "--report", str(report), site=site, cwd=tmp_path)
    assert f"{VENDOR}_sms 0.1.0, sms: gold" in said
    assert json.loads(report.read_text())["standings"][0]["tier"] == "gold"


@pytest.fixture
def address() -> str:
    """An address where nobody listens yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return f"http://127.0.0.1:{port}"


@pytest.mark.usefixtures("database")
def test_a_generated_payments_plugin_serves_the_demo(
    site: Path, tmp_path: Path, address: str, database_url: str
) -> None:
    others = [capability for capability in Capability if capability is not Capability.PAYMENTS]
    stand_ins = [STAND_IN.format(capability=c.value, dashed=c.value.replace("_", "-"), address=address) for c in others]
    (tmp_path / "hub.toml").write_text(HUB_TOML.format(vendor=VENDOR, address=address) + "".join(stand_ins))
    (tmp_path / "applications.csv").write_text(APPLICANTS)
    said = run(
        *("hub", "demo", "applications.csv", "--until", "2025-04-30"),
        site=site,
        cwd=tmp_path,
        DATABASE_URL=database_url,
        LEASEHUB_CONFIG="hub.toml",
        LEASEHUB_SANDBOX_PORT=address.rpartition(":")[2],
        LEASEHUB_LOG_LEVEL="WARNING",
    )
    with psycopg.connect(database_url) as connection:
        calls = "select operation, count(*) from provider_call where instance = 'acme' and state = 'ok' group by 1"
        made = dict(connection.execute(calls).fetchall())
        ended = connection.execute("select count(*) from contract where state = 'closed'").fetchone()
    assert made["payments_mandate"] == 2, said
    assert made["payments_collect"] >= 12
    assert ended == (2,)
