"""The server's event types and alarms, and the hub's. Source: traccar `Event`, `Position` and openapi.yaml, 6.14.5."""

from __future__ import annotations

OTHER = "other"
# Events that are alarms; every other type (ignition, movement, results of commands …) is kept and told to nobody.
EVENTS = {
    "deviceOffline": "offline",
    "deviceInactive": "offline",
    "deviceOverspeed": "speeding",
    "geofenceExit": "fence_left",
    "geofenceEnter": "fence_entered",
}
# What stands in `attributes.alarm` of an event of type `alarm`; one that is not listed is `other`.
ALARMS = {
    "powerCut": "power_cut",
    "powerOff": "power_cut",
    "lowPower": OTHER,
    "lowBattery": OTHER,
    "tampering": "tamper",
    "removing": "tamper",
    "gpsAntennaCut": "tamper",
    "jamming": "tamper",
    "bonnet": "tamper",
    "tow": "towed",
    "movement": "towed",
    "overspeed": "speeding",
    "geofence": "fence_left",
    "geofenceExit": "fence_left",
    "geofenceEnter": "fence_entered",
    "sos": OTHER,
    "accident": OTHER,
    "vibration": OTHER,
    "shock": OTHER,
    "fault": OTHER,
}
