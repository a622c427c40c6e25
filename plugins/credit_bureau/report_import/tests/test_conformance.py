"""The plugin keeps the contract, at gold, as far as it can be tried without a line."""

from __future__ import annotations

from leasehub_credit_bureau_report_import.conformance import make

from hub.core.hookspecs import CreditV1
from hub.testing import conformance

TestConformance = conformance(CreditV1, make=make)
