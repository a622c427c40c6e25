"""Acme's plugin keeps the contract. Exempt it only from what Acme cannot do, and say why."""

from __future__ import annotations

from leasehub_capability_acme.conformance import EXEMPTIONS, make

from hub.core.hookspecs import SpecV1
from hub.testing import conformance

TestConformance = conformance(SpecV1, make=make, exemptions=EXEMPTIONS)
