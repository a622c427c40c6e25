"""The `/_sandbox` routes that every stand-in vendor has: clock, script, faults, chaos, callbacks, books."""

from __future__ import annotations

from hub.sdk.reading import JsonObject
from hub.sdk.sandbox.books import stamp
from hub.sdk.sandbox.clock import VendorClock
from hub.sdk.sandbox.faults import FaultPlan, chaos_of, rule_of
from hub.sdk.sandbox.outbox import Outbox
from hub.sdk.sandbox.vendor import Call, Operation, Vendor


def control_operations(vendor: Vendor, clock: VendorClock, faults: FaultPlan, outbox: Outbox) -> tuple[Operation, ...]:
    """The routes, bound to one vendor."""
    control = _Control(vendor, clock, faults, outbox)
    return (
        Operation(name="health", method="GET", path="/v1/health", run=control.health),
        *(
            Operation(name=name, method=method, path=f"/_sandbox/{path}", run=run, control=True)
            for name, method, path, run in (
                ("set_clock", "POST", "clock", control.set_clock),
                ("script", "POST", "script", control.script),
                ("faults", "POST", "faults", control.script_faults),
                ("faults_seen", "GET", "faults", control.faults_seen),
                ("chaos", "POST", "chaos", control.unleash),
                ("emit", "POST", "emit", control.emit),
                ("callbacks", "GET", "webhooks", control.callbacks),
                ("books", "GET", "books", control.books),
            )
        ),
    )


class _Control:
    def __init__(self, vendor: Vendor, clock: VendorClock, faults: FaultPlan, outbox: Outbox) -> None:
        self._vendor = vendor
        self._clock = clock
        self._faults = faults
        self._outbox = outbox

    def health(self, call: Call) -> JsonObject:
        return {"status": "up", "capability": self._vendor.capability.value}

    def set_clock(self, call: Call) -> JsonObject:
        self._clock.set(call.body.optional_instant("now"))
        now = self._clock.now()
        self._vendor.advance(now)
        return {"now": stamp(now)}

    def script(self, call: Call) -> JsonObject:
        script = {**self._vendor.script(), **call.body.content}
        self._vendor.books.remember("script", script)
        return script

    def script_faults(self, call: Call) -> JsonObject:
        rules = [rule_of(fields) for fields in call.body.each("faults")]
        self._faults.script(rules)
        return {"scripted": len(rules)}

    def faults_seen(self, call: Call) -> JsonObject:
        return {"struck": dict(self._faults.struck)}

    def unleash(self, call: Call) -> JsonObject:
        chaos = chaos_of(call.body)
        self._faults.unleash(chaos)
        return {"unleashed": chaos is not None}

    def emit(self, call: Call) -> JsonObject:
        return {"queued": self._outbox.revive(call.body.optional_text("event_id"))}

    def callbacks(self, call: Call) -> JsonObject:
        return {"webhooks": list(self._outbox.history())}

    def books(self, call: Call) -> JsonObject:
        return self._vendor.ledger()
