"""Real distributions of good and bad plugins, written into a folder: a module and its *.dist-info, no pip.

Each fault is what the bad module says after the good one's text; beside it the state and the words that an operator
must see.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hub.integrations.plugins import ProviderState

PREFIX = "lhplug_"

GOOD = """
from dataclasses import replace
from pydantic import SecretStr
from hub.core.hookspecs import MessagingV1, ObserverV1, hookimpl
from hub.core.ports.sms import MessageReceipt, MessageStatus
from hub.core.provider import Capability, Health, OperationFacts, PluginDescriptor, PluginSettings

class Settings(PluginSettings):
    base_url: str = "https://vendor.example"
    api_key: SecretStr = SecretStr("")

class Provider(MessagingV1):
    def __init__(self, settings, context):
        self.settings, self.context = settings, context

    @hookimpl
    async def provider_health(self, ctx):
        return Health(healthy=True)

    @hookimpl
    async def messaging_send(self, request, ctx):
        return MessageReceipt(message_ref=ctx.idempotency_key, status=MessageStatus.ACCEPTED)

PLUGIN = PluginDescriptor(
    name="NAME", version="1.0", capabilities=frozenset({Capability.SMS}), settings=Settings, factory=Provider,
    operations={"messaging_send": OperationFacts()},
)
"""


def _provider(body: str) -> str:
    """The good plugin with another provider class."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    return f"{GOOD}\nclass Other(Provider):\n{lines}\n\nPLUGIN = replace(PLUGIN, factory=Other)\n"


def _health(body: str) -> str:
    return _provider(f"@hookimpl\nasync def provider_health(self, ctx):\n    {body}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a plugin, and what must come of it."""

    source: str
    state: ProviderState
    reason: str


def _setup_error(source: str, reason: str) -> Fault:
    return Fault(source=source, state=ProviderState.SETUP_ERROR, reason=reason)


def _descriptor(change: str) -> str:
    return f"{GOOD}\nPLUGIN = replace(PLUGIN, {change})\n"


FAULTS: dict[str, Fault] = {
    "raises_on_import": _setup_error("import no_such_library", "No module named 'no_such_library'"),
    "leaves_on_import": _setup_error("raise SystemExit(3)", "import raised SystemExit: 3"),
    "raises_base_exception": _setup_error("raise BaseException('odd')", "import raised BaseException: odd"),
    "interrupts_on_import": _setup_error("raise KeyboardInterrupt", "import raised KeyboardInterrupt"),
    "cannot_say_what": _setup_error(
        "class Mute(Exception):\n    def __str__(self): raise ValueError\nraise Mute", "import raised Mute"
    ),
    "speaks_markup": _setup_error("raise ValueError('[/red] [bold]x[/]')", "ValueError: [/red] [bold]x[/]"),
    "lets_go_of_the_terminal": _setup_error("import sys; sys.stdout = None", "import raised AttributeError"),
    "cancels_on_import": _setup_error("import asyncio; raise asyncio.CancelledError", "import raised CancelledError"),
    "names_no_credentials": _setup_error(
        _provider("@hookimpl\ndef provider_credentials(self):\n    return ['a certificate']"),
        "provider_credentials must give a tuple of Credential",
    ),
    "waits_for_credentials": _setup_error(
        _provider("@hookimpl\nasync def provider_credentials(self):\n    return ()"),
        "provider_credentials must be a plain def",
    ),
    "no_descriptor": _setup_error("PLUGIN = object()", "must be a PluginDescriptor, not object"),
    "nothing_there": _setup_error("", "import raised AttributeError"),
    "other_name": _setup_error(_descriptor("name='somebody'"), "the descriptor is called somebody"),
    "contract_1_9": Fault(
        source=_descriptor("contract='1.9'"),
        state=ProviderState.INCOMPATIBLE,
        reason="made for contract 1.9, this hub speaks 1.0: upgrade the hub",
    ),
    "contract_2_0": Fault(
        source=_descriptor("contract='2.0'"),
        state=ProviderState.INCOMPATIBLE,
        reason="made for contract 2.0, this hub speaks 1.0: upgrade the hub",
    ),
    "contract_0_9": Fault(
        source=_descriptor("contract='0.9'"),
        state=ProviderState.INCOMPATIBLE,
        reason="install a newer dist-contract-0-9",
    ),
    "contract_garbage": Fault(
        source=_descriptor("contract='newest'"), state=ProviderState.INCOMPATIBLE, reason="is not a version"
    ),
    "settings_of_another_kind": _setup_error(
        _descriptor("settings=dict"), "settings must be a subclass of PluginSettings"
    ),
    "factory_of_another_kind": _setup_error(_descriptor("factory=3"), "factory must be callable"),
    "capabilities_of_another_kind": _setup_error(_descriptor("capabilities='sms'"), "capabilities must be of"),
    "operations_of_another_kind": _setup_error(
        _descriptor("operations=['messaging_send']"), "operations must be a mapping"
    ),
    "facts_of_another_kind": _setup_error(
        _descriptor("operations={'messaging_send': {}}"), "must be OperationFacts, not dict"
    ),
    "unknown_operation": _setup_error(
        _descriptor("operations={'messaging_sent': OperationFacts()}"),
        "messaging_sent is not an operation of the contract; did you mean messaging_send?",
    ),
    "foreign_operation": _setup_error(
        _descriptor("operations={**PLUGIN.operations, 'gps_locate': OperationFacts()}"),
        "gps_locate belongs to gps_tracker, which the descriptor does not claim",
    ),
    "required_missing": _setup_error(
        _descriptor("operations={}"), "messaging_send is required of sms and not declared"
    ),
    "factory_raises": _setup_error(
        _provider("def __init__(self, settings, context): raise ValueError(settings.api_key.get_secret_value())"),
        "factory raised ValueError: ***",
    ),
    "factory_leaves": _setup_error(
        _provider("def __init__(self, settings, context): raise SystemExit"), "factory raised SystemExit"
    ),
    "settings_raise": _setup_error(
        GOOD.replace("class Provider", "    def model_post_init(self, _): raise SystemExit(4)\n\nclass Provider"),
        "settings raised SystemExit: 4",
    ),
    "abstract": _setup_error(
        GOOD.replace("async def provider_health", "async def provider_helth"), "Can't instantiate abstract class"
    ),
    "mistyped_hook": _setup_error(
        _provider("@hookimpl\nasync def messaging_statsu(self, query, ctx): ..."),
        "messaging_statsu is not a hook of the contract; did you mean messaging_status?",
    ),
    "plain_operation": _setup_error(
        _provider("@hookimpl\ndef messaging_send(self, request, ctx): ..."), "messaging_send must be async def"
    ),
    "undeclared_operation": _setup_error(
        _provider("@hookimpl\nasync def messaging_status(self, query, ctx): ..."),
        "messaging_status is there and not declared",
    ),
    "unmarked_operation": _setup_error(
        _provider("async def messaging_send(self, request, ctx): ..."), "is it marked with @hookimpl?"
    ),
    "unknown_argument": _setup_error(
        _provider("@hookimpl\nasync def messaging_send(self, request, ctx, retries): ..."), "retries"
    ),
    "keyword_argument": _setup_error(
        _provider("@hookimpl\nasync def messaging_send(self, request, *, context): ..."),
        "messaging_send wants context; the contract offers request, ctx",
    ),
    "answers_twice": _setup_error(
        _provider("@hookimpl(specname='messaging_send')\nasync def send_again(self, request, ctx): ..."),
        "messaging_send is implemented 2 times",
    ),
    "wrapper": _setup_error(
        _provider("@hookimpl(wrapper=True)\ndef messaging_send(self, request, ctx): yield"), "is marked as a wrapper"
    ),
    "waiting_callback": _setup_error(
        _provider("@hookimpl\nasync def webhook_receive(self, request): ..."), "webhook_receive must be a plain def"
    ),
    "shows_secret": _setup_error(
        _provider("def __repr__(self): return self.settings.api_key.get_secret_value()"), "its repr shows a secret"
    ),
    "health_unhealthy": Fault(
        source=_health("return Health(healthy=False, detail='half of it is down')"),
        state=ProviderState.DEGRADED,
        reason="half of it is down",
    ),
    "health_auth": Fault(
        source=_health("from hub.core.errors import AuthFailed; raise AuthFailed('key revoked')"),
        state=ProviderState.AUTH_FAILED,
        reason="key revoked",
    ),
    "health_not_sent": Fault(
        source=_health("from hub.core.errors import NotSent; raise NotSent('connection refused')"),
        state=ProviderState.SETUP_RETRY,
        reason="connection refused",
    ),
    "health_misconfigured": _setup_error(
        _health("from hub.core.errors import Misconfigured; raise Misconfigured('no such merchant')"),
        "no such merchant",
    ),
    "health_rejected": Fault(
        source=_health("from hub.core.errors import Rejected; raise Rejected('E7', 'not today')"),
        state=ProviderState.DEGRADED,
        reason="not today",
    ),
    "health_leaves": _setup_error(_health("raise SystemExit"), "provider_health raised SystemExit"),
    "health_cancels": Fault(
        source=_health("import asyncio; raise asyncio.CancelledError"),
        state=ProviderState.SETUP_RETRY,
        reason="provider_health gave no answer",
    ),
    "health_other_type": _setup_error(_health("return True"), "must give a Health, not bool"),
}

HANGS_ON_IMPORT = "import threading; threading.Event().wait()"
HANGS_IN_FACTORY = _provider("def __init__(self, settings, context): import threading; threading.Event().wait()")
HANGS_IN_HEALTH = _health(
    """import asyncio
    try: await asyncio.Event().wait()
    except asyncio.CancelledError: await asyncio.Event().wait()"""
)
OBSERVER = (
    GOOD
    + """
import queue
SEEN = queue.SimpleQueue()

class Watcher(ObserverV1):
    def __init__(self, settings, context): pass

    @hookimpl
    def hub_started(self, event):
        SEEN.put(event)

PLUGIN = replace(PLUGIN, capabilities=frozenset(), operations={}, factory=Watcher)
"""
)


def distribution_of(plugin: str) -> str:
    """The distribution that a plugin of this name is written into unless the test says otherwise."""
    return f"dist-{plugin}".replace("_", "-")


def write(
    folder: Path, plugin: str, source: str, *, distribution: str | None = None, module: str | None = None
) -> None:
    """Write a distribution with one entry point `plugin` into `folder`."""
    distribution = distribution or distribution_of(plugin)
    module = module or PREFIX + plugin
    (folder / f"{module}.py").write_text(source.replace('"NAME"', repr(plugin)))
    metadata = folder / f"{distribution.replace('-', '_')}-1.2.3.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2.3\n")
    (metadata / "entry_points.txt").write_text(f"[leasehub.plugins]\n{plugin} = {module}:PLUGIN\n")


def imported(plugin: str) -> bool:
    """Whether the module of a plugin has been imported."""
    return PREFIX + plugin in sys.modules


@contextmanager
def on_path(folder: Path) -> Iterator[Path]:
    """Have `folder` searched for modules and distributions, and forget its plugins afterwards."""
    sys.path.insert(0, str(folder))
    try:
        yield folder
    finally:
        sys.path.remove(str(folder))
        for module in [name for name in sys.modules if name.startswith(PREFIX)]:
            del sys.modules[module]
