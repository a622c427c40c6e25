"""The esign stand-in keeps the contract, at gold."""

from __future__ import annotations

from leasehub_esign_sandbox.conformance import make

from hub.core.hookspecs import EsignV1
from hub.testing import conformance

TestConformance = conformance(EsignV1, make=make)
