"""hub.toml: what it gives, and that every mistake names its place and never a value."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.errors import InvalidInput
from hub.core.money import Money
from hub.core.provider import Capability, Mode
from hub.integrations.configuration import Configuration, PluginEntry, parse
from hub.integrations.routing import Condition, Routes, Rule, Strategy

BASE = """
[plugins.acme_pay]
distribution = "leasehub-payments-acme"
[providers.psp_main]
plugin = "acme_pay"
mode = "sandbox"
required = true
settings = { base_url = "https://vendor.example", timeout_s = 8, api_key = { file = "psp_main_key" } }
[providers.psp_backup]
plugin = "acme_pay"
mode = "live"
"""
ROUTES = """
[routes.payments]
default = ["psp_main", "psp_backup"]
[[routes.payments.rules]]
when = { branch = "north", min_amount = "50000.00" }
use = ["psp_backup"]
"""


def test_a_whole_file() -> None:
    configuration = parse(BASE + ROUTES, {"LEASEHUB_P__PSP_MAIN__API_KEY": "canary", "PATH": "/bin"})
    assert configuration.plugins == {"acme_pay": PluginEntry(name="acme_pay", distribution="leasehub-payments-acme")}
    assert list(configuration.providers) == ["psp_main", "psp_backup"]
    main, backup = configuration.providers.values()
    assert (main.plugin, main.mode, main.required, main.enabled) == ("acme_pay", Mode.SANDBOX, True, True)
    assert main.settings["api_key"] == {"file": "psp_main_key"}
    assert main.overrides == {"api_key": "canary"}
    assert (backup.mode, backup.required, backup.settings, backup.overrides) == (Mode.LIVE, False, {}, {})
    assert configuration.routes == {
        Capability.PAYMENTS: Routes(
            default=("psp_main", "psp_backup"),
            rules=(Rule(when=Condition(branch="north", min_amount=Money.of("50000.00")), use=("psp_backup",)),),
        )
    }
    assert "canary" not in repr(configuration)


def test_an_empty_file_allows_nothing() -> None:
    assert parse("", {}) == Configuration(plugins={}, providers={}, routes={})


def test_strategies_bring_their_figures() -> None:
    weighted = ROUTES + '[routes.sms]\ndefault = ["psp_main"]\nstrategy = "weighted"\nweights = { psp_main = 3 }\n'
    cheapest = '[routes.esign]\ndefault = ["psp_main"]\nstrategy = "cheapest"\ncosts = { psp_main = "0.045" }\n'
    routes = parse(BASE + weighted + cheapest, {}).routes
    assert routes[Capability.SMS].strategy is Strategy.WEIGHTED
    assert routes[Capability.SMS].weights == {"psp_main": 3}
    assert routes[Capability.ESIGN].costs == {"psp_main": Decimal("0.045")}


def test_the_currency_of_a_band_is_the_one_of_the_rule() -> None:
    text = BASE + ROUTES.replace('branch = "north"', 'currency = "EUR"')
    [rule] = parse(text, {}).routes[Capability.PAYMENTS].rules
    assert rule.when == Condition(currency="EUR", min_amount=Money.of("50000.00", "EUR"))


@pytest.mark.parametrize(
    ("old", "new", "field", "reason"),
    [
        (
            "[plugins.acme_pay]",
            "[plugin.acme_pay]",
            "providers.psp_main.plugin",
            "acme_pay is not allowed in [plugins]",
        ),
        ("[plugins.acme_pay]", "[plugins.Acme]", "plugins.Acme", "the name must be small letters"),
        ('distribution = "leasehub-payments-acme"', "", "plugins.acme_pay.distribution", "is missing"),
        ("distribution =", "distribtion =", "plugins.acme_pay.distribution", "is missing"),
        (
            '"acme_pay"\nmode = "live"',
            '"acme_pey"\nmode = "live"',
            "providers.psp_backup.plugin",
            "did you mean acme_pay?",
        ),
        ('mode = "live"', "", "providers.psp_backup.mode", "is missing; one of live, sandbox"),
        ('mode = "live"', 'mode = "sandbx"', "providers.psp_backup.mode", "did you mean sandbox?"),
        ('mode = "live"', "mode = 3", "providers.psp_backup.mode", "must be a text"),
        ("required = true", 'required = "yes"', "providers.psp_main.required", "must be true or false"),
        ("required = true", "requierd = true", "providers.psp_main.requierd", "is not known; did you mean required?"),
        ("required = true", "required = true\nenabled = false", "providers.psp_main.enabled", "cannot be switched off"),
        ("[providers.psp_backup]", "[providers.psp__backup]", "providers.psp__backup", "single underscores"),
        ('mode = "live"', 'mode = "live"\nsettings = 3', "providers.psp_backup.settings", "must be a table"),
        ("[routes.payments]", "[routes.payment]", "routes.payment", "is not a capability; did you mean payments?"),
        ('"psp_main", "psp_backup"]', '"psp_mian"]', "routes.payments.default[0]", "did you mean psp_main?"),
        ('"psp_main", "psp_backup"]', "[1]]", "routes.payments.default[0]", "is not in [providers]"),
        ('"psp_main", "psp_backup"]', '"psp_main", "psp_main"]', "routes.payments.default[1]", "already in the list"),
        ('["psp_main", "psp_backup"]', "[]", "routes.payments.default", "at least one instance"),
        ('use = ["psp_backup"]', "", "routes.payments.rules[0].use", "at least one instance"),
        ('branch = "north"', 'brnch = "north"', "routes.payments.rules[0].when.brnch", "did you mean branch?"),
        ('{ branch = "north", min_amount = "50000.00" }', "{}", "routes.payments.rules[0].when", "says nothing"),
        ('"50000.00"', "50000.0", "routes.payments.rules[0].when.min_amount", "must be a text"),
        ('"50000.00"', '"1.005"', "routes.payments.rules[0].when.min_amount", "must be an amount of CNY"),
        ('"50000.00"', '"2.00", max_amount = "1.00"', "routes.payments.rules[0].when.max_amount", "below min_amount"),
        ('branch = "north"', 'currency = "yuan"', "routes.payments.rules[0].when.currency", "three capital letters"),
        ("default =", 'strategy = "weighted"\ndefault =', "routes.payments.weights", "gives no share"),
        ("default =", "weights = { psp_main = 0.5 }\ndefault =", "routes.payments.weights.psp_main", "whole number"),
        (
            "default =",
            "weights = { psp_man = 1 }\ndefault =",
            "routes.payments.weights.psp_man",
            "did you mean psp_main?",
        ),
        ("default =", 'strategy = "cheapest"\ndefault =', "routes.payments.costs", "is missing"),
        ("default =", "costs = { psp_main = 0.1 }\ndefault =", "routes.payments.costs.psp_main", "as a text"),
        ("default =", 'costs = { psp_main = "free" }\ndefault =', "routes.payments.costs.psp_main", "as a text"),
        ("[[routes.payments.rules]]", "[routes.payments.rules]", "routes.payments.rules", "[[routes.payments.rules]]"),
        ("[plugins.acme_pay]", "[[plugins]]", "plugins", "must be a table"),
        ("[plugins.acme_pay]", "[plugins\n", "hub.toml", "is not TOML"),
    ],
)
def test_every_mistake_names_its_place(old: str, new: str, field: str, reason: str) -> None:
    text = BASE + ROUTES
    assert old in text
    with pytest.raises(InvalidInput) as wrong:
        parse(text.replace(old, new, 1), {})
    assert wrong.value.field == field
    assert reason in wrong.value.reason


def test_an_unknown_part_of_the_file_is_an_error() -> None:
    with pytest.raises(InvalidInput, match=r"provider: is not known; did you mean providers\?"):
        parse('[provider.psp]\nplugin = "acme"', {})


@pytest.mark.parametrize(
    ("variable", "reason"),
    [
        ("LEASEHUB_P__PSP_MIAN__API_KEY", "did you mean LEASEHUB_P__PSP_MAIN__API_KEY?"),
        ("LEASEHUB_P__QQQ__API_KEY", "no instance qqq in [providers]"),
        ("LEASEHUB_P__PSP_MAIN", "must read LEASEHUB_P__<INSTANCE>__<FIELD>"),
        ("LEASEHUB_P____API_KEY", "must read LEASEHUB_P__<INSTANCE>__<FIELD>"),
    ],
)
def test_a_variable_that_nobody_takes_is_an_error(variable: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as wrong:
        parse(BASE, {variable: "canary"})
    assert wrong.value.field == variable
    assert reason in wrong.value.reason
    assert "canary" not in str(wrong.value)


@given(words=st.lists(st.sampled_from([*BASE.split(), *ROUTES.split(), '"x"', "[", "]", "=", "\n", "1"]), max_size=30))
def test_no_text_gets_past_with_another_error(words: list[str]) -> None:
    with contextlib.suppress(InvalidInput):
        parse(" ".join(words), {})
