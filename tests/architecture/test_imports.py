"""Short rules about who may know whom, for what a contract of layers cannot say."""

from __future__ import annotations

import re

import pytest

from tests.architecture import tree

# Firms of the five trades, in China and abroad. A word that English needs as well (square, line) is not on the list.
_VENDORS = re.compile(
    r"\b(?:aliyun|alibaba|alipay|tencent|tenpay|wechat|weixin|baidu|gaode|amap|huawei|unionpay|lianlian|lakala|pingpp|"
    r"fadada|bestsign|tsign|qiyuesuo|docusign|adobe|zhima|baihang|creditsafe|experian|equifax|transunion|schufa|"
    r"twilio|vonage|nexmo|sendgrid|mailgun|sinch|infobip|messagebird|stripe|adyen|paypal|braintree|gocardless|razorpay|"
    r"traccar|wialon|flespi|teltonika|concox|jimi|queclink|samsara|geotab)\b"
    r"|阿里|支付宝|腾讯|微信|百度|高德|华为|银联|连连|拉卡拉|法大大|上上签|契约锁|芝麻信用|百行",
    re.IGNORECASE,
)


def test_records_are_private_to_their_room() -> None:
    private = {
        f"{tree.dotted(room)}.records" for room in (*tree.rooms(), "hub/ledger", "hub/integrations", "hub/outgoing")
    }
    for one in tree.imports("hub/", "plugins/"):
        if record := next((name for name in private if f"{one.name}.".startswith(f"{name}.")), None):
            assert tree.dotted(one.path).startswith(record.removesuffix("records")), str(one)


@pytest.mark.parametrize(
    ("part", "opened"),
    [("package", {"core", "sdk"}), ("tests", {"core", "sdk", "testing"})],
)
def test_a_plugin_touches_only_core_and_sdk(part: str, opened: set[str]) -> None:
    """The rig in which a plugin is tried, and the vendor in it, count as tests, though they are shipped for `hub plugins check`."""
    for one in tree.imports("plugins/", "contrib/"):
        top, *below = one.name.split(".")
        tried = "/tests/" in one.path or one.path.endswith(("/conformance.py", "/standin.py"))
        if top == "hub" and tried is (part == "tests"):
            assert below[:1] in [[name] for name in opened], str(one)


def test_nobody_imports_a_plugin_but_itself() -> None:
    packages = {tree.plugin_package(path) for path in tree.modules("plugins/", "contrib/")}
    for one in tree.imports("hub/", "plugins/", "contrib/"):
        if (package := one.name.split(".")[0]) in packages:
            assert tree.plugin_package(one.path) == package, str(one)


def test_no_vendor_is_named_in_the_hub() -> None:
    hub = {path: text for path, text in tree.texts().items() if path.startswith("hub/")}
    named = [f"{path}: {found}" for path, text in hub.items() for found in _VENDORS.findall(text)]
    assert not named
