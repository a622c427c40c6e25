"""The generated pages for plugin authors: one for each operation of the contract, and one of every check of the kit.

`python -m hub.testing.pages FOLDER` writes them. They say what the code says; a test fails when they are stale.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
import typing
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

from hub.core.effects import RULES, Effect
from hub.core.errors import AuthFailed, Misconfigured, NotSent, ProviderError, RateLimited, Rejected, UnknownOutcome
from hub.core.hookspecs import OPERATIONS, Contract, OperationSpec
from hub.core.provider import CallContext, Capability
from hub.testing.kit.catalogue import Tier, Where
from hub.testing.kit.checks import ALL

_OPERATIONS, _CHECKS = "operations", "conformance.md"
_WRITTEN = "<!-- Written by `make docs`; edit the code instead. -->\n"
_MEANS = {
    Effect.READ: "It changes nothing.",
    Effect.REGULATED_READ: "It leaves a mark on a person's file.",
    Effect.NOTIFY: "It tells somebody something.",
    Effect.LEGAL: "It binds somebody.",
    Effect.MONEY: "It moves money.",
    Effect.PHYSICAL: "It acts on a car.",
}
_ERRORS: tuple[tuple[type[ProviderError], str], ...] = (
    (NotSent, "tries again after a pause, then asks the next provider"),
    (RateLimited, "waits as long as the vendor says, or asks the next provider"),
    (Rejected, "takes it as the answer; asks the next provider only when the advice says so"),
    (AuthFailed, "asks the next provider, and opens the breaker until the settings change"),
    (Misconfigured, "asks the next provider, and opens the breaker until the settings change"),
)
_TIERS = {
    Tier.BRONZE: "It says honestly what it is, and gives what the types promise.",
    Tier.SILVER: "Every failure ends in the one error that says what is known; callbacks are believed rightly.",
    Tier.GOLD: "Nothing is done twice, lost or told to strangers, also when the vendor misbehaves.",
}
_WHERE = {
    Where.INSIDE: "in the process",
    Where.EVERYWHERE: "in the process and on every transport of the hub",
    Where.SOCKETS: "on every transport of the hub",
}


def pages() -> dict[str, str]:
    """Every page by its path below `docs/plugin-authors`."""
    found = {f"{_OPERATIONS}/{name}.md": _operation_page(spec) for name, spec in OPERATIONS.items()}
    return {**found, "/".join((_OPERATIONS, "README.md")): _index(), _CHECKS: _conformance()}


def _index() -> str:
    lines = ["# Operations", "", _WRITTEN]
    lines.append("What a provider can be asked, by capability. The contract itself is `hub/core/hookspecs.py`.")
    for capability in (None, *Capability):
        lines += ["", f"## {capability.value if capability else 'Every provider'}", ""]
        lines += ["| operation | effect | | what it does |", "|---|---|---|---|"]
        for name, spec in OPERATIONS.items():
            if spec.capability is capability:
                need = "required" if spec.required else "optional"
                lines.append(f"| [`{name}`]({name}.md) | {spec.effect.value} | {need} | {_said(name)} |")
    lines += [
        "",
        "A provider may also take callbacks: `webhook_receive(request)` is a plain function that verifies and reads",
    ]
    lines += ["one. It asks nobody; what it must refuse stands among the [checks](../" + _CHECKS + ")."]
    return "\n".join(lines) + "\n"


def _operation_page(spec: OperationSpec) -> str:
    hints = typing.get_type_hints(getattr(Contract, spec.name))
    results = list(typing.get_args(hints["return"]) or (hints["return"],))
    requests = [kind for name, kind in hints.items() if name not in ("ctx", "return")]
    signature = str(inspect.signature(getattr(Contract, spec.name))).replace("'", "").replace("self, ", "")
    lines = [f"# {spec.name}", "", _WRITTEN, _said(spec.name), ""]
    lines += ["```python", f"async def {spec.name}{signature}", "```", "", *_nature(spec)]
    told: list[typing.Any] = []
    for heading, kinds in (("The request", requests), ("The result", results)):
        if kinds:
            lines += ["", f"## {heading}"]
            for kind in _with_parts(kinds):
                lines += [] if kind in told else ["", *_type(kind)]
                told.append(kind)
    return "\n".join([*lines, "", *_errors(spec)]) + "\n"


def _said(operation: str) -> str:
    return " ".join((inspect.getdoc(getattr(Contract, operation)) or "").split())


def _nature(spec: OperationSpec) -> list[str]:
    rules = RULES[spec.effect]
    owner = f"of `{spec.capability.value}`" if spec.capability else "of every provider"
    said = [
        f"{'Required' if spec.required else 'Optional'} {owner}. Effect: **{spec.effect.value}**. {_MEANS[spec.effect]}"
    ]
    if rules.intent_first:
        said.append("The intent is committed, under the idempotency key, before anything is sent.")
    if spec.status_by:
        said.append(f"What has no answer is asked after with [`{spec.status_by}`]({spec.status_by}.md).")
    elif rules.reconciled:
        said.append("The contract has no question for it: what has no answer goes to a person.")
    context = ", ".join(f"`{field.name}`" for field in dataclasses.fields(CallContext))
    return [" ".join(said), "", f"`ctx` carries {context}."]


def _with_parts(kinds: list[typing.Any]) -> list[typing.Any]:
    """Types with the dataclasses and enums inside them, each once."""
    found: list[typing.Any] = []
    for kind in kinds:
        for part in _parts(kind):
            if part not in found:
                found.append(part)
    return found


def _parts(kind: typing.Any) -> Iterator[typing.Any]:
    if inspect.isclass(kind) and issubclass(kind, Enum):
        yield kind
    elif dataclasses.is_dataclass(kind):
        yield kind
        for hint in typing.get_type_hints(kind).values():
            yield from _parts(hint)
    for argument in typing.get_args(kind):
        yield from _parts(argument)


def _type(kind: typing.Any) -> list[str]:
    name, said = kind.__name__, " ".join((inspect.getdoc(kind) or "").split())
    lines = [f"### {name}", "", said, ""]
    if issubclass(kind, Enum):
        return [*lines, "One of " + ", ".join(f"`{one.value}`" for one in kind) + "."]
    lines += ["| field | type | when left out | |", "|---|---|---|---|"]
    for field in dataclasses.fields(kind):
        shown = "" if field.repr else "never in a log"
        type_ = str(field.type).replace("|", "\\|")
        lines.append(f"| `{field.name}` | `{type_}` | {_default(field)} | {shown} |")
    return lines


def _default(field: dataclasses.Field[typing.Any]) -> str:
    if field.default is not dataclasses.MISSING:
        value = field.default.value if isinstance(field.default, Enum) else field.default
        return f"`{value!r}`"
    return "empty" if field.default_factory is not dataclasses.MISSING else "needed"


def _errors(spec: OperationSpec) -> list[str]:
    again = RULES[spec.effect].repeat_unknown
    unknown = (
        "tries again, then asks the next provider" if again else "never repeats it: it is asked after, then a person"
    )
    lines = ["## Errors", "", "What to raise, what it says, and what the hub then does.", ""]
    lines += ["| error | when | the hub |", "|---|---|---|"]
    told: tuple[tuple[type[ProviderError], str], ...] = (*_ERRORS, (UnknownOutcome, unknown))
    for kind, does in told:
        lines.append(f"| `{kind.__name__}` | {(inspect.getdoc(kind) or '').splitlines()[0]} | {does} |")
    return [*lines, "", "Anything else that is raised, or another type of result, counts as `UnknownOutcome`."]


def _conformance() -> str:
    lines = ["# The conformance kit", "", _WRITTEN]
    lines += [
        "What a plugin must show before it is trusted. An id never changes its meaning; a plugin is exempted from a"
    ]
    lines += [
        "check by `exempt(id, reason)`, and the reason stands in every report. How to run it: [tutorial](tutorial.md)."
    ]
    for tier in Tier:
        lines += ["", f"## {tier.value.capitalize()}", "", _TIERS[tier], ""]
        lines += ["| id | what must hold | why | where |", "|---|---|---|---|"]
        lines += [
            f"| `{one.id}` | {one.sentence} | {one.reason} | {_WHERE[one.where]} |" for one in ALL if one.tier is tier
        ]
    return "\n".join(lines) + "\n"


def write(folder: Path) -> None:
    """Write every page, and take away a page of an operation that is no more."""
    wanted = pages()
    for stale in (folder / _OPERATIONS).glob("*.md"):
        if f"{_OPERATIONS}/{stale.name}" not in wanted:
            stale.unlink()
    for name, text in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
