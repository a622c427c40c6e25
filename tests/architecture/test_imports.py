"""Four short rules about who may know whom, for what a contract of layers cannot say."""

from __future__ import annotations

import re

import pytest

from tests.architecture import tree

_OPEN_TO_PLUGINS = ("hub.core", "hub.sdk")
# Firms of the five trades, in China and abroad. A word that English needs too (square, line) is not on the list.
_VENDORS = re.compile(
    r"\b(?:aliyun|alibaba|alipay|tencent|tenpay|wechat|weixin|baidu|gaode|amap|huawei|unionpay|lianlian|lakala|pingpp|"
    r"fadada|bestsign|tsign|qiyuesuo|docusign|dropbox|adobe|zhima|baihang|creditsafe|experian|equifax|transunion|schufa|"
    r"twilio|vonage|nexmo|sendgrid|mailgun|sinch|infobip|messagebird|stripe|adyen|paypal|braintree|gocardless|razorpay|"
    r"traccar|wialon|flespi|teltonika|concox|jimi|queclink|samsara|geotab)\b"
    r"|阿里|支付宝|腾讯|微信|百度|高德|华为|银联|连连|拉卡拉|法大大|上上签|契约锁|芝麻信用|百行",
    re.IGNORECASE,
)


def _plugin_packages() -> set[str]:
    return {
        path.split("/")[3]
        for path in tree.modules("plugins/", "contrib/")
        if path.split("/")[3].startswith("leasehub_")
    }


def test_records_are_private_to_their_room() -> None:
    for one in tree.imports("hub/", "plugins/"):
        owner, _, inner = one.name.partition(".records")
        private = owner.startswith(("hub.leasing.", "hub.ledger", "hub.integrations")) and inner[:1] in {"", "."}
        if private and one.name != owner:
            assert tree.dotted(one.path).startswith(f"{owner}."), str(one)


@pytest.mark.parametrize("tests", [False, True], ids=["package", "tests"])
def test_a_plugin_touches_only_core_and_sdk(tests: bool) -> None:
    opened = (*_OPEN_TO_PLUGINS, "hub.testing") if tests else _OPEN_TO_PLUGINS
    for one in tree.imports("plugins/", "contrib/"):
        if one.name.split(".")[0] == "hub" and ("/tests/" in one.path) is tests:
            assert one.name.startswith(tuple(f"{name}." for name in opened)) or one.name in opened, str(one)


def test_nobody_imports_a_plugin() -> None:
    plugins = _plugin_packages()
    for one in tree.imports("hub/", "plugins/", "contrib/"):
        package = one.name.split(".")[0]
        assert package not in plugins or one.path.startswith("hub/") is False and _home(one.path) == package, str(one)


def _home(path: str) -> str:
    """The plugin package that a file belongs to; its tests belong to it too."""
    folder = "/".join(path.split("/")[:3])
    return next(
        name for name in _plugin_packages() if any(known.startswith(f"{folder}/{name}/") for known in tree.files())
    )


def test_no_vendor_is_named_in_the_hub() -> None:
    for path, text in tree.texts().items():
        if path.startswith("hub/"):
            for number, line in enumerate(text.splitlines(), start=1):
                assert not (found := _VENDORS.search(line)), f"{path}:{number} names {found and found.group()}"
