"""The world of the stories with real plugins: each vendor's stand-in, with its own wire protocol, at its own address.

One bureau, one house of signatures, one server of trackers, two vendors of messages and two of payments, the second of
each behind the first; no sandbox is among them. What waits for people and for time happens when time passes (`wait`,
`live_through`).
"""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import httpx
from leasehub_credit_bureau_aliyun import conformance as bureau
from leasehub_credit_bureau_aliyun.standin import AliyunVendor as AliyunBureau
from leasehub_esign_tencent import conformance as esign
from leasehub_esign_tencent.standin import TencentEss
from leasehub_gps_tracker_traccar import conformance as traccar
from leasehub_gps_tracker_traccar.callbacks import SECRET as FORWARDED_WITH
from leasehub_gps_tracker_traccar.standin import TraccarVendor
from leasehub_payments_alipay import conformance as alipay
from leasehub_payments_alipay.standin import AlipayVendor
from leasehub_payments_wechatpay import conformance as wechatpay
from leasehub_payments_wechatpay.standin import WechatVendor
from leasehub_sms_aliyun import conformance as aliyun
from leasehub_sms_aliyun.standin import AliyunVendor as AliyunSms
from leasehub_sms_tencent import conformance as tencent
from leasehub_sms_tencent.standin import TencentMessenger
from starlette.types import Message, Receive, Scope, Send

from hub.core.money import Money
from hub.core.provider import ENTRY_POINT_GROUP, PluginDescriptor
from hub.sdk.clock import VirtualClock
from hub.sdk.sandbox.answers import CUT_EXTENSION, CutKind
from hub.testing.kit.bench import secrets_in
from hub.testing.loopback import loopback
from hub.testing.wire import Received, WireVendor
from tests.stories.world import Door, World, hub_settings, open_house

ROUTES = {
    "credit_bureau": ("bureau_main",),
    "sms": ("sms_main", "sms_second"),
    "gps_tracker": ("gps_main",),
    "esign": ("esign_main",),
    "payments": ("psp_main", "psp_second"),
}
PLUGINS = {
    "bureau_main": "aliyun_credit_bureau",
    "sms_main": "aliyun_sms",
    "sms_second": "tencent_sms",
    "gps_main": "traccar_gps",
    "esign_main": "tencent_esign",
    "psp_main": "alipay_payments",
    "psp_second": "wechatpay_payments",
}
SEALED = "1110"  # the template of Tencent's stand-in that takes one parameter: a whole text


class Shop:
    """A vendor at an address of its own; while it is shut, whoever comes is refused the connection."""

    def __init__(self) -> None:
        self._place = _bound(0)
        self._port: int = self._place.getsockname()[1]
        self._open = AsyncExitStack()
        self.address = f"http://127.0.0.1:{self._port}"
        self.vendor: WireVendor
        self.loses: Callable[[Received], bool] | None = None  # whose next answer is lost on its way, once

    async def open(self) -> None:
        """Take whoever comes."""
        await self._open.enter_async_context(loopback(self._serve, self._place))

    async def shut(self) -> None:
        """Keep the address, so that nobody else can be there, and take nobody."""
        await self._open.aclose()
        self._place = _bound(self._port)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What is asked is done; its answer may be lost all the same."""
        said: list[Message] = []

        async def keep(message: Message) -> None:
            said.append(message)

        await self.vendor.app(scope, receive, keep)
        if self.loses is not None and self.loses(self.vendor.received[-1]):
            self.loses = None
            await scope["extensions"][CUT_EXTENSION](CutKind.DROP)
            return
        for message in said:
            await send(message)

    async def close(self) -> None:
        """Leave."""
        await self._open.aclose()
        self._place.close()


def _bound(port: int) -> socket.socket:
    place = socket.socket()
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    place.bind(("127.0.0.1", port))
    return place


@dataclass(slots=True, kw_only=True)
class RealWorld(World):
    """The hub and its real plugins, with the shops that they go to by the names of the instances."""

    shops: dict[str, Shop]
    secrets: Mapping[str, str] = field(repr=False)
    post: httpx.AsyncClient = field(repr=False)

    def vendor(self, instance: str) -> Any:
        """The vendor behind an instance."""
        return self.shops[instance].vendor

    async def settle(self, *, callbacks: bool = True) -> None:
        """Run what waits, have callbacks posted, and run what those woke."""
        await self.hub.jobs.drain()
        if callbacks:
            for shop in self.shops.values():
                answers = await shop.vendor.post_all(self.post)
                assert all(answer.is_success for answer in answers), [answer.text for answer in answers]
            await self.hub.jobs.drain()

    async def live_through(self, day: date) -> None:
        """Go to the morning of a day, close it, and let everything of it happen."""
        await World.live_through(self, day)
        await self._time_passes()
        await self.settle()

    async def wait(self, by: timedelta) -> None:
        """Let a while pass within the day: payers agree, messages arrive, debits settle."""
        await self._time_passes()
        await World.wait(self, by)

    async def _time_passes(self) -> None:
        for instance, shop in self.shops.items():
            if instance != "esign_main":  # people sign when the story says so
                await shop.vendor.settle()

    async def held(self) -> dict[str, int]:
        """What each payment vendor holds for us by its own books, in minor units, where it is not nothing."""
        held = {"psp_main": _held_by_alipay(self.vendor("psp_main"))}
        held["psp_second"] = _held_by_wechatpay(self.vendor("psp_second"))
        return {instance: minor for instance, minor in held.items() if minor}


def _held_by_alipay(vendor: AlipayVendor) -> int:
    paid = [one["total_amount"] for one in vendor.trades.values() if one["trade_status"] == "TRADE_SUCCESS"]
    given = [one["refund_amount"] for one in vendor.refunds.values()]
    sent = [one["trans_amount"] for one in vendor.transfers.values() if one["status"] == "SUCCESS"]
    return sum(Money.of(one).minor for one in paid) - sum(Money.of(one).minor for one in (*given, *sent))


def _held_by_wechatpay(vendor: WechatVendor) -> int:
    paid = sum(one["amount"]["total"] for one in vendor.orders.values() if one["trade_state"] in ("SUCCESS", "REFUND"))
    given = sum(one["amount"]["refund"] for one in vendor.refunds.values() if one["status"] == "SUCCESS")
    return paid - given - sum(one["transfer_amount"] for one in vendor.transfers.values() if one["state"] == "SUCCESS")


@asynccontextmanager
async def open_real_world(url: str, folder: Path, start_at: datetime) -> AsyncIterator[RealWorld]:
    """The shops, then the hub that goes to them, and its doors; all of it is closed again at the end."""
    clock, door = VirtualClock(start_at), Door()
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(loopback(door))
        shops = {instance: Shop() for instance in PLUGINS}
        settings = _furnished(shops, clock, address)
        for shop in shops.values():
            stack.push_async_callback(shop.close)
            await shop.open()
        hub = await open_house(stack, door, hub_settings(folder, url, address, configuration(settings)), url, clock)
        post = await stack.enter_async_context(httpx.AsyncClient(timeout=120))
        yield RealWorld(
            hub=hub,
            app=door.app,
            door=door,
            clock=clock,
            vendors=post,
            address=address,
            stack=stack,
            shops=shops,
            secrets=secrets_of(settings),
            post=post,
        )


def _furnished(shops: Mapping[str, Shop], clock: VirtualClock, hub: str) -> dict[str, dict[str, Any]]:
    """Put every vendor into its shop; gives the settings of the instances that go there."""
    at = {instance: shop.address for instance, shop in shops.items()}
    notices = {instance: f"{hub}/webhooks/{instance}" for instance in shops}
    shops["bureau_main"].vendor = AliyunBureau(clock, {bureau.KEY_ID: bureau.KEY_SECRET})
    shops["sms_main"].vendor = AliyunSms(
        clock,
        {aliyun.KEY_ID: aliyun.KEY_SECRET},
        sign_name=aliyun.SIGN_NAME,
        push_to=f"{notices['sms_main']}?token={aliyun.CALLBACK_TOKEN}",
    )
    shops["sms_second"].vendor = TencentMessenger(
        clock,
        secret_id=tencent.KEY_ID,
        secret_key=tencent.KEY,
        receipts_url=notices["sms_second"],
        token=tencent.TOKEN,
    )
    trackers = TraccarVendor(
        clock, token=traccar.TOKEN, email=traccar.EMAIL, password=traccar.PASSWORD, forward_to=notices["gps_main"]
    )
    trackers.forward_header = {FORWARDED_WITH: traccar.CALLBACK_SECRET}
    shops["gps_main"].vendor = trackers
    shops["esign_main"].vendor = TencentEss(
        clock,
        secret_id=esign.KEY_ID,
        secret_key=esign.KEY,
        notices_url=notices["esign_main"],
        token=esign.TOKEN,
        callback_key=esign.CALLBACK_KEY,
        files_at=at["esign_main"],
    )
    shops["psp_main"].vendor = AlipayVendor(clock, alipay.certified_app(), at["psp_main"])
    shops["psp_second"].vendor = WechatVendor(clock, wechatpay.account(), at["psp_second"])
    return {
        "bureau_main": {**bureau.SETTINGS, "base_url": at["bureau_main"]},
        "sms_main": {**aliyun.SETTINGS, "sms_url": at["sms_main"], "body_template": "SMS_154950910"},
        "sms_second": {**tencent.SETTINGS, "sms_url": at["sms_second"], "body_template": SEALED},
        "gps_main": {**traccar.SETTINGS, "base_url": at["gps_main"]},
        "esign_main": {
            **esign.SETTINGS,
            "url": at["esign_main"],
            "file_url": at["esign_main"],
            "file_hosts": ["127.0.0.1"],
        },
        "psp_main": alipay.certified_settings(at["psp_main"]),
        "psp_second": wechatpay.settings(at["psp_second"]),
    }


def secrets_of(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Every secret of every instance by what it is called; of a key that goes over lines, each line that is its own."""
    found = {}
    for instance, given in settings.items():
        [point] = entry_points(group=ENTRY_POINT_GROUP, name=PLUGINS[instance])
        card: PluginDescriptor = point.load()
        for secret in secrets_in(card.settings.model_validate(given)):
            for line in secret.splitlines():
                if not line.startswith("-----") and len(line) >= 16:  # the end of a key may be any word
                    found[f"{instance}, secret {len(found)}"] = line
    return found


def configuration(
    settings: Mapping[str, Mapping[str, Any]],
    routes: Mapping[str, Sequence[str]] = ROUTES,
    plugins: Mapping[str, str] = PLUGINS,
) -> str:
    """A hub.toml of these instances, with their settings in it."""
    return "\n".join(_lines(settings, routes, plugins))


def _lines(
    settings: Mapping[str, Mapping[str, Any]], routes: Mapping[str, Sequence[str]], plugins: Mapping[str, str]
) -> Iterator[str]:
    yield '[webhooks]\nallow_hosts = ["127.0.0.1"]'
    for capability, instances in routes.items():
        yield f"[routes.{capability}]\ndefault = {json.dumps(instances)}"
        for instance in instances:
            plugin = plugins[instance]
            yield f'[plugins.{plugin}]\ndistribution = "{_distribution(plugin)}"'
            yield f'[providers.{instance}]\nplugin = "{plugin}"\nmode = "sandbox"\nallow_hosts = ["127.0.0.1"]'
            yield f"settings = {_toml(settings[instance])}"


def _distribution(plugin: str) -> str:
    [point] = entry_points(group=ENTRY_POINT_GROUP, name=plugin)
    assert point.dist is not None
    return point.dist.name


def _toml(value: object) -> str:
    """A value as TOML writes it on one line; a text as JSON writes it."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(name)} = {_toml(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
