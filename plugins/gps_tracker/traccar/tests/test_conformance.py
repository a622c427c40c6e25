"""The plugin keeps the contract, at gold."""

from __future__ import annotations

from leasehub_gps_tracker_traccar.conformance import EXEMPTIONS, make

from hub.core.hookspecs import GpsV1
from hub.testing import conformance

TestConformance = conformance(GpsV1, make=make, exemptions=EXEMPTIONS)
